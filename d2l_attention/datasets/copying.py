"""Sequences of random bits to be copied, once or several times (Graves, Wayne and Danihelka 2014,
sections 4.1 and 4.2).

The bits come in, then a mark that says "now", and then nothing: what was told must be said again.

    copy          x  < b1 b2 b3 >  .  .  .        repeat copy   x  < b1 b2 >2 .  .  .  .  .
                  y  . .  .  .  .  b1 b2 b3                     y  . .  .  .  b1 b2 b1 b2 end

An input has two more numbers than bits: the mark of the start, and that of the end. For repeat copy
the latter holds the number of repetitions, and an output has one more bit, which says that all has
been said.
"""

from collections.abc import Callable, Iterator

import numpy as onp

from d2l_attention.backend.checks import check_sizes


def copy(count: int, length: int, *, bits: int = 8, seed: int) -> tuple[tuple, onp.ndarray]:
    """Return (inputs (B, 2 + 2 T, bits + 2),), target (B, 2 + 2 T, bits): float32, and -1 in the target
    where nothing is asked.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer.

    >>> (inputs,), target = copy(1, 2, bits=1, seed=0)
    >>> inputs[0, :, 0].tolist(), target[0, :, 0].tolist()
    ([0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, -1.0, 0.0, 1.0])
    """
    check_sizes(count=count, length=length, bits=bits)
    told = onp.random.RandomState(seed).randint(0, 2, (count, length, bits))
    return _heard_and_said(told, 1, told)


def repeat_copy(
    count: int, length: int, repetitions: int, *, bits: int = 8, seed: int, most: int = 10
) -> tuple[tuple, onp.ndarray]:
    """Return (inputs (B, 3 + T + R T, bits + 2),), target (B, 3 + T + R T, bits + 1) for R repetitions.

    Parameters
    ----------
    most : int
        The mark of the end is R / `most`, so that it is from 0 to 1 if no more are asked for. To ask
        a trained network for more, keep the `most` of its training.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer.

    >>> (inputs,), target = repeat_copy(1, 1, 2, bits=1, seed=0, most=4)
    >>> inputs[0, :, 2].tolist(), target[0, :, 1].tolist()
    ([0.0, 0.0, 0.5, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, 0.0, 0.0, 1.0])
    """
    check_sizes(count=count, length=length, repetitions=repetitions, bits=bits, most=most)
    told = onp.random.RandomState(seed).randint(0, 2, (count, length, bits))
    said = onp.zeros((count, repetitions * length + 1, bits + 1))
    said[:, :-1, :bits] = onp.tile(told, (1, repetitions, 1))
    said[:, -1, bits] = 1  # all has been said
    return _heard_and_said(told, repetitions / most, said)


def _heard_and_said(told, mark, said) -> tuple[tuple, onp.ndarray]:
    """Inputs and target: start, what is told, the mark of the end, and then what must be said."""
    count, length, bits = told.shape
    inputs = onp.zeros((count, length + 2 + said.shape[1], bits + 2), "float32")
    inputs[:, 0, bits] = 1
    inputs[:, 1 : length + 1, :bits] = told
    inputs[:, length + 1, bits + 1] = mark
    target = onp.full((*inputs.shape[:2], said.shape[2]), -1, "float32")
    target[:, length + 2 :] = said
    return (inputs,), target


def batches(
    number: int,
    batch_size: int,
    *,
    lengths: tuple[int, int],
    repetitions: tuple[int, int] | None = None,
    bits: int = 8,
    seed: int,
) -> Callable[[int], Iterator[tuple]]:
    """A function of the epoch that gives so many batches, all of a batch equally long.

    Parameters
    ----------
    lengths : (int, int)
        The shortest and the longest; each is as frequent as any other.
    repetitions : (int, int), optional
        Least and most: batches of `repeat_copy`, and of `copy` without them.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer, or a range is not 1 <= least <= most.
    """
    check_sizes(number=number, batch_size=batch_size, bits=bits)
    _check_range(lengths=lengths)
    if repetitions is not None:
        _check_range(repetitions=repetitions)

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for _ in range(number):
            length = random.randint(lengths[0], lengths[1] + 1)
            sizes = {"bits": bits, "seed": random.randint(2**31)}
            if repetitions is None:
                yield copy(batch_size, length, **sizes)
            else:
                times = random.randint(repetitions[0], repetitions[1] + 1)
                yield repeat_copy(batch_size, length, times, most=repetitions[1], **sizes)

    return epoch_batches


def _check_range(**ranges) -> None:
    for name, limits in ranges.items():
        if not isinstance(limits, tuple) or len(limits) != 2:
            raise TypeError(f"{name} must be a tuple of two, (least, most), got {limits!r}")
        check_sizes(**{f"least of {name}": limits[0], f"most of {name}": limits[1]})
        if limits[0] > limits[1]:
            raise ValueError(f"{name} must be least <= most, got {limits!r}")
