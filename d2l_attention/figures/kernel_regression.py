"""The live figure of kernel regression: a query to drag, a bandwidth to slide, four kernels.

Its points come from the notebook, so they stay in the output, beside the picture.
"""

from __future__ import annotations

import math

import numpy

from d2l_attention.figures.kernel_regression_contents import KERNELS, array, describe
from d2l_attention.figures.kernel_regression_picture import draw
from d2l_attention.figures.page import Contents

__all__ = ["contents"]

MOST_POINTS = 1000  # more cannot be told apart on a phone, nor recomputed at every step of a drag


def contents(x, y, *, truth=None, query=None, bandwidth=None, kernel="gaussian") -> Contents:
    """Nadaraya-Watson regression of some points.

    The reader sees the estimate sum_i alpha(x, x_i) y_i at the query and over the whole
    interval, and the weights alpha(x, x_i) = K((x - x_i) / h) / sum_j K((x - x_j) / h),
    as areas and as stems (Nadaraya 1964; Watson 1964). Where a compact kernel reaches
    no point all weights are zero, there is no estimate, and its curve has a gap. The mean squared
    error of leaving one out is drawn against the bandwidth.

    Parameters
    ----------
    x, y : array (n,)
        The points: 2 to 1000 finite numbers each, with at least two different x.
    truth : callable or None
        The function behind the data, NumPy array (k,) -> array (k,); a gap is drawn
        where it is not finite.
    query : float or None
        Where the query starts: the middle of the data unless given. The drawn interval
        extends to it.
    bandwidth : float or None
        The first h, in units of x: a tenth of the data's range (to one digit) unless
        given.
    kernel : str
        "gaussian", "boxcar", "triangular" or "epanechnikov".

    Returns
    -------
    Contents
        The same for the same arguments. Python and the browser compute with numbers of 12 digits.

    Raises
    ------
    TypeError, ValueError
        For an argument of the wrong kind or value; the message names it.

    >>> contents([0, 1, 2], [1, 3, 2], query=1, bandwidth=0.5, kernel="boxcar").label
    'Nadaraya-Watson estimate of 3 points, boxcar kernel, bandwidth 0.5: 3.00 at x = 1.00.'
    """
    points = _points(x, y)
    if not isinstance(kernel, str) or kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, not {kernel!r}")
    left, right = float(points[0].min()), float(points[0].max())
    query = (left + right) / 2 if query is None else _number(query, "query")
    bandwidth = (
        float(f"{(right - left) / 10:.1g}")
        if bandwidth is None
        else _number(bandwidth, "bandwidth")
    )
    if bandwidth <= 0:
        raise ValueError(f"bandwidth must be positive, not {bandwidth}")
    figure = describe(points, truth, query, bandwidth, kernel)
    return Contents(draw(figure), figure["label"], figure)


def _points(x, y) -> tuple[numpy.ndarray, numpy.ndarray]:
    x, y = array(x, "x"), array(y, "y")
    for name, values in (("x", x), ("y", y)):
        if values.ndim != 1:
            raise ValueError(f"{name} must have one axis, not shape {values.shape}")
        if not numpy.isfinite(values).all():
            raise ValueError(f"{name} must be finite")
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length, not {len(x)} and {len(y)}")
    if not 2 <= len(x) <= MOST_POINTS:
        raise ValueError(f"x must hold 2 to {MOST_POINTS} points, not {len(x)}")
    if x.min() == x.max():
        raise ValueError("x must hold at least two different numbers")
    return x, y


def _number(value, name: str) -> float:
    if isinstance(value, (bool, str)):
        raise TypeError(f"{name} must be a number, not {value!r}")
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return value
