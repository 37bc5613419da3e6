"""What a reader's addressing may get wrong is named; what is right passes."""

import re

import pytest

from d2l_attention.notebook.exercises.neural_turing_machine import check_address

from mxnet import np, npx


def cosine(k, M):
    norms = np.linalg.norm(k, axis=1, keepdims=True) * np.linalg.norm(M, axis=2)
    return dot(k, M) / (norms + 1e-8)


def dot(k, M):
    return (np.expand_dims(k, 1) * M).sum(2)


def shift(w, s):
    return s[:, :1] * np.roll(w, -1, 1) + s[:, 1:2] * w + s[:, 2:] * np.roll(w, 1, 1)


def sharpen(w, gamma):
    return w**gamma / (w**gamma).sum(1, keepdims=True)


def content(beta, similarity):
    return npx.softmax(beta * similarity)


def interpolate(g, w_c, w):
    return g * w_c + (1 - g) * w


def made_of(similarity=cosine, content=content, interpolate=interpolate, shift=shift,
            sharpen=sharpen):  # fmt: skip
    def address(k, beta, g, s, gamma, M, w):
        w_c = content(beta, similarity(k, M))
        return sharpen(shift(interpolate(g, w_c, w), s), gamma)

    return address


def in_a_line(w, s):
    zero = np.zeros_like(w[:, :1])
    wide = np.concatenate([zero, w, zero], axis=1)
    return shift(wide, s)[:, 1:-1]


def shifted_first(k, beta, g, s, gamma, M, w):
    return sharpen(interpolate(g, shift(content(beta, cosine(k, M)), s), w), gamma)


def without_a_floor(k, M):
    norms = np.linalg.norm(k, axis=1, keepdims=True) * np.linalg.norm(M, axis=2)
    return dot(k, M) / norms


WRONG = {
    "not divided by both norms": made_of(similarity=dot),
    "softmax over the wrong axis": made_of(
        content=lambda beta, scores: npx.softmax(beta * scores, axis=0)
    ),
    "beta is missing": made_of(content=lambda beta, scores: npx.softmax(scores)),
    "beta stands outside": made_of(content=lambda beta, scores: beta * npx.softmax(scores)),
    "Is there no softmax?": made_of(content=lambda beta, scores: beta * scores),
    "g and 1 - g are exchanged": made_of(interpolate=lambda g, w_c, w: (1 - g) * w_c + g * w),
    "the weights before are lost": made_of(interpolate=lambda g, w_c, w: w_c),
    "the shift goes the wrong way": made_of(shift=lambda w, s: shift(w, s[:, ::-1])),
    "the shift is missing": made_of(shift=lambda w, s: w),
    "the memory is a ring": made_of(shift=in_a_line),
    "the sharpening is missing": made_of(sharpen=lambda w, gamma: w),
    "not divided by their sum": made_of(sharpen=lambda w, gamma: w**gamma),
    "gamma multiplies the weights": made_of(sharpen=lambda w, gamma: gamma * w),
    "is not sharpening": made_of(sharpen=lambda w, gamma: npx.softmax(gamma * w)),
    "interpolate first, and then shift": shifted_first,
    "0 / 0 is no number": made_of(similarity=without_a_floor),
    "the weights must be of shape": lambda *arrays: made_of()(*arrays)[0],
    "the weights sum to": made_of(sharpen=lambda w, gamma: 2 * sharpen(w, gamma)),
    "sum to 1, but are not those": made_of(sharpen=lambda w, gamma: sharpen(w, 2 * gamma)),
}


def test_what_is_right_passes(capsys):
    check_address(made_of())
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=re.escape(mistake)):
        check_address(WRONG[mistake])
