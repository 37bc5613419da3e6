"""The check of the exercise on deep sets: right answers pass, each mistake has its sentence."""

import re

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.deep_sets import MISTAKES, check_deep_set, reference


def deep_set(x, mask, V, b, W, c):
    """An answer as a reader may write it, independent of the reference: element by element."""
    rows = []
    for row, there in zip(x, mask, strict=True):
        s = onp.zeros(len(b))
        for element in row[there > 0]:
            s += onp.tanh(V @ element + b)
        rows.append(W @ s + c)
    return onp.array(rows)


def test_right_answers_pass(capsys):
    check_deep_set(deep_set)
    assert capsys.readouterr().out.startswith("Right")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_named(mistake):
    assert len(set(MISTAKES.values())) == len(MISTAKES) >= 5
    with pytest.raises(AssertionError, match=re.escape(MISTAKES[mistake])):
        check_deep_set(lambda *given: reference(*given, mistake=mistake))


def in_place(x, mask, V, b, W, c):
    found = deep_set(x, mask, V, b, W, c)
    x[mask == 0] = 0
    return found


def without_mask(x, mask, V, b, W, c):
    return onp.tanh(x @ V.T + b).sum(axis=1) @ W.T + c


def fails_for_nothing(x, mask, V, b, W, c):
    size = mask.sum(axis=1, keepdims=True)
    with onp.errstate(all="ignore"):
        mean = (onp.tanh(x @ V.T + b) * mask[:, :, None]).sum(axis=1) / size
        return (mean * size) @ W.T + c


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (without_mask, "the mask is lost"),
        (in_place, "changed in place"),
        (fails_for_nothing, "The empty set's sum is 0"),
        (lambda *given: deep_set(*given)[0], "Return one array"),
        (lambda *given: deep_set(*given) * onp.nan, "not finite"),
        (lambda *given: 2 * deep_set(*given), "The result is not W sum"),
    ],
)
def test_wrong_answers_are_named(answer, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_deep_set(answer)
