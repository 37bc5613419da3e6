"""Nadaraya-Watson kernel regression: attention with places as queries and keys, labels as values.

    f(q) = sum_i alpha(q, x_i) y_i,    alpha(q, x_i) = K((q - x_i) / h) / sum_j K((q - x_j) / h)

Nadaraya (1964), Watson (1964). The query q is where an answer is wanted, the keys x_i are where
answers are known and the values y_i are the answers. The kernel K and its bandwidth h may be fixed,
chosen by leaving one out (`d2l_attention.bandwidth`), or trained.
"""

from d2l_attention.attention import Attention, Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_arrays
from d2l_attention.backend.checks import check_sizes

from mxnet.gluon import nn


class KernelRegression(Block):
    """Average the values y_i of the keys x_i with weights alpha(W q, W x_i).

    Parameters
    ----------
    score : Score
        Usually the logarithm of a kernel, such as `GaussianScore(bandwidth)`.
    projection_size : int, optional
        Rows r of a trained matrix W (r, d) that queries and keys share: distances become
        ||W (q - x_i)||, a learned metric (Goldberger et al. 2004; Weinberger and Tesauro 2007).

    Call
    ----
    query (B, m, d), key (B, n, d), value (B, n, c), mask (B|1, m|1, n) or None -> estimate
    (B, m, c), weights (B, m, n). A query out of every key's reach gets zero weights, estimate zero.

    >>> regression = KernelRegression(GaussianScore(bandwidth=1.0))
    >>> key, value = np.array([[[-1.0], [1.0]]]), np.array([[[10.0], [20.0]]])
    >>> regression(np.array([[[0.0], [9.0]]]), key, value)[0].round(4).tolist()
    [[[15.0], [20.0]]]
    """

    takes = "B m d, B n d, B n _, B? m? n"

    def __init__(self, score: Score, *, projection_size: int | None = None):
        super().__init__()
        self.attention = Attention(score)
        self.W = None
        if projection_size is not None:
            check_sizes(projection_size=projection_size)
            self.W = nn.Dense(projection_size, use_bias=False, flatten=False)
            self.sizes = {"d": self.W}
            score.check_features(projection_size)

    def check(self, query, key, value, mask=None):
        super().check(query, key, value, mask)
        if self.W is None:
            self.attention.check(query, key, value, mask)

    def hybrid_forward(self, F, query, key, value, mask=None):
        if self.W is not None:
            query, key = self.W(query), self.W(key)  # (B, m, r), (B, n, r)
        return self.attention(query, key, value, mask)  # (B, m, c), (B, m, n)

    def loss(self, output, value):
        """Mean squared error: estimate (B, m, c) and weights, value (B, m, c) -> (B,)."""
        check_arrays("B m c, B m c", estimate=output[0], value=value)
        return op.square(output[0] - value).mean(axis=(1, 2))
