"""How wide a kernel should be: chosen by leaving one out, and what theory promises.

Its model is `models.kernel_regression`.
"""

import math
from collections.abc import Callable, Sequence

import numpy as onp

from d2l_attention.attention import GaussianScore, Score
from d2l_attention.backend.checks import check_sizes
from d2l_attention.datasets.regression import Wave
from d2l_attention.models.kernel_regression import KernelRegression
from d2l_attention.training import predict


def estimate(
    model,
    query: onp.ndarray,
    key: onp.ndarray,
    value: onp.ndarray,
    *,
    mask: onp.ndarray | None = None,
    chunk: int = 512,
    device=None,
) -> tuple[onp.ndarray, onp.ndarray]:
    """Apply a model to NumPy arrays without a batch axis, `chunk` queries at a time.

    Parameters
    ----------
    query, key, value, mask : numpy.ndarray (m, d), (n, d), (n, c), (m, n) or None
        All of one dtype, float32 or float64.

    Returns
    -------
    estimate (m, c), weights (m, n)

    Raises
    ------
    TypeError, ValueError
        As `KernelRegression` does; an array is not NumPy's, with two axes; `chunk` is not positive.
    """
    check_sizes(chunk=chunk)
    for name, array in {"query": query, "key": key, "value": value, "mask": mask}.items():
        _check_table(name, array)
    batches = []
    for rows in (slice(start, start + chunk) for start in range(0, len(query), chunk)):
        inputs = query[rows], key, value, None if mask is None else mask[rows]
        batches.append((tuple(a if a is None else a[None] for a in inputs), None))
    context, weights = predict(model, batches, axis=1, device=device)
    return context[0], weights[0]


def _check_table(name: str, array) -> None:
    if array is not None and not (isinstance(array, onp.ndarray) and array.ndim == 2):
        kind = getattr(array, "shape", type(array).__name__)
        raise TypeError(f"{name} must be a NumPy array with two axes, got {kind}")


# ---------------------------------------------------------------- leaving one out
def leave_one_out(model, key: onp.ndarray, value: onp.ndarray) -> tuple[onp.ndarray, onp.ndarray]:
    """Estimate each value from all the others: (n, d), (n, c) -> estimate (n, c), weights (n, n).

    The same as n fits, each without one point. The closed form, which rescales the weights of the
    fit with all points by 1 / (1 - w_ii), loses its digits where w_ii is nearly one.
    """
    _check_table("key", key)
    mask = (1 - onp.eye(len(key))).astype(key.dtype)
    return estimate(model, key, key, value, mask=mask)


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
        Finite; n of at least two.
    bandwidths : sequence of floats
        The candidates.
    score : callable
        Makes a score from a bandwidth.

    Returns
    -------
    float, numpy.ndarray (len(bandwidths),)
        The best, and the mean squared errors of all: infinite where some point has no other within
        reach, so that nothing can be said of it.

    Raises
    ------
    TypeError, ValueError
        An array is not NumPy's, with two axes; there are no candidates, values are not finite, or
        all errors are infinite.

    >>> x = onp.linspace(0, 1, 9)[:, None]
    >>> choose_bandwidth(x, x, [0.05, 0.5])[0]
    0.05
    """
    for name, array in {"key": key, "value": value}.items():
        _check_table(name, array)
    if len(bandwidths) == 0 or len(key) < 2:
        raise ValueError("bandwidths must not be empty, and key must hold two points or more")
    if not (onp.isfinite(key).all() and onp.isfinite(value).all()):
        raise ValueError("key and value must hold finite numbers")
    errors = []
    for bandwidth in bandwidths:
        answer, weights = leave_one_out(KernelRegression(score(bandwidth)), key, value)
        alone = (weights.sum(axis=-1) == 0).any()
        errors.append(math.inf if alone else float(onp.square(answer - value).mean()))
    if min(errors) == math.inf:
        raise ValueError(f"bandwidths must reach a neighbour of each point, got {bandwidths}")
    return float(bandwidths[int(onp.argmin(errors))]), onp.array(errors)


# ------------------------------------------------------- theory and practice
def constants(problem: Wave, query: onp.ndarray) -> dict[str, float]:
    """What theory asks of a problem, averaged over places (q, d): arguments of `expected_error`.

    >>> constants(Wave(), onp.array([[0.25]]))["curvature"] == (4 - 8 * math.pi**2) ** 2
    True
    """
    curvature = float(onp.square(problem.laplacian(query)).mean())
    return {"curvature": curvature, "noise": problem.noise, "dimension": problem.dimension}


def expected_error(
    size, bandwidth, *, curvature: float, noise: float, dimension: int = 1, gradient: float = 0.0
):
    """Leading terms of the squared error at an inner point, Gaussian kernel, uniform density one.

    bias^2 + variance = h^4 / 4 E[(laplacian f)^2] + noise^2 / ((2 sqrt(pi))^d m h^d), for h -> 0
    and m h^d -> infinity (Wand and Jones 1995, chapter 5; the Gaussian has second moment 1 and
    squared integral (2 sqrt(pi))^-d).

    Parameters
    ----------
    size, bandwidth : numbers or arrays
        m points, bandwidth h.
    curvature : float
        Mean of the squared Laplacian of f where the error is measured.
    noise : float
        Standard deviation of the noise.
    dimension : int
        Number of features d.
    gradient : float
        Mean of ||grad f||^2, to count a term of the next order: f's change within a window acts
        like more noise, of variance h^2 ||grad f||^2 / 2.
    """
    bandwidth = onp.asarray(bandwidth)
    variance = noise**2 + onp.square(bandwidth) * gradient / 2
    bias = onp.square(bandwidth) ** 2 / 4 * curvature
    return bias + variance / (size * (2 * math.sqrt(math.pi) * bandwidth) ** dimension)


def best_bandwidth(size, *, curvature: float, noise: float, dimension: int = 1):
    """Bandwidth that minimises `expected_error`, whose arguments it takes but for `gradient`.

    It is proportional to m^(-1/(4+d)), which makes the error proportional to m^(-4/(4+d)).

    >>> h = best_bandwidth(100, curvature=3.0, noise=0.5)
    >>> around = h * onp.array([0.99, 1, 1.01])
    >>> int(onp.argmin(expected_error(100, around, curvature=3.0, noise=0.5)))
    1
    """
    variance = dimension * noise**2 / (2 * math.sqrt(math.pi)) ** dimension
    return (variance / (curvature * onp.asarray(size, dtype="float64"))) ** (1 / (4 + dimension))


def rate(sizes: Sequence[int], samples: onp.ndarray) -> tuple[float, float]:
    """How fast an error falls: the slope of the log mean error against the log size, by least
    squares, and half of its 95% interval.

    Parameters
    ----------
    sizes : sequence of int (n,)
        Points m; errors of different sizes come from independent data sets.
    samples : numpy.ndarray (repeats > 1, n)
        Errors, one row a repetition.

    >>> slope, half = rate([1, 10, 100], onp.array([[3, 0.3, 0.03], [5, 0.5, 0.05]]))
    >>> round(slope, 6), half > 0
    (-1.0, True)
    """
    centered = onp.log(sizes) - onp.log(sizes).mean()
    weights = centered / onp.square(centered).sum()
    mean = samples.mean(axis=0)
    error_of_mean = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    variance = onp.square(weights) @ onp.square(error_of_mean / mean)  # of independent sizes
    return float(weights @ onp.log(mean)), 1.96 * math.sqrt(variance)


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
    """Measure the squared error against the truth on fresh samples, averaged over the queries.

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
        key, value = (onp.stack(arrays) for arrays in zip(*samples, strict=True))
        queries = onp.broadcast_to(query, (stop - start, *query.shape))
        for j, bandwidth in enumerate(bandwidths):
            regression = KernelRegression(GaussianScore(bandwidth))
            answer, _ = predict(regression, [((queries, key, value), None)])  # (repeats, q, 1)
            errors[start:stop, j] = onp.square(answer - truth).mean(axis=(1, 2))
    return errors
