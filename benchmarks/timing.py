"""Compare the times of functions on a machine that others use too: only ratios within a round mean anything."""

import time
from collections.abc import Callable, Mapping

import numpy as onp


def measure(
    functions: Mapping[str, Callable[[], object]], *, rounds: int, repeats: int = 3
):
    """Seconds per call, {name: array (rounds,)}: in each round every function has its turn, in a new order.

    A turn is one untimed call, which fills caches and wakes threads that slept during
    the others' turns, and `repeats` timed ones, of which the median counts.
    """
    random = onp.random.default_rng(0)
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name in random.permutation(list(functions)):
            functions[name]()
            seconds[name].append(
                onp.median([_time(functions[name]) for _ in range(repeats)])
            )
    return {name: onp.array(values) for name, values in seconds.items()}


def ratio(ours, theirs) -> tuple[float, list[float]]:
    """Median over the rounds of our time divided by theirs, with the lower and upper quartile."""
    low, middle, high = onp.percentile(ours / theirs, (25, 50, 75))
    return float(middle), [float(low), float(high)]


def _time(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start
