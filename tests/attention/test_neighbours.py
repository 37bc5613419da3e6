"""Heads that ask their neighbours: a step is a turn, and the weights are on the neighbour."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.attention import LearnedPositions, MultiHeadAttention, ask_neighbours
from d2l_attention.attention.neighbours import turn, waves

from mxnet import np

OPTIONS = {"amplitude": 0.5, "deviation": 0.15, "seed": 3}


def parts(size=64, heads=4, longest=24):
    attention, positions = MultiHeadAttention(size, heads), LearnedPositions(size, longest=longest)
    attention.initialize()
    positions.initialize()
    x = np.zeros((1, longest, size))
    attention(x, x, x)
    return attention, positions, x


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(2, 12).map(lambda half: 2 * half), st.integers(-30, 30),
       st.integers(2, 100))  # fmt: skip
def test_a_step_is_a_turn(longest, size, step, slowest):
    p, R = waves(longest, size, slowest), turn(step, size, slowest)
    for i in range(longest):
        if 0 <= i + step < longest:
            assert onp.allclose(R @ p[i], p[i + step])
    assert onp.allclose(R @ R.T, onp.eye(size))  # it keeps lengths
    assert onp.allclose(R @ turn(-step, size, slowest), onp.eye(size))


def test_waves_have_the_size_of_words():
    assert (waves(50, 64) ** 2).mean() == pytest.approx(1)
    assert waves(50, 64, 8).shape == (50, 64)
    assert onp.allclose((waves(50, 64) ** 2).sum(axis=1), 64)


@pytest.mark.parametrize("steps", [(-1, 1), (2, -3)])
def test_without_words_the_largest_weight_is_most_often_on_the_neighbour(steps):
    attention, positions, x = parts(heads=2)
    ask_neighbours(attention, positions, steps, **OPTIONS | {"amplitude": 1.0})
    x = positions(x)
    _, weights = attention(x, x, x)
    longest = x.shape[1]
    for head, step in zip(weights.asnumpy()[0], steps, strict=True):
        there = [i for i in range(longest) if 0 <= i + step < longest]
        assert onp.mean([head[i].argmax() == i + step for i in there]) > 0.6


def test_among_words_the_neighbour_has_many_times_an_even_share():
    attention, positions, x = parts(size=128, longest=32)
    ask_neighbours(attention, positions, (-1, 1, -1, 1), **OPTIONS | {"amplitude": 1.0})
    x = positions(np.array(onp.random.RandomState(0).normal(size=(8, 32, 128)), dtype="float32"))
    _, weights = attention(x / 2**0.5, x / 2**0.5, x / 2**0.5)
    for head, step in zip(weights.asnumpy().swapaxes(0, 1), (-1, 1, -1, 1), strict=True):
        share = onp.mean([head[:, i, i + step] for i in range(1, 31)])
        assert share > 4 / 32


def test_values_and_outputs_are_left_alone_and_a_seed_says_the_rest():
    attention, positions, _ = parts()
    before = [getattr(attention, name).weight.data().asnumpy() for name in ("W_v", "W_o")]
    found = []
    for seed in (1, 1, 2):
        ask_neighbours(attention, positions, (1, 1, 1, 1), **OPTIONS | {"seed": seed})
        found.append(attention.W_q.weight.data().asnumpy())
    assert (found[0] == found[1]).all() and (found[0] != found[2]).any()
    after = [getattr(attention, name).weight.data().asnumpy() for name in ("W_v", "W_o")]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


def test_what_does_not_fit_is_refused():
    attention, positions, _ = parts()
    for wrong, message in (
        ((1, 1), "steps must be 4, one a head; got 2"),
        ((1, 1, 1, 24), "steps must be"),
        ((1, 1, 1, -24), "steps must be"),
    ):
        with pytest.raises(ValueError, match=message):
            ask_neighbours(attention, positions, wrong, **OPTIONS)
    with pytest.raises(TypeError, match="steps"):
        ask_neighbours(attention, positions, (1, 1, 1, 0.5), **OPTIONS)
    _, other, _ = parts(size=32)
    with pytest.raises(ValueError, match="attention must take 32 features"):
        ask_neighbours(attention, other, (1, 1, 1, 1), **OPTIONS)
    with pytest.raises(ValueError, match="size must be even and at least 4"):
        waves(5, 3)
    with pytest.raises(ValueError, match="slowest"):
        waves(5, 4, 1)
