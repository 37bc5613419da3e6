"""Compare the times of functions on a machine that others use too.

Only ratios within a round mean anything, and time is the processor's, summed over the
threads of this process. Time on the clock also holds that of whoever else was running,
and not in equal parts: MXNet computes in a second thread and waits for a core where
PyTorch does not. On one free core the two times agree. Processor time does not see a
function that sleeps or waits for a disc, and no benchmark here does.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as onp


class Ratio(NamedTuple):
    """Our time divided by a peer's: median over the rounds, lower and upper quartile."""

    median: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """The distance of the quartiles."""
        return self.high - self.low


def measure(
    contest: Callable[[], Mapping[str, Callable[[], object]]],
    *,
    rounds: int,
    repeats: int = 5,
    renew: int = 6,
    after_round: Callable[[], object] = lambda: None,
) -> dict[str, onp.ndarray]:
    """Seconds of processor time per call of each function that `contest` returns, {name:
    array (rounds,)}: in each round every function has its turn, in a new order.

    A turn is one call that does not count, which fills caches and wakes threads that
    slept during the others' turns, and `repeats` calls of which the fastest counts: what
    others do to caches and clock rate only ever adds time. After `renew` rounds the
    functions are made anew, because where their arrays lie in memory changes their time
    for good: one and the same block of d2l took 92 ms or 121.
    """
    random = onp.random.default_rng(0)
    seconds = defaultdict(list)
    for number in range(rounds):
        if number % renew == 0:
            functions = contest()
        for name in random.permutation(list(functions)):
            functions[name]()
            seconds[name].append(min(_time(functions[name]) for _ in range(repeats)))
        after_round()
    return {name: onp.array(values) for name, values in seconds.items()}


def ratio(ours: onp.ndarray, theirs: onp.ndarray) -> Ratio:
    """Our time divided by theirs, both (rounds,), round by round.

    >>> ratio(onp.array([1.0, 10.0, 3.0]), onp.array([2.0, 20.0, 6.0]))
    Ratio(median=0.5, low=0.5, high=0.5)
    """
    low, middle, high = onp.percentile(ours / theirs, (25, 50, 75))
    return Ratio(float(middle), float(low), float(high))


def _time(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start
