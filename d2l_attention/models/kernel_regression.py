r"""Nadaraya-Watson kernel regression: attention with places as queries and keys and
labels as values.

    f(q) = sum_i alpha(q, x_i) y_i
    alpha(q, x_i) = K((q - x_i) / h) / sum_j K((q - x_j) / h)

Nadaraya (1964), Watson (1964). The query q is where an answer is wanted, the keys x_i
are where answers are known and the values y_i are the answers. The kernel K and its
bandwidth h may be fixed, chosen by leaving one out (`choose_bandwidth`), or trained
(`KernelRegression` with `learn=True` or a projection). What theory promises is in
`expected_error`; what really happens is in `measured_errors`.
"""

import math
from collections.abc import Callable, Sequence

import numpy as onp

from d2l_attention.attention import Attention, AttentionBlock, GaussianScore, Score
from d2l_attention.datasets.regression import Wave

from mxnet import np
from mxnet.gluon import nn

__all__ = [
    "KernelRegression",
    "best_bandwidth",
    "choose_bandwidth",
    "estimate",
    "expected_error",
    "leave_one_out",
    "leave_one_out_mask",
    "measured_errors",
]


class KernelRegression(AttentionBlock):
    """Average the values y_i of the keys x_i with weights alpha(W q, W x_i).

    Parameters
    ----------
    score : Score
        Usually the logarithm of a kernel, such as `GaussianScore(bandwidth)`.
    projection_size : int or None
        Rows r of a trained matrix W (r, d) that queries and keys share: distances
        become ||W (q - x_i)||, a learned metric (Goldberger et al. 2004; Weinberger and
        Tesauro 2007). None leaves the features as they are.

    Call
    ----
    (query (B, m, d), key (B, n, d), value (B, n, c), mask) -> (estimate (B, m, c),
    weights (B, m, n)), the contract of `Attention`. A query out of every key's reach
    gets zero weights and the estimate zero.

    Examples
    --------
    >>> regression = KernelRegression(GaussianScore(bandwidth=1.0))
    >>> key, value = np.array([[[-1.0], [1.0]]]), np.array([[[10.0], [20.0]]])
    >>> regression(np.array([[[0.0], [9.0]]]), key, value)[0].round(4).tolist()
    [[[15.0], [20.0]]]
    """

    def __init__(self, score: Score, *, projection_size: int | None = None):
        super().__init__()
        self.attention = Attention(score)
        self.projection = None
        if projection_size is not None:
            self.projection = nn.Dense(projection_size, use_bias=False, flatten=False)

    def hybrid_forward(self, F, query, key, value, mask=None):
        if self.projection is not None:
            query, key = self.projection(query), self.projection(key)  # (B, ., r)
        return self.attention(query, key, value, mask)


def estimate(
    block: AttentionBlock, query, key, value, *, chunk: int = 512
) -> tuple[onp.ndarray, onp.ndarray]:
    """Apply a block to NumPy arrays without a batch axis, `chunk` queries at a time.

    Parameters
    ----------
    query, key, value : numpy.ndarray (m, d), (n, d), (n, c)
        All of one dtype, float32 or float64.

    Returns
    -------
    estimate (m, c), weights (m, n)

    Raises
    ------
    ValueError
        An array has no second axis, or as `Attention` does.
    """
    for name, array in (("query", query), ("key", key), ("value", value)):
        if onp.ndim(array) != 2:
            raise ValueError(f"{name} must have 2 axes, got shape {onp.shape(array)}")
    if chunk < 1:
        raise ValueError(f"chunk must be positive, got {chunk}")
    key, value = (np.array(array[None], dtype=array.dtype) for array in (key, value))
    results = []
    for start in range(0, len(query), chunk):
        part = query[start : start + chunk]
        context, weights = block(np.array(part[None], dtype=part.dtype), key, value)
        results.append((context[0].asnumpy(), weights[0].asnumpy()))
    return tuple(onp.concatenate(parts) for parts in zip(*results, strict=True))


# ---------------------------------------------------------------------- leaving one out
def leave_one_out_mask(n: int) -> np.ndarray:
    """Forbid each of n points to look at itself: a mask (1, n, n) of ones with a zero
    diagonal.

    >>> leave_one_out_mask(3).tolist()
    [[[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]]
    """
    return np.array(1 - onp.eye(n)[None])


def leave_one_out(weights: onp.ndarray, value: onp.ndarray) -> onp.ndarray:
    """Estimate each value from all the others, in closed form, from the weights of the
    fit that used them all.

    Removing point i from a normalised average rescales the other weights by 1 / (1 -
    w_ii), so no refit is needed: f_{-i}(x_i) = (f(x_i) - w_ii y_i) / (1 - w_ii).

    Parameters
    ----------
    weights : numpy.ndarray (n, n)
        Row i: the weights of all points, itself included, for the estimate at point i.
    value : numpy.ndarray (n, c)

    Returns
    -------
    numpy.ndarray (n, c)
        Zero where no other point is in reach (w_ii = 1), as everywhere in this package.

    >>> weights = onp.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 1.0]])
    >>> leave_one_out(weights, onp.array([[1.0], [2.0], [4.0]]))
    array([[2. ],
           [2.5],
           [0. ]])
    """
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or len(value) != len(weights):
        raise ValueError(
            f"weights (n, n) must fit value (n, c), got {weights.shape} and {value.shape}"
        )
    own = onp.diag(weights)[:, None]
    others = weights @ value - own * value
    return onp.where(own < 1, others / onp.where(own < 1, 1 - own, 1), 0)


def choose_bandwidth(
    key: onp.ndarray,
    value: onp.ndarray,
    bandwidths: Sequence[float],
    *,
    score: Callable[[float], Score] = GaussianScore,
) -> tuple[float, onp.ndarray]:
    """Choose the bandwidth with the least leave-one-out squared error.

    Parameters
    ----------
    key, value : numpy.ndarray (n, d), (n, c)
    bandwidths : sequence of floats
        The candidates.
    score : callable
        Makes a score from a bandwidth.

    Returns
    -------
    (best bandwidth, mean squared errors of all candidates (len(bandwidths),))

    >>> x = onp.linspace(0, 1, 9)[:, None]
    >>> choose_bandwidth(x, x, [0.05, 0.5])[0]
    0.05
    """
    if len(bandwidths) == 0:
        raise ValueError("bandwidths must not be empty")
    errors = []
    for bandwidth in bandwidths:
        _, weights = estimate(KernelRegression(score(bandwidth)), key, key, value)
        errors.append(onp.square(leave_one_out(weights.astype("float64"), value) - value).mean())
    return float(bandwidths[int(onp.argmin(errors))]), onp.array(errors)


# ------------------------------------------------------------------ theory and practice
def expected_error(size, bandwidth, *, curvature: float, noise: float, dimension: int = 1):
    """Leading terms of the mean squared error at an inner point, Gaussian kernel,
    uniform density one.

    bias^2 + variance = h^4 / 4 E[(laplacian f)^2] + noise^2 / ((2 sqrt(pi))^d m h^d),
    for h -> 0 and m h^d -> infinity (Wand and Jones 1995, section 5.8; the Gaussian has
    second moment 1 and squared integral (2 sqrt(pi))^-d).

    Parameters
    ----------
    size, bandwidth : numbers or arrays
        m points, bandwidth h.
    curvature : float
        Mean of the squared Laplacian of f where the error is measured.
    noise : float
        Standard deviation of the noise.
    """
    bias = onp.square(bandwidth) ** 2 / 4 * curvature
    return bias + noise**2 / (size * (2 * math.sqrt(math.pi) * onp.asarray(bandwidth)) ** dimension)


def best_bandwidth(size, *, curvature: float, noise: float, dimension: int = 1):
    """Bandwidth that minimises `expected_error`: proportional to m^(-1/(4+d)), which
    makes the error m^(-4/(4+d)).

    >>> h = best_bandwidth(100, curvature=3.0, noise=0.5)
    >>> around = h * onp.array([0.99, 1, 1.01])
    >>> int(onp.argmin(expected_error(100, around, curvature=3.0, noise=0.5)))
    1
    """
    variance = dimension * noise**2 / (2 * math.sqrt(math.pi)) ** dimension
    return (variance / (curvature * onp.asarray(size, dtype="float64"))) ** (1 / (4 + dimension))


def measured_errors(
    problem: Wave,
    size: int,
    bandwidths: Sequence[float],
    *,
    query: onp.ndarray,
    repeats: int,
    seed: int,
    block_size: int = 2_000_000,
) -> onp.ndarray:
    """Measure the squared error against the true function on fresh samples, averaged
    over the queries.

    Parameters
    ----------
    problem : Wave
        Where the samples come from.
    size : int
        Points m in a sample.
    bandwidths : sequence of floats
        Bandwidths of a Gaussian kernel, all tried on the same samples.
    query : numpy.ndarray (q, d)
        Places at which to compare.
    repeats, seed : int
        How many independent samples, and where their random numbers start.
    block_size : int
        Largest number of (query, point) pairs to hold in memory at a time.

    Returns
    -------
    numpy.ndarray (repeats, len(bandwidths))
    """
    rng, truth = onp.random.RandomState(seed), problem.mean(query)
    errors = onp.empty((repeats, len(bandwidths)))
    together = max(1, block_size // (size * len(query)))
    for start in range(0, repeats, together):
        stop = min(start + together, repeats)
        samples = [problem.sample(size, rng) for _ in range(start, stop)]
        key, value = (np.array(onp.stack(arrays)) for arrays in zip(*samples, strict=True))
        queries = np.array(onp.broadcast_to(query, (stop - start, *query.shape)))
        for j, bandwidth in enumerate(bandwidths):
            regression = KernelRegression(GaussianScore(bandwidth))
            answer = regression(queries, key, value)[0].asnumpy()  # (repeats, q, 1)
            errors[start:stop, j] = onp.square(answer - truth).mean(axis=(1, 2))
    return errors
