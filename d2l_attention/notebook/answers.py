"""How answers are found in texts, and how good they are by SQuAD's rule: exact match and F1 of words."""

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as onp

from d2l_attention.datasets.spans import Question, Window
from d2l_attention.models.bert_fine_tuning import best_span


def read_off(
    questions: Sequence[Question],
    windows: Sequence[Window],
    scores: onp.ndarray,
    *,
    longest: int = 30,
) -> list[str]:
    """Return each question's answer as it stands in the text: the best span of all its windows.

    Scores, and not probabilities, are compared between windows: each window's probabilities sum to one,
    also where there is no answer in it.

    Parameters
    ----------
    scores : numpy.ndarray (windows, 2, n)
        Of start and end, in the order of the windows.
    longest : int
        Most pieces of an answer.

    Raises
    ------
    ValueError
        There is not one pair of scores a window, or a question has no window.
    """
    if len(scores) != len(windows):
        raise ValueError(f"scores must be of {len(windows)} windows, got {len(scores)}")
    best: dict[int, tuple[float, str]] = {}
    for window, of_window in zip(windows, scores, strict=True):
        span = best_span(of_window, longest=longest)
        if span.score > best.get(window.number, (-onp.inf, ""))[0]:
            begin, end = window.characters(span.first, span.last)
            best[window.number] = span.score, questions[window.number].text[begin:end]
    if missing := set(range(len(questions))) - best.keys():
        raise ValueError(f"each question must have a window, {len(missing)} have none")
    return [best[number][1] for number in range(len(questions))]


def normalised(answer: str) -> str:
    """Small letters, without punctuation, the articles a, an, the, and more than one blank.

    >>> normalised("The  Denver Broncos!")
    'denver broncos'
    """
    kept = "".join(letter for letter in answer.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def exact_match(found: str, right: Sequence[str]) -> float:
    """1 if an answer is, normalised, one of the right ones, else 0.

    >>> exact_match("the Broncos", ["Denver Broncos", "Broncos"])
    1.0
    """
    return float(normalised(found) in [normalised(answer) for answer in _some(right)])


def f1(found: str, right: Sequence[str]) -> float:
    """The F1 score of an answer's words, with the right answer that fits best.

    Precision is the share of its words that the right answer has, recall the share of the right
    answer's words that it has.

    >>> round(f1("the Denver team", ["Denver Broncos"]), 2)
    0.5
    """
    return max(
        _f1(normalised(found).split(), normalised(answer).split()) for answer in _some(right)
    )


def scored(found: Sequence[str], questions: Sequence[Question]) -> dict[str, float]:
    """Return {"em", "f1"}: the means over all questions, from 0 to 1.

    Raises
    ------
    ValueError
        There are no questions, there is not one answer found for each, or one has no right answer.
    """
    if len(found) != len(questions) or not questions:
        raise ValueError(
            "found must hold one answer for each of at least one question, got"
            f" {len(found)} for {len(questions)}"
        )
    right = [[answer.text for answer in question.answers] for question in questions]
    pairs = list(zip(found, right, strict=True))
    return {"em": float(onp.mean([exact_match(*pair) for pair in pairs])),
            "f1": float(onp.mean([f1(*pair) for pair in pairs]))}  # fmt: skip


def _f1(found: list[str], right: list[str]) -> float:
    common = sum((Counter(found) & Counter(right)).values())
    return 2 * common / (len(found) + len(right)) if common else 0.0


def _some(right: Sequence[str]) -> Sequence[str]:
    if isinstance(right, str) or not right:
        raise ValueError("right must be a list of at least one answer")
    return right
