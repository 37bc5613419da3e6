"""The figure of the tests, and an independent NumPy estimate of what it shows."""

import numpy
import pytest

from d2l_attention import figures

KERNELS = ("gaussian", "boxcar", "triangular", "epanechnikov")
FIGURE = "[data-figure=kernel_regression]"


def truth(x):
    return 2 * numpy.sin(x) + x**0.8


def points():
    generator = numpy.random.default_rng(7)
    x = generator.uniform(0, 5, 50)
    return x, truth(x) + generator.normal(0, 0.5, 50)


def nadaraya_watson(query, kernel, bandwidth, data=None):
    """Weights and estimate, written as the definition says; None where no kernel
    reaches a point.
    """
    x, y = points() if data is None else data
    u = abs(query - x) / bandwidth
    weights = {
        "gaussian": numpy.exp(-(u**2) / 2 + u.min() ** 2 / 2),
        "boxcar": numpy.where(u < 1, 1.0, 0.0),
        "triangular": numpy.where(u < 1, 1 - u, 0.0),
        "epanechnikov": numpy.where(u < 1, 1 - u**2, 0.0),
    }[kernel]
    if weights.sum() == 0:
        return weights, None
    weights = weights / weights.sum()
    return weights, float(weights @ y)


def figure(**arguments):
    x, y = points()
    defaults = {"x": x, "y": y, "truth": truth, "query": 2, "bandwidth": 0.5}
    return figures.figure("kernel_regression", **{**defaults, **arguments})


def state(page, index=0):
    values = page.locator(FIGURE).nth(index).evaluate("figure => ({...figure.dataset})")
    numbers = ("query", "bandwidth", "estimate", "effective", "largest", "error")
    return {
        key: float(value.replace("Infinity", "inf"))
        if key in numbers and value != "none"
        else value
        for key, value in values.items()
    }


def assert_agrees(page, index=0, data=None):
    """All the figure's numbers, hidden and shown, are those of NumPy for the query,
    kernel and bandwidth it names.
    """
    now = state(page, index)
    weights, estimate = nadaraya_watson(now["query"], now["kernel"], now["bandwidth"], data)
    node = page.locator(FIGURE).nth(index)
    assert now["largest"] == pytest.approx(weights.max(), abs=1e-6)
    assert now["error"] == pytest.approx(
        leave_one_out(now["kernel"], now["bandwidth"], data), rel=1e-6
    )
    if estimate is None:
        assert (now["estimate"], now["effective"]) == ("none", 0)
        assert node.locator(".reading.estimate b").text_content() == "none"
    else:
        assert now["estimate"] == pytest.approx(estimate, abs=1e-6)
        assert now["effective"] == pytest.approx(1 / (weights**2).sum(), rel=1e-6)
        shown = node.locator(".reading.estimate b").text_content().replace("\u2212", "-")
        assert float(shown) == pytest.approx(
            estimate, abs=0.501 * 0.1 ** len(shown.partition(".")[2])
        )
    return now


def leave_one_out(kernel, bandwidth, data=None):
    """The mean squared error of leaving each point out; infinite where that leaves one alone."""
    x, y = points() if data is None else data
    errors = []
    for i in range(len(x)):
        others = numpy.delete(x, i), numpy.delete(y, i)
        estimate = nadaraya_watson(x[i], kernel, bandwidth, others)[1]
        errors.append(numpy.inf if estimate is None else (estimate - y[i]) ** 2)
    return float(numpy.mean(errors))


def drag(page, start, end, index=0):
    """Drag with the mouse between two fractions of the picture's width."""
    box = page.locator(f"{FIGURE} .plot").nth(index).bounding_box()
    y = box["y"] + 0.3 * box["height"]
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=4)
    page.mouse.up()
    return box["x"] + end * box["width"]
