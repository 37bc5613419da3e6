"""Kernels as scores: their formulas, finite gradients within and out of reach, bandwidths that are trained."""

import math

import numpy as onp
import pytest

from d2l_attention.attention import (
    Attention,
    BoxcarScore,
    EpanechnikovScore,
    GaussianScore,
    MultiHeadAttention,
    TriangularScore,
)
from tests.attention.every_score import KERNELS, B, M, N, both_modes, ready

from mxnet import autograd, gluon, np

K = {
    "gaussian": lambda u: math.exp(-(u**2) / 2),
    "boxcar": lambda u: float(u < 1),
    "triangular": lambda u: max(1 - u, 0),
    "epanechnikov": lambda u: max(1 - u**2, 0),
}
COMPACT = [BoxcarScore, TriangularScore, EpanechnikovScore]
SMOOTH = [GaussianScore, TriangularScore, EpanechnikovScore]
FORBIDDEN = -onp.finfo("float32").max  # up to a last bit, which MXNet loses in float64


def trained(score):
    """The score with its bandwidth, which needs no shapes."""
    score.initialize()
    return score


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@both_modes
def test_score_is_the_logarithm_of_the_kernel(name, dtype, hybridize, arrays):
    query, key = (x.astype(dtype) for x in arrays[:2])
    score = trained(KERNELS[name]())
    score.cast(dtype)
    if hybridize:
        score.hybridize(static_alloc=True)
    scores, kernel = score(query, key).asnumpy(), K[name.split(",")[0]]
    assert scores.dtype == dtype
    for b in range(B):
        for i in range(M):
            for j in range(N):
                q, k = (x.asnumpy().astype("float64") for x in (query[b, i], key[b, j]))
                weight = kernel(onp.linalg.norm((q - k) / score.bandwidth))
                expected = math.log(weight) if weight else FORBIDDEN
                assert scores[b, i, j] == pytest.approx(expected, abs=2e-5, rel=1e-5)
    if "gaussian" not in name:
        assert (
            0 < onp.isclose(scores, FORBIDDEN).sum() < scores.size
        )  # else reach would not be tested


@pytest.mark.parametrize("score", COMPACT)
def test_the_edge_is_out_of_reach(score):
    scores = score(2.0)(np.array([[[0.0]]]), np.array([[[2.0], [1.999], [2.001], [-2.0]]]))
    assert (scores.asnumpy().ravel() == FORBIDDEN).tolist() == [True, False, True, True]


@pytest.mark.parametrize("score", COMPACT)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@both_modes
def test_a_query_far_from_every_key_gets_nothing(score, dtype, hybridize):
    far, keys = (np.array(x, dtype=dtype) for x in ([[[1000.0]]], [[[0.0], [1.0]]]))
    attention = Attention(score(2.0))
    attention.hybridize(hybridize)
    for mask in (None, np.ones((1, 1, 2), dtype=dtype), np.zeros((1, 1, 2), dtype=dtype)):
        context, weights = attention(far, keys, keys + 5, mask)
        assert weights.asnumpy().tolist() == [[[0.0, 0.0]]]
        assert context.asnumpy().tolist() == [[[0.0]]]


def test_a_gaussian_has_no_end():
    """The nearest key gets all the weight, even where exp(-u^2 / 2) underflows."""
    far, keys = np.array([[[1000.0]]]), np.array([[[0.0], [1.0]]])
    assert Attention(GaussianScore(2.0))(far, keys, keys)[1].asnumpy().tolist() == [[[0.0, 1.0]]]


# ---------------------------------------------------------------------------- gradients
@pytest.mark.parametrize("score", SMOOTH)
@pytest.mark.parametrize("scale", [1.0, 1e4])
@both_modes
def test_gradients_equal_pytorch(score, scale, hybridize, arrays):
    """Also gradients far above one, which 0 times HUGE would turn into NaN."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    attention = trained(Attention(score(3.0, learn=True)))
    if hybridize:
        attention.hybridize(static_alloc=True)
    with autograd.record():
        context, weights = attention(*arrays)
        loss = scale * np.square(context).sum()
    loss.backward()
    q, k, v = (torch.tensor(x.asnumpy(), requires_grad=True) for x in arrays)
    h = torch.tensor([math.log(3.0)], requires_grad=True)
    squared = ((q[:, :, None] - k[:, None]) / h.exp()).square().sum(-1)
    kernel = {
        GaussianScore: lambda: torch.exp(-squared / 2),
        TriangularScore: lambda: torch.relu(1 - squared.sqrt()),
        EpanechnikovScore: lambda: torch.relu(1 - squared),
    }[score]()
    total = kernel.sum(-1, keepdim=True)
    expected = kernel / torch.where(total > 0, total, torch.ones(()))
    (scale * (expected @ v).square().sum()).backward()
    onp.testing.assert_allclose(weights.asnumpy(), expected.detach(), atol=1e-5)
    bandwidth = attention.score.log_bandwidth.grad()
    pairs = [*zip((x.grad for x in arrays), (q, k, v), strict=True), (bandwidth, h)]
    for gradient, tensor in pairs:
        onp.testing.assert_allclose(
            gradient.asnumpy() / scale, tensor.grad / scale, atol=1e-4, rtol=2e-5
        )


@pytest.mark.parametrize("score", SMOOTH)
def test_gradient_of_the_bandwidth_by_differences(score):
    query, key, value = (np.random.normal(size=(1, n, 2), dtype="float64") for n in (3, 7, 7))

    def error(bandwidth):
        attention = trained(Attention(score([1.0, 1.0], learn=True)))
        attention.cast("float64")
        attention.score.log_bandwidth.set_data(np.array(onp.log(bandwidth), dtype="float64"))
        onp.testing.assert_allclose(attention.score.bandwidth, bandwidth, rtol=1e-15)
        with autograd.record():
            loss = np.square(attention(query, key, value)[0]).sum()
        loss.backward()
        return float(loss), attention.score.log_bandwidth.grad().asnumpy()

    h, step = onp.array([1.7, 2.3]), 1e-6
    _, gradient = error(h)
    for j in range(2):
        change = onp.where(onp.arange(2) == j, math.exp(step), 1)
        slope = (error(h * change)[0] - error(h / change)[0]) / (2 * step)
        assert gradient[j] == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("score", SMOOTH)
def test_gradients_are_finite_where_a_query_is_a_key(score, arrays):
    _, key, value = arrays
    with autograd.record():
        loss = 1e6 * np.square(Attention(score(3.0))(key, key, value)[0]).sum()
    loss.backward()
    assert onp.isfinite(key.grad.asnumpy()).all() and onp.isfinite(value.grad.asnumpy()).all()


@both_modes
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_a_boxcar_between_trained_layers_passes_a_gradient_of_zeros(hybridize, scale, arrays):
    """It used to crash the process where nothing with a gradient joined the layers."""
    heads = ready(MultiHeadAttention(8, 2, score=BoxcarScore(4.0)), *arrays)
    heads.hybridize(hybridize)
    with autograd.record():
        loss = scale * np.square(heads(*arrays)[0]).sum()
    loss.backward()
    for layer in (heads.W_q, heads.W_k):
        assert (layer.weight.grad().asnumpy() == 0).all()
    for layer in (heads.W_v, heads.W_o):
        assert onp.isfinite(layer.weight.grad().asnumpy()).all()
        assert layer.weight.grad().asnumpy().any()


@pytest.mark.parametrize("score", [BoxcarScore, *SMOOTH])
def test_values_are_trained_through_every_kernel(score, arrays):
    query, key, value = arrays
    with autograd.record():
        context, weights = Attention(score(3.0))(query, key, value)
    context.backward()
    expected = onp.broadcast_to(weights.asnumpy().sum(1)[:, :, None], value.shape)
    onp.testing.assert_allclose(value.grad.asnumpy(), expected, atol=1e-6)


# --------------------------------------------------------------------------- bandwidths
def test_bandwidth_now():
    assert GaussianScore(0.3).bandwidth.tolist() == [0.3]
    score = trained(GaussianScore([0.3, 2.0]))
    onp.testing.assert_allclose(score.bandwidth, [0.3, 2.0], rtol=1e-6)
    assert score.log_bandwidth.grad_req == "null"  # not learned unless asked for
    assert trained(GaussianScore(0.3, learn=True)).log_bandwidth.grad_req == "write"


def test_integers_are_bandwidths():
    query, key = np.random.normal(size=(2, 1, 4, 3))
    for bandwidth in (2, onp.int64(2), onp.float32(2), [2], [2, 2, 2], onp.array([2.0, 2, 2])):
        scores = trained(GaussianScore(bandwidth))(query, key).asnumpy()
        onp.testing.assert_allclose(scores, GaussianScore(2.0)(query, key).asnumpy(), rtol=1e-5)


def test_a_bandwidth_moves_in_training():
    score = trained(GaussianScore([1.0, 1.0], learn=True))
    trainer = gluon.Trainer(score.collect_params(), "sgd", {"learning_rate": 0.1})
    query, key = np.array([[[0.0, 0.0]]]), np.array([[[1.0, 0.0]]])
    with autograd.record():
        loss = -score(query, key).sum()
    loss.backward()
    trainer.step(1)
    assert score.bandwidth[0] > 1.05 and score.bandwidth[1] == 1


@both_modes
def test_two_bandwidths_need_two_features(hybridize):
    score = trained(GaussianScore([1.0, 2.0]))
    score.hybridize(hybridize)
    for features in (1, 3):
        with pytest.raises(ValueError, match=r"^query .* d = 2"):
            score(np.ones((1, 2, features)), np.ones((1, 3, features)))


BAD = [0.0, -1.0, math.nan, math.inf, [1.0, -1.0], [], [[1.0]], True, [True], "1", None, 1j]


@pytest.mark.parametrize("bad", BAD, ids=repr)
@pytest.mark.parametrize("score", [BoxcarScore, *SMOOTH])
def test_bandwidths_are_positive_numbers(score, bad):
    with pytest.raises(ValueError, match=r"^bandwidth must be a positive number or several"):
        score(bad)


def test_a_boxcar_cannot_be_trained():
    with pytest.raises(ValueError, match=r"^learn must be False"):
        BoxcarScore(1.0, learn=True)
