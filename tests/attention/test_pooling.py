"""Attention: equal to PyTorch and d2l; what must hold for every score; calls that do not fit are refused."""

import math

import numpy as onp
import pytest

from d2l_attention.attention import (
    AdditiveScore,
    Attention,
    BilinearScore,
    DotProductScore,
    GaussianScore,
    ScaledDotProductScore,
    identity,
    length_mask,
    masked_softmax,
)
from tests.attention.every_score import B, D, M, N, both_modes, every_score, ready, ready_attention

from mxnet import autograd, np


@pytest.mark.parametrize("masked", [False, True])
@both_modes
def test_scaled_dot_product_attention_equals_pytorch(arrays, masked, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    lengths = [[1, 2, 3, 4], [5, 5, 5, 5], [2, 2, 1, 1]]
    attention = Attention(ScaledDotProductScore(D))
    if hybridize:
        attention.hybridize(static_alloc=True)
    with autograd.record():
        context, _ = attention(*arrays, length_mask(lengths, N) if masked else None)
        loss = np.square(context).sum()
    loss.backward()
    tensors = [torch.tensor(array.asnumpy(), requires_grad=True) for array in arrays]
    allowed = torch.arange(N) < torch.tensor(lengths)[:, :, None] if masked else None
    expected = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=allowed)
    expected.square().sum().backward()
    onp.testing.assert_allclose(context.asnumpy(), expected.detach(), atol=1e-6)
    for array, tensor in zip(arrays, tensors, strict=True):
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5, rtol=1e-5)


def test_additive_attention_equals_d2l(arrays):
    d2l = pytest.importorskip("d2l.mxnet")
    theirs, lengths = d2l.AdditiveAttention(num_hiddens=7, dropout=0), np.array([1, 3, 5])
    theirs.initialize()
    expected = theirs(*arrays, lengths).asnumpy()
    ours = ready(Attention(AdditiveScore(7)), *arrays)
    pairs = {"W_q": theirs.W_q, "W_k": theirs.W_k, "v": theirs.w_v}
    for name, layer in pairs.items():
        getattr(ours.score, name).weight.set_data(layer.weight.data())
    context, _ = ours(*arrays, length_mask(lengths, N))
    onp.testing.assert_allclose(context.asnumpy(), expected, atol=1e-6)


# --------------------------------------------------------------------- for every score
@every_score
def test_weights_are_a_distribution_and_pool_the_values(make_score, arrays):
    attention = ready_attention(make_score, arrays)
    context, weights = (x.asnumpy() for x in attention(*arrays, length_mask([[1, 2, 3, 0]] * B, N)))
    assert (weights >= 0).all()
    assert (weights[:, 3] == 0).all() and (context[:, 3] == 0).all()  # nothing allowed
    assert all((weights[:, i, i + 1 :] == 0).all() for i in range(3))
    total = weights[:, :3].sum(-1)  # a compact kernel may reach no key
    onp.testing.assert_allclose(onp.where(total == 0, 1, total), 1, atol=1e-6)
    onp.testing.assert_allclose(context, weights @ arrays[2].asnumpy(), atol=1e-5)


@every_score
def test_permuting_keys_permutes_weights_and_keeps_the_context(make_score, arrays):
    query, key, value = arrays
    attention, order = ready_attention(make_score, arrays), onp.array([3, 0, 4, 1, 2])
    context, weights = attention(query, key, value)
    permuted = attention(query, *(np.array(x.asnumpy()[:, order]) for x in (key, value)))
    onp.testing.assert_allclose(permuted[0].asnumpy(), context.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(permuted[1].asnumpy(), weights.asnumpy()[:, :, order], atol=1e-6)


def run(attention, query, key, value, mask):
    """Context, weights and gradients, all of them large."""
    for array in (query, key, value):
        array.attach_grad()
    with autograd.record():
        context, weights = attention(query, key, value, mask)
        loss = 100 * np.square(context).sum()
    loss.backward()
    return [x.asnumpy() for x in (context, weights, query.grad, key.grad, value.grad)]


@every_score
@both_modes
def test_padding_changes_nothing(make_score, hybridize, arrays):
    """Neither answers nor gradients, whatever finite numbers it holds, as the package promises."""
    query, key, value = (x.detach() for x in arrays)
    attention = ready_attention(make_score, arrays)
    expected = run(attention, query, key, value, None)
    if hybridize:
        attention.hybridize(static_alloc=True)
    for keys, values in [(0.0, 0.0), (1e3, -1e3), (1e15, 1e30), (-1e15, -1e30)]:
        padding = [np.full((B, 3, D), x) for x in (keys, values)]
        k, v = (np.concatenate([x, y], 1) for x, y in zip((key, value), padding, strict=True))
        context, weights, *gradients = run(attention, query, k, v, length_mask([N] * B, N + 3))
        assert (weights[:, :, N:] == 0).all() and all((g[:, N:] == 0).all() for g in gradients[1:])
        got = [context, weights[:, :, :N], gradients[0], *(g[:, :N] for g in gradients[1:])]
        for ours, other in zip(got, expected, strict=True):
            onp.testing.assert_allclose(ours, other, atol=1e-6 * max(1, abs(other).max()))


@every_score
@both_modes
def test_where_nothing_is_allowed_all_is_zero(make_score, hybridize, arrays):
    query, key, value = arrays
    attention = ready_attention(make_score, arrays)
    attention.hybridize(hybridize)
    results = run(attention, query, key * 0 + 1e15, value * 0 + 3e38, length_mask([0] * B, N))
    assert all((result == 0).all() for result in results)
    value[:, 1:] = 3e38
    context, _ = attention(query, key, value, length_mask([[0, 1, 0, 1]] * B, N))
    assert (abs(context.asnumpy()) < 10).all()


@every_score
def test_hybrid_equals_imperative_with_and_without_a_mask_by_turns(make_score, arrays):
    attention, mask = ready_attention(make_score, arrays), length_mask([[1, 2, 0, 5]] * B, N)
    shared = length_mask([[1, 2, 0, 5]], N)
    turns = (None, mask, None, shared, mask, mask)
    expected = [run(attention, *arrays, m) for m in turns]
    attention.hybridize(static_alloc=True)
    for m, outcome in zip(turns, expected, strict=True):
        for ours, other in zip(run(attention, *arrays, m), outcome, strict=True):
            onp.testing.assert_allclose(ours, other, atol=1e-6 * max(1, abs(other).max()))


@every_score
@both_modes
def test_float64_after_cast_equals_float32(make_score, hybridize, arrays):
    attention, mask = ready_attention(make_score, arrays), length_mask([5, 3, 0], N)
    expected = [x.asnumpy() for x in attention(*arrays, mask)]
    attention.cast("float64")
    attention.hybridize(hybridize)
    results = attention(*(x.astype("float64") for x in (*arrays, mask)))
    for result, other in zip(results, expected, strict=True):
        assert result.dtype == "float64"
        onp.testing.assert_allclose(result.asnumpy(), other, atol=1e-5)
    total = results[1].asnumpy().sum(-1)
    assert (onp.isclose(total, 1, rtol=0, atol=1e-12) | (total == 0)).all()


@every_score
def test_parameters_survive_a_file(tmp_path, make_score, arrays):
    first, second = ready_attention(make_score, arrays), Attention(make_score())
    first.save_parameters(str(tmp_path / "parameters"))
    second.load_parameters(str(tmp_path / "parameters"))
    for ours, other in zip(first(*arrays), second(*arrays), strict=True):
        onp.testing.assert_array_equal(ours.asnumpy(), other.asnumpy())


@both_modes
def test_results_are_not_overwritten_by_the_next_call(hybridize, arrays):
    attention = Attention(DotProductScore())
    attention.hybridize(hybridize, static_alloc=hybridize)
    first = attention(*arrays)
    before = [x.asnumpy() for x in first]
    attention(*(2 * x for x in arrays))[0].wait_to_read()
    for x, then in zip(first, before, strict=True):
        onp.testing.assert_array_equal(x.asnumpy(), then)


# ------------------------------------------------------------------------------ options
def test_normalise_is_exchangeable(arrays):
    query, key, value = arrays
    linear = Attention(DotProductScore(), normalise=identity)
    context, weights = linear(*arrays, length_mask([3] * B, N))
    scores = (query.asnumpy() @ key.asnumpy().swapaxes(1, 2)) * (onp.arange(N) < 3)
    onp.testing.assert_allclose(weights.asnumpy(), scores, atol=1e-5)
    onp.testing.assert_allclose(context.asnumpy(), scores @ value.asnumpy(), atol=1e-4)
    linear.normalise = masked_softmax
    expected = Attention(DotProductScore())(*arrays)[1].asnumpy()
    onp.testing.assert_array_equal(linear(*arrays)[1].asnumpy(), expected)


def test_dropout_acts_in_training_only_and_leaves_the_weights(arrays):
    plain, dropped = Attention(DotProductScore()), Attention(DotProductScore(), dropout=0.5)
    context, weights = plain(*arrays)
    onp.testing.assert_array_equal(dropped(*arrays)[0].asnumpy(), context.asnumpy())
    with autograd.record():
        other, same = dropped(*arrays)
    onp.testing.assert_array_equal(same.asnumpy(), weights.asnumpy())
    assert abs(other.asnumpy() - context.asnumpy()).max() > 0.01


@pytest.mark.parametrize("bad", [1.0, 1, -0.1, math.nan, True, "0.5", None])
def test_dropout_is_a_share(bad):
    with pytest.raises(ValueError, match=r"^dropout must be from 0 to below 1"):
        Attention(DotProductScore(), dropout=bad)


def test_a_score_is_a_score():
    for bad in ("dot", DotProductScore, None):
        with pytest.raises(TypeError, match=r"^score must be a Score"):
            Attention(bad)


# -------------------------------------------------------------------------------- calls
@both_modes
def test_arguments_go_by_name(hybridize, arrays):
    query, key, value = arrays
    attention, mask = Attention(DotProductScore()), length_mask([1, 2, 3], N)
    attention.hybridize(hybridize)
    expected = attention(query, key, value, mask)[0].asnumpy()
    for call in (
        lambda: attention(query=query, key=key, value=value, mask=mask),
        lambda: attention(query, mask=mask, value=value, key=key),
    ):
        onp.testing.assert_array_equal(call()[0].asnumpy(), expected)


BAD_CALLS = [
    (TypeError, "missing a required argument: 'value'", lambda a, q, k, v: a(q, k)),
    (TypeError, "missing a required argument: 'query'", lambda a, q, k, v: a()),
    (TypeError, "unexpected keyword argument 'lengths'", lambda a, q, k, v: a(q, k, v, lengths=1)),
    (TypeError, "multiple values for argument 'key'", lambda a, q, k, v: a(q, k, v, key=k)),
    (TypeError, "too many positional", lambda a, q, k, v: a(q, k, v, None, None)),
    (TypeError, "^query must be an MXNet array, got None", lambda a, q, k, v: a(None, k, v)),
    (TypeError, "^value must be an MXNet array, got None", lambda a, q, k, v: a(q, k, None)),
    (TypeError, "^query must be an MXNet array", lambda a, q, k, v: a(q.asnumpy(), k, v)),
    (TypeError, "^key must be an MXNet array", lambda a, q, k, v: a(q, k.as_nd_ndarray(), v)),
    (TypeError, "^mask must be an MXNet array", lambda a, q, k, v: a(q, k, v, [1, 2, 3])),
    (TypeError, "^value .* got int32", lambda a, q, k, v: a(q, k, v.astype("int32"))),
    (TypeError, "^key must be float32, as", lambda a, q, k, v: a(q, k.astype("float64"), v)),
    (TypeError, "^query .* float16", lambda a, *x: a(*(y.astype("float16") for y in x))),
    (ValueError, "^query", lambda a, q, k, v: a(q[0, 0], k, v)),
    (ValueError, "^query", lambda a, q, k, v: a(q[0], k[0], v[0])),
    (ValueError, "^key", lambda a, q, k, v: a(q, k[:, :, 0], v)),
    (ValueError, "^key", lambda a, q, k, v: a(q, k[:2], v)),
    (ValueError, "^key", lambda a, q, k, v: a(q, k[:, :, :2], v)),
    (ValueError, "^value", lambda a, q, k, v: a(q, k, v[:, :4])),
    (ValueError, "^key .* none of them 0", lambda a, q, k, v: a(q, k[:, :0], v[:, :0])),
    (ValueError, "^query .* none of them 0", lambda a, q, k, v: a(q[:, :0], k, v)),
    (ValueError, "^query .* none of them 0", lambda a, q, k, v: a(q[:0], k[:0], v[:0])),
]
BAD_MASKS = [
    *(((B, M, N), dtype) for dtype in ("bool", "int32", "float64", "float16")),
    *((shape, "float32") for shape in [(B,), (B, M), (M, N), (1, N), (N,), (B, M, N + 1)]),
    *(
        (shape, "float32")
        for shape in [(B, M, 1), (2, M, N), (B, 2, N), (B, M, N, 1), (1, B, M, N)]
    ),
]


@pytest.mark.parametrize("shape, dtype", BAD_MASKS)
@both_modes
def test_masks_that_do_not_fit_are_refused(shape, dtype, hybridize, arrays):
    attention = Attention(DotProductScore())
    attention.hybridize(hybridize)
    attention(*arrays)
    with pytest.raises(ValueError if dtype == "float32" else TypeError, match=r"^mask must be"):
        attention(*arrays, np.ones(shape, dtype=dtype))


@pytest.mark.parametrize(("error", "message", "call"), BAD_CALLS)
@both_modes
def test_bad_calls_name_the_argument(error, message, call, hybridize, arrays):
    attention = Attention(DotProductScore())
    attention.hybridize(hybridize)
    attention(*arrays)
    with pytest.raises(error, match=message):
        call(attention, *arrays)


WEIGHTED = [lambda: BilinearScore(D), lambda: AdditiveScore(3), lambda: GaussianScore([1.0] * D)]


@pytest.mark.parametrize("make_score", WEIGHTED)
@both_modes
def test_float64_arrays_and_float32_weights_are_refused(make_score, hybridize, arrays):
    attention = ready_attention(make_score, arrays)
    attention.hybridize(hybridize)
    with pytest.raises(TypeError, match="weights are float32, arrays float64"):
        attention(*(x.astype("float64") for x in arrays))
    attention.cast("float64")
    with pytest.raises(TypeError, match="weights are float64, arrays float32"):
        attention(*arrays)


@every_score
def test_a_check_copies_nothing_from_the_device(make_score, arrays, monkeypatch):
    attention = ready_attention(make_score, arrays)
    mask = length_mask([1, 2, 3], N)

    def refuse(array):
        raise AssertionError("a value was read")

    for name in ("asnumpy", "item", "__bool__", "__float__"):
        monkeypatch.setattr(np.ndarray, name, refuse)
    attention(*arrays, mask)
