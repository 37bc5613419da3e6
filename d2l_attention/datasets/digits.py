"""Handwritten digits: 1,797 small ones inside scikit-learn, or the 70,000 of MNIST."""

import numpy as onp
from sklearn.datasets import load_digits

from d2l_attention.datasets import mnist

__all__ = ["load"]


def load(
    source: str = "embedded",
) -> tuple[tuple[onp.ndarray, onp.ndarray], tuple[onp.ndarray, onp.ndarray]]:
    """Return (images, labels) to train on and (images, labels) to test on.

    Parameters
    ----------
    source : str
        "embedded": 8 x 8 pixels from scikit-learn, the first 1,300 to train on and the
        last 497 to test on. "mnist": 28 x 28 pixels (LeCun et al. 1998), 60,000 and
        10,000; downloaded once, see `datasets.mnist`.

    Returns
    -------
    images (n, pixels), float32 in [0, 1]; labels (n,), int32.

    >>> (images, labels), _ = load()
    >>> images.shape, float(images.max()), labels[:5].tolist()
    ((1300, 64), 1.0, [0, 1, 2, 3, 4])
    """
    if source == "embedded":
        images, labels = load_digits(return_X_y=True)
        images, labels = (images / 16).astype("float32"), labels.astype("int32")
        return (images[:1300], labels[:1300]), (images[1300:], labels[1300:])
    if source == "mnist":
        return _flat(*mnist.load("train")), _flat(*mnist.load("test"))
    raise ValueError(f"source must be 'embedded' or 'mnist', got {source!r}")


def _flat(images, labels):
    return images.reshape(len(images), -1).astype("float32") / 255, labels.astype("int32")
