"""Check the pointer of a pointer network that a reader wrote, and name the mistake."""

from collections.abc import Callable

import numpy as onp


def check_pointer(answer: Callable) -> None:
    """Run a reader's pointer on random states; print one line if it is right.

    Parameters
    ----------
    answer : callable
        (d (N, h), e (N, n, h), W_1 (h, h), W_2 (h, h), v (h,), free (N, n)) -> p (N, n), NumPy
        arrays: with u_j = v . tanh(W_1 e_j + W_2 d), the softmax of u over the points that are free,
        those where `free` is 1; the others get zero.

    Raises
    ------
    AssertionError
        The sentence names the mistake.

    >>> check_pointer(reference)
    Right: the score, the softmax and the points that are used are all in place.
    """
    given = _states()
    copies = [onp.copy(array) for array in given]
    found = _array(answer(*given), given)
    assert all(map(onp.array_equal, given, copies)), (
        "An argument was changed in place: copy it before you write into it."
    )
    if not _equal(found, reference(*given)):
        raise AssertionError(_name_the_mistake(found, given))
    large = [*given[:4], 1000 * given[4], given[5]]
    assert _equal(_array(answer(*large), large), reference(*large)), (
        "With scores of some thousand the result is wrong: exp overflows. "
        "Subtract the row's largest score before exp."
    )
    print("Right: the score, the softmax and the points that are used are all in place.")


def reference(d, e, W_1, W_2, v, free, *, mistake: str = ""):
    """The right answer; or one with a mistake, of those that `MISTAKES` names."""
    if mistake == "exchanged":
        W_1, W_2 = W_2, W_1
    if mistake == "transposed":
        W_1, W_2 = W_1.T, W_2.T
    hidden = e @ W_1.T  # (N, n, h)
    if mistake != "no query":
        hidden = hidden + (d @ W_2.T)[:, None]
    u = (hidden if mistake == "no tanh" else onp.tanh(hidden)) @ v  # (N, n)
    u = u / onp.sqrt(len(v)) if mistake == "scaled" else u
    if mistake == "scores":
        return onp.where(free > 0, u, 0)
    if mistake == "inverted":
        free = 1 - free
    return _weights(u, free, mistake)


def _weights(u, free, mistake: str):
    forbidden = {"no mask": u, "zero scores": u * free, "masked late": u}
    u = forbidden.get(mistake, onp.where(free > 0, u, -onp.inf))
    if mistake == "wrong axis":
        u = onp.where(onp.isfinite(u), u, -1e9)
    axis = 0 if mistake == "wrong axis" else 1
    weights = onp.exp(u - u.max(axis=axis, keepdims=True))
    if mistake != "not normalised":
        weights = weights / weights.sum(axis=axis, keepdims=True)
    return weights * free if mistake == "masked late" else weights


MISTAKES = {
    "no mask": "Used points get weight: `free` is lost.",
    "zero scores": "A used point's score of 0 is not forbidden: exp(0) = 1. It must be minus infinity.",
    "masked late": "Masked after the softmax: the weights of the free points no longer sum to one.",
    "inverted": "The used points are chosen, and not the free ones: `free` is 1 where a point is free.",
    "wrong axis": "Softmax over the wrong axis: the weights of one set's points, axis 1, must sum to one.",
    "not normalised": "The weights are not divided by their sum.",
    "scores": "These are the scores u: the softmax is missing.",
    "no tanh": "The tanh is missing: without it W_2 d adds the same to all points, and is lost.",
    "no query": "The decoder's state d is lost: every step would point at the same point.",
    "exchanged": "W_1 and W_2 are exchanged: W_1 belongs to e, the points, and W_2 to d.",
    "transposed": "A matrix is transposed: W e for rows e is e @ W.T.",
    "scaled": "The scores are divided by the square root of h: equation (4.5) does not do so.",
}


def _states():
    """Three sets of three points, of two features; one point of each is used."""
    random = onp.random.RandomState(0)
    free = onp.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]], "float64")
    d, e = random.normal(size=(3, 2)), random.normal(size=(3, 3, 2))
    W_1, W_2 = random.normal(size=(2, 2, 2))
    return [d, e, W_1, W_2, random.normal(size=2), free]


def _array(found, given):
    """The answer as an array; AssertionError if it is none of the right shape."""
    found = onp.asarray(found)
    assert found.dtype.kind == "f" and found.shape == given[5].shape, (
        f"Return one array p of shape {given[5].shape}, got {found.shape}."
    )
    return found


def _equal(found, expected) -> bool:
    return onp.allclose(found, expected, atol=1e-6)


def _name_the_mistake(found, given) -> str:
    for mistake, sentence in MISTAKES.items():
        if _equal(found, reference(*given, mistake=mistake)):
            return sentence
    if not onp.isfinite(found).all():
        return "The result is not finite: is minus infinity multiplied by zero?"
    if found[given[5] == 0].any():
        return MISTAKES["no mask"]
    if onp.allclose(found.sum(axis=0), 1) and not onp.allclose(found.sum(axis=1), 1):
        return MISTAKES["wrong axis"]
    if not onp.allclose(found.sum(axis=1), 1):
        sums = found.sum(axis=1)
        return f"Weights must sum to one, got sums from {sums.min():.2f} to {sums.max():.2f}."
    return "The weights sum to one, but the scores are not those of equation (4.5)."
