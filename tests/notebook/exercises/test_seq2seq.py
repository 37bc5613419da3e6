"""The check of a beam search: right ones pass, and each mistake is named."""

import functools
import itertools

import numpy as onp
import pytest

from d2l_attention.decoding import generate
from d2l_attention.notebook.exercises.seq2seq import (
    END,
    MISTAKES,
    START,
    WORDS,
    _language,
    check_beam_search,
    reference,
)

from mxnet import np


def test_the_right_answer_passes(capsys):
    check_beam_search(reference)
    assert capsys.readouterr().out.startswith("Right")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError) as raised:
        check_beam_search(functools.partial(reference, mistake=mistake))
    assert str(raised.value) == MISTAKES[mistake]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda *given: None, "Return two things"),
        (lambda *given: (3, 0.5), "tuple"),
        (lambda *given: ((2,), "low"), "number"),
        (lambda *given: ((2,), float("nan")), "number"),
        (lambda *given: ((2, 3), 0.0), "better than any"),
        (lambda *given: ((2, 3), -50.0), "by hand"),
    ],
)
def test_other_answers_are_told_what_is_wrong(answer, message):
    with pytest.raises(AssertionError, match=message):
        check_beam_search(answer)


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_best_of_all(seed):
    log_p, longest = _language(seed), 4
    best = max(
        (
            (words, sum(log_p(words[:i])[w] for i, w in enumerate(words)) / len(words))
            for n in range(1, longest + 1)
            for begin in itertools.product([w for w in range(WORDS) if w != END], repeat=n - 1)
            for words in [(*begin, END)]
        ),
        key=lambda each: each[1],
    )
    found = reference(log_p, WORDS**longest, longest)
    assert found[0] == best[0][:-1] and found[1] == pytest.approx(best[1])


class Language:
    """A random language as `decoding.generate` takes it: its state is the words so far."""

    def __init__(self, seed: int):
        self.log_p = _language(seed)

    def begin(self, rows):
        return (np.zeros((len(rows), 0), dtype="int32"),)

    def step(self, last, state):
        words = onp.concatenate([state[0].asnumpy(), last.asnumpy()[:, None]], axis=1)
        scores = onp.stack([self.log_p(tuple(int(w) for w in row[1:])) for row in words])
        return np.array(scores), (np.array(words, dtype="int32"),), None


@pytest.mark.parametrize("beam", [1, 2, 3])
def test_the_book_s_beam_search_finds_the_same(beam):
    """The book's stops once as many are finished as the beam is wide: so it may miss a later one."""
    agree = 0
    for seed in range(12):
        words, score = reference(_language(seed), beam, 6)
        found = generate(
            Language(seed), (np.zeros((1, 1)),), start=START, end=END, longest=6, beam=beam
        )[0]
        if found.finished:
            assert found.score / (len(found.symbols) + 1) <= score + 1e-5
        agree += found.symbols == words
    assert agree >= 7
