"""Windows over texts: no answer is lost that is shorter than the overlap, and each stands where it stood."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.datasets.spans import Answer, Question, arrays, windows
from d2l_attention.datasets.wordpiece import WordPiece

WORDS = ["anna", "rose", "paid", "the", "bill", "tom", "saw", "cranes", ",", "."]
VOCABULARY = WordPiece([" ".join(WORDS).replace("cranes", "crane"), "who ?", "s"], fewest=1)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_each_answer_is_found_again(data):
    words = data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30))
    text = data.draw(st.sampled_from([" ", "  "])).join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, min(len(words) - 1, first + 2)))
    gap = (len(text) - sum(map(len, words))) // max(1, len(words) - 1)
    starts = [sum(map(len, words[:k])) + gap * k for k in range(len(words))]
    answer = text[starts[first] : starts[last] + len(words[last])]
    question = Question("who?", text, (Answer(starts[first], answer),))
    stride = data.draw(st.integers(1, 4))
    room = stride + 6  # three words, each of two pieces
    found = windows([question], VOCABULARY, longest=room + 5, stride=stride)
    whole = [window for window in found if window.target]
    assert whole, "an answer that is no longer than the overlap is in some window"
    for window in whole:
        begin, end = window.characters(*window.target)
        assert text[begin:end] == answer
    covered = {character for w in found for a, b in w.offsets for character in range(a, b)}
    assert {k for k, letter in enumerate(text) if letter != " "} <= covered
    for window in found:
        assert len(window.ids) <= room + 5
        assert window.ids[0] == VOCABULARY.start and window.ids[-1] == VOCABULARY.separator
        assert VOCABULARY.pieces(window.ids[1:3]) == ["who", "?"]


def test_arrays_allow_the_text_alone():
    question = Question("who paid?", "anna paid.", (Answer(0, "anna"),))
    (ids, segments, mask, text), target = arrays(
        windows([question], VOCABULARY, longest=12, stride=2), longest=12
    )
    #     [CLS] who paid ? [SEP] anna paid . [SEP]
    assert text[0, 0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert segments[0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert mask[0, 0].sum() == 9 and (ids[0, 9:] == 0).all() and target.tolist() == [[5, 5]]


def test_an_answer_may_be_a_part_of_a_word():
    """Or end before the word does: it is all pieces that have a character of it."""
    question = Question("who?", "the cranes", (Answer(4, "crane"),))
    (window,) = windows([question], VOCABULARY, longest=10, stride=2)
    begin, end = window.characters(*window.target)
    assert (begin, "the cranes"[begin:end]) == (4, "crane")


@pytest.mark.parametrize(
    ("question", "longest", "stride", "message"),
    [
        (Question("", "anna", (Answer(0, "anna"),)), 10, 2, "a text must not be empty"),
        (Question("who?", "", (Answer(0, "anna"),)), 10, 2, "must stand at 0"),
        (Question("who?", "anna", (Answer(1, "anna"),)), 10, 2, "'anna' must stand at 1"),
        (Question("who?", "anna", (Answer(0, ""),)), 10, 2, "must stand at 0"),
        (Question("who?", "anna", ()), 10, 2, "must have an answer"),
        (Question("who?" * 4, "anna", (Answer(0, "anna"),)), 12, 2, "more than 2 pieces"),
        (Question("who?", "anna", (Answer(0, "anna"),)), 7, 2, "got 7 places, of which 2"),
    ],
)
def test_wrong_questions_are_refused(question, longest, stride, message):
    with pytest.raises(ValueError, match=message):
        windows([question], VOCABULARY, longest=longest, stride=stride)


def test_windows_overlap():
    """By room - stride pieces, until the end of the text is in one."""
    text = "anna rose paid the bill"
    question = Question("who?", text, (Answer(0, text),))
    for longest, stride, expected in (
        (8, 1, ["anna rose paid", "rose paid the", "paid the bill"]),
        (8, 2, ["anna rose paid", "paid the bill"]),
        (9, 3, ["anna rose paid the", "the bill"]),
        (10, 2, ["anna rose paid the bill"]),
    ):
        found = windows([question], VOCABULARY, longest=longest, stride=stride)
        parts = [text[w.offsets[0][0] : w.offsets[-1][1]] for w in found]
        assert parts == expected


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one question"):
        windows([], VOCABULARY, longest=10)
    with pytest.raises(ValueError, match="at least one window"):
        arrays([], longest=10)
    question = Question("who?", "anna paid the bill", (Answer(0, "anna"),))
    found = windows([question], VOCABULARY, longest=20, stride=2)
    with pytest.raises(ValueError, match="at most 5 pieces"):
        arrays(found, longest=5)
    assert onp.ndim(arrays(found, longest=20)[1]) == 2
