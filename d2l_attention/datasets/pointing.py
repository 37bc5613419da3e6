"""Answers about points as sequences that a pointer network reads and writes, and what they are worth.

In a sequence point i has the number i + 1, and 0 is the end. A network's answers are judged as in the
paper (Vinyals, Fortunato and Jaitly 2015, section 4): hulls by the share that is right and by the area
of those that are simple polygons, triangulations by the share of right triangles, tours by length.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as onp

from d2l_attention.backend.checks import check_choice, check_sizes
from d2l_attention.datasets.point_sets import (
    MOST_EXACT,
    check_sets,
    delaunay,
    hulls,
    nearest_neighbour,
    short_tour,
    shortest_tours,
    tour_length,
    uniform,
)

TASKS = ("hull", "delaunay", "tour")


def answers(points: onp.ndarray, task: str) -> list[list[int]]:
    """Return the exact answer for each set of points, (B, n, 2), as the points' numbers from 0 on.

    A triangulation is the list of all its triangles' corners.

    Raises
    ------
    ValueError
        As for `point_sets.hulls`, `delaunay` and `shortest_tours`; or the task is none of them.

    >>> answers([[[0, 0], [1, 0], [0.5, 0.1], [1, 1]]], "hull")
    [[0, 1, 3]]
    """
    check_choice(TASKS, task=task)
    if task == "hull":
        return hulls(points)
    if task == "tour":
        return shortest_tours(points).tolist()
    return [[corner for triangle in delaunay(each) for corner in triangle] for each in points]


def sequences(found: Sequence[Sequence[int]]) -> tuple[onp.ndarray, onp.ndarray]:
    """Return what the decoder reads, and what it is to write, as int32 (B, T) both.

    previous  0 1 3 2 0      the start, then all but the last
    target    1 3 2 0 -1     the points, the end, and -1 behind it

    >>> previous, target = sequences([[0, 2, 1], [0, 1, 2, 3]])
    >>> previous.tolist(), target.tolist()
    ([[0, 1, 3, 2, 0], [0, 1, 2, 3, 4]], [[1, 3, 2, 0, -1], [1, 2, 3, 4, 0]])
    """
    target = onp.full((len(found), 1 + max(map(len, found))), -1, "int32")
    for row, answer in zip(target, found, strict=True):
        row[: len(answer) + 1] = [*(i + 1 for i in answer), 0]
    previous = onp.concatenate([onp.zeros((len(found), 1), "int32"), target[:, :-1]], axis=1)
    return onp.maximum(previous, 0), target


def left_to_right(points: onp.ndarray) -> onp.ndarray:
    """Number the points of each set from left to right: (B, n, 2) -> (B, n, 2).

    Of two points above each other, the lower one comes first.

    >>> left_to_right(onp.array([[[1, 0], [0, 1], [0, 0]]])).tolist()
    [[[0, 0], [0, 1], [1, 0]]]
    """
    order = onp.lexsort((points[..., 1], points[..., 0]), axis=1)
    return onp.take_along_axis(points, order[..., None], axis=1)


def training_batches(
    task: str,
    sizes: Sequence[int],
    count: int,
    batch_size: int,
    *,
    seed: int,
    ordered: bool = False,
) -> Callable[[int], Iterator[tuple]]:
    """Return a function that gives the `count` batches of epoch 0, 1, ...: new points in each.

    Parameters
    ----------
    sizes : sequence of int
        Each batch has points of one number, drawn from these.
    ordered : bool
        Whether points are numbered from left to right.

    >>> for (points, previous), target in training_batches("hull", [4], 1, 2, seed=0)(epoch=0):
    ...     points.shape, previous.shape == target.shape
    ((2, 4, 2), True)
    """
    check_choice(TASKS, task=task)
    check_sizes(count=count, batch_size=batch_size, sizes=min(sizes))

    def batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        for n in random.choice(sizes, count):
            points = uniform(batch_size, int(n), seed=random.randint(2**31))
            points = left_to_right(points) if ordered else points
            previous, target = sequences(answers(points, task))
            yield (points, previous), target

    return batches


# ------------------------------------------------------------------------------------ polygons
def area(points: onp.ndarray, polygon: Sequence[int]) -> float:
    """Return the area of a simple polygon, by the shoelace formula.

    >>> area([[0, 0], [2, 0], [2, 1], [0, 1]], [0, 1, 2, 3])
    2.0
    """
    x, y = onp.asarray(points, "float64")[list(polygon)].T
    return float(abs(x @ onp.roll(y, -1) - y @ onp.roll(x, -1)) / 2)


def is_simple(points: onp.ndarray, polygon: Sequence[int]) -> bool:
    """Return whether a sequence of points is a polygon: three corners or more, each once, and no two
    edges that touch elsewhere than in the corner between them.

    >>> square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    >>> is_simple(square, [0, 1, 2, 3]), is_simple(square, [0, 2, 1, 3]), is_simple(square, [0, 1])
    (True, False, False)
    """
    if len(polygon) < 3 or len(set(polygon)) < len(polygon):
        return False
    a = onp.asarray(points, "float64")[list(polygon)]
    b = onp.roll(a, -1, axis=0)
    side_a, side_b = _turns(a, b, a), _turns(a, b, b)  # of each edge's ends, seen along each edge
    crossed = (side_a * side_b <= 0) & (side_a * side_b <= 0).T  # all ends on a line count, too
    near = _boxes_meet(a, b)
    number = onp.arange(len(a))
    apart = abs(number[:, None] - number) % (len(a) - 1) > 1
    if (crossed & near & apart).any():
        return False
    back = ((b - a) * (onp.roll(b, -1, axis=0) - b)).sum(axis=1) < 0  # the next edge goes back
    return not (back & (_turns_of(a, b, onp.roll(b, -1, axis=0)) == 0)).any()


def _turns_of(a, b, c):
    """Twice the signed area of triangles: positive where they turn left."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
        c[..., 0] - a[..., 0]
    )


def _turns(a, b, c) -> onp.ndarray:
    """The turn from edge i = (a_i, b_i) to point c_j, (m, m)."""
    return _turns_of(a[:, None], b[:, None], c[None])


def _boxes_meet(a, b) -> onp.ndarray:
    low, high = onp.minimum(a, b), onp.maximum(a, b)
    return ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=-1)


def same_polygon(first: Sequence[int], second: Sequence[int]) -> bool:
    """Return whether two sequences are one polygon, wherever it starts and in whichever direction.

    >>> same_polygon([0, 1, 2, 3], [2, 1, 0, 3]), same_polygon([0, 1, 2, 3], [0, 2, 1, 3])
    (True, False)
    """
    first, second = list(first), list(second)
    if len(first) != len(second) or set(first) != set(second) or not first:
        return False
    start = second.index(first[0])
    turned = second[start:] + second[:start]
    return first in (turned, turned[:1] + turned[:0:-1])


def judge_hulls(points, found: Sequence[Sequence[int]], exact=None) -> dict[str, float]:
    """Return what hulls are worth: shares "accuracy", "area" and "invalid".

    Accuracy is the share of the right polygons. Area is how much of the hulls' area is covered, the
    mean over the answers that are simple polygons (0 if none is); "invalid" is the share that is not.
    The paper prints FAIL for an area where more than 1% are invalid.

    >>> square = [[[0, 0], [1, 0], [1, 1], [0, 1]]] * 2
    >>> judge_hulls(square, [[1, 2, 3, 0], [0, 1, 2]])
    {'accuracy': 0.5, 'area': 0.75, 'invalid': 0.0}
    """
    exact = hulls(points) if exact is None else exact
    right = [same_polygon(one, other) for one, other in zip(found, exact, strict=True)]
    covered = [
        area(each, one) / area(each, other)
        for each, one, other in zip(points, found, exact, strict=True)
        if is_simple(each, one)
    ]
    return {
        "accuracy": float(onp.mean(right)),
        "area": float(onp.mean(covered)) if covered else 0.0,
        "invalid": 1 - len(covered) / len(right),
    }


# -------------------------------------------------------------------------------- triangulations
def triangles(sequence: Sequence[int]) -> set[tuple[int, ...]]:
    """Return the triangles that a sequence names, three numbers each; a rest of fewer is none.

    >>> sorted(triangles([0, 2, 1, 3, 2, 1, 5]))
    [(0, 1, 2), (1, 2, 3)]
    """
    whole = len(sequence) - len(sequence) % 3
    return {tuple(sorted(sequence[k : k + 3])) for k in range(0, whole, 3)}


def judge_triangulations(points, found: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return what triangulations are worth: shares "accuracy" and "coverage".

    Accuracy is the share of the answers with all right triangles and no other, in whichever order.
    Coverage is the share of the right triangles that are found, the mean over the sets of points.

    >>> square = [[[0, 0], [1, 0], [1.1, 1], [0, 1]]]
    >>> judge_triangulations(square, [[0, 1, 3]])
    {'accuracy': 0.0, 'coverage': 0.5}
    """
    pairs = [(triangles(one), set(delaunay(each))) for each, one in zip(points, found, strict=True)]
    return {
        "accuracy": float(onp.mean([one == other for one, other in pairs])),
        "coverage": float(onp.mean([len(one & other) / len(other) for one, other in pairs])),
    }


# ----------------------------------------------------------------------------------------- tours
def judge_tours(points, found: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return the mean "length" of the answers that are tours, of other tours of the same points, and
    the share of answers that are "invalid".

    The others are the "shortest" (up to 12 points; from 13 on `point_sets.short_tour`), the "nearest"
    neighbour's, and a "random" one. Without any tour the length is 0.

    >>> found = judge_tours([[[0, 0], [0, 1], [1, 1], [1, 0]]] * 2, [[0, 2, 1, 3], [0, 1, 2]])
    >>> found["shortest"], found["nearest"], round(found["length"], 2), found["invalid"]
    (4.0, 4.0, 4.83, 0.5)
    """
    points = check_sets(points, "tour")
    n = points.shape[1]
    exact = shortest_tours(points) if n <= MOST_EXACT else [short_tour(each) for each in points]
    random = onp.random.RandomState(n)
    right = [sorted(tour) == list(range(n)) for tour in found]
    valid = [
        pair
        for pair, is_tour in zip(zip(points, found, strict=True), right, strict=True)
        if is_tour
    ]
    ways = {
        "length": valid,
        "shortest": zip(points, exact, strict=True),
        "nearest": ((each, nearest_neighbour(each)) for each in points),
        "random": ((each, random.permutation(n)) for each in points),
    }
    lengths = {way: [tour_length(*pair) for pair in pairs] for way, pairs in ways.items()}
    means = {way: float(onp.mean(each)) if each else 0.0 for way, each in lengths.items()}
    return means | {"invalid": 1 - len(valid) / len(right)}


def tour_allowed(n: int) -> Callable:
    """Return the `allowed` of `decoding.generate` for tours of n points: each once, then the end.

    >>> tour_allowed(3)(onp.array([[2], [1]])).astype(int).tolist()
    [[0, 1, 0, 1], [0, 0, 1, 1]]
    >>> tour_allowed(2)(onp.array([[2, 1]])).astype(int).tolist()
    [[1, 0, 0]]
    """
    return _none_twice(n, least=n)


def hull_allowed(n: int) -> Callable:
    """Return the `allowed` of `decoding.generate` for hulls of n points: none twice, the end after 3.

    >>> hull_allowed(4)(onp.array([[2, 3]])).astype(int).tolist()
    [[0, 1, 0, 0, 1]]
    >>> hull_allowed(4)(onp.array([[2, 3, 1]])).astype(int).tolist()
    [[1, 0, 0, 0, 1]]
    """
    return _none_twice(n, least=3)


def _none_twice(n: int, *, least: int) -> Callable:
    """No point twice, and the end once `least` points are named."""
    check_sizes(n=n)

    def allowed(symbols: onp.ndarray) -> onp.ndarray:
        free = onp.ones((len(symbols), n + 1), bool)
        onp.put_along_axis(free, symbols.astype("int64"), False, axis=1)
        free[:, 0] = symbols.shape[1] >= least
        return free

    return allowed
