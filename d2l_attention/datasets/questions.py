"""Questions about pictures as arrays: a vocabulary, and examples that share pictures."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as onp

from d2l_attention.datasets.batches import batches


class Vocabulary:
    """The words and the answers of some questions, and how questions become arrays.

    Parameters
    ----------
    questions : sequence
        Objects with `text` (words between spaces) and `answer`, such as
        `scenes.SceneQuestion` and `shapes.ShapesQuestion`.
    answers : sequence of str, optional
        The answers' order; by default alphabetical.

    Raises
    ------
    ValueError
        There are no questions, one has no words, or `answers` lacks an answer.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> asked = [SimpleNamespace(text="is it red", answer="no"), SimpleNamespace(text="is it", answer="yes")]
    >>> vocabulary = Vocabulary(asked)
    >>> vocabulary.words, vocabulary.answers
    (['', 'is', 'it', 'red'], ['no', 'yes'])
    >>> for array in vocabulary(asked):
    ...     print(array.tolist())
    [[1, 2, 3], [1, 2, 0]]
    [3, 2]
    [0, 1]
    """

    def __init__(self, questions: Sequence, *, answers: Sequence[str] | None = None):
        if not questions:
            raise ValueError("questions must not be empty")
        self.words = [
            "",
            *sorted({word for q in questions for word in q.text.split()}),
        ]  # "" is padding
        self.answers = sorted({q.answer for q in questions}) if answers is None else list(answers)
        if len(set(self.answers)) < len(self.answers):
            raise ValueError(f"answers must not repeat, got {self.answers}")
        self._words, self._answers = (
            {text: number for number, text in enumerate(texts)}
            for texts in (self.words, self.answers)
        )
        self(questions)

    def __call__(self, questions: Sequence) -> tuple[onp.ndarray, onp.ndarray, onp.ndarray]:
        """Return words (N, T), lengths (N,) and answers (N,), int32; T is the longest of these questions'.

        Raises
        ------
        ValueError
            A question has no words; a word or an answer is not in the vocabulary.
        """
        numbers = [
            [_number(self._words, word, "word") for word in q.text.split()] for q in questions
        ]
        length = onp.array([len(row) for row in numbers], "int32")
        if length.size == 0 or length.min() == 0:
            raise ValueError("questions must not be empty")
        ids = onp.zeros((len(numbers), length.max()), "int32")
        for line, row in zip(ids, numbers, strict=True):
            line[: len(row)] = row
        answer = [_number(self._answers, q.answer, "answer") for q in questions]
        return ids, length, onp.array(answer, "int32")


def _number(numbers: dict, text: str, what: str) -> int:
    if text not in numbers:
        raise ValueError(f"the {what} {text!r} is not in the vocabulary")
    return numbers[text]


@dataclass(frozen=True)
class Examples:
    """N questions about P pictures, as NumPy arrays.

    Attributes
    ----------
    features : (P, n, c) float32
        What a `RegionNetwork` says of them; or for a network with `regions` the pictures themselves,
        as `lighten` gives them, (P, 3, H, W).
    picture, length, answer : (N,) int
        Which picture is asked about; words of the question; number of the answer.
    question : (N, T) int32
    """

    features: onp.ndarray
    picture: onp.ndarray
    question: onp.ndarray
    length: onp.ndarray
    answer: onp.ndarray

    def __post_init__(self):
        for name in ("question", "length", "answer"):
            rows = len(getattr(self, name))
            if rows != len(self):
                raise ValueError(f"{name} must have {len(self)} rows, got {rows}")
        least, most = self.picture.min(initial=0), self.picture.max(initial=0)
        if len(self) and (least < 0 or most >= len(self.features)):
            raise ValueError(f"picture must hold numbers from 0 to {len(self.features) - 1}")

    def __len__(self) -> int:
        return len(self.picture)

    def batches(
        self, batch_size: int = 500, *, shuffle: bool = False, seed: int = 0
    ) -> Callable[[int], Iterator[tuple]]:
        """What `datasets.batches` makes of ((features, question, length), answer)."""
        numbers = onp.arange(len(self))
        chosen_in = batches((numbers,), self.answer, batch_size, shuffle=shuffle, seed=seed)

        def epoch_batches(epoch: int) -> Iterator[tuple]:
            for (chosen,), answer in chosen_in(epoch):
                features = self.features[self.picture[chosen]]
                yield (features, self.question[chosen], self.length[chosen]), answer

        return epoch_batches


def lighten(pictures: onp.ndarray) -> onp.ndarray:
    """Turn pixels from 0 to 255 into numbers from -1 to 1: uint8 -> float32, of the same shape.

    >>> lighten(onp.array([0, 51, 255], "uint8")).round(1).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    if not isinstance(pictures, onp.ndarray) or pictures.dtype != onp.uint8:
        kind = getattr(pictures, "dtype", type(pictures).__name__)
        raise TypeError(f"pictures must be a NumPy array of uint8, got {kind}")
    return pictures.astype("float32") / 127.5 - 1


def examples(vocabulary: Vocabulary, features: onp.ndarray, questions: Sequence) -> Examples:
    """Encode questions, which have an attribute `picture`, a row of `features`.

    Raises
    ------
    ValueError
        A question is about a picture that is not there, or not in the vocabulary.
    """
    picture = onp.array([question.picture for question in questions])
    if picture.min(initial=0) < 0 or picture.max(initial=0) >= len(features):
        raise ValueError(f"questions must be about pictures 0 to {len(features) - 1}")
    return Examples(features, picture, *vocabulary(questions))
