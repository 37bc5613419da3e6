"""Sets of words that have a topic in common, drawn as latent Dirichlet allocation would draw them.

Blei, Ng and Jordan (2003): a topic is a distribution over words; a word may belong to several. A set is
some words of one topic, and the question is which other words belong to it. The topics are known here,
so Bayes' rule says how well anybody can answer.
"""

from collections.abc import Callable, Iterator

import numpy as onp

from d2l_attention.backend.checks import check_positive, check_sizes


def distributions(
    topics: int, words: int, *, concentration: float = 0.05, seed: int
) -> onp.ndarray:
    """Return each topic's distribution over the words, (topics, words); the fewer words it has, the
    smaller the concentration of its Dirichlet prior.

    >>> distributions(2, 5, seed=0).sum(axis=1).round(6).tolist()
    [1.0, 1.0]
    """
    check_sizes(topics=topics, words=words)
    check_positive(concentration=concentration)
    random = onp.random.RandomState(seed)
    weights = random.gamma(concentration, size=(topics, words)) + 1e-12
    return weights / weights.sum(axis=1, keepdims=True)


def sets(
    theta: onp.ndarray, count: int, size: int, *, seed: int
) -> tuple[onp.ndarray, onp.ndarray]:
    """Draw sets of different words, each of one topic, and one word more of the same topic.

    Parameters
    ----------
    theta : numpy.ndarray (topics, words)
        What `distributions` returns.

    Returns
    -------
    words (count, size), int32; next word (count,), int32, which is none of them.

    >>> words, following = sets(distributions(3, 20, seed=0), 4, 2, seed=0)
    >>> words.shape, bool((words != following[:, None]).all())
    ((4, 2), True)
    """
    check_sizes(count=count, size=size)
    if size + 1 > theta.shape[1]:
        raise ValueError(f"size must be below the number of words, {theta.shape[1]}, got {size}")
    random = onp.random.RandomState(seed)
    topic = random.randint(len(theta), size=count)
    # the largest log p + Gumbel noise: without replacement, in the order in which they are drawn
    keys = onp.log(theta[topic]) + random.gumbel(size=(count, theta.shape[1]))
    drawn = onp.argsort(-keys, axis=1)[:, : size + 1].astype("int32")
    return drawn[:, :size], drawn[:, size]


def as_rows(words: onp.ndarray, num_words: int) -> tuple[onp.ndarray, onp.ndarray]:
    """Return sets of words as one-hot rows, (N, n, num_words), and a mask of ones, (N, 1, n)."""
    rows = onp.eye(num_words, dtype="float32")[words]
    return rows, onp.ones((len(words), 1, words.shape[1]), "float32")


def set_batches(
    theta: onp.ndarray, size: int, *, count: int, batch_size: int, seed: int
) -> Callable[[int], Iterator[tuple]]:
    """Return a function that gives the `count` batches of epoch 0, 1, ...: new sets in each.

    >>> for (x, mask), following in set_batches(distributions(3, 9, seed=0), 2, count=1, batch_size=4, seed=0)(0):
    ...     x.shape, mask.shape, following.shape
    ((4, 2, 9), (4, 1, 2), (4,))
    """
    check_sizes(count=count, batch_size=batch_size)

    def batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for _ in range(count):
            words, following = sets(theta, batch_size, size, seed=random.randint(2**31))
            yield as_rows(words, theta.shape[1]), following

    return batches


def posterior_scores(theta: onp.ndarray, words: onp.ndarray) -> onp.ndarray:
    """Return p(word | set) up to a factor, by Bayes' rule: (N, n) -> (N, words).

    sum_t p(t | X) theta_t(word), where p(t | X) is proportional to prod_i theta_t(x_i). A set's words
    are drawn without replacement, which this leaves out: it is nearly, but not exactly, the best.
    """
    likelihood = onp.log(theta)[:, words].sum(axis=2).T  # (N, topics)
    topic = onp.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    return topic / topic.sum(axis=1, keepdims=True) @ theta


def bayesian_sets(counts: onp.ndarray, words: onp.ndarray) -> onp.ndarray:
    """Return the scores of Ghahramani and Heller (2005): log p(x | X) / p(x), (N, n) -> (N, items).

    Parameters
    ----------
    counts : numpy.ndarray (items, features) of zeros and ones
        Which features an item has. Each has a Beta prior with twice the feature's mean as strength.
    """
    mean = counts.mean(axis=0).clip(1e-6, 1 - 1e-6)  # (features,)
    alpha, beta = 2 * mean, 2 * (1 - mean)
    found = counts[words].sum(axis=1)  # (N, features)
    n = words.shape[1]
    present = onp.log((alpha + found) / alpha)
    absent = onp.log((beta + n - found) / beta)
    return (present - absent) @ counts.T + absent.sum(axis=1, keepdims=True)


def neighbour_scores(counts: onp.ndarray, words: onp.ndarray, features: int) -> onp.ndarray:
    """Return how near each word is to the middle of a set, (N, n) -> (N, items): the cosine of vectors
    that count which words stand together.

    The vectors are the leading singular vectors of the positive pointwise mutual information, scaled by
    the roots of the singular values, as Levy and Goldberg (2014) do instead of word2vec.

    Parameters
    ----------
    counts : numpy.ndarray (items, sets) of zeros and ones
        Which words stand in which set.
    """
    check_sizes(features=features)
    together = counts @ counts.T  # (items, items)
    onp.fill_diagonal(together, 0)
    total = together.sum(axis=0)
    expected = onp.outer(total, total) / max(total.sum(), 1)
    ratio = together / onp.maximum(expected, 1e-9)
    left, values, _ = onp.linalg.svd(onp.log(onp.maximum(ratio, 1)))
    vectors = left[:, :features] * onp.sqrt(values[:features])
    vectors /= onp.maximum(onp.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return vectors[words].mean(axis=1) @ vectors.T


def ranks(scores: onp.ndarray, words: onp.ndarray, following: onp.ndarray) -> onp.ndarray:
    """Return the place of each next word among all that are not in its set, from 1: (N,).

    Ties count half, as in the mean of all orders.

    >>> ranks(onp.array([[9.0, 3, 5, 1]]), onp.array([[0]]), onp.array([1])).tolist()
    [2.0]
    """
    allowed = onp.ones(scores.shape, bool)
    onp.put_along_axis(allowed, words.astype("int64"), False, axis=1)
    own = onp.take_along_axis(scores, following[:, None].astype("int64"), axis=1)
    above = ((scores > own) & allowed).sum(axis=1)
    equal = ((scores == own) & allowed).sum(axis=1) - 1
    return 1 + above + equal / 2


def retrieval(ranks: onp.ndarray) -> dict[str, float]:
    """Return "recall_10", the share of ranks up to 10, the mean reciprocal rank "mrr", and "median".

    >>> retrieval(onp.array([1.0, 20.0]))
    {'recall_10': 0.5, 'mrr': 0.525, 'median': 10.5}
    """
    return {
        "recall_10": float((ranks <= 10).mean()),
        "mrr": float((1 / ranks).mean()),
        "median": float(onp.median(ranks)),
    }
