"""The check of the reader's estimate: it passes what is right, and names each mistake."""

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.kernel_regression import check_nadaraya_watson


def scores(query, key, h):
    return -onp.square(query[:, None] - key[None]).sum(-1) / (2 * h**2)


def right(query, key, value, h, mask=None):
    mask = 1.0 if mask is None else mask
    allowed = onp.where(mask == 1, scores(query, key, h), -onp.inf)
    top = allowed.max(axis=1, keepdims=True)
    kernel = onp.exp(allowed - onp.where(onp.isfinite(top), top, 0))
    weights = kernel / onp.maximum(kernel.sum(axis=1, keepdims=True), 1e-300)
    return weights @ value, weights


def test_a_right_answer_passes(capsys):
    check_nadaraya_watson(right)
    assert capsys.readouterr().out.startswith("right:")


def of(weigh):
    """An answer whose weights are wrong in one way: (scores, mask of ones or given) -> weights."""

    def answer(query, key, value, h, mask=None):
        mask = onp.ones((len(query), len(key))) if mask is None else mask
        weights = weigh(scores(query, key, h), mask, query, key, h)
        return weights @ value, weights

    return answer


def share(kernel, axis=1):
    return kernel / kernel.sum(axis=axis, keepdims=True)


def squared(query, key):
    return onp.square(query[:, None] - key[None]).sum(-1)


WRONG = {
    "wrong axis": of(lambda a, mask, *_: share(onp.exp(a) * mask, axis=0)),
    "not by the number of keys": of(lambda a, mask, *_: onp.exp(a) * mask / a.shape[1]),
    "divide by the sum": of(lambda a, mask, *_: onp.exp(a) * mask),
    "bandwidth is not squared": of(lambda a, mask, q, k, h: share(onp.exp(a * h) * mask)),
    "the 2 is missing": of(lambda a, mask, *_: share(onp.exp(2 * a) * mask)),
    "distance is not squared": of(
        lambda a, mask, q, k, h: share(onp.exp(-(squared(q, k) ** 0.5) / h) * mask)
    ),
    "only the first feature": of(
        lambda a, mask, q, k, h: share(onp.exp(scores(q[:, :1], k[:, :1], h)) * mask)
    ),
    "mask is lost": of(lambda a, mask, *_: share(onp.exp(a))),
    "upside down": of(lambda a, mask, *_: share(onp.exp(a) * (mask if mask.all() else 1 - mask))),
    "mask comes after the division": of(lambda a, mask, *_: share(onp.exp(a)) * mask),
    "multiplied by the mask": of(lambda a, mask, *_: share(onp.exp(a * mask))),
    "may see no key": of(lambda a, mask, *_: share(onp.exp(a) * mask)),
    "subtract the largest": of(
        lambda a, mask, *_: (
            onp.exp(a) * mask / onp.where(mask.any(1), (onp.exp(a) * mask).sum(1), 1)[:, None]
        )
    ),
    "not K": of(lambda a, mask, *_: share(mask / (1 - a))),
}


def test_zeros_far_away_are_named():
    def answer(query, key, value, h, mask=None):
        mask = onp.ones((len(query), len(key))) if mask is None else mask
        kernel = onp.exp(scores(query, key, h)) * mask
        weights = kernel / onp.maximum(kernel.sum(axis=1, keepdims=True), 1e-300)
        return weights @ value, weights

    with pytest.raises(AssertionError, match="subtract the largest"):
        check_nadaraya_watson(answer)


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=mistake):
        check_nadaraya_watson(WRONG[mistake])


def test_an_average_over_all_keys_where_none_is_allowed_is_named():
    def answer(query, key, value, h, mask=None):
        mask = onp.ones((len(query), len(key))) if mask is None else mask
        hidden = onp.where(mask == 1, scores(query, key, h), -1e300)
        weights = share(onp.exp(hidden - hidden.max(axis=1, keepdims=True)))
        return weights @ value, weights

    with pytest.raises(AssertionError, match="may see no key"):
        check_nadaraya_watson(answer)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda *given: right(*given)[0], "two arrays"),
        (lambda *given: (right(*given)[0], right(*given)[1].T), "weights should be of shape"),
        (lambda *given: (right(*given)[0][:, 0], right(*given)[1]), "estimate should be of shape"),
        (lambda *given: (2 * right(*given)[0], right(*given)[1]), "sum over the values"),
    ],
)
def test_what_is_returned_is_looked_at(answer, message):
    with pytest.raises(AssertionError, match=message):
        check_nadaraya_watson(answer)
