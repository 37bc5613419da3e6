"""Landscapes: what is drawn is what is labelled, and nothing but boats and ducks tells sea from lake."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from d2l_attention.datasets import waters
from d2l_attention.datasets.waters import BOAT, CLASSES, DUCK, LAKE, MARGIN, SEA, VOID


@pytest.fixture(scope="module")
def drawn():
    return waters.generate(120, seed=3)


def halves(drawn):
    """Those with boats and those with ducks, pair by pair."""
    return (onp.split(array, 2) for array in (drawn.pictures, drawn.labels))


# ------------------------------------------------------------------------------------- pairs
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_pair_differs_in_boats_and_ducks_alone(seed):
    drawn = waters.generate(2, seed=seed)
    (boats, ducks), (of_boats, of_ducks) = halves(drawn)
    changed = (boats != ducks).any(axis=1)
    things = onp.isin(of_boats, (BOAT, DUCK)) | onp.isin(of_ducks, (BOAT, DUCK))
    assert changed.any() and not (changed & ~things).any()
    assert not onp.isin(of_boats, (DUCK, LAKE)).any() and not onp.isin(of_ducks, (BOAT, SEA)).any()
    assert ((of_boats == SEA) == (of_ducks == LAKE)).all()
    same = (of_boats != SEA) & (of_ducks != LAKE) & ~things
    assert (of_boats[same] == of_ducks[same]).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_where_water_has_a_label_no_boat_is_near(seed):
    drawn = waters.generate(2, seed=seed)
    (boats, ducks), (labels, _) = halves(drawn)
    changed = onp.argwhere((boats != ducks).any(axis=1)[0])
    water = onp.argwhere(labels[0] == SEA)
    assert abs(water[:, None] - changed[None]).max(axis=2).min() > MARGIN


def test_boat_and_duck_have_the_same_inks_and_the_same_size():
    boat, duck = (waters.SPRITES[kind] for kind in (BOAT, DUCK))
    assert sorted("".join(boat)) == sorted("".join(duck))
    assert {len(line) for line in (*boat, *duck)} == {7} and len(boat) == len(duck) == 5
    for lines in (boat, duck):  # both fill the box from side to side and from top to bottom
        filled = onp.array([[ink != "." for ink in line] for line in lines])
        assert filled.any(axis=0).sum() >= 6 and filled.any(axis=1).all()


# ------------------------------------------------------------------------------------ no leak
def windows(drawn, radius, count=3000, seed=0):
    """Windows around random pixels of water, flattened; whether they are of lakes; how much water
    there is, and where the pixel is.
    """
    random = onp.random.RandomState(seed)
    padded = onp.pad(drawn.pictures, ((0, 0), (0, 0), (radius, radius), (radius, radius))) / 255.0
    at = onp.argwhere(onp.isin(drawn.labels, (SEA, LAKE)))
    at = at[random.permutation(len(at))[:count]]
    found = [padded[n, :, r : r + 2 * radius + 1, c : c + 2 * radius + 1].ravel() for n, r, c in at]
    return onp.stack(found), drawn.labels[tuple(at.T)] == LAKE, at


@pytest.mark.parametrize("radius", [0, MARGIN], ids=["pixel", "local"])
@pytest.mark.parametrize("kind", ["linear", "neighbours"])
def test_a_pixel_and_its_neighbourhood_say_nothing(drawn, radius, kind):
    test = waters.generate(120, seed=4)
    model = {
        "linear": LogisticRegression(max_iter=200),
        "neighbours": KNeighborsClassifier(9),
    }[kind]
    inputs, targets, _ = windows(drawn, radius)
    new_inputs, new_targets, _ = windows(test, radius, seed=1)
    right = model.fit(inputs, targets).score(new_inputs, new_targets)
    assert abs(right - 0.5) < 0.04  # 3000 pixels: four standard deviations


def test_place_says_nothing(drawn):
    _, targets, at = windows(drawn, 0)
    test = waters.generate(120, seed=4)
    _, new_targets, new_at = windows(test, 0, seed=1)
    model = KNeighborsClassifier(9).fit(at[:, 1:], targets)
    assert abs(model.score(new_at[:, 1:], new_targets) - 0.5) < 0.04


def test_how_much_there_is_of_a_color_says_nothing(drawn):
    """Colors of the whole picture, sorted into 8 steps each, and the share of water."""
    test = waters.generate(200, seed=4)

    def statistics(some):
        steps = [
            onp.bincount(channel.ravel() // 32, minlength=8) / channel.size
            for picture in some.pictures
            for channel in picture
        ]
        water = onp.isin(some.labels, (SEA, LAKE)).mean(axis=(1, 2))
        return onp.column_stack([onp.reshape(steps, (len(some), -1)), water])

    model = LogisticRegression(C=100, max_iter=1000)
    right = model.fit(statistics(drawn), onp.arange(len(drawn)) >= len(drawn) // 2)
    right = right.score(statistics(test), onp.arange(len(test)) >= len(test) // 2)
    assert abs(right - 0.5) < 0.14  # 200 pictures: four standard deviations


def test_the_shape_of_what_floats_says_it_all(drawn):
    """The other way round: whoever sees the sprite knows."""
    for picture, labels in zip(drawn.pictures, drawn.labels, strict=True):
        names = {CLASSES[k] for k in onp.unique(labels) if k != VOID}
        assert ("boat" in names) == ("sea" in names) != ("duck" in names) == ("lake" in names)
        assert picture.dtype == labels.dtype == onp.uint8


# --------------------------------------------------------------------------------- the drawing
def test_the_same_seed_gives_the_same_pictures():
    one, same, other = (waters.generate(4, seed=seed) for seed in (5, 5, 6))
    assert (one.pictures == same.pictures).all() and (one.labels == same.labels).all()
    assert (one.pictures != other.pictures).any()


def test_without_cues_a_pair_is_one_picture_with_two_truths():
    drawn = waters.generate(6, seed=0, cues=(0, 0))
    (first, second), (sea, lake) = halves(drawn)
    assert (first == second).all() and ((sea == SEA) == (lake == LAKE)).all()
    assert (sea == SEA).any() and not (sea == VOID).any()


def test_all_classes_occur_and_no_label_is_unknown(drawn):
    counts = onp.bincount(drawn.labels.ravel(), minlength=256)
    assert (counts[: len(CLASSES)] > 100).all()
    assert set(onp.flatnonzero(counts)) == {*range(len(CLASSES)), VOID}
    assert len(waters.PALETTE) == len(CLASSES)


def test_a_sprite_is_stamped_where_it_is_said():
    picture = onp.zeros((3, 24, 24), "uint8")
    waters.stamp(picture, DUCK, 3, 10)
    rows, columns = onp.nonzero(picture.any(axis=0))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 7, 10, 16)
    assert (picture[:, 3, 11] == waters.ink_of("W")).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"count": 3}, "count must be even"),
        ({"count": 0}, "count must be at least 1"),
        ({"height": 20}, "height must be at least 24"),
        ({"width": 20}, "width must be at least 24"),
        ({"noise": 1.5}, "noise must be from 0 to below 1"),
        ({"cues": (2, 1)}, "cues, the most, must be from 2 to 3"),
        ({"cues": (-1, 1)}, "cues, the least, must be at least 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        waters.generate(**{"count": 2, "seed": 0, **arguments})


@pytest.mark.parametrize(
    "kind, row, column, message",
    [
        (SEA, 0, 0, "kind must be one of"),
        (BOAT, 20, 0, "row must be from 0 to 19"),
        (BOAT, 0, 18, "column must be from 0 to 17"),
    ],
)
def test_nothing_is_stamped_beside_the_picture(kind, row, column, message):
    with pytest.raises(ValueError, match=message):
        waters.stamp(onp.zeros((3, 24, 24), "uint8"), kind, row, column)
