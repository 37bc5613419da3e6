"""Check a beam search that a reader wrote, and name the mistake."""

import itertools
import math
from collections.abc import Callable

import numpy as onp

START, END, WORDS = 0, 1, 5  # of the languages that are searched


def check_beam_search(answer: Callable) -> None:
    """Run a reader's beam search on random languages; print one line if it is right.

    Parameters
    ----------
    answer : callable
        (log_p, beam, longest) -> (words, score). `log_p(words)` takes a tuple of the words so far and
        returns the log-probabilities of what follows, a NumPy array; word 1 is the end. A hypothesis
        is kept if it is among the `beam` best unfinished ones of its length, by the sum of its
        log-probabilities. Of all finished ones, with at most `longest` words, the end included, the
        best has the largest sum divided by their number, the end included. It is returned without
        the end, with that quotient as its score.

    Raises
    ------
    AssertionError
        The sentence names the mistake.

    >>> check_beam_search(reference)
    Right: sums of logarithms, one beam for all, and lengths that are fair.
    """
    for beam, longest in ((1, 4), (2, 4), (3, 5), (40, 4)):
        for seed in range(6):
            language = _language(seed)
            found = _checked(answer(language, beam, longest))
            if not _equal(found, reference(language, beam, longest)):
                raise AssertionError(_name_the_mistake(answer))
    print("Right: sums of logarithms, one beam for all, and lengths that are fair.")


def reference(log_p, beam: int, longest: int, *, mistake: str = ""):
    """The right answer; or one with a mistake, of those that `MISTAKES` names."""
    unfinished, finished = [((), 0.0)], []
    for _ in range(longest):
        longer = [
            ((*words, word), _total(total, each, mistake))
            for words, total in unfinished
            for word, each in enumerate(log_p(words))
        ]
        finished += [each for each in longer if each[0][-1] == END]
        if mistake != "end goes on":
            longer = [each for each in longer if each[0][-1] != END]
        unfinished = _kept(longer, beam, mistake)
    if mistake == "unfinished":
        finished += unfinished
    return _chosen(finished, mistake)


def _total(total: float, each: float, mistake: str) -> float:
    if mistake == "last word alone":
        return each
    return total + math.exp(each) if mistake == "no logarithm" else total + each


def _kept(longer: list, beam: int, mistake: str) -> list:
    if mistake == "worst":
        return sorted(longer, key=lambda each: each[1])[:beam]
    if mistake == "one beam each" and len(longer[0][0]) > 1:
        groups = itertools.groupby(longer, key=lambda each: each[0][:-1])
        best = [max(group, key=lambda each: each[1]) for _, group in groups]
        return sorted(best, key=lambda each: -each[1])[:beam]
    number = 1 if mistake == "greedy" else beam
    return sorted(longer, key=lambda each: -each[1])[:number]


def _chosen(finished: list, mistake: str):
    def value(each) -> float:
        words, total = each
        if mistake == "no length":
            return total
        return total / max(1, len(words) - (mistake == "end not counted"))

    if mistake == "first finished":
        words, total = finished[0]
    else:
        words, total = max(finished, key=value)
    kept = words if mistake == "with the end" or words[-1] != END else words[:-1]
    score = total if mistake == "score not divided" else value((words, total))
    return kept, score


MISTAKES = {
    "with the end": "The end is still among the words: return what stands before it.",
    "score not divided": "The words are right, the score is not: divide it by the number of words.",
    "end not counted": "The end is a word, too: a sentence of two words and the end has three.",
    "no length": "Sums are compared as they are, so that what is short wins: divide by the length.",
    "greedy": "Only one hypothesis is kept: this is greedy search.",
    "one beam each": "Each hypothesis keeps its own best word: the best of all words of all "
    "hypotheses must compete for the places.",
    "worst": "The worst hypotheses are kept: log-probabilities are negative, the largest is best.",
    "no logarithm": "Probabilities are added: add their logarithms.",
    "last word alone": "The score is that of the last word alone: it must be added to what was before.",
    "first finished": "The first finished sentence is returned: a later one may be better.",
    "end goes on": "A finished sentence is continued: nothing follows the end, and it must free its place.",
    "unfinished": "A sentence without an end is returned: it has not been finished.",
}


def _language(seed: int) -> Callable:
    """Random log-probabilities that depend on the words so far; the end is rare at first."""

    def log_p(words: tuple[int, ...]) -> onp.ndarray:
        key = [seed, len(words), *words]
        scores = onp.random.RandomState(key).gumbel(size=WORDS) * 1.5
        scores[START] = -30
        scores[END] += len(words) - 2
        return scores - onp.log(onp.exp(scores).sum())

    return log_p


def _checked(found) -> tuple:
    assert isinstance(found, tuple | list) and len(found) == 2, (
        f"Return two things, (words, score), got {type(found).__name__}."
    )
    words, score = found
    assert isinstance(words, tuple | list), (
        f"The words must be a tuple, got {type(words).__name__}."
    )
    number = isinstance(score, int | float | onp.number) and math.isfinite(score)
    assert number, f"The score must be a number, got {score!r}."
    return tuple(int(word) for word in words), float(score)


def _equal(found, expected) -> bool:
    return found[0] == tuple(expected[0]) and abs(found[1] - expected[1]) < 1e-9


def _name_the_mistake(answer: Callable) -> str:
    cases = [(_language(seed), beam, 4) for seed in range(6) for beam in (1, 2, 3)]
    found = [_checked(answer(*case)) for case in cases]
    for mistake, sentence in MISTAKES.items():
        if all(
            _equal(f, reference(*c, mistake=mistake)) for f, c in zip(found, cases, strict=True)
        ):
            return sentence
    right = [reference(*case) for case in cases]
    if any(score > best + 1e-9 for (_, score), (_, best) in zip(found, right, strict=True)):
        return "A score is better than any that this beam can find: is a word counted twice, or not at all?"
    return "A better sentence is within the beam: follow two steps by hand with a beam of two."
