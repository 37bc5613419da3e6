"""Questions whose answer is a piece of a text, as BERT reads them. The question is first, then the text:

    [CLS]  who  paid  the  bill  ?  [SEP]  Anna  Rose  paid  the  bill  .  Tom  saw  a  crane  .  [SEP]
                                             ^     ^
                                           first  last                              a place may be an answer's
                                                                                    in the text alone

A text that is too long is read in windows that overlap. An answer that is no longer than the overlap
stands whole in at least one of them; windows without it are not trained on.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_sizes
from d2l_attention.datasets.masked_words import FRAME, frame
from d2l_attention.datasets.wordpiece import WordPiece


class Answer(NamedTuple):
    """A part of a text: its first character's number, and its characters."""

    start: int
    text: str


class Question(NamedTuple):
    """A question, the text that answers it, answers that people marked, and where the text is from."""

    question: str
    text: str
    answers: tuple[Answer, ...]
    article: str = ""


class Window(NamedTuple):
    """An input: a question, and a part of its text.

    `number` says which of the questions it is of, `start` where the first piece of the text stands;
    `offsets` has, for each piece of the text, its characters from the first to behind the last.
    `target` are the places of the first and last piece of the first answer, or None where the window
    does not hold the whole of it.
    """

    number: int
    ids: list[int]
    segments: list[int]
    start: int
    offsets: list[tuple[int, int]]
    target: tuple[int, int] | None

    def characters(self, first: int, last: int) -> tuple[int, int]:
        """The characters of the text from one place to another one."""
        return self.offsets[first - self.start][0], self.offsets[last - self.start][1]


def windows(
    questions: Sequence[Question], vocabulary: WordPiece, *, longest: int, stride: int = 64
) -> list[Window]:
    """Cut questions and texts into inputs.

    Parameters
    ----------
    questions : sequence of Question
    vocabulary : WordPiece
    longest : int
        Places of an input, [CLS] and both [SEP] included.
    stride : int
        Pieces from the start of a window to that of the next one of a text; fewer than a window
        has of the text, so that windows overlap.

    Raises
    ------
    ValueError
        There are no questions, one is empty, an answer does not stand where it is said to, or a
        question leaves no more room for the text than the stride.

    >>> vocabulary = WordPiece(["who paid ? Anna Rose paid . Tom saw a crane ."], fewest=1)
    >>> question = Question("Who paid?", "Anna Rose paid. Tom saw a crane.", (Answer(0, "Anna Rose"),))
    >>> for window in windows([question], vocabulary, longest=13, stride=4):
    ...     print(" ".join(vocabulary.pieces(window.ids)), window.target)
    [CLS] who paid ? [SEP] anna rose paid . tom saw a [SEP] (5, 6)
    [CLS] who paid ? [SEP] tom saw a crane . [SEP] None
    """
    check_sizes(longest=longest, stride=stride)
    if not questions:
        raise ValueError("questions must hold at least one question")
    found: list[Window] = []
    for number, question in enumerate(questions):
        check_answers(question)
        asked = vocabulary.encode(question.question)
        room = longest - FRAME - len(asked)
        if room <= stride:
            raise ValueError(
                f"longest must leave more than {stride} pieces of text, the stride, beside question"
                f" {number}, or windows do not overlap: got {longest} places, of which {room} are"
                f" left by {question.question!r}"
            )
        found += _of_question(number, question, asked, vocabulary, room, stride)
    return found


def arrays(inputs: Sequence[Window], *, longest: int) -> tuple[tuple, onp.ndarray]:
    """Return ((ids, segments, mask, text), target) as `QuestionAnswering` takes them.

    Returns
    -------
    ids, segments (B, longest) int32, padded behind with 0; mask and text (B, 1, longest) float32: what
    is there, and where an answer may stand; target (B, 2) int32, the first place of the text twice where
    there is no answer: choose windows with one before training.

    Raises
    ------
    ValueError
        There are none, or one is longer than `longest`.
    """
    if not inputs:
        raise ValueError("inputs must hold at least one window")
    shape = len(inputs), check_integer("longest", longest, 1)
    ids, segments = onp.zeros((2, *shape), "int32")
    mask, text = onp.zeros((2, len(inputs), 1, longest), "float32")
    target = onp.zeros((len(inputs), 2), "int32")
    for row, window in enumerate(inputs):
        if (count := len(window.ids)) > longest:
            raise ValueError(f"a window must have at most {longest} pieces, got {count}")
        ids[row, :count], segments[row, :count], mask[row, 0, :count] = (
            window.ids,
            window.segments,
            1,
        )
        text[row, 0, window.start : window.start + len(window.offsets)] = 1
        target[row] = window.target or (window.start, window.start)
    return (ids, segments, mask, text), target


def check_answers(question: Question) -> None:
    """Raise a ValueError unless there is an answer, and each stands in the text where it is said to."""
    if not question.answers:
        raise ValueError(f"a question must have an answer: {question.question!r}")
    for start, text in question.answers:
        if not text.strip() or question.text[start : start + len(text)] != text:
            raise ValueError(f"answer {text!r} must stand at {start} in {question.text[:60]!r} ...")


def _of_question(number, question, asked, vocabulary, room, stride) -> Iterator[Window]:
    """Windows of so many pieces of the text, until its end is in one."""
    pieces, offsets = vocabulary.encode_offsets(question.text)
    for start in range(0, max(1, len(pieces) - room + stride), stride):
        part = slice(start, start + room)
        ids, segments = frame(asked, pieces[part], vocabulary)
        window = Window(number, ids, segments, len(asked) + 2, offsets[part], None)
        yield window._replace(target=_target(window, question.answers[0]))


def _target(window: Window, answer: Answer) -> tuple[int, int] | None:
    """The places of the pieces that have a character of the answer, if they are all here."""
    begin, end = answer.start, answer.start + len(answer.text.rstrip())
    inside = [k for k, (a, b) in enumerate(window.offsets) if a < end and b > begin]
    if not inside:
        return None
    first, last = inside[0], inside[-1]
    whole = window.offsets[first][0] <= begin and window.offsets[last][1] >= end
    return (window.start + first, window.start + last) if whole else None
