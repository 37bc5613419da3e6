"""Menus: what is asked is on the menu, the answer is the prices', and names have none of their own."""

import numpy as onp
import pytest

from d2l_attention.datasets.menus import ASKS, NAMES, by_name, by_place


def menu_of(names, price, mask):
    """{name: price} of one menu."""
    length = int(mask.sum())
    return dict(zip(names[:length].tolist(), price[:length, 0].tolist(), strict=True))


def test_the_answer_by_name_is_that_of_the_prices():
    (first, second, names, price, mask), target = by_name(300, lines=(2, 7), seed=0)
    assert first.shape == second.shape == target.shape == (300, ASKS)
    assert names.shape == (300, 7) and price.shape == (300, 7, 1) and mask.shape == (300, 1, 7)
    for b in range(300):
        menu = menu_of(names[b], price[b], mask[b])
        assert len(menu) == mask[b].sum()  # each name once
        for a, other, said in zip(first[b], second[b], target[b], strict=True):
            assert a != other and said == (menu[a] > menu[other])


def test_the_answer_by_place_is_that_of_the_neighbours():
    (price, mask), target = by_place(300, lines=(3, 7), seed=0)
    for p, may, said in zip(price[..., 0], mask[:, 0], target, strict=True):
        length = int(may.sum())
        for i in range(7):
            asked = 0 < i < length - 1
            assert said[i] == (p[i - 1] > p[i + 1] if asked else -1)


@pytest.mark.parametrize("make", [by_name, by_place])
def test_lengths_are_all_that_are_allowed_and_behind_the_end_is_nothing(make):
    *_, price, mask = make(1000, lines=(3, 6), seed=1)[0]
    lengths = mask.sum(axis=(1, 2))
    assert [abs((lengths == n).mean() - 0.25) < 0.05 for n in (3, 4, 5, 6)] == [True] * 4
    assert (price[..., 0][mask[:, 0] == 0] == 0).all() and (onp.diff(mask[:, 0]) <= 0).all()


def test_names_and_places_tell_nothing_of_the_price():
    (first, _, names, price, mask), target = by_name(20_000, lines=(3, 8), seed=2)
    assert abs(target.mean() - 0.5) < 0.01
    real = mask[:, 0] > 0
    for name in range(len(NAMES)):
        assert abs(target[first == name].mean() - 0.5) < 0.03
        assert abs(price[..., 0][real & (names == name)].mean() - 0.5) < 0.02
    (price, _), target = by_place(20_000, lines=(5, 5), seed=3)
    for i in (1, 2, 3):
        assert abs(target[:, i].mean() - 0.5) < 0.02
        low = target[:, i][price[:, i, 0] < 0.2]
        assert abs(low.mean() - 0.5) < 0.03  # nor does the line's own price


def test_the_seed_decides():
    (one, again, other), _ = zip(
        *(by_name(5, lines=(3, 4), seed=s) for s in (0, 0, 1)), strict=True
    )
    assert all(map(onp.array_equal, one, again)) and not all(map(onp.array_equal, one, other))


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, "count", lambda: by_name(0, lines=(3, 4), seed=0)),
        (TypeError, "lines must be a tuple", lambda: by_name(1, lines=3, seed=0)),
        (ValueError, "lines must be 2 <=", lambda: by_name(1, lines=(1, 4), seed=0)),
        (ValueError, "most <= 12", lambda: by_name(1, lines=(3, 13), seed=0)),
        (ValueError, "lines must be 3 <=", lambda: by_place(1, lines=(2, 4), seed=0)),
        (ValueError, "lines must be 3 <=", lambda: by_place(1, lines=(5, 4), seed=0)),
    ],
)
def test_impossible_menus_are_refused(error, message, call):
    with pytest.raises(error, match=message):
        call()
