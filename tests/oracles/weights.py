"""Weights and gradients of a Gluon block and of a PyTorch module that has its names."""

import re

import numpy as onp
import torch


def pairs(block, module) -> dict:
    """{name: (Gluon's parameter, PyTorch's)}, of all that the block trains."""
    found = {name: (_parameter(block, name), p) for name, p in module.named_parameters()}
    trained = {p.name for p in block.collect_params().values() if p.grad_req != "null"}
    assert trained == {parameter.name for parameter, _ in found.values()}
    return found


def _parameter(block, name: str):
    """The parameter at a path such as "A.0.weight"; an LSTM's and a norm's have other names in PyTorch."""
    name = re.sub(r"(weight|bias)_(ih|hh)_l0", r"l0_\2_\1", name)
    for part in name.replace("ih", "i2h").replace("hh", "h2h").split("."):
        if hasattr(block, "gamma"):
            part = {"weight": "gamma", "bias": "beta"}[part]
        block = block[int(part)] if part.isdigit() else getattr(block, part)
    return block


def copy_weights(block, module) -> None:
    """Give the module the block's weights, in float64."""
    module.double()
    for parameter, tensor in pairs(block, module).values():
        tensor.data.copy_(torch.tensor(parameter.data().asnumpy()))


def compare_weights(block, module, *, atol: float) -> None:
    """Fail unless both have the same weights."""
    for name, (parameter, tensor) in pairs(block, module).items():
        found, expected = parameter.data().asnumpy(), tensor.detach().numpy()
        onp.testing.assert_allclose(found, expected, atol=atol, err_msg=name)


def compare_gradients(block, module, *, zero=()) -> None:
    """Fail unless both have the same gradients, up to rounding; other than of zeros, but for `zero`."""
    for name, (parameter, tensor) in pairs(block, module).items():
        found, expected = parameter.grad().asnumpy(), tensor.grad.numpy()
        tolerance = 1e-5 * max(1, abs(expected).max())
        onp.testing.assert_allclose(found, expected, atol=tolerance, err_msg=name)
        assert name in zero or abs(expected).max() > 1e-7, f"{name} is not tested"
