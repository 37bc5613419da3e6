"""Sets of digits: their sums are right, padding is zero and comes first, and one digit is the odd one."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.datasets import digit_sets, digits

ONE_HOT = digit_sets.one_hot()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_sums_are_the_sums_of_the_digits_that_are_there(seed, sizes):
    if max(sizes) == 0:
        sizes = [*sizes, 1]
    (x, mask), total = digit_sets.sums(*ONE_HOT, 20, sizes, seed=seed)
    assert x.shape == (20, max(sizes), 10) and mask.shape == (20, 1, max(sizes))
    assert x.dtype == mask.dtype == total.dtype == onp.float32
    for rows, allowed, expected in zip(x, mask[:, 0], total[:, 0], strict=True):
        size = int(allowed.sum())
        assert size in sizes and (allowed == sorted(allowed)).all()  # padding comes first
        assert (rows.sum(axis=1) == allowed).all()
        assert sum(int(row.argmax()) for row in rows[len(rows) - size :]) == expected


def test_all_sizes_and_all_digits_are_drawn_equally():
    (x, mask), _ = digit_sets.sums(*ONE_HOT, 20_000, range(1, 11), seed=0)
    sizes = onp.bincount(mask.sum(axis=(1, 2)).astype(int), minlength=11)[1:]
    assert abs(sizes / 20_000 - 0.1).max() < 0.01
    assert abs(x.sum(axis=(0, 1)) / mask.sum() - 0.1).max() < 0.005


def test_an_image_stands_beside_its_label():
    (images, labels), _ = digits.load()
    (x, _), total = digit_sets.sums(images, labels, 5, [3], seed=1)
    for rows, expected in zip(x, total[:, 0], strict=True):
        shown = [labels[(images == row).all(axis=1)][0] for row in rows]
        assert sum(shown) == expected


def test_a_seed_names_the_sets_and_each_epoch_has_its_own():
    make = digit_sets.sum_batches(*ONE_HOT, [2, 3], count=3, batch_size=4, seed=5)
    first, again, other = (list(make(epoch)) for epoch in (0, 0, 1))
    for ((x, mask), total), ((x_2, mask_2), total_2) in zip(first, again, strict=True):
        assert (x == x_2).all() and (mask == mask_2).all() and (total == total_2).all()
    assert len(first) == 3 and any(
        (a[0][0] != b[0][0]).any() for a, b in zip(first, other, strict=True)
    )


def test_shuffled_sets_have_the_same_elements_in_another_order():
    (x, mask), _ = digit_sets.sums(*ONE_HOT, 50, [0, 4, 9], seed=2)
    moved, same = digit_sets.shuffled(x, mask, seed=3)
    assert same is mask and (moved != x).any()
    assert (moved.sum(axis=2) == mask[:, 0]).all()  # padding stays where it is
    assert (moved.sum(axis=1) == x.sum(axis=1)).all()


def test_an_outlier_differs_and_the_others_do_not():
    (images, labels), _ = digits.load()
    for data in (ONE_HOT, (images, labels)):
        (x, mask), place = digit_sets.outliers(*data, 40, 6, seed=0)
        assert x.shape[:2] == (40, 6) and (mask == 1).all() and place.dtype == onp.int32
        for rows, odd in zip(x, place, strict=True):
            shown = [data[1][(data[0] == row).all(axis=1)][0] for row in rows]
            assert len({kind for i, kind in enumerate(shown) if i != odd}) == 1
            assert shown[odd] not in shown[:odd] + shown[odd + 1 :]
    (_, _), place = digit_sets.outliers(*ONE_HOT, 20_000, 4, seed=1)
    assert abs(onp.bincount(place) / 20_000 - 0.25).max() < 0.02


def test_outliers_in_batches_can_be_blurred():
    options = {"count": 3, "batch_size": 50, "seed": 0}
    plain = digit_sets.outlier_batches(*ONE_HOT, 6, **options)
    blurred = digit_sets.outlier_batches(*ONE_HOT, 6, noise=0.1, **options)
    for (x, _), place in plain(0):
        for rows, odd in zip(x.argmax(axis=2), place, strict=True):
            assert (rows == rows[odd]).sum() == 1 and len(set(rows)) == 2
    noise = [x - x.round() for (x, _), _ in blurred(0)]
    assert 0.08 < onp.std(noise) < 0.12
    (first, _), _ = next(iter(plain(0)))
    assert (first == next(iter(plain(0)))[0][0]).all()


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("count must be", lambda: digit_sets.sums(*ONE_HOT, 0, [1], seed=0)),
        ("sizes must be", lambda: digit_sets.sums(*ONE_HOT, 1, [], seed=0)),
        ("sizes must be", lambda: digit_sets.sums(*ONE_HOT, 1, [0], seed=0)),
        ("sizes must be", lambda: digit_sets.sums(*ONE_HOT, 1, [-1, 2], seed=0)),
        ("digits must be", lambda: digit_sets.sums(ONE_HOT[0], ONE_HOT[1][1:], 1, [1], seed=0)),
        ("size must be 3", lambda: digit_sets.outliers(*ONE_HOT, 1, 2, seed=0)),
        (
            "of 2 labels",
            lambda: digit_sets.outliers(ONE_HOT[0][:1], ONE_HOT[1][:1], 1, 5, seed=0),
        ),
    ],
)
def test_wrong_arguments_are_refused(message, call):
    with pytest.raises(ValueError, match=message):
        call()
