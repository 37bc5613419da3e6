"""Interactive figures: small views in SVG and JavaScript that work in a static page
without any library or network.

A figure is one HTML output. It carries its data, a static picture (shown where scripts
do not run: GitHub, print, an untrusted notebook) and its own copy of
``interactive.css`` and ``interactive.js``, which put the live view in its place.
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

__all__ = ["kernel_regression_figure"]

MOST_POINTS = 1000  # more cannot be told apart on a phone, nor recomputed at every step of a drag
SAMPLES = 240  # of the true function, and of the estimate in the static picture

# K(u) as in d2l_attention.attention; the normalising constants cancel in the weights.
KERNELS = {
    "gaussian": lambda u: numpy.exp((numpy.min(u * u, axis=-1, keepdims=True) - u * u) / 2),
    "boxcar": lambda u: (numpy.abs(u) < 1).astype("float64"),
    "triangular": lambda u: numpy.maximum(1 - numpy.abs(u), 0),
    "epanechnikov": lambda u: numpy.maximum(1 - u * u, 0),
}


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
    figure = _describe(points, truth, query, bandwidth, kernel)
    return Figure(_page(figure, identifier), f"Interactive figure: {figure['label']}")


# ---------------------------------------------------------------------------- arguments
def _array(values, name: str) -> numpy.ndarray:
    """Numbers from any array, as float64 of 12 digits: a last bit that differs between
    machines has no effect.
    """
    if hasattr(values, "asnumpy"):
        values = values.asnumpy()
    try:
        values = numpy.asarray(values, dtype="float64")
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be an array of numbers, not {type(values).__name__}"
        ) from None
    return numpy.array([float(f"{value:.12g}") for value in values.ravel()]).reshape(values.shape)


def _points(x, y) -> tuple[numpy.ndarray, numpy.ndarray]:
    x, y = _array(x, "x"), _array(y, "y")
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


# ----------------------------------------------------------------------------- contents
def _estimate(query, x, y, bandwidth: float, kernel: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Queries (m,) -> weights (m, n), zero where no point is near, and estimates (m,),
    NaN there.
    """
    # (m, n)
    raw = KERNELS[kernel]((numpy.asarray(query, dtype="float64")[:, None] - x) / bandwidth)
    total = raw.sum(axis=1, keepdims=True)  # (m, 1)
    weights = numpy.divide(raw, total, out=numpy.zeros_like(raw), where=total > 0)
    return weights, numpy.where(total[:, 0] > 0, weights @ y, numpy.nan)


def _ticks(low: float, high: float, most: int) -> tuple[list[float], int]:
    """At most ``most`` round numbers in [low, high], and how many decimals they need."""
    power = math.floor(math.log10((high - low) / most))
    steps = [factor * 10.0**power for factor in (1, 2, 5, 10, 20)]
    step = next(s for s in steps if math.floor(high / s) - math.ceil(low / s) < most)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [round(tick, decimals) for tick in ticks], decimals


def _truth(truth, low: float, high: float) -> list[tuple[float, float | None]] | None:
    """The true function on a grid: pairs (t, value), None where it is not finite."""
    if truth is None:
        return None
    if not callable(truth):
        raise TypeError(f"truth must be a function of an array or None, not {type(truth).__name__}")
    grid = numpy.linspace(low, high, SAMPLES + 1)
    with numpy.errstate(all="ignore"):
        values = _array(truth(grid), "truth(x)")
    if values.shape != grid.shape:
        raise ValueError(
            f"truth must map an array {grid.shape} to the same shape, not {values.shape}"
        )
    finite = numpy.isfinite(values)
    if not finite.any():
        raise ValueError("truth must be finite somewhere in the drawn interval")
    places = _decimals(high - low) + 1, _decimals(numpy.ptp(values[finite]) or 1) + 1
    return [
        (
            round(float(t), places[0]),
            round(float(v), places[1]) if math.isfinite(v) else None,
        )
        for t, v in zip(grid, values, strict=True)
    ]


def _describe(points, truth, query: float, bandwidth: float, kernel: str) -> dict:
    """Everything that both pictures need, in the form that goes into the page as
    JSON.
    """
    x, y = points
    low, high = _padded([*x, query], x)
    # A drag moves in such steps
    low, high = (round(end, _decimals(high - low)) for end in (low, high))
    curve = _truth(truth, low, high)
    heights = [*y, *(value for _, value in curve or () if value is not None)]
    bottom, top = _padded(heights, heights)
    xticks, xdecimals = _ticks(low, high, 7 if max(abs(low), abs(high)) < 1e4 else 3)
    yticks, ydecimals = _ticks(bottom, top, 6)
    digits = {
        "x": _decimals(high - low),
        "y": _decimals(top - bottom),
        "xticks": xdecimals,
        "yticks": ydecimals,
    }
    narrow, wide = min(numpy.ptp(x) / 500, bandwidth), max(numpy.ptp(x) * 10, bandwidth)
    value = _estimate([query], x, y, bandwidth, kernel)[1][0]
    answer = (
        "no neighbour within the bandwidth" if math.isnan(value) else f"{value:.{digits['y']}f}"
    )
    setting = (
        f"{kernel} kernel, bandwidth {bandwidth:.6g}: {answer} at x = {query:.{digits['x']}f}."
    )
    return {
        "label": f"Nadaraya-Watson estimate of {len(x)} points, {setting}",
        "x": x.tolist(), "y": y.tolist(), "truth": curve,
        "query": query, "bandwidth": bandwidth, "kernel": kernel, "step": 5 * 10.0 ** -digits["x"],
        "slider": [math.floor(20 * math.log10(narrow)) / 20, math.ceil(20 * math.log10(wide)) / 20],
        "low": low, "high": high, "bottom": bottom, "top": top,
        "xticks": xticks, "yticks": yticks, "digits": digits,
    }  # fmt: skip


def _padded(values, spread) -> tuple[float, float]:
    """The range of the values and 6% of the spread on each side, at four digits of the
    spread.
    """
    margin = 0.06 * float(numpy.ptp(spread)) or 0.06 * abs(float(values[0])) or 1.0
    decimals = 3 - math.floor(math.log10(margin))
    return round(float(min(values)) - margin, decimals), round(
        float(max(values)) + margin, decimals
    )


def _decimals(interval: float) -> int:
    """Decimals that show about a five-hundredth of an interval."""
    return max(0, 2 - math.floor(math.log10(interval)))


# ------------------------------------------------------------------- the static picture
# Of the picture's 520 x 400 pixels
LEFT, RIGHT, TOP, MIDDLE, CEILING, BASE = (48, 506, 34, 270, 300, 366)
ORANGE, BLUE = "#c65600", "#1f6fb5"


def _scales(figure: dict):
    """Functions from data to pixels, rounded to a tenth."""

    def horizontal(x: float) -> float:
        return round(
            LEFT + (x - figure["low"]) / (figure["high"] - figure["low"]) * (RIGHT - LEFT),
            1,
        )

    def vertical(y: float) -> float:
        return round(
            MIDDLE - (y - figure["bottom"]) / (figure["top"] - figure["bottom"]) * (MIDDLE - TOP),
            1,
        )

    return horizontal, vertical


def _line(points) -> str:
    """An SVG path through pixels; a point without a height is a gap."""
    path, pen = "", "M"
    for x, y in points:
        if y is None:
            pen = "M"
        else:
            path, pen = f"{path}{pen}{x},{y}", "L"
    return path


def _axes(figure: dict) -> list[str]:
    horizontal, vertical = _scales(figure)
    digits = figure["digits"]
    parts = [f'<path d="M{LEFT},{BASE}H{RIGHT}" stroke="#777"/>']
    for tick in figure["xticks"]:
        x = horizontal(tick)
        parts.append(f'<path d="M{x},{TOP}V{BASE + 5}" stroke="#e4e4e4"/>')
        parts.append(
            f'<text x="{x}" y="{BASE + 20}" text-anchor="middle">{tick:.{digits["xticks"]}f}</text>'
        )
    for tick in figure["yticks"]:
        y = vertical(tick)
        parts.append(f'<path d="M{LEFT},{y}H{RIGHT}" stroke="#e4e4e4"/>')
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4.5}" text-anchor="end">{tick:.{digits["yticks"]}f}</text>'
        )
    return parts


def _weights(figure: dict, weights) -> list[str]:
    """For each point its weight: as the area of a disc and as a stem; and the point
    itself.
    """
    horizontal, vertical = _scales(figure)
    largest = max(*weights, 1e-9)
    parts = []
    for x, y, weight in zip(figure["x"], figure["y"], weights, strict=True):
        x, y, tip = (
            horizontal(x),
            vertical(y),
            round(BASE - weight / largest * (BASE - CEILING), 1),
        )
        parts.append(f'<circle cx="{x}" cy="{y}" r="2.4" fill="#666"/>')
        if weight > 1e-3 * largest:
            style = f'fill="{ORANGE}" fill-opacity=".4" stroke="{ORANGE}"'
            parts.append(f'<circle cx="{x}" cy="{y}" r="{22 * math.sqrt(weight):.1f}" {style}/>')
            parts.append(f'<path d="M{x},{BASE}V{tip}" stroke="{ORANGE}" stroke-width="2"/>')
    return parts


def _curves(figure: dict, value: float) -> list[str]:
    """The true function, the query, the estimate over the interval, and the estimate at
    the query.
    """
    horizontal, vertical = _scales(figure)
    grid = numpy.linspace(figure["low"], figure["high"], 2 * SAMPLES + 1)
    curve = [
        (horizontal(t), vertical(v) if math.isfinite(v) else None)
        for t, v in zip(grid, _estimate(grid, *_chosen(figure))[1], strict=True)
    ]
    truth = [(horizontal(t), None if v is None else vertical(v)) for t, v in figure["truth"] or []]
    x = horizontal(figure["query"])
    parts = [
        f'<path d="{_line(truth)}" fill="none" stroke="#333" stroke-width="1.6" stroke-dasharray="2 5"/>',
        f'<path d="M{x},{TOP}V{BASE}" stroke="{ORANGE}" stroke-width="1.6"/>',
        f'<path d="{_line(curve)}" fill="none" stroke="{BLUE}" stroke-width="2.6" stroke-linejoin="round"/>',
    ]
    if math.isfinite(value):
        y = vertical(value)
        parts.append(f'<path d="M{LEFT},{y}H{x}" stroke="{BLUE}" stroke-dasharray="4 3"/>')
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="6" fill="{BLUE}" stroke="#fff" stroke-width="2"/>'
        )
    return parts


def _chosen(figure: dict) -> tuple:
    return (
        numpy.array(figure["x"]),
        numpy.array(figure["y"]),
        figure["bandwidth"],
        figure["kernel"],
    )


def _static(figure: dict) -> str:
    """The first state as a picture on white: it needs no style sheet and no script."""
    weights, (value,) = _estimate([figure["query"]], *_chosen(figure))
    digits = figure["digits"]
    found = (
        f"estimate {value:.{digits['y']}f}"
        if math.isfinite(value)
        else "no neighbour within the bandwidth"
    )
    found += f" at x = {figure['query']:.{digits['x']}f}"
    dotted = ", true function (dotted)" if figure["truth"] else ""
    longest = max(len(f"{tick:.{digits['yticks']}f}") for tick in figure["yticks"])
    extra = 8 * max(0, longest - 5)  # room on the left for long labels
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="520" height="400" viewBox="{-extra} 0 {520 + extra} 400" '
        'font-family="sans-serif" font-size="13" fill="#444">'
        f'<rect x="{-extra}" width="{520 + extra}" height="400" fill="#fff"/>'
        f"{''.join(_axes(figure) + _weights(figure, weights[0]) + _curves(figure, value))}"
        f'<text x="{LEFT}" y="20"><tspan fill="{BLUE}">{found}</tspan>{dotted}</text>'
        f'<text x="{RIGHT}" y="{CEILING - 8}" text-anchor="end" fill="{ORANGE}">weights (disc area, stem)</text>'
        f'<text x="{LEFT - 16}" y="20">y</text><text x="{RIGHT + 4}" y="{BASE + 4}">x</text></svg>'
    )


def _page(figure: dict, identifier: str) -> str:
    """The HTML: a static picture with the data beside it, the style, and the script
    that upgrades it.
    """
    folder = resources.files("d2l_attention")
    style = (folder / "interactive.css").read_text(encoding="utf-8")
    script = (folder / "interactive.js").read_text(encoding="utf-8")
    picture = base64.b64encode(_static(figure).encode()).decode()
    data = html.escape(json.dumps(figure, separators=(",", ":"), allow_nan=False))
    return (
        f'<div class="d2l-kernel-regression" id="{identifier}" data-figure="{data}">'
        f'<img alt="{html.escape(figure["label"])}" src="data:image/svg+xml;base64,{picture}"></div>\n'
        f"<style>\n{style}</style>\n<script>\n{script}</script>"
    )
