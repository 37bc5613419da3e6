"""Gradients of a network, compared with those of Hugging Face's with the same weights."""

import numpy as onp

from mxnet import gluon


def compare_gradients(network, other, unseen=("key.bias",)):
    """By the table of names, up to rounding. All gradients differ from zero, but those of what is
    `unseen`: a softmax does not see what is added to all its scores.
    """
    grads = {name: p.grad.numpy() for name, p in other.named_parameters() if p.grad is not None}
    compared = 0
    for name, path in network.checkpoint_names().parts.items():
        block = network
        for part in path.split("."):
            block = block[int(part)] if part.isdigit() else getattr(block, part)
        pairs = {name: block}
        if not isinstance(block, gluon.Parameter):
            kinds = ("gamma", "beta") if hasattr(block, "gamma") else ("weight", "bias")
            pairs = {f"{name}.weight": getattr(block, kinds[0])}
            pairs[f"{name}.bias"] = getattr(block, kinds[1], None)
        for tensor, parameter in pairs.items():
            if parameter is not None:
                wanted, compared = grads[tensor], compared + 1
                tolerance = 1e-5 * max(1, abs(wanted).max())
                found = parameter.grad().asnumpy()
                onp.testing.assert_allclose(found, wanted, atol=tolerance, err_msg=tensor)
                assert tensor.endswith(unseen) or abs(wanted).max() > 1e-7, tensor
    assert compared == len(grads)
