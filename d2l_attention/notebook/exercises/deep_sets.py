"""Check the deep set that a reader wrote, and name the mistake."""

from collections.abc import Callable

import numpy as onp

RIGHT = "Right: phi, the mask, the sum and rho are all in place."


def check_deep_set(answer: Callable) -> None:
    """Run a reader's deep set on random sets; print one line if it is right.

    Parameters
    ----------
    answer : callable
        (x (N, n, d), mask (N, n), V (h, d), b (h,), W (k, h), c (k,)) -> (N, k), NumPy arrays:
        W sum_i alpha_i tanh(V x_i + b) + c, where alpha_i is the mask.

    Raises
    ------
    AssertionError
        The sentence names the mistake.

    >>> check_deep_set(reference)
    Right: phi, the mask, the sum and rho are all in place.
    """
    given = _sets()
    copies = [onp.copy(array) for array in given]
    found = _array(answer(*given), given)
    assert all(map(onp.array_equal, given, copies)), (
        "An argument was changed in place: copy it before you write into it."
    )
    if not _equal(found, reference(*given)):
        raise AssertionError(_name_the_mistake(found, given))
    empty = [given[0], 0 * given[1], *given[2:]]
    assert _equal(_array(answer(*empty), empty), reference(*empty)), (
        "The empty set's sum is 0, so its answer is c: is something divided by its size?"
    )
    print(RIGHT)


def reference(x, mask, V, b, W, c, *, mistake: str = ""):
    """The right answer; or one with a mistake, of those that `MISTAKES` names."""
    there = onp.ones_like(mask) if mistake == "no mask" else mask
    there = (1 - there if mistake == "inverted" else there)[:, :, None]
    if mistake == "sum first":
        return onp.tanh((x * there).sum(axis=1) @ V.T + b) @ W.T + c
    if mistake == "masked early":
        x, there = x * there, onp.ones_like(there)
    values = x @ V.T + b  # (N, n, h)
    values = values if mistake == "no tanh" else onp.tanh(values)
    if mistake == "rho inside":
        return ((values @ W.T + c) * there).sum(axis=1)
    if mistake == "max":
        pooled = onp.where(there > 0, values, -onp.inf).max(axis=1)
        return onp.where(there.any(axis=1), pooled, 0) @ W.T + c
    pooled = (values * there).sum(axis=1)  # (N, h)
    if mistake == "mean":
        pooled = pooled / onp.maximum(there.sum(axis=1), 1)
    if mistake == "mean of all":
        pooled = pooled / x.shape[1]
    if mistake == "no b":
        pooled = (onp.tanh(x @ V.T) * there).sum(axis=1)
    return pooled @ W.T + (0 if mistake == "no c" else c)


MISTAKES = {
    "no mask": "Padding is added, too: the mask is lost.",
    "inverted": "Padding is added and the elements are not: the mask is 1 where an element is.",
    "masked early": (
        "Padding is set to zero before phi, and tanh(V 0 + b) is not zero: mask what phi returns."
    ),
    "sum first": "The elements are added before phi: phi is of one element, the sum comes after it.",
    "rho inside": "rho acts on each element, so c is added once for each: it acts on the sum.",
    "mean": "The sum is divided by the size of the set: this is the mean.",
    "mean of all": "The sum is divided by n, which counts padding, too: it is a sum, not a mean.",
    "max": "This is the largest of each feature, and not the sum.",
    "no tanh": "The tanh is missing: without it f depends on the sum of the elements alone.",
    "no b": "The bias b is lost.",
    "no c": "The bias c is lost.",
}


def _sets():
    """Three sets of up to four elements, of three features; what stands in the padding is not zero."""
    random = onp.random.RandomState(0)
    mask = onp.array([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]], "float64")
    shapes = ((5, 3), (5,), (2, 5), (2,))
    return [random.normal(size=(3, 4, 3)), mask, *(random.normal(size=shape) for shape in shapes)]


def _array(found, given):
    """The answer as an array; AssertionError if it is none of the right shape."""
    found, shape = onp.asarray(found), (len(given[0]), len(given[4]))
    assert found.dtype.kind == "f" and found.shape == shape, (
        f"Return one array of shape {shape}, got {found.shape}."
    )
    return found


def _equal(found, expected) -> bool:
    return onp.allclose(found, expected, atol=1e-6)


def _name_the_mistake(found, given) -> str:
    for mistake, sentence in MISTAKES.items():
        if _equal(found, reference(*given, mistake=mistake)):
            return sentence
    if not onp.isfinite(found).all():
        return "The result is not finite."
    return "The result is not W sum_i alpha_i tanh(V x_i + b) + c."
