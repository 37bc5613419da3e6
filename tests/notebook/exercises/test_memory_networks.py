"""The check of the exercise on memory networks: right answers pass, each mistake has its sentence."""

import re

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.memory_networks import MISTAKES, check_hops, reference


def softmax(scores, mask):
    e = onp.exp(scores - scores.max(1, keepdims=True)) * mask
    return e / e.sum(1, keepdims=True)


def hops(query, keys, values, mask):
    """An answer as a reader may write it, independent of the reference."""
    weights = []
    for key, value in zip(keys, values, strict=True):
        alpha = softmax((key @ query[:, :, None])[:, :, 0], mask)
        query = query + (alpha[:, None] @ value)[:, 0]
        weights.append(alpha)
    return query, onp.stack(weights, axis=1)


def test_right_answers_pass(capsys):
    check_hops(hops)
    assert capsys.readouterr().out.startswith("Right") and capsys.readouterr().out == ""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_named(mistake):
    assert len(set(MISTAKES.values())) == len(MISTAKES) >= 5
    with pytest.raises(AssertionError, match=re.escape(MISTAKES[mistake])):
        check_hops(lambda *given: reference(*given, mistake=mistake))


def no_mask(query, keys, values, mask):
    return hops(query, keys, values, onp.ones_like(mask))


def no_residual(query, keys, values, mask):
    for key, value in zip(keys, values, strict=True):
        alpha = softmax((key @ query[:, :, None])[:, :, 0], mask)
        query = (alpha[:, None] @ value)[:, 0]
    return query, hops(query, keys, values, mask)[1]


def over_questions(query, keys, values, mask):
    weights = []
    for key, value in zip(keys, values, strict=True):
        e = onp.exp((key @ query[:, :, None])[:, :, 0]) * mask
        weights.append(e / e.sum(0))
        query = query + (weights[-1][:, None] @ value)[:, 0]
    return query, onp.stack(weights, axis=1)


def overflows(query, keys, values, mask):
    weights = []
    for key, value in zip(keys, values, strict=True):
        e = onp.exp((key @ query[:, :, None])[:, :, 0].astype("float32")) * mask
        weights.append(e / e.sum(1, keepdims=True))
        query = query + (weights[-1][:, None] @ value)[:, 0]
    return query, onp.stack(weights, axis=1)


def in_place(query, keys, values, mask):
    found, weights = hops(query, keys, values, mask)
    query[:] = found
    return query, weights


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (no_mask, "mask is lost"),
        (over_questions, "wrong axis"),
        (lambda q, k, v, m: hops(q, v, k, m), "exchanged"),
        (lambda q, k, v, m: hops(q, k, v, m)[0], "Return two things"),
        (lambda q, k, v, m: (hops(q, k, v, m)[0], hops(q, k, v, m)[1][:, 0]), "weights must be of"),
        (lambda q, k, v, m: (q[0], hops(q, k, v, m)[1]), "query must be of shape"),
        (lambda q, k, v, m: (2 * hops(q, k, v, m)[0], hops(q, k, v, m)[1]), "what follows"),
        (lambda q, k, v, m: (q, 2 * hops(q, k, v, m)[1]), "must sum to one"),
        (lambda q, k, v, m: hops(-q, k, v, m), "first hop's weights are wrong already"),
        (lambda q, k, v, m: (q * onp.nan, hops(q, k, v, m)[1]), "not finite"),
        (in_place, "changed in place"),
    ],
)
def test_what_readers_write_is_told_what_is_wrong(answer, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_hops(answer)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_softmax_that_overflows_is_noticed():
    with pytest.raises(AssertionError, match="overflows"):
        check_hops(overflows)
