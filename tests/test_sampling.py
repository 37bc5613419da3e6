"""Distributions equal brute force and Hugging Face's; draws follow them; samples obey seed and end."""

import math

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.sampling import draw, probabilities, sample

from mxnet import np

VOCABULARY, START, END = 4, 0, 3
NUMBERS = st.lists(st.integers(-30, 30), min_size=2, max_size=12, unique=True)
SETTINGS = st.tuples(
    st.sampled_from([0.3, 0.7, 1.0, 1.9]),
    st.one_of(st.none(), st.integers(1, 14)),
    st.one_of(st.none(), st.floats(0.01, 1.0)),
)


def by_hand(logits, temperature, top_k, top_p):
    """One symbol after the other, the likeliest first."""
    weight = [math.exp(z / temperature) for z in logits]
    order = sorted(range(len(logits)), key=lambda i: -logits[i])
    kept = order[:top_k]
    total, sum_so_far, nucleus = sum(weight[i] for i in kept), 0.0, []
    for i in kept:
        if top_p is None or sum_so_far < top_p * total or not nucleus:
            nucleus.append(i)
        sum_so_far += weight[i]
    total = sum(weight[i] for i in nucleus)
    return [weight[i] / total if i in nucleus else 0.0 for i in range(len(logits))]


@settings(max_examples=300, deadline=None)
@given(NUMBERS, SETTINGS)
def test_probabilities_are_those_by_hand(numbers, chosen):
    logits = [number / 10 for number in numbers]
    temperature, top_k, top_p = chosen
    found = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    onp.testing.assert_allclose(found, by_hand(logits, *chosen), atol=1e-12)


def test_probabilities_are_hugging_faces():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    process = pytest.importorskip(
        "transformers.generation.logits_process", reason="transformers is not installed"
    )
    random = onp.random.RandomState(0)
    for temperature, top_k, top_p in (
        (0.7, None, None), (1.0, 3, None), (1.0, 40, None), (1.0, None, 0.9), (1.0, None, 0.1),
        (1.3, 7, 0.6), (0.5, 20, 0.95), (2.0, 1, 0.5),
    ):  # fmt: skip
        logits = random.normal(0, 2, (50, 30))
        tensor = torch.tensor(logits)
        warpers = [process.TemperatureLogitsWarper(temperature)] if temperature != 1 else []
        warpers += [process.TopKLogitsWarper(top_k)] if top_k else []
        warpers += [process.TopPLogitsWarper(top_p)] if top_p else []
        for warper in warpers:
            tensor = warper(None, tensor)
        found = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        onp.testing.assert_allclose(found, torch.softmax(tensor, -1).numpy(), atol=1e-12)


def test_what_ties_with_the_last_of_k_stays():
    found = probabilities([1.0, 0.0, 0.0, -1.0], top_k=2)
    assert (found > 0).tolist() == [True, True, True, False]


def test_edges_of_the_settings():
    logits = onp.random.RandomState(0).normal(0, 3, (4, 30))
    plain = probabilities(logits)
    for options in ({"top_p": 1.0}, {"top_k": 30}, {"top_k": 1000, "top_p": 1.0}):
        onp.testing.assert_allclose(probabilities(logits, **options), plain, rtol=1e-12)
    best = onp.eye(30)[logits.argmax(-1)]
    for options in ({"temperature": 1e-3}, {"top_k": 1}, {"top_p": 1e-9}):
        onp.testing.assert_allclose(probabilities(logits, **options), best, atol=1e-12)
    flat = probabilities(logits, temperature=1e9)
    onp.testing.assert_allclose(flat, 1 / 30, atol=1e-6)
    onp.testing.assert_allclose(
        probabilities(logits + 1e4, top_p=0.5), probabilities(logits, top_p=0.5)
    )


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1, exclude_max=True))
def test_only_what_is_possible_is_drawn(seed, number):
    p = onp.random.RandomState(seed).dirichlet(onp.full(6, 0.3), 5)
    p = p * (onp.random.RandomState(seed).uniform(size=p.shape) < 0.7) + onp.eye(6)[:5] * 0.1
    for uniform in (number, 0.0, onp.nextafter(1, 0)):
        drawn = draw(p, onp.full(5, uniform))
        assert (p[onp.arange(5), drawn] > 0).all()


def test_draws_are_as_frequent_as_they_should_be():
    p = onp.array([0.5, 0.3, 0.0, 0.2])
    uniform = (onp.arange(1000) + 0.5) / 1000  # all quantiles
    drawn = draw(onp.tile(p, (1000, 1)), uniform)
    assert onp.bincount(drawn, minlength=4).tolist() == [500, 300, 0, 200]


class Chain:
    """The next symbol depends on the last one and the row."""

    def __init__(self, seed: int = 0):
        self.table = onp.random.RandomState(seed).normal(size=(3, VOCABULARY, VOCABULARY))
        self.calls = 0

    def begin(self, number):
        return (number,)

    def step(self, last, state):
        self.calls += 1
        number = state[0].asnumpy().astype(int)
        weights = onp.stack([number, last.asnumpy()], axis=1).astype("float32")
        return np.array(self.table[number, last.asnumpy()]), state, np.array(weights)


def several(chain, *, seed=0, longest=6, samples=400, end=END, **options):
    numbers = np.array([0, 1, 2])
    options |= {"start": START, "end": end, "longest": longest, "samples": samples}
    return sample(chain, (numbers,), seed=seed, **options)


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.6}, {"temperature": 0.5}])
def test_samples_follow_the_distribution(options):
    """Of 4,000, the first symbols, and those that follow symbol 1."""
    chain = Chain()
    for number, found in enumerate(several(chain, samples=4000, longest=3, **options)):
        for before, symbols in (
            (START, [(*each.symbols, END)[0] for each in found]),
            (1, [(*e.symbols, END)[1] for e in found if len(e.symbols) > 1 and e.symbols[0] == 1]),
        ):
            expected = probabilities(chain.table[number, before], **options)
            if len(symbols) > 500:
                share = onp.bincount(symbols, minlength=VOCABULARY) / len(symbols)
                onp.testing.assert_allclose(share, expected, atol=4 * 0.5 / len(symbols) ** 0.5)
                assert (share[expected == 0] == 0).all()


def test_scores_and_weights_are_those_of_the_symbols():
    chain = Chain()
    for number, found in enumerate(several(chain, temperature=2.0, samples=50)):
        for each in found:
            assert each.finished == (len(each.symbols) < 6) or len(each.symbols) == 5
            whole = [*each.symbols, END] if each.finished else list(each.symbols)
            before, score = [START, *whole][: len(whole)], 0.0
            for last, symbol in zip(before, whole, strict=True):
                score += math.log(probabilities(chain.table[number, last])[symbol])
            assert each.score == pytest.approx(score, abs=1e-5)
            assert each.weights.tolist() == [[number, last] for last in before]


def test_the_seed_decides():
    one, same, other = (several(Chain(), samples=20, seed=seed) for seed in (1, 1, 2))
    symbols = [[e.symbols for row in found for e in row] for found in (one, same, other)]
    assert symbols[0] == symbols[1] != symbols[2]


def test_without_an_end_all_are_as_long_as_they_may_be():
    found = several(Chain(), end=None, longest=5)
    assert {len(each.symbols) for row in found for each in row} == {5}
    assert not any(each.finished for row in found for each in row)


def test_it_stops_when_all_have_ended():
    chain = Chain()
    chain.table[:, 1, END], chain.table[:, START, 1] = 100, 100
    assert {e.symbols for row in several(chain, longest=9) for e in row} == {(1,)}
    assert chain.calls == 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"temperature": 0}, ValueError, "temperature must be a positive number"),
        ({"temperature": math.nan}, ValueError, "temperature must be a positive number"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1"),
        ({"top_k": 2.5}, TypeError, "top_k must be an integer"),
        ({"top_p": 0.0}, ValueError, "top_p must be a positive number"),
        ({"top_p": 1.1}, ValueError, "top_p must be at most 1"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"samples": 0}, ValueError, "samples must be at least 1"),
        ({"longest": 0}, ValueError, "longest must be at least 1"),
        ({"start": None}, ValueError, "start must be a symbol"),
        ({"end": -2}, ValueError, "end must be at least 0"),
    ],
)
def test_wrong_numbers_are_refused(options, error, message):
    given = {"seed": 0, "start": START, "longest": 2} | options
    with pytest.raises(error, match=message):
        sample(Chain(), (np.array([0]),), **given)
    if set(options) <= {"temperature", "top_k", "top_p"}:
        with pytest.raises(error, match=message):
            probabilities([0.0, 1.0], **options)


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="logits must be numbers"):
        probabilities([0.0, math.nan])
