"""Hulls, triangulations and tours against brute force that knows nothing of SciPy or of each other."""

import itertools

import numpy as onp
import pytest

from d2l_attention.datasets.point_sets import (
    convex_hull,
    delaunay,
    nearest_neighbour,
    short_tour,
    shortest_tours,
    tour_length,
    uniform,
)

SQUARE = onp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def turn(a, b, c) -> float:
    """Twice the signed area of a triangle: positive if it turns left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def signed_area(corners) -> float:
    """Positive if the polygon goes counter-clockwise: the sum of triangles seen from a corner."""
    return sum(turn(corners[0], *pair) for pair in itertools.pairwise(corners)) / 2


# --------------------------------------------------------------------------------------- hulls
@pytest.mark.parametrize("n", [3, 4, 5, 10, 30])
def test_hull(n):
    """Each corner is followed by the one to whose left all points lie."""
    for points in uniform(30, n, seed=n).astype("float64"):
        hull = convex_hull(points)
        assert hull[0] == min(hull) and len(set(hull)) == len(hull) >= 3
        for i, j in zip(hull, hull[1:] + hull[:1], strict=True):
            assert all(turn(points[i], points[j], points[k]) > 0 for k in set(range(n)) - {i, j})


def test_hull_of_points_in_another_order():
    random = onp.random.RandomState(0)
    for points in uniform(20, 8, seed=1):
        order = random.permutation(8)
        there = [int(order[i]) for i in convex_hull(points[order])]
        first = there.index(min(there))
        assert there[first:] + there[:first] == convex_hull(points)


def test_points_on_an_edge_are_no_corners():
    assert convex_hull([*SQUARE, [0.5, 0.0], [1.0, 0.5]]) == [0, 1, 2, 3]


# ------------------------------------------------------------------------------ triangulations
@pytest.mark.parametrize("n", [3, 4, 5, 10])
def test_no_point_lies_in_the_circle_of_a_triangle_and_all_such_are_there(n):
    for points in uniform(15, n, seed=n).astype("float64"):
        expected = []
        for corners in itertools.combinations(range(n), 3):
            a, b, c = points[list(corners)]
            matrix = 2 * onp.array([b - a, c - a])
            center = onp.linalg.solve(matrix, [b @ b - a @ a, c @ c - a @ a])
            radius = onp.linalg.norm(a - center)
            others = [points[k] for k in range(n) if k not in corners]
            if all(onp.linalg.norm(p - center) > radius for p in others):
                expected.append(corners)
        assert delaunay(points) == expected


# --------------------------------------------------------------------------------------- tours
@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_shortest_tour_is_the_shortest_of_all_permutations(n):
    points = uniform(12, n, seed=n)
    for each, tour in zip(points, shortest_tours(points), strict=True):
        others = itertools.permutations(range(1, n))
        shortest = min(tour_length(each, (0, *rest)) for rest in others)
        assert sorted(tour) == list(range(n)) and tour[0] == 0
        assert n == 2 or signed_area(each[list(tour)]) > 0
        assert tour_length(each, tour) == pytest.approx(shortest, abs=1e-9)


def test_shortest_tours_have_the_expected_lengths():
    """Of uniform points: 2.12 for 5, 2.86 for 10 (the paper prints 2.12 and 2.87)."""
    for n, expected in ((5, 2.12), (10, 2.87)):
        points = uniform(400, n, seed=3)
        found = onp.mean(
            [tour_length(*pair) for pair in zip(points, shortest_tours(points), strict=True)]
        )
        assert found == pytest.approx(expected, abs=0.05)


def test_the_heuristic_is_close_to_the_optimum_and_never_below():
    points = uniform(60, 11, seed=0)
    for each, best in zip(points, shortest_tours(points), strict=True):
        tour = short_tour(each)
        assert sorted(tour) == list(range(11)) and tour[0] == 0
        assert signed_area(each[tour]) > 0
        ratio = tour_length(each, tour) / tour_length(each, best)
        assert 1 - 1e-9 <= ratio < 1.06


@pytest.mark.parametrize("n", [20, 50])
def test_longer_tours_are_better_than_the_nearest_neighbours(n):
    """Without crossing edges, and on average by a fifth."""
    points = uniform(10, n, seed=n)
    short = [tour_length(each, short_tour(each)) for each in points]
    nearest = [tour_length(each, nearest_neighbour(each)) for each in points]
    assert all(one <= other + 1e-9 for one, other in zip(short, nearest, strict=True))
    assert sum(short) < 0.9 * sum(nearest)


def test_the_nearest_neighbour_is_next():
    assert nearest_neighbour([[0, 0], [3, 0], [1, 0], [6, 0]]) == [0, 2, 1, 3]
    assert nearest_neighbour([[0, 0], [3, 0], [1, 0], [6, 0]], start=3) == [3, 1, 2, 0]


def test_the_seed_decides():
    first, again, other = (uniform(5, 4, seed=seed) for seed in (1, 1, 2))
    assert first.dtype == "float32" and first.shape == (5, 4, 2)
    assert (first == again).all() and (first != other).any()
    assert first.min() >= 0 and first.max() <= 1


# -------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize("find", [convex_hull, delaunay, nearest_neighbour, short_tour])
@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.1, 0.2]], r"points must be \(n, 2\), n at least"),
        ([0.1, 0.2], r"points must be \(n, 2\)"),
        ([[0, 0, 1], [1, 0, 1], [0, 1, 1]], r"points must be \(n, 2\)"),
        ([[0, 0], [1, 0], [0, 0]], "points must be distinct"),
        ([[0, 0], [1, onp.nan], [0, 2]], "points must be finite"),
    ],
)
def test_impossible_points_are_refused(find, points, message):
    with pytest.raises(ValueError, match=message):
        find(points)


@pytest.mark.parametrize("find", [convex_hull, delaunay])
def test_points_on_a_line_have_no_hull(find):
    with pytest.raises(ValueError, match="must not all lie on one line"):
        find([[0, 0], [1, 1], [2, 2], [3, 3]])


def test_points_on_a_line_have_a_tour():
    (tour,) = shortest_tours([[[0, 0], [2, 2], [1, 1], [3, 3]]])
    assert tour[0] == 0 and tour[1] < tour[-1]  # no area says which way to go
    assert tour_length([[0, 0], [2, 2], [1, 1], [3, 3]], tour) == pytest.approx(6 * 2**0.5)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (SQUARE, r"points must be \(B, n, 2\)"),
        (uniform(1, 13, seed=0), "the number of points must be from 2 to 12"),
        (onp.stack([SQUARE, SQUARE[[0, 1, 1, 2]]]), "distinct"),
    ],
)
def test_impossible_sets_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        shortest_tours(points)
