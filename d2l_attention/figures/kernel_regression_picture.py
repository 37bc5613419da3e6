"""The figure of kernel regression as a picture: what shows where no script runs."""

from __future__ import annotations

import io
import math

import numpy
from matplotlib import rc_context
from matplotlib.figure import Figure

from d2l_attention.figures.kernel_regression_contents import estimate
from d2l_attention.notebook.style import COLORS

__all__ = ["draw"]

SAMPLES = 480  # of the estimate
WIDTH, HEIGHT, DOTS = (4.8, 4.2, 160)  # inches, dots an inch
BLUE, ORANGE = COLORS["blue"], COLORS["vermilion"]


def draw(figure: dict) -> bytes:
    """Return the first state as a PNG; `figure` is what `describe` returns."""
    data = [numpy.array(figure[name]) for name in ("x", "y")]
    chosen = (*data, figure["bandwidth"], figure["kernel"])
    weights, (value,) = estimate([figure["query"]], *chosen)
    with rc_context({"font.size": 11}):
        picture = Figure(figsize=(WIDTH, HEIGHT), layout="constrained", facecolor="white")
        upper, lower = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        _draw_points(upper, figure, weights[0])
        grid = numpy.linspace(figure["low"], figure["high"], SAMPLES + 1)
        _draw_curves(upper, figure, grid, estimate(grid, *chosen)[1])
        _draw_weights(lower, figure, weights[0])
        _draw_query((upper, lower), figure, value)
        stored = io.BytesIO()
        picture.savefig(stored, format="png", dpi=DOTS, metadata={"Software": None})
    return stored.getvalue()


def _draw_points(ax, figure: dict, weights) -> None:
    """The points, and around each a disc whose area is its weight."""
    ax.scatter(figure["x"], figure["y"], s=9, color="#555555", linewidths=0)
    ax.scatter(figure["x"], figure["y"], s=1400 * weights, color=ORANGE, alpha=0.4)
    ax.set(xlim=(figure["low"], figure["high"]), ylim=(figure["bottom"], figure["top"]), ylabel="y")


def _draw_curves(ax, figure: dict, grid, values) -> None:
    if figure["truth"]:
        t, truth = zip(*figure["truth"], strict=True)
        truth = [math.nan if value is None else value for value in truth]
        ax.plot(t, truth, ":", color="#333333", lw=1.6, label="true function")
    ax.plot(grid, values, color=BLUE, lw=2, label="estimate")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, borderaxespad=0)


def _draw_weights(ax, figure: dict, weights) -> None:
    ax.vlines(figure["x"], 0, weights, color=ORANGE, lw=1.6)
    ax.set(ylim=(0, None if weights.any() else 1), ylabel="weight", xlabel="x")


def _draw_query(axes, figure: dict, value: float) -> None:
    """A line at the query, and the estimate there."""
    for ax in axes:
        ax.axvline(figure["query"], color=ORANGE, lw=1.4)
        ax.grid(color="#e0e0e0")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].plot([figure["query"]], [value], "o", color=BLUE, mec="white", ms=8)
