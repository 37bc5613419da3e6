"""Does a reader's Nadaraya-Watson estimate say what the formula says, and if not, why?"""

import math
from collections.abc import Callable

import numpy as onp

BANDWIDTH = 0.7
NO_DIVISION = (
    "the weights of a query do not add up to one: divide by the sum of the kernels, "
    "not by the number of keys"
)
NO_SQUARED_WIDTH = "the bandwidth is not squared: the exponent is -d^2 / (2 h^2)"
NO_HALF = "the 2 is missing in the exponent -d^2 / (2 h^2)"
NO_SQUARE = "the distance is not squared: this is exp(-d / h), not a Gaussian"
ONE_FEATURE = "only the first feature counts: sum the squared differences over all features"
WRONG_AXIS = (
    "the softmax runs over the wrong axis: each column adds up to one, and each row, "
    "which is a query's, should"
)
MASK_LOST = "the mask is lost: a key with mask 0 still has a weight"
MASK_UPSIDE_DOWN = "the mask is upside down: 1 allows a key and 0 forbids it"
MASK_AFTER_DIVISION = (
    "the mask comes after the division: what is left of the weights no longer adds up to one"
)
EMPTY_ROW = "a query that may see no key needs weights of exactly zero, and an estimate of zero"
FAR_AWAY = (
    "far from all keys every Gaussian rounds to zero, and 0 / 0 is no number: subtract the "
    "largest allowed score before the exponential"
)
WRONG_MEAN = "the weights are right, but the estimate is not their sum over the values"
OTHER = "the weights are not K((q - k) / h) divided by the sum over the keys"


def check_nadaraya_watson(answer: Callable) -> None:
    """Compare a reader's function with the formula, computed number by number.

    Parameters
    ----------
    answer : callable
        (query (m, d), key (n, d), value (n, c), h, mask (m, n) or None) -> estimate (m, c), weights
        (m, n), all NumPy arrays; the mask holds 1 where a query may see a key, else 0.

    Raises
    ------
    AssertionError
        The answer is wrong; the message names the mistake, if it is one that is often made.

    >>> check_nadaraya_watson(lambda query, key, value, h, mask: value.mean(axis=0))
    Traceback (most recent call last):
    AssertionError: return two arrays: estimate and weights
    """
    rng = onp.random.RandomState(0)
    query, key, value = rng.normal(size=(4, 2)), rng.normal(size=(6, 2)), rng.normal(size=(6, 3))
    everything, some = onp.ones((4, 6)), (rng.uniform(size=(4, 6)) < 0.7).astype(float)
    some[:, 0], some[:, 3] = 1, 0  # each query sees one and does not see another
    _compare(answer, query, key, value, None, everything, _MISTAKES)
    _compare(answer, query, key, value, some, some, _MASK_MISTAKES)
    empty = some.copy()
    empty[1] = 0
    found = _call(answer, query, key, value, empty)
    assert all((onp.asarray(array)[1] == 0).all() for array in found), EMPTY_ROW
    _compare(answer, query, key, value, empty, empty, {})
    far = _call(answer, query + 100, key, value, some)
    assert all(onp.isfinite(array).all() for array in far), FAR_AWAY
    nothing = {FAR_AWAY: lambda _, __, allowed: onp.zeros_like(allowed)}
    _compare(answer, query + 100, key, value, some, some, nothing)
    print("right: weights and estimate, with and without a mask, near the keys and far away")


def _compare(answer, query, key, value, mask, allowed, mistakes) -> None:
    estimate, weights = _call(answer, query, key, value, mask)
    right = _weights(query, key, allowed)
    if not _same(weights, right):
        for sentence, wrong in mistakes.items():
            assert not _same(weights, wrong(query, key, allowed)), sentence
        raise AssertionError(OTHER)
    assert _same(estimate, right @ value), WRONG_MEAN


def _call(answer, query, key, value, mask) -> tuple:
    given = (query.copy(), key.copy(), value.copy())
    with onp.errstate(all="ignore"):  # what is divided by zero is said below, in words
        found = answer(*given, BANDWIDTH, None if mask is None else mask.copy())
    assert isinstance(found, tuple) and len(found) == 2, "return two arrays: estimate and weights"
    shapes = {"estimate": (len(query), value.shape[1]), "weights": (len(query), len(key))}
    for (name, shape), array in zip(shapes.items(), found, strict=True):
        got = onp.shape(array)
        assert got == shape, f"{name} should be of shape {shape}, got {got}"
    return found


def _same(found, expected) -> bool:
    return onp.allclose(found, expected, atol=1e-8, rtol=0)


def _weights(query, key, allowed) -> onp.ndarray:
    """The formula, one number at a time; relative to the nearest key, as only ratios matter."""
    weights = onp.zeros(allowed.shape)
    for i, q in enumerate(query):
        squared = {j: math.dist(q, k) ** 2 for j, k in enumerate(key) if allowed[i, j]}
        nearest = min(squared.values(), default=0)
        kernels = {j: math.exp(-(d - nearest) / (2 * BANDWIDTH**2)) for j, d in squared.items()}
        for j, kernel in kernels.items():
            weights[i, j] = kernel / sum(kernels.values())
    return weights


# ------------------------------------------------------------- what often goes wrong
def _distance(query, key) -> onp.ndarray:
    return onp.linalg.norm(query[:, None] - key[None], axis=-1)


def _gaussian(query, key) -> onp.ndarray:
    return onp.exp(-(_distance(query, key) ** 2) / (2 * BANDWIDTH**2))


def _share(kernel, axis: int = 1) -> onp.ndarray:
    return kernel / kernel.sum(axis=axis, keepdims=True)


_MISTAKES = {
    WRONG_AXIS: lambda q, k, _: _share(_gaussian(q, k), axis=0),
    NO_DIVISION: lambda q, k, _: _gaussian(q, k) / len(k),
    "the weights of a query do not add up to one: divide by the sum of the kernels": (
        lambda q, k, _: _gaussian(q, k)
    ),
    NO_SQUARED_WIDTH: lambda q, k, _: _share(onp.exp(-(_distance(q, k) ** 2) / (2 * BANDWIDTH))),
    NO_HALF: lambda q, k, _: _share(onp.exp(-((_distance(q, k) / BANDWIDTH) ** 2))),
    NO_SQUARE: lambda q, k, _: _share(onp.exp(-_distance(q, k) / BANDWIDTH)),
    ONE_FEATURE: lambda q, k, _: _share(_gaussian(q[:, :1], k[:, :1])),
}
_MASK_MISTAKES = {
    MASK_LOST: lambda q, k, _: _weights(q, k, onp.ones((len(q), len(k)))),
    MASK_UPSIDE_DOWN: lambda q, k, allowed: _weights(q, k, 1 - allowed),
    MASK_AFTER_DIVISION: lambda q, k, allowed: _share(_gaussian(q, k)) * allowed,
    "the scores are multiplied by the mask: a score of 0 is the nearest key's": (
        lambda q, k, allowed: _share(onp.exp(onp.log(_gaussian(q, k)) * allowed))
    ),
}
