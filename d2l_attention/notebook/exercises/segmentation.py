"""Write it yourself: the aggregated co-occurrent context."""

from collections.abc import Callable

import numpy as onp

ATOL = 1e-4


def check_context(context: Callable) -> None:
    """Say whether `context` computes equations (5.13) to (5.15), or what is wrong with it.

    Parameters
    ----------
    context : callable
        context(v, u, phi, w) -> (z (N, n, d), p (N, n, m)): NumPy arrays v (N, K, n, d) of the
        targets, u (N, K, m, d) and phi (N, m, d) of the others, w (K, K d) of the prior.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for batch, mixtures, targets, others, size in (
        (2, 3, 4, 5, 6),
        (1, 2, 7, 3, 4),
        (3, 1, 2, 6, 2),
    ):
        arrays = _arrays(batch, mixtures, targets, others, size)
        _compare(_call(context, arrays), arrays)
    large = _arrays(2, 2, 3, 4, 5, scale=400.0)
    found = _call(context, large)
    assert all(onp.isfinite(array).all() for array in found), (
        "a softmax overflows where scores are large: subtract the largest score first"
    )
    _compare(found, large)
    print("Right: the softmaxes, their mixture by the scene's prior, and the context.")


def _arrays(batch, mixtures, targets, others, size, *, scale=2.0) -> tuple[onp.ndarray, ...]:
    random = onp.random.RandomState(batch)
    return (
        random.normal(size=(batch, mixtures, targets, size)) + 0.5,
        scale * random.normal(size=(batch, mixtures, others, size)),
        random.normal(size=(batch, others, size)),
        random.normal(size=(mixtures, mixtures * size)),
    )


def _call(context, arrays) -> list[onp.ndarray]:
    """What the reader's function returns, as arrays of the right shapes."""
    found = context(*(array.copy() for array in arrays))
    assert isinstance(found, tuple) and len(found) == 2, "return two arrays: z, and p"
    found = [onp.asarray(array) for array in found]
    for name, array, expected in zip(("z", "p"), found, by_hand(*arrays), strict=True):
        shape = expected.shape
        assert array.shape == shape, f"{name} must be of shape {shape}, got {array.shape}"
    return found


def _compare(found, arrays) -> None:
    """Raise unless this is what the equations give, with the name of the mistake."""
    z, p = by_hand(*arrays)
    if not _near(found[1], p):
        for mistake, wrong in WRONG_WEIGHTS.items():
            assert not _near(found[1], wrong(*arrays)), mistake
        raise AssertionError("p is not sum_k pi_k softmax_c(u_k . v_k / sqrt(d))")
    if not _near(found[0], z):
        for mistake, wrong in WRONG_CONTEXTS.items():
            assert not _near(found[0], wrong(p, *arrays)), mistake
        raise AssertionError("p is right, and z is not sum_c p(c | t) phi_c")


def _near(found, expected) -> bool:
    scale = max(1.0, float(abs(expected).max()))
    return found.shape == expected.shape and bool((abs(found - expected) < ATOL * scale).all())


# ------------------------------------------------------- pixel by pixel, and what can go wrong
def by_hand(v, u, phi, w) -> tuple[onp.ndarray, onp.ndarray]:
    """z (N, n, d) and p (N, n, m), one target after the other."""
    z, p = [], []
    for v_of, u_of, phi_of in zip(v, u, phi, strict=True):
        means = onp.concatenate([v_k.mean(axis=0) for v_k in v_of])  # side by side, (K d,)
        pi = _softmax(onp.array([w_k @ means for w_k in w]))
        rows = []
        for t in range(v.shape[2]):
            row = onp.zeros(u.shape[2])
            for k, share in enumerate(pi):
                scores = onp.array([u_c @ v_of[k, t] for u_c in u_of[k]]) / v.shape[3] ** 0.5
                row += share * _softmax(scores)
            rows.append(row)
        p.append(rows)
        z.append(
            [sum(weight * each for weight, each in zip(row, phi_of, strict=True)) for row in rows]
        )
    return onp.array(z), onp.array(p)


def _softmax(scores, axis=-1) -> onp.ndarray:
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _scores(v, u, *, root=True) -> onp.ndarray:
    return v @ u.swapaxes(2, 3) / (v.shape[3] ** 0.5 if root else 1)  # (N, K, n, m)


def _prior(v, w, *, mean=True) -> onp.ndarray:
    means = v.mean(axis=2) if mean else v.sum(axis=2)  # (N, K, d)
    return _softmax(means.reshape(len(v), -1) @ w.T)  # (N, K)


def _own_prior(v, w) -> onp.ndarray:
    """pi_k of the mean of v_k alone: of w_k only the part that belongs to it."""
    K, d = v.shape[1], v.shape[3]
    own = w.reshape(K, K, d)[range(K), range(K)]  # (K, d)
    return _softmax((v.mean(axis=2) * own).sum(axis=-1))


def _interleaved_prior(v, w) -> onp.ndarray:
    return _softmax(v.mean(axis=2).swapaxes(1, 2).reshape(len(v), -1) @ w.T)


def _mixed(parts, pi) -> onp.ndarray:
    return (pi[:, :, None, None] * parts).sum(axis=1)


def _several(number, wrong) -> onp.ndarray:
    """What a wrong answer gives if there are several softmaxes: with one there is no mistake."""
    return wrong if number > 1 else onp.zeros(0)


WRONG_WEIGHTS = {
    "softmax over the wrong axis: the weights of a target on all others must sum to one, not those "
    "of all targets on one other": lambda v, u, phi, w: _mixed(
        _softmax(_scores(v, u), axis=2), _prior(v, w)
    ),
    "the scores are not divided by the root of their size": lambda v, u, phi, w: _mixed(
        _softmax(_scores(v, u, root=False)), _prior(v, w)
    ),
    "the scores are mixed before the softmax: that is one softmax again, of another score": (
        lambda v, u, phi, w: _several(len(w), _softmax(_mixed(_scores(v, u), _prior(v, w))))
    ),
    "the softmaxes are averaged: the scene's prior pi is missing": lambda v, u, phi, w: _several(
        len(w), _softmax(_scores(v, u)).mean(axis=1)
    ),
    "the softmaxes are added without their shares: the weights of a target sum to K": (
        lambda v, u, phi, w: _several(len(w), _softmax(_scores(v, u)).sum(axis=1))
    ),
    "the prior is of the sum of v, not of its mean: it would depend on the size of the picture": (
        lambda v, u, phi, w: _several(
            len(w), _mixed(_softmax(_scores(v, u)), _prior(v, w, mean=False))
        )
    ),
    "the prior is of the others u, not of the targets v": lambda v, u, phi, w: _several(
        len(w), _mixed(_softmax(_scores(v, u)), _prior(u, w))
    ),
    "the prior is not normalised: pi must be a softmax over the K ways": lambda v, u, phi, w: (
        _several(len(w), _mixed(_softmax(_scores(v, u)), v.mean(axis=2).reshape(len(v), -1) @ w.T))
    ),
    "each pi_k is of the mean of its own v_k: w_k takes the means of all K, side by side": (
        lambda v, u, phi, w: _several(len(w), _mixed(_softmax(_scores(v, u)), _own_prior(v, w)))
    ),
    "the means are interleaved: all of v_1 comes first, then all of v_2": lambda v, u, phi, w: (
        _several(len(w), _mixed(_softmax(_scores(v, u)), _interleaved_prior(v, w)))
    ),
    "no softmax: p are the mixed scores": lambda v, u, phi, w: _mixed(_scores(v, u), _prior(v, w)),
}
WRONG_CONTEXTS = {
    "the others are added up without their weights": lambda p, v, u, phi, w: onp.repeat(
        phi.sum(axis=1, keepdims=True), p.shape[1], axis=1
    ),
    "the others are averaged without their weights": lambda p, v, u, phi, w: onp.repeat(
        phi.mean(axis=1, keepdims=True), p.shape[1], axis=1
    ),
    "the keys of the first softmax are pooled, not the values phi": lambda p, v, u, phi, w: (
        p @ u[:, 0]
    ),
    "the likeliest other is taken, not the weighted sum": lambda p, v, u, phi, w: onp.stack(
        [each[row] for each, row in zip(phi, p.argmax(axis=-1), strict=True)]
    ),
}
