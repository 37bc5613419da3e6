"""The figure of kernel regression without a browser: its numbers, its HTML, and what it refuses."""

import doctest
import html
import json
import re

import numpy
import pytest

from d2l_attention import attention, figures
from d2l_attention.figures import kernel_regression
from d2l_attention.figures.kernel_regression_contents import estimate
from tests.figures.kernel_regression_numbers import KERNELS, figure, nadaraya_watson, points

from mxnet import np


def test_doctest():
    result = doctest.testmod(kernel_regression)
    assert result.attempted and not result.failed


def test_html_is_deterministic_small_and_without_scripts():
    text = figure().markup
    assert text == figure().markup
    assert len(text) < 96_000  # most of it the picture
    assert not re.search(r"https?://|<script|<style", text)


def test_a_difference_in_the_last_bit_does_not_change_the_html():
    x, y = points()
    other = figure(x=numpy.nextafter(x, 9), y=numpy.nextafter(y, 9))
    assert other.markup == figure().markup


def data_of(shown):
    return json.loads(html.unescape(re.search(r'data-weights="([^"]*)"', shown.markup).group(1)))


def test_payload_holds_the_points():
    payload = data_of(figure())
    numpy.testing.assert_allclose([payload["x"], payload["y"]], points(), rtol=1e-11)
    # The power of a negative number: a gap
    assert next(value for _, value in payload["truth"]) is None


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bandwidth", [0.03, 0.5, 40])
def test_static_estimate(kernel, bandwidth):
    queries = numpy.linspace(-0.3, 5.3, 57)
    weights, estimates = estimate(queries, *points(), bandwidth, kernel)
    for query, row, found in zip(queries, weights, estimates, strict=True):
        expected_weights, expected = nadaraya_watson(query, kernel, bandwidth)
        numpy.testing.assert_allclose(row, expected_weights, atol=1e-12)
        numpy.testing.assert_allclose(
            found, numpy.nan if expected is None else expected, atol=1e-12
        )


@pytest.mark.parametrize("kernel", KERNELS)
def test_weights_are_those_of_the_package(kernel):
    x, y = points()
    # The last one is out of every compact kernel's reach
    queries = numpy.array([0.4, 2.0, 4.9, 9.0])
    model = attention.Attention(getattr(attention, f"{kernel.capitalize()}Score")(bandwidth=0.7))
    model.initialize()
    columns = (np.array(numbers, dtype="float32").reshape(1, -1, 1) for numbers in (queries, x, y))
    weights = model(*columns)[1].asnumpy()[0]
    numpy.testing.assert_allclose(weights, estimate(queries, x, y, 0.7, kernel)[0], atol=2e-6)
    assert (weights[-1].sum() == 0) == (kernel != "gaussian")


def test_plain_text_says_what_the_figure_shows():
    expected = nadaraya_watson(2, "gaussian", 0.5)[1]
    assert repr(figure()) == (
        "Live figure: Nadaraya-Watson estimate of 50 points, gaussian kernel, bandwidth 0.5: "
        f"{expected:.2f} at x = 2.00."
    )
    assert "no neighbour within the bandwidth at x = 7.00" in repr(figure(query=7, kernel="boxcar"))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x": [[0, 1]]}, ValueError, "x must have one axis"),
        (
            {"x": [0, 1, 2], "y": [1, 2]},
            ValueError,
            "x and y must have the same length",
        ),
        ({"x": [0], "y": [1]}, ValueError, "x must hold 2 to 1000 points"),
        (
            {"x": range(1001), "y": range(1001)},
            ValueError,
            "x must hold 2 to 1000 points",
        ),
        ({"x": [1, 1], "y": [1, 2]}, ValueError, "x must hold at least two different"),
        ({"y": [1, float("nan"), 2]}, ValueError, "y must be finite"),
        ({"y": ["a", "b", "c"]}, TypeError, "y must be an array of numbers"),
        ({"x": None}, ValueError, "x must have one axis"),
        ({"x": [[0, 1], [2]]}, TypeError, "x must be an array of numbers"),
        ({"truth": 3}, TypeError, "truth must be a function"),
        ({"truth": lambda x: 1.0}, ValueError, "truth must map"),
        (
            {"truth": lambda x: x * numpy.nan},
            ValueError,
            "truth must be finite somewhere",
        ),
        ({"query": "2"}, TypeError, "query must be a number"),
        ({"query": float("inf")}, ValueError, "query must be finite"),
        ({"bandwidth": 0}, ValueError, "bandwidth must be positive"),
        ({"bandwidth": -1}, ValueError, "bandwidth must be positive"),
        ({"bandwidth": [1, 2]}, TypeError, "bandwidth must be a number"),
        ({"bandwidth": True}, TypeError, "bandwidth must be a number"),
        ({"kernel": "cosine"}, ValueError, "kernel must be one of gaussian"),
        ({"kernel": ["boxcar"]}, ValueError, "kernel must be one of gaussian"),
        ({"identifier": '"><script>'}, ValueError, "identifier must be"),
        ({"identifier": 3}, ValueError, "identifier must be"),
    ],
)
def test_bad_arguments(arguments, error, words):
    arguments = {"x": [0, 1, 2], "y": [1, 3, 2], **arguments}
    with pytest.raises(error, match=words):
        figures.figure("kernel_regression", **arguments)


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
@pytest.mark.parametrize("shift", [0, 1e9])
def test_any_scale(scale, shift):
    if scale < 1e-3 and shift:
        pytest.skip("below the resolution of the numbers")
    x = [shift, shift + scale, shift + 2 * scale]
    payload = data_of(figures.figure("kernel_regression", x=x, y=[shift + scale] * 3))
    assert 2 <= len(payload["xticks"]) <= 7
    assert x[0] - scale / 4 < payload["low"] < x[0] and x[2] < payload["high"] < x[2] + scale / 4
    assert payload["bottom"] < x[1] < payload["top"]
