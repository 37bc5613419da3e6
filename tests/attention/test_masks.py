"""Masks: what they allow, drawn cell by cell; lengths that are none are refused."""

import numpy as onp
import pytest

from d2l_attention.attention import causal_mask, leave_one_out_mask, length_mask

import mxnet as mx
from mxnet import np


@pytest.mark.parametrize("lengths", [[2, 0, 4], [[1, 2], [0, 4], [3, 3]]], ids=["(B,)", "(B, m)"])
@pytest.mark.parametrize("make", [list, onp.array, onp.float64, np.array], ids=lambda f: f.__name__)
def test_lengths_allow_the_first_keys(lengths, make):
    mask = length_mask(make(lengths), 4)
    expected = onp.arange(4) < onp.array(lengths).reshape(3, -1, 1)
    assert mask.shape == (3, onp.array(lengths).size // 3, 4) and mask.dtype == "float32"
    onp.testing.assert_array_equal(mask.asnumpy(), expected)


def test_causal_and_leave_one_out_against_their_definitions():
    causal, others = causal_mask(5).asnumpy(), leave_one_out_mask(5).asnumpy()
    assert causal.shape == others.shape == (1, 5, 5)
    for i in range(5):
        for j in range(5):
            assert causal[0, i, j] == (j <= i) and others[0, i, j] == (j != i)


MASKS = {
    "length": lambda **kw: length_mask([1, 2], 3, **kw),
    "causal": lambda **kw: causal_mask(3, **kw),
    "leave one out": lambda **kw: leave_one_out_mask(3, **kw),
}


@pytest.mark.parametrize("make", MASKS.values(), ids=MASKS)
def test_dtype_and_device(make):
    assert make().dtype == "float32" and make().ctx == mx.current_context()
    assert make(dtype="float64").dtype == "float64"
    assert make(device=mx.cpu(1)).ctx == mx.cpu(1)
    with mx.Context(mx.cpu(2)):
        assert make().ctx == mx.cpu(2)


def test_a_mask_lies_where_its_lengths_lie():
    lengths = np.array([1, 2], ctx=mx.cpu(1))
    assert length_mask(lengths, 3).ctx == mx.cpu(1)
    assert length_mask(lengths, 3, device=mx.cpu(2)).ctx == mx.cpu(2)


BAD = [
    (ValueError, [1, 5], "whole numbers from 0 to num_keys = 4"),
    (ValueError, [1, -1], "whole numbers from 0"),
    (ValueError, [1, 2.5], "whole numbers from 0"),
    (ValueError, [1, float("nan")], "whole numbers from 0"),
    (ValueError, [1, float("inf")], "whole numbers from 0"),
    (ValueError, 2, r"shape \(B,\) or \(B, m\), got \(\)"),
    (ValueError, [], "shape"),
    (ValueError, onp.ones((2, 0)), "shape"),
    (ValueError, [[[1]]], "shape"),
    (TypeError, [True, False], "whole numbers, got bool"),
    (TypeError, onp.ones((2, 4), bool), "whole numbers, got bool"),
    (TypeError, ["1"], "whole numbers"),
    (TypeError, None, "whole numbers"),
]


@pytest.mark.parametrize(("error", "lengths", "message"), BAD)
def test_lengths_that_are_none_are_refused(error, lengths, message):
    with pytest.raises(error, match=f"^valid_length must .*{message}"):
        length_mask(lengths, 4)


def test_a_pattern_of_booleans_is_no_length_in_mxnet_either():
    with pytest.raises(TypeError, match=r"^valid_length must hold whole numbers, got bool"):
        length_mask(np.ones((2, 4), dtype="bool"), 4)


SIZED = {"num_keys": lambda n: length_mask([1], n), "size": causal_mask}


@pytest.mark.parametrize("name, make", [*SIZED.items(), ("size", leave_one_out_mask)])
def test_sizes_are_positive_integers(name, make):
    assert make(onp.int64(3)).shape[-1] == 3
    for size in (True, 2.0, None):
        with pytest.raises(TypeError, match=f"^{name} must be an integer"):
            make(size)
    with pytest.raises(ValueError, match=f"^{name} must be at least 1"):
        make(0)
