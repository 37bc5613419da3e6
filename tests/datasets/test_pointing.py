"""What answers about points are worth, against brute force in exact fractions."""

import itertools
from fractions import Fraction

import numpy as onp
import pytest

from d2l_attention.datasets.point_sets import convex_hull, delaunay, hulls, shortest_tours, uniform
from d2l_attention.datasets.pointing import (
    answers,
    area,
    hull_allowed,
    is_simple,
    judge_hulls,
    judge_triangulations,
    left_to_right,
    same_polygon,
    sequences,
    tour_allowed,
    training_batches,
    triangles,
)

SQUARE = onp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def grid_polygons(count, corners, side=4, seed=0):
    """Corners on a grid, so that many lie on one line or on another's edge."""
    random = onp.random.RandomState(seed)
    for _ in range(count):
        places = random.permutation(side * side)[:corners]
        yield onp.stack([places // side, places % side], axis=1)


# --------------------------------------------------------------------------------- brute force
def shared_points(p, q, r, s) -> str:
    """What two segments share: "nothing", "a point", or "a stretch"; solved in exact fractions."""
    p, q, r, s = ([Fraction(int(x)) for x in point] for point in (p, q, r, s))
    d, e, f = ([b - a for a, b in zip(*ends, strict=True)] for ends in ((p, q), (r, s), (p, r)))
    determinant = d[1] * e[0] - d[0] * e[1]
    if determinant:
        t = (f[1] * e[0] - f[0] * e[1]) / determinant
        u = (f[1] * d[0] - f[0] * d[1]) / determinant
        return "a point" if 0 <= t <= 1 and 0 <= u <= 1 else "nothing"
    if d[0] * f[1] != d[1] * f[0]:
        return "nothing"
    axis = 0 if d[0] else 1
    low = max(min(p[axis], q[axis]), min(r[axis], s[axis]))
    high = min(max(p[axis], q[axis]), max(r[axis], s[axis]))
    return "nothing" if low > high else "a point" if low == high else "a stretch"


def is_simple_by_pairs(corners) -> bool:
    m = len(corners)
    edges = [(corners[k], corners[(k + 1) % m]) for k in range(m)]
    for i, j in itertools.combinations(range(m), 2):
        neighbours = j - i in (1, m - 1)
        shared = shared_points(*edges[i], *edges[j])
        if shared == "a stretch" or (shared == "a point" and not neighbours):
            return False
    return True


@pytest.mark.parametrize("corners", [3, 4, 5, 6, 7])
def test_simple_polygons(corners):
    found = {True: 0, False: 0}
    for polygon in grid_polygons(400, corners):
        expected = is_simple_by_pairs(polygon)
        assert is_simple(polygon, range(corners)) == expected, polygon.tolist()
        found[expected] += 1
    assert min(found.values()) > 3  # both kinds are tried


def test_a_point_used_twice_or_an_edge_alone_is_no_polygon():
    assert not is_simple(SQUARE, [0, 1, 2, 1]) and not is_simple(SQUARE, [0, 1])
    assert not is_simple(SQUARE, [])


def test_area_by_counting():
    """The share of a fine grid's cells whose middle is in the polygon, by crossings of a ray."""
    middles = (onp.arange(200) + 0.5) / 200
    x, y = (each.ravel() for each in onp.meshgrid(middles, middles))
    tried = 0
    for points in uniform(60, 5, seed=0).astype("float64"):
        if not is_simple(points, range(5)):
            continue
        inside = onp.zeros(len(x), bool)
        for (ax, ay), (bx, by) in zip(points, onp.roll(points, -1, axis=0), strict=True):
            between = (ay > y) != (by > y)
            inside ^= between & (x < ax + (y - ay) * (bx - ax) / (by - ay))
        assert area(points, range(5)) == pytest.approx(inside.mean(), abs=0.01)
        assert area(points, range(4, -1, -1)) == pytest.approx(area(points, range(5)))
        tried += 1
    assert tried > 5


# --------------------------------------------------------------------------------------- hulls
@pytest.mark.parametrize("n", [3, 4, 5, 10, 30])
def test_hulls_are_qhulls(n):
    points = uniform(100, n, seed=n)
    assert hulls(points) == [convex_hull(each) for each in points]


@pytest.mark.parametrize("n", [4, 6, 9])
def test_hulls_of_points_on_a_grid(n):
    """Corners alone, though other points lie on their edges."""
    tried = 0
    for points in grid_polygons(150, n, seed=n):
        try:
            expected = convex_hull(points)
        except ValueError:
            with pytest.raises(ValueError, match="one line"):
                hulls(points[None])
            continue
        assert hulls(points[None]) == [expected]
        tried += len(expected) < n
    assert tried > 20


def test_same_polygon_is_any_turn_of_it_and_no_other_order():
    for size in (3, 4, 5):
        polygon = list(range(10, 10 + size))
        turns = {tuple(polygon[k:] + polygon[:k]) for k in range(size)}
        turns |= {turn[::-1] for turn in turns}
        same = {each for each in itertools.permutations(polygon) if same_polygon(each, polygon)}
        assert same == turns
    assert not same_polygon([0, 1, 2], [0, 1, 2, 3]) and not same_polygon([], [])
    assert not same_polygon([0, 1, 1], [0, 1, 2]) and not same_polygon([0, 1, 2], [0, 1, 1])


def test_right_hulls_are_worth_everything_and_wrong_ones_less():
    points = uniform(50, 8, seed=0)
    exact = hulls(points)
    assert judge_hulls(points, exact) == {"accuracy": 1, "area": pytest.approx(1), "invalid": 0}
    turned = [each[1:] + each[:1] for each in exact]
    assert judge_hulls(points, [each[::-1] for each in turned])["accuracy"] == 1
    shorter = judge_hulls(points, [each[1:] if len(each) > 3 else each for each in exact])
    assert shorter["accuracy"] == onp.mean([len(each) == 3 for each in exact])
    assert 0.5 < shorter["area"] < 0.95 and shorter["invalid"] == 0


def test_invalid_answers_are_counted_and_take_no_part_in_the_area():
    points = onp.stack([SQUARE] * 4)
    found = [[0, 1, 2, 3], [0, 2, 1, 3], [0, 1], []]
    assert judge_hulls(points, found) == {"accuracy": 0.25, "area": 1.0, "invalid": 0.75}
    assert judge_hulls(points, [[]] * 4) == {"accuracy": 0.0, "area": 0.0, "invalid": 1.0}


# ------------------------------------------------------------------------------ triangulations
def test_triangulations_are_judged_by_their_triangles():
    points = uniform(20, 6, seed=0)
    exact = answers(points, "delaunay")
    assert judge_triangulations(points, exact) == {"accuracy": 1.0, "coverage": 1.0}
    other_order = [each[-3:] + each[:-3] for each in exact]
    assert judge_triangulations(points, other_order)["accuracy"] == 1
    without = [each[3:] for each in exact]
    counts = [len(delaunay(each)) for each in points]
    found = judge_triangulations(points, without)
    assert found["accuracy"] == 0
    assert found["coverage"] == pytest.approx(onp.mean([1 - 1 / count for count in counts]))
    too_many = [[*each, 0, 1, 2, 0, 1, 3, 0, 1, 4, 0, 1, 5] for each in exact]
    assert judge_triangulations(points, too_many)["coverage"] == 1
    assert judge_triangulations(points, too_many)["accuracy"] < 0.2


def test_a_rest_is_no_triangle():
    assert triangles([3, 1, 2, 1, 0]) == {(1, 2, 3)} and triangles([]) == set()


# ----------------------------------------------------------------------------------- sequences
@pytest.mark.parametrize("task", ["hull", "delaunay", "tour"])
def test_sequences_say_the_answers_and_the_decoder_reads_what_it_wrote(task):
    points = uniform(10, 6, seed=0)
    exact = answers(points, task)
    previous, target = sequences(exact)
    assert previous.dtype == target.dtype == "int32" and previous.shape == target.shape
    for read, written, answer in zip(previous.tolist(), target.tolist(), exact, strict=True):
        end = written.index(0)
        assert [i - 1 for i in written[:end]] == answer and set(written[end + 1 :]) <= {-1}
        assert read == [0, *(max(i, 0) for i in written[:-1])]
    assert all(written.max() <= 6 for written in target)


def test_batches_have_points_of_one_number_and_their_answers():
    batches = training_batches("hull", [4, 6], 8, 16, seed=0, ordered=True)
    first, again, second = (list(batches(epoch)) for epoch in (0, 0, 1))
    assert {points.shape for (points, _), _ in first} == {(16, 4, 2), (16, 6, 2)}
    for ((points, previous), target), ((same, _), _) in zip(first, again, strict=True):
        assert (points == same).all() and (onp.diff(points[..., 0], axis=1) >= 0).all()
        assert target.tolist() == sequences(answers(points, "hull"))[1].tolist()
        assert (target[:, 0] == 1).all()  # the leftmost point is a corner, and the first
        assert previous.max() <= points.shape[1]
    assert not any(
        (a[0][0][:, :4] == b[0][0][:, :4]).all() for a, b in zip(first, second, strict=True)
    )
    tours = next(training_batches("tour", [5], 1, 8, seed=0)(0))
    assert tours[1][:, :-1].tolist() == (shortest_tours(tours[0][0]) + 1).tolist()


def test_numbered_from_left_to_right():
    points = uniform(5, 6, seed=0)
    ordered = left_to_right(points)
    for one, other in zip(points.tolist(), ordered.tolist(), strict=True):
        assert sorted(one) == other


# ------------------------------------------------------------------------------ what is allowed
def test_only_tours_are_allowed_and_all_of_them():
    allowed, begun = tour_allowed(4), [()]
    for _ in range(5):
        begun = [(*b, s) for b in begun for s in _allowed(allowed, b)]
    assert {tour[:-1] for tour in begun} == set(itertools.permutations(range(1, 5)))
    assert {tour[-1] for tour in begun} == {0}


def test_hulls_end_after_three_corners_and_name_none_twice():
    allowed, begun, ended = hull_allowed(4), [()], set()
    for _ in range(5):
        begun = [(*b, s) for b in begun for s in _allowed(allowed, b)]
        ended |= {b[:-1] for b in begun if b[-1] == 0}
        begun = [b for b in begun if b[-1] != 0]
    assert not begun
    expected = [set(itertools.permutations(range(1, 5), size)) for size in (3, 4)]
    assert ended == expected[0] | expected[1]


def _allowed(allowed, symbols) -> list[int]:
    row = onp.array([symbols], dtype="int32").reshape(1, -1)
    return onp.flatnonzero(allowed(row)[0]).tolist()


# -------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: answers(SQUARE[None], "sort"), "task must be one of hull, delaunay, tour"),
        (lambda: answers(SQUARE[None, :1], "hull"), r"points must be \(B, n, 2\), n at least 3"),
        (lambda: answers(SQUARE[None][:, [0, 1, 1]], "hull"), "points must be distinct"),
        (lambda: answers(onp.arange(8.0).reshape(1, 4, 2), "hull"), "one line"),
        (lambda: answers(SQUARE[None] * onp.nan, "hull"), "points must be finite"),
        (lambda: training_batches("hull", [4], 0, 8, seed=0), "count"),
        (lambda: training_batches("sort", [4], 1, 8, seed=0), "task"),
        (lambda: tour_allowed(0), "n must be"),
        (lambda: hull_allowed(0), "n must be"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
