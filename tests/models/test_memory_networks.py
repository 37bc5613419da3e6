"""Memory networks: equal to an independent PyTorch network, and what must hold for every story."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.attention import identity
from d2l_attention.datasets.stories import Encoder
from d2l_attention.models.memory_networks import MemoryNetwork
from tests.models.walks import (
    HIDDEN,
    MEMORY,
    PEOPLE,
    QUESTIONS,
    ROOMS,
    VARIANTS,
    arrays,
    build,
    oracle,
    question,
    walks,
    words,
)

from mxnet import autograd, np

every_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize("linear", [False, True], ids=["softmax", "linear"])
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
@every_variant
def test_equals_pytorch(variant, linear, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    encoder, network = build(variant, scale=0.6 if linear else 1.0)
    other, stories = oracle(torch, network, encoder, variant), encoder(QUESTIONS)
    if linear:
        network.attention.normalise, other.linear = identity, True
    network.hybridize(hybridize, static_alloc=hybridize)
    shape = (len(stories), len(encoder.words))
    signs = onp.random.RandomState(1).normal(size=shape).astype("float32")
    with autograd.record():
        logits, alpha = network(*arrays(stories))
        total = (logits * np.array(signs)).sum()
    total.backward()
    inputs = map(torch.tensor, words(encoder, QUESTIONS, stories.age, stories.mask))
    expected, expected_alpha = other(*inputs)
    (expected * torch.tensor(signs)).sum().backward()
    tolerance = 1e-5 * max(1, expected.abs().max().item())
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=tolerance)
    onp.testing.assert_allclose(alpha.asnumpy(), expected_alpha.detach(), atol=tolerance)
    masked = onp.broadcast_to(stories.mask == 0, alpha.shape)
    assert (alpha.asnumpy()[masked] == 0).all()
    weights.compare_gradients(network, other)


@every_variant
def test_hybrid_is_imperative(variant):
    encoder, network = build(variant)
    stories = encoder(QUESTIONS)
    few = [arrays(stories, onp.arange(n)) for n in (7, 3, 7)]
    plain = [[x.asnumpy() for x in network(*inputs)] for inputs in few]
    network.hybridize(static_alloc=True)
    for inputs, outputs in zip(few, plain, strict=True):  # other shapes through the same graph
        for found, expected in zip(network(*inputs), outputs, strict=True):
            onp.testing.assert_allclose(found.asnumpy(), expected, atol=1e-6)


# --------------------------------------------------------------------------- properties
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(VARIANTS)))
def test_weights_sum_to_one_and_padding_has_none(seed, variant):
    questions, options = walks(5, seed), VARIANTS[variant]
    encoder, network = build(variant, QUESTIONS + questions)
    _, weights = network(*arrays(encoder(questions)))
    for q, hops in zip(questions, weights.asnumpy(), strict=True):
        assert hops.shape[0] == options["hops"] and (hops >= 0).all()
        onp.testing.assert_allclose(hops.sum(-1), 1, atol=1e-5)
        if options["mask_padding"]:
            assert (hops[:, options["sentinel"] + len(q.story) :] == 0).all()
        else:
            assert (hops[:, len(q.story) :] > 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(VARIANTS)))
def test_padding_never_changes_an_answer(seed, variant):
    """Neither longer stories beside it, nor what stands in the padding, nor its age, matter."""
    questions = walks(4, seed, longest=3) + walks(1, seed, longest=10)
    encoder, network = build(variant, QUESTIONS + questions)
    together = network(*arrays(encoder(questions)))[0].asnumpy()
    alone = [network(*arrays(encoder([q])))[0].asnumpy()[0] for q in questions]
    onp.testing.assert_allclose(together, alone, atol=1e-5)
    inputs = arrays(encoder(questions))
    table, story, age, mask, asked = (array.asnumpy() for array in inputs)
    random, padded = onp.random.RandomState(seed), mask[:, 0] == 0
    story[padded] = random.randint(len(table), size=padded.sum())
    age[padded] = random.randint(MEMORY, size=padded.sum())
    garbage = [np.array(x, dtype=x.dtype) for x in (table, story, age, mask, asked)]
    onp.testing.assert_array_equal(network(*garbage)[0].asnumpy(), together)


@every_variant
def test_order_counts_only_through_ages(variant):
    """Permuting sentences together with their ages permutes the weights and keeps the answer."""
    encoder, network = build(variant)
    story = [f"{who} went to the {room}." for who in PEOPLE for room in ROOMS[:2]]
    stories = encoder([question(story, "Where is Ada?", "hall")])
    table, rows, age, mask, asked = arrays(stories)
    order = onp.random.RandomState(0).permutation(rows.shape[1])
    logits, weights = network(table, rows, age, mask, asked)
    shuffled = [np.array(a.asnumpy()[:, order], dtype="int32") for a in (rows, age)]
    other, permuted = network(table, *shuffled, np.array(mask.asnumpy()[..., order]), asked)
    onp.testing.assert_allclose(logits.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[..., order], permuted.asnumpy(), atol=1e-6)


@pytest.mark.parametrize("variant", ["adjacent, unfilled places", "adjacent, bag"])
def test_unfilled_places_hold_zeros_whatever_the_parameters(variant):
    """As in the authors' code: the more places are unfilled, the more weight they take together."""
    encoder, network = build(variant)
    inputs = arrays(encoder([question(["Ada went to the hall."], "Where is Ada?", "hall")]))
    logits, weights = (x.asnumpy() for x in network(*inputs))
    assert weights.shape[-1] == MEMORY and onp.ptp(weights[0, :, 1:], axis=-1).max() < 1e-7
    for ages in network.T:  # only the age of the one sentence, 0, is used
        ages.weight.data()[1:] = 7.0
    onp.testing.assert_array_equal(network(*inputs)[0].asnumpy(), logits)


def test_a_sentinel_has_an_age_of_its_own():
    encoder, network = build("adjacent")
    inputs = arrays(encoder(QUESTIONS))
    before = network(*inputs)[0].asnumpy()
    assert network.T[0].weight.shape == (MEMORY + 1, HIDDEN)
    network.T[0].weight.data()[MEMORY] += 1.0
    assert (network(*inputs)[0].asnumpy() != before).any(-1).all()
    assert MemoryNetwork(5, memory_size=MEMORY, sentinel=False).T[0].weight.shape[0] == MEMORY


def test_matrices_are_tied_as_in_the_paper():
    """C_k = A_(k+1), B = A_1, W = C_K; layer-wise, A and C are shared by all hops."""
    _, network = build("adjacent")
    assert len(network.A) == len(network.T) == 4 and network.H is None
    assert network.B.weight is network.A[0].weight and network.W.weight is network.A[3].weight
    _, network = build("layer-wise")
    assert len(network.A) == len(network.T) == 2 and network.H.weight.shape == (HIDDEN, HIDDEN)
    tied = {id(x.weight) for x in (*network.A, *network.T, network.B, network.W, network.H)}
    assert len(tied) == 7


@pytest.mark.parametrize("hybridize", [False, True])
@every_variant
def test_a_saved_network_answers_the_same(tmp_path, variant, hybridize):
    encoder, network = build(variant)
    inputs = arrays(encoder(QUESTIONS))
    network.save_parameters(str(tmp_path / "network.params"))
    options = {k: v for k, v in VARIANTS[variant].items() if k != "mask_padding"}
    other = MemoryNetwork(len(encoder.words), hidden_size=HIDDEN, memory_size=MEMORY, **options)
    other.load_parameters(str(tmp_path / "network.params"))
    other.hybridize(hybridize)
    for found, expected in zip(other(*inputs), network(*inputs), strict=True):
        onp.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), atol=1e-6)


@pytest.mark.parametrize("hybridize", [False, True])
@every_variant
def test_float64_after_cast_equals_float32(variant, hybridize):
    encoder, network = build(variant)
    inputs = arrays(encoder(QUESTIONS))
    expected = [x.asnumpy() for x in network(*inputs)]
    network.cast("float64")
    network.hybridize(hybridize)
    doubles = [x.astype("float64") if x.dtype == "float32" else x for x in inputs]
    for found, other in zip(network(*doubles), expected, strict=True):
        assert found.dtype == "float64"
        onp.testing.assert_allclose(found.asnumpy(), other, atol=1e-5 * max(1, abs(other).max()))
    with pytest.raises(TypeError, match="weights are float64, arrays float32"):
        network(*inputs)


# -------------------------------------------------------------------------------- calls
def i32(*rows):
    return np.array(rows, dtype="int32")


GOOD = {
    "sentences": np.ones((3, 10)),
    "story": i32([0, 1], [0, 2]),
    "age": i32([6, 0], [6, 1]),
    "mask": np.ones((2, 1, 2)),
    "question": np.ones((2, 10)),
}
BAD = [
    (ValueError, "age must hold whole numbers from 0 to 6", {"age": i32([6, -1], [6, 1])}),
    (ValueError, "age must hold whole numbers from 0 to 6", {"age": i32([6, 7], [6, 1])}),
    (ValueError, "age must be of shape", {"age": i32([1])}),
    (ValueError, "age must be of shape", {"age": i32([1], [1])}),
    (TypeError, "age must be int32 or int64, got uint8", {"age": GOOD["age"].astype("uint8")}),
    (TypeError, "story must be int32 or int64, got float32", {"story": np.full((2, 2), 1.5)}),
    (ValueError, "story must hold whole numbers from 0 to 2", {"story": i32([0, 3], [0, 1])}),
    (ValueError, "story must hold whole numbers from 0 to 2", {"story": i32([0, -1], [0, 1])}),
    (ValueError, "age must be of shape .* as story has", {"story": i32([0, 1])}),
    (ValueError, "mask must be of shape", {"mask": np.ones((2, 2, 2))}),
    (ValueError, "mask must be of shape", {"mask": np.ones((2, 2))}),
    (TypeError, "mask must be float32", {"mask": np.ones((2, 1, 2), dtype="bool")}),
    (TypeError, "mask must be an MXNet array, got None", {"mask": None}),
    (ValueError, "question must be of shape .* bag = 10", {"question": np.ones((2, 5))}),
    (ValueError, "question must be of shape .* N = 2", {"question": np.ones((1, 10))}),
    (ValueError, "sentences must be of shape .* bag = 10", {"sentences": np.ones((3, 9))}),
    (ValueError, "none of them 0", {"sentences": np.ones((0, 10))}),
    (TypeError, "sentences must be float32", {"sentences": np.ones((3, 10), dtype="float16")}),
    (TypeError, "question must be an MXNet array", {"question": onp.ones((2, 10))}),
    (TypeError, "unexpected keyword argument 'ages'", {"ages": GOOD["age"]}),
]


@pytest.fixture(scope="module", params=[False, True], ids=["imperative", "hybridized"])
def small(request):
    network = MemoryNetwork(5, hidden_size=4, hops=2, memory_size=6)
    network.initialize()
    network.hybridize(request.param, static_alloc=request.param)
    assert network(**GOOD)[0].shape == (2, 5)
    return network


@pytest.mark.parametrize(("error", "message", "change"), BAD)
def test_bad_calls_are_refused(small, error, message, change):
    with pytest.raises(error, match=message):
        small(**(GOOD | change))


def test_a_missing_argument_is_named_and_int64_is_fine(small):
    with pytest.raises(TypeError, match="missing a required argument: 'age'"):
        small(**{name: array for name, array in GOOD.items() if name != "age"})
    large = {name: GOOD[name].astype("int64") for name in ("story", "age")}
    onp.testing.assert_array_equal(small(**(GOOD | large))[0].asnumpy(), small(**GOOD)[0].asnumpy())


def test_answers_are_words(small):
    output = small(**GOOD)
    assert small.loss(output, np.array([0, 4])).shape == (2,)
    for bad in ([0, 5], [-1, 0]):
        with pytest.raises(ValueError, match="answer must hold whole numbers from 0 to 4"):
            small.loss(output, np.array(bad, dtype="int32"))


@pytest.mark.parametrize("name", ["num_words", "hidden_size", "hops", "memory_size"])
def test_sizes_are_positive_integers(name):
    sizes = {"num_words": 5}
    MemoryNetwork(**(sizes | {name: onp.int64(2)}))
    for bad, error in [(0, ValueError), (-1, ValueError), (True, TypeError), (2.5, TypeError)]:
        with pytest.raises(error, match=f"^{name} must be"):
            MemoryNetwork(**(sizes | {name: bad}))


def test_defaults_are_the_papers_and_choices_are_choices():
    network = MemoryNetwork(5)
    assert network.A[0].weight.shape == (5, 20) and network.hops == 3 and network.memory_size == 50
    for name in ("encoding", "tying"):
        with pytest.raises(ValueError, match=f"^{name} must be one of"):
            MemoryNetwork(5, **{name: "x"})
    assert Encoder(QUESTIONS).memory_size == 50
