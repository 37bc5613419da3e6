"""Kernels as scores: log K(u) of u = ||q - k|| / h, of which softmax makes K(u_i) / sum_j K(u_j).

These are the weights of Nadaraya (1964) and Watson (1964). Constant factors of K cancel. A compact
kernel is zero from u = 1 on; its score there forbids the key, so that a query without any key
within reach gets weights of zero, and a context of zeros.
"""

from collections.abc import Sequence

import numpy as onp

from d2l_attention.attention.normalisation import softmax_within_reach
from d2l_attention.attention.scores import Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.checks import check_widths

from mxnet import init


class KernelScore(Score):
    """a(q, k) = log K(u), u = ||(q - k) / h||.

    Parameters
    ----------
    bandwidth : float or sequence of floats
        h > 0 in the units of the features; a sequence gives each feature its own.
    learn : bool
        Whether h is trained (as its logarithm, so that it stays positive).
    """

    def __init__(self, bandwidth: float | Sequence[float] = 1.0, *, learn: bool = False):
        super().__init__()
        widths = check_widths(bandwidth=bandwidth)  # (1,) or (d,)
        self.sizes = {"d": widths.size} if widths.size > 1 else {}
        self.fixed = widths.item() if widths.size == 1 and not learn else None
        if self.fixed is None:
            start = {"shape": widths.shape, "init": init.Constant(onp.log(widths))}
            gradient = "write" if learn else "null"
            self.log_bandwidth = self.params.get("log_bandwidth", grad_req=gradient, **start)
            if not learn:
                self.initialize()

    @property
    def bandwidth(self) -> onp.ndarray:
        """The bandwidth now, (1,) or (d,)."""
        if self.fixed is not None:
            return onp.array([self.fixed])
        return onp.exp(self.log_bandwidth.data().asnumpy())

    def hybrid_forward(self, F, query, key, log_bandwidth=None):
        per_width = 1 / self.fixed if log_bandwidth is None else op.exp(-log_bandwidth)
        u = (op.expand(query, -2) - op.expand(key, -3)) * per_width  # (..., m, n, d)
        return self.log_kernel(op.sum_last(op.square(u)))  # (..., m, n)

    def log_kernel(self, squared):
        """log K as a function of u^2, both (..., m, n)."""
        raise NotImplementedError


class GaussianScore(KernelScore):
    """K(u) = exp(-u^2 / 2). Every key keeps some weight.

    >>> score = GaussianScore(bandwidth=2.0)
    >>> score(np.array([[[0.0]]]), np.array([[[0.0], [2.0]]])).tolist()
    [[[-0.0, -0.5]]]
    """

    def log_kernel(self, squared):
        return squared * -0.5


class BoxcarScore(KernelScore):
    """K(u) = 1 for u < 1, else 0: all keys within the bandwidth weigh the same.

    Its gradient is zero wherever it exists, so neither its bandwidth nor what it is applied to can
    be trained through it.
    """

    normalise = staticmethod(softmax_within_reach)

    def __init__(self, bandwidth: float | Sequence[float] = 1.0, *, learn: bool = False):
        if learn:
            raise ValueError("learn must be False: a boxcar's weights have no gradient")
        super().__init__(bandwidth)

    def log_kernel(self, squared):
        return op.log_step(1 - squared)


class TriangularScore(KernelScore):
    """K(u) = max(1 - u, 0)."""

    normalise = staticmethod(softmax_within_reach)

    def log_kernel(self, squared):
        return op.log_positive(1 - op.safe_sqrt(squared))


class EpanechnikovScore(KernelScore):
    """K(u) = max(1 - u^2, 0), the kernel of least asymptotic error (Epanechnikov 1969)."""

    normalise = staticmethod(softmax_within_reach)

    def log_kernel(self, squared):
        return op.log_positive(1 - squared)
