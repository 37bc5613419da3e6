"""Texts with labels as arrays that BERT's classifiers take: a label for a text or a pair, or one a word."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.checks import check_integer
from d2l_attention.datasets.masked_words import FRAME, frame
from d2l_attention.datasets.wordpiece import WordPiece

NO_TAG = -1  # of a place that is not asked: special, padding, or not the first piece of a word


class Labelled(NamedTuple):
    """A text, or two, and the number of what is to be said of it."""

    first: str
    second: str | None
    label: int


class Sentence(NamedTuple):
    """Words, and a tag for each: B- is an entity's first word, I- any other, O is none."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words, with blanks."""
        return " ".join(self.words)


def sequences(
    examples: Sequence[tuple], vocabulary: WordPiece, *, longest: int, shorten: bool = False
) -> tuple[tuple, onp.ndarray]:
    """Return ((ids, segments, mask), labels) of (text, second text or None, label).

    Parameters
    ----------
    examples : sequence of (str, str or None, int)
    longest : int
        Places of an input, [CLS] and [SEP] included.
    shorten : bool
        Whether a longer input loses words at the end of the longer text; else it is an error.

    Returns
    -------
    ids, segments (B, longest) int32, padded behind with 0; mask (B, 1, longest) float32; labels (B,)
    int32

    Raises
    ------
    TypeError, ValueError
        There are no examples, a text is empty, or an input is too long.

    >>> vocabulary = WordPiece(["good bad"], fewest=1)
    >>> (ids, segments, mask), labels = sequences([("good", "bad", 1)], vocabulary, longest=6)
    >>> vocabulary.pieces(ids[0]), segments[0].tolist(), mask[0, 0].tolist(), labels.tolist()
    (['[CLS]', 'good', '[SEP]', 'bad', '[SEP]', '[PAD]'], [0, 0, 0, 1, 1, 0], [1.0, 1.0, 1.0, 1.0, 1.0, 0.0], [1])
    """
    inputs = []
    for first, second, _ in examples:
        texts = [vocabulary.encode(text) for text in (first, second) if text is not None]
        if shorten:
            texts = _shortened(texts, longest)
        inputs.append(frame(texts[0], texts[1] if len(texts) > 1 else None, vocabulary))
    labels = onp.array([check_integer("label", label, 0) for *_, label in examples], "int32")
    return padded(inputs, longest), labels


def tagged(
    sentences: Sequence[tuple], vocabulary: WordPiece, tags: Sequence[str], *, longest: int,
    shorten: bool = False,
) -> tuple[tuple, onp.ndarray]:  # fmt: skip
    """Return ((ids, segments, mask), target) of (words, their tags).

    A word may fall into several pieces: its tag is asked for at the first one, and `NO_TAG` stands at
    the others, at special pieces and in the padding.

    Parameters
    ----------
    sentences : sequence of (words, tags)
    tags : sequence of str
        All tags there are, by number.
    longest : int
        Places of an input, [CLS] and [SEP] included.
    shorten : bool
        Whether a longer sentence loses words at its end, and its first word, if that is too long by
        itself, pieces; else it is an error.

    Raises
    ------
    TypeError, ValueError
        There are no sentences, one is empty or too long, words and tags do not pair, or a tag is unknown;
        or there is no room for a piece of a sentence that is to be shortened.

    >>> vocabulary = WordPiece(["anna rose paid"], fewest=1)
    >>> (ids, *_), target = tagged(
    ...     [(("Anna", "Roses"), ("B-PER", "O"))], vocabulary, ["O", "B-PER"], longest=7)
    >>> vocabulary.pieces(ids[0]), target[0].tolist()
    (['[CLS]', 'anna', 'rose', '##s', '[SEP]', '[PAD]', '[PAD]'], [-1, 1, 0, -1, -1, -1, -1])
    """
    numbers = {tag: number for number, tag in enumerate(tags)}
    shape = len(sentences), check_integer("longest", longest, 1)
    inputs, target = [], onp.full(shape, NO_TAG, "int32")
    for row, (words, of_words) in enumerate(sentences):
        _check_tags(words, of_words, tags)
        pieces = [pieces_of(word, vocabulary) for word in words]
        if shorten:
            pieces = _whole_words(pieces, longest)
        place = 1  # behind [CLS]
        for of_word, tag in zip(pieces, of_words, strict=False):  # words at the end may be cut off
            if place < longest:  # else it is too long, which is said below
                target[row, place] = numbers[tag]
            place += len(of_word)
        inputs.append(frame([piece for of_word in pieces for piece in of_word], None, vocabulary))
    return padded(inputs, longest), target


def pieces_of(word: str, vocabulary: WordPiece) -> list[int]:
    """A word's pieces; one that is unknown, if nothing is left of it without accents and controls."""
    return vocabulary.encode(word) or [vocabulary.unknown]


def padded(inputs: Sequence[tuple], longest: int) -> tuple[onp.ndarray, onp.ndarray, onp.ndarray]:
    """Return ids, segments (B, longest) int32 and mask (B, 1, longest) float32 of (ids, segments).

    Raises
    ------
    ValueError
        There are none, or one is longer than `longest`.
    """
    if not inputs:
        raise ValueError("there must be at least one text")
    ids, segments = onp.zeros((2, len(inputs), longest), "int32")
    mask = onp.zeros((len(inputs), 1, longest), "float32")
    for row, (numbers, parts) in enumerate(inputs):
        if (count := len(numbers)) > longest:
            raise ValueError(
                f"a text must have at most {longest} pieces with its frame, got {count}"
            )
        ids[row, :count], segments[row, :count], mask[row, 0, :count] = numbers, parts, 1
    return ids, segments, mask


def _check_tags(words: Sequence[str], of_words: Sequence[str], tags: Sequence[str]) -> None:
    if len(words) != len(of_words) or not words:
        raise ValueError(f"each word must have a tag, got {len(words)} and {len(of_words)}")
    if unknown := sorted(set(of_words) - set(tags)):
        raise ValueError(f"tags must be of {', '.join(tags)}, got {', '.join(unknown)}")


def _whole_words(pieces: list[list[int]], longest: int) -> list[list[int]]:
    """The pieces of as many words from the first one on as have room; of a first word that has none, such
    as a long address, the first pieces.
    """
    if (room := longest - 2) < 1:  # without [CLS] and [SEP]
        raise ValueError(f"longest must leave room for a piece, got {longest}")
    ends = onp.cumsum([len(of_word) for of_word in pieces])
    return pieces[: int((ends <= room).sum())] or [pieces[0][:room]]


def _shortened(texts: list[list[int]], longest: int) -> list[list[int]]:
    """Without the last words of the longer text, until all has room."""
    texts, room = [list(text) for text in texts], longest - FRAME + (len(texts) == 1)
    if room < len(texts):
        raise ValueError(f"longest must leave room for a word of each text, got {longest}")
    while sum(map(len, texts)) > room:
        max(texts, key=len).pop()
    return texts
