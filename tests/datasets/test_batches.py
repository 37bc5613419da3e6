"""Batches hold every example once, in an order that a seed and an epoch decide."""

import itertools

import numpy as onp
import pytest

from d2l_attention.datasets.batches import batches

from mxnet import np


def rows(epoch_batches):
    return [([x.tolist() for x in inputs], target.tolist()) for inputs, target in epoch_batches]


def test_in_order_with_a_smaller_last_one():
    data = batches((onp.arange(5), onp.arange(5) / 2), onp.arange(5) + 10, 2)
    expected = [
        ([[0, 1], [0, 0.5]], [10, 11]),
        ([[2, 3], [1, 1.5]], [12, 13]),
        ([[4], [2]], [14]),
    ]
    assert rows(data(0)) == rows(data(7)) == expected


def test_shuffled_they_are_a_permutation_fixed_by_seed_and_epoch():
    x = onp.arange(100)
    data = batches((x, 2 * x), 3 * x, 7, shuffle=True, seed=5)
    first = rows(data(0))
    assert sorted(itertools.chain(*(inputs[0] for inputs, _ in first))) == x.tolist()
    for (one, two), three in first:
        assert two == [2 * i for i in one] and three == [3 * i for i in one]
    again = batches((x, 2 * x), 3 * x, 7, shuffle=True, seed=5)
    other = batches((x, 2 * x), 3 * x, 7, shuffle=True, seed=6)
    assert first == rows(data(0)) == rows(again(0))
    assert first != rows(data(1)) and first != rows(other(0))


def test_the_shuffle_is_the_one_that_the_committed_outputs_saw():
    data = batches((onp.arange(8),), onp.arange(8), 8, shuffle=True, seed=0)
    assert rows(data(0)) == [([[3, 7, 4, 0, 2, 6, 5, 1]], [3, 7, 4, 0, 2, 6, 5, 1])]


def test_numpys_global_state_neither_matters_nor_changes():
    data = batches((onp.arange(8),), onp.arange(8), 8, shuffle=True, seed=0)
    onp.random.seed(1)
    first, number = rows(data(0)), onp.random.rand()
    onp.random.seed(1)
    assert onp.random.rand() == number and rows(data(0)) == first


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_they_keep_the_dtype_and_do_not_alias_the_data(dtype, shuffle):
    x = onp.ones((4, 2), dtype=dtype)
    for (batch,), target in batches((x,), x, 2, shuffle=shuffle)(0):
        assert batch.dtype == target.dtype == onp.dtype(dtype) and batch.shape == (2, 2)
        batch[:] = target[:] = 0
    assert (x == 1).all()


X = onp.arange(3)
BAD = [
    (ValueError, "one length above zero", lambda: batches((X,), onp.arange(4), 2)),
    (ValueError, "one length above zero", lambda: batches((X, onp.arange(4)), X, 2)),
    (ValueError, "one length above zero", lambda: batches((X[:0],), X[:0], 2)),
    (ValueError, "batch_size must be at least 1", lambda: batches((X,), X, 0)),
    (ValueError, "batch_size must be at least 1", lambda: batches((X,), X, -3)),
    (TypeError, "batch_size must be an integer", lambda: batches((X,), X, 2.0)),
    (TypeError, "batch_size must be an integer", lambda: batches((X,), X, True)),
    (TypeError, "NumPy arrays, got list", lambda: batches(([1, 2, 3],), X, 2)),
    (TypeError, "NumPy arrays, got list", lambda: batches((X,), [1, 2, 3], 2)),
    (TypeError, "NumPy arrays, got ndarray", lambda: batches((np.arange(3),), X, 2)),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD)
def test_what_is_no_data_is_refused_at_once(error, message, call):
    batches((X,), X, onp.int64(2))
    with pytest.raises(error, match=message):
        call()


def test_without_a_target_batches_have_none():
    parts = list(batches((onp.arange(5),), None, batch_size=2)(0))
    assert [x.tolist() for (x,), _ in parts] == [[0, 1], [2, 3], [4]]
    assert all(target is None for _, target in parts)
    with pytest.raises(ValueError, match="one length above zero"):
        batches((), None, batch_size=2)
