"""Several attentions at once, each in a learned subspace."""

from d2l_attention.attention.pooling import Attention
from d2l_attention.attention.scores import ScaledDotProductScore, Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_sizes

from mxnet.gluon import nn


class MultiHeadAttention(Block):
    """W_o [context_1 ... context_H], head h pooling W_v^h v with weights from W_q^h q and W_k^h k.

    Vaswani et al. (2017, section 3.2.2). Self-attention is the call with one array three times.

    Parameters
    ----------
    hidden_size : int
        Features d of each projection, all heads together.
    num_heads : int
        Heads H, which divide d.
    dropout : float
        Share of the weights that is dropped while training.
    use_bias : bool
        Whether the four projections have biases (the paper's have none).
    key_size : int, optional
        Features d_k of a head's queries and keys; d / H by default.
    score : Score, optional
        Within a head, one for all heads with the same weights; the scaled dot product by default.

    Call
    ----
    query (B, m, q), key (B, n, k), value (B, n, v), mask (B|1, m|1, n) or None, the same for
    all heads -> context (B, m, d), weights (B, H, m, n).

    >>> attention = MultiHeadAttention(8, num_heads=2)
    >>> attention.initialize()
    >>> x = np.ones((3, 5, 8))
    >>> context, weights = attention(x, x, x, length_mask([5, 2, 1], 5))
    >>> context.shape, weights.shape
    ((3, 5, 8), (3, 2, 5, 5))
    """

    takes = "B m q, B n k, B n v, B? m? n"

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        use_bias: bool = False,
        key_size: int | None = None,
        score: Score | None = None,
    ):
        super().__init__()
        check_sizes(hidden_size=hidden_size, num_heads=num_heads)
        if hidden_size % num_heads:
            raise ValueError(f"num_heads must divide {hidden_size} = hidden_size, got {num_heads}")
        key_size = hidden_size // num_heads if key_size is None else key_size
        check_sizes(key_size=key_size)
        self.num_heads = num_heads
        score = score or ScaledDotProductScore(key_size)
        self.attention = Attention(score, dropout=dropout)
        score.check_features(key_size)
        self.W_q = nn.Dense(num_heads * key_size, use_bias=use_bias, flatten=False)
        self.W_k = nn.Dense(num_heads * key_size, use_bias=use_bias, flatten=False)
        self.W_v = nn.Dense(hidden_size, use_bias=use_bias, flatten=False)
        self.W_o = nn.Dense(hidden_size, use_bias=use_bias, flatten=False)
        self.sizes = {"q": self.W_q, "k": self.W_k, "v": self.W_v}

    def hybrid_forward(self, F, query, key, value, mask=None):
        query = op.split_heads(self.W_q(query), self.num_heads)  # (B, H, m, d_k)
        key = op.split_heads(self.W_k(key), self.num_heads)  # (B, H, n, d_k)
        value = op.split_heads(self.W_v(value), self.num_heads)  # (B, H, n, d / H)
        mask = None if mask is None else op.expand(mask, 1)  # (B|1, 1, m|1, n), for all heads
        context, weights = self.attention(query, key, value, mask)  # (B, H, m, d / H)
        return self.W_o(op.merge_heads(context)), weights  # (B, m, d), (B, H, m, n)
