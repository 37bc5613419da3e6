"""attention.py against PyTorch, d2l and brute force; properties that must hold for any input; clear errors."""

import doctest
import math

import hypothesis.extra.numpy as hnp
import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import attention as module
from d2l_attention import seed_everything
from d2l_attention.attention import (
    AdditiveScore,
    Attention,
    BilinearScore,
    BoxcarScore,
    CosineScore,
    DotProductScore,
    EpanechnikovScore,
    GaussianScore,
    MultiHeadAttention,
    ScaledDotProductScore,
    TriangularScore,
    expand_mask,
    masked_softmax,
)

from mxnet import autograd, gluon, init, np

B, M, N, D = 3, 4, 5, 6

# Every score by name; sizes fit arrays of D features. Bandwidths are wide enough to
# reach some keys and not others.
SCORES = {
    "gaussian": lambda: GaussianScore(1.5),
    "gaussian, learned": lambda: GaussianScore(1.5, learn=True),
    "gaussian, one bandwidth a feature": lambda: GaussianScore([1.0, 2, 3, 1, 2, 3], learn=True),
    "boxcar": lambda: BoxcarScore(3.0),
    "triangular": lambda: TriangularScore(3.0),
    "epanechnikov, learned": lambda: EpanechnikovScore(3.0, learn=True),
    "dot": DotProductScore,
    "scaled dot": ScaledDotProductScore,
    "scaled dot, size": lambda: ScaledDotProductScore(D),
    "bilinear": lambda: BilinearScore(D),
    "additive": lambda: AdditiveScore(7),
    "cosine": lambda: CosineScore(2.0),
}
every_score = pytest.mark.parametrize("make_score", SCORES.values(), ids=SCORES.keys())


@pytest.fixture(autouse=True)
def seed():
    seed_everything(0)


@pytest.fixture
def arrays():
    """Query (B, M, D), key (B, N, D) and value (B, N, D), with gradients attached."""
    query, key, value = (np.random.normal(size=(B, n, D)) for n in (M, N, N))
    for array in (query, key, value):
        array.attach_grad()
    return query, key, value


def make_attention(make_score, **arguments):
    attention = Attention(make_score(), **arguments)
    attention.initialize(init.Normal(0.5))
    return attention


def softmax(scores):
    """Softmax over the last axis where every row has a finite entry; rows without one give zeros."""
    scores = scores.astype("float64")
    top = onp.max(scores, axis=-1, keepdims=True, initial=-1e300)
    weights = onp.exp(scores - top)
    return weights / onp.maximum(weights.sum(-1, keepdims=True), 1e-300)


def to_torch(*arrays):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    return [torch.tensor(array.asnumpy(), requires_grad=True) for array in arrays]


# ------------------------------------------------------------------------------- scores
def brute_force_score(name, score, q, k):
    """One score, from the formula in the docstring, in float64."""
    u = onp.linalg.norm((q - k) / score.bandwidth) if hasattr(score, "bandwidth") else None
    weight = [
        parameter.data().asnumpy().astype("float64")
        for parameter in score.collect_params().values()
    ]
    with onp.errstate(divide="ignore"):
        return {
            "gaussian": lambda: -(u**2) / 2,
            "boxcar": lambda: 0.0 if u < 1 else -onp.inf,
            "triangular": lambda: onp.log(max(1 - u, 0)),
            "epanechnikov": lambda: onp.log(max(1 - u**2, 0)),
            "dot": lambda: q @ k,
            "scaled dot": lambda: q @ k / math.sqrt(len(q)),
            "bilinear": lambda: q @ weight[0] @ k,
            "additive": lambda: weight[2][0] @ onp.tanh(weight[0] @ q + weight[1] @ k),
            "cosine": lambda: 2.0 * q @ k / onp.linalg.norm(q) / onp.linalg.norm(k),
        }[name.split(",")[0]]()


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("hybridize", [False, True])
def test_score_follows_its_formula(name, hybridize, arrays):
    query, key, _ = arrays
    score = SCORES[name]()
    score.initialize(init.Normal(0.5))
    if hybridize:
        score.hybridize(static_alloc=True)
    scores = score(query, key).asnumpy()
    q, k = query.asnumpy().astype("float64"), key.asnumpy().astype("float64")
    expected = [
        [[brute_force_score(name, score, q[b, i], k[b, j]) for j in range(N)] for i in range(M)]
        for b in range(B)
    ]
    onp.testing.assert_allclose(scores, expected, atol=2e-5, rtol=1e-5)


def test_compact_kernels_reach_some_keys_only(arrays):
    query, key, _ = arrays
    scores = TriangularScore(3.0)(query, key).asnumpy()
    assert (
        0 < onp.isinf(scores).sum() < scores.size
    )  # else the tests above and below would test nothing


@pytest.mark.parametrize("score", [GaussianScore, TriangularScore, EpanechnikovScore])
def test_gradient_of_the_bandwidth(score):
    """Against a central difference in float64."""
    query, key, value = (np.random.normal(size=(1, n, 2), dtype="float64") for n in (3, 7, 7))

    def error(bandwidth):
        attention = Attention(score(bandwidth, learn=True, dtype="float64"))
        attention.initialize()
        attention.cast("float64")
        with autograd.record():
            loss = np.square(attention(query, key, value)[0]).sum()
        loss.backward()
        return float(loss), attention.score.log_bandwidth.grad().asnumpy()

    h, step = onp.array([1.7, 2.3]), 1e-6
    _, gradient = error(h)
    for j in range(2):
        up, down = h.copy(), h.copy()
        up[j] *= math.exp(step)
        down[j] *= math.exp(-step)
        assert gradient[j] == pytest.approx((error(up)[0] - error(down)[0]) / (2 * step), rel=1e-5)


def test_kernel_bandwidth_property():
    assert GaussianScore(0.3).bandwidth.tolist() == [0.3]
    score = GaussianScore([0.3, 2.0], dtype="float64")
    score.initialize()
    onp.testing.assert_allclose(score.bandwidth, [0.3, 2.0], rtol=1e-15)
    assert score.log_bandwidth.grad_req == "null"  # not learned unless asked for


def test_cosine_of_extreme_vectors():
    query = np.array([[[0.0, 0.0], [1e-25, 1e-25], [1e25, 1e25]]])
    onp.testing.assert_allclose(
        CosineScore()(query, np.array([[[1.0, 1.0]]])).asnumpy().ravel(),
        [0, 1, 1],
        atol=1e-6,
    )


# ------------------------------------------------------------------------ normalisation
def test_masked_softmax_against_brute_force():
    scores = np.random.normal(size=(B, M, N))
    lengths = np.random.randint(0, N + 1, size=(B, M))
    allowed = onp.arange(N) < lengths.asnumpy()[:, :, None]
    expected = softmax(onp.where(allowed, scores.asnumpy(), -onp.inf))
    onp.testing.assert_allclose(masked_softmax(scores, lengths).asnumpy(), expected, atol=1e-6)
    onp.testing.assert_array_equal(masked_softmax(scores, lengths).asnumpy() == 0, ~allowed)


def test_masked_softmax_agrees_with_d2l_where_d2l_is_right():
    d2l = pytest.importorskip("d2l.mxnet")
    scores, lengths = np.random.normal(size=(B, M, N)), np.array([1, 3, 5])
    onp.testing.assert_allclose(
        masked_softmax(scores, lengths).asnumpy(),
        d2l.masked_softmax(scores, lengths).asnumpy(),
        atol=1e-6,
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hard_cases_are_exact(dtype):
    big = module.LIMIT[dtype]
    inf = onp.inf
    cases = [  # scores, mask, weights
        ([5.0, 7.0], [0, 0], [0.0, 0.0]),  # nothing allowed
        ([5.0, 7.0], [1, 0], [1.0, 0.0]),  # one key
        (
            [-0.9 * big, big],
            [1, 0],
            [1.0, 0.0],
        ),  # the masked key has the largest score there is
        ([big, big], [1, 1], [0.5, 0.5]),
        ([big, 0.0], [1, 1], [1.0, 0.0]),
        ([-inf, 3.0], [1, 1], [0.0, 1.0]),  # minus infinity counts as masked
        ([-inf, -inf], [1, 1], [0.0, 0.0]),
        ([-inf, 3.0], [1, 0], [0.0, 0.0]),
        ([2.0, inf], [1, 0], [1.0, 0.0]),
        ([1e4, 1e4 - 1000], [1, 1], [1.0, 0.0]),
    ]
    for scores, mask, weights in cases:
        result = masked_softmax(np.array([[scores]], dtype=dtype), np.array([[mask]]))
        assert result.dtype == dtype
        assert result.asnumpy().ravel().tolist() == weights, (scores, mask)


@settings(max_examples=60, deadline=None)
@given(
    scores=hnp.arrays("float32", (2, 3, 4), elements=st.floats(-1e4, 1e4, width=32)),
    mask=hnp.arrays("bool", (2, 3, 4)),
    shift=st.floats(-100, 100, width=16),
)
def test_properties_of_masked_softmax(scores, mask, shift):
    weights = masked_softmax(np.array(scores), np.array(mask, dtype="bool")).asnumpy()
    assert (weights[~mask] == 0).all()
    onp.testing.assert_allclose(weights.sum(-1), mask.any(-1), atol=1e-5)
    shifted = masked_softmax(
        np.array(scores + onp.float32(shift)), np.array(mask, dtype="bool")
    ).asnumpy()
    onp.testing.assert_allclose(shifted, weights, atol=5e-3)  # 1e4 + shift rounds to 1e-3
    other = onp.where(mask, scores, 77)  # what is masked cannot matter
    onp.testing.assert_array_equal(
        masked_softmax(np.array(other), np.array(mask, dtype="bool")).asnumpy(), weights
    )


def test_mask_forms_agree():
    scores = np.random.normal(size=(2, 3, 4))
    forms = [
        np.array([2, 0]),
        np.array([[2] * 3, [0] * 3]),
        np.array([[[1, 1, 0, 0]], [[0, 0, 0, 0]]]),
    ]
    forms += [np.array([[[1, 1, 0, 0]] * 3, [[0, 0, 0, 0]] * 3], dtype="bool")]
    for mask in forms:
        onp.testing.assert_array_equal(
            masked_softmax(scores, mask).asnumpy(),
            masked_softmax(scores, forms[0]).asnumpy(),
        )
    shared = expand_mask(np.array([[[1, 0, 1, 0]]]), 2, 3, 4)
    onp.testing.assert_array_equal(masked_softmax(scores, shared).asnumpy()[:, :, [1, 3]], 0)


# ------------------------------------------------------------------------------ pooling
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("hybridize", [False, True])
def test_scaled_dot_product_attention_equals_torch(arrays, masked, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    query, key, value = arrays
    lengths = np.array([[1, 2, 3, 4], [5, 5, 5, 5], [2, 2, 1, 1]]) if masked else None
    attention = Attention(ScaledDotProductScore())
    if hybridize:
        attention.hybridize(static_alloc=True)
    with autograd.record():
        context, _ = attention(query, key, value, lengths)
        loss = np.square(context).sum()
    loss.backward()
    tensors = to_torch(query, key, value)
    mask = torch.arange(N) < torch.tensor(lengths.asnumpy())[:, :, None] if masked else None
    expected = torch.nn.functional.scaled_dot_product_attention(*tensors, attn_mask=mask)
    expected.square().sum().backward()
    onp.testing.assert_allclose(context.asnumpy(), expected.detach(), atol=1e-6)
    for array, tensor in zip(arrays, tensors, strict=True):
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5, rtol=1e-5)


def test_additive_attention_equals_d2l(arrays):
    d2l = pytest.importorskip("d2l.mxnet")
    query, key, value = arrays
    theirs, ours = (
        d2l.AdditiveAttention(num_hiddens=7, dropout=0),
        Attention(AdditiveScore(7)),
    )
    theirs.initialize()
    ours.initialize()
    lengths = np.array([1, 3, 5])
    theirs(query, key, value, lengths)
    ours(query, key, value, lengths)
    for mine, other in zip(
        (ours.score.query_projection, ours.score.key_projection, ours.score.output),
        (theirs.W_q, theirs.W_k, theirs.w_v),
        strict=True,
    ):
        mine.weight.set_data(other.weight.data())
    onp.testing.assert_allclose(
        ours(query, key, value, lengths)[0].asnumpy(),
        theirs(query, key, value, lengths).asnumpy(),
        atol=1e-6,
    )


@every_score
def test_weights_are_a_distribution_and_pool_the_values(make_score, arrays):
    query, key, value = arrays
    context, weights = make_attention(make_score)(query, key, value, np.array([[1, 2, 3, 0]] * B))
    weights = weights.asnumpy()
    assert (weights >= 0).all()
    assert (weights[:, 3] == 0).all() and (context.asnumpy()[:, 3] == 0).all()  # nothing allowed
    assert all((weights[:, i, i + 1 :] == 0).all() for i in range(3))
    total = weights[:, :3].sum(-1)
    onp.testing.assert_allclose(
        onp.where(total == 0, 1, total), 1, atol=1e-6
    )  # a compact kernel may reach no key
    onp.testing.assert_allclose(context.asnumpy(), weights @ value.asnumpy(), atol=1e-5)


@every_score
def test_permuting_keys_permutes_weights_and_keeps_the_context(make_score, arrays):
    query, key, value = arrays
    attention, order = make_attention(make_score), onp.array([3, 0, 4, 1, 2])
    context, weights = attention(query, key, value)
    key, value = (np.array(x.asnumpy()[:, order]) for x in (key, value))
    permuted, permuted_weights = attention(query, key, value)
    onp.testing.assert_allclose(permuted.asnumpy(), context.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(
        permuted_weights.asnumpy(), weights.asnumpy()[:, :, order], atol=1e-6
    )


@every_score
@pytest.mark.parametrize("hybridize", [False, True])
def test_padding_changes_nothing(make_score, hybridize, arrays):
    """Neither answers nor gradients, whatever the padding holds."""
    query, key, value = arrays
    attention = make_attention(make_score)
    if hybridize:
        attention.hybridize(static_alloc=True)
    results = []
    for padding in (0.0, 1e3):
        padded = [
            np.concatenate([x.detach(), np.full((B, 3, D), padding)], axis=1) for x in (key, value)
        ]
        for array in padded:
            array.attach_grad()
        with autograd.record():
            context, weights = attention(query, *padded, np.array([N] * B))
            loss = np.square(context).sum()
        loss.backward()
        assert (weights.asnumpy()[:, :, N:] == 0).all()
        assert all((array.grad.asnumpy()[:, N:] == 0).all() for array in padded)
        results.append([context.asnumpy(), weights.asnumpy()[:, :, :N], query.grad.asnumpy()])
    with autograd.record():
        context, weights = attention(query, key, value)
        loss = np.square(context).sum()
    loss.backward()
    results.append([context.asnumpy(), weights.asnumpy(), query.grad.asnumpy()])
    for result in results[1:]:
        for got, expected in zip(result, results[0], strict=True):
            onp.testing.assert_allclose(got, expected, atol=1e-5)


@every_score
def test_hybrid_equals_imperative(make_score, arrays):
    attention, mask = make_attention(make_score), np.array([[1, 2, 0, 5]] * B)
    outcomes = []
    for hybrid in (False, True):
        attention.hybridize(hybrid, static_alloc=hybrid)
        for lengths in (
            None,
            mask,
            None,
        ):  # the kind of mask may change from call to call
            with autograd.record():
                context, weights = attention(*arrays, lengths)
                loss = np.square(context).sum() + np.square(weights).sum()
            loss.backward()
            outcomes.append([x.asnumpy() for x in (context, weights, *(a.grad for a in arrays))])
    assert onp.isfinite(onp.concatenate([x.ravel() for outcome in outcomes for x in outcome])).all()
    for imperative, hybrid in zip(outcomes[:3], outcomes[3:], strict=True):
        for expected, got in zip(imperative, hybrid, strict=True):
            onp.testing.assert_allclose(got, expected, atol=1e-5)


def test_attention_inside_a_hybridized_parent(arrays):
    class Parent(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.attention = Attention(DotProductScore())

        def hybrid_forward(self, F, query, key, value, mask):
            return self.attention(query, key, value, mask)[0]

    parent, mask = Parent(), expand_mask(np.array([1, 0, 5]), B, M, N)
    expected = Attention(DotProductScore())(*arrays, np.array([1, 0, 5]))[0].asnumpy()
    parent.hybridize(static_alloc=True)
    onp.testing.assert_allclose(parent(*arrays, mask).asnumpy(), expected, atol=1e-6)


def test_compact_kernel_far_from_every_key_gives_zero():
    far, keys = np.array([[[1000.0]]]), np.array([[[0.0], [1.0]]])
    for score in (BoxcarScore(2.0), TriangularScore(2.0), EpanechnikovScore(2.0)):
        context, weights = Attention(score)(far, keys, keys + 5)
        assert weights.asnumpy().tolist() == [[[0.0, 0.0]]] and context.asnumpy().tolist() == [
            [[0.0]]
        ]
    # A Gaussian has no end: the nearest key gets all the weight, even where exp(-u**2 /
    # 2) underflows.
    assert Attention(GaussianScore(2.0))(far, keys, keys)[1].asnumpy().tolist() == [[[0.0, 1.0]]]


def test_dropout_acts_in_training_only_and_leaves_the_weights(arrays):
    plain, dropped = (
        Attention(DotProductScore()),
        Attention(DotProductScore(), dropout=0.5),
    )
    context, weights = plain(*arrays)
    onp.testing.assert_array_equal(dropped(*arrays)[0].asnumpy(), context.asnumpy())
    with autograd.record():
        context_in_training, weights_in_training = dropped(*arrays)
    onp.testing.assert_array_equal(weights_in_training.asnumpy(), weights.asnumpy())
    assert abs(context_in_training.asnumpy() - context.asnumpy()).max() > 0.01


def test_float64_after_cast(arrays):
    query, key, value = (array.astype("float64") for array in arrays)
    attention = Attention(AdditiveScore(7))
    attention.initialize()
    attention(*arrays)  # MXNet 1.9.1 can draw initial weights in float32 only
    attention.cast("float64")
    context, weights = attention(query, key, value, np.array([2, 0, 5]))
    assert context.dtype == weights.dtype == "float64"
    onp.testing.assert_allclose(weights.asnumpy().sum(-1)[:, 0], [1, 0, 1], rtol=1e-12)


def test_float16_softmax_masks_exactly():
    scores = np.array([[[1.0, 2.0, 6e4]]], dtype="float16")
    weights = masked_softmax(scores, np.array([2]))
    assert weights.dtype == "float16" and float(weights[0, 0, 2]) == 0
    assert float(weights.sum()) == pytest.approx(1, abs=1e-3)


# -------------------------------------------------------------------------------- heads
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("hybridize", [False, True])
def test_multi_head_attention_equals_torch(arrays, use_bias, masked, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    ours = MultiHeadAttention(D, num_heads=2, use_bias=use_bias)
    ours.initialize(init.Normal(0.5))
    ours(*arrays)
    theirs = torch.nn.MultiheadAttention(D, 2, bias=use_bias, batch_first=True)
    layers = [ours.query_projection, ours.key_projection, ours.value_projection]
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.tensor(onp.concatenate([x.weight.data().asnumpy() for x in layers]))
        )
        theirs.out_proj.weight.copy_(torch.tensor(ours.output.weight.data().asnumpy()))
        if use_bias:
            for layer in [*layers, ours.output]:
                layer.bias.set_data(np.random.normal(size=D))
            theirs.in_proj_bias.copy_(
                torch.tensor(onp.concatenate([x.bias.data().asnumpy() for x in layers]))
            )
            theirs.out_proj.bias.copy_(torch.tensor(ours.output.bias.data().asnumpy()))
    if hybridize:
        ours.hybridize(static_alloc=True)
    lengths = np.array([1, 3, 5]) if masked else None
    with autograd.record():
        context, weights = ours(*arrays, lengths)
        loss = np.square(context).mean() + np.square(weights).mean()
    loss.backward()
    tensors = to_torch(*arrays)
    padding = torch.arange(N) >= torch.tensor([[1], [3], [5]]) if masked else None
    expected, expected_weights = theirs(
        *tensors, key_padding_mask=padding, average_attn_weights=False
    )
    (expected.square().mean() + expected_weights.square().mean()).backward()
    onp.testing.assert_allclose(context.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy(), expected_weights.detach(), atol=1e-5)
    for array, tensor in zip(arrays, tensors, strict=True):
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad, atol=1e-5)
    gradients = onp.concatenate([x.weight.grad().asnumpy() for x in layers])
    onp.testing.assert_allclose(gradients, theirs.in_proj_weight.grad, atol=1e-5)


def test_multi_head_attention_equals_d2l(arrays):
    d2l = pytest.importorskip("d2l.mxnet")
    ours, theirs = (
        MultiHeadAttention(D, num_heads=3),
        d2l.MultiHeadAttention(D, 3, dropout=0),
    )
    ours.initialize(init.Normal(0.5))
    theirs.initialize()
    lengths = np.array([1, 3, 5])
    ours(*arrays, lengths)
    theirs(*arrays, lengths)
    mine = (
        ours.query_projection,
        ours.key_projection,
        ours.value_projection,
        ours.output,
    )
    for layer, other in zip(mine, (theirs.W_q, theirs.W_k, theirs.W_v, theirs.W_o), strict=True):
        other.weight.set_data(layer.weight.data())
    onp.testing.assert_allclose(
        ours(*arrays, lengths)[0].asnumpy(),
        theirs(*arrays, lengths).asnumpy(),
        atol=1e-5,
    )


def test_multi_head_attention_of_other_sizes_and_scores(arrays):
    query, key, _ = arrays
    value = np.random.normal(size=(B, N, 11))
    attention = MultiHeadAttention(8, num_heads=4, score=AdditiveScore(3))
    attention.initialize()
    context, weights = attention(query, key, value, np.array([[[1, 0, 1, 0, 0]]]))
    assert context.shape == (B, M, 8) and weights.shape == (B, 4, M, N)
    assert (weights.asnumpy()[..., [1, 3, 4]] == 0).all()
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-6)


def test_one_head_with_identity_projections_is_plain_attention(arrays):
    heads = MultiHeadAttention(D, num_heads=1)
    heads.initialize()
    heads(*arrays)
    for parameter in heads.collect_params().values():
        parameter.set_data(np.eye(D))
    context, weights = heads(*arrays)
    expected, expected_weights = Attention(ScaledDotProductScore())(*arrays)
    onp.testing.assert_allclose(context.asnumpy(), expected.asnumpy(), atol=1e-6)
    onp.testing.assert_allclose(weights.asnumpy()[:, 0], expected_weights.asnumpy(), atol=1e-6)


def test_self_attention_is_permutation_equivariant(arrays):
    _, x, _ = arrays
    heads = MultiHeadAttention(D, num_heads=2)
    heads.initialize(init.Normal(0.5))
    order = onp.array([3, 0, 4, 1, 2])
    permuted = np.array(x.asnumpy()[:, order])
    onp.testing.assert_allclose(
        heads(permuted, permuted, permuted)[0].asnumpy(),
        heads(x, x, x)[0].asnumpy()[:, order],
        atol=1e-5,
    )


def test_parameters_survive_a_file(tmp_path, arrays):
    for make in (
        lambda: MultiHeadAttention(D, num_heads=2),
        lambda: Attention(GaussianScore(0.7, learn=True)),
    ):
        first, second = make(), make()
        first.initialize(init.Normal(0.5))
        second.initialize()
        first(*arrays)
        first.save_parameters(str(tmp_path / "parameters"))
        second.load_parameters(str(tmp_path / "parameters"))
        onp.testing.assert_array_equal(second(*arrays)[0].asnumpy(), first(*arrays)[0].asnumpy())


# ------------------------------------------------------------------------------- errors
BAD_CALLS = [
    (ValueError, "query", lambda q, k, v: (q[0], k, v)),
    (ValueError, "key", lambda q, k, v: (q, k[:, :, 0], v)),
    (ValueError, "value", lambda q, k, v: (q, k, v[:, :4])),
    (ValueError, "batch size", lambda q, k, v: (q, k[:2], v)),
    (ValueError, "key must have the features", lambda q, k, v: (q, k[:, :, :2], v)),
    (TypeError, "query", lambda q, k, v: (q.asnumpy(), k, v)),
    (TypeError, "value", lambda q, k, v: (q, k, v.asnumpy())),
    (TypeError, "mask", lambda q, k, v: (q, k, v, [1, 2, 3])),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.array([1, 2]))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.array([1, 2, N + 1]))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.array([1, 2, -1]))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.array([1, 2, 2.5]))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.ones((B, M, N + 1)))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.full((B, M, N), 0.5))),
    (ValueError, "mask", lambda q, k, v: (q, k, v, np.ones((B, M, N, 1)))),
]


@pytest.mark.parametrize(("error", "name", "spoil"), BAD_CALLS)
@pytest.mark.parametrize("hybridize", [False, True])
def test_bad_calls_name_the_argument(error, name, spoil, hybridize, arrays):
    attention = Attention(DotProductScore())
    if hybridize:
        attention.hybridize()
    with pytest.raises(error, match=name):
        attention(*spoil(*arrays))


@pytest.mark.parametrize(
    ("error", "name", "make"),
    [
        (TypeError, "score", lambda: Attention("dot")),
        (ValueError, "dropout", lambda: Attention(DotProductScore(), dropout=1.0)),
        (ValueError, "bandwidth", lambda: GaussianScore(0.0)),
        (ValueError, "bandwidth", lambda: GaussianScore([1.0, -1.0])),
        (ValueError, "bandwidth", lambda: GaussianScore(math.nan)),
        (ValueError, "learn", lambda: BoxcarScore(1.0, learn=True)),
        (ValueError, "sharpness", lambda: CosineScore(0.0)),
        (ValueError, "hidden_size", lambda: AdditiveScore(0)),
        (ValueError, "query_size", lambda: BilinearScore(2.5)),
        (ValueError, "size", lambda: ScaledDotProductScore(-1)),
        (ValueError, "num_heads", lambda: MultiHeadAttention(8, 3)),
        (ValueError, "num_heads", lambda: MultiHeadAttention(8, 0)),
        (TypeError, "scores", lambda: masked_softmax(onp.zeros((1, 1, 1)))),
        (ValueError, "scores", lambda: masked_softmax(np.zeros((2, 2)))),
        (
            TypeError,
            "dtype",
            lambda: masked_softmax(np.zeros((1, 1, 1), dtype="int32")),
        ),
        (
            ValueError,
            "size",
            lambda: ScaledDotProductScore(4)(np.zeros((1, 1, 5)), np.zeros((1, 1, 5))),
        ),
    ],
)
def test_bad_constructions_name_the_argument(error, name, make):
    with pytest.raises(error, match=name):
        make()


def test_examples_in_the_docstrings():
    assert doctest.testmod(module).failed == 0
