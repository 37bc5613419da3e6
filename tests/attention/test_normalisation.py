"""Normalisation against brute force and d2l; hard cases exactly; properties for any scores."""

import math

import hypothesis.extra.numpy as hnp
import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.attention import identity, length_mask, masked_softmax
from d2l_attention.attention.normalisation import softmax_within_reach
from tests.attention.every_score import B, M, N

from mxnet import autograd, gluon, np

INF, NAN = math.inf, math.nan
BIG = float(onp.finfo("float32").max)


def softmax(scores):
    """Softmax over the last axis; rows of minus infinity give zeros."""
    scores = scores.astype("float64")
    top = onp.max(scores, axis=-1, keepdims=True, initial=-1e300)
    weights = onp.exp(scores - top)
    return weights / onp.maximum(weights.sum(-1, keepdims=True), 1e-300)


def normalised(scores, mask=None, dtype="float32", normalise=masked_softmax):
    """The weights of one row, as a list."""
    mask = None if mask is None else np.array([[mask]], dtype=dtype)
    weights = normalise(np.array([[scores]], dtype=dtype), mask)
    assert weights.dtype == dtype
    return weights.asnumpy().ravel().tolist()


def test_masked_softmax_against_brute_force():
    scores = onp.random.normal(size=(B, M, N)).astype("float32")
    lengths = onp.random.randint(0, N + 1, (B, M))
    lengths[0, 0] = 0
    allowed = onp.arange(N) < lengths[:, :, None]
    expected = softmax(onp.where(allowed, scores, -INF))
    weights = masked_softmax(np.array(scores), length_mask(lengths, N)).asnumpy()
    onp.testing.assert_allclose(weights, expected, atol=1e-6)
    onp.testing.assert_array_equal(weights == 0, ~allowed)


def test_masked_softmax_agrees_with_d2l_where_d2l_is_right():
    d2l = pytest.importorskip("d2l.mxnet")
    scores, lengths = np.random.normal(size=(B, M, N)), np.array([1, 3, 5])
    onp.testing.assert_allclose(
        masked_softmax(scores, length_mask(lengths, N)).asnumpy(),
        d2l.masked_softmax(scores, lengths).asnumpy(),
        atol=1e-6,
    )


CASES = [  # scores, mask, weights
    ([5.0, 7.0], [0, 0], [0, 0]),  # nothing allowed
    ([5.0, 7.0], [1, 0], [1, 0]),
    ([2e38, 1e38], [1, 1], [1, 0]),
    ([2e38, 1e38], None, [1, 0]),
    ([-2e38, 3e38], [1, 0], [1, 0]),  # the masked score is far above the allowed one
    ([-0.9 * BIG, BIG], [1, 0], [1, 0]),
    ([BIG, BIG], [1, 1], [0.5, 0.5]),
    ([BIG, 0.0], [1, 1], [1, 0]),
    ([BIG, BIG], [0, 0], [0, 0]),
    ([-BIG, -BIG], [0, 0], [0, 0]),
    ([-BIG, BIG], [0, 0], [0, 0]),
    ([1e4, 1e4 - 1000], [1, 1], [1, 0]),
    ([2.0, INF], [1, 0], [1, 0]),  # masked, infinity does no harm
    ([2.0, -INF], [1, 0], [1, 0]),
    ([INF, INF], [0, 0], [0, 0]),
    ([-INF, 3.0], [1, 1], [0, 1]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("scores", "mask", "weights"), CASES)
def test_hard_cases_are_exact(scores, mask, weights, dtype):
    assert normalised(scores, mask, dtype) == weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scores", [[INF, 1.0], [-INF, -INF], [-INF, 1.0], [NAN, 1.0], [INF, -INF]])
def test_a_mask_of_ones_changes_nothing_at_infinity_either(scores, dtype):
    onp.testing.assert_equal(normalised(scores, [1, 1], dtype), normalised(scores, None, dtype))


@pytest.mark.parametrize("scores", [[INF, 1.0], [NAN, 1.0], [-INF, -INF]])
def test_an_allowed_infinity_makes_its_row_not_a_number(scores):
    assert any(map(math.isnan, normalised(scores, [1, 1])))


def test_float64_may_be_larger_than_any_float32():
    for mask in (None, [1, 1]):
        assert normalised([1e300, 2e300], mask, "float64") == [0, 1]
    assert normalised([1.0, 1e300], [1, 0], "float64") == [1, 0]


@settings(max_examples=60, deadline=None)
@given(
    scores=hnp.arrays("float32", (2, 3, 4), elements=st.floats(-1e4, 1e4, width=32)),
    mask=hnp.arrays("bool", (2, 3, 4)),
    shift=st.floats(-100, 100, width=16),
    masked=st.floats(width=32, allow_nan=False).filter(lambda score: score > -INF),
)
def test_properties_of_masked_softmax(scores, mask, shift, masked):
    def normalise(scores):
        return masked_softmax(np.array(scores), np.array(mask, dtype="float32")).asnumpy()

    weights = normalise(scores)
    assert (weights[~mask] == 0).all() and (weights >= 0).all()
    onp.testing.assert_allclose(weights.sum(-1), mask.any(-1), atol=1e-5)
    onp.testing.assert_allclose(normalise(scores + onp.float32(shift)), weights, atol=5e-3)
    # What is masked cannot matter
    onp.testing.assert_array_equal(normalise(onp.where(mask, scores, masked)), weights)


def test_axes_of_size_one_are_shared():
    scores, row = np.random.normal(size=(2, 3, 4)), onp.array([1, 0, 1, 0], "float32")
    whole = np.array(onp.broadcast_to(row, (2, 3, 4)))
    for normalise in (masked_softmax, softmax_within_reach, identity):
        expected = normalise(scores, whole).asnumpy()
        assert (expected[..., [1, 3]] == 0).all() and (expected[..., [0, 2]] != 0).all()
        for shape in ((1, 1, 4), (2, 1, 4), (1, 3, 4)):
            mask = np.array(onp.broadcast_to(row, shape))
            onp.testing.assert_array_equal(normalise(scores, mask).asnumpy(), expected)


def test_a_row_of_numbers_is_enough():
    assert masked_softmax(np.array([1.0, 1.0, 9.0]), np.array([1.0, 1.0, 0.0])).tolist() == [
        0.5,
        0.5,
        0.0,
    ]


def test_within_reach_forbids_the_lowest_score():
    assert normalised([-BIG, 1.0, 1.0], None, normalise=softmax_within_reach) == [0, 0.5, 0.5]
    assert normalised([-BIG, -BIG], None, normalise=softmax_within_reach) == [0, 0]
    assert normalised([-BIG, 1.0], [1, 0], normalise=softmax_within_reach) == [0, 0]
    assert normalised([-BIG, 1.0], [1, 1], "float64", softmax_within_reach) == [0, 1]


def test_identity_is_the_scores():
    assert normalised([0.5, -1.0, 5.0], None, normalise=identity) == [0.5, -1.0, 5.0]
    assert normalised([0.5, -1.0, 5.0], [1, 1, 0], normalise=identity) == [0.5, -1.0, 0.0]


@pytest.mark.parametrize("normalise", [masked_softmax, softmax_within_reach, identity])
def test_gradients_equal_pytorch_and_are_zero_where_masked(normalise):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    scores, weights = np.random.normal(size=(B, M, N)), onp.random.normal(size=(B, M, N))
    mask = length_mask([0, 2, 5], N)
    scores.attach_grad()
    mask.attach_grad()
    with autograd.record():
        total = (normalise(scores, mask) * np.array(weights)).sum()
    total.backward()
    s = torch.tensor(scores.asnumpy(), dtype=torch.float64, requires_grad=True)
    allowed = torch.tensor(mask.asnumpy() > 0).expand(B, M, N)
    if normalise is identity:
        expected = s * allowed
    else:
        expected = torch.softmax(s.masked_fill(~allowed, -1e30), -1) * allowed
    (expected * torch.tensor(weights)).sum().backward()
    onp.testing.assert_allclose(scores.grad.asnumpy(), s.grad, atol=1e-6)
    assert (scores.grad.asnumpy()[~allowed.numpy()] == 0).all()
    assert (mask.grad.asnumpy() == 0).all()


class Normalise(gluon.HybridBlock):
    """A normalisation in a graph."""

    def __init__(self, normalise):
        super().__init__()
        self.normalise = normalise

    def hybrid_forward(self, F, scores, mask):
        return self.normalise(scores, mask)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("normalise", [masked_softmax, softmax_within_reach, identity])
def test_hybridized_equals_imperative(normalise, dtype):
    scores = np.array([[[5.0, 7.0, -BIG], [BIG, 0, 1], [-2e38, 3e38, 0]]], dtype=dtype)
    mask = np.array([[[1, 1, 1], [1, 0, 0], [1, 0, 0]]], dtype=dtype)
    block = Normalise(normalise)
    block.hybridize(static_alloc=True)
    for shared in (mask, mask[:, :1], mask):
        expected = normalise(scores, shared).asnumpy()
        onp.testing.assert_array_equal(block(scores, shared).asnumpy(), expected)


@pytest.mark.parametrize("normalise", [masked_softmax, softmax_within_reach, identity])
@pytest.mark.parametrize(
    ("error", "mask", "message"),
    [
        (TypeError, np.ones((2, 3, 4), dtype="bool"), "mask must be float32 or float64, got bool"),
        (TypeError, np.ones((2, 3, 4), dtype="int32"), "mask must be float32 or float64"),
        (TypeError, np.ones((2, 3, 4), dtype="float64"), "mask must be float32, as scores is"),
        (TypeError, onp.ones((2, 3, 4)), "mask must be an MXNet array"),
        (ValueError, np.ones((2, 3)), "mask must be of shape"),
        (ValueError, np.ones((4,)), "mask must be of shape"),
        (ValueError, np.ones((2, 3, 1)), "mask must be of shape"),
        (ValueError, np.ones((2, 2, 4)), "mask must be of shape"),
        (ValueError, np.ones((3, 3, 4)), "mask must be of shape"),
    ],
)
def test_masks_that_do_not_fit_are_refused(normalise, error, mask, message):
    with pytest.raises(error, match=f"^{message}"):
        normalise(np.zeros((2, 3, 4)), mask)


@pytest.mark.parametrize("dtype", ["float16", "int32", "bool"])
def test_scores_are_floats(dtype):
    for normalise in (masked_softmax, softmax_within_reach, identity):
        with pytest.raises(TypeError, match=f"^scores must be float32 or float64, got {dtype}"):
            normalise(np.zeros((1, 1, 2), dtype=dtype))
