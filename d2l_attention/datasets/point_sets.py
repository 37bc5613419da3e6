"""Points in the unit square, and three things to find of them, each exactly: their convex hull, their
Delaunay triangulation, and the shortest tour through all of them (Vinyals, Fortunato and Jaitly 2015).

An answer is a sequence of the points' numbers. So that each set of points has one right sequence,

- a hull starts at its point with the lowest number and goes on counter-clockwise;
- a triangle names its points in increasing order, and triangles are sorted by their numbers;
- a tour starts at point 0 and goes on counter-clockwise: the area to its left is positive.

SciPy (Qhull) finds hulls and triangulations. Tours of at most 12 points are found by dynamic
programming (Held and Karp 1962); longer ones by 2-opt from several nearest-neighbour tours (Croes
1958), which is a heuristic.
"""

from collections.abc import Sequence

import numpy as onp
from scipy.spatial import ConvexHull, Delaunay, QhullError
from scipy.spatial.distance import cdist

from d2l_attention.backend.checks import check_integer, check_sizes

FEWEST = {"hull": 3, "delaunay": 3, "tour": 2}
MOST_EXACT = 12  # points of a tour


def uniform(count: int, n: int, *, seed: int) -> onp.ndarray:
    """Return sets of points, drawn uniformly from the unit square: (count, n, 2) float32."""
    check_sizes(count=count, n=n)
    return onp.random.RandomState(seed).random_sample((count, n, 2)).astype("float32")


def check_points(points: onp.ndarray, task: str) -> onp.ndarray:
    """Return one set of points as float64 (n, 2).

    Raises
    ------
    ValueError
        It is of another shape, has too few points for the task, two equal ones, or a coordinate
        that is not finite.
    """
    points = onp.asarray(points, "float64")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < FEWEST[task]:
        raise ValueError(f"points must be (n, 2), n at least {FEWEST[task]}, got {points.shape}")
    return check_sets(points[None], task)[0]


def check_sets(points: onp.ndarray, task: str) -> onp.ndarray:
    """Return sets of points as float64 (B, n, 2); raise as `check_points` does for one of them."""
    points = onp.asarray(points, "float64")
    if points.ndim != 3 or points.shape[2] != 2 or points.shape[1] < FEWEST[task]:
        raise ValueError(f"points must be (B, n, 2), n at least {FEWEST[task]}, got {points.shape}")
    if not onp.isfinite(points).all():
        raise ValueError("points must be finite numbers")
    ordered = onp.sort(points[..., 0] + 1j * points[..., 1], axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise ValueError("points must be distinct, got two that are equal")
    return points


def convex_hull(points: onp.ndarray) -> list[int]:
    """Return the corners of the convex hull, counter-clockwise from the lowest number.

    Points on an edge between two corners are no corners.

    Raises
    ------
    ValueError
        As for `check_points`, or all points lie on one line.

    >>> convex_hull([[0, 0], [1, 0], [0.5, 0.1], [1, 1], [0, 1]])
    [0, 1, 3, 4]
    """
    points = check_points(points, "hull")
    corners = _on_a_plane(ConvexHull, points).vertices.tolist()  # counter-clockwise
    first = corners.index(min(corners))
    return corners[first:] + corners[:first]


def hulls(points: onp.ndarray) -> list[list[int]]:
    """Return `convex_hull` of each set of points, all at once: (B, n, 2) -> B lists.

    From the lowest point on, the next corner is the one with no point to its right (Jarvis 1973).
    It does a set of ten points in a fifth of the time that Qhull takes.

    Raises
    ------
    ValueError
        As for `convex_hull`.

    >>> hulls([[[0, 0], [1, 0], [0.5, 0.1], [1, 1], [0, 1]]])
    [[0, 1, 3, 4]]
    """
    points = check_sets(points, "hull")
    last = first = onp.lexsort((points[..., 0], points[..., 1]), axis=1)[:, 0]
    over, found = onp.zeros(len(points), bool), [first]
    while not over.all() and len(found) <= points.shape[1]:
        last = _next_corner(points, last)
        over |= last == first
        found.append(onp.where(over, -1, last))
    corners = [[i for i in row if i >= 0] for row in onp.stack(found, axis=1).tolist()]
    if min(map(len, corners)) < 3:
        raise ValueError("points must not all lie on one line")
    return [row[row.index(min(row)) :] + row[: row.index(min(row))] for row in corners]


def _next_corner(points: onp.ndarray, last: onp.ndarray) -> onp.ndarray:
    """The point of each set that has all others to its left, seen from the last corner."""
    rows, n = onp.arange(len(points)), points.shape[1]
    x, y = onp.moveaxis(points - points[rows, last][:, None], -1, 0)  # (B, n)
    far, best = x**2 + y**2, (last + 1) % n
    for j in range(n):
        turn = x[rows, best] * y[:, j] - y[rows, best] * x[:, j]
        farther = (turn == 0) & (far[:, j] > far[rows, best])
        best = onp.where((turn < 0) | farther, j, best)
    return best


def delaunay(points: onp.ndarray) -> list[tuple[int, int, int]]:
    """Return the triangles of the Delaunay triangulation, sorted.

    No point lies within the circle through a triangle's corners. Of four points on one circle there
    are two triangulations, of which SciPy's is returned.

    Raises
    ------
    ValueError
        As for `convex_hull`.

    >>> delaunay([[0, 0], [2, 0], [1, 0.5], [1, 2]])
    [(0, 1, 2), (0, 2, 3), (1, 2, 3)]
    """
    triangles = _on_a_plane(Delaunay, check_points(points, "delaunay")).simplices
    return sorted(tuple(sorted(triangle)) for triangle in triangles.tolist())


def _on_a_plane(method, points: onp.ndarray):
    try:
        return method(points)
    except QhullError as error:
        raise ValueError("points must not all lie on one line") from error


# ---------------------------------------------------------------------------------------- tours
def tour_length(points: onp.ndarray, tour: Sequence[int]) -> float:
    """Return the length of a closed tour, in the unit of the points.

    >>> tour_length([[0, 0], [0, 1], [1, 1], [1, 0]], [0, 1, 2, 3])
    4.0
    """
    ordered = onp.asarray(points, "float64")[list(tour)]
    return float(onp.linalg.norm(ordered - onp.roll(ordered, -1, axis=0), axis=1).sum())


def shortest_tours(points: onp.ndarray) -> onp.ndarray:
    """Return the shortest tour of each set of points, by dynamic programming: (B, n, 2) -> (B, n).

    best[S, j] is the length of the shortest way from point 0 through all of S to j in S:
    best[S, j] = min_i best[S - {j}, i] + distance[i, j]. All sets of points go through the same S at
    the same time. It takes B n 2^n numbers.

    Raises
    ------
    ValueError
        The points are no sets of 2 to 12 distinct, finite points each.
    """
    points = check_sets(points, "tour")
    count, n = points.shape[:2]
    check_integer("the number of points", n, 2, MOST_EXACT + 1)
    distance = onp.linalg.norm(points[:, :, None] - points[:, None], axis=-1)  # (B, n, n)
    best, before = _ways(distance[:, 1:, 1:], distance[:, 0, 1:])
    everything = (1 << (n - 1)) - 1
    last = (best[everything] + distance[:, 1:, 0]).argmin(axis=1)
    rows, visited, tours = onp.arange(count), onp.full(count, everything), []
    for _ in range(n - 1):
        tours.append(last + 1)
        visited, last = visited & ~(1 << last), before[visited, rows, last]
    return _turned(points, onp.stack([onp.zeros(count, "int64"), *reversed(tours)], axis=1))


def _ways(distance: onp.ndarray, start: onp.ndarray) -> tuple[onp.ndarray, onp.ndarray]:
    """best and the point before j on that way, both (2^(n-1), B, n-1)."""
    count, n = start.shape
    best = onp.full((1 << n, count, n), onp.inf)
    before = onp.zeros((1 << n, count, n), "int64")
    for j in range(n):
        best[1 << j, :, j] = start[:, j]
    for visited in range(1, 1 << n):
        for j in range(n):
            rest = visited & ~(1 << j)
            if rest and rest != visited:
                through = best[rest] + distance[:, :, j]  # (B, n-1)
                before[visited, :, j] = through.argmin(axis=1)
                best[visited, :, j] = through.min(axis=1)
    return best, before


def _turned(points: onp.ndarray, tours: onp.ndarray) -> onp.ndarray:
    """Tours that go counter-clockwise; one without an area goes to the lower-numbered neighbour."""
    ordered = onp.take_along_axis(points, tours[..., None], axis=1)  # (B, n, 2)
    (x, y), (x_next, y_next) = (
        onp.moveaxis(each, -1, 0) for each in (ordered, onp.roll(ordered, -1, axis=1))
    )
    area = (x * y_next - y * x_next).sum(axis=1, keepdims=True)  # twice
    flat = abs(area) < 1e-12
    keep = onp.where(flat, tours[:, 1:2] <= tours[:, -1:], area > 0)
    other = onp.concatenate([tours[:, :1], tours[:, :0:-1]], axis=1)
    return onp.where(keep, tours, other)


def nearest_neighbour(points: onp.ndarray, start: int = 0) -> list[int]:
    """Return the tour that always goes on to the nearest point that is left."""
    points = check_points(points, "tour")
    distance, tour = cdist(points, points), [check_integer("start", start, 0, len(points))]
    left = set(range(len(points))) - {start}
    while left:
        tour.append(min(left, key=lambda i: (distance[tour[-1], i], i)))
        left.remove(tour[-1])
    return tour


def short_tour(points: onp.ndarray, *, starts: int = 10) -> list[int]:
    """Return a short tour of any number of points: the best of several, improved by 2-opt.

    2-opt takes two edges away and joins the parts the other way round, as long as that is shorter.
    """
    points = check_points(points, "tour")
    distance = cdist(points, points)
    begun = range(min(starts, len(points)))
    tours = [_two_opt(nearest_neighbour(points, start), distance) for start in begun]
    best = onp.array([min(tours, key=lambda tour: tour_length(points, tour))])
    best = onp.roll(best, -int(onp.flatnonzero(best[0] == 0)[0]), axis=1)
    return _turned(points[None], best)[0].tolist()


def _two_opt(tour: list[int], distance: onp.ndarray) -> list[int]:
    tour, n = onp.array(tour), len(tour)
    while True:
        after = onp.roll(tour, -1)
        gain = distance[tour, after][:, None] + distance[tour, after][None]
        gain = gain - distance[onp.ix_(tour, tour)] - distance[onp.ix_(after, after)]
        gain = onp.triu(gain, 2)
        i, j = divmod(int(gain.argmax()), n)
        if gain[i, j] < 1e-12:
            return tour.tolist()
        tour[i + 1 : j + 1] = tour[i + 1 : j + 1][::-1].copy()
