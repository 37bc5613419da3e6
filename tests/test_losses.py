"""Smoothed labels: equal to PyTorch's loss in values and gradients; errors."""

import numpy as onp
import pytest

from d2l_attention.losses import smoothed_cross_entropy

from mxnet import autograd, np

TARGET = onp.array([[3, 1, 0], [2, 0, 0]], "int32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_equals_pytorch(smoothing):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    logits = np.array(onp.random.RandomState(0).normal(size=(2, 3, 5)) * 3)
    logits.attach_grad()
    with autograd.record():
        found = smoothed_cross_entropy(logits, np.array(TARGET, dtype="int32"), smoothing)
    found.backward()
    tensor = torch.tensor(logits.asnumpy(), dtype=torch.float64, requires_grad=True)
    loss = torch.nn.CrossEntropyLoss(ignore_index=0, label_smoothing=smoothing, reduction="none")
    expected = loss(tensor.mT, torch.tensor(TARGET).long()).sum(1)
    expected.sum().backward()
    onp.testing.assert_allclose(found.asnumpy(), expected.detach().numpy(), rtol=1e-5)
    onp.testing.assert_allclose(logits.grad.asnumpy(), tensor.grad.numpy(), atol=1e-5)
    assert (logits.grad.asnumpy()[TARGET == 0] == 0).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x, t: (x, t, 1.0), ValueError, "smoothing must be from 0 to below 1"),
        (lambda x, t: (x, t[:, :2], 0.1), ValueError, "target must be of shape"),
        (lambda x, t: (x, t.astype("float32"), 0.1), TypeError, "target must be int32"),
        (lambda x, t: (x, t * 0, 0.1), ValueError, "target must hold at least one word"),
    ],
)
def test_wrong_arguments_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        smoothed_cross_entropy(*change(np.zeros((2, 3, 5)), np.array(TARGET, dtype="int32")))
