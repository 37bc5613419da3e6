"""A training that was stopped goes on from its last checkpoint, to the same weights and losses.

A checkpoint holds all that a training is between two steps (`training_state.State`): parameters, what
the optimizer remembers, which step of which epoch, the losses so far, the best epoch. The data need not
be in it: batches are a function of the epoch, so those of the steps that are done are drawn and passed
over. Nor need the random numbers: what MXNet's generator holds cannot be read, so at each checkpoint, in
a training that is not interrupted as well, all generators are seeded from (seed, epoch, step).

(`checkpoints` is about something else: the weights of a model alone, under the names of published ones.)

The file is in the safetensors format: reading it runs no code. It is written beside its place, flushed
to the disk and then renamed, so that there is always a whole one, and a digest over all of it is kept in
it: what is damaged is refused.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as onp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from d2l_attention.backend.checks import check_integer, check_sizes
from d2l_attention.backend.devices import seed_everything
from d2l_attention.distributed import Workers
from d2l_attention.training_state import State

FORMAT = "a training of d2l_attention"


class Checkpoint:
    """A file in which `training.fit` keeps a training, every so many steps and after each epoch.

    Parameters
    ----------
    path : path
        The file; if it is there, the training goes on from it. Of several workers the first one
        writes it, and all read it.
    every : int
        Steps between two checkpoints within an epoch.
    seed : int
        The random numbers after a checkpoint depend on it, on the checkpoint's place and on the worker.
        Python's, NumPy's and MXNet's generators are seeded.

    Raises
    ------
    TypeError, ValueError
        A number is not what it should be.
    FileNotFoundError
        There is no such folder.

    >>> import tempfile
    >>> from d2l_attention.datasets.batches import batches
    >>> from d2l_attention.training import fit
    >>> from mxnet import np, optimizer
    >>> from mxnet.gluon import nn
    >>> x = onp.array([[1], [2], [3], [4]], dtype="float32")
    >>> def train(epochs, path):
    ...     line = nn.Dense(1, use_bias=False)
    ...     line.initialize()
    ...     options = {"loss": lambda y, t: np.square(y - t).mean(axis=1), "progress": False}
    ...     options["checkpoint"] = Checkpoint(path, every=1)
    ...     history = fit(line, batches((x,), 3 * x, 2), optimizer.SGD(learning_rate=0.05), epochs=epochs, **options)
    ...     return len(history.epochs), round(line.weight.data().item(), 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = train(1, Path(folder, "line"))
    ...     second = train(8, Path(folder, "line"))  # goes on: seven more
    >>> second
    (8, 3.0)
    """

    def __init__(self, path: str | os.PathLike, *, every: int, seed: int = 0):
        check_sizes(every=every)
        self.path, self.every = Path(path), every
        self.seed = check_integer("seed", seed, 0, 2**32)
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"path must be in a folder that exists, got {path}")

    # ------------------------------------------------------------------------ what `fit` calls
    def begin(self, state: State, batches, workers: Workers, recipe: dict, epochs: int) -> None:
        """Bring a new training to where the file has it, if there is one.

        Raises
        ------
        ValueError
            The file is damaged, or is of another training: another model, optimizer, recipe, or
            other data. The training is as before.
        """
        self._workers = workers
        self._recipe = recipe | {"every": self.every, "seed": self.seed} | state.recipe()
        self._recipe["first batch"] = _first_batch(batches)
        if self.path.exists():
            numbers, arrays = read(self.path)
            self._check(numbers, arrays, state, epochs)
            state.give(numbers, arrays)
            self._seed(state)
        workers.check_same(f"place of {self.path}", [len(state.records), state.step])

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is to be written after this step of an epoch."""
        return step % self.every == 0

    def save(self, state: State) -> None:
        """Write the training as it is now, and seed all generators anew."""
        if self._workers.rank == 0:
            write(self.path, state.numbers() | {"recipe": self._recipe}, state.arrays())
        self._seed(state)

    def skip(self, batches: Iterable[tuple], steps: int) -> Iterator[tuple]:
        """The batches behind so many."""
        rest = iter(batches)
        for step in range(steps):
            if next(rest, None) is None:
                raise ValueError(f"batches must be those of {self.path}, and end at step {step}")
        return rest

    # ------------------------------------------------------------------------------- its parts
    def _seed(self, state: State) -> None:
        place = [self.seed, len(state.records), state.step, self._workers.rank]
        seed_everything(int(onp.random.RandomState(place).randint(2**31)))

    def _check(self, numbers: dict, arrays: dict, state: State, epochs: int) -> None:
        theirs, another = numbers["recipe"], f"{self.path} is the checkpoint of another"
        for name in sorted(theirs.keys() | self._recipe.keys()):
            if theirs.get(name) != self._recipe.get(name):
                problem = f"its {name} is {theirs.get(name)!r}, and not {self._recipe.get(name)!r}"
                raise ValueError(f"{another} training: {problem}")
        found = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
        wanted = state.kinds()
        for name in sorted(name for name in found.keys() | wanted if name.startswith("model.")):
            if not _fits(found.get(name), wanted.get(name)):
                problem = (
                    f"its {name} is {_words(found.get(name))}, and not {_words(wanted.get(name))}"
                )
                raise ValueError(f"{another} model: {problem}")
        if len(numbers["records"]) > epochs:
            done = f"{len(numbers['records'])}, which {self.path} has behind it"
            raise ValueError(f"epochs must be at least {done}; got {epochs}")


def _fits(found: tuple | None, wanted: tuple | None) -> bool:
    """Whether shape and dtype are those wanted; a size below 1 is not known yet."""
    if found is None or wanted is None or found[1] != wanted[1] or len(found[0]) != len(wanted[0]):
        return False
    return all(size == other for size, other in zip(found[0], wanted[0], strict=True) if other > 0)


def _words(kind: tuple | None) -> str:
    return "missing" if kind is None else f"{kind[1]} of shape {kind[0]}"


def _first_batch(batches) -> str:
    """A digest of the first batch, which must be there each time that one asks for it."""
    found = iter(batches(0) if callable(batches) else batches)
    if found is batches:
        raise ValueError("batches must be a function of the epoch, or a list, to be resumed")
    digest = hashlib.sha256()
    for array in _in_order(next(found, None)):
        array = array if isinstance(array, onp.ndarray) else onp.asarray(array.asnumpy())
        digest.update(
            f"{array.dtype} {array.shape}".encode() + onp.ascontiguousarray(array).tobytes()
        )
    return digest.hexdigest()[:16]


def _in_order(arrays) -> Iterator:
    """The arrays in nested tuples."""
    if isinstance(arrays, list | tuple):
        for each in arrays:
            yield from _in_order(each)
    elif arrays is not None:
        yield arrays


# -------------------------------------------------------------------------------------- the file
def write(path: Path, numbers: dict, arrays: dict[str, onp.ndarray]) -> None:
    """Write a checkpoint, all of it or nothing: beside its place, onto the disk, then renamed."""
    text = json.dumps(numbers)
    metadata = {"format": FORMAT, "training": text, "digest": _digest(text, arrays)}
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        save_file(arrays, unfinished, metadata=metadata)
        _flush(unfinished)
        unfinished.replace(path)
        _flush(path.parent)  # the new name
    finally:
        unfinished.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's names, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def read(path: Path) -> tuple[dict, dict[str, onp.ndarray]]:
    """Numbers and arrays of a checkpoint.

    Raises
    ------
    ValueError
        It is none, or anything in it has changed since it was written.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} must be a checkpoint: it is none, or is damaged ({error})"
        ) from None
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} must be a checkpoint of a training, and is another safetensors file"
        )
    text = metadata.get("training", "")
    if metadata.get("digest") != _digest(text, arrays):
        raise ValueError(f"{path} is damaged: it is not what was written")
    return json.loads(text), arrays


def _digest(text: str, arrays: dict[str, onp.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = onp.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()
