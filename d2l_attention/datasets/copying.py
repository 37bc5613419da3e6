"""Sequences of random bits to be copied, once or several times (Graves, Wayne and Danihelka 2014,
sections 4.1 and 4.2).

The bits come in, then a mark that says "now", and then nothing: what was told must be said again.

    copy          x  b1 b2 b3 >  .  .  .          repeat copy   x  b1 b2 >2 .  .  .  .  .
                  y  .  .  .  .  b1 b2 b3                       y  .  .  .  b1 b2 b1 b2 end

An input has two more numbers than bits: the mark of the start, and that of the end, which for repeat
copy holds the number of repetitions. There an output has one more: it says that all has been said.
"""

from collections.abc import Callable, Iterator

import numpy as onp

from d2l_attention.backend.checks import check_sizes


def copy(count: int, length: int, *, bits: int = 8, seed: int) -> tuple[tuple, onp.ndarray]:
    """Return (inputs (B, 2 + 2 T, bits + 2),), target (B, 2 + 2 T, bits): float32, -1 where nothing is asked.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer.

    >>> (inputs,), target = copy(1, 2, bits=1, seed=0)
    >>> inputs[0, :, 0].tolist(), target[0, :, 0].tolist()
    ([0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, -1.0, 0.0, 1.0])
    """
    return repeat_copy(count, length, 1, bits=bits, seed=seed, end=False)


def repeat_copy(
    count: int,
    length: int,
    repetitions: int,
    *,
    bits: int = 8,
    seed: int,
    most: int = 10,
    end: bool = True,
) -> tuple[tuple, onp.ndarray]:
    """As `copy`, with the bits said several times, and a last output that says the end.

    Parameters
    ----------
    most : int
        Repetitions are given to the network as their number less 1, divided by `most` - 1 (and so
        from 0 to 1 in training).
    end : bool
        Whether there is an end to be said.
    """
    check_sizes(count=count, length=length, repetitions=repetitions, bits=bits, most=most)
    told = onp.random.RandomState(seed).randint(0, 2, (count, length, bits))
    steps = length + 2 + repetitions * length + end
    inputs = onp.zeros((count, steps, bits + 2), "float32")
    target = onp.full((count, steps, bits + end), -1, "float32")
    inputs[:, 0, bits] = 1
    inputs[:, 1 : length + 1, :bits] = told
    inputs[:, length + 1, bits + 1] = 1 if not end else 1 + (repetitions - 1) / max(1, most - 1)
    target[:, length + 2 :] = 0
    target[:, length + 2 : length + 2 + repetitions * length, :bits] = onp.tile(
        told, (1, repetitions, 1)
    )
    if end:
        target[:, -1, bits] = 1
    return (inputs,), target


def batches(
    number: int, batch_size: int, *, lengths: tuple[int, int], bits: int = 8, seed: int
) -> Callable[[int], Iterator[tuple]]:
    """A function of the epoch that gives so many batches of `copy`, each of one random length.

    Raises
    ------
    TypeError, ValueError
        A size is not positive, or lengths are not 1 <= shortest <= longest.
    """
    check_sizes(number=number, batch_size=batch_size, bits=bits)
    shortest, longest = lengths
    if not 1 <= shortest <= longest:
        raise ValueError(f"lengths must be 1 <= shortest <= longest, got {lengths!r}")

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for _ in range(number):
            length = random.randint(shortest, longest + 1)
            yield copy(batch_size, length, bits=bits, seed=random.randint(2**31))

    return epoch_batches
