"""The twenty tasks without end, in our own words: a simulator tells stories and knows."""

import itertools
import math
from collections.abc import Iterator
from numbers import Integral

import numpy as onp

from d2l_attention.datasets.babi import carrying, relations, walks
from d2l_attention.datasets.babi.files import Question, checked_task

SHORTEST = 12  # sentences
TELLERS = carrying.TELLERS | walks.TELLERS | relations.TELLERS


def generate(task: int, count: int, *, seed: int, longest: int | None = None) -> list[Question]:
    """Return questions like a published task's, but about people and places of our own.

    The tasks are those that Weston et al. (2015, section 3) describe. A story has as
    many questions, sentences and clues as a published one, and its answers are as even,
    but it is told in words of this book. Questions of a story follow each other, and
    each tells the story up to it; the last story may be cut short.

    Task 2 has more words than the published, and so is harder to learn: two tenses, and
    no "there" behind every other thing taken, as in the tutorial's stories.

    Parameters
    ----------
    task : int
        1 to 20, see `TASKS`.
    count : int
        Number of questions, at least one. The first of many are what a smaller count
        gives.
    seed : int
        From 0 to 2**32 - 1. The questions depend on task, seed and `longest` alone.
    longest : int, optional
        Leave a story when it has more sentences than this, at least 12, which each
        task's shortest stories keep to.

    Raises
    ------
    TypeError
        An argument is not a whole number.
    ValueError
        There is no such task, count, seed or length.

    Examples
    --------
    >>> question = generate(2, 1, seed=5)[0]
    >>> for sentence in question.story:
    ...     print(sentence)
    Fred went back to the bathroom.
    Fred grabbed the milk there.
    Fred went to the kitchen.
    Fred put down the milk.
    >>> print(question.question, question.answer, question.supporting)
    Where is the milk? kitchen (3, 2)
    """
    task = checked_task(task)
    _check("count", count, 1, None)
    _check("seed", seed, 0, 2**32 - 1)
    if longest is not None:
        _check("longest", longest, SHORTEST, None)
    return list(itertools.islice(_questions(task, seed, longest or math.inf), count))


def _questions(task: int, seed: int, longest: float) -> Iterator[Question]:
    # RandomState, because NumPy promises that its stream never changes.
    random = onp.random.RandomState([seed, task])
    while True:
        for question in TELLERS[task](random):
            if len(question.story) > longest:
                break
            yield question


def _check(name: str, value: int, least: int, most: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least or (most is not None and value > most):
        limit = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be {limit}, got {value}")
