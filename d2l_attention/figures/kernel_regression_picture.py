"""The figure of kernel regression as a static picture: it needs no style sheet and no script."""

from __future__ import annotations

import math

import numpy

from d2l_attention.figures.kernel_regression_contents import estimate

__all__ = ["draw"]

SAMPLES = 480  # of the estimate
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
    grid = numpy.linspace(figure["low"], figure["high"], SAMPLES + 1)
    curve = [
        (horizontal(t), vertical(v) if math.isfinite(v) else None)
        for t, v in zip(grid, estimate(grid, *_chosen(figure))[1], strict=True)
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


def draw(figure: dict) -> str:
    """The first state as a picture on white: it needs no style sheet and no script."""
    weights, (value,) = estimate([figure["query"]], *_chosen(figure))
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
