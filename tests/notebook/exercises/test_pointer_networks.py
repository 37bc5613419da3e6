"""The check of the exercise on pointer networks: right answers pass, each mistake has its sentence."""

import re

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.pointer_networks import MISTAKES, check_pointer, reference


def pointer(d, e, W_1, W_2, v, free):
    """An answer as a reader may write it, independent of the reference: point by point."""
    p = onp.zeros(free.shape)
    for row in range(len(d)):
        u = [v @ onp.tanh(W_1 @ each + W_2 @ d[row]) for each in e[row]]
        highest = max(score for score, is_free in zip(u, free[row], strict=True) if is_free)
        p[row] = [
            onp.exp(score - highest) if is_free else 0
            for score, is_free in zip(u, free[row], strict=True)
        ]
        p[row] /= p[row].sum()
    return p


def test_right_answers_pass(capsys):
    check_pointer(pointer)
    assert capsys.readouterr().out.startswith("Right") and capsys.readouterr().out == ""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_named(mistake):
    assert len(set(MISTAKES.values())) == len(MISTAKES) >= 5
    with pytest.raises(AssertionError, match=re.escape(MISTAKES[mistake])):
        check_pointer(lambda *given: reference(*given, mistake=mistake))


def all_free(d, e, W_1, W_2, v, free):
    return pointer(d, e, W_1, W_2, v, onp.ones_like(free))


def without_tanh(d, e, W_1, W_2, v, free):
    u = onp.where(free > 0, (e @ W_1.T + (d @ W_2.T)[:, None]) @ v, -onp.inf)
    weights = onp.exp(u - u.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def overflows(d, e, W_1, W_2, v, free):
    with onp.errstate(all="ignore"):
        u = onp.tanh(e @ W_1.T + (d @ W_2.T)[:, None]) @ v
        weights = onp.exp(u) * free
        return weights / weights.sum(1, keepdims=True)


def in_place(d, e, W_1, W_2, v, free):
    found = pointer(d, e, W_1, W_2, v, free)
    e[free == 0] = 0
    return found


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (all_free, "Used points get weight"),
        (without_tanh, "tanh is missing"),
        (lambda d, e, W_1, W_2, v, free: pointer(d, e, W_2, W_1, v, free), "exchanged"),
        (lambda d, *rest: pointer(0 * d, *rest), "decoder's state d is lost"),
        (lambda *given: pointer(*given)[0], "Return one array p"),
        (lambda *given: pointer(*given) / 2, "sum to one, got sums from 0.50"),
        (lambda *given: pointer(*given) * onp.nan, "not finite"),
        (lambda d, e, *rest: pointer(d, 2 * e, *rest), "scores are not those"),
        (overflows, "exp overflows"),
        (in_place, "changed in place"),
    ],
)
def test_wrong_answers_are_named(answer, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_pointer(answer)
