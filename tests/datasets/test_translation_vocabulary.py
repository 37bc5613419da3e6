"""Sentences become numbers and come back; batches hold each sentence once, and nothing of another."""

from collections import Counter

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from d2l_attention.datasets.translation import generate
from d2l_attention.datasets.translation.vocabulary import (
    END,
    PADDING,
    START,
    UNKNOWN,
    Vocabulary,
    arrays,
    batches_by_length,
)

PAIRS = generate(300, seed=0)
VOCABULARY = Vocabulary([pair.target for pair in PAIRS], size=900)


# ------------------------------------------------------------------------------- pieces
@pytest.mark.parametrize("size", [60, 120, 900])
def test_sentences_come_back(size):
    vocabulary = Vocabulary([pair.target for pair in PAIRS], size=size)
    for pair in PAIRS:
        numbers = vocabulary.encode(pair.target)
        assert vocabulary.decode(numbers) == pair.target
        assert max(numbers) < len(vocabulary) <= size and min(numbers) > END


def test_frequent_words_are_one_piece_and_others_several():
    often = Counter(word for pair in PAIRS for word in pair.target.split())
    for word in (word for word, count in often.items() if count > 3):
        assert VOCABULARY.pieces(VOCABULARY.encode(word)) == [word]
    small = Vocabulary([pair.target for pair in PAIRS], size=120)
    number = [len(small.encode(word)) for word in ("ist", "Fußballspielerinnen")]
    assert number[0] == 1 < number[1]


def test_no_piece_spans_a_word_and_a_mark():
    vocabulary = Vocabulary(["Halt, sagt er. Ja, sagt sie."] * 9, size=200)
    assert vocabulary.pieces(vocabulary.encode("Halt, er.")) == ["Halt", ",", "er", "."]
    assert vocabulary.decode(vocabulary.encode("Ja, er.")) == "Ja, er."


def test_a_character_never_seen_is_unknown():
    numbers = VOCABULARY.encode("der ☃ ist rund .")
    assert numbers.count(UNKNOWN) == 1
    assert VOCABULARY.decode(numbers).split()[0] == "der"


def test_special_pieces_are_left_out():
    numbers = VOCABULARY.encode("der Tisch ist rund .")
    assert VOCABULARY.decode([START, *numbers, END, PADDING]) == "der Tisch ist rund ."


def test_the_same_sentences_give_the_same_pieces():
    other = Vocabulary([pair.target for pair in PAIRS], size=900)
    everything = range(len(VOCABULARY))
    assert other.pieces(everything) == VOCABULARY.pieces(everything)


@settings(max_examples=60, deadline=None)
@given(some.text(alphabet="abcdefgh .,äß'", min_size=1, max_size=40))
def test_any_text_of_known_characters_comes_back(text):
    vocabulary = Vocabulary(["a b c d e f g h . , ä ß ' abc. d'e"], size=80, fewest=1)
    if not text.strip():
        with pytest.raises(ValueError, match="not be empty"):
            vocabulary.encode(text)
        return
    assert vocabulary.decode(vocabulary.encode(text)).split() == text.split()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vocabulary([]), ValueError, "at least one text"),
        (lambda: Vocabulary("a sentence"), ValueError, "sequence"),
        (lambda: Vocabulary(["a", " "]), ValueError, "empty"),
        (lambda: Vocabulary(["a", 3]), TypeError, "text"),
        (lambda: Vocabulary(["a"], size=0), ValueError, "size"),
        (lambda: VOCABULARY.encode(""), ValueError, "empty"),
        (lambda: VOCABULARY.encode(None), TypeError, "text"),
        (lambda: VOCABULARY.decode([len(VOCABULARY)]), ValueError, "numbers"),
        (lambda: VOCABULARY.pieces([-1]), ValueError, "numbers"),
    ],
)
def test_wrong_text_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ------------------------------------------------------------------------------- arrays
SOURCES = [[5] * n for n in range(1, 24)]
TARGETS = [[6 + i] * (2 + i % 5) for i in range(23)]


def test_arrays_hold_the_sentences_and_nothing_else():
    (source, mask, previous), target = arrays(SOURCES, TARGETS)
    for row, (read, written) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        padding = source.shape[1] - len(read)
        assert source[row].tolist() == [PADDING] * padding + read
        assert mask[row, 0].tolist() == [0] * padding + [1] * len(read)
        behind = [PADDING] * (target.shape[1] - len(written) - 1)
        assert target[row].tolist() == [*written, END, *behind]
        assert previous[row].tolist() == [START, *written, *behind]


def test_each_sentence_is_in_one_batch_of_an_epoch():
    of_epoch = batches_by_length(SOURCES, TARGETS, 4, seed=1, pool=3)
    orders = []
    for epoch in (0, 1, 0):
        found = list(of_epoch(epoch))
        orders.append([int(row[0]) for _, target in found for row in target])
        assert sorted(orders[-1]) == list(range(6, 29))
        assert all(len(target) <= 4 for _, target in found)
    assert orders[0] == orders[2] != orders[1]


def test_batches_hold_sentences_of_similar_lengths():
    pairs = generate(2000, words=(5, 30), seed=1)
    sides = [[pair[side].split() for pair in pairs] for side in (0, 1)]
    numbers = [[[9] * len(words) for words in side] for side in sides]
    shares = {
        pool: onp.mean([(target > 0).mean() for _, target in batches_by_length(*numbers, 20, seed=0, pool=pool)(0)])
        for pool in (1, 50)
    }  # fmt: skip
    assert shares[50] > 0.9 > 0.75 > shares[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: arrays([], []), "at least one"),
        (lambda: arrays([[5]], [[5], [6]]), "as many"),
        (lambda: arrays([[]], [[5]]), "empty"),
        (lambda: batches_by_length([[5]], [[5], [6]], 2, seed=0), "as many"),
        (lambda: batches_by_length([[5]], [[5]], 0, seed=0), "batch_size"),
        (lambda: batches_by_length([[5]], [[5]], 1, seed=0, pool=0), "pool"),
    ],
)
def test_wrong_sentences_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
