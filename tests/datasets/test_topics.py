"""Sets of words of a topic: drawn as they should be; the scores are those of slow formulas."""

import itertools
import math

import numpy as onp
import pytest
from scipy.special import betaln

from d2l_attention.datasets import topics

THETA = topics.distributions(4, 12, concentration=0.3, seed=0)


def test_topics_are_distributions_and_sparse_if_the_concentration_is_small():
    assert onp.allclose(THETA.sum(axis=1), 1) and (THETA > 0).all()
    sparse = topics.distributions(20, 200, concentration=0.02, seed=0)
    dense = topics.distributions(20, 200, concentration=5.0, seed=0)
    assert sparse.max(axis=1).mean() > 5 * dense.max(axis=1).mean()


def test_words_of_a_set_differ_and_are_of_one_topic():
    words, following = topics.sets(THETA, 50, 3, seed=1)
    assert words.dtype == following.dtype == onp.int32
    assert all(
        len({*row, last}) == 4 for row, last in zip(words.tolist(), following.tolist(), strict=True)
    )
    apart = onp.zeros((2, 8))
    apart[0, :4] = apart[1, 4:] = 0.25
    words, following = topics.sets(apart + 1e-12, 200, 3, seed=2)
    assert ((words // 4) == (following // 4)[:, None]).all()


def test_the_first_word_is_drawn_with_its_topics_probability():
    theta = onp.array([[0.7, 0.2, 0.1]])
    words, following = topics.sets(theta, 40_000, 1, seed=0)
    assert abs(onp.bincount(words[:, 0]) / 40_000 - theta[0]).max() < 0.01
    after_first = following[words[:, 0] == 0]
    assert abs((after_first == 1).mean() - 2 / 3) < 0.015  # without replacement


def test_rows_and_batches():
    rows, mask = topics.as_rows(onp.array([[2, 0]]), 3)
    assert rows.tolist() == [[[0, 0, 1], [1, 0, 0]]] and mask.tolist() == [[[1, 1]]]
    make = topics.set_batches(THETA, 3, count=2, batch_size=5, seed=0)
    (first, following), _ = make(0)
    assert (first[0] == next(iter(make(0)))[0][0]).all() and following.shape == (5,)
    assert (first[0] != next(iter(make(1)))[0][0]).any()


def test_bayes_rule_is_that_of_a_loop():
    words = onp.array([[0, 3], [5, 2]])
    found = topics.posterior_scores(THETA, words)
    for row, given in zip(found, words, strict=True):
        joint = [math.prod(theta[i] for i in given) for theta in THETA]
        expected = [
            sum(p * theta[w] for p, theta in zip(joint, THETA, strict=True)) / sum(joint)
            for w in range(12)
        ]
        onp.testing.assert_allclose(row, expected, rtol=1e-9)


def test_bayesian_sets_are_ratios_of_beta_integrals():
    random = onp.random.RandomState(0)
    counts = (random.uniform(size=(6, 4)) < 0.5).astype(float)
    counts[0], counts[1] = 1, 0  # every feature is there, and missing, at least once
    words = onp.array([[0, 2], [3, 4]])
    found = topics.bayesian_sets(counts, words)
    mean = counts.mean(axis=0)
    for row, given in zip(found, words, strict=True):
        s = counts[given].sum(axis=0)
        for item, x in zip(row, counts, strict=True):
            a, b = 2 * mean, 2 * (1 - mean)

            def log_p(x, a, b):
                return (betaln(a + x, b + 1 - x) - betaln(a, b)).sum()

            log_ratio = log_p(x, a + s, b + 2 - s) - log_p(x, a, b)
            constant = 4 * math.log(2 / 4)  # (alpha + beta) / (alpha + beta + n), per feature
            assert abs(item + constant - log_ratio) < 1e-9


def test_neighbours_of_a_set_are_the_words_that_stand_beside_its_words():
    apart = onp.zeros((2, 8))
    apart[0, :4] = apart[1, 4:] = 0.25
    drawn, last = topics.sets(apart + 1e-12, 60, 2, seed=0)
    counts = onp.zeros((8, 60))
    for number, row in enumerate(onp.column_stack([drawn, last])):
        counts[row, number] = 1
    scores = topics.neighbour_scores(counts, onp.array([[0, 1], [6, 7]]), features=2)
    assert scores[0, :4].min() > scores[0, 4:].max() and scores[1, 4:].min() > scores[1, :4].max()


def test_ranks_leave_the_set_out_and_halve_ties():
    scores = onp.array([[9.0, 5, 5, 7, 1]])
    for following, expected in ((1, 2.5), (3, 1.0), (4, 4.0)):
        assert topics.ranks(scores, onp.array([[0]]), onp.array([following])) == [expected]
    random = onp.random.RandomState(0)
    for scores in random.permutation(list(itertools.permutations(range(4))))[:10]:
        best = topics.ranks(scores[None].astype(float), onp.array([[0]]), onp.array([2]))
        assert best == [1 + sum(scores[i] > scores[2] for i in (1, 3))]
    assert topics.retrieval(onp.array([1.0, 2, 4, 11]))["recall_10"] == 0.75


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="size must be below"):
        topics.sets(THETA, 1, 12, seed=0)
    with pytest.raises(ValueError, match="concentration must be"):
        topics.distributions(2, 3, concentration=0.0, seed=0)
