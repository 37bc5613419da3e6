"""Weights in files: published ones come into our models, and ours go out, in the same format.

The format is safetensors: a table of names, shapes and dtypes, then the numbers. Reading it runs no
code, as reading a pickle may. A model says by `checkpoint_names` which part of a file is which of its
blocks:

    "attention.self.query": "layers.0.attention.W_q"       a file's part, and our block

A part has a `weight` and maybe a `bias`, which a norm calls gamma and beta. A file is read as a whole or
not at all: what it lacks, has too much, or has in another shape or dtype is an error at the call.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as onp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mxnet import gluon, np

FEW = 5  # names that an error lists
PICKLES = (
    b"\x80",
    b"PK",
    b"(",
)  # how pickles begin, and the zip archives that PyTorch puts them in


@dataclass(frozen=True)
class Part:
    """A part of a file's model that is several of our blocks, or whose matrix is transposed.

    Attributes
    ----------
    paths : tuple of str
        Our blocks; the rows of their matrices (out, in) stand one below the other.
    transposed : bool
        Whether the file holds the matrix as (in, out).
    """

    paths: tuple[str, ...]
    transposed: bool = False


@dataclass(frozen=True)
class Names:
    """Which part of a file is which of a model's blocks.

    Attributes
    ----------
    parts : dict of str: str or Part
        {the file's name of a part: the path of our block}; or a tensor's name, and the path of a
        parameter.
    copies : dict of str: str
        Tensors that a file may have, too, and that repeat another one.
    constants : dict of str: numpy.ndarray
        Tensors that a file may have, too, and that are no weights: what they must hold.
    older : dict of str: str
        {ending of a tensor's name in older files: what it is called in `parts`}.
    prefix : str
        With which all names of a file may begin.
    """

    parts: dict[str, str | Part]
    copies: dict[str, str] = field(default_factory=dict)
    constants: dict[str, onp.ndarray] = field(default_factory=dict)
    older: dict[str, str] = field(default_factory=dict)
    prefix: str = ""

    def of_table(self, name: str) -> str:
        """A tensor's name in a file as the table has it."""
        name = name.removeprefix(self.prefix)
        for ending, current in self.older.items():
            if name.endswith(ending):
                return name.removesuffix(ending) + current
        return name


def load(model, path: str | os.PathLike) -> None:
    """Give an initialised model the weights of a safetensors file: all of them, or none.

    Parameters
    ----------
    model : Block
        Whose `checkpoint_names` say what the file calls its parts. Its own weights are replaced.
    path : path
        The file, of float32.

    Raises
    ------
    FileNotFoundError
        There is none.
    ValueError
        It is no safetensors file, or is damaged; it lacks a tensor, has one too many, or one of
        another shape or dtype; what should repeat another tensor does not. The model is as before.
    """
    names, tensors = model.checkpoint_names(), _tensors(model)
    with _opened(Path(path)) as file:
        held = _held(path, list(file.keys()), names)
        _check_names(path, held, tensors, names)
        for name, tensor in tensors.items():
            view = file.get_slice(held[name])
            _check_kind(path, name, (view.get_dtype(), tuple(view.get_shape())), tensor.shape)
        arrays = {name: file.get_tensor(known) for name, known in held.items()}
    _check_values(path, arrays, names)
    for name, tensor in tensors.items():
        tensor.give(arrays[name])


def save(model, path: str | os.PathLike) -> None:
    """Write a model's weights as a safetensors file that `load` reads, and whoever knows its names.

    Raises
    ------
    ValueError
        The model is not initialised.
    FileNotFoundError
        There is no such folder.
    """
    path, tensors = Path(path), _tensors(model)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must be in a folder that exists, got {path}")
    arrays = {name: tensor.take() for name, tensor in tensors.items()}
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        save_file(arrays, unfinished, metadata={"format": "pt"})  # (out, in), as PyTorch has it
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def num_parameters(model) -> int:
    """Return how many numbers a model trains; it need not be initialised, so nothing is allocated.

    Raises
    ------
    ValueError
        A parameter has no shape before the model's first call.
    """
    parameters = _trained(model)
    for parameter in parameters:
        _check_shape_is_known(parameter)
    return sum(int(onp.prod(parameter.shape)) for parameter in parameters)


# --------------------------------------------------------------- a file's tensors and our parameters
@dataclass(frozen=True)
class _Tensor:
    """What one tensor of a file holds: parameters, their first axes joined."""

    parameters: list
    transposed: bool

    @property
    def shape(self) -> tuple[int, ...]:
        first = self.parameters[0].shape
        joined = (sum(parameter.shape[0] for parameter in self.parameters), *first[1:])
        return joined[::-1] if self.transposed else joined

    def give(self, array: onp.ndarray) -> None:
        """To the parameters."""
        array = array.T if self.transposed else array
        ends = onp.cumsum([parameter.shape[0] for parameter in self.parameters])
        for parameter, piece in zip(self.parameters, onp.split(array, ends[:-1]), strict=True):
            parameter.set_data(np.array(piece, dtype=piece.dtype))

    def take(self) -> onp.ndarray:
        """From the parameters."""
        arrays = [parameter.data().asnumpy() for parameter in self.parameters]
        joined = onp.concatenate(arrays).astype("float32")
        return onp.ascontiguousarray(joined.T if self.transposed else joined)


def _tensors(model) -> dict[str, _Tensor]:
    """{name of a tensor: where it belongs}, of all that the model has."""
    found = {}
    for name, part in model.checkpoint_names().parts.items():
        part = Part((part,)) if isinstance(part, str) else part
        for ending, parameters in _parameters([_at(model, path) for path in part.paths]):
            found[name + ending] = _Tensor(parameters, part.transposed)
    reached = {p.name for tensor in found.values() for p in tensor.parameters}
    everything = {p.name: p for p in _trained(model)}
    if left := everything.keys() - reached:
        raise ValueError(f"checkpoint_names must reach all parameters: {_listed(left)} left")
    for parameter in everything.values():
        _check_shape_is_known(parameter)
        _check_is_initialised(parameter)
    return found


def _parameters(blocks: list) -> Iterator[tuple[str, list]]:
    """(ending of the name, parameters) of the tensors of a part."""
    if isinstance(blocks[0], gluon.Parameter):
        yield "", blocks
        return
    for ending, norm in (("weight", "gamma"), ("bias", "beta")):
        several = [getattr(block, norm, None) or getattr(block, ending, None) for block in blocks]
        if several[0] is not None:
            yield f".{ending}", several


def _at(block, path: str):
    """The block or parameter at a path such as "layers.0.norm_1"."""
    for name in path.split("."):
        block = block[int(name)] if name.isdigit() else getattr(block, name)
    return block


def _trained(model) -> list:
    return [p for p in model.collect_params().values() if not isinstance(p, gluon.Constant)]


# ------------------------------------------------------------------------------------------- checks
@contextlib.contextmanager
def _opened(path: Path):
    with path.open("rb") as file:
        start = file.read(2)
    try:
        file = safe_open(path, framework="numpy")
    except SafetensorError as error:
        if start.startswith(PICKLES):
            problem = "it looks like a pickle, which can run code when it is read"
        else:
            problem = f"it is none, or is damaged ({error})"
        raise ValueError(f"{path} must be a safetensors file: {problem}") from None
    with file as opened:
        yield opened


def _held(path, found: list[str], names) -> dict[str, str]:
    """{the table's name of a tensor: the file's}."""
    held = {names.of_table(name): name for name in found}
    if twice := set(found) - set(held.values()):
        raise ValueError(f"{path} has tensors under two names: {_listed(twice)}")
    return held


def _check_names(path, held, tensors, names) -> None:
    known = tensors.keys() | names.copies.keys() | names.constants.keys()
    if missing := tensors.keys() - held.keys():
        raise ValueError(f"{path} lacks {_listed(missing)}")
    if more := held.keys() - known:
        raise ValueError(f"{path} has what the model does not: {_listed(more)}")


def _check_kind(path, name, found, shape) -> None:
    if found != ("F32", shape):
        kinds = f"F32 of shape {shape}, got {found[0]} of shape {found[1]}"
        raise ValueError(f"{name} in {path} must be {kinds}")


def _check_values(path, arrays, names) -> None:
    """Copies and constants are what they are said to be."""
    for name in names.copies.keys() & arrays.keys():
        if not onp.array_equal(arrays[name], arrays[names.copies[name]]):
            raise ValueError(f"{name} in {path} must repeat {names.copies[name]}, and does not")
    for name in names.constants.keys() & arrays.keys():
        if not onp.array_equal(arrays[name], names.constants[name]):
            raise ValueError(f"{name} in {path} is not the constant that the model computes")


def _check_shape_is_known(parameter) -> None:
    if min(parameter.shape or (0,)) < 1:
        raise ValueError(f"model must be called once: the shape of {parameter.name} is not known")


def _check_is_initialised(parameter) -> None:
    try:
        parameter.list_data()
    except RuntimeError:
        raise ValueError(f"model must be initialised; {parameter.name} is not") from None


def _listed(names) -> str:
    names = sorted(names)
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{len(names)} tensors: " * (len(names) > 1) + ", ".join(names[:FEW]) + more
