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

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import numpy as onp

from d2l_attention.backend.checks import check_positive, check_sizes
from d2l_attention.backend.devices import on_device
from d2l_attention.backend.progress import ProgressLine
from d2l_attention.distributed import ALONE, Workers
from d2l_attention.distributed.sharing import Shares
from d2l_attention.resuming import Checkpoint
from d2l_attention.training_state import Best, History, State

import mxnet as mx
from mxnet import autograd, gluon, np

# Steps that may wait in MXNet's queue before the oldest one's loss is read. Reading the newest
# would make Python wait for every step; never reading would queue a whole epoch in memory.
QUEUED_STEPS = 8

Batches = Iterable[tuple] | Callable[[int], Iterable[tuple]]


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
    workers: Workers = ALONE,
    checkpoint: Checkpoint | None = None,
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
    device : mxnet.Context or list of mxnet.Context, optional
        Where the model is. Several devices share each batch; `predict` takes one of them.
    workers : Workers, optional
        Several processes, maybe on several machines, that share each batch: `distributed.connect()`.
        Each is given the same batches.
    checkpoint : Checkpoint, optional
        The file that keeps this training; if it is there, the training goes on from it.

    Raises
    ------
    TypeError, ValueError
        An argument is not what it should be, the model has nothing to train, an epoch has no
        batches, losses are not (B,), or the checkpoint is damaged or of another training.
    FloatingPointError
        A loss, a parameter or the monitored value is not finite.
    """
    _check(optimizer, epochs, clip_norm, monitor, patience)
    everything = list(model.collect_params().values())
    parameters = [parameter for parameter in everything if parameter.grad_req != "null"]
    if not parameters:
        raise ValueError("model has no parameters to train")
    trainer = gluon.Trainer(parameters, optimizer, kvstore=None)  # Shares sums the gradients
    model.hybridize(static_alloc=True)
    shares = Shares(model, device, workers)
    step = _step(model, loss or model.loss, trainer, shares, parameters, clip_norm, clip_each)
    best = Best(everything, monitor, patience)
    state = State(model, everything, trainer, best)
    if checkpoint:
        recipe = {"clip_norm": clip_norm, "clip_each": clip_each}
        checkpoint.begin(state, batches, workers, recipe, epochs)
    may_stop, progress = patience is not None, progress and workers.rank == 0
    with ProgressLine(description, epochs, progress, may_stop=may_stop) as line:
        for record in state.records:
            line.end_epoch(record, None)
        _train(state, step, batches, epochs, evaluate, workers, checkpoint, line)
    best.restore()
    return History(state.records, best.epoch, stopped_early=len(state.records) < epochs)


# ----------------------------------------------------------------------- epochs
def _train(state, step, batches, epochs, evaluate, workers, checkpoint, line) -> None:
    """Train until all epochs are over, or patience is."""
    for epoch in range(len(state.records), epochs):
        if state.best.is_long_ago(epoch - 1):
            break
        mean = _epoch(state, step, _of_epoch(batches, epoch), checkpoint, line)
        _check_finite(state)
        state.end_epoch({"loss": mean} | workers.of_first(_evaluated(evaluate)))
        state.best.judge(state.records)
        line.end_epoch(state.records[-1], state.best.epoch)
        if checkpoint:
            checkpoint.save(state)


def _epoch(state, step, batches, checkpoint, line) -> float:
    """Train for the rest of an epoch: its mean loss."""
    if state.step:
        batches = checkpoint.skip(batches, state.step)
    for losses, size in _losses(step, batches, state.step, checkpoint):
        state.end_step(float(losses.sum(dtype="float64")), size)
        line.show(f"loss {state.loss:.3g}, step {state.step}")
        if checkpoint and checkpoint.is_due(state.step):
            _check_finite(state)
            checkpoint.save(state)
    if state.count == 0:
        epoch = len(state.records) + 1
        raise ValueError(f"batches is empty in epoch {epoch}; an iterator that ends is used up")
    return state.loss


def _losses(step, batches, done: int, checkpoint) -> Iterator[tuple]:
    """The losses of each step and their number, `QUEUED_STEPS` steps after it was queued; before a
    checkpoint all are read.
    """
    queued = deque()
    for number, (inputs, target) in enumerate(batches, start=done + 1):
        queued.append(step(inputs, target))
        wait = 0 if checkpoint and checkpoint.is_due(number) else QUEUED_STEPS
        while len(queued) > wait:
            losses, size = queued.popleft()
            yield losses.asnumpy(), size
    yield from ((losses.asnumpy(), size) for losses, size in queued)


def _of_epoch(batches, epoch) -> Iterable[tuple]:
    return batches(epoch) if callable(batches) else batches


# --------------------------------------------------------------------- one step
def _step(model, loss, trainer, shares, parameters, clip_norm, clip_each) -> Callable:
    """A function that trains on one batch and returns its losses, (B,), or their sum, and B."""

    def step(inputs, target):
        found, batch = [], shares.cut(inputs, target)
        for share in batch:
            with autograd.record():
                losses = loss(model(*share.inputs), share.target)
            _check_losses(losses, share.examples)
            losses.backward(np.zeros_like(losses) if share.examples == 0 else None)
            found.append(losses.detach())
        shares.sum_gradients()
        losses, size = shares.sum_losses(found, batch)
        if clip_norm is not None:  # backward() sums over the batch, Trainer.step() divides
            for place in range(len(batch)):
                gradients = [each.list_grad()[place].as_nd_ndarray() for each in parameters]
                _clip(gradients, clip_norm * size, clip_each)
        trainer.step(size)
        return losses, size

    return step


def _check_losses(losses, examples: int | None) -> None:
    shaped = isinstance(losses, np.ndarray) and losses.ndim == 1
    if not shaped or (examples and losses.size != examples):
        raise ValueError("loss must return one number an example, an MXNet array (B,)")


def _clip(gradients, limit, clip_each) -> None:
    if not clip_each:
        gluon.utils.clip_global_norm(gradients, limit, check_isfinite=False)
        return
    squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients))
    for gradient, norm in zip(gradients, onp.sqrt(squares.asnumpy()), strict=True):
        if norm > limit:
            gradient *= limit / norm


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


def _check_finite(state) -> None:
    """A loss may be finite where its gradient is not."""
    trained = [parameter for parameter in state.parameters if parameter.grad_req != "null"]
    arrays = [parameter.list_data()[0].as_nd_ndarray() for parameter in trained]
    if not mx.nd.multi_all_finite(*arrays, num_arrays=len(arrays)).asscalar():
        place = f"in epoch {len(state.records) + 1}, step {state.step}"
        raise FloatingPointError(f"a parameter is not finite {place}")


def _evaluated(evaluate) -> dict[str, float]:
    found = evaluate() if evaluate else {}
    if not isinstance(found, dict):
        raise TypeError(f"evaluate must return a dict of numbers, got {type(found).__name__}")
    values = {name: float(value) for name, value in found.items()}
    if taken := {"epoch", "loss"} & values.keys():
        raise ValueError(f"evaluate must not return {', '.join(taken)}, which the history has")
    return values
