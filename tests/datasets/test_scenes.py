"""Scenes: a solver that knows the words and the things agrees; neither half of the task gives the answer away."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.datasets import scene_drawing, scene_layout, scenes

VALID = {"grid": 6, "colors": 4, "shapes": 3, "distractors": 4}


# --------------------------------------------------------------------------- the solver
def solve(text: str, things) -> tuple[str, list[tuple[int, int]]]:
    """Read the words from the right, and walk over the things: the answer, and the cells on the way to it."""
    words = text.split()
    assert words[:5] == ["what", "color", "is", "the", "shape"]
    at = {(thing.row, thing.column): thing for thing in things}
    if "row" in words:
        number = ["one", "two", "three", "four", "five", "six"].index
        path = [
            (
                number(words[words.index("row") + 1]),
                number(words[words.index("column") + 1]),
            )
        ]
    else:
        (start,) = [cell for cell, thing in at.items() if [thing.color, thing.shape] == words[-2:]]
        path, phrase = [start], " ".join(words[4:])
        for link in reversed(phrase.split("shape")[1:]):
            (row, column), word = path[-1], link.split()[0]
            step = {
                "left": (0, -1),
                "right": (0, 1),
                "above": (-1, 0),
                "below": (1, 0),
            }[word]
            path.append((row + step[0], column + step[1]))
    return at[path[-1]].color, path


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(0, 2),
    st.integers(5, 6),
    st.integers(2, 4),
    st.integers(2, 4),
    st.integers(0, 3),
)
def test_a_solver_agrees(seed, relations, grid, colors, shapes, distractors):
    made = scenes.generate(
        4,
        seed=seed,
        relations=relations,
        grid=grid,
        colors=colors,
        shapes=shapes,
        distractors=distractors,
    )
    for question in made.questions:
        things = made.things[question.picture]
        answer, path = solve(question.text, things)
        assert answer == question.answer
        assert [divmod(cell, grid) for cell in question.path] == path
        assert len(path) == max(1, relations + 1) == len(set(path))
        assert (
            len({(t.row, t.column) for t in things})
            == len(things)
            == colors * (1 + relations) + distractors
        )


@pytest.mark.parametrize("relations", [0, 1, 2])
def test_the_picture_alone_says_nothing(relations):
    """Each picture is asked about once for every colour: whoever knows the picture only is right once in four."""
    made = scenes.generate(20, seed=1, relations=relations, **VALID)
    answers = defaultdict(list)
    for question in made.questions:
        answers[question.picture].append(question.answer)
    assert len(answers) == 20
    assert all(sorted(given) == sorted(list(scenes.COLORS)[:4]) for given in answers.values())


def wordings(made):
    return [(q.text, q.answer) for q in made.questions]


@pytest.mark.parametrize("relations, questions", [(0, None), (1, None), (1, 1)])
def test_the_question_alone_says_nothing(relations, questions):
    """The most frequent answer to each wording is right about once in four on new pictures."""
    options = {"relations": relations, "cell": 6, "questions": questions} | VALID
    count = 800 if questions is None else 3200
    known, new = (scenes.generate(count, seed=seed, **options) for seed in (0, 1))
    seen = defaultdict(Counter)
    for text, answer in wordings(known):
        seen[text][answer] += 1
    guesses = [
        seen[text].most_common(1)[0][0] == answer for text, answer in wordings(new) if text in seen
    ]
    assert len(guesses) > 0.98 * len(new.questions)
    assert abs(onp.mean(guesses) - 0.25) < 4 * (0.25 * 0.75 / len(guesses)) ** 0.5


@pytest.mark.parametrize("relations", [1, 2])
def test_named_color_direction_and_place_are_independent_of_the_answer(relations):
    made = scenes.generate(1000, seed=3, relations=relations, cell=6, grid=5, distractors=0)
    for part in (
        -2,
        5,
        -1,
    ):  # colour, first direction, shape of the thing that is named
        table = Counter((q.text.split()[part], q.answer) for q in made.questions)
        total = Counter(q.text.split()[part] for q in made.questions)
        for (word, _), count in table.items():
            assert abs(count / total[word] - 0.25) < 4 * (0.25 * 0.75 / total[word]) ** 0.5
    table = onp.zeros((4, 25))
    for q in made.questions:
        table[list(scenes.COLORS).index(q.answer), q.path[-1]] += 1
    expected = table.sum(0) / 4
    statistic = ((table - expected) ** 2 / expected).sum()  # chi-squared, 3 * 24 degrees of freedom
    assert statistic < 72 + 4 * (2 * 72) ** 0.5


def test_named_things_are_unique_and_paths_go_to_neighbours():
    made = scenes.generate(50, seed=0, relations=2, grid=6)
    for question in made.questions:
        kinds = Counter((t.color, t.shape) for t in made.things[question.picture])
        assert kinds[tuple(question.text.split()[-2:])] == 1
        for a, b in pairwise(divmod(cell, 6) for cell in question.path):
            assert abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1


def test_pictures_may_differ_in_the_number_of_things():
    made = scenes.generate(200, seed=0, questions=1, distractors=(0, 2))
    assert Counter(map(len, made.things)).keys() == {2, 3, 4}
    assert [q.picture for q in made.questions] == list(range(200))


def test_the_same_seed_gives_the_same_scenes_and_another_does_not():
    a, b, c = (scenes.generate(3, seed=seed) for seed in (0, 0, 1))
    onp.testing.assert_array_equal(a.pictures, b.pictures)
    assert a.questions == b.questions and a.things == b.things
    assert a.questions != c.questions and (a.pictures != c.pictures).any()


def test_one_relation_and_two_of_a_seed_are_drawn_apart():
    one, two = (scenes.generate(3, seed=0, relations=n) for n in (1, 2))
    assert one.things[0] != two.things[0]


# ------------------------------------------------------------------------------- pixels
def test_noise_is_as_strong_as_it_is_set():
    """Only noise makes a pixel lighter than paper: twice the noise, twice as much."""
    lighter = []
    for noise in (0.0, 0.01, 0.02):
        pictures = scenes.generate(20, seed=0, noise=noise, distractors=0).pictures
        off = pictures / 255.0 - scene_drawing.PAPER
        lighter.append(onp.quantile(off, 0.75))
    assert abs(lighter[0]) < 0.003 and 0.003 < lighter[1] < 0.01
    assert lighter[2] / lighter[1] == pytest.approx(2, rel=0.25)


def nearest(patch: onp.ndarray) -> str:
    """The colour of a cell by the mean of its most colourful pixels; "" if it is empty paper."""
    pixels = patch.reshape(3, -1).T / 255.0
    far = abs(pixels - scene_drawing.PAPER).sum(1)
    if onp.sort(far)[-6] < 0.3:
        return ""
    ink = pixels[onp.argsort(-far)[:6]].mean(0)
    return min(scenes.COLORS, key=lambda color: abs(ink - scenes.COLORS[color]).sum())


def test_pixels_show_the_things_and_nothing_else():
    made = scenes.generate(20, seed=5, relations=1, colors=6, shapes=4, grid=6, cell=8)
    for picture, things in zip(made.pictures, made.things, strict=True):
        expected = {(thing.row, thing.column): thing.color for thing in things}
        for row in range(6):
            for column in range(6):
                patch = picture[:, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
                assert nearest(patch) == expected.get((row, column), "")


def drawn(shape, row=1, column=1, seed=0, noise=0.0):
    thing = scenes.SceneThing(row, column, "black", shape)
    random = onp.random.RandomState(seed)
    return scenes.draw((thing,), grid=3, cell=10, noise=noise, random=random)


@pytest.mark.parametrize("shape", scenes.SHAPES)
def test_a_thing_stays_in_its_cell(shape):
    paper = round(scene_drawing.PAPER * 255)
    for seed in range(20):
        picture = drawn(shape, seed=seed)
        assert (picture[:, 10:20, 10:20] < 100).sum() > 3 * 10
        picture[:, 10:20, 10:20] = paper
        assert (picture == paper).all()


def test_shapes_differ_and_things_of_a_kind_do_too():
    area = {
        shape: onp.mean([(drawn(shape, seed=s)[0] < 128).sum() for s in range(30)])
        for shape in scenes.SHAPES
    }
    assert max(area["cross"], area["triangle"]) < 0.8 * area["circle"] < area["square"] < 60
    assert (drawn("circle", seed=0) != drawn("circle", seed=1)).any()
    assert drawn("circle", noise=0.1)[:, :10].std() > 15 and drawn("circle")[:, :10].std() == 0


# ---------------------------------------------------------------------- under a lamp
def test_lit_things_are_what_flat_ones_are_and_where():
    flat, lit = (scenes.generate(5, seed=3, lit=lit) for lit in (False, True))
    assert flat.things[0] == lit.things[0] and flat.questions[:4] == lit.questions[:4]
    assert (flat.pictures != lit.pictures).mean() > 0.9


def test_a_lamp_makes_the_near_side_lighter_and_throws_a_shadow_on_the_other():
    options = {"grid": 3, "cell": 32, "noise": 0}
    ball = scenes.SceneThing(1, 1, "green", "circle")
    for seed in range(5):
        with_ball, without = (
            scenes.draw(things, lit=True, random=onp.random.RandomState(seed), **options) / 255.0
            for things in ((ball,), ())
        )
        rows, columns = onp.nonzero(with_ball[0] < 0.2)  # the ball's red is small
        middle = rows.mean(), columns.mean()
        y, x = onp.indices(with_ball[0].shape)
        near = (y + x < sum(middle) - 8) & (with_ball[0] < 0.2)
        far = (y + x > sum(middle) + 8) & (with_ball[0] < 0.2)
        assert with_ball[1][near].mean() > with_ball[1][far].mean() + 0.1
        beside = (y + x > sum(middle) + 18) & (y + x < sum(middle) + 24) & (abs(y - x) < 6)
        assert with_ball[:, beside].mean() < 0.95 * without[:, beside].mean()


# ------------------------------------------------------------------------- exchanges
@pytest.mark.parametrize("seed", range(3))
def test_a_solver_answers_exchanges_like_an_exclusive_or(seed):
    made = scenes.exchanges(20, seed=seed, grid=6, colors=5)
    assert len(made.pictures) == len(made.things) == len(made.questions) == 80
    for first in range(0, 80, 4):
        four = made.questions[first : first + 4]
        assert len({question.text for question in four}) == 1
        for question in four:
            things = made.things[question.picture]
            answer, path = solve(question.text, things)
            assert answer == question.answer
            assert question.path == tuple(row * 6 + column for row, column in path)
        a, b, c, d = (question.answer for question in four)
        assert a == d != b == c
        cells = [{(t.row, t.column) for t in made.things[q.picture]} for q in four]
        assert len(cells[0]) == 4 and cells.count(cells[0]) == 4


def test_exchanges_change_colors_or_shapes_and_nothing_else():
    things = [set(scene) for scene in scenes.exchanges(1, seed=0).things]
    assert [len(things[0] & other) for other in things[1:]] == [2, 2, 0]


@pytest.mark.parametrize("change", [{"count": 0}, {"colors": 2}, {"grid": 2}, {"noise": 1}])
def test_bad_exchanges_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        scenes.exchanges(**({"count": 1, "seed": 0} | change))


# ------------------------------------------------------------------------- bad settings
@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"relations": 3},
        {"relations": -1},
        {"grid": 1},
        {"grid": 13},
        {"cell": 5},
        {"cell": 8.0},
        {"colors": 1},
        {"colors": 7},
        {"shapes": 1},
        {"shapes": 5},
        {"distractors": -1},
        {"distractors": True},
        {"distractors": (3, 2)},
        {"distractors": (-1, 2)},
        {"distractors": 18},
        {"questions": 0},
        {"questions": 5},
        {"noise": -0.1},
        {"noise": float("nan")},
    ],
)
def test_bad_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        scenes.generate(**({"count": 1, "seed": 0} | change))


def test_a_full_grid_is_refused_if_no_layout_is_found(monkeypatch):
    monkeypatch.setattr(scene_layout, "ATTEMPTS", 3)
    with pytest.raises(ValueError, match="no room found for 15 things"):
        scenes.generate(5, seed=0, grid=4, relations=2, colors=5, distractors=0)


def test_things_that_cannot_be_drawn_or_named_are_refused():
    rest = {"grid": 3, "cell": 8, "noise": 0, "random": onp.random.RandomState(0)}
    for bad in (
        scenes.SceneThing(0, 0, "blue", "hexagon"),
        scenes.SceneThing(0, 0, "mauve", "circle"),
        scenes.SceneThing(3, 0, "blue", "circle"),
    ):
        with pytest.raises(ValueError, match="things must be drawable"):
            scenes.draw((bad,), **rest)
    for bad in ({"colors": 7}, {"shapes": 5}, {"colors": 0}):
        with pytest.raises(ValueError, match="colors must be from 1 to"):
            scenes.generate(1, seed=0).names(**bad)
