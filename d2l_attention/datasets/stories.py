"""Stories and questions as arrays: bags of words, rows of a table of sentences, and how long ago each was told.

A sentence is a sum of word vectors, weighed by position. The position encoding is that
of the authors' published code; Sukhbaatar et al. (2015, section 4.1) print half of it,
shifted. It has rank two, so that a sentence needs just two bags of words, and embedding
it is one matrix product:

    sum_j l_j * (A x_j) = A b + r * (A p),    b = sum_j x_j,    p = sum_j (j - (J + 1) / 2) / J x_j

with one-hot words x_1 ... x_J and r_k = 4 (k - (d + 1) / 2) / d: the first bag says
which words there are, the second on which side of the middle they stand.

Stories repeat sentences, so a batch holds each distinct sentence once, in a table, and
stories as rows of that table. Softmax must put its weight somewhere, so a memory also
holds what a look can settle on if it finds nothing (`NOTHING`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as onp

from mxnet import np

__all__ = ["NOTHING", "Encoder", "Stories", "noisy_ages", "read"]

ENCODINGS = ("position", "bag")
# What a look may settle on beside the story's sentences: one empty sentence, which has
# learned vectors; every place of the memory that the story leaves unfilled, each with a
# vector of zeros, as in the authors' published code; or nothing.
NOTHING = ("sentence", "places", "never")
TABLE_STEP = (
    256  # a batch's table of sentences is padded to a multiple of it, so that few shapes occur
)


def read(sentence: str) -> list[str]:
    """Split a sentence into lower-case words without its final mark.

    >>> read("Joe went to the kitchen.")
    ['joe', 'went', 'to', 'the', 'kitchen']
    """
    return re.sub(r"[.?!]\s*$", "", sentence).lower().split()


@dataclass(frozen=True)
class Stories:
    """N questions with their stories, as NumPy arrays; S distinct sentences, F features, n sentences at most.

    Attributes
    ----------
    table : (S, F) float32
        The bags of words of the distinct sentences; row 0 is the empty sentence.
    story : (N, 1 + n) int32
        Rows of the table: the empty sentence, the story's with the oldest first, then
        row 0 again.
    length : (N,) int32
        Sentences of each story.
    question : (N, F) float32
    answer : (N,) int32
        Number of the word; -1 if the vocabulary does not have it.
    """

    table: onp.ndarray
    story: onp.ndarray
    length: onp.ndarray
    question: onp.ndarray
    answer: onp.ndarray

    def __len__(self) -> int:
        return len(self.story)


class Encoder:
    """The vocabulary of some questions, and how text becomes arrays.

    Parameters
    ----------
    questions : sequence
        Objects with the attributes `story` (sequence of sentences), `question` and
        `answer`, such as `datasets.babi.Question`. An answer is one word of the
        vocabulary, whatever it looks like.
    memory_size : int
        Sentences kept of a story: the last ones.
    encoding : str
        "position" or "bag", as for `MemoryNetwork`.
    nothing : str
        "sentence", "places" or "never", see `NOTHING`; as for `MemoryNetwork`.

    Raises
    ------
    ValueError
        There are no questions; a story, a sentence, a question or an answer is empty.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> sam = SimpleNamespace(story=["Sam took the milk.", "Sam left."], question="Who left?", answer="Sam")
    >>> encoder = Encoder([sam])
    >>> encoder.words
    ['left', 'milk', 'sam', 'the', 'took', 'who']
    >>> stories = encoder([sam])
    >>> stories.story.tolist(), stories.length.tolist(), encoder.words[stories.answer[0]]
    ([[0, 1, 2]], [2], 'sam')
    """

    def __init__(
        self,
        questions: Sequence,
        *,
        memory_size: int = 50,
        encoding: str = "position",
        nothing: str = "sentence",
    ):
        if encoding not in ENCODINGS:
            raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}")
        if nothing not in NOTHING:
            raise ValueError(f"nothing must be one of {', '.join(NOTHING)}, got {nothing!r}")
        if not isinstance(memory_size, int) or memory_size < 1:
            raise ValueError(f"memory_size must be a positive integer, got {memory_size!r}")
        if not questions:
            raise ValueError("questions must not be empty")
        for number, question in enumerate(questions):
            _check_question(number, question)
        sentences = {text for q in questions for text in (*q.story, q.question)}
        words = {word for text in sentences for word in read(text)} | {
            q.answer.strip().lower() for q in questions
        }
        self.words = sorted(words)
        self.memory_size, self.encoding, self.nothing = memory_size, encoding, nothing
        self.longest = max(len(read(text)) for text in sentences)  # J
        self._number = {word: number for number, word in enumerate(self.words)}

    @property
    def num_words(self) -> int:
        """Number of words V."""
        return len(self.words)

    def __call__(self, questions: Sequence) -> Stories:
        """Encode questions.

        Raises
        ------
        ValueError
            A part of a question is empty, or a story or a question has a word that is
            not in the vocabulary.
        """
        if not questions:
            raise ValueError("questions must not be empty")
        for number, question in enumerate(questions):
            _check_question(number, question)
        rows, bags = {}, [self._bag([])]  # sentence -> row of the table
        for text in (text for q in questions for text in q.story[-self.memory_size :]):
            if text not in rows:
                rows[text] = len(bags)
                bags.append(self._bag(read(text)))
        length = onp.array([min(len(q.story), self.memory_size) for q in questions], "int32")
        width = self.memory_size if self.nothing == "places" else length.max()
        story = onp.zeros((len(questions), 1 + width), "int32")
        for line, q in zip(story, questions, strict=True):
            kept = q.story[-self.memory_size :]
            line[1 : 1 + len(kept)] = [rows[text] for text in kept]
        question = onp.stack([self._bag(read(q.question)) for q in questions])
        answer = onp.array(
            [self._number.get(q.answer.strip().lower(), -1) for q in questions], "int32"
        )
        return Stories(onp.stack(bags), story, length, question, answer)

    def _bag(self, words: list[str]) -> onp.ndarray:
        """Count words (V,); for the position encoding also add up their places, from -1/2 to
        1/2 in sentences of at most J words (2 V,).
        """
        counts, places = onp.zeros((2, self.num_words), "float32")
        for j, word in enumerate(words, start=1):
            if word not in self._number:
                raise ValueError(f"the word {word!r} is not in the vocabulary")
            counts[self._number[word]] += 1
            places[self._number[word]] += (j - (self.longest + 1) / 2) / self.longest
        return onp.concatenate([counts, places]) if self.encoding == "position" else counts

    def batch(
        self,
        stories: Stories,
        chosen: onp.ndarray,
        age: onp.ndarray | None = None,
        device=None,
    ) -> tuple:
        """Put some of the stories on a device, as `MemoryNetwork` takes them: (table, story, age, mask, question).

        Parameters
        ----------
        stories : Stories
        chosen : numpy.ndarray (B,)
            Which of them.
        age : numpy.ndarray (B, n), optional
            How many sentences ago each sentence was; by default 0 for a story's last
            one.
        """
        length, width = stories.length[chosen, None], stories.story.shape[1]
        used, story = onp.unique(
            stories.story[chosen], return_inverse=True
        )  # row 0 is always used, and stays
        size = min(len(stories.table), -(-len(used) // TABLE_STEP) * TABLE_STEP)
        table = onp.zeros((size, stories.table.shape[1]), "float32")
        table[: len(used)] = stories.table[used]
        place = onp.arange(width - 1)
        filled = place < length
        age = length - 1 - place if age is None else age
        age = onp.clip(age, 0, self.memory_size - 1)
        if self.nothing == "places":
            age, filled = (
                onp.where(filled, age, self.memory_size),
                onp.ones_like(filled),
            )
        age = onp.pad(age, ((0, 0), (1, 0)), constant_values=self.memory_size)
        mask = onp.pad(filled, ((0, 0), (1, 0)), constant_values=self.nothing == "sentence")
        arrays = (
            table,
            story.reshape(age.shape),
            age,
            mask[:, None],
            stories.question[chosen],
        )
        kinds = ("float32", "int32", "int32", "float32", "float32")
        return tuple(
            np.array(a, dtype=kind, ctx=device) for a, kind in zip(arrays, kinds, strict=True)
        )


def _check_question(number: int, question) -> None:
    if not question.story:
        raise ValueError(f"question {number} has an empty story")
    if any(not read(sentence) for sentence in question.story):
        raise ValueError(f"the story of question {number} has an empty sentence")
    if not read(question.question):
        raise ValueError(f"question {number} has no text")
    if not question.answer.strip():
        raise ValueError(f"question {number} has no answer")


def noisy_ages(
    length: onp.ndarray, width: int, noise: float, random: onp.random.RandomState
) -> onp.ndarray:
    """Ages of sentences if empty ones are mixed in: (B,) lengths -> (B, width), 0 in the padding.

    The number of empty sentences is uniform on 0 ... ceil(noise * length), and so is
    their arrangement.

    >>> noisy_ages(onp.array([3, 2]), 4, 0.0, onp.random.RandomState(0)).tolist()
    [[2, 1, 0, 0], [1, 0, 0, 0]]
    """
    most = onp.ceil(noise * length).astype(int)
    slots = length + random.randint(0, most + 1)  # sentences, empty ones included
    key = random.uniform(size=(len(length), slots.max()))
    key[onp.arange(slots.max()) >= slots[:, None]] = 2
    rank = key.argsort(axis=1).argsort(axis=1)
    row, slot = onp.nonzero(rank < length[:, None])  # where the sentences stand, in order
    place = onp.arange(len(row)) - onp.repeat(onp.cumsum(length) - length, length)
    age = onp.zeros((len(length), width), int)
    age[row, length[row] - 1 - place] = slot
    return age
