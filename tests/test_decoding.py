"""Beam search equals exhaustive search where the beam is wide enough, and greedy search with a beam
of one.
"""

import itertools
import math

import numpy as onp
import pytest

from d2l_attention.decoding import generate

from mxnet import np

VOCABULARY, START, END = 4, 0, 3


class Chain:
    """A little machine with a memory: the next symbol depends on row, place and last two symbols."""

    def __init__(self, seed: int, sharpness: float = 2.0):
        rng = onp.random.RandomState(seed)
        self.table = sharpness * rng.normal(size=(6, 8, VOCABULARY, VOCABULARY, VOCABULARY))
        self.calls = 0

    def begin(self, number):
        count = len(number)
        return number.astype("float32"), np.zeros((count,)), np.full((count,), START)

    def step(self, last, state):
        self.calls += 1
        number, place, before = (array.asnumpy().astype(int) for array in state)
        last = last.asnumpy().astype(int)
        logits = self.table[number, place, before, last]
        weights = onp.stack([number, place, last], axis=1).astype("float32")
        state = (np.array(number), np.array(place + 1), np.array(last))
        return np.array(logits), tuple(a.astype("float32") for a in state), np.array(weights)

    def log_p(self, number: int, symbols: tuple[int, ...]) -> float:
        """Of a whole sequence, its end included."""
        total, before, last = 0.0, START, START
        for place, symbol in enumerate(symbols):
            scores = self.table[number, place, before, last].astype("float32").astype("float64")
            total += scores[symbol] - math.log(sum(math.exp(x) for x in scores))
            before, last = last, symbol
        return total

    def greedy(self, number: int, longest: int) -> tuple[int, ...]:
        symbols, before, last = [], START, START
        for place in range(longest):
            before, last = last, int(self.table[number, place, before, last].argmax())
            if last == END:
                return tuple(symbols)
            symbols.append(last)
        return tuple(symbols)


def search(chain, numbers, *, longest=5, **options):
    return generate(chain, (np.array(numbers),), start=START, end=END, longest=longest, **options)


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy_search(seed):
    chain = Chain(seed)
    for longest in (1, 3, 6):
        found = search(chain, range(6), longest=longest)
        assert [each.symbols for each in found] == [chain.greedy(i, longest) for i in range(6)]
        for i, each in enumerate(found):
            whole = each.symbols + (END,) * each.finished
            assert each.finished or len(each.symbols) == longest
            assert each.score == pytest.approx(chain.log_p(i, whole), abs=1e-5)


@pytest.mark.parametrize("length_power", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_is_exhaustive_search(seed, length_power):
    chain, longest = Chain(seed), 4
    found = search(chain, range(6), longest=longest, beam=200, length_power=length_power)
    symbols = [s for s in range(VOCABULARY) if s != END]
    for number, each in enumerate(found):
        sequences = [
            (*start, END) for n in range(longest) for start in itertools.product(symbols, repeat=n)
        ]
        value = {s: chain.log_p(number, s) / len(s) ** length_power for s in sequences}
        best = max(sequences, key=value.get)
        assert each.finished and (*each.symbols, END) == best
        assert each.score == pytest.approx(chain.log_p(number, best), abs=1e-5)


def test_a_wider_beam_finds_what_is_likelier():
    """Greedy search falls for a symbol that leads nowhere. Not each time: a beam can lose it, too."""
    score = {
        beam: sum(
            each.score
            for seed in range(10)
            for each in search(Chain(seed), range(6), beam=beam, length_power=0)
        )
        for beam in (1, 5, 200)
    }
    assert score[1] < score[5] - 0.5 and score[5] <= score[200]


def test_rows_do_not_disturb_each_other():
    chain = Chain(3)
    together = search(chain, [4, 1, 5, 1], beam=3)
    alone = [search(chain, [number], beam=3)[0] for number in (4, 1, 5, 1)]
    for one, other in zip(together, alone, strict=True):
        assert (one.symbols, one.finished) == (other.symbols, other.finished)
        assert one.score == pytest.approx(other.score, abs=1e-6)
        onp.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("beam", [1, 4])
def test_weights_are_those_of_the_sequence_that_was_found(beam):
    """The chain's weights name the row, the place and the symbol before."""
    for number, each in enumerate(search(Chain(1), range(6), beam=beam)):
        steps = len(each.symbols) + each.finished
        before = (START, *each.symbols)[:steps]
        wanted = [[number, place, last] for place, last in enumerate(before)]
        assert each.weights.tolist() == wanted


def test_what_is_not_allowed_is_not_generated():
    """No symbol twice, and all three before the end: a permutation."""

    def unused(symbols):
        allowed = onp.ones((len(symbols), VOCABULARY), bool)
        for row, used in enumerate(symbols):
            allowed[row, used] = False
            allowed[row, END] = len(used) == VOCABULARY - 1
        return allowed

    for beam in (1, 3, 100):
        for each in search(Chain(2), range(6), beam=beam, allowed=unused):
            assert each.finished and sorted(each.symbols) == [0, 1, 2]


def test_search_stops_when_all_rows_have_ended():
    chain = Chain(0)
    chain.table[:, 1, ..., END] = 50  # after one symbol the end
    search(chain, range(6), longest=7)
    assert chain.calls == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam must be at least 1"),
        ({"longest": 0}, "longest must be at least 1"),
        ({"length_power": -1.0}, "length_power must be at least 0"),
        ({"length_power": math.nan}, "length_power must be at least 0"),
    ],
)
def test_wrong_numbers_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        search(Chain(0), [0], **options)
