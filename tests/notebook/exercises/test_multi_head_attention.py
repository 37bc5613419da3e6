"""The check of the exercise on multi-head attention: right answers pass, each mistake has its sentence."""

import re

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.multi_head_attention import (
    MISTAKES,
    check_multi_head,
    reference,
)


def multi_head(query, key, value, W_q, W_k, W_v, W_o, num_heads, mask):
    """An answer as a reader may write it, independent of the reference: query by query."""
    (batch, m, d), n = query.shape, key.shape[1]
    width, weights = d // num_heads, onp.zeros((batch, num_heads, m, n))
    context = onp.zeros((batch, m, d))
    for b in range(batch):
        for h in range(num_heads):
            part = slice(h * width, (h + 1) * width)
            for j in range(m):
                allowed = [i for i in range(n) if mask[b, j, i]]
                q = W_q[part] @ query[b, j]
                scores = [q @ (W_k[part] @ key[b, i]) / width**0.5 for i in allowed]
                e = onp.exp(onp.array(scores) - max(scores, default=0))
                for i, each in zip(allowed, e / e.sum() if allowed else e, strict=True):
                    weights[b, h, j, i] = each
                    context[b, j, part] += each * (W_v[part] @ value[b, i])
    return context @ W_o.T, weights


def test_right_answers_pass(capsys):
    check_multi_head(multi_head)
    assert capsys.readouterr().out.startswith("Right")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_named(mistake):
    assert len(set(MISTAKES.values())) == len(MISTAKES) >= 5
    with pytest.raises(AssertionError, match=re.escape(MISTAKES[mistake])):
        check_multi_head(lambda *given: reference(*given, mistake=mistake))


def without_mask(*given):
    return multi_head(*given[:8], onp.ones_like(given[8]))


def one_head(*given):
    context, weights = multi_head(*given[:7], 1, given[8])
    return context, onp.repeat(weights, 2, axis=1)


def overflows(query, key, value, W_q, W_k, W_v, W_o, num_heads, mask):
    q, k, v = (
        (x @ W.T).reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)
        for x, W in ((query, W_q), (key, W_k), (value, W_v))
    )
    e = onp.exp(q @ k.swapaxes(2, 3) / q.shape[3] ** 0.5) * mask[:, None]
    weights = e / onp.maximum(e.sum(axis=3, keepdims=True), 1e-30)
    return (weights @ v).swapaxes(1, 2).reshape(query.shape) @ W_o.T, weights


def divides_by_zero(*given):
    context, weights = multi_head(*given)
    with onp.errstate(all="ignore"):
        return context, weights / weights.sum(axis=3, keepdims=True)


def in_place(*given):
    found = multi_head(*given)
    given[8][:] = 1
    return found


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (without_mask, "mask is lost"),
        (overflows, "exp overflows"),
        (divides_by_zero, "not finite"),
        (in_place, "changed in place"),
        (one_head, "not those of equation"),
        (lambda *given: multi_head(*given)[0], "Return two arrays"),
        (lambda *given: multi_head(*given)[::-1], "context must be of shape"),
        (lambda *given: (multi_head(*given)[0], multi_head(*given)[1] / 2), "sums from 0.50"),
        (lambda *given: (2 * multi_head(*given)[0], multi_head(*given)[1]), "weights are right"),
    ],
)
def test_wrong_answers_are_named(answer, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_multi_head(answer)
