"""Numbers become the same words again; arrays say what the sentences say, and batches hold all."""

import numpy as onp
import pytest

from d2l_attention.datasets.translation import (
    END,
    START,
    Vocabulary,
    arrays,
    batches_by_length,
    generate,
)
from d2l_attention.datasets.translation.vocabulary import PADDING, SPECIAL, UNKNOWN


@pytest.fixture(scope="module")
def pairs():
    return generate(300, words=(5, 12), seed=0)


@pytest.fixture(scope="module")
def vocabularies(pairs):
    return [Vocabulary(text) for text in zip(*pairs, strict=True)]


@pytest.mark.parametrize("subwords", [None, 150, 1000])
def test_numbers_become_the_same_words_again(pairs, subwords):
    vocabulary = Vocabulary((pair.target for pair in pairs), subwords=subwords)
    for _, text in pairs:
        numbers = vocabulary(text)
        assert vocabulary.text(numbers) == text
        assert vocabulary.text([START, *numbers, END, PADDING]) == text
        assert min(numbers) >= len(SPECIAL) and max(numbers) < len(vocabulary)
    assert len(vocabulary) <= (subwords or 1000)


def test_words_are_numbered_by_how_often_they_occur_and_then_by_the_alphabet():
    vocabulary = Vocabulary(["b a c", "b c", "b"])
    assert vocabulary.words == [*SPECIAL, "b", "c", "a"]
    assert Vocabulary(["b a c", "b c", "b"], least=2).words == [*SPECIAL, "b", "c"]


def test_words_of_a_text_are_never_the_special_ones():
    vocabulary = Vocabulary(["start end"])
    assert vocabulary("start end") == [5, 4] and vocabulary("x") == [UNKNOWN]
    assert vocabulary.text([5, UNKNOWN]) == "start <unknown>"


def test_unknown_words_are_read_in_parts():
    vocabulary = Vocabulary(["low low low lower lower new newer"], subwords=30)
    assert UNKNOWN not in vocabulary("lower newer lowe")
    assert vocabulary.text(vocabulary("newer lowe")) == "newer lowe"


@pytest.mark.parametrize("reverse", [False, True])
def test_arrays(pairs, vocabularies, reverse):
    source, target = vocabularies
    (words, mask, previous), wanted = arrays(pairs[:20], source, target, reverse=reverse)
    assert [a.dtype.name for a in (words, mask, previous, wanted)] == [
        "int32",
        "float32",
        "int32",
        "int32",
    ]
    for row, (text, translation) in enumerate(pairs[:20]):
        numbers = source(text)
        length = len(numbers)
        assert words[row, -length:].tolist() == numbers[:: -1 if reverse else 1]
        assert (words[row, :-length] == PADDING).all()
        assert mask[row, 0].tolist() == [0] * (words.shape[1] - length) + [1] * length
        numbers = target(translation)
        assert previous[row, : len(numbers) + 1].tolist() == [START, *numbers]
        assert wanted[row, : len(numbers) + 1].tolist() == [*numbers, END]
        assert (previous[row, len(numbers) + 1 :] == PADDING).all()
        assert (wanted[row, len(numbers) + 1 :] == PADDING).all()
    assert words.shape[1] == max(len(source(pair.source)) for pair in pairs[:20])


def test_batches_hold_every_pair_once_with_little_padding(pairs, vocabularies):
    of = batches_by_length(pairs, *vocabularies, 32, seed=1)
    first, again, second = list(of(0)), list(of(0)), list(of(1))
    for one, other in zip(first, again, strict=True):
        onp.testing.assert_array_equal(one[1], other[1])
    shapes = [batch[1].shape for batch in first]
    assert shapes != [batch[1].shape for batch in second]
    texts = sorted(vocabularies[1].text(row) for _, wanted in first for row in wanted.tolist())
    assert texts == sorted(pair.target for pair in pairs)
    padding = sum(float((1 - mask).sum()) for (_, mask, _), _ in first)
    assert padding < 0.05 * sum(mask.size for (_, mask, _), _ in first)


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (lambda v: Vocabulary([]), ValueError, "texts must not be empty"),
        (lambda v: Vocabulary(["a"], least=0), ValueError, "least"),
        (lambda v: Vocabulary(["a"], subwords=4), ValueError, "subwords"),
        (lambda v: Vocabulary(["a"], subwords=2.5), TypeError, "subwords"),
        (lambda v: v[0]("  "), ValueError, "a sentence must have words, got '  '"),
        (lambda v: v[0].text([10_000]), ValueError, "a word's number"),
        (lambda v: arrays([], *v), ValueError, "pairs must not be empty"),
        (lambda v: arrays([("", "die")], *v), ValueError, "must have words"),
        (lambda v: batches_by_length([], *v, 2, seed=0), ValueError, "pairs must not be empty"),
        (lambda v: batches_by_length([("a", "b")], *v, 0, seed=0), ValueError, "batch_size"),
    ],
)
def test_wrong_arguments_are_refused(vocabularies, do, error, message):
    with pytest.raises(error, match=message):
        do(vocabularies)
