"""Stories and questions as arrays: bags of words, rows of a table of sentences, and ages.

A sentence is a sum of word vectors, weighed by position. The position encoding is that of the
authors' published code; Sukhbaatar et al. (2015, section 4.1) print half of it, shifted. It has
rank two, so that a sentence needs just two bags of words, and embedding it is one matrix product:

    sum_j l_j * (A x_j) = A b + r * (A p),    b = sum_j x_j,    p = sum_j (j - (J + 1) / 2) / J x_j

with one-hot words x_1 ... x_J and r_k = 4 (k - (d + 1) / 2) / d: the first bag says which words
there are, the second on which side of the middle they stand.

Stories repeat sentences, so a batch holds each distinct sentence once, and stories as rows of that
table. Softmax must put its weight somewhere, so a hop needs something to settle on if no sentence
fits: a sentinel, which is one sentence without words; or, as in the authors' code, the unfilled
places of the memory, which are not masked. A sentence without words is row 0, of age `memory_size`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as onp

from d2l_attention.backend.checks import check_choice, check_sizes

TABLE_STEP = 256  # a batch's table is padded to a multiple of it, so that few shapes occur


def tokenize(sentence: str) -> list[str]:
    """Split a sentence into lower-case words without its final mark.

    >>> tokenize("Joe went to the kitchen.")
    ['joe', 'went', 'to', 'the', 'kitchen']
    """
    return re.sub(r"[.?!]$", "", sentence.rstrip()).lower().split()


@dataclass(frozen=True)
class Stories:
    """N questions with their stories, as NumPy arrays: S distinct sentences, n places.

    A bag of words has V numbers, or 2 V with the position encoding.

    Attributes
    ----------
    sentences : (S, bag) float32
        Bags of words of the distinct sentences.
    story, age : (N, n) int32
        Rows of `sentences`, the sentinel (if any) first and then the oldest; how many sentences
        ago each was, at most `memory_size` - 1.
    mask : (N, 1, n) float32
        1 where a hop may put weight.
    length : (N,) int32
        Sentences of each story.
    question : (N, bag) float32
    answer : (N,) int32
        Number of the word; -1 if the vocabulary does not have it.
    memory_size, sentinel : int, bool
        As for `Encoder`.
    """

    sentences: onp.ndarray
    story: onp.ndarray
    age: onp.ndarray
    mask: onp.ndarray
    length: onp.ndarray
    question: onp.ndarray
    answer: onp.ndarray
    memory_size: int
    sentinel: bool

    def __len__(self) -> int:
        return len(self.story)

    def in_order(self, batch_size: int = 250) -> Iterator[tuple]:
        """Batches of all questions in order, as `models.memory_networks` takes them."""
        check_sizes(batch_size=batch_size)
        for start in range(0, len(self), batch_size):
            yield self.batch(onp.arange(start, min(start + batch_size, len(self))))

    def draws(self, batch_size: int, *, seed: int, noise: float = 0.0) -> Callable:
        """A function of the epoch that gives len // batch_size batches, drawn with replacement.

        Parameters
        ----------
        noise : float
            Up to this share of sentences without words is mixed into a story, so that ages are
            not learned by heart (Sukhbaatar et al. 2015, section 4.1: "random noise").

        Raises
        ------
        ValueError
            `batch_size` is not positive, noise is not from 0 to 1, or an answer has no number.
        """
        check_sizes(batch_size=batch_size)
        if not 0 <= noise <= 1:
            raise ValueError(f"noise must be from 0 to 1, got {noise!r}")
        if (self.answer < 0).any():
            raise ValueError("an answer to train on is not in the vocabulary")

        def epoch_batches(epoch: int) -> Iterator[tuple]:
            random = onp.random.RandomState([seed, epoch])  # its stream never changes
            for _ in range(max(1, len(self) // batch_size)):
                chosen = random.randint(len(self), size=batch_size)
                yield self.batch(chosen, self._noisy(chosen, noise, random) if noise else None)

        return epoch_batches

    def batch(self, chosen: onp.ndarray, age: onp.ndarray | None = None) -> tuple:
        """Some questions: ((sentences, story, age, mask, question), answer)."""
        used, story = onp.unique(self.story[chosen], return_inverse=True)
        size = min(len(self.sentences), -(-len(used) // TABLE_STEP) * TABLE_STEP)
        sentences = onp.zeros((size, self.sentences.shape[1]), "float32")
        sentences[: len(used)] = self.sentences[used]
        age = self.age[chosen] if age is None else age
        story = story.reshape(age.shape).astype("int32")
        inputs = sentences, story, age, self.mask[chosen], self.question[chosen]
        return inputs, self.answer[chosen]

    def _noisy(self, chosen, noise, random) -> onp.ndarray:
        age = self.age[chosen]  # a copy
        width = age.shape[1] - self.sentinel
        filled = onp.arange(width) < self.length[chosen, None]
        noisy = noisy_ages(self.length[chosen], width, noise, random)
        noisy = noisy.clip(0, self.memory_size - 1)
        age[:, self.sentinel :] = onp.where(filled, noisy, age[:, self.sentinel :])
        return age


def noisy_ages(
    length: onp.ndarray, width: int, noise: float, random: onp.random.RandomState
) -> onp.ndarray:
    """Ages of sentences if empty ones are mixed in: (B,) lengths -> (B, width), 0 in the padding.

    The number of empty sentences is uniform on 0 ... ceil(noise * length), and so is their
    arrangement.

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


class Encoder:
    """The vocabulary of some questions, and how text becomes arrays.

    Parameters
    ----------
    questions : sequence
        Objects with `story` (a sequence of sentences), `question` and `answer`, such as
        `babi.Question`. An answer is one word of the vocabulary, whatever it looks like.
    memory_size : int
        Sentences kept of a story: the last ones.
    encoding : str
        "position" or "bag".
    sentinel : bool
        Whether a sentence without words precedes each story.
    mask_padding : bool
        Whether unfilled places are masked; if not, there are `memory_size` places, always.

    Raises
    ------
    ValueError
        There are no questions; a story, a sentence, a question or an answer is empty.

    >>> from types import SimpleNamespace
    >>> story = ["Sam took the milk.", "Sam left."]
    >>> sam = SimpleNamespace(story=story, question="Who left?", answer="Sam")
    >>> encoder = Encoder([sam])
    >>> encoder.words
    ['left', 'milk', 'sam', 'the', 'took', 'who']
    >>> stories = encoder([sam])
    >>> stories.story.tolist(), stories.age.tolist(), encoder.words[stories.answer[0]]
    ([[0, 1, 2]], [[50, 1, 0]], 'sam')
    """

    def __init__(
        self,
        questions: Sequence,
        *,
        memory_size: int = 50,
        encoding: str = "position",
        sentinel: bool = True,
        mask_padding: bool = True,
    ):
        check_choice(("position", "bag"), encoding=encoding)
        check_sizes(memory_size=memory_size)
        _check_questions(questions)
        sentences = {text for q in questions for text in (*q.story, q.question)}
        words = {word for text in sentences for word in tokenize(text)}
        self.words = sorted(words | {q.answer.strip().lower() for q in questions})
        self.memory_size, self.encoding = memory_size, encoding
        self.sentinel, self.mask_padding = sentinel, mask_padding
        self.longest = max(len(tokenize(text)) for text in sentences)  # J
        self._number = {word: number for number, word in enumerate(self.words)}

    def __call__(self, questions: Sequence) -> Stories:
        """Encode questions.

        Raises
        ------
        ValueError
            A part of a question is empty, or a story or a question has an unknown word.
        """
        _check_questions(questions)
        kept = [tuple(q.story)[-self.memory_size :] for q in questions]
        distinct = dict.fromkeys(text for story in kept for text in story)
        rows = {text: row for row, text in enumerate(distinct, start=1)}
        length = onp.array([len(story) for story in kept], "int32")
        bag = cache(self._bag)
        answer = [self._number.get(q.answer.strip().lower(), -1) for q in questions]
        return Stories(
            onp.stack([bag(""), *map(bag, distinct)]),
            *self._places([[rows[text] for text in story] for story in kept], length),
            length,
            onp.stack([bag(q.question) for q in questions]),
            onp.array(answer, "int32"),
            self.memory_size,
            self.sentinel,
        )

    def _places(self, rows: list[list[int]], length: onp.ndarray) -> tuple:
        """Story, age (N, n) and mask (N, 1, n)."""
        place = onp.arange(length.max() if self.mask_padding else self.memory_size)
        filled = place < length[:, None]
        story = onp.zeros(filled.shape, "int32")
        story[filled] = [row for story_rows in rows for row in story_rows]
        age = onp.where(filled, length[:, None] - 1 - place, self.memory_size).astype("int32")
        mask = (filled | (not self.mask_padding)).astype("float32")
        first = ((0, 0), (int(self.sentinel), 0))
        story, mask = onp.pad(story, first), onp.pad(mask, first, constant_values=1)
        return story, onp.pad(age, first, constant_values=self.memory_size), mask[:, None]

    def _bag(self, text: str) -> onp.ndarray:
        """Count words (V,); for the position encoding also add up their places, from -1/2 to 1/2 in
        sentences of at most J words (2 V,).
        """
        counts, places = onp.zeros((2, len(self.words)), "float32")
        for j, word in enumerate(tokenize(text), start=1):
            if word not in self._number:
                raise ValueError(f"the word {word!r} is not in the vocabulary")
            counts[self._number[word]] += 1
            places[self._number[word]] += (j - (self.longest + 1) / 2) / self.longest
        return onp.concatenate([counts, places]) if self.encoding == "position" else counts


def _check_questions(questions: Sequence) -> None:
    if not questions:
        raise ValueError("questions must not be empty")
    words = cache(tokenize)  # the same sentences come in many stories
    for number, question in enumerate(questions):
        if not question.story:
            raise ValueError(f"question {number} has an empty story")
        if not all(map(words, question.story)):
            raise ValueError(f"the story of question {number} has an empty sentence")
        if not words(question.question):
            raise ValueError(f"question {number} has no text")
        if not question.answer.strip():
            raise ValueError(f"question {number} has no answer")
