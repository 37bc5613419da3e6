"""Write it yourself: how a head of a neural Turing machine finds its weights."""

from collections.abc import Callable

import numpy as onp

from mxnet import np

ATOL = 1e-4


def check_address(address: Callable) -> None:
    """Say whether `address` computes a head's new weights, or what is wrong with it.

    Parameters
    ----------
    address : callable
        address(k, beta, g, s, gamma, M, w) -> the new weights (B, N): MXNet arrays k (B, W), beta,
        g and gamma (B, 1), s (B, 3) for the shifts -1, 0 and 1, M (B, N, W), and the weights w
        (B, N) of the step before.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for batch, rows, width in ((3, 6, 4), (1, 5, 2)):
        arrays = _arrays(batch, rows, width)
        _compare(_call(address, arrays), arrays)
    arrays = _arrays(2, 5, 3, empty=2)
    found = _call(address, arrays)
    assert onp.isfinite(found).all(), (
        "where a row of the memory is all zeros its norm is 0, and 0 / 0 is no number: add a small "
        "number to the product of the norms"
    )
    _compare(found, arrays, atol=1e-3)
    print("right: content, interpolation, shift and sharpening")


def _arrays(batch, rows, width, *, empty=0) -> list[onp.ndarray]:
    """k, beta, g, s, gamma, M and w, with so many rows of zeros."""
    random = onp.random.RandomState(1)
    k, M = random.normal(size=(batch, width)), random.normal(size=(batch, rows, width))
    M[:, :empty] = 0
    beta, gamma = random.uniform(2, 4, (batch, 1)), random.uniform(1.5, 2.5, (batch, 1))
    g = random.uniform(0.2, 0.4, (batch, 1))
    s = random.dirichlet([5, 3, 1], batch)
    return [k, beta, g, s, gamma, M, random.dirichlet([1] * rows, batch)]


def _call(address, arrays) -> onp.ndarray:
    """What the reader's function returns, as a NumPy array of the right shape."""
    found = address(*(np.array(array, dtype="float32") for array in arrays))
    found = found.asnumpy() if hasattr(found, "asnumpy") else onp.asarray(found)
    shape = arrays[-1].shape
    assert found.shape == shape, f"the weights must be of shape {shape}, got {found.shape}"
    return found


def _compare(found, arrays, *, atol=ATOL) -> None:
    if _near(found, address_by_hand(*arrays), atol):
        return
    assert onp.isfinite(found).all(), (
        "the weights are not all numbers: a power of what is below zero is none. Is there no softmax?"
    )
    for mistake, wrong in WRONG.items():
        assert not _near(found, wrong(*arrays), atol), mistake
    sums = found.sum(1)
    assert onp.allclose(sums, 1, atol=1e-3), f"the weights sum to {sums[0]:.2f}, not to 1"
    raise AssertionError("the weights sum to 1, but are not those of the four equations")


def _near(found, expected, atol) -> bool:
    return bool((abs(found - expected) < atol).all())


# --------------------------------------------- equations 5 to 9, part by part, and their mistakes
def address_by_hand(k, beta, g, s, gamma, M, w, **change) -> onp.ndarray:
    """Graves et al. (2014), equations 5 to 9; `change` replaces a part by another function."""
    part = PARTS | change
    w_c = part["content"](beta, part["similarity"](k, M))
    w_s = part["shift"](part["interpolate"](g, w_c, w), s)
    return part["sharpen"](w_s, gamma)


def _dot(k, M) -> onp.ndarray:
    return onp.array([[row @ key for row in rows] for key, rows in zip(k, M, strict=True)])


def _cosine(k, M) -> onp.ndarray:
    norms = onp.linalg.norm(k, axis=1, keepdims=True) * onp.linalg.norm(M, axis=2)
    return _dot(k, M) / onp.maximum(norms, 1e-12)


def _softmax(scores, axis=1) -> onp.ndarray:
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _shift(w, s) -> onp.ndarray:
    """w_s(i) = sum_j s(j) w(i - j), in a ring."""
    return sum(s[:, [j + 1]] * onp.roll(w, j, axis=1) for j in (-1, 0, 1))


def _shift_in_a_line(w, s) -> onp.ndarray:
    padded = onp.pad(w, ((0, 0), (1, 1)))
    return _shift(padded, s)[:, 1:-1]


def _sharpen(w, gamma) -> onp.ndarray:
    sharp = w**gamma
    return sharp / sharp.sum(1, keepdims=True)


PARTS = {
    "similarity": _cosine,
    "content": lambda beta, similarity: _softmax(beta * similarity),
    "interpolate": lambda g, w_c, w: g * w_c + (1 - g) * w,
    "shift": _shift,
    "sharpen": _sharpen,
}


def _with(**change) -> Callable:
    return lambda *arrays: address_by_hand(*arrays, **change)


WRONG = {
    "the dot product is not divided by both norms: similarity is the cosine": _with(
        similarity=_dot
    ),
    "softmax over the wrong axis: the weights of one memory's rows must sum to one": _with(
        content=lambda beta, similarity: _softmax(beta * similarity, axis=0)
    ),
    "beta is missing: it multiplies the cosines inside the softmax": _with(
        content=lambda beta, similarity: _softmax(similarity)
    ),
    "beta stands outside the softmax": _with(
        content=lambda beta, similarity: beta * _softmax(similarity)
    ),
    "g and 1 - g are exchanged: g is the part of the content": _with(
        interpolate=lambda g, w_c, w: (1 - g) * w_c + g * w
    ),
    "the weights before are lost: interpolate with w": _with(interpolate=lambda g, w_c, w: w_c),
    "the shift goes the wrong way: with s(1) = 1 all weights move to the next row": _with(
        shift=lambda w, s: _shift(w, s[:, ::-1])
    ),
    "the shift is missing": _with(shift=lambda w, s: w),
    "the memory is a ring: what is shifted past the last row comes to the first": _with(
        shift=_shift_in_a_line
    ),
    "the sharpening is missing: raise the weights to the power gamma": _with(
        sharpen=lambda w, gamma: w
    ),
    "the sharpened weights are not divided by their sum": _with(sharpen=lambda w, gamma: w**gamma),
    "gamma multiplies the weights: it is a power": _with(sharpen=lambda w, gamma: gamma * w),
    "the softmax of gamma times the weights is not sharpening: raise them to the power gamma": (
        _with(sharpen=lambda w, gamma: _softmax(gamma * w))
    ),
    "only what the content finds is shifted: interpolate first, and then shift": (
        lambda k, beta, g, s, gamma, M, w: _sharpen(
            g * _shift(_softmax(beta * _cosine(k, M)), s) + (1 - g) * w, gamma
        )
    ),
}
