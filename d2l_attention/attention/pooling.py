"""Attention: values are pooled with weights that come from a query and their keys."""

from d2l_attention.attention.scores import Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_share


class Attention(Block):
    """context = sum_i alpha_i v_i, where alpha normalises the scores a(q, k_i).

    Parameters
    ----------
    score : Score
        a(q, k).
    normalise : callable, optional
        (scores, mask) -> weights; by default the score's own, which is `masked_softmax`. It may be
        exchanged later: `attention.normalise = identity`. What has been hybridized around it must
        then be hybridized again, as `training.fit` does.
    dropout : float
        Share of the weights that is dropped while training; returned are those before.

    Call
    ----
    query (B, m, d_q), key (B, n, d_k), value (B, n, d_v), mask (B|1, m|1, n) or None ->
    context (B, m, d_v), weights (B, m, n). There may be more leading axes than B.

    >>> attention = Attention(DotProductScore())
    >>> key, value = np.array([[[1.0], [1.0], [9.0]]]), np.array([[[2.0], [4.0], [70.0]]])
    >>> context, weights = attention(np.array([[[1.0]]]), key, value, length_mask([2], 3))
    >>> context.tolist(), weights.tolist()
    ([[[3.0]]], [[[0.5, 0.5, 0.0]]])
    """

    takes = "... B m _, ... B n _, ... B n _, ...? B? m? n"

    def __init__(self, score: Score, *, normalise=None, dropout: float = 0.0):
        super().__init__()
        if not isinstance(score, Score):
            raise TypeError(f"score must be a Score, got {type(score).__name__}")
        check_share(dropout=dropout)
        self.score, self.dropout = score, dropout
        self.normalise = normalise or score.normalise

    def check(self, query, key, value, mask=None):
        super().check(query, key, value, mask)
        self.score.check(query, key)

    def hybrid_forward(self, F, query, key, value, mask=None):
        scores = self.score(query, key)  # (..., m, n)
        weights = self.normalise(scores, mask)  # (..., m, n)
        context = op.batch_dot(op.dropout(weights, self.dropout), value)  # (..., m, d_v)
        return context, weights
