"""Multi-head attention: equal to PyTorch's, to the oracle and to d2l's; masks of every shape; errors."""

import numpy as onp
import pytest

from d2l_attention.attention import (
    AdditiveScore,
    Attention,
    DotProductScore,
    MultiHeadAttention,
    ScaledDotProductScore,
    causal_mask,
    length_mask,
)
from tests.attention.every_score import B, D, M, N, both_modes, every_score, ready

from mxnet import autograd, gluon, np


def tensors(torch, arrays, dtype=None):
    return [torch.tensor(x.asnumpy(), dtype=dtype, requires_grad=True) for x in arrays]


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@both_modes
def test_equals_pytorchs(arrays, use_bias, masked, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    ours = ready(MultiHeadAttention(D, num_heads=2, use_bias=use_bias), *arrays)
    theirs = torch.nn.MultiheadAttention(D, 2, bias=use_bias, batch_first=True)
    layers = [ours.W_q, ours.W_k, ours.W_v]

    def joined(kind):
        return torch.tensor(
            onp.concatenate([getattr(layer, kind).data().asnumpy() for layer in layers])
        )

    with torch.no_grad():
        theirs.in_proj_weight.copy_(joined("weight"))
        theirs.out_proj.weight.copy_(torch.tensor(ours.W_o.weight.data().asnumpy()))
        if use_bias:
            theirs.in_proj_bias.copy_(joined("bias"))
            theirs.out_proj.bias.copy_(torch.tensor(ours.W_o.bias.data().asnumpy()))
    if hybridize:
        ours.hybridize(static_alloc=True)
    with autograd.record():
        context, weights = ours(*arrays, length_mask([1, 3, 5], N) if masked else None)
        loss = np.square(context).mean() + np.square(weights).mean()
    loss.backward()
    padding = torch.arange(N) >= torch.tensor([[1], [3], [5]]) if masked else None
    inputs = tensors(torch, arrays)
    expected, expected_weights = theirs(
        *inputs, key_padding_mask=padding, average_attn_weights=False
    )
    (expected.square().mean() + expected_weights.square().mean()).backward()
    onp.testing.assert_allclose(context.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy(), expected_weights.detach(), atol=1e-5)
    for array, tensor in zip(arrays, inputs, strict=True):
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5)
    gradients = onp.concatenate([x.weight.grad().asnumpy() for x in layers])
    onp.testing.assert_allclose(gradients, theirs.in_proj_weight.grad, atol=1e-5)


MASKS = {
    "none": None,
    "(B, 1, n)": length_mask([1, 0, 5], N),
    "(B, m, n)": length_mask([[0, 1, 2, 3], [4, 5, 0, 1], [2, 2, 2, 2]], N),
    "(1, m, n)": length_mask([[0, 1, 2, 5]], N),
    "(1, 1, n)": np.array([[[1.0, 0, 1, 0, 0]]]),
}


class Parent(gluon.HybridBlock):
    """Attention in a graph, where shapes are not known."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def hybrid_forward(self, F, query, key, value, mask=None):
        return self.attention(query, key, value, mask)


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("way", ["imperative", "hybridized", "in a hybridized parent"])
def test_equals_the_oracle_for_every_mask(kind, way, arrays):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import multi_head_attention, weights

    query, key, _ = arrays
    value, mask = np.random.normal(size=(B, N, 11)), MASKS[kind]
    value.attach_grad()
    ours = ready(MultiHeadAttention(8, num_heads=4, use_bias=True), query, key, value)
    theirs = multi_head_attention.MultiHeadAttention(8, 4, sizes=(D, D, 11), use_bias=True)
    weights.copy_weights(ours, theirs)
    block = Parent(ours) if "parent" in way else ours
    block.hybridize(way != "imperative", static_alloc=way != "imperative")
    with autograd.record():
        results = block(query, key, value, *([] if mask is None else [mask]))
        loss = sum(np.square(x).sum() for x in results)
    loss.backward()
    inputs = tensors(torch, (query, key, value), torch.float64)
    expected = theirs(*inputs, None if mask is None else torch.tensor(mask.asnumpy()))
    sum(x.square().sum() for x in expected).backward()
    for result, other in zip(results, expected, strict=True):
        onp.testing.assert_allclose(result.asnumpy(), other.detach(), atol=1e-5)
    for array, tensor in zip((query, key, value), inputs, strict=True):
        scale = max(1, tensor.grad.abs().max())
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5 * scale)
    weights.compare_gradients(ours, theirs, zero=["W_k.bias"])  # it moves all scores alike


def test_equals_d2l(arrays):
    d2l = pytest.importorskip("d2l.mxnet")
    ours = ready(MultiHeadAttention(D, num_heads=3), *arrays)
    theirs, lengths = d2l.MultiHeadAttention(D, 3, dropout=0), np.array([1, 3, 5])
    theirs.initialize()
    theirs(*arrays, lengths)
    for name in ("W_q", "W_k", "W_v", "W_o"):
        getattr(theirs, name).weight.set_data(getattr(ours, name).weight.data())
    onp.testing.assert_allclose(
        ours(*arrays, length_mask(lengths, N))[0].asnumpy(),
        theirs(*arrays, lengths).asnumpy(),
        atol=1e-5,
    )


# --------------------------------------------------------------------------- properties
def test_one_head_with_identity_projections_is_plain_attention(arrays):
    heads = ready(MultiHeadAttention(D, num_heads=1), *arrays)
    for parameter in heads.collect_params().values():
        parameter.set_data(np.eye(D))
    context, weights = heads(*arrays)
    expected, expected_weights = Attention(ScaledDotProductScore(D))(*arrays)
    onp.testing.assert_allclose(context.asnumpy(), expected.asnumpy(), atol=1e-6)
    onp.testing.assert_allclose(weights.asnumpy()[:, 0], expected_weights.asnumpy(), atol=1e-6)


def test_self_attention_is_permutation_equivariant(arrays):
    x, order = arrays[1], onp.array([3, 0, 4, 1, 2])
    heads = ready(MultiHeadAttention(D, num_heads=2), x, x, x)
    permuted = np.array(x.asnumpy()[:, order])
    result = heads(permuted, permuted, permuted)[0].asnumpy()
    onp.testing.assert_allclose(result, heads(x, x, x)[0].asnumpy()[:, order], atol=1e-5)


def test_with_a_causal_mask_what_comes_later_has_no_influence(arrays):
    x = arrays[1]
    heads = ready(MultiHeadAttention(D, num_heads=2), x, x, x)
    before = heads(x, x, x, causal_mask(N))[0].asnumpy()
    later = np.concatenate([x[:, :3], np.full((B, 2, D), 1e3)], axis=1)
    after = heads(later, later, later, causal_mask(N))[0].asnumpy()
    onp.testing.assert_array_equal(after[:, :3], before[:, :3])


@every_score
@both_modes
def test_every_score_within_a_head(make_score, hybridize, arrays):
    """One head of D features: a score that fits D fits it."""
    heads = ready(MultiHeadAttention(D, 1, score=make_score()), *arrays)
    mask = np.array([[[1.0, 0, 1, 0, 0]]])
    expected = [x.asnumpy() for x in heads(*arrays, mask)]
    heads.hybridize(hybridize)
    context, weights = (x.asnumpy() for x in heads(*arrays, mask))
    onp.testing.assert_allclose(context, expected[0], atol=1e-5)
    assert weights.shape == (B, 1, M, N) and (weights[..., [1, 3, 4]] == 0).all()
    total = weights.sum(-1)
    assert (onp.isclose(total, 1, atol=1e-6) | (total == 0)).all() and (total > 0).any()


@every_score
def test_a_graph_that_is_traced_first_finds_the_shapes(make_score, arrays):
    heads, mask = MultiHeadAttention(D, 1, score=make_score()), MASKS["(B, 1, n)"]
    heads.initialize()
    heads.hybridize(static_alloc=True)
    first = heads(*arrays, mask)[0].asnumpy()
    heads.hybridize(False)
    onp.testing.assert_allclose(heads(*arrays, mask)[0].asnumpy(), first, atol=1e-6)


@pytest.mark.parametrize("shape", [(B, 2, M, N), (1, 1, M, N), (B, 1, 1, N), (1, 2, M, N)])
def test_plain_attention_takes_heads_as_examples(shape, arrays):
    query, key, value = (np.stack([x, x + 1], axis=1) for x in arrays)
    mask = np.array(onp.random.RandomState(0).uniform(size=shape) < 0.5, dtype="float32")
    whole = onp.broadcast_to(mask.asnumpy(), (B, 2, M, N))
    attention = Attention(DotProductScore())
    context, weights = (x.asnumpy() for x in attention(query, key, value, mask))
    for head in (0, 1):
        one = np.array(whole[:, head])
        expected = attention(query[:, head], key[:, head], value[:, head], one)
        onp.testing.assert_allclose(context[:, head], expected[0].asnumpy(), atol=1e-5)
        onp.testing.assert_allclose(weights[:, head], expected[1].asnumpy(), atol=1e-6)


def test_scores_with_weights_are_shared_by_the_heads(arrays):
    heads = ready(MultiHeadAttention(8, num_heads=4, score=AdditiveScore(3)), *arrays)
    context, weights = heads(*arrays)
    assert context.shape == (B, M, 8) and weights.shape == (B, 4, M, N)
    assert heads.attention.score.W_q.weight.shape == (3, 2)


@both_modes
def test_a_mask_given_and_not_given_by_turns(hybridize, arrays):
    heads, mask = ready(MultiHeadAttention(8, 2), *arrays), length_mask([1, 0, 5], N)
    expected = {given: heads(*arrays, m)[0].asnumpy() for given, m in [(0, None), (1, mask)]}
    heads.hybridize(hybridize, static_alloc=hybridize)
    for given in (0, 1, 0, 0, 1, 1):
        result = heads(*arrays, mask if given else None)[0].asnumpy()
        onp.testing.assert_allclose(result, expected[given], atol=1e-6)
        result = heads(*arrays, **({"mask": mask} if given else {}))[0].asnumpy()
        onp.testing.assert_allclose(result, expected[given], atol=1e-6)


def test_dropout_acts_in_training_only(arrays):
    heads = ready(MultiHeadAttention(8, 2, dropout=0.5), *arrays)
    plain = heads(*arrays)[0].asnumpy()
    onp.testing.assert_array_equal(heads(*arrays)[0].asnumpy(), plain)
    with autograd.record():
        assert abs(heads(*arrays)[0].asnumpy() - plain).max() > 0.001


@pytest.mark.parametrize("use_bias", [False, True])
@both_modes
def test_float64_after_cast_equals_float32(use_bias, hybridize, arrays):
    heads, mask = ready(MultiHeadAttention(8, 2, use_bias=use_bias), *arrays), MASKS["(B, 1, n)"]
    expected = [x.asnumpy() for x in heads(*arrays, mask)]
    with pytest.raises(TypeError, match="weights are float32, arrays float64"):
        heads(*(x.astype("float64") for x in (*arrays, mask)))
    heads.cast("float64")
    heads.hybridize(hybridize)
    for result, other in zip(
        heads(*(x.astype("float64") for x in (*arrays, mask))), expected, strict=True
    ):
        assert result.dtype == "float64"
        onp.testing.assert_allclose(result.asnumpy(), other, atol=1e-5)


def test_parameters_survive_a_file(tmp_path, arrays):
    first, second = ready(MultiHeadAttention(8, 2), *arrays), MultiHeadAttention(8, 2)
    first.save_parameters(str(tmp_path / "parameters"))
    second.load_parameters(str(tmp_path / "parameters"))
    onp.testing.assert_array_equal(second(*arrays)[0].asnumpy(), first(*arrays)[0].asnumpy())


# ------------------------------------------------------------------------------- errors
BAD = [
    (ValueError, "num_heads must divide 8", lambda: MultiHeadAttention(8, 3)),
    (ValueError, "num_heads must be at least 1", lambda: MultiHeadAttention(8, 0)),
    (ValueError, "hidden_size must be at least 1", lambda: MultiHeadAttention(0, 1)),
    (TypeError, "num_heads must be an integer", lambda: MultiHeadAttention(8, True)),
    (TypeError, "hidden_size must be an integer", lambda: MultiHeadAttention(8.0, 2)),
    (TypeError, "score must be a Score", lambda: MultiHeadAttention(8, 2, score="dot")),
    (TypeError, "score must be a Score", lambda: MultiHeadAttention(8, 2, score=Attention)),
    (
        ValueError,
        "score must take 4 features, got one for 8",
        lambda: MultiHeadAttention(8, 2, score=ScaledDotProductScore(8)),
    ),
    (ValueError, "dropout must be", lambda: MultiHeadAttention(8, 2, dropout=1.0)),
]


@pytest.mark.parametrize(("error", "message", "make"), BAD)
def test_bad_constructions_name_the_argument(error, message, make):
    MultiHeadAttention(onp.int64(8), onp.int32(2), score=DotProductScore())
    with pytest.raises(error, match=message):
        make()


BAD_CALLS = [
    (ValueError, "^query .* q = 6", lambda h, q, k, v: h(q[:, :, :5], k, v)),
    (ValueError, "^key .* k = 6", lambda h, q, k, v: h(q, k[:, :, :5], v)),
    (ValueError, "^value .* v = 6", lambda h, q, k, v: h(q, k, v[:, :, :5])),
    (ValueError, "^key", lambda h, q, k, v: h(q, k[:2], v)),
    (ValueError, "^value", lambda h, q, k, v: h(q, k, v[:, :3])),
    (ValueError, "^query", lambda h, q, k, v: h(q[:, None], k[:, None], v[:, None])),
    (ValueError, "^key .* none of them 0", lambda h, q, k, v: h(q, k[:, :0], v[:, :0])),
    (TypeError, "^value", lambda h, q, k, v: h(q, k, v.astype("float16"))),
    (TypeError, "^query", lambda h, q, k, v: h(*(x.astype("int32") for x in (q, k, v)))),
    (TypeError, "'value'", lambda h, q, k, v: h(q, k)),
    (TypeError, "^mask", lambda h, *x: h(*x, np.ones((B, 1, N), dtype="bool"))),
    (ValueError, "^mask", lambda h, *x: h(*x, np.ones((B, M)))),
    (ValueError, "^mask", lambda h, *x: h(*x, np.ones((B,)))),
    (ValueError, "^mask", lambda h, *x: h(*x, np.ones((B, 2, M, N)))),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD_CALLS)
@both_modes
def test_bad_calls_name_the_argument(error, message, call, hybridize, arrays):
    heads = ready(MultiHeadAttention(8, 2), *arrays)
    heads.hybridize(hybridize)
    heads(*arrays)
    with pytest.raises(error, match=message):
        call(heads, *arrays)
