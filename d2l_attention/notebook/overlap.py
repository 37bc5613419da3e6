"""How well labels of pixels agree: intersection over union, from scikit-learn's confusion matrix."""

import numpy as onp
from sklearn.metrics import confusion_matrix

__all__ = ["confusion", "iou", "mean_iou"]


def confusion(predicted: onp.ndarray, labels: onp.ndarray, num_classes: int) -> onp.ndarray:
    """Count pixels by their label (row) and by what was predicted (column).

    Parameters
    ----------
    predicted, labels : arrays of whole numbers, of one shape
        Pixels whose label is `num_classes` or more, such as void, are left out.

    Returns
    -------
    numpy.ndarray of shape (num_classes, num_classes), int64

    Raises
    ------
    ValueError
        The shapes differ, a prediction is none of the classes, or no pixel has a label.

    >>> confusion(onp.array([0, 1, 1]), onp.array([0, 0, 255]), 2).tolist()
    [[1, 1], [0, 0]]
    """
    predicted, labels = onp.asarray(predicted), onp.asarray(labels)
    if predicted.shape != labels.shape:
        raise ValueError(f"predicted must be of shape {labels.shape}, got {predicted.shape}")
    known = labels < num_classes
    if not known.any():
        raise ValueError("labels must hold a pixel of some class")
    chosen = predicted[known]
    if chosen.min() < 0 or chosen.max() >= num_classes:
        raise ValueError(f"predicted must hold numbers from 0 to {num_classes - 1}")
    return confusion_matrix(labels[known], chosen, labels=range(num_classes))


def iou(counts: onp.ndarray) -> onp.ndarray:
    """Return TP / (TP + FP + FN) of each class, from `confusion`'s matrix; NaN for a class that is
    neither there nor predicted.

    >>> iou(onp.array([[3, 1], [0, 4]])).tolist()
    [0.75, 0.8]
    """
    right = onp.diag(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - right
    return onp.where(union > 0, right / onp.maximum(union, 1), onp.nan)


def mean_iou(counts: onp.ndarray) -> float:
    """Return the mean over the classes that are there or predicted.

    >>> mean_iou(onp.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
    0.775
    """
    return float(onp.nanmean(iou(counts)))
