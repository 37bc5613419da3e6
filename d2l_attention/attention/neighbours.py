"""Heads that ask a neighbour before anything is learned: first values of positions, queries and keys.

What a neighbour is worth is learned from a head that looks at it, and whom to look at from what the
neighbours are worth. From random weights neither has a gradient to speak of, as long as one word says
little about the next, and training stands still. So here the one half is given:

    p_i = a sqrt(2) (sin w_1 i, ..., sin w_d/2 i, cos w_1 i, ..., cos w_d/2 i)    waves, w_k = pi / S^((k-1)/(d/2-1))
    p_(i+s) = R_s p_i                                                            a step is a turn of each wave
    W_k = W_q R_-s                                                               of a head that shall look s places on

<W_q p_i, W_k p_j> = <W_q p_i, W_q p_(j-s)>, on average over random W_q, is then largest at j = i + s.
Words add to the scores what chance gives them. All of it is learned further.
"""

from collections.abc import Sequence

import numpy as onp

from d2l_attention.attention.heads import MultiHeadAttention
from d2l_attention.attention.positions import LearnedPositions
from d2l_attention.backend.checks import check_integer, check_sizes

from mxnet import np


def waves(longest: int, size: int, slowest: int = 32) -> onp.ndarray:
    """Return p_i (L, d) float64, with a = 1: all features have a mean square of about 1.

    The fastest wave turns by half a circle a step, the slowest one by half a circle in S = `slowest`
    steps: the slower they are, the less the places side by side differ.

    >>> waves(3, 4, slowest=3).round(2).tolist()
    [[0.0, 0.0, 1.41, 1.41], [0.0, 1.22, -1.41, 0.71], [-0.0, 1.22, 1.41, -0.71]]
    """
    check_sizes(longest=longest)
    angle = onp.outer(onp.arange(longest), _speeds(size, slowest))  # (L, d / 2)
    return 2**0.5 * onp.concatenate([onp.sin(angle), onp.cos(angle)], axis=1)


def turn(step: int, size: int, slowest: int = 32) -> onp.ndarray:
    """Return R_s (d, d), with p_(i+s) = R_s p_i for all places; its inverse is R_-s.

    >>> p = waves(5, 6)
    >>> bool(onp.allclose(p[3], turn(2, 6) @ p[1]))
    True
    """
    angle = step * _speeds(size, slowest)
    cosine, sine = onp.diag(onp.cos(angle)), onp.diag(onp.sin(angle))
    return onp.block([[cosine, sine], [-sine, cosine]])


def ask_neighbours(attention: MultiHeadAttention, positions: LearnedPositions, steps: Sequence[int], *,
                   amplitude: float, deviation: float, seed: int) -> None:  # fmt: skip
    """Let head h ask the place `steps[h]` further on, as its first weights; self-attention alone.

    Parameters
    ----------
    attention : MultiHeadAttention
        Initialised, with queries and keys of d features.
    positions : LearnedPositions
        Initialised, of d features, an even number.
    steps : sequence of int
        One for each head; -1 is the place before.
    amplitude : float
        a: about the width of words' vectors, so that a norm leaves half of a state to each.
    deviation : float
        Of the normal distribution of W_q.
    seed : int
        On which alone W_q depends.

    Raises
    ------
    TypeError, ValueError
        There are not as many steps as heads, one is not an integer or leads beyond all places, or sizes
        do not agree.
    """
    (longest, size), (rows, features) = positions.table.shape, attention.W_q.weight.shape
    if features != size or attention.W_k.weight.shape != (rows, size):
        raise ValueError(f"attention must take {size} features, those of positions; got {features}")
    if len(steps) != attention.num_heads:
        raise ValueError(f"steps must be {attention.num_heads}, one a head; got {len(steps)}")
    for step in steps:
        check_integer("steps", step, 1 - longest, longest)
    shape = len(steps), rows // len(steps), size
    query = onp.random.RandomState(seed).normal(0, deviation, shape)
    key = onp.stack([W @ turn(-s, size) for W, s in zip(query, steps, strict=True)])
    positions.table.set_data(np.array(amplitude * waves(longest, size), dtype="float32"))
    for layer, value in ((attention.W_q, query), (attention.W_k, key)):
        layer.weight.set_data(np.array(value.reshape(rows, size), dtype="float32"))


def _speeds(size: int, slowest: int) -> onp.ndarray:
    check_sizes(size=size)
    check_integer("slowest", slowest, 2)
    if size % 2 or size < 4:
        raise ValueError(f"size must be even and at least 4, got {size}")
    return onp.pi / slowest ** onp.linspace(0, 1, size // 2)
