"""What a reader's answers may get wrong is named; what is right passes."""

import numpy as onp
import pytest

from d2l_attention.backend.operators import HUGE
from d2l_attention.models.bert_fine_tuning import best_span
from d2l_attention.notebook.exercises.bert_fine_tuning import check_answer


def softmax(scores):
    e = onp.exp(scores - scores.max())
    return e / e.sum()


def probabilities(H, s, e, text):
    return tuple(softmax(onp.where(text == 1, H @ v, -onp.inf)) for v in (s, e))


def best(p_start, p_end, longest, *, least=0, join=onp.multiply):
    pairs = [(i, j) for i in range(len(p_start)) for j in range(len(p_end))
             if least <= j - i < longest and p_start[i] * p_end[j] > 0]  # fmt: skip
    return max(pairs, key=lambda pair: join(p_start[pair[0]], p_end[pair[1]]))


def right(H, s, e, text, longest):
    p = probabilities(H, s, e, text)
    return *p, best(*p, longest)


def by_the_package(H, s, e, text, longest):
    scores = onp.where(text == 1, onp.stack([H @ s, H @ e]), -HUGE)
    span = best_span(scores, longest=longest)
    return *probabilities(H, s, e, text), (span.first, span.last)


def with_p(make):
    """Other probabilities, the right span."""

    def answer(H, s, e, text, longest):
        return *make(H, s, e, text), right(H, s, e, text, longest)[2]

    return answer


def with_span(make):
    """The right probabilities, another span."""

    def answer(H, s, e, text, longest):
        p = probabilities(H, s, e, text)
        return *p, make(*p, longest)

    return answer


def greedy(p_start, p_end, longest):
    first = int(p_start.argmax())
    return first, first + int(p_end[first : first + longest].argmax())


def joined(H, s, e, text):
    both = softmax(onp.where(text == 1, onp.stack([H @ s, H @ e]), -onp.inf))
    return both[0], both[1]


def overflowing(H, s, e, text):
    found = [onp.exp(H @ v) * text for v in (s, e)]
    return tuple(p / p.sum() for p in found)


EVERYWHERE = onp.ones
WRONG = {
    "the end is before the start": with_span(lambda a, b, _: (int(a.argmax()), int(b.argmax()))),
    "the question's places are not masked": with_p(
        lambda H, s, e, text: (softmax(H @ s), softmax(H @ e))),
    "masked behind the softmax": with_p(
        lambda H, s, e, text: (softmax(H @ s) * text, softmax(H @ e) * text)),
    "the softmax is over places": with_p(
        lambda H, s, e, text: (softmax(H * s), softmax(H * e))),
    "start and end are exchanged": with_p(
        lambda H, s, e, text: probabilities(H, e, s, text)),
    "these are scores": with_p(lambda H, s, e, text: (H @ s, H @ e)),
    "a masked score of 0": with_p(
        lambda H, s, e, text: (softmax(H @ s * text), softmax(H @ e * text))),
    "not scaled by the root": with_p(
        lambda H, s, e, text: probabilities(H / 2, s, e, text)),
    "one softmax over both": with_p(joined),
    "is not softmax": with_p(lambda H, s, e, text: probabilities(H, s + 0.1, e, text)),
    "must sum to one": with_p(
        lambda H, s, e, text: tuple(2 * p for p in probabilities(H, s, e, text))),
    "exactly zero outside": with_p(
        lambda H, s, e, text: tuple(p + 1e-9 for p in probabilities(H, s, e, text))),
    "last is the answer's last place": with_span(
        lambda a, b, longest: (best(a, b, longest)[0], best(a, b, longest)[1] + 1)),
    "one place too long": with_span(lambda a, b, longest: best(a, b, longest + 1)),
    "longest is not heeded": with_span(lambda a, b, _: best(a, b, 99)),
    "the best start first": with_span(greedy),
    "probabilities are added": with_span(lambda a, b, longest: best(a, b, longest, join=onp.add)),
    "return three things": lambda *given: right(*given)[:2],
    "large scores overflow": with_p(overflowing),
    "the most probable span is": with_span(
        lambda a, b, longest: min(
            [(i, j) for i in range(len(a)) for j in range(i, min(len(b), i + longest)) if a[i] * b[j] > 0],
            key=lambda pair: a[pair[0]] * b[pair[1]])),
}  # fmt: skip


@pytest.mark.parametrize("answer", [right, by_the_package])
def test_right_answers_pass(answer, capsys):
    check_answer(answer)
    assert capsys.readouterr().out.startswith("right: ")


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=mistake), onp.errstate(all="ignore"):
        check_answer(WRONG[mistake])
