"""Menus, and questions about them that need two lines at once.

A menu has lines, each with a name and a price. Prices are independent and uniform from 0 to 1, the
dearest possible price; no name has a price of its own, so that a price must be looked up.

    by name: is coffee dearer than tea?        by place: is the line above dearer than the line below?

    tea     .2                                 tea     .2    (it has no line above)
    coffee  .3    yes, .3 > .2                 coffee  .3    no, .2 < .4
    cake    .4                                 cake    .4    (it has no line below)
"""

import numpy as onp

from d2l_attention.backend.checks import check_sizes

NAMES = (
    "tea", "coffee", "juice", "milk", "soup", "salad", "pasta", "rice", "cake", "pie", "ice", "fruit",
)  # fmt: skip
ASKS = 4  # questions about each menu


def by_name(count: int, *, lines: tuple[int, int], seed: int) -> tuple[tuple, onp.ndarray]:
    """Return (first (B, m), second (B, m), names (B, n), price (B, n, 1), mask (B, 1, n)), target (B, m).

    The target is 1 where the line that is named first costs more than the second, else 0. Names are
    numbers of `NAMES`, each at most once on a menu. What stands behind the end of a shorter menu is
    name 0 at price 0, and its mask is 0.

    Parameters
    ----------
    lines : (int, int)
        The fewest and the most lines of a menu; each number is as frequent as any other.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer, or lines are not 2 <= fewest <= most <= 12.

    >>> (first, second, names, price, mask), target = by_name(1, lines=(3, 3), seed=2)
    >>> [f"{NAMES[name]} {cost:.1f}" for name, cost in zip(names[0], price[0, :, 0])]
    ['coffee 0.1', 'pasta 0.5', 'pie 0.2']
    >>> [(NAMES[a], NAMES[b]) for a, b in zip(first[0], second[0])][:2], target[0, :2].tolist()
    ([('pie', 'coffee'), ('pie', 'pasta')], [1, 0])
    """
    check_sizes(count=count)
    fewest, most = _check_lines(lines, 2, len(NAMES))
    random = onp.random.RandomState(seed)
    length = random.randint(fewest, most + 1, (count, 1))
    names = random.uniform(size=(count, len(NAMES))).argsort(axis=1)[:, :most]
    price, mask = _prices(random, length, most)
    first = random.randint(0, length, (count, ASKS))
    second = (first + random.randint(1, length, (count, ASKS))) % length  # another line
    asked = [onp.take_along_axis(names, line, axis=1).astype("int32") for line in (first, second)]
    cost = [onp.take_along_axis(price[:, :, 0], line, axis=1) for line in (first, second)]
    names = (names * mask[:, 0]).astype("int32")
    return (*asked, names, price, mask), (cost[0] > cost[1]).astype("int32")


def by_place(count: int, *, lines: tuple[int, int], seed: int) -> tuple[tuple, onp.ndarray]:
    """Return (price (B, n, 1), mask (B, 1, n)), target (B, n): 1 where the line above costs more than
    the line below, 0 where it does not, and -1 where one of them is missing.

    Parameters and errors are those of `by_name`, but a menu has at least 3 lines, and any number.

    >>> (price, mask), target = by_place(1, lines=(4, 4), seed=0)
    >>> [f"{cost:.1f}" for cost in price[0, :, 0]], target.tolist()
    (['0.5', '0.7', '0.6', '0.5'], [[-1, 0, 1, -1]])
    """
    check_sizes(count=count)
    fewest, most = _check_lines(lines, 3, None)
    random = onp.random.RandomState(seed)
    length = random.randint(fewest, most + 1, (count, 1))
    price, mask = _prices(random, length, most)
    target = onp.full((count, most), -1, "int32")
    answer = price[:, :-2, 0] > price[:, 2:, 0]
    target[:, 1:-1] = onp.where(mask[:, 0, 2:] > 0, answer, -1)
    return (price, mask), target


def _prices(random, length: onp.ndarray, most: int) -> tuple[onp.ndarray, onp.ndarray]:
    """Prices (B, n, 1), 0 behind the end, and the mask (B, 1, n)."""
    mask = (onp.arange(most) < length).astype("float32")  # (B, n)
    price = random.uniform(size=mask.shape).astype("float32") * mask
    return price[:, :, None], mask[:, None]


def _check_lines(lines, least: int, limit: int | None) -> tuple[int, int]:
    if not isinstance(lines, tuple) or len(lines) != 2:
        raise TypeError(f"lines must be a tuple of two, (fewest, most), got {lines!r}")
    check_sizes(**{"fewest of lines": lines[0], "most of lines": lines[1]})
    if not least <= lines[0] <= lines[1] or (limit and lines[1] > limit):
        bound = f" <= {limit}" if limit else ""
        raise ValueError(f"lines must be {least} <= fewest <= most{bound}, got {lines!r}")
    return lines
