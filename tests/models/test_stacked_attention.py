"""Stacked attention: equal to an independent PyTorch network, and what must hold for every question."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.models.stacked_attention import RegionNetwork, StackedAttention
from tests.models.pictures import (
    ANSWERS,
    CHANNELS,
    GRID,
    VARIANTS,
    WORDS,
    batch,
    build,
    oracle,
    untrained,
)

from mxnet import autograd, np

every_variant = pytest.mark.parametrize("variant", VARIANTS)
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


@every_variant
@both_modes
def test_equals_pytorch(variant, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    network, inputs = build(variant), batch(variant)
    other, signs = oracle(network, variant), onp.random.RandomState(1).normal(size=(5, ANSWERS))
    network.hybridize(hybridize, static_alloc=hybridize)
    with autograd.record():
        logits, alpha = network(*inputs)
        total = (logits * np.array(signs.astype("float32"))).sum()
    total.backward()
    features, question, length = (torch.tensor(array.asnumpy()) for array in inputs)
    expected, expected_alpha = other(features.double(), question, length)
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(alpha.asnumpy(), expected_alpha.detach(), atol=1e-5)
    weights.compare_gradients(network, other)


@every_variant
def test_hybrid_is_imperative(variant):
    network = build(variant)
    batches = [batch(variant), batch(variant, size=2, longest=4, seed=1), batch(variant, seed=2)]
    plain = [[x.asnumpy() for x in network(*inputs)] for inputs in batches]
    network.hybridize(static_alloc=True)
    for inputs, outputs in zip(batches, plain, strict=True):
        for found, expected in zip(network(*inputs), outputs, strict=True):
            onp.testing.assert_allclose(found.asnumpy(), expected, atol=1e-6)


# --------------------------------------------------------------------------- properties
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(VARIANTS)))
def test_weights_sum_to_one(seed, variant):
    _, weights = build(variant, seed)(*batch(variant, seed=seed))
    assert weights.shape == (5, VARIANTS[variant]["hops"], GRID**2)
    assert (weights.asnumpy() >= 0).all()
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 4))
def test_padding_never_changes_an_answer(seed, more):
    """Neither more of it, nor what stands in it."""
    network = build("three hops", seed)
    features, question, length = batch("three hops", seed=seed)
    logits = network(features, question, length)[0].asnumpy()
    words = onp.pad(question.asnumpy(), ((0, 0), (0, more)))
    garbage = onp.random.RandomState(seed).randint(0, WORDS, words.shape)
    padded = onp.arange(words.shape[1]) >= length.asnumpy()[:, None]
    words[padded] = garbage[padded]
    other = network(features, np.array(words, dtype="int32"), length)[0].asnumpy()
    onp.testing.assert_allclose(logits, other, atol=1e-6)


def test_regions_in_another_order_give_the_same_answer():
    network = build("three hops")
    features, question, length = batch("three hops")
    order = onp.random.RandomState(0).permutation(GRID**2)
    logits, weights = network(features, question, length)
    other, permuted = network(np.array(features.asnumpy()[:, order]), question, length)
    onp.testing.assert_allclose(logits.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[:, :, order], permuted.asnumpy(), atol=1e-6)


def test_with_neighbours_a_region_has_a_place():
    network = build("neighbours")
    features, question, length = batch("neighbours")
    order = onp.random.RandomState(0).permutation(GRID**2)
    other = network(np.array(features.asnumpy()[:, order]), question, length)[0].asnumpy()
    assert abs(network(features, question, length)[0].asnumpy() - other).max() > 1e-4


def test_one_hop_is_a_sum_over_regions():
    """No region's contribution depends on another region: the argument of the exercise on XOR."""
    network, random = build("one hop"), onp.random.RandomState(0)
    _, question, length = (array[:1].asnumpy().repeat(4, 0) for array in batch("one hop"))
    question, length = (np.array(a, dtype="int32") for a in (question, length))
    a, b = random.normal(size=(2, 2, CHANNELS))  # two contents for region 0, two for region 1
    rest = random.normal(size=(GRID**2 - 2, CHANNELS))
    pictures = [onp.concatenate([[a[i], b[j]], rest]) for i in (0, 1) for j in (0, 1)]
    logits, weights = network(np.array(onp.stack(pictures).astype("float32")), question, length)
    mass = 1 / weights.asnumpy()[:, 0, -1:]  # the softmax's denominator, up to a factor
    reference = network.W_u(network.encoder(question, length)).asnumpy()  # before any hop
    parts = (logits.asnumpy() - reference) * mass
    sums = parts[0] + parts[3], parts[1] + parts[2]
    onp.testing.assert_allclose(*sums, atol=1e-3 * abs(parts).max())


def test_the_answer_depends_on_the_last_word_and_on_word_order():
    network = build("one hop")
    features, question, length = batch("one hop")
    question[0] = np.array([1, 2, 3, 4, 5, 6], dtype="int32")
    before = network(features, question, length)[0][0].asnumpy()
    for changed in ([1, 2, 3, 4, 5, 7], [2, 1, 3, 4, 5, 6]):
        question[0] = np.array(changed, dtype="int32")
        assert abs(network(features, question, length)[0][0].asnumpy() - before).max() > 1e-5


@every_variant
@both_modes
def test_float64_after_cast_equals_float32(variant, hybridize):
    network, inputs = build(variant), batch(variant)
    expected = [x.asnumpy() for x in network(*inputs)]
    network.cast("float64")
    network.hybridize(hybridize)
    for found, other in zip(
        network(inputs[0].astype("float64"), *inputs[1:]), expected, strict=True
    ):
        assert found.dtype == "float64"
        onp.testing.assert_allclose(found.asnumpy(), other, atol=1e-5)
    with pytest.raises(TypeError, match="weights are float64, arrays float32"):
        network(*inputs)


@every_variant
def test_a_saved_network_answers_the_same(tmp_path, variant):
    network, other, inputs = build(variant), untrained(variant), batch(variant)
    network.save_parameters(str(tmp_path / "network"))
    other.load_parameters(str(tmp_path / "network"))
    for found, expected in zip(other(*inputs), network(*inputs), strict=True):
        onp.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


# -------------------------------------------------------------------------------- calls
def i32(*shape, value=1):
    return np.full(shape, value, dtype="int32")


BAD = [
    (ValueError, "features must be of shape", {"features": np.zeros((5, 9))}),
    (ValueError, "features must be of shape .* c = 6", {"features": np.zeros((5, 9, 5))}),
    (ValueError, "features .* none of them 0", {"features": np.zeros((5, 0, 6))}),
    (TypeError, "features must be an MXNet array", {"features": onp.zeros((5, 9, 6))}),
    (TypeError, "features must be an MXNet array, got None", {"features": None}),
    (TypeError, "weights are float32", {"features": np.zeros((5, 9, 6), dtype="float64")}),
    (TypeError, "features must be float32", {"features": np.zeros((5, 9, 6), dtype="uint8")}),
    (ValueError, "question must be of shape .* B = 5", {"question": i32(4, 6)}),
    (ValueError, "question .* none of them 0", {"question": i32(5, 0)}),
    (TypeError, "question must be int32 or int64", {"question": np.ones((5, 6))}),
    (
        ValueError,
        "question must hold whole numbers from 0 to 8",
        {"question": i32(5, 6, value=WORDS)},
    ),
    (ValueError, "question must hold whole numbers from 0 to 8", {"question": i32(5, 6, value=-1)}),
    (ValueError, "length must hold whole numbers from 1 to 6", {"length": i32(5, value=0)}),
    (ValueError, "length must hold whole numbers from 1 to 6", {"length": i32(5, value=7)}),
    (ValueError, "length must be of shape", {"length": i32(5, 1)}),
    (ValueError, "length must be of shape", {"length": i32(4)}),
    (TypeError, "length must be int32 or int64", {"length": np.ones(5)}),
    (TypeError, "unexpected keyword argument 'lengths'", {"lengths": i32(5)}),
]


@pytest.fixture(scope="module", params=[False, True], ids=["imperative", "hybridized"])
def small(request):
    network = build("one hop")
    network.hybridize(request.param, static_alloc=request.param)
    return network


@pytest.mark.parametrize(("error", "message", "change"), BAD)
def test_bad_calls_are_refused(small, error, message, change):
    good = dict(zip(("features", "question", "length"), batch("one hop"), strict=True))
    assert small(**good)[0].shape == (5, ANSWERS)
    with pytest.raises(error, match=message):
        small(**(good | change))


def test_a_missing_argument_is_named(small):
    with pytest.raises(TypeError, match="missing a required argument: 'length'"):
        small(*batch("one hop")[:2])


def test_a_check_copies_no_floats_from_the_device(small, monkeypatch):
    inputs, read = batch("one hop"), np.ndarray.asnumpy

    def refuse(array):
        assert array.dtype == "int32", "floats were read"
        return read(array)

    monkeypatch.setattr(np.ndarray, "asnumpy", refuse)
    small(*inputs)


def test_a_grid_of_another_size_is_refused():
    features, question, length = batch("neighbours")
    with pytest.raises(ValueError, match=r"features must be of shape \(B, n, c\) with n = 9"):
        build("neighbours")(features[:, :8], question, length)


@pytest.mark.parametrize("size", [(24, 25), (26, 26)])
def test_hybridized_networks_refuse_pictures_of_another_size(size):
    """26 x 26 pixels hold nine cells of 8 x 8 and a rest, which convolutions leave out."""
    regions = RegionNetwork(attributes=4, grid=3, cell=8)
    network = StackedAttention(WORDS, ANSWERS, hidden_size=4, regions=regions)
    network.initialize()
    network.hybridize(static_alloc=True)
    asked = i32(1, 2), i32(1)
    network(np.zeros((1, 3, 24, 24)), *asked)
    with pytest.raises(ValueError, match="features must be of shape"):
        network(np.zeros((1, 3, *size)), *asked)
    with pytest.raises(TypeError, match="features must be float32 or float64, got uint8"):
        network(np.zeros((1, 3, 24, 24), dtype="uint8"), *asked)


def test_answers_are_answers(small):
    output = small(*batch("one hop"))
    assert small.loss(output, i32(5)).shape == (5,)
    for value in (-1, ANSWERS):
        with pytest.raises(ValueError, match="answer must hold whole numbers from 0 to 3"):
            small.loss(output, i32(5, value=value))


SIZES = ["num_words", "num_answers", "hidden_size", "score_size", "hops", "grid"]


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_positive_integers(name):
    sizes = {"num_words": 5, "num_answers": 2, "blocks": 1, "grid": 3}
    StackedAttention(**(sizes | {name: onp.int64(2)}))
    for bad, error in [(0, ValueError), (-1, ValueError), (True, TypeError), (2.5, TypeError)]:
        with pytest.raises(error, match=f"^{name} must be"):
            StackedAttention(**(sizes | {name: bad}))


def test_blocks_need_a_grid():
    with pytest.raises(ValueError, match="grid must be given"):
        StackedAttention(5, 2, blocks=1)
    for bad, error in [(-1, ValueError), (True, TypeError), (1.0, TypeError)]:
        with pytest.raises(error, match="blocks must be"):
            StackedAttention(5, 2, blocks=bad, grid=3)
