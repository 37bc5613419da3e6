"""Texts as arrays: frames, padding and tags stand where they should; what does not fit is refused."""

import numpy as onp
import pytest

from d2l_attention.datasets.labelled_texts import NO_TAG, sequences, tagged
from d2l_attention.datasets.wordpiece import WordPiece

TEXT = "anna rose paid the bill . tom fox saw a crane ."
VOCABULARY = WordPiece([TEXT], fewest=1)
TAGS = ("O", "B-PER", "I-PER")


def pieces(row) -> list[str]:
    return VOCABULARY.pieces([n for n in row.tolist() if n])


def test_a_text_and_a_pair():
    (ids, segments, mask), labels = sequences(
        [("Anna paid.", None, 1), ("Tom saw", "a crane", 0)], VOCABULARY, longest=8
    )
    assert pieces(ids[0]) == ["[CLS]", "anna", "paid", ".", "[SEP]"]
    assert pieces(ids[1]) == ["[CLS]", "tom", "saw", "[SEP]", "a", "crane", "[SEP]"]
    assert segments.tolist() == [[0] * 8, [0, 0, 0, 0, 1, 1, 1, 0]]
    assert mask.sum(axis=-1).tolist() == [[5], [7]] and labels.tolist() == [1, 0]
    assert [a.dtype.name for a in (ids, segments, mask, labels)] == ["int32"] * 2 + [
        "float32",
        "int32",
    ]


def test_the_longer_text_is_shortened_at_its_end():
    texts = ("anna rose paid the bill", "tom fox", 1)
    (ids, *_), _ = sequences([texts], VOCABULARY, longest=7, shorten=True)
    assert pieces(ids[0]) == ["[CLS]", "anna", "rose", "[SEP]", "tom", "fox", "[SEP]"]
    (ids, *_), _ = sequences([(texts[0], None, 1)], VOCABULARY, longest=5, shorten=True)
    assert pieces(ids[0]) == ["[CLS]", "anna", "rose", "paid", "[SEP]"]


def test_a_word_of_several_pieces_has_one_tag():
    sentences = [(("Tom", "Foxes", "\u200b", "saw"), ("B-PER", "I-PER", "O", "O"))]
    (ids, _, mask), target = tagged(sentences, VOCABULARY, TAGS, longest=9)
    found = VOCABULARY.pieces(ids[0, : int(mask.sum())])
    assert found == ["[CLS]", "tom", "fox", "##e", "##s", "[UNK]", "saw", "[SEP]"]
    assert target[0].tolist() == [NO_TAG, 1, 2, NO_TAG, NO_TAG, 0, 0, NO_TAG, NO_TAG]


def test_a_sentence_is_shortened_by_whole_words():
    sentences = [(("Tom", "saw", "Foxes"), ("B-PER", "O", "O"))]
    (ids, *_), target = tagged(sentences, VOCABULARY, TAGS, longest=6, shorten=True)
    assert pieces(ids[0]) == ["[CLS]", "tom", "saw", "[SEP]"]
    assert target[0].tolist() == [NO_TAG, 1, 0, NO_TAG, NO_TAG, NO_TAG]
    sentences = [(("Foxes", "saw"), ("B-PER", "O"))]  # of three pieces: the first word just fits
    (ids, *_), target = tagged(sentences, VOCABULARY, TAGS, longest=5, shorten=True)
    assert pieces(ids[0]) == ["[CLS]", "fox", "##e", "##s", "[SEP]"]
    assert target[0].tolist() == [NO_TAG, 1, NO_TAG, NO_TAG, NO_TAG]
    (ids, *_), target = tagged(sentences, VOCABULARY, TAGS, longest=4, shorten=True)  # it does not
    assert pieces(ids[0]) == ["[CLS]", "fox", "##e", "[SEP]"]
    assert target[0].tolist() == [NO_TAG, 1, NO_TAG, NO_TAG]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequences([], VOCABULARY, longest=8), "at least one text"),
        (lambda: sequences([("", None, 1)], VOCABULARY, longest=8), "a text must not be empty"),
        (lambda: sequences([("anna", " ", 1)], VOCABULARY, longest=8), "a text must not be empty"),
        (lambda: sequences([(TEXT, None, 1)], VOCABULARY, longest=8), "at most 8 pieces .* got 14"),
        (lambda: sequences([(TEXT, TEXT, 1)], VOCABULARY, longest=4, shorten=True), "leave room"),
        (lambda: sequences([("anna", None, -1)], VOCABULARY, longest=8), "label must be at least 0"),
        (lambda: tagged([(("Foxes", "saw"), ("O", "O"))], VOCABULARY, TAGS, longest=2, shorten=True),
         "longest must leave room for a piece, got 2"),
        (lambda: tagged([], VOCABULARY, TAGS, longest=8), "at least one text"),
        (lambda: tagged([((), ())], VOCABULARY, TAGS, longest=8), "each word must have a tag"),
        (lambda: tagged([(("a",), ("O", "O"))], VOCABULARY, TAGS, longest=8), "must have a tag, got 1 and 2"),
        (lambda: tagged([(("a",), ("B-X",))], VOCABULARY, TAGS, longest=8), "tags must be of .* got B-X"),
        (lambda: tagged([(("a",) * 9, ("O",) * 9)], VOCABULARY, TAGS, longest=8), "at most 8 .* got 11"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_are_whole_numbers():
    with pytest.raises(TypeError, match="label must be an integer"):
        sequences([("anna", None, 0.5)], VOCABULARY, longest=8)


def test_padding_is_all_zeros():
    (ids, segments, mask), target = tagged([(("anna",), ("O",))], VOCABULARY, TAGS, longest=9)
    outside = mask[:, 0] == 0
    assert (ids[outside] == 0).all() and (segments == 0).all() and (target[outside] == NO_TAG).all()
    assert onp.isin(mask, (0, 1)).all()
