"""Local attention: the query says where in the sequence to look, and what is near is weighed."""

from d2l_attention.attention.normalisation import masked_softmax
from d2l_attention.attention.scores import Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_sizes

from mxnet.gluon import nn


class LocalAttention(Block):
    """alpha_i = softmax(a(q, k_i)) exp(-(i - p)^2 / (2 (D / 2)^2)) for the keys within D of p.

    p = S sigmoid(v . tanh(W_p q)) is the place that the query predicts, from 0 to S, the number of
    keys that the mask allows (Luong, Pham and Manning 2015, "local-p", equations 9 and 10). The
    weights sum to less than one if p is between two places, or nothing is near.

    Parameters
    ----------
    score : Score
        a(q, k).
    hidden_size : int
        Width of W_p.
    window : int
        D, in keys.

    Call
    ----
    As for `Attention`; the mask (B, 1, n) is needed, and allows keys in one stretch.
    """

    takes = "B m _, B n _, B n _, B 1 n"

    def __init__(self, score: Score, *, hidden_size: int, window: int):
        super().__init__()
        if not isinstance(score, Score):
            raise TypeError(f"score must be a Score, got {type(score).__name__}")
        check_sizes(hidden_size=hidden_size, window=window)
        self.score, self.window = score, window
        self.W_p = nn.Dense(hidden_size, flatten=False, use_bias=False)
        self.v = nn.Dense(1, flatten=False, use_bias=False)

    def check(self, query, key, value, mask):
        super().check(query, key, value, mask)
        self.score.check(query, key)

    def hybrid_forward(self, F, query, key, value, mask):
        scores = self.score(query, key)  # (B, m, n)
        size = op.expand(op.sum_last(mask), -1)  # (B, 1, 1)
        place = op.cumulative_sum(mask, 2) - 1  # (B, 1, n): 0 is the first key that is allowed
        center = size * op.sigmoid(self.v(op.tanh(self.W_p(query))))  # (B, m, 1)
        distance = place - center  # (B, m, n)
        near = op.repeat_like(mask, scores) * op.at_most(op.square(distance), self.window**2)
        weights = masked_softmax(scores, near) * op.exp(op.square(distance) * (-2 / self.window**2))
        return op.batch_dot(weights, value), weights
