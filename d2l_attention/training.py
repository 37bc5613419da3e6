"""One way to train all models of the book, and one to apply them.

A batch is a pair (inputs, target) of NumPy arrays: a tuple with the model's arguments, and what the
loss compares its output with.

>>> from d2l_attention.datasets.batches import batches
>>> from mxnet import optimizer
>>> from mxnet.gluon import nn
>>> line = nn.Dense(1, use_bias=False)
>>> line.initialize()
>>> x = onp.array([[1], [2], [3], [4]], dtype="float32")
>>> data = batches((x,), 3 * x, batch_size=2, shuffle=True, seed=0)
>>> history = fit(line, data, optimizer.SGD(learning_rate=0.1), epochs=8, progress=False,
...               loss=lambda output, target: np.square(output - target).mean(axis=1))
>>> predict(line, [((x[:1],), None)]).round(2).tolist(), history["loss"].shape
([[3.0]], (8,))
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as onp

from d2l_attention.backend.checks import check_positive, check_sizes
from d2l_attention.backend.devices import on_device
from d2l_attention.backend.progress import ProgressLine

import mxnet as mx
from mxnet import autograd, gluon, np

# Steps that may wait in MXNet's queue before the oldest one's loss is read. Reading the newest
# would make Python wait for every step; never reading would queue a whole epoch in memory.
QUEUED_STEPS = 8

Batches = Iterable[tuple] | Callable[[int], Iterable[tuple]]


@dataclass(frozen=True)
class History:
    """What happened in training: `history["loss"]` is an array with one number per epoch.

    Attributes
    ----------
    epochs : list of dict
        One record an epoch: "epoch" (from 1), "loss" (mean over the epoch's examples, taken while
        the parameters moved) and whatever `evaluate` returned.
    best : int or None
        Index into `epochs` of the lowest monitored value (the first, if equal).
    stopped_early : bool
        Whether patience ran out before the last epoch.
    """

    epochs: list[dict[str, float]]
    best: int | None = None
    stopped_early: bool = False

    def __getitem__(self, name: str) -> onp.ndarray:
        """One quantity over the epochs, (epochs,)."""
        if name not in self.epochs[0]:
            raise KeyError(f"no {name!r} in this history: it has {', '.join(self.epochs[0])}")
        return onp.array([record[name] for record in self.epochs])


def predict(model, batches: Batches, *, device=None, axis: int = 0):
    """Apply a model to all batches: its output, or outputs, as NumPy arrays.

    Parameters
    ----------
    batches : iterable of (inputs, target), or what `datasets.batches` returns
        Targets are not looked at.
    device : mxnet.Context, optional
        Where the model is.
    axis : int
        The axis along which the batches' outputs are joined.

    Raises
    ------
    ValueError
        There are no batches.
    """
    parts = []
    for inputs, _ in _of_epoch(batches, 0):
        output = model(*on_device(inputs, device))
        several = output if isinstance(output, list | tuple) else (output,)
        parts.append([array.asnumpy() for array in several])
    if not parts:
        raise ValueError("batches must not be empty")
    joined = tuple(onp.concatenate(arrays, axis=axis) for arrays in zip(*parts, strict=True))
    return joined if isinstance(output, list | tuple) else joined[0]


def accuracy(model, batches: Batches, *, device=None) -> float:
    """Share of examples whose largest logit, of the model's first output, is the target's.

    Raises
    ------
    ValueError
        There are no batches, or targets are not of the logits' shape without the last axis.
    """
    targets = []

    def inputs_alone():
        for inputs, target in _of_epoch(batches, 0):
            targets.append(target)
            yield inputs, None

    output = predict(model, inputs_alone(), device=device)
    found = (output[0] if isinstance(output, tuple) else output).argmax(axis=-1)
    right = onp.concatenate(targets)
    if found.shape != right.shape:
        raise ValueError(f"targets must be of shape {found.shape}, got {right.shape}")
    return float((found == right).mean())


def fit(
    model,
    batches: Batches,
    optimizer: mx.optimizer.Optimizer,
    *,
    epochs: int,
    loss: Callable | None = None,
    clip_norm: float | None = None,
    clip_each: bool = False,
    evaluate: Callable[[], dict[str, float]] | None = None,
    monitor: str | None = None,
    patience: int | None = None,
    device=None,
    description: str = "training",
    progress: bool = True,
) -> History:
    """Minimise the mean loss of an initialised model, which is hybridized.

    Parameters
    ----------
    batches : iterable of (inputs, target), or what `datasets.batches` returns
        Iterated anew each epoch.
    optimizer : mxnet.optimizer.Optimizer
        A new one: it holds one training's state.
    loss : callable, optional
        (output, target) -> losses (B,); `model.loss` by default.
    clip_norm : float, optional
        Largest norm of the gradient of a batch's mean loss; a longer one is shortened (Pascanu,
        Mikolov and Bengio 2013, algorithm 1).
    clip_each : bool
        Whether to clip each parameter's gradient by itself, and not all together.
    evaluate : callable, optional
        Called after each epoch; returns numbers by name, such as {"validation": 0.3}.
    monitor : str, optional
        The name that judges an epoch, lower is better: the model gets the parameters of the best.
    patience : int, optional
        Stop after so many epochs in a row without a better one.

    Raises
    ------
    TypeError, ValueError
        An argument is not what it should be, the model has nothing to train, an epoch has no
        batches, or losses are not (B,).
    FloatingPointError
        A loss, a parameter or the monitored value is not finite.
    """
    _check(optimizer, epochs, clip_norm, monitor, patience)
    everything = list(model.collect_params().values())
    parameters = [parameter for parameter in everything if parameter.grad_req != "null"]
    if not parameters:
        raise ValueError("model has no parameters to train")
    trainer = gluon.Trainer(parameters, optimizer, kvstore=None)
    model.hybridize(static_alloc=True)
    step = _step(model, loss or model.loss, trainer, parameters, clip_norm, clip_each)
    records, best = [], _Best(everything, monitor, patience)
    with ProgressLine(description, epochs, progress, may_stop=patience is not None) as line:
        for epoch in range(epochs):
            losses = _losses(step, _of_epoch(batches, epoch), device)
            records.append({"epoch": epoch + 1, "loss": _mean(losses, epoch + 1, line)})
            _check_finite(parameters, epoch + 1)
            records[-1] |= _evaluated(evaluate)
            best.judge(records)
            line.end_epoch(records[-1], best.epoch)
            if best.is_long_ago(epoch):
                break
    best.restore()
    return History(records, best.epoch, stopped_early=len(records) < epochs)


class _Best:
    """The best epoch so far by the monitored value, and the parameters after it."""

    def __init__(self, parameters: list, monitor: str | None, patience: int | None):
        self.parameters, self.monitor, self.patience = parameters, monitor, patience
        self.epoch, self._kept = None, []

    def judge(self, records: list[dict]) -> None:
        """Keep the parameters if the last epoch is better than all before."""
        if self.monitor is None:
            return
        if self.monitor not in records[-1]:
            names = ", ".join(records[-1])
            raise ValueError(f"monitor must be one of {names}, got {self.monitor!r}")
        value = records[-1][self.monitor]
        if math.isnan(value):
            raise FloatingPointError(f"{self.monitor} is not a number after epoch {len(records)}")
        if self.epoch is None or value < records[self.epoch][self.monitor]:
            self.epoch = len(records) - 1
            self._kept = [parameter.data().copy() for parameter in self.parameters]

    def is_long_ago(self, epoch: int) -> bool:
        """Whether patience has run out."""
        return self.patience is not None and epoch - self.epoch >= self.patience

    def restore(self) -> None:
        """Give the model the parameters of the best epoch, if one was looked for."""
        if self.monitor is not None:
            for parameter, value in zip(self.parameters, self._kept, strict=True):
                parameter.set_data(value)


# --------------------------------------------------------------------- one step
def _step(model, loss, trainer, parameters, clip_norm, clip_each) -> Callable:
    """A function that trains on one batch and returns its losses, (B,)."""

    def step(inputs, target):
        with autograd.record():
            losses = loss(model(*inputs), target)
        if not isinstance(losses, np.ndarray) or losses.ndim != 1:
            raise ValueError("loss must return one number an example, an MXNet array (B,)")
        losses.backward()
        if clip_norm is not None:  # backward() sums over the batch, Trainer.step() divides
            gradients = [parameter.grad().as_nd_ndarray() for parameter in parameters]
            _clip(gradients, clip_norm * losses.size, clip_each)
        trainer.step(losses.size)
        return losses.detach()

    return step


def _clip(gradients, limit, clip_each) -> None:
    if not clip_each:
        gluon.utils.clip_global_norm(gradients, limit, check_isfinite=False)
        return
    squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
    for gradient, norm in zip(gradients, onp.sqrt(squares.asnumpy()), strict=True):
        if norm > limit:
            gradient *= limit / norm


def _losses(step, batches, device) -> Iterator[onp.ndarray]:
    """The losses of each step, `QUEUED_STEPS` steps after it was queued."""
    queued = deque()
    for inputs, target in batches:
        queued.append(step(on_device(inputs, device), on_device(target, device)))
        if len(queued) > QUEUED_STEPS:
            yield queued.popleft().asnumpy()
    yield from (losses.asnumpy() for losses in queued)


def _mean(losses, epoch, line) -> float:
    """The mean of an epoch's losses."""
    total, count = 0.0, 0
    for number, some in enumerate(losses, start=1):
        total, count = total + float(some.sum(dtype="float64")), count + some.size
        if not math.isfinite(total):
            raise FloatingPointError(f"the loss is not finite in epoch {epoch}, step {number}")
        line.show(f"loss {total / count:.3g}, step {number}")
    if count == 0:
        raise ValueError(f"batches is empty in epoch {epoch}; an iterator that ends is used up")
    return total / count


def _of_epoch(batches, epoch) -> Iterable[tuple]:
    return batches(epoch) if callable(batches) else batches


def _check(optimizer, epochs, clip_norm, monitor, patience) -> None:
    check_sizes(epochs=epochs)
    if getattr(optimizer, "num_update", 0):  # Trainer would shrink its gradients
        raise ValueError("optimizer must be a new one, got one that has trained already")
    if clip_norm is not None:
        check_positive(clip_norm=clip_norm)
    if patience is not None:
        check_sizes(patience=patience)
        if monitor is None:
            raise ValueError("patience needs monitor, the name of the value to watch")


def _check_finite(parameters, epoch) -> None:
    """A loss may be finite where its gradient is not."""
    arrays = [parameter.data().as_nd_ndarray() for parameter in parameters]
    if arrays and not mx.nd.multi_all_finite(*arrays, num_arrays=len(arrays)).asscalar():
        raise FloatingPointError(f"a parameter is not finite after epoch {epoch}")


def _evaluated(evaluate) -> dict[str, float]:
    found = evaluate() if evaluate else {}
    if not isinstance(found, dict):
        raise TypeError(f"evaluate must return a dict of numbers, got {type(found).__name__}")
    values = {name: float(value) for name, value in found.items()}
    if taken := {"epoch", "loss"} & values.keys():
        raise ValueError(f"evaluate must not return {', '.join(taken)}, which the history has")
    return values
