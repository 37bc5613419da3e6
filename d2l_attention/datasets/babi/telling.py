"""A story while it is told: sentences so far, chances, and what may be asked now."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as onp

from d2l_attention.datasets.babi.files import Question

RECENT = 5  # a question is about something that the last five sentences have changed
PACE = 2  # sentences between chances to ask
QUESTIONS = 5  # in each story whose questions stand between its sentences


class Answerable(NamedTuple):
    """A question that the story answers now, and the sentences that the answer rests on."""

    question: str
    answer: str
    supporting: tuple[int, ...]
    clue: int | None = None  # which one must be recent; None for the last

    @property
    def latest(self) -> int:
        """Index of the sentence that must be recent."""
        return max(self.supporting) if self.clue is None else self.clue


class Telling:
    """The sentences of a story so far, and the source of all its chances.

    >>> telling = Telling(onp.random.RandomState(0))
    >>> telling.tell("Sam went to the den.")
    0
    >>> telling.ask("Where is Sam?", "den", (0,)).story
    ('Sam went to the den.',)
    """

    def __init__(self, random: onp.random.RandomState):
        self.random = random
        self.story: list[str] = []

    def tell(self, sentence: str) -> int:
        """Add a sentence, and return its index."""
        self.story.append(sentence)
        return len(self.story) - 1

    def ask(self, question: str, answer: str, supporting: Sequence[int]) -> Question:
        """Return a question about the story so far."""
        return Question(tuple(self.story), question, answer, tuple(supporting))

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.uniform() < probability

    def pick(self, choices: Sequence, *unwanted):
        """Return one of the choices, all alike likely, but none of the unwanted."""
        left = [choice for choice in choices if choice not in unwanted]
        return left[self.random.randint(len(left))]

    def weighted(self, weights: dict):
        """Return one of the keys, each as likely as its weight says."""
        cumulated = list(accumulate(weights.values()))
        drawn = self.random.uniform() * cumulated[-1]
        return list(weights)[bisect_right(cumulated, drawn)]

    def shuffled(self, items: Iterable) -> list:
        """Return the items in random order."""
        items = list(items)
        return [items[k] for k in self.random.permutation(len(items))]

    def yes_or_no(self, place: str, places: Sequence[str]) -> tuple[str, str]:
        """Return a place to ask about and the answer: one half yes, one half no."""
        if self.chance(0.5):
            return place, "yes"
        return self.pick(places, place), "no"


def ask_in_turn(
    telling: Telling,
    proceed: Callable[[], None],
    answerable: Callable[[], list[Answerable]],
    recency: float = 1.0,
) -> Iterator[Question]:
    """Let a story go on, and yield five questions on the way, each as soon as there is.

    Parameters
    ----------
    telling : Telling
    proceed : callable
        Tells the next `PACE` sentences.
    answerable : callable
        Returns the questions that the story answers now; what is there twice is asked
        twice as often.
    recency : float
        A question whose clue is one sentence older is chosen so many times as often.
    """
    asked = 0
    while asked < QUESTIONS:
        proceed()
        now = len(telling.story)
        recent = [one for one in answerable() if now - one.latest <= RECENT]
        if recent:
            weights = {k: recency ** (now - one.latest) for k, one in enumerate(recent)}
            yield telling.ask(*recent[telling.weighted(weights)][:3])
            asked += 1
