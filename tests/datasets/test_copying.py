"""What is asked is what was told; lengths are drawn from all that are allowed."""

import numpy as onp
import pytest

from d2l_attention.datasets.copying import batches, copy, repeat_copy


@pytest.mark.parametrize("length", [1, 2, 20])
def test_what_is_asked_is_what_was_told(length):
    (inputs,), target = copy(5, length, bits=3, seed=length)
    assert inputs.shape == (5, 2 * length + 2, 5) and target.shape == (5, 2 * length + 2, 3)
    onp.testing.assert_array_equal(inputs[:, 1 : length + 1, :3], target[:, length + 2 :])
    assert (target[:, : length + 2] == -1).all() and set(onp.unique(inputs)) <= {0, 1}
    assert (inputs[:, 0] == [0, 0, 0, 1, 0]).all() and (
        inputs[:, length + 1] == [0, 0, 0, 0, 1]
    ).all()
    assert (inputs[:, length + 2 :] == 0).all()


@pytest.mark.parametrize(("length", "repetitions"), [(1, 1), (3, 2), (4, 10)])
def test_repeat_copy(length, repetitions):
    (inputs,), target = repeat_copy(4, length, repetitions, bits=2, seed=0)
    said = target[:, length + 2 :]
    assert said.shape == (4, repetitions * length + 1, 3)
    for number in range(repetitions):
        part = said[:, number * length : (number + 1) * length]
        onp.testing.assert_array_equal(part[:, :, :2], inputs[:, 1 : length + 1, :2])
        assert (part[:, :, 2] == 0).all()
    assert (said[:, -1] == [0, 0, 1]).all()
    onp.testing.assert_allclose(inputs[:, length + 1, 3], repetitions / 10)


def test_a_copy_is_not_told_the_number_and_has_no_end():
    """Its target has no bit that says so, and its mark is 1 whatever the number of bits."""
    assert copy(1, 3, bits=2, seed=0)[1].shape == (1, 8, 2)
    (inputs,), target = repeat_copy(1, 3, 1, bits=2, seed=0)
    assert target.shape == (1, 9, 3) and inputs[0, 4, 3] == onp.float32(0.1)
    onp.testing.assert_array_equal(target[0, 5:8, :2], copy(1, 3, bits=2, seed=0)[1][0, 5:])


def test_bits_are_fair_and_the_seed_decides():
    (first,), _ = copy(200, 20, seed=1)
    (again,), _ = copy(200, 20, seed=1)
    (other,), _ = copy(200, 20, seed=2)
    assert (first == again).all() and (first != other).any()
    assert abs(first[:, 1:21, :8].mean() - 0.5) < 0.02


def test_batches_have_all_lengths():
    of = batches(100, 2, lengths=(2, 5), bits=3, seed=0)
    lengths = [inputs.shape[1] // 2 - 1 for (inputs,), _ in of(0)]
    assert len(lengths) == 100 and set(lengths) == {2, 3, 4, 5}
    assert min(map(lengths.count, range(2, 6))) > 10
    for one, other in zip(of(0), of(0), strict=True):
        onp.testing.assert_array_equal(one[1], other[1])
    assert lengths != [inputs.shape[1] // 2 - 1 for (inputs,), _ in of(1)]


def test_batches_of_repeat_copy_have_all_numbers_of_repetitions():
    of = batches(200, 2, lengths=(1, 3), repetitions=(2, 4), bits=3, seed=0)
    found = set()
    for (inputs,), target in of(0):
        length = int(onp.flatnonzero(inputs[0, :, 4])[0]) - 1
        times = round(4 * float(inputs[0, length + 1, 4]))
        found.add((length, times))
        assert target.shape == (2, 3 + length + times * length, 4)
        onp.testing.assert_array_equal(
            target[:, length + 2 : -1, :3], onp.tile(inputs[:, 1 : length + 1, :3], (1, times, 1))
        )
    assert found == {(length, times) for length in (1, 2, 3) for times in (2, 3, 4)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: copy(0, 3, seed=0), "count"),
        (lambda: copy(1, 0, seed=0), "length"),
        (lambda: copy(1, 3, bits=0, seed=0), "bits"),
        (lambda: repeat_copy(1, 3, 0, seed=0), "repetitions"),
        (lambda: batches(1, 2, lengths=(3, 2), seed=0), "lengths must be least <= most"),
        (lambda: batches(1, 2, lengths=(0, 2), seed=0), "least of lengths"),
        (lambda: batches(1, 2, lengths=(1, 2), repetitions=(0, 1), seed=0), "least of repetitions"),
        (lambda: batches(1, 2, lengths=(1, 2), repetitions=(3, 1), seed=0), "repetitions must be"),
    ],
)
def test_impossible_sizes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_range_is_a_pair():
    with pytest.raises(TypeError, match="lengths must be a tuple"):
        batches(1, 2, lengths=[1, 2], seed=0)
    with pytest.raises(TypeError, match="repetitions must be a tuple"):
        batches(1, 2, lengths=(1, 2), repetitions=3, seed=0)
