"""Arguments are checked once, where arrays enter a model: one line says what a block takes.

Shapes and dtypes are checked at every call, which reads nothing from a GPU. Values (word numbers,
lengths) are checked where data become arrays, and at a call on the CPU.
"""

import functools
import inspect
import math
import operator

import numpy as onp

from d2l_attention.backend.operators import is_symbol

from mxnet import np
from mxnet.gluon import HybridBlock

FLOATS = ("float32", "float64")  # MXNet cannot multiply matrices of float16 on a CPU
INTEGERS = ("int32", "int64")


def check_arrays(pattern: str, *, dtypes=FLOATS, sizes=None, **arrays) -> None:
    """Raise unless arrays have the shapes of a pattern, and one common dtype.

    Parameters
    ----------
    pattern : str
        One shape an array, separated by commas. A letter is a size, the same wherever it stands;
        `_` is any size, `x?` is the size x or 1, `...` any number of leading axes, the same for all.
    dtypes : sequence of str
        The dtypes that are allowed.
    sizes : dict of str: int, optional
        Sizes that are known beforehand; 0 and -1, MXNet's, are unknown.
    arrays : mxnet.numpy.ndarray or None
        By name, in the pattern's order; passed over are None, for an argument that is not given, and
        symbols.

    Raises
    ------
    TypeError
        An argument is no MXNet array, or has another dtype.
    ValueError
        A shape does not fit, or has an axis of size 0.

    >>> check_arrays("B m _, B n _", query=np.zeros((2, 3, 4)), key=np.zeros((2, 5, 4)))
    """
    known = {axis: (size, "") for axis, size in (sizes or {}).items() if size > 0}
    first = None
    for axes, (name, array) in zip(_shapes(pattern), arrays.items(), strict=True):
        if array is not None and not is_symbol(array):
            dtype = _check_kind(name, array, dtypes)
            _check_shape(name, array.shape, axes, known)
            first = first or (name, dtype)
            if dtype != first[1]:
                raise TypeError(f"{name} must be {first[1]}, as {first[0]} is, got {dtype}")


@functools.cache
def _shapes(pattern: str) -> list[list[str]]:
    return [shape.split() for shape in pattern.split(",")]


def _check_kind(name, array, dtypes) -> str:
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an MXNet array, got {type(array).__name__}")
    dtype = _name(array.dtype)
    if dtype not in dtypes:
        raise TypeError(f"{name} must be {' or '.join(dtypes)}, got {dtype}")
    return dtype


def _check_shape(name, shape, axes, known) -> None:
    pattern, problem = axes, ", none of them 0" if 0 in shape else ""
    if axes[0].startswith("..."):
        leading = (len(shape) - len(axes) + 1, f", as {name} has")
        count, owner = known.setdefault("...", leading)
        problem = problem or f" with {count} leading axes{owner}" * (leading[0] != count)
        axes = [f"axis {i}{axes[0][3:]}" for i in range(count)] + axes[1:]
    if len(shape) == len(axes):
        for axis, size in zip(axes, shape, strict=True):
            letter = axis.rstrip("?")
            if letter != "_" and (axis == letter or size != 1):
                expected, owner = known.setdefault(letter, (size, f", as {name} has"))
                if size != expected:
                    problem = f" with {letter} = {expected}{owner}"
    if problem or len(shape) != len(axes):
        raise ValueError(f"{name} must be of shape ({', '.join(pattern)}){problem}; got {shape}")


@functools.cache
def _name(dtype) -> str:
    return onp.dtype(dtype).name


def check_ids(**arrays) -> None:
    """Raise a ValueError unless `name=(array, least, limit)` holds numbers from least to limit - 1.

    MXNet itself takes the nearest number that is allowed, silently. On a GPU values are not read.
    """
    for name, (array, least, limit) in arrays.items():
        if array.ctx.device_type == "cpu":
            values = array.asnumpy()
            if values.min() < least or values.max() >= limit:
                raise ValueError(f"{name} must hold numbers from {least} to {limit - 1}")


def check_sizes(**values) -> None:
    """Raise a TypeError or ValueError unless all values are positive integers."""
    for name, value in values.items():
        check_integer(name, value, 1)


def check_integer(name: str, value, least: int, limit: int | None = None) -> int:
    """Return an integer of any kind, NumPy's included, as Python's; booleans are none.

    Raises
    ------
    TypeError, ValueError
        It is not an integer, is below `least`, or not below `limit`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | onp.bool_):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if number < least or (limit is not None and number >= limit):
        bounds = f"at least {least}" if limit is None else f"from {least} to {limit - 1}"
        raise ValueError(f"{name} must be {bounds}, got {value!r}")
    return number


def check_positive(**values) -> None:
    """Raise a ValueError unless all values are positive finite numbers."""
    for name, value in values.items():
        if not (_is_number(value) and 0 < value < math.inf):
            raise ValueError(f"{name} must be a positive number, got {value!r}")


def check_share(**values) -> None:
    """Raise a ValueError unless all values are numbers from 0 to below 1."""
    for name, value in values.items():
        if not (_is_number(value) and 0 <= value < 1):
            raise ValueError(f"{name} must be from 0 to below 1, got {value!r}")


def _is_number(value) -> bool:
    return isinstance(value, int | float | onp.number) and not isinstance(value, bool)


def check_choice(choices, **values) -> None:
    """Raise a ValueError unless all values are among the choices."""
    for name, value in values.items():
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


class Block(HybridBlock):
    """A HybridBlock that checks the arrays it is called with.

    A subclass says in `check` what it takes; its signature is that of a call, so arguments may be
    given by name, and left out where `check` has a default. In a hybridized parent a block sees
    symbols, which have no shapes: there the parent has checked.
    """

    def check(self, *inputs) -> None:
        """Raise a TypeError or ValueError if arrays are not what the block takes."""

    def __call__(self, *inputs, **named):
        bound = _signature(type(self)).bind(self, *inputs, **named)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if value is None and bound.signature.parameters[name].default is not None:
                raise TypeError(f"{name} must be an MXNet array, got None")
        inputs = bound.args[1:]
        if not is_symbol(inputs[0]):
            self.check(*inputs)
            self._check_weights(inputs[0])
            given = [x is not None for x in inputs]
            if getattr(self, "_given", given) != given:
                self._clear_cached_op()  # it was traced for other arguments
            self._given = given
        return super().__call__(*inputs)

    def _check_weights(self, array) -> None:
        """Raise unless the weights have the array's dtype, if that is a floating one."""
        if not hasattr(self, "_weight"):
            self._weight = list(self.collect_params().values())[:1]
        for weight in self._weight:
            if array.dtype != weight.dtype and _name(array.dtype) in FLOATS:
                kinds = f"weights are {_name(weight.dtype)}, arrays {_name(array.dtype)}"
                raise TypeError(f"{kinds}: cast() the block, or the arrays")


@functools.cache
def _signature(block: type) -> inspect.Signature:
    return inspect.signature(block.check)
