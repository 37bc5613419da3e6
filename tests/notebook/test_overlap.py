"""Intersection over union: equal to scikit-learn's, and to counting by hand."""

import numpy as onp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score

from d2l_attention.notebook.overlap import confusion, iou, mean_iou


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_equals_scikit_learn(seed, classes):
    random = onp.random.RandomState(seed)
    predicted, labels = random.randint(0, classes, (2, 3, 5, 7))
    labels[random.uniform(size=labels.shape) < 0.2] = 255
    known = labels < classes
    counts = confusion(predicted, labels, classes)
    right = confusion_matrix(labels[known], predicted[known], labels=range(classes))
    assert (counts == right).all() and counts.sum() == known.sum()
    expected = jaccard_score(labels[known], predicted[known], labels=range(classes), average=None,
                             zero_division=0)  # fmt: skip
    there = onp.isin(range(classes), [*labels[known], *predicted[known]])
    onp.testing.assert_allclose(iou(counts)[there], expected[there])
    assert onp.isnan(iou(counts)[~there]).all()
    assert mean_iou(counts) == pytest.approx(expected[there].mean())


def test_by_hand():
    predicted, labels = onp.array([[0, 0, 1], [1, 1, 2]]), onp.array([[0, 1, 1], [1, 255, 0]])
    counts = confusion(predicted, labels, 3)
    assert counts.tolist() == [[1, 0, 1], [1, 2, 0], [0, 0, 0]]
    assert iou(counts).tolist() == [1 / 3, 2 / 3, 0]  # class 2 was predicted and is not there


@pytest.mark.parametrize(
    "predicted, labels, message",
    [
        ([[0, 1]], [0, 1], "predicted must be of shape"),
        ([0, 3], [0, 1], "predicted must hold numbers from 0 to 2"),
        ([0, -1], [0, 1], "predicted must hold numbers from 0 to 2"),
        ([0, 1], [255, 3], "labels must hold a pixel of some class"),
    ],
)
def test_wrong_arguments_are_refused(predicted, labels, message):
    with pytest.raises(ValueError, match=message):
        confusion(onp.array(predicted), onp.array(labels), 3)
