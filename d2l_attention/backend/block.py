"""Arrays are checked at the call of a block: one line says what it takes.

Shapes and dtypes are checked whenever they change, which reads nothing from a GPU. Values (word
numbers, lengths) are checked where data become arrays, and at each call on the CPU.
"""

import functools
import inspect

import numpy as onp

from d2l_attention.backend.dispatch import is_symbol

from mxnet import np
from mxnet.gluon import HybridBlock

FLOATS = ("float32", "float64")  # MXNet cannot multiply matrices of float16 on a CPU
INTEGERS = ("int32", "int64")


class Block(HybridBlock):
    """A HybridBlock that checks the arrays it is called with.

    In a hybridized parent it sees symbols, which have no shapes: there the parent has checked.

    Attributes
    ----------
    takes : str
        What `hybrid_forward` takes: a shape for each of its arguments but weights, as in
        `check_arrays`, and weights come last. They may be given by name, and left out where they
        have a default.
    sizes : dict of str: int or Dense
        Sizes in `takes` that are known: a number, or the inputs of a layer once it knows them.
    """

    takes: str

    def __init__(self):
        super().__init__()
        self.sizes, self._checked = {}, None

    def check(self, *inputs) -> None:
        """Raise a TypeError or ValueError if shapes or dtypes are not what the block takes."""
        sizes = {
            letter: size.weight.shape[1] if isinstance(size, HybridBlock) else size
            for letter, size in self.sizes.items()
        }
        names = _signature(type(self)).parameters
        check_arrays(self.takes, sizes=sizes, **dict(zip(names, inputs, strict=False)))

    def check_values(self, *inputs) -> None:
        """Raise a ValueError if values, such as the numbers of words, are not what it takes."""

    def __call__(self, *inputs, **named):
        inputs = self._in_order(inputs, named)
        if not is_symbol(inputs[0]):
            kinds = [x if x is None else (type(x), *_shape_and_dtype(x)) for x in inputs]
            if kinds != self._checked:  # else they are like those of the last call
                self.check(*inputs)
                self._check_weights(inputs[0])
                self._trace_anew([x is not None for x in inputs])
                self._checked = kinds
            self.check_values(*inputs)
        return super().__call__(*inputs)

    def _trace_anew(self, given: list[bool]) -> None:
        """Drop the hybridized block's graph if it was traced for other arguments being given."""
        if getattr(self, "_given", given) != given:
            self._clear_cached_op()
        self._given = given

    def _clear_cached_op(self) -> None:
        """MXNet calls it if the block is cast, hybridized, or gets another child."""
        self._checked = None
        super()._clear_cached_op()

    def drop(self, name: str) -> None:
        """Let a part be None from now on: it has no parameters here any more. Again, and nothing happens."""
        self._children.pop(name, None)
        delattr(self, name)  # MXNet lets no part become something else
        setattr(self, name, None)
        self._clear_cached_op()

    def _in_order(self, inputs: tuple, named: dict) -> tuple:
        """All arguments in the order of `hybrid_forward`, None for one that is left out."""
        signature = _signature(type(self))
        if named or len(inputs) != len(signature.parameters):
            bound = signature.bind(*inputs, **named)
            bound.apply_defaults()
            inputs = bound.args
        for value, argument in zip(inputs, signature.parameters.values(), strict=True):
            if value is None and argument.default is not None:
                raise TypeError(f"{argument.name} must be an MXNet array, got None")
        return inputs

    def _check_weights(self, array) -> None:
        """Raise unless the weights have the array's dtype, if that is a floating one."""
        if not hasattr(self, "_weight"):
            self._weight = list(self.collect_params().values())[:1]
        for weight in self._weight:
            if array.dtype != weight.dtype and _name(array.dtype) in FLOATS:
                kinds = f"weights are {_name(weight.dtype)}, arrays {_name(array.dtype)}"
                raise TypeError(f"{kinds}: cast() the arrays, or the block after its first call")


class LoopBlock(Block):
    """A Block that runs its parts in Python, since it has a loop over steps whose number no symbol
    knows: hybridized, its parts are compiled, and not the whole.
    """

    def hybridize(self, active=True, **options):
        """Compile the parts."""
        for part in self._children.values():
            part.hybridize(active, **options)


def _shape_and_dtype(x) -> tuple:
    return getattr(x, "shape", None), getattr(x, "dtype", None)


@functools.cache
def _signature(block: type) -> inspect.Signature:
    """The arguments of a call: those of `hybrid_forward` behind F, as many as there are shapes."""
    whole = inspect.signature(block.hybrid_forward)
    arguments = list(whole.parameters.values())[2:]
    return whole.replace(parameters=arguments[: len(_shapes(block.takes))])


def check_arrays(pattern: str, *, sizes: dict[str, int] | None = None, **arrays) -> None:
    """Raise unless arrays have the shapes of a pattern, and those of numbers one floating dtype.

    Parameters
    ----------
    pattern : str
        One shape an array, separated by commas. A letter is a size, the same wherever it stands;
        `_` is any size, `1` is one, `x?` is the size x or 1, `...` any number of leading axes, the
        same for all (`...?`: or of size 1). `ids` before a shape asks for integers.
    sizes : dict of str: int, optional
        Sizes that are known beforehand; 0 and -1, MXNet's, are unknown.
    arrays : mxnet.numpy.ndarray or None
        By name, in the pattern's order; None, for one that is not given, and symbols are passed
        over.

    Raises
    ------
    TypeError
        An argument is no MXNet array, or has another dtype.
    ValueError
        A shape does not fit, or has an axis of size 0.

    >>> check_arrays("B m _, B n _", query=np.zeros((2, 3, 4)), key=np.zeros((2, 5, 4)))
    """
    known = {axis: (size, "") for axis, size in (sizes or {}).items() if size > 0} | {"1": (1, "")}
    first = None
    for (dtypes, axes), (name, array) in zip(_shapes(pattern), arrays.items(), strict=True):
        if array is not None and not is_symbol(array):
            dtype = _check_kind(name, array, dtypes)
            _check_shape(name, array.shape, axes, known)
            if dtypes is FLOATS:
                first = first or (name, dtype)
                if dtype != first[1]:
                    raise TypeError(f"{name} must be {first[1]}, as {first[0]} is, got {dtype}")


@functools.cache
def _shapes(pattern: str) -> list[tuple]:
    """Dtypes and axes of each array."""
    shapes = [shape.split() for shape in pattern.split(",")]
    return [(INTEGERS, axes[1:]) if axes[0] == "ids" else (FLOATS, axes) for axes in shapes]


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
            if values.min() < least or values.max() >= limit or (values % 1 != 0).any():
                raise ValueError(f"{name} must hold whole numbers from {least} to {limit - 1}")
