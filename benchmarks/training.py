"""Epochs of training, which several benchmarks measure: ours, and as users of PyTorch write it."""

from collections.abc import Callable, Iterable

import numpy as onp
import torch

from d2l_attention.training import fit

from mxnet import optimizer


def our_epoch(model, batches, *, rate: float, clip: float) -> Callable[[], float]:
    """A function that trains a model for one epoch by gradient descent and returns the mean loss.

    Parameters
    ----------
    batches : as `training.fit` takes them
    rate, clip : float
        Learning rate, and the largest norm of all gradients of a batch's mean loss.
    """

    def epoch() -> float:
        sgd = optimizer.SGD(learning_rate=rate)
        history = fit(model, batches, sgd, epochs=1, clip_norm=clip, progress=False)
        return float(history["loss"][0])

    return epoch


def torch_epoch(model, batches: Iterable, loss: Callable, *, rate: float, clip: float):
    """The same for a PyTorch model.

    Parameters
    ----------
    batches : iterable of (inputs, target), NumPy arrays or tuples of them, iterated anew each epoch
    loss : (output, target) -> the mean loss of the batch's examples
    """
    sgd = torch.optim.SGD(model.parameters(), lr=rate)
    tensors = [(as_tensor(inputs), as_tensor(target)) for inputs, target in batches]

    def epoch() -> float:
        losses = []
        for inputs, target in tensors:
            mean = loss(model(*inputs), target)
            sgd.zero_grad()
            mean.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            sgd.step()
            losses.append(mean.item())
        return float(onp.mean(losses))

    return epoch


def contest(network, peer, batches, loss: Callable, *, rate: float, clip: float) -> dict:
    """{contestant: an epoch}, after a check that both have the same losses for two epochs."""
    ours = our_epoch(network, batches, rate=rate, clip=clip)
    theirs = torch_epoch(peer, batches, loss, rate=rate, clip=clip)
    for _ in range(2):
        onp.testing.assert_allclose(ours(), theirs(), rtol=1e-4)
    return {"ours": ours, "PyTorch": theirs}


def as_tensor(array: onp.ndarray | tuple) -> torch.Tensor | tuple:
    """An array, or a tuple of them, for PyTorch, whose symbols are of 64 bits."""
    if isinstance(array, tuple):
        return tuple(map(as_tensor, array))
    return torch.from_numpy(array).long() if array.dtype.kind == "i" else torch.from_numpy(array)


def sequence_loss(ignored: int) -> Callable:
    """Cross-entropy of logits (B, T, V) and symbols (B, T), summed over a sequence; `ignored` counts
    for nothing.
    """

    def loss(output, target):
        options = {"ignore_index": ignored, "reduction": "sum"}
        logits, wanted = output[0].flatten(0, 1), target.flatten()
        return torch.nn.functional.cross_entropy(logits, wanted, **options) / len(target)

    return loss
