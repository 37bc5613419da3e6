"""Choosing a bandwidth: leaving one out equals refitting; theory against integrals and samples."""

import math

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import (
    BoxcarScore,
    EpanechnikovScore,
    GaussianScore,
    TriangularScore,
)
from d2l_attention.bandwidth import (
    best_bandwidth,
    choose_bandwidth,
    constants,
    estimate,
    expected_error,
    leave_one_out,
    measured_errors,
    rate,
)
from d2l_attention.datasets.regression import Wave
from d2l_attention.models.kernel_regression import KernelRegression

KERNELS = [GaussianScore, BoxcarScore, TriangularScore, EpanechnikovScore]
LINE = onp.arange(4, dtype="float32")[:, None]


@pytest.fixture(autouse=True)
def seed():
    seed_everything(0)


def sample(n, dimension, seed=0):
    rng = onp.random.RandomState(seed)
    x = rng.normal(size=(n, dimension))
    return x, onp.sin(2 * x).sum(-1, keepdims=True) + rng.normal(size=(n, 1))


def refitted(block, x, y):
    rows = (
        estimate(block, x[[i]], onp.delete(x, i, 0), onp.delete(y, i, 0)) for i in range(len(x))
    )
    return onp.array([answer[0] for answer, _ in rows])


# ---------------------------------------------------------------------------- estimates
def test_chunks_do_not_change_the_estimate():
    (x, y), (query, _) = sample(30, 2), sample(11, 2, seed=1)
    mask = (onp.random.uniform(size=(11, 30)) < 0.5).astype("float64")
    block = KernelRegression(GaussianScore(0.5))
    whole = estimate(block, query, x, y, mask=mask)
    for chunk in (1, 3, onp.int64(5), 11, 100):
        for ours, other in zip(
            estimate(block, query, x, y, mask=mask, chunk=chunk), whole, strict=True
        ):
            onp.testing.assert_allclose(ours, other, atol=1e-14)
    assert (whole[1][mask == 0] == 0).all()


BAD = [
    (TypeError, "query must be a NumPy array with two axes", {"query": onp.zeros(3, "float32")}),
    (TypeError, "key must be a NumPy array with two axes", {"key": [[1.0]]}),
    (TypeError, "query must be float32 or float64", {"query": onp.zeros((3, 1), "int64")}),
    (TypeError, "query must be float32 or float64", {"query": onp.zeros((3, 1), "float16")}),
    (TypeError, "key must be float32, as query is", {"key": onp.zeros((4, 1))}),
    (TypeError, "mask must be float32", {"mask": onp.ones((3, 4), bool)}),
    (ValueError, "value", {"value": onp.zeros((5, 1), "float32")}),
    (ValueError, "key", {"key": onp.zeros((4, 2), "float32")}),
    (ValueError, "mask", {"mask": onp.ones((3, 5), "float32")}),
    (ValueError, "chunk must be at least 1", {"chunk": 0}),
    (TypeError, "chunk must be an integer", {"chunk": True}),
    (TypeError, "chunk must be an integer", {"chunk": 2.5}),
    (ValueError, "batches must not be empty", {"query": onp.zeros((0, 1), "float32")}),
]


@pytest.mark.parametrize(("error", "message", "change"), BAD)
def test_bad_arguments_are_named(error, message, change):
    arguments = {"query": LINE[:3], "key": LINE, "value": LINE}
    with pytest.raises(error, match=message):
        estimate(KernelRegression(GaussianScore()), **(arguments | change))


# ---------------------------------------------------------------------- leaving one out
@pytest.mark.parametrize("score", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_leave_one_out_equals_refitting(score, dtype):
    x, y = (a.astype(dtype) for a in sample(25, 1))
    x[0] = 50.0  # a compact kernel leaves this point alone
    block = KernelRegression(score(0.6))
    answer, weights = leave_one_out(block, x, y)
    assert answer.dtype == dtype and (onp.diagonal(weights) == 0).all()
    tolerance = 1e-5 if dtype == "float32" else 1e-10
    onp.testing.assert_allclose(answer, refitted(block, x, y), atol=tolerance)
    if score is not GaussianScore:
        assert answer[0] == 0 and (weights[0] == 0).all()


def test_leave_one_out_where_a_point_keeps_nearly_all_of_its_own_weight():
    """A closed form that divides by 1 - w_ii loses all digits here."""
    block = KernelRegression(GaussianScore(0.17))
    answer, _ = leave_one_out(block, LINE, LINE + 5)
    onp.testing.assert_allclose(answer[:, 0], [6, 6, 7, 7], atol=1e-3)
    onp.testing.assert_allclose(answer, refitted(block, LINE, LINE + 5), atol=1e-3)


def test_choose_bandwidth_finds_the_least_error_and_avoids_the_trivial_fit():
    x, y = Wave().sample(200, onp.random.RandomState(0))
    bandwidths = onp.geomspace(0.003, 1, 15)
    best, errors = choose_bandwidth(x, y, bandwidths)
    fits = (estimate(KernelRegression(GaussianScore(h)), x, x, y)[0] for h in bandwidths)
    in_sample = [onp.square(answer - y).mean() for answer in fits]
    assert best == bandwidths[errors.argmin()] and 0.01 < best < 0.1
    assert onp.argmin(in_sample) == 0  # without leaving one out, the narrowest looks best
    assert errors.min() == pytest.approx(0.25, rel=0.25)  # the noise
    for h, error in zip(bandwidths[::5], errors[::5], strict=True):
        again = refitted(KernelRegression(GaussianScore(h)), x, y)
        assert error == pytest.approx(onp.square(again - y).mean(), rel=1e-6)


@pytest.mark.parametrize("score", KERNELS[1:])
def test_a_bandwidth_that_reaches_nobody_is_never_chosen(score):
    """Labels of pure noise: an estimate of zero everywhere would have the least error."""
    rng = onp.random.RandomState(0)
    x, y = (a.astype("float32") for a in (rng.uniform(size=(50, 1)), rng.normal(size=(50, 1))))
    best, errors = choose_bandwidth(x, y, [1e-6, 1.5, 3.0], score=score)
    assert best in (1.5, 3.0) and errors[0] == math.inf and onp.isfinite(errors[1:]).all()
    with pytest.raises(ValueError, match=r"^bandwidths must reach a neighbour of each point"):
        choose_bandwidth(x, y, [1e-6, 1e-5], score=score)


BAD_CHOICES = [
    (ValueError, "bandwidths must not be empty", {"bandwidths": []}),
    (ValueError, "two points or more", {"key": LINE[:1], "value": LINE[:1]}),
    (ValueError, "finite", {"value": onp.where(LINE == 1, onp.nan, LINE)}),
    (ValueError, "finite", {"key": onp.where(LINE == 1, onp.inf, LINE)}),
    (ValueError, "bandwidth must be a positive number", {"bandwidths": [1.0, 0.0]}),
    (ValueError, "value", {"value": LINE[:3]}),
    (TypeError, "key must be a NumPy array", {"key": LINE.tolist()}),
    (TypeError, "value must be a NumPy array", {"value": LINE[:, 0]}),
    (TypeError, "query must be float32 or float64", {"key": LINE.astype(int)}),
]


@pytest.mark.parametrize(("error", "message", "change"), BAD_CHOICES)
def test_bad_choices_are_named(error, message, change):
    arguments = {"key": LINE, "value": LINE, "bandwidths": [1.0]} | change
    with pytest.raises(error, match=message):
        choose_bandwidth(**arguments)


# ------------------------------------------------------------------ theory and practice
def test_expected_error_matches_a_direct_integral():
    """Bias and variance of the Gaussian smoother on a fine regular design, without random numbers."""
    problem, h, m = Wave(noise=0.7), 0.01, 4000
    design = (onp.arange(m)[:, None] + 0.5) / m
    query = onp.linspace(0.2, 0.8, 40)[:, None]
    regression = KernelRegression(GaussianScore(h))
    answer, weights = estimate(regression, query, design, problem.mean(design))
    bias = onp.square(answer - problem.mean(query)).mean()
    exact = bias + 0.7**2 * onp.square(weights).sum(-1).mean()
    curvature = onp.square(problem.laplacian(query)).mean()
    assert expected_error(m, h, curvature=curvature, noise=0.7) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_best_bandwidth_and_its_rates(dimension):
    settings = {"curvature": 5.0, "noise": 0.5, "dimension": dimension}
    h = best_bandwidth(1000, **settings)
    errors = expected_error(1000, h * onp.geomspace(0.5, 2, 101), **settings)
    assert errors.argmin() == 50
    ratio = best_bandwidth(2000, **settings) / h
    assert math.log2(ratio) == pytest.approx(-1 / (4 + dimension))
    halved = expected_error(2000, h * ratio, **settings) / expected_error(1000, h, **settings)
    assert math.log2(halved) == pytest.approx(-4 / (4 + dimension))


def test_measured_errors_meet_the_theory_and_do_not_depend_on_blocks():
    problem, query = Wave(), onp.linspace(0.2, 0.8, 20)[:, None]
    curvature = onp.square(problem.laplacian(query)).mean()
    settings = {"query": query, "repeats": 30, "seed": 0}
    errors = measured_errors(problem, 2000, [0.01, 0.025], **settings)
    assert errors.shape == (30, 2)
    theory = [expected_error(2000, h, curvature=curvature, noise=0.5) for h in (0.01, 0.025)]
    onp.testing.assert_allclose(errors.mean(0), theory, rtol=0.2)
    again = measured_errors(problem, 2000, [0.01, 0.025], **settings, block_size=100_000)
    onp.testing.assert_allclose(again, errors, rtol=1e-5)


def test_the_next_order_counts_the_change_within_a_window():
    """Of a straight line without noise only the change is left: sum alpha^2 (f(x_i) - f(x))^2."""
    x, h = (onp.arange(200_000) + 0.5) / 200_000, 0.01
    kernel = onp.exp(-onp.square((x - 0.5) / h) / 2)
    alpha = kernel / kernel.sum()
    change = onp.square(alpha) @ onp.square(3 * (x - 0.5))
    ours = expected_error(len(x), h, curvature=0.0, noise=0.0, gradient=9.0)
    assert ours == pytest.approx(change, rel=1e-6)


def test_constants_are_those_of_the_problem():
    query = onp.random.RandomState(0).uniform(size=(5, 2))
    found = constants(Wave(dimension=2, noise=0.3), query)
    curvature = onp.square(Wave(dimension=2).laplacian(query)).mean()
    assert found == {"curvature": curvature, "noise": 0.3, "dimension": 2}


def test_a_rate_and_its_interval():
    """The interval holds the slope in 95 of 100 experiments."""
    sizes, rng = onp.array([100, 200, 400, 800]), onp.random.RandomState(0)
    inside = []
    for _ in range(1000):
        slope, half = rate(sizes, sizes**-0.8 * rng.gamma(5, size=(40, 4)))
        inside.append(abs(slope + 0.8) < half)
    assert 0.92 < onp.mean(inside) < 0.97
