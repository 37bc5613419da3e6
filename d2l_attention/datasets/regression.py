"""Regression data: a generated wave whose truth is known, and 442 diabetes patients
from scikit-learn.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as onp
from sklearn.datasets import load_diabetes

__all__ = ["Split", "Wave", "diabetes"]


@dataclass(frozen=True)
class Wave:
    r"""A function on the unit cube, and noisy observations of it at uniform random
    places.

    f(x) = d^(-1/2) sum_j 2 sin(2 pi x_j) + 2 x_j^2, and y = f(x) + N(0, noise^2). Every
    coordinate matters equally, and f varies about as much in any dimension d.

    Attributes
    ----------
    dimension : int
        Number of features d.
    noise : float
        Standard deviation of the noise.

    Examples
    --------
    >>> Wave(noise=0.0).sample(3, onp.random.RandomState(0))[1].shape
    (3, 1)
    """

    dimension: int = 1
    noise: float = 0.5

    def __post_init__(self):
        if not isinstance(self.dimension, int) or self.dimension < 1:
            raise ValueError(f"dimension must be a positive integer, got {self.dimension!r}")
        if not self.noise >= 0:
            raise ValueError(f"noise must not be negative, got {self.noise!r}")

    def mean(self, x: onp.ndarray) -> onp.ndarray:
        """f at places x (..., d), shape (..., 1): what the best estimator would
        answer.
        """
        x = self._checked(x)
        return (2 * onp.sin(2 * onp.pi * x) + 2 * x**2).sum(-1, keepdims=True) / math.sqrt(
            self.dimension
        )

    def gradient(self, x: onp.ndarray) -> onp.ndarray:
        """f's first derivatives at places x (..., d), of the same shape."""
        x = self._checked(x)
        return (4 * onp.pi * onp.cos(2 * onp.pi * x) + 4 * x) / math.sqrt(self.dimension)

    def laplacian(self, x: onp.ndarray) -> onp.ndarray:
        """Sum of f's second derivatives at places x (..., d), shape (..., 1): what a
        kernel estimate flattens.
        """
        x = self._checked(x)
        second = -8 * onp.pi**2 * onp.sin(2 * onp.pi * x) + 4
        return second.sum(-1, keepdims=True) / math.sqrt(self.dimension)

    def sample(
        self, size: int | tuple[int, ...], rng: onp.random.RandomState
    ) -> tuple[onp.ndarray, onp.ndarray]:
        """Draw observations: x of shape `(*size, d)` and y of shape `(*size, 1)`,
        float64.
        """
        size = (size,) if isinstance(size, int) else tuple(size)
        x = rng.uniform(size=(*size, self.dimension))
        return x, self.mean(x) + self.noise * rng.normal(size=(*size, 1))

    def _checked(self, x):
        x = onp.asarray(x, dtype="float64")
        if x.ndim < 1 or x.shape[-1] != self.dimension:
            raise ValueError(
                f"x must have {self.dimension} features on its last axis, got shape {x.shape}"
            )
        return x


class Split(NamedTuple):
    """Features x (n, d) and labels y (n, 1), float32."""

    x: onp.ndarray
    y: onp.ndarray


def diabetes(
    seed: int, *, num_train: int = 240, num_validation: int = 80
) -> tuple[Split, Split, Split]:
    """Split the diabetes data (Efron et al. 2004) at random into training, validation
    and test set.

    442 patients; x: age, sex, body mass index, blood pressure and six blood serum
    measurements; y: a measure of how far the disease has progressed after a year. All
    are scaled to mean zero and variance one on the training set.

    Raises
    ------
    ValueError
        The two sizes are not positive or leave nothing to test on.

    >>> [part.x.shape for part in diabetes(seed=0)]
    [(240, 10), (80, 10), (122, 10)]
    """
    x, y = load_diabetes(return_X_y=True)
    if num_train < 2 or num_validation < 1 or num_train + num_validation >= len(y):
        raise ValueError(
            f"num_train + num_validation must be below {len(y)}, got {num_train} + {num_validation}"
        )
    order = onp.random.RandomState(seed).permutation(len(y))
    parts = onp.split(order, [num_train, num_train + num_validation])
    scaled = [(a - a[parts[0]].mean(0)) / a[parts[0]].std(0) for a in (x, y[:, None])]
    return tuple(Split(*(a[part].astype("float32") for a in scaled)) for part in parts)
