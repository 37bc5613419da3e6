"""Sets of digits with a question about the whole: what is their sum, and which one is the odd one out.

A digit is a row of numbers: one-hot (`one_hot`), or an image. Sets have different sizes, so padding,
rows of zeros, fills an array up; it stands before the elements, where `MaskedLSTM` wants it, and the
mask is 0 there:

    digits   7 2 2      rows  0 0 x_7 x_2 x_2      mask  0 0 1 1 1
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as onp

from d2l_attention.backend.checks import check_sizes


def one_hot() -> tuple[onp.ndarray, onp.ndarray]:
    """Return the ten digits as rows of zeros and a one, (10, 10), and their values, (10,)."""
    return onp.eye(10, dtype="float32"), onp.arange(10, dtype="int32")


def sums(
    digits: onp.ndarray, labels: onp.ndarray, count: int, sizes: Sequence[int], *, seed: int
) -> tuple[tuple[onp.ndarray, onp.ndarray], onp.ndarray]:
    """Draw multisets of digits and their sums.

    Parameters
    ----------
    digits, labels : numpy.ndarray (m, d), (m,)
        What is drawn from, with replacement: rows, and the values 0 to 9.
    count, sizes : int, sequence of int
        How many multisets; each has a size drawn from these. Zero is a size, too.

    Returns
    -------
    (x (count, n, d), mask (count, 1, n)), total (count, 1), float32, where n is the largest size.

    Raises
    ------
    ValueError
        `count` is not positive, there are no sizes, or one is negative, or all are zero.

    >>> (x, mask), total = sums(*one_hot(), 2, [2, 3], seed=0)
    >>> x.shape, mask.shape, float(total[0, 0]) == float((x[0] @ range(10)).sum())
    ((2, 3, 10), (2, 1, 3), True)
    """
    check_sizes(count=count)
    _check_digits(digits, labels)
    sizes = onp.asarray(sizes)
    if sizes.ndim != 1 or sizes.size == 0 or sizes.min() < 0 or sizes.max() == 0:
        raise ValueError(f"sizes must be sizes of sets, not all of them zero, got {sizes.tolist()}")
    random, most = onp.random.RandomState(seed), int(sizes.max())
    chosen = random.randint(len(labels), size=(count, most))  # (count, n)
    mask = onp.arange(most) >= most - random.choice(sizes, (count, 1))  # (count, n)
    x = digits[chosen] * mask[:, :, None]
    total = (labels[chosen] * mask).sum(axis=1, keepdims=True)
    return (x.astype("float32"), mask[:, None].astype("float32")), total.astype("float32")


def sum_batches(
    digits: onp.ndarray,
    labels: onp.ndarray,
    sizes: Sequence[int],
    *,
    count: int,
    batch_size: int,
    seed: int,
) -> Callable[[int], Iterator[tuple]]:
    """Return a function that gives the `count` batches of epoch 0, 1, ...: new sets in each.

    >>> for (x, mask), total in sum_batches(*one_hot(), [1, 2], count=1, batch_size=4, seed=0)(0):
    ...     x.shape, total.shape
    ((4, 2, 10), (4, 1))
    """
    check_sizes(count=count, batch_size=batch_size)

    def batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for _ in range(count):
            yield sums(digits, labels, batch_size, sizes, seed=random.randint(2**31))

    return batches


def shuffled(x: onp.ndarray, mask: onp.ndarray, *, seed: int) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the same sets with their elements in another order; padding stays before them.

    >>> (x, mask), _ = sums(*one_hot(), 5, [2, 3], seed=0)
    >>> bool((shuffled(x, mask, seed=1)[0].sum(axis=1) == x.sum(axis=1)).all())
    True
    """
    random = onp.random.RandomState(seed)
    order = onp.argsort(random.uniform(size=mask[:, 0].shape) * mask[:, 0], axis=1)  # padding first
    return onp.take_along_axis(x, order[:, :, None], axis=1), mask


def outliers(
    digits: onp.ndarray, labels: onp.ndarray, count: int, size: int, *, seed: int
) -> tuple[tuple[onp.ndarray, onp.ndarray], onp.ndarray]:
    """Draw sets that show one digit, but for one element, which shows another.

    Returns
    -------
    (x (count, size, d), mask (count, 1, size)), place (count,), int32: where the outlier stands.

    Raises
    ------
    ValueError
        `size` is below 3, where nobody knows who is the outlier, or all labels are the same.

    >>> (x, _), place = outliers(*one_hot(), 4, 5, seed=0)
    >>> [int(row.argmax() not in rest.argmax(axis=1))
    ...  for row, rest in ((s[p], onp.delete(s, p, axis=0)) for s, p in zip(x, place))]
    [1, 1, 1, 1]
    """
    check_sizes(count=count, size=size)
    _check_digits(digits, labels)
    kinds = [onp.flatnonzero(labels == kind) for kind in onp.unique(labels)]
    if size < 3 or len(kinds) < 2:
        raise ValueError(f"size must be 3 or more, of 2 labels or more, got {size}, {len(kinds)}")
    random = onp.random.RandomState(seed)
    usual, other = onp.array([random.permutation(len(kinds))[:2] for _ in range(count)]).T
    chosen = onp.stack([random.choice(kinds[kind], size) for kind in usual])
    place = random.randint(size, size=count)
    chosen[onp.arange(count), place] = [random.choice(kinds[kind]) for kind in other]
    mask = onp.ones((count, 1, size), "float32")
    return (digits[chosen].astype("float32"), mask), place.astype("int32")


def outlier_batches(
    digits: onp.ndarray,
    labels: onp.ndarray,
    size: int,
    *,
    count: int,
    batch_size: int,
    seed: int,
    noise: float = 0.0,
) -> Callable[[int], Iterator[tuple]]:
    """Return a function that gives the `count` batches of epoch 0, 1, ...: new sets in each.

    Parameters
    ----------
    noise : float
        Standard deviation of what is added to each number of each element, so that a network does not
        learn the few images by heart.

    >>> data = outlier_batches(*one_hot(), 6, count=1, batch_size=9, seed=0)
    >>> [(x.shape, place.shape) for (x, _), place in data(epoch=0)]
    [((9, 6, 10), (9,))]
    """
    check_sizes(count=count, batch_size=batch_size)

    def batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for _ in range(count):
            (x, mask), place = outliers(
                digits, labels, batch_size, size, seed=random.randint(2**31)
            )
            if noise:
                x = x + random.normal(0, noise, x.shape).astype("float32")
            yield (x, mask), place

    return batches


def _check_digits(digits, labels) -> None:
    if digits.ndim != 2 or labels.shape != (len(digits),) or len(digits) == 0:
        raise ValueError(
            f"digits must be (m, d), labels (m,), got {digits.shape} and {labels.shape}"
        )
