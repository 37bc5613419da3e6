"""kernel_regression.py against statsmodels, brute force and theory, and its data
against what they claim to be.
"""

import doctest
import math

import numpy as onp
import pytest

from d2l_attention import kernel_regression as module
from d2l_attention import seed_everything
from d2l_attention.attention import (
    BoxcarScore,
    DotProductScore,
    EpanechnikovScore,
    GaussianScore,
    TriangularScore,
)
from d2l_attention.datasets import digits, regression
from d2l_attention.datasets.regression import Wave, diabetes
from d2l_attention.models.kernel_regression import (
    KernelRegression,
    best_bandwidth,
    choose_bandwidth,
    estimate,
    expected_error,
    leave_one_out,
    leave_one_out_mask,
    measured_errors,
)

from mxnet import autograd, gluon, init, np


@pytest.fixture(autouse=True)
def seed():
    seed_everything(0)


def sample(n, dimension, seed=0, dtype="float64"):
    rng = onp.random.RandomState(seed)
    x = rng.normal(size=(n, dimension)).astype(dtype)
    return x, (onp.sin(2 * x).sum(-1, keepdims=True) + rng.normal(size=(n, 1))).astype(dtype)


# ------------------------------------------------------------------------ the estimator
@pytest.mark.parametrize("dimension", [1, 3])
@pytest.mark.parametrize("bandwidth", [0.3, 1.0, 5.0])
def test_equals_statsmodels(dimension, bandwidth):
    kernel_regression = pytest.importorskip("statsmodels.nonparametric.kernel_regression")
    (x, y), (query, _) = sample(60, dimension), sample(25, dimension, seed=1)
    peer = kernel_regression.KernelReg(
        y[:, 0], x, "c" * dimension, reg_type="lc", bw=[bandwidth] * dimension
    )
    ours, _ = estimate(KernelRegression(GaussianScore(bandwidth)), query, x, y)
    assert ours.dtype == "float64"
    onp.testing.assert_allclose(ours[:, 0], peer.fit(query)[0], atol=1e-8, rtol=1e-8)


def test_equals_statsmodels_with_one_bandwidth_a_feature():
    kernel_regression = pytest.importorskip("statsmodels.nonparametric.kernel_regression")
    (x, y), (query, _) = sample(60, 3), sample(25, 3, seed=1)
    peer = kernel_regression.KernelReg(y[:, 0], x, "ccc", reg_type="lc", bw=[0.5, 1.0, 2.0])
    block = KernelRegression(GaussianScore([0.5, 1.0, 2.0], learn=True, dtype="float64"))
    block.initialize()
    onp.testing.assert_allclose(
        estimate(block, query, x, y)[0][:, 0], peer.fit(query)[0], atol=1e-8
    )


KERNELS = {
    GaussianScore: lambda u: math.exp(-(u**2) / 2),
    BoxcarScore: lambda u: float(u < 1),
    TriangularScore: lambda u: max(1 - u, 0),
    EpanechnikovScore: lambda u: max(1 - u * u, 0),
}


@pytest.mark.parametrize("score", KERNELS)
def test_equals_the_formula_for_every_kernel(score):
    (x, y), (query, _) = sample(30, 2), sample(10, 2, seed=1)
    query[0] = 100.0  # out of a compact kernel's reach
    ours, weights = estimate(KernelRegression(score(0.8)), query, x, y)
    for i, q in enumerate(query):
        k = onp.array([KERNELS[score](onp.linalg.norm((q - point) / 0.8)) for point in x])
        if k.sum() > 0:
            onp.testing.assert_allclose(weights[i], k / k.sum(), atol=1e-10)
            onp.testing.assert_allclose(ours[i], k @ y / k.sum(), atol=1e-10)
        elif score is not GaussianScore:
            assert (weights[i] == 0).all() and ours[i] == 0
    assert (weights.sum(-1) > 0.99).sum() > 5


def test_the_two_limits_are_the_average_and_the_nearest_neighbour():
    (x, y), (query, _) = sample(30, 2), sample(10, 2, seed=1)
    wide, _ = estimate(KernelRegression(GaussianScore(1e6)), query, x, y)
    onp.testing.assert_allclose(wide, y.mean(), atol=1e-9)
    narrow, _ = estimate(KernelRegression(GaussianScore(1e-3)), query, x, y)
    nearest = onp.linalg.norm(query[:, None] - x[None], axis=-1).argmin(1)
    onp.testing.assert_allclose(narrow, y[nearest], atol=1e-9)


def test_estimates_stay_between_the_labels_and_ignore_the_order_of_points():
    (x, y), (query, _) = sample(30, 2), sample(10, 2, seed=1)
    block = KernelRegression(GaussianScore(0.5))
    answers, _ = estimate(block, query, x, y)
    assert (answers >= y.min()).all() and (answers <= y.max()).all()
    order = onp.random.permutation(30)
    onp.testing.assert_allclose(estimate(block, query, x[order], y[order])[0], answers, atol=1e-12)
    onp.testing.assert_allclose(
        estimate(block, query, x, 3 * y - 7)[0], 3 * answers - 7, atol=1e-12
    )


def test_gaussian_attention_is_dot_product_attention_on_keys_of_equal_length():
    (x, y), (query, _) = sample(30, 3), sample(10, 3, seed=1)
    x /= onp.linalg.norm(x, axis=-1, keepdims=True)
    gaussian, _ = estimate(KernelRegression(GaussianScore(0.5)), query, x, y)
    dot, _ = estimate(KernelRegression(DotProductScore()), query / 0.5**2, x, y)
    onp.testing.assert_allclose(gaussian, dot, atol=1e-10)


def test_chunks_do_not_change_the_estimate():
    (x, y), (query, _) = sample(30, 2), sample(11, 2, seed=1)
    block = KernelRegression(GaussianScore(0.5))
    for whole, part in zip(
        estimate(block, query, x, y), estimate(block, query, x, y, chunk=3), strict=True
    ):
        onp.testing.assert_allclose(part, whole, atol=1e-14)


@pytest.mark.parametrize("hybridize", [False, True])
def test_projection_measures_distance_in_the_learned_metric(hybridize):
    (x, y), (query, _) = (
        sample(30, 3, dtype="float32"),
        sample(10, 3, seed=1, dtype="float32"),
    )
    block = KernelRegression(GaussianScore(1.0), projection_size=2)
    block.initialize(init.Normal(0.7))
    if hybridize:
        block.hybridize(static_alloc=True)
    ours, _ = estimate(block, query, x, y)
    w = block.projection.weight.data().asnumpy().T
    expected, _ = estimate(KernelRegression(GaussianScore(1.0)), query @ w, x @ w, y)
    onp.testing.assert_allclose(ours, expected, atol=1e-5)


def test_gradient_of_the_projection_against_torch():
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    x, y = sample(20, 3, dtype="float32")
    block = KernelRegression(GaussianScore(1.0), projection_size=2)
    block.initialize(init.Normal(0.7))
    key, value = np.array(x[None]), np.array(y[None])
    with autograd.record():
        loss = np.square(block(key, key, value, leave_one_out_mask(20))[0] - value).mean()
    loss.backward()
    w = torch.tensor(block.projection.weight.data().asnumpy(), requires_grad=True)
    z = torch.tensor(x) @ w.T
    scores = -(z[:, None] - z[None]).square().sum(-1) / 2
    alpha = torch.softmax(scores.masked_fill(torch.eye(20, dtype=bool), -torch.inf), -1)
    expected = (alpha @ torch.tensor(y) - torch.tensor(y)).square().mean()
    expected.backward()
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    onp.testing.assert_allclose(block.projection.weight.grad().asnumpy(), w.grad, atol=1e-5)


# ---------------------------------------------------------------------- leaving one out
@pytest.mark.parametrize("score", KERNELS)
def test_leave_one_out_in_closed_form_equals_refitting(score):
    x, y = sample(25, 1)
    x[0] = 50.0  # a compact kernel leaves this point alone
    block = KernelRegression(score(0.6))
    closed = leave_one_out(estimate(block, x, x, y)[1], y)
    masked = block(
        *(np.array(a[None], dtype="float64") for a in (x, x, y)), leave_one_out_mask(25)
    )[0][0]
    refitted = [
        estimate(block, x[[i]], onp.delete(x, i, 0), onp.delete(y, i, 0))[0][0] for i in range(25)
    ]
    # 1 - w_ii cancels digits where nearly all weight is a point's own; compare where it
    # does not.
    onp.testing.assert_allclose(masked.asnumpy(), refitted, atol=1e-10)
    onp.testing.assert_allclose(closed[1:], onp.array(refitted)[1:], atol=1e-8)
    if score is not GaussianScore:
        assert closed[0] == refitted[0] == 0


def test_choose_bandwidth_finds_the_least_error_and_avoids_the_trivial_fit():
    x, y = Wave().sample(200, onp.random.RandomState(0))
    bandwidths = onp.geomspace(0.003, 1, 15)
    best, errors = choose_bandwidth(x, y, bandwidths)
    in_sample = [
        onp.square(estimate(KernelRegression(GaussianScore(h)), x, x, y)[0] - y).mean()
        for h in bandwidths
    ]
    assert best == bandwidths[errors.argmin()] and 0.01 < best < 0.1
    # Without leaving one out, the narrowest bandwidth looks best
    assert onp.argmin(in_sample) == 0
    assert errors.min() == pytest.approx(0.25, rel=0.25)  # the noise


# ------------------------------------------------------------------ theory and practice
def test_expected_error_matches_a_direct_integral():
    """Bias and variance of the Gaussian smoother on a fine regular design, without any
    random numbers.
    """
    problem, h, m = Wave(noise=0.7), 0.01, 4000
    design = (onp.arange(m)[:, None] + 0.5) / m
    query = onp.linspace(0.2, 0.8, 40)[:, None]
    answer, weights = estimate(
        KernelRegression(GaussianScore(h)), query, design, problem.mean(design)
    )
    exact = (
        onp.square(answer - problem.mean(query)).mean()
        + 0.7**2 * onp.square(weights).sum(-1).mean()
    )
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


# ----------------------------------------------------------------------------- the data
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_laplacian_of_the_wave_by_finite_differences(dimension):
    problem, step = Wave(dimension), 1e-4
    x = onp.random.uniform(0.1, 0.9, size=(7, dimension))
    shifts = step * onp.eye(dimension)
    second = (
        sum(problem.mean(x + s) - 2 * problem.mean(x) + problem.mean(x - s) for s in shifts)
        / step**2
    )
    onp.testing.assert_allclose(second, problem.laplacian(x), rtol=1e-4, atol=1e-4)


def test_wave_samples():
    x, y = Wave(2, noise=0.3).sample((4, 5000), onp.random.RandomState(0))
    assert x.shape == (4, 5000, 2) and y.shape == (4, 5000, 1)
    assert x.min() >= 0 and x.max() <= 1
    noise = y - Wave(2).mean(x)
    assert noise.std() == pytest.approx(0.3, rel=0.03) and abs(noise.mean()) < 0.01


def test_diabetes_splits_are_disjoint_scaled_and_repeatable():
    parts = diabetes(seed=3)
    x = onp.concatenate([part.x for part in parts])
    assert len(onp.unique(x, axis=0)) == 442
    onp.testing.assert_allclose(parts[0].x.mean(0), 0, atol=1e-6)
    onp.testing.assert_allclose(parts[0].y.std(0), 1, atol=1e-6)
    onp.testing.assert_array_equal(diabetes(seed=3)[2].y, parts[2].y)
    assert (diabetes(seed=4)[2].y != parts[2].y).any()


def test_digits_of_both_sources_have_the_same_form(monkeypatch):
    pair = (
        onp.zeros((3, 28, 28), "uint8") + onp.uint8(255),
        onp.array([1, 2, 3], "uint8"),
    )
    monkeypatch.setattr(digits.mnist, "load", lambda split: pair)
    for source, pixels in (("embedded", 64), ("mnist", 784)):
        for images, labels in digits.load(source):
            assert images.shape == (len(labels), pixels) and images.dtype == "float32"
            assert images.min() >= 0 and images.max() == 1 and labels.dtype == "int32"


# ------------------------------------------------------------------------------- errors
def f32(*shape):
    return onp.zeros(shape, "float32")


@pytest.mark.parametrize(
    ("error", "name", "call"),
    [
        (
            ValueError,
            "query",
            lambda: estimate(KernelRegression(GaussianScore()), f32(3), f32(4, 1), f32(4, 1)),
        ),
        (
            ValueError,
            "value",
            lambda: estimate(KernelRegression(GaussianScore()), f32(3, 1), f32(4, 1), f32(5, 1)),
        ),
        (
            ValueError,
            "features",
            lambda: estimate(KernelRegression(GaussianScore()), f32(3, 2), f32(4, 1), f32(4, 1)),
        ),
        (
            ValueError,
            "chunk",
            lambda: estimate(
                KernelRegression(GaussianScore()),
                f32(3, 1),
                f32(4, 1),
                f32(4, 1),
                chunk=0,
            ),
        ),
        (TypeError, "score", lambda: KernelRegression("gaussian")),
        (ValueError, "weights", lambda: leave_one_out(f32(3, 4), f32(3, 1))),
        (ValueError, "weights", lambda: leave_one_out(f32(3, 3), f32(4, 1))),
        (ValueError, "bandwidths", lambda: choose_bandwidth(f32(3, 1), f32(3, 1), [])),
        (ValueError, "dimension", lambda: Wave(0)),
        (ValueError, "noise", lambda: Wave(noise=-1.0)),
        (ValueError, "features", lambda: Wave(2).mean(onp.zeros((3, 1)))),
        (
            ValueError,
            "num_train",
            lambda: diabetes(0, num_train=400, num_validation=42),
        ),
        (ValueError, "source", lambda: digits.load("cifar")),
    ],
)
def test_errors_name_the_argument(error, name, call):
    with pytest.raises(error, match=name):
        call()


def test_trains_on_a_tiny_task():
    """Of two features only one matters: the learned bandwidths must tell them apart."""
    x = onp.random.RandomState(0).uniform(-1, 1, size=(1, 60, 2))
    key, value = np.array(x), np.array(onp.sin(4 * x[..., :1]))
    block = KernelRegression(GaussianScore([0.5, 0.5], learn=True))
    block.initialize()
    trainer = gluon.Trainer(block.collect_params(), "adam", {"learning_rate": 0.05})
    for _ in range(60):
        with autograd.record():
            loss = np.square(block(key, key, value, leave_one_out_mask(60))[0] - value).mean()
        loss.backward()
        trainer.step(1)
    relevant, irrelevant = block.attention.score.bandwidth
    assert relevant < 0.2 and irrelevant > 1.5


@pytest.mark.parametrize("documented", [module, regression, digits])
def test_examples_in_the_docstrings(documented):
    assert doctest.testmod(documented).failed == 0
