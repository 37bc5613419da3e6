"""The training loop of the book: batches in, a history out. A model writes its step;
the loop stays.

>>> from mxnet import gluon, np
>>> slope = gluon.Parameter("slope", shape=(1,), init="zeros")
>>> slope.initialize()
>>> x = onp.array([1, 2, 3, 4], dtype="float32")
>>> data = batches((x, 3 * x), batch_size=2, shuffle=True, seed=0, device=None)
>>> trainer = gluon.Trainer([slope], "sgd", {"learning_rate": 0.1})
>>> def step(x, y):
...     return np.square(y - slope.data() * x)
>>> history = train(step, data, trainer, epochs=8, progress=False)
>>> slope.data().round(2)
array([3.])
>>> history["loss"].shape
(8,)
"""

import math
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as onp
from tqdm import tqdm

import mxnet as mx
from mxnet import autograd, gluon, np

# How many steps may wait in MXNet's queue before the loop reads the oldest one's loss.
# Reading the newest would make Python wait for every step; never reading would let it
# queue a whole epoch's batches in memory.
QUEUED_STEPS = 8


@dataclass(frozen=True)
class History:
    """What happened in training: `history["loss"]` is an array with one number per
    epoch.

    Attributes
    ----------
    epochs : list of dict
        One record per epoch: "epoch" (from 1), "loss" (mean over the epoch's examples,
        taken while the parameters moved) and whatever `evaluate` returned.
    best : int or None
        Index into `epochs` of the lowest monitored value (the first, if equal); None
        without a monitor.
    stopped_early : bool
        Whether patience ran out before the last epoch.
    """

    epochs: list[dict[str, float]]
    best: int | None = None
    stopped_early: bool = False

    def __getitem__(self, name: str) -> onp.ndarray:
        """Return one quantity over the epochs, shape (epochs,)."""
        if name not in self.epochs[0]:
            raise KeyError(f"no {name!r} in this history: it has {', '.join(self.epochs[0])}")
        return onp.array([record[name] for record in self.epochs])


def batches(
    arrays: tuple[onp.ndarray, ...],
    batch_size: int,
    *,
    shuffle: bool,
    seed: int = 0,
    device=None,
) -> Callable[[int], Iterator[tuple]]:
    """Cut arrays into batches on a device: returns a function that `train` calls once
    an epoch.

    Parameters
    ----------
    arrays : tuple of numpy.ndarray
        All of the same length; each keeps its dtype (MXNet's parameters are float32
        unless cast).
    batch_size : int
        Examples a batch; the last batch holds the rest and may be smaller.
    shuffle, seed : bool, int
        Whether to draw a new order each epoch. It depends on (seed, epoch) alone, so
        that a second iteration over the same epoch sees the same batches.
    device : mxnet.Context, optional
        Where the batches go; MXNet's current one if None.

    Raises
    ------
    TypeError
        An array is not a NumPy array (an MXNet array would be sliced on its device,
        slowly).
    ValueError
        There are no arrays, they are empty or of different lengths, or `batch_size` is
        not positive.

    >>> arrays = onp.arange(5), onp.arange(5.0)
    >>> for x, y in batches(arrays, batch_size=2, shuffle=False)(epoch=0):
    ...     print(x, y)
    [0 1] [0. 1.]
    [2 3] [2. 3.]
    [4] [4.]
    """
    for array in arrays:
        if not isinstance(array, onp.ndarray):
            raise TypeError(f"arrays must be NumPy arrays, got {type(array).__name__}")
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"arrays must have one common length above zero, got lengths {sorted(lengths)}"
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
    length = lengths.pop()

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        # RandomState, because NumPy promises that its stream never changes;
        # default_rng's may.
        order = (
            onp.random.RandomState([seed, epoch]).permutation(length)
            if shuffle
            else onp.arange(length)
        )
        for start in range(0, length, batch_size):
            chosen = order[start : start + batch_size]
            yield tuple(np.array(array[chosen], ctx=device) for array in arrays)

    return epoch_batches


def train(
    step: Callable,
    batches: Iterable[tuple] | Callable[[int], Iterable[tuple]],
    trainer: gluon.Trainer,
    *,
    epochs: int,
    clip_norm: float | None = None,
    clip_each: bool = False,
    evaluate: Callable[[], dict[str, float]] | None = None,
    monitor: str | None = None,
    patience: int | None = None,
    description: str = "training",
    progress: bool = True,
) -> History:
    """Minimise the mean of `step`'s losses over `epochs` passes through `batches`.

    Parameters
    ----------
    step : callable
        `step(*batch)` returns the losses of a batch, one per example, shape (batch,).
        It runs inside `autograd.record()`; the loop does the rest (backward, clipping,
        `trainer.step`).
    batches : iterable of tuples, or callable
        Iterated anew each epoch; or a function that returns the batches of epoch 0, 1,
        ...
    trainer : mxnet.gluon.Trainer
        Holds the parameters, on one device, and the optimizer.
    clip_norm : float, optional
        Largest Euclidean norm of the gradient of the batch's mean loss, over all
        parameters together; a longer one is shortened (Pascanu, Mikolov and Bengio,
        2013, algorithm 1).
    clip_each : bool
        Apply `clip_norm` to each parameter's gradient by itself instead.
    evaluate : callable, optional
        Returns numbers by name, such as `{"validation": 0.3}`; called after each epoch,
        in predict mode.
    monitor : str, optional
        The name ("loss" or one of `evaluate`'s) that judges an epoch: lower is better.
        The parameters of the best epoch are kept in memory, and are the model's when
        `train` returns.
    patience : int, optional
        Stop after this many epochs in a row that did not improve on the best one.
    description, progress : str, bool
        What the progress line says, and whether there is one. Losses are shown while it
        lasts; its last state is the same on every machine, where last bits, and so an
        early stop, differ. With `patience` it says how many epochs there could have
        been.

    Raises
    ------
    ValueError
        An argument is out of range, an epoch has no batches, losses are not of shape
        (batch,), or `monitor` is not among the evaluated names.
    TypeError
        A batch is not a tuple or list, or `step` does not return an MXNet array.
    FloatingPointError
        A loss or the monitored value is not finite (for the loss) or not a number;
        names epoch and step.
    """
    _check(trainer, epochs, clip_norm, monitor, patience)
    clip = (clip_norm, clip_each)
    records, best, best_values, stopped = [], None, [], False
    with _progress_line(description, epochs, progress) as line:
        for epoch in range(epochs):
            epoch_batches = batches(epoch) if callable(batches) else batches
            loss = _train_epoch(step, epoch_batches, trainer, clip, epoch + 1, line)
            measured = (
                {name: float(value) for name, value in evaluate().items()} if evaluate else {}
            )
            records.append({"epoch": epoch + 1, "loss": loss} | measured)
            if monitor is not None and _is_best(records, monitor, best):
                best = epoch
                best_values = [
                    (parameter, parameter.data().copy()) for parameter in trainer._params
                ]
            stopped = patience is not None and epoch - best >= patience and epoch + 1 < epochs
            _show_epoch(line, records, best)
            if stopped:
                break
        _show_end(line, epochs, may_stop=patience is not None)
    for parameter, value in best_values:
        parameter.set_data(value)
    return History(records, best, stopped)


def _check(trainer, epochs, clip_norm, monitor, patience) -> None:
    if epochs < 1:
        raise ValueError(f"epochs must be positive, got {epochs}")
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm must be positive, got {clip_norm}")
    if patience is not None and patience < 1:
        raise ValueError(f"patience must be positive, got {patience}")
    if patience is not None and monitor is None:
        raise ValueError("patience needs monitor, the name of the value to watch")
    if len(trainer._contexts) > 1:
        raise ValueError(f"trainer must hold parameters on one device, got {trainer._contexts}")


def _train_epoch(step, batches, trainer, clip, epoch, line) -> float:
    """Take one step per batch; return the mean loss over the epoch's examples."""
    total, count = 0.0, 0
    for number, losses in enumerate(_losses(step, batches, trainer, clip), start=1):
        total, count = total + float(losses.sum(dtype="float64")), count + losses.size
        if not math.isfinite(total):
            raise FloatingPointError(f"the loss is not finite in epoch {epoch}, step {number}")
        line.set_postfix_str(f"loss {total / count:.3g}, step {number}", refresh=False)
        line.update(0)  # redraws, if the last time was long enough ago
    if count == 0:
        raise ValueError(
            f"batches is empty in epoch {epoch}; an iterator that ends must be made anew each epoch"
        )
    return total / count


def _losses(step, batches, trainer, clip) -> Iterator[onp.ndarray]:
    """Yield the losses of each step, shape (batch,), `QUEUED_STEPS` steps after it was
    queued.
    """
    queued = deque()
    for batch in batches:
        queued.append(_take_step(step, batch, trainer, *clip))
        if len(queued) > QUEUED_STEPS:
            yield queued.popleft().asnumpy()
    yield from (losses.asnumpy() for losses in queued)


def _take_step(step, batch, trainer, clip_norm, clip_each) -> np.ndarray:
    if not isinstance(batch, tuple | list):
        raise TypeError(f"batches must yield tuples, got {type(batch).__name__}")
    with autograd.record():
        losses = step(*batch)
    if not isinstance(losses, np.ndarray):
        raise TypeError(f"step must return an MXNet array, got {type(losses).__name__}")
    if losses.ndim != 1 or losses.size == 0:
        raise ValueError(
            f"step must return one loss per example, shape (batch,), got {losses.shape}"
        )
    losses.backward()
    if clip_norm is not None:
        gradients = [p.grad().as_nd_ndarray() for p in trainer._params if p.grad_req != "null"]
        # backward() sums over the batch, trainer.step() divides by its size
        limit = clip_norm * losses.size
        if clip_each:
            _clip_each(gradients, limit)
        else:
            gluon.utils.clip_global_norm(gradients, limit, check_isfinite=False)
    trainer.step(losses.size)
    return losses.detach()


def _clip_each(gradients, limit) -> None:
    """Shorten each gradient that is longer than the limit; read all norms at once, for
    few are.
    """
    norms = onp.sqrt(mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients)).asnumpy())
    for gradient, norm in zip(gradients, norms, strict=True):
        if norm > limit:
            gradient *= limit / norm


def _is_best(records, monitor, best) -> bool:
    if monitor not in records[-1]:
        raise ValueError(f"monitor must be one of {', '.join(records[-1])}, got {monitor!r}")
    value = records[-1][monitor]
    if math.isnan(value):
        raise FloatingPointError(f"{monitor} is not a number after epoch {len(records)}")
    return best is None or value < records[best][monitor]


@contextmanager
def _progress_line(description: str, epochs: int, progress: bool) -> Iterator[tqdm]:
    """Show one line of plain text on stdout that is rewritten in place and ends in a
    state that is the same on every machine.
    """
    layout = "{desc} |{bar:10}| {n_fmt}/{total_fmt} epochs{postfix}"
    line = tqdm(
        total=epochs,
        desc=description,
        disable=not progress,
        file=sys.stdout,
        ascii=" #",
        miniters=0,
        bar_format=layout,
        ncols=10_000,  # else tqdm cuts the line at the width of a terminal it runs in
    )
    try:
        yield line
    finally:
        line.clear()  # else the last state is padded to the length of the one before
        line.close()


def _show_epoch(line: tqdm, records, best) -> None:
    text = ", ".join(
        f"{name} {value:.3g}" for name, value in records[-1].items() if name != "epoch"
    )
    if best is not None:
        text += f", best epoch {best + 1}"
    line.set_postfix_str(text, refresh=False)
    line.update(1)


def _show_end(line: tqdm, epochs: int, *, may_stop: bool) -> None:
    """Leave what no run changes: no loss, and no epoch at which it stopped early."""
    line.bar_format = "{desc} |{bar:10}| " + (
        f"at most {epochs} epochs" if may_stop else "{n_fmt}/{total_fmt} epochs"
    )
    line.update(epochs - line.n)
