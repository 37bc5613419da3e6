"""Write it yourself: one hop of stacked attention."""

from collections.abc import Callable

import numpy as onp

from mxnet import np

ATOL = 1e-4


def check_hop(hop: Callable) -> None:
    """Say whether `hop` computes one hop of a stacked attention network, or what is wrong with it.

    Parameters
    ----------
    hop : callable
        hop(u, v_I, W_QA, W_IA, b_A, W_P) -> (the next u (B, d), p_I (B, n)): MXNet arrays u (B, d),
        v_I (B, n, d), W_QA and W_IA (h, d), b_A and W_P (h,).

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for batch, regions, size, hidden in ((3, 5, 4, 4), (1, 7, 2, 3)):
        arrays = _arrays(batch, regions, size, hidden)
        found = _call(hop, arrays, batch, regions, size)
        _compare(found, arrays)
    large = _arrays(2, 4, 3, 3, scale=300.0)
    found = _call(hop, large, 2, 4, 3)
    assert all(onp.isfinite(array).all() for array in found), (
        "the softmax overflows where scores are large: subtract the largest score first, "
        "or use npx.softmax"
    )
    _compare(found, large)
    print("right: the weights, and the next query")


def _arrays(batch, regions, size, hidden, *, scale=2.0) -> list[onp.ndarray]:
    random = onp.random.RandomState(0)
    shapes = (batch, size), (batch, regions, size), (hidden, size), (hidden, size), (hidden,)
    return [*(random.normal(size=shape) for shape in shapes), scale * random.normal(size=hidden)]


def _call(hop, arrays, batch, regions, size) -> list[onp.ndarray]:
    """What the reader's function returns, as NumPy arrays of the right shapes."""
    found = hop(*(np.array(array, dtype="float32") for array in arrays))
    assert isinstance(found, tuple) and len(found) == 2, "return two arrays: the next u, and p_I"
    found = [
        array.asnumpy() if hasattr(array, "asnumpy") else onp.asarray(array) for array in found
    ]
    shapes = {"the next u": (batch, size), "p_I": (batch, regions)}
    for (name, shape), array in zip(shapes.items(), found, strict=True):
        assert array.shape == shape, f"{name} must be of shape {shape}, got {array.shape}"
    return found


def _compare(found, arrays) -> None:
    """Raise unless this is what equations 19 to 22 give, with the name of the mistake."""
    u, p_I = hop_by_hand(*arrays)
    if not _near(found[1], p_I):
        for mistake, wrong in WRONG_WEIGHTS.items():
            assert not _near(found[1], wrong(*arrays)), mistake
        sums = found[1].sum(1)
        assert onp.allclose(sums, 1, atol=1e-3), f"the weights of a picture sum to {sums[0]:.2f}"
        raise AssertionError("p_I is not softmax(W_P tanh(W_IA v_I + (W_QA u + b_A)))")
    if not _near(found[0], u):
        for mistake, wrong in WRONG_QUERIES.items():
            assert not _near(found[0], wrong(p_I, *arrays)), mistake
        raise AssertionError("p_I is right, and the next u is not u + sum_i p_i v_i")


def _near(found, expected) -> bool:
    scale = max(1.0, float(abs(expected).max()))
    return found.shape == expected.shape and bool((abs(found - expected) < ATOL * scale).all())


# ------------------------------------------------ one hop, number by number, and its mistakes
def hop_by_hand(u, v_I, W_QA, W_IA, b_A, W_P) -> tuple[onp.ndarray, onp.ndarray]:
    """Equations 19 to 22 of Yang et al. (2016): the next u, and p_I."""
    p_I = _softmax(_scores(u, v_I, W_QA, W_IA, b_A, W_P))
    return u + _pool(p_I, v_I), p_I


def _scores(u, v_I, W_QA, W_IA, b_A, W_P, *, squash=onp.tanh) -> onp.ndarray:
    asked = onp.array([W_QA @ one + b_A for one in u])
    return onp.array(
        [
            [W_P @ squash(W_IA @ v + q) for v in regions]
            for regions, q in zip(v_I, asked, strict=True)
        ]
    )


def _softmax(scores, axis=1) -> onp.ndarray:
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _pool(p_I, v_I) -> onp.ndarray:
    return onp.array(
        [sum(p * v for p, v in zip(*both, strict=True)) for both in zip(p_I, v_I, strict=True)]
    )


def _hidden(u, v_I, W_QA, W_IA, b_A, W_P) -> onp.ndarray:
    return onp.tanh(v_I @ W_IA.T + (u @ W_QA.T + b_A)[:, None])


WRONG_WEIGHTS = {
    "softmax over the wrong axis: the weights of one picture's regions must sum to one, "
    "not those of one region over the batch": lambda *a: _softmax(_scores(*a), axis=0),
    "no softmax: p_I are the scores": lambda *a: _scores(*a),
    "the exponentials are not divided by their sum": lambda *a: onp.exp(_scores(*a)),
    "tanh is missing: without it W_QA u adds the same to all scores, and the weights do not "
    "depend on the question": lambda *a: _softmax(_scores(*a, squash=lambda x: x)),
    "the query is not in the scores: add W_QA u before the tanh": lambda u, *a: _softmax(
        _scores(0 * u, *a)
    ),
    "b_A is missing": lambda u, v, Q, I, b, P: _softmax(_scores(u, v, Q, I, 0 * b, P)),  # noqa: E741
    "W_QA and W_IA are exchanged": lambda u, v, Q, I, b, P: _softmax(  # noqa: E741
        _scores(u, v, I, Q, b, P)
    ),
    "the scores are divided by the root of the size, which this paper does not": lambda *a: (
        _softmax(_scores(*a) / a[0].shape[1] ** 0.5)
    ),
    "tanh is taken of each part by itself: the query's part then adds the same to all scores, and "
    "the weights do not depend on the question": lambda u, v, Q, I, b, P: _softmax(  # noqa: E741
        onp.tanh(v @ I.T) @ P
    ),
}
WRONG_QUERIES = {
    "hop without residual: the next u is the context alone, and the question is lost": (
        lambda p, u, v, *_: _pool(p, v)
    ),
    "the regions are added up without their weights": lambda p, u, v, *_: u + v.sum(1),
    "the regions are averaged without their weights": lambda p, u, v, *_: u + v.mean(1),
    "the hidden layer is pooled, not the regions v_I": lambda p, u, v, *a: (
        u + _pool(p, _hidden(u, v, *a)) if len(a[2]) == u.shape[1] else onp.zeros(0)
    ),
    "the query is multiplied by the context, not added": lambda p, u, v, *_: u * _pool(p, v),
    "the region with the largest weight is taken, not the weighted sum": lambda p, u, v, *_: (
        u + v[onp.arange(len(u)), p.argmax(1)]
    ),
}
