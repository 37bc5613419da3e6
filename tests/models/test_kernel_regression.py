"""Kernel regression against statsmodels, PyTorch and brute force; what must hold for any data."""

import math

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import (
    BoxcarScore,
    DotProductScore,
    EpanechnikovScore,
    GaussianScore,
    TriangularScore,
    leave_one_out_mask,
)
from d2l_attention.bandwidth import estimate
from d2l_attention.models.kernel_regression import KernelRegression
from d2l_attention.training import fit, predict

from mxnet import autograd, init, np, optimizer


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
    block = KernelRegression(GaussianScore([0.5, 1.0, 2.0]))
    block.initialize()
    block.cast("float64")
    ours = estimate(block, query, x, y)[0]
    onp.testing.assert_allclose(ours[:, 0], peer.fit(query)[0], atol=1e-6)


KERNELS = {
    GaussianScore: lambda u: math.exp(-(u**2) / 2),
    BoxcarScore: lambda u: float(u < 1),
    TriangularScore: lambda u: max(1 - u, 0),
    EpanechnikovScore: lambda u: max(1 - u * u, 0),
}


@pytest.mark.parametrize("score", KERNELS)
@pytest.mark.parametrize("hybridize", [False, True])
def test_equals_the_formula_for_every_kernel(score, hybridize):
    (x, y), (query, _) = sample(30, 2), sample(10, 2, seed=1)
    query[0] = 100.0  # out of a compact kernel's reach
    block = KernelRegression(score(0.8))
    block.hybridize(hybridize)
    ours, weights = estimate(block, query, x, y)
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
    scaled = estimate(block, query, x, 3 * y - 7)[0]
    onp.testing.assert_allclose(scaled, 3 * answers - 7, atol=1e-12)


def test_gaussian_attention_is_dot_product_attention_on_keys_of_equal_length():
    (x, y), (query, _) = sample(30, 3), sample(10, 3, seed=1)
    x /= onp.linalg.norm(x, axis=-1, keepdims=True)
    gaussian, _ = estimate(KernelRegression(GaussianScore(0.5)), query, x, y)
    dot, _ = estimate(KernelRegression(DotProductScore()), query / 0.5**2, x, y)
    onp.testing.assert_allclose(gaussian, dot, atol=1e-10)


# ----------------------------------------------------------------------- the projection
@pytest.mark.parametrize("hybridize", [False, True])
def test_projection_measures_distance_in_the_learned_metric(hybridize):
    x, y = sample(30, 3, dtype="float32")
    query, _ = sample(10, 3, seed=1, dtype="float32")
    block = KernelRegression(GaussianScore(1.0), projection_size=2)
    block.initialize(init.Normal(0.7))
    if hybridize:
        block.hybridize(static_alloc=True)
    ours, _ = estimate(block, query, x, y)
    w = block.W.weight.data().asnumpy().T
    expected, _ = estimate(KernelRegression(GaussianScore(1.0)), query @ w, x @ w, y)
    onp.testing.assert_allclose(ours, expected, atol=1e-5)


SCORES = {"fixed": (0.8, False), "one": (0.8, True), "one a feature": ([0.5, 1.0, 2.0], True)}


@pytest.mark.parametrize("projection_size", [None, 3])
@pytest.mark.parametrize("bandwidth", SCORES)
@pytest.mark.parametrize("hybridize", [False, True])
def test_estimates_and_gradients_equal_pytorch(hybridize, bandwidth, projection_size):
    """Leave-one-out training: the oracle is `tests/oracles/kernel_regression.py`."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import kernel_regression as oracle
    from tests.oracles import weights

    width, learn = SCORES[bandwidth]
    x, y = sample(20, 3, dtype="float32")
    block = KernelRegression(GaussianScore(width, learn=learn), projection_size=projection_size)
    block.initialize(init.Normal(0.7))
    block.hybridize(hybridize)
    key, value, mask = np.array(x[None]), np.array(y[None]), leave_one_out_mask(20)
    block(key, key, value, mask)  # only now does W know the number of features
    other = oracle.KernelRegression(
        oracle.GaussianScore(width, learn=learn), features=3, projection_size=projection_size
    )
    weights.copy_weights(block, other)
    x, y = torch.tensor(x[None]).double(), torch.tensor(y[None]).double()
    expected = other(x, x, y, oracle.leave_one_out_mask(20))
    loss = other.loss(expected, y)
    with autograd.record():
        output = block(key, key, value, mask)
        our_loss = block.loss(output, value)
    for ours, its in zip((*output, our_loss), (*expected, loss), strict=True):
        onp.testing.assert_allclose(ours.asnumpy(), its.detach().numpy(), atol=1e-5)
    if block.collect_params() and (learn or projection_size):
        our_loss.backward()
        loss.sum().backward()
        weights.compare_gradients(block, other)


@pytest.mark.parametrize("hybridize", [False, True])
def test_a_boxcar_behind_a_projection_does_not_train_it(hybridize):
    """The backward pass used to end the process."""
    x, y = sample(20, 3, dtype="float32")
    block = KernelRegression(BoxcarScore(1.0), projection_size=2)
    block.initialize(init.Normal(0.7))
    block.hybridize(hybridize)
    key, value = np.array(x[None]), np.array(100 * y[None])
    with autograd.record():
        loss = block.loss(block(key, key, value, leave_one_out_mask(20)), value)
    loss.backward()
    assert float(loss) > 1 and (block.W.weight.grad().asnumpy() == 0).all()


def test_fit_goes_through_a_boxcar():
    x, y = sample(20, 3, dtype="float32")
    block = KernelRegression(BoxcarScore(1.0), projection_size=2)
    block.initialize(init.Normal(0.7))
    batch = ((x[None], x[None], y[None]), y[None])
    adam = optimizer.Adam(learning_rate=0.1)
    losses = fit(block, [batch] * 3, adam, epochs=2, progress=False)["loss"]
    assert losses[0] == losses[1] > 0


def test_trains_on_a_tiny_task():
    """Of two features only one matters: the learned bandwidths must tell them apart."""
    x = onp.random.RandomState(0).uniform(-1, 1, size=(1, 60, 2)).astype("float32")
    y = onp.sin(4 * x[..., :1])
    mask = leave_one_out_mask(60).asnumpy()
    block = KernelRegression(GaussianScore([0.5, 0.5], learn=True))
    block.initialize()
    adam = optimizer.Adam(learning_rate=0.05)
    fit(block, [((x, x, y, mask), y)], adam, epochs=60, progress=False)
    relevant, irrelevant = block.attention.score.bandwidth
    assert relevant < 0.2 and irrelevant > 1.5


def test_loss_is_the_mean_squared_error_of_each_example():
    value = onp.random.normal(size=(3, 4, 2)).astype("float32")
    answer = onp.random.normal(size=(3, 4, 2)).astype("float32")
    loss = KernelRegression(GaussianScore()).loss((np.array(answer), None), np.array(value))
    expected = onp.square(answer - value).mean((1, 2))
    onp.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("projection_size", [None, 2])
def test_a_mask_by_turns_and_float64(projection_size, hybridize):
    x, y = sample(12, 3, dtype="float32")
    inputs, mask = [np.array(a[None]) for a in (x, x, y)], leave_one_out_mask(12)
    block = KernelRegression(EpanechnikovScore(2.0, learn=True), projection_size=projection_size)
    block.initialize(init.Normal(0.7))
    expected = {True: block(*inputs, mask)[0].asnumpy(), False: block(*inputs)[0].asnumpy()}
    block.hybridize(hybridize)
    for dtype in ("float32", "float64"):
        block.cast(dtype)
        arrays = [a.astype(dtype) for a in (*inputs, mask)]
        for masked in (True, False, False, True):
            ours = block(*arrays[: 3 + masked])[0]
            assert ours.dtype == dtype
            onp.testing.assert_allclose(ours.asnumpy(), expected[masked], atol=1e-5)


def test_a_saved_model_answers_the_same(tmp_path):
    x, y = sample(12, 3, dtype="float32")
    first, second = (
        KernelRegression(GaussianScore([1.0, 2.0], learn=True), projection_size=2) for _ in "12"
    )
    first.initialize(init.Normal(0.7))
    expected = estimate(first, x, x, y)[0]
    first.save_parameters(str(tmp_path / "model"))
    second.load_parameters(str(tmp_path / "model"))
    onp.testing.assert_array_equal(estimate(second, x, x, y)[0], expected)


# ------------------------------------------------------------------------------- errors
def f32(*shape):
    return np.zeros(shape)


BAD_CALLS = [
    (ValueError, "^(query|key)", lambda r: r(f32(3, 2), f32(1, 4, 2), f32(1, 4, 1))),
    (ValueError, "^key .* d = 3", lambda r: r(f32(1, 3, 3), f32(1, 4, 2), f32(1, 4, 1))),
    (ValueError, "^value .* n = 4", lambda r: r(f32(1, 3, 2), f32(1, 4, 2), f32(1, 5, 1))),
    (ValueError, "^mask", lambda r: r(f32(1, 3, 2), f32(1, 4, 2), f32(1, 4, 1), f32(3, 4))),
    (ValueError, "none of them 0", lambda r: r(f32(1, 0, 2), f32(1, 4, 2), f32(1, 4, 1))),
    (ValueError, "none of them 0", lambda r: r(f32(1, 3, 2), f32(1, 0, 2), f32(1, 0, 1))),
    (TypeError, "'value'", lambda r: r(f32(1, 3, 2), f32(1, 4, 2))),
    (TypeError, "^query", lambda r: r(*(f32(1, 4, 2).astype("int32"),) * 3)),
    (TypeError, "^query .* float16", lambda r: r(*(f32(1, 4, 2).astype("float16"),) * 3)),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD_CALLS)
@pytest.mark.parametrize("projection_size", [None, 2])
@pytest.mark.parametrize("hybridize", [False, True])
def test_bad_calls_name_the_argument(error, message, call, projection_size, hybridize):
    regression = KernelRegression(GaussianScore(), projection_size=projection_size)
    regression.initialize()
    regression.hybridize(hybridize)
    with pytest.raises(error, match=message):
        call(regression)


def test_bad_constructions_and_other_features_are_refused():
    with pytest.raises(TypeError, match="score must be a Score"):
        KernelRegression("gaussian")
    for bad, error in [(0, ValueError), (True, TypeError), (1.5, TypeError)]:
        with pytest.raises(error, match=r"^projection_size must be"):
            KernelRegression(GaussianScore(), projection_size=bad)
    regression = KernelRegression(GaussianScore(), projection_size=onp.int64(2))
    regression.initialize()
    predict(regression, [((onp.ones((1, 4, 3), "float32"),) * 3, None)])
    with pytest.raises(ValueError, match=r"^query .* d = 3"):
        regression(f32(1, 4, 2), f32(1, 4, 2), f32(1, 4, 1))


def test_a_score_must_fit_the_projection():
    with pytest.raises(ValueError, match="score must take 1 features, got one for 2"):
        KernelRegression(GaussianScore([1.0, 2.0]), projection_size=1)


def test_a_loss_of_other_shapes_is_refused():
    estimates = np.ones((1, 5, 1)), np.ones((1, 5, 7))
    regression = KernelRegression(GaussianScore(1.0))
    assert regression.loss(estimates, np.zeros((1, 5, 1))).tolist() == [1.0]
    with pytest.raises(ValueError, match="value must be of shape"):
        regression.loss(estimates, np.zeros((1, 5)))


def test_bandwidths_that_are_not_trained_need_no_initialisation():
    regression = KernelRegression(GaussianScore([1.0, 2.0]))
    query, key = np.zeros((1, 1, 2)), np.array([[[1.0, 0.0], [0.0, 2.0]]])
    _, weights = regression(query, key, key)
    assert weights.tolist() == [[[0.5, 0.5]]]
