"""Scores: equal to their formulas and to PyTorch, in values and gradients; sizes that do not fit are refused."""

import math

import numpy as onp
import pytest

from d2l_attention.attention import (
    AdditiveScore,
    BilinearScore,
    CosineScore,
    DotProductScore,
    ScaledDotProductScore,
)
from tests.attention.every_score import SCORES, B, D, M, N, both_modes, every_score, ready

from mxnet import autograd, np


def formulas(score) -> dict:
    """One score of a query and a key, as the docstrings have it."""
    names = ("W", "W_q", "W_k", "v")
    layers = {name: getattr(score, name) for name in names if hasattr(score, name)}
    w = {name: layer.weight.data().asnumpy().astype("float64") for name, layer in layers.items()}
    biased = "W_q" in layers and layers["W_q"].bias is not None
    b = layers["W_q"].bias.data().asnumpy() if biased else 0
    return {
        "dot": lambda q, k: q @ k,
        "scaled dot": lambda q, k: q @ k / math.sqrt(len(q)),
        "bilinear": lambda q, k: q @ w["W"] @ k,
        "additive": lambda q, k: w["v"][0] @ onp.tanh(w["W_q"] @ q + b + w["W_k"] @ k),
        "additive with a bias": lambda q, k: w["v"][0] @ onp.tanh(w["W_q"] @ q + b + w["W_k"] @ k),
        "cosine": lambda q, k: 2.0 * q @ k / onp.linalg.norm(q) / onp.linalg.norm(k),
    }


@pytest.mark.parametrize("name", SCORES)
@both_modes
def test_score_follows_its_formula(name, hybridize, arrays):
    query, key, _ = arrays
    score = ready(SCORES[name](), query, key)
    if hybridize:
        score.hybridize(static_alloc=True)
    scores, formula = score(query, key).asnumpy(), formulas(score)[name]
    q, k = query.asnumpy().astype("float64"), key.asnumpy().astype("float64")
    expected = [[[formula(q[b, i], k[b, j]) for j in range(N)] for i in range(M)] for b in range(B)]
    onp.testing.assert_allclose(scores, expected, atol=2e-5, rtol=1e-5)
    assert score.W_q.bias.data().asnumpy().all() if "bias" in name else True


def torch_score(torch, name, score, q, k):
    """The score of all pairs, and the weights in it."""
    layers = [getattr(score, x) for x in ("W", "W_q", "W_k", "v") if hasattr(score, x)]
    given = [layer.weight for layer in layers] + [x.bias for x in layers if x.bias is not None]
    w = [torch.tensor(p.data().asnumpy(), requires_grad=True) for p in given]

    def additive():
        hidden = (q @ w[0].T)[:, :, None] + (k @ w[1].T)[:, None]
        return torch.tanh(hidden + (w[3] if len(w) > 3 else 0)) @ w[2][0]

    scores = {
        "dot": lambda: q @ k.mT,
        "scaled dot": lambda: q @ k.mT / D**0.5,
        "bilinear": lambda: q @ w[0] @ k.mT,
        "additive": additive,
        "cosine": lambda: 2 * torch.cosine_similarity(q[:, :, None], k[:, None], dim=-1),
    }[name.removesuffix(" with a bias")]()
    return scores, given, w


@pytest.mark.parametrize("name", SCORES)
@both_modes
def test_score_and_gradients_equal_pytorch(name, hybridize, arrays):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    query, key, _ = arrays
    score = ready(SCORES[name](), query, key)
    if hybridize:
        score.hybridize(static_alloc=True)
    weights = onp.random.normal(size=(B, M, N)).astype("float32")
    with autograd.record():
        scores = score(query, key)
        total = (scores * np.array(weights)).sum()
    total.backward()
    q, k = (torch.tensor(x.asnumpy(), requires_grad=True) for x in (query, key))
    expected, given, w = torch_score(torch, name, score, q, k)
    (expected * torch.tensor(weights)).sum().backward()
    onp.testing.assert_allclose(scores.asnumpy(), expected.detach(), atol=1e-5)
    for array, tensor in [(query, q), (key, k)]:
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5)
    for parameter, tensor in zip(given, w, strict=True):
        gradient = parameter.grad().asnumpy()
        onp.testing.assert_allclose(gradient, tensor.grad, atol=2e-5, rtol=1e-5)


@every_score
@both_modes
def test_leading_axes_are_examples(make_score, hybridize, arrays):
    """(B, H, m, d) is B H examples."""
    query, key, _ = arrays
    score = ready(make_score(), query, key)
    expected = score(query, key).asnumpy()
    if hybridize:
        score.hybridize(static_alloc=True)
    heads = score(*(x.reshape(B, 1, -1, D) for x in (query, key)))
    onp.testing.assert_allclose(heads.asnumpy()[:, 0], expected, atol=1e-6)


def test_scaling_makes_the_variance_of_independent_features_one():
    query, key = np.random.normal(size=(2, 1, 200, 64))
    assert ScaledDotProductScore(64)(query, key).asnumpy().var() == pytest.approx(1, rel=0.1)


def test_a_bilinear_score_takes_keys_of_another_size():
    query, key = np.ones((1, 2, 8)), np.ones((1, 3, 5))
    score = ready(BilinearScore(8), query, key)
    expected = score.W.weight.data().asnumpy().sum()
    onp.testing.assert_allclose(score(query, key).asnumpy(), expected, rtol=1e-5)


def test_cosine_of_extreme_vectors():
    query = np.array([[[0.0, 0.0], [1e-25, 1e-25], [1e25, 1e25], [3e38, -3e38]]])
    query.attach_grad()
    with autograd.record():
        scores = CosineScore()(query, np.array([[[1.0, 1.0]]]))
    scores.backward()
    onp.testing.assert_allclose(scores.asnumpy().ravel(), [0, 1, 1, 0], atol=1e-6)
    assert onp.isfinite(query.grad.asnumpy()).all()


# ------------------------------------------------------------------------------- errors
def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype=dtype)


BAD_CALLS = {
    "another size than said": (ScaledDotProductScore(4), zeros(1, 2, 5), zeros(1, 3, 5), "query"),
    "two sizes": (DotProductScore(), zeros(1, 2, 5), zeros(1, 3, 4), "key"),
    "W of another size": (BilinearScore(3), zeros(1, 2, 8), zeros(1, 3, 4), "query .* q = 3"),
    "no examples": (DotProductScore(), zeros(0, 2, 5), zeros(0, 3, 5), "query"),
    "no queries": (DotProductScore(), zeros(1, 0, 5), zeros(1, 3, 5), "query"),
    "no keys": (DotProductScore(), zeros(1, 2, 5), zeros(1, 0, 5), "key"),
    "no features": (CosineScore(), zeros(1, 2, 0), zeros(1, 3, 0), "query"),
    "other axes": (DotProductScore(), zeros(1, 2, 5), zeros(1, 1, 3, 5), "key"),
    "no axis of examples": (DotProductScore(), zeros(2, 5), zeros(3, 5), "query .* B, m, d"),
    "other examples": (DotProductScore(), zeros(2, 2, 5), zeros(1, 3, 5), "key"),
}


@pytest.mark.parametrize("score, query, key, message", BAD_CALLS.values(), ids=BAD_CALLS)
@both_modes
def test_shapes_that_do_not_fit_are_refused(score, query, key, message, hybridize):
    score.initialize(force_reinit=True)
    score.hybridize(hybridize)
    with pytest.raises(ValueError, match=f"^{message}"):
        score(query, key)


@pytest.mark.parametrize("make", [lambda: BilinearScore(4), lambda: AdditiveScore(3)])
@both_modes
def test_another_feature_size_after_the_first_call_is_refused(make, hybridize):
    score = ready(make(), zeros(1, 2, 4), zeros(1, 3, 5))
    score.hybridize(hybridize)
    with pytest.raises(ValueError, match=r"^key .* k = 5"):
        score(zeros(1, 2, 4), zeros(1, 3, 6))
    with pytest.raises(ValueError, match=r"^query .* q = 4"):
        score(zeros(1, 2, 5), zeros(1, 3, 5))


@every_score
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool", "float16"])
def test_other_numbers_than_floats_are_refused(make_score, dtype):
    score = make_score()
    score.initialize()
    with pytest.raises(TypeError, match=f"^query must be float32 or float64, got {dtype}"):
        score(zeros(1, 2, D, dtype=dtype), zeros(1, 3, D, dtype=dtype))
    with pytest.raises(TypeError, match=f"^key must be float32 or float64, got {dtype}"):
        score(zeros(1, 2, D), zeros(1, 3, D, dtype=dtype))


SIZED = {
    "size": ScaledDotProductScore,
    "query_size": BilinearScore,
    "hidden_size": AdditiveScore,
}


@pytest.mark.parametrize("name", SIZED)
def test_sizes_are_positive_integers(name):
    for size in (onp.int64(3), onp.uint8(3)):
        SIZED[name](size)
    for size in (True, onp.True_, 2.0, "2", None):
        with pytest.raises(TypeError, match=f"^{name} must be an integer"):
            SIZED[name](size)
    for size in (0, -1, onp.int64(0)):
        with pytest.raises(ValueError, match=f"^{name} must be at least 1"):
            SIZED[name](size)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, True, "2", None])
def test_sharpness_is_positive(bad):
    with pytest.raises(ValueError, match=r"^sharpness must be a positive number"):
        CosineScore(bad)
