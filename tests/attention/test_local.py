"""Local attention: equal to its formula, key by key; a query sees what is near the place it names."""

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import BilinearScore, DotProductScore, LocalAttention

from mxnet import autograd, np

SIZE = 4


def build(window=2, seed=0):
    seed_everything(seed)
    attention = LocalAttention(DotProductScore(), hidden_size=5, window=window)
    attention.initialize()
    arrays = inputs()
    attention(*arrays)
    random = onp.random.RandomState(seed)
    for parameter in attention.collect_params().values():
        parameter.set_data(np.array(random.normal(size=parameter.shape)))
    return attention, arrays


def inputs(seed=0):
    random = onp.random.RandomState(seed)
    query, key = random.normal(size=(2, 3, SIZE)), random.normal(size=(2, 6, SIZE))
    value = random.normal(size=(2, 6, 3))
    mask = onp.array([[[0, 0, 1, 1, 1, 1]], [[1, 1, 1, 1, 1, 1]]])
    return [np.array(a.astype("float32")) for a in (query, key, value, mask)]


def by_hand(attention, query, key, value, mask):
    """Equations 7, 9 and 10 of Luong, Pham and Manning (2015), for one query."""
    W_p, v = (
        layer.weight.data().asnumpy().astype("float64") for layer in (attention.W_p, attention.v)
    )
    allowed = onp.flatnonzero(mask)
    p = len(allowed) / (1 + onp.exp(-(v @ onp.tanh(W_p @ query))[0]))
    near = [i for i in allowed if abs(i - allowed[0] - p) <= attention.window]
    weights = onp.zeros(len(key))
    if near:
        scores = onp.exp([query @ key[i] for i in near])
        distance = onp.array(near) - allowed[0] - p
        weights[near] = (
            scores / scores.sum() * onp.exp(-(distance**2) / (2 * (attention.window / 2) ** 2))
        )
    return weights @ value, weights


@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
@pytest.mark.parametrize("window", [1, 2, 9])
def test_is_its_formula(window, hybridize):
    for seed in range(5):
        attention, arrays = build(window, seed)
        if hybridize:
            attention.hybridize(static_alloc=True)
        context, weights = (a.asnumpy() for a in attention(*arrays))
        query, key, value, mask = (a.asnumpy().astype("float64") for a in arrays)
        for b in range(2):
            for m in range(3):
                expected = by_hand(attention, query[b, m], key[b], value[b], mask[b, 0])
                onp.testing.assert_allclose(context[b, m], expected[0], atol=1e-5)
                onp.testing.assert_allclose(weights[b, m], expected[1], atol=1e-5)


def test_masked_weight_is_exactly_zero_and_the_sum_is_below_one():
    for seed in range(10):
        attention, arrays = build(seed=seed)
        weights = attention(*arrays)[1].asnumpy()
        assert (weights[0, :, :2] == 0).all()
        assert (weights >= 0).all() and (weights.sum(-1) <= 1 + 1e-6).all()


def test_the_place_is_learned():
    """Its gradient is that of the numerical derivative."""
    attention, arrays = build(window=9)
    signs = np.array(onp.random.RandomState(3).normal(size=(2, 3, 3)).astype("float32"))

    def total():
        return (attention(*arrays)[0] * signs).sum()

    with autograd.record():
        value = total()
    value.backward()
    for layer in (attention.W_p, attention.v):
        weight = layer.weight
        gradient, start = weight.grad().asnumpy(), weight.data().asnumpy()
        for place in onp.ndindex(*start.shape):
            values = []
            for step in (1e-2, -1e-2):
                moved = start.copy()
                moved[place] += step
                weight.set_data(np.array(moved))
                values.append(float(total().asnumpy()))
            weight.set_data(np.array(start))
            numerical = (values[0] - values[1]) / 2e-2
            assert gradient[place] == pytest.approx(numerical, abs=2e-3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: LocalAttention("dot", hidden_size=4, window=2),
            TypeError,
            "score must be a Score",
        ),
        (
            lambda: LocalAttention(DotProductScore(), hidden_size=0, window=2),
            ValueError,
            "hidden_size",
        ),
        (lambda: LocalAttention(DotProductScore(), hidden_size=4, window=0), ValueError, "window"),
        (
            lambda: build()[0](*inputs()[:3], np.ones((2, 3, 6))),
            ValueError,
            "mask must be of shape",
        ),
        (lambda: build()[0](*inputs()[:3]), TypeError, "mask"),
        (
            lambda: LocalAttention(BilinearScore(9), hidden_size=4, window=2)(*inputs()),
            ValueError,
            "q",
        ),
    ],
)
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
