"""What the figure of kernel regression holds: the estimate, the drawn interval and its ticks, all as plain numbers."""

from __future__ import annotations

import math

import numpy

__all__ = ["KERNELS", "array", "describe", "estimate"]

SAMPLES = 240  # of the true function

# K(u) as in d2l_attention.attention; the normalising constants cancel in the weights.
KERNELS = {
    "gaussian": lambda u: numpy.exp((numpy.min(u * u, axis=-1, keepdims=True) - u * u) / 2),
    "boxcar": lambda u: (numpy.abs(u) < 1).astype("float64"),
    "triangular": lambda u: numpy.maximum(1 - numpy.abs(u), 0),
    "epanechnikov": lambda u: numpy.maximum(1 - u * u, 0),
}


def array(values, name: str) -> numpy.ndarray:
    """Return numbers from any array, MXNet's too, as float64 of 12 digits and of the same shape.

    A last bit that differs between machines has no effect.

    Raises
    ------
    TypeError
        They are not numbers; the message calls them `name`.
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


def estimate(query, x, y, bandwidth: float, kernel: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the weights (m, n) and estimates (m,) at queries (m,), for points x and y (n,).

    Where no point is near, weights are zero and the estimate is NaN (Nadaraya 1964; Watson 1964).
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
        values = array(truth(grid), "truth(x)")
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


def describe(points, truth, query: float, bandwidth: float, kernel: str) -> dict:
    """Return all that both pictures need, in the form that goes into the page as JSON.

    Raises
    ------
    TypeError, ValueError
        `truth` is no function of an array, or finite nowhere.
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
    value = estimate([query], x, y, bandwidth, kernel)[1][0]
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
