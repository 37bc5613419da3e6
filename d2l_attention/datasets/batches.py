"""Arrays cut into batches: pairs (inputs, target) of NumPy arrays, which `training` takes."""

from collections.abc import Callable, Iterator

import numpy as onp

from d2l_attention.backend.checks import check_sizes


def batches(
    inputs: tuple,
    target: onp.ndarray | None,
    batch_size: int,
    *,
    shuffle: bool = False,
    seed: int = 0,
) -> Callable[[int], Iterator[tuple]]:
    """Cut arrays into batches: returns a function that gives the batches of epoch 0, 1, ...

    Parameters
    ----------
    inputs, target : tuple of numpy.ndarray, numpy.ndarray or None
        All of one length; the last batch holds the rest, and may be smaller. Without a target, as
        for `training.predict`, that of each batch is None.
    shuffle, seed : bool, int
        Whether each epoch has an order of its own, which depends on (seed, epoch) alone.

    Raises
    ------
    TypeError, ValueError
        An array is no NumPy array, or lengths differ or are zero; `batch_size` is not positive.

    >>> for (x,), y in batches((onp.arange(5),), onp.arange(5.0), batch_size=2)(epoch=0):
    ...     print(x, y)
    [0 1] [0. 1.]
    [2 3] [2. 3.]
    [4] [4.]
    """
    check_sizes(batch_size=batch_size)
    arrays = inputs if target is None else (*inputs, target)
    for array in arrays:
        if not isinstance(array, onp.ndarray):
            raise TypeError(f"inputs and target must be NumPy arrays, got {type(array).__name__}")
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"arrays must have one length above zero, got {sorted(lengths)}")
    length = lengths.pop()

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        order = onp.arange(length)
        if shuffle:  # NumPy promises that RandomState's stream never changes
            order = onp.random.RandomState([seed, epoch]).permutation(length)
        for start in range(0, length, batch_size):
            chosen = order[start : start + batch_size]
            wanted = None if target is None else target[chosen]
            yield tuple(array[chosen] for array in inputs), wanted

    return epoch_batches
