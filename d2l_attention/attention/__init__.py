"""Attention: a weighted average whose weights are computed from a query and the keys.

Everything in this book is f(X) = rho( sum_i alpha(x_i, q) phi(x_i) ), and this package holds its
parts: **scores** and **kernels** a(q, k), the **normalisation** that makes weights alpha of them,
**masks** that say which keys a query may attend to, **pooling** (`Attention`) of the values phi,
and **heads**; rho is what a model makes of the context.

One contract holds everywhere: (query, key, value, mask) -> (context, weights), with query
(B, m, d_q), key (B, n, d_k), value (B, n, d_v), mask (B|1, m|1, n), context (B, m, d_v) and weights
(B, m, n), or (B, H, m, n) of H heads. A masked key gets a weight of exactly zero. A query that may
attend to nothing gets weights and a context of zeros; it never attends to padding. What stands in
the padding has no influence as long as the numbers, and the scores and gradients that come from
them, are finite: 0 times NaN is NaN.
"""

from d2l_attention.attention.heads import MultiHeadAttention
from d2l_attention.attention.kernels import (
    BoxcarScore,
    EpanechnikovScore,
    GaussianScore,
    KernelScore,
    TriangularScore,
)
from d2l_attention.attention.layers import DecoderLayer, EncoderLayer, FeedForward, LayerNorm
from d2l_attention.attention.local import LocalAttention
from d2l_attention.attention.masks import causal_mask, leave_one_out_mask, length_mask
from d2l_attention.attention.neighbours import ask_neighbours
from d2l_attention.attention.normalisation import identity, masked_softmax, softmax_within_reach
from d2l_attention.attention.pooling import Attention
from d2l_attention.attention.positions import (
    LearnedPositions,
    Positions,
    SinusoidalPositions,
    sinusoids,
)
from d2l_attention.attention.recurrent import MaskedLSTM
from d2l_attention.attention.scores import (
    AdditiveScore,
    BilinearScore,
    CosineScore,
    DotProductScore,
    LocationScore,
    ScaledDotProductScore,
    Score,
)

# fmt: off
__all__ = [
    "AdditiveScore", "Attention", "BilinearScore", "BoxcarScore", "CosineScore", "DecoderLayer",
    "DotProductScore", "EncoderLayer", "EpanechnikovScore", "FeedForward", "GaussianScore",
    "KernelScore", "LayerNorm", "LearnedPositions", "LocalAttention", "LocationScore", "MaskedLSTM",
    "MultiHeadAttention", "Positions", "ScaledDotProductScore", "Score", "SinusoidalPositions",
    "TriangularScore", "ask_neighbours", "causal_mask", "identity", "leave_one_out_mask", "length_mask",
    "masked_softmax", "sinusoids", "softmax_within_reach",
]
