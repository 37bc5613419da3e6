"""Checks of values: integers, numbers, choices, of any kind, and no booleans."""

import math

import numpy as onp
import pytest

from d2l_attention.backend.checks import (
    check_choice,
    check_integer,
    check_positive,
    check_share,
    check_sizes,
    check_widths,
)


def test_integers_of_any_kind_but_no_booleans():
    for value in (3, onp.int64(3), onp.uint8(3), onp.array(3)):
        assert check_integer("x", value, 0) == 3 and type(check_integer("x", value, 0)) is int
        check_sizes(x=value)
    for value in (True, onp.True_, 3.0, "3", None, [3]):
        for check in (lambda v: check_integer("x", v, 0), lambda v: check_sizes(x=v)):
            with pytest.raises(TypeError, match=r"^x must be an integer, got"):
                check(value)
    check_integer("x", 0, 0)
    with pytest.raises(ValueError, match=r"^x must be at least 1, got 0"):
        check_sizes(y=1, x=0)
    for value in (-1, 5):
        with pytest.raises(ValueError, match=f"^x must be from 0 to 4, got {value}"):
            check_integer("x", value, 0, 5)


def test_numbers_of_any_kind_but_no_booleans():
    for value in (1, 0.5, onp.float32(0.5), onp.int64(1)):
        check_positive(x=value)
    for value in (0, 0.5, onp.float64(0.999)):
        check_share(x=value)
    for value in (0, -1.0, math.inf, math.nan, True, onp.True_, "1", None):
        with pytest.raises(ValueError, match=r"^x must be a positive number, got"):
            check_positive(x=value)
    for value in (1, 1.0, -0.1, math.nan, False, True, "0", None):
        with pytest.raises(ValueError, match=r"^x must be from 0 to below 1, got"):
            check_share(x=value)


def test_choices():
    check_choice(("a", "b"), x="a")
    for value in ("c", None, True):
        with pytest.raises(ValueError, match=r"^x must be one of a, b, got"):
            check_choice(("a", "b"), x=value)


def test_one_width_or_several():
    assert check_widths(h=2).tolist() == [2.0] and check_widths(h=[1, 0.5]).tolist() == [1.0, 0.5]
    for wrong in ([], [[1.0]], 0, -1.0, math.nan, math.inf, [1, 0], "x", True, None):
        with pytest.raises(ValueError, match=r"^h must be a positive number or several, got"):
            check_widths(h=wrong)
