"""Interactive figures: small views in SVG and JavaScript that work in a static page
without any library or network.

A figure is one HTML output. It carries its data, a static picture (shown where scripts
do not run: GitHub, print, an untrusted notebook) and its own copy of
``kernel_regression.css`` and ``kernel_regression.js``, which put the live view in its
place.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
from importlib import resources

import numpy
from IPython.display import HTML

from d2l_attention.figures.kernel_regression_contents import KERNELS, array, describe
from d2l_attention.figures.kernel_regression_picture import draw

__all__ = ["kernel_regression_figure"]

MOST_POINTS = 1000  # more cannot be told apart on a phone, nor recomputed at every step of a drag


class Figure(HTML):
    """An HTML output whose plain-text form says what the figure shows."""

    def __init__(self, data: str, description: str) -> None:
        super().__init__(data)
        self.description = description

    def __repr__(self) -> str:
        return self.description


def kernel_regression_figure(
    x,
    y,
    *,
    truth=None,
    query=None,
    bandwidth=None,
    kernel="gaussian",
    identifier="kernel-regression",
) -> HTML:
    """Show Nadaraya-Watson regression with a query to drag, a bandwidth to slide and
    four kernels to choose from.

    The reader sees the estimate sum_i alpha(x, x_i) y_i at the query and over the whole
    interval, and the weights alpha(x, x_i) = K((x - x_i) / h) / sum_j K((x - x_j) / h),
    as areas and as stems (Nadaraya 1964; Watson 1964). Where a compact kernel reaches
    no point all weights are zero, there is no estimate, and its curve has a gap.

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
    identifier : str
        The figure's HTML id, different for each figure on a page: a letter, then
        letters, digits, "-" or "_".

    Returns
    -------
    IPython.display.HTML
        The same text for the same arguments. Python and the browser compute with
        numbers of 12 digits.

    Raises
    ------
    TypeError, ValueError
        For an argument of the wrong kind or value; the message names it.

    >>> kernel_regression_figure([0, 1, 2], [1, 3, 2], query=1, bandwidth=0.5, kernel="boxcar")
    Interactive figure: Nadaraya-Watson estimate of 3 points, boxcar kernel, bandwidth 0.5: 3.00 at x = 1.00.
    """
    points = _points(x, y)
    if not isinstance(identifier, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", identifier):
        raise ValueError(
            f"identifier must be a letter, then letters, digits, '-' or '_', not {identifier!r}"
        )
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
    return Figure(_page(figure, identifier), f"Interactive figure: {figure['label']}")


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


def _page(figure: dict, identifier: str) -> str:
    """The HTML: a static picture with the data beside it, the style, and the script
    that upgrades it.
    """
    folder = resources.files("d2l_attention.figures")
    style = (folder / "kernel_regression.css").read_text(encoding="utf-8")
    script = (folder / "kernel_regression.js").read_text(encoding="utf-8")
    picture = base64.b64encode(draw(figure).encode()).decode()
    data = html.escape(json.dumps(figure, separators=(",", ":"), allow_nan=False))
    return (
        f'<div class="d2l-kernel-regression" id="{identifier}" data-figure="{data}">'
        f'<img alt="{html.escape(figure["label"])}" src="data:image/svg+xml;base64,{picture}"></div>\n'
        f"<style>\n{style}</style>\n<script>\n{script}</script>"
    )
