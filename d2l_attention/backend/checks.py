"""Numbers and choices are checked where they are given; arrays in `block`. NumPy only."""

import math
import operator

import numpy as onp


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


def check_widths(**values) -> onp.ndarray:
    """Return one positive number, or several, as float64 (d,); raise a ValueError else."""
    ((name, value),) = values.items()
    widths = onp.atleast_1d(value)
    if widths.ndim != 1 or not widths.size or widths.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be a positive number or several, got {value!r}")
    if not (onp.isfinite(widths) & (widths > 0)).all():
        raise ValueError(f"{name} must be a positive number or several, got {value!r}")
    return widths.astype("float64")
