"""Scores a(q, k): how well a key fits a query.

query (..., m, d_q), key (..., n, d_k) -> (..., m, n)
"""

from d2l_attention.attention.normalisation import masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_positive, check_sizes

from mxnet.gluon import nn


class Score(Block):
    """A score a(q, k) of queries and keys with the same number of features d.

    `normalise` makes weights of the scores, unless `Attention` is told another way when it is made.
    """

    takes = "... B m d, ... B n d"
    normalise = staticmethod(masked_softmax)

    def check_features(self, size: int) -> None:
        """Raise a ValueError unless it takes queries and keys of so many features."""
        if self.sizes.get("d", size) != size:
            raise ValueError(f"score must take {size} features, got one for {self.sizes['d']}")


class DotProductScore(Score):
    """a(q, k) = q . k (Luong et al. 2015, "dot").

    >>> DotProductScore()(np.array([[[1.0, 2.0]]]), np.array([[[3.0, 4.0]]])).tolist()
    [[[11.0]]]
    """

    def hybrid_forward(self, F, query, key):
        return op.batch_dot(query, key, transpose_b=True)  # (..., m, n)


class ScaledDotProductScore(Score):
    """a(q, k) = q . k / sqrt(d) (Vaswani et al. 2017, equation 1).

    It has variance one if the entries of q and k are independent, of mean zero and variance one.

    Parameters
    ----------
    size : int
        The number of features d.
    """

    def __init__(self, size: int):
        super().__init__()
        check_sizes(size=size)
        self.scale, self.sizes = size**-0.5, {"d": size}

    def hybrid_forward(self, F, query, key):
        return op.scaled_batch_dot(query, key, self.scale)  # (..., m, n)


class BilinearScore(Score):
    """a(q, k) = q . W k with a learned matrix W (d_q, d_k) (Luong et al. 2015, "general").

    Parameters
    ----------
    query_size : int
        The number of features d_q of a query; d_k is found at the first call.
    """

    takes = "... B m q, ... B n k"

    def __init__(self, query_size: int):
        super().__init__()
        check_sizes(query_size=query_size)
        self.W = nn.Dense(query_size, use_bias=False, flatten=False)
        self.sizes = {"q": query_size, "k": self.W}

    def hybrid_forward(self, F, query, key):
        return op.batch_dot(query, self.W(key), transpose_b=True)  # (..., m, n)


class AdditiveScore(Score):
    """a(q, k) = v . tanh(W_q q + W_k k) (Bahdanau et al. 2015): a small network scores each pair.

    Parameters
    ----------
    hidden_size : int
        Width h of the hidden layer.
    use_bias : bool
        Whether W_q q has a bias (Yang et al. 2016, equation 19).
    """

    takes = "... B m q, ... B n k"

    def __init__(self, hidden_size: int, *, use_bias: bool = False):
        super().__init__()
        check_sizes(hidden_size=hidden_size)
        self.W_q = nn.Dense(hidden_size, use_bias=use_bias, flatten=False)
        self.W_k = nn.Dense(hidden_size, use_bias=False, flatten=False)
        self.v = nn.Dense(1, use_bias=False, flatten=False)
        self.sizes = {"q": self.W_q, "k": self.W_k}

    def hybrid_forward(self, F, query, key):
        query = op.expand(self.W_q(query), -2)  # (..., m, 1, h)
        key = op.expand(self.W_k(key), -3)  # (..., 1, n, h)
        scores = self.v(op.tanh(query + key))  # (..., m, n, 1)
        return op.squeeze(scores, -1)  # (..., m, n)


class CosineScore(Score):
    """a(q, k) = beta cos(q, k) (Graves et al. 2014, equations 5 and 6); a zero vector scores 0.

    Parameters
    ----------
    sharpness : float
        beta > 0: the weights peak more as it grows.
    """

    def __init__(self, sharpness: float = 1.0):
        super().__init__()
        check_positive(sharpness=sharpness)
        self.sharpness = float(sharpness)

    def hybrid_forward(self, F, query, key):
        return op.scaled_batch_dot(op.unit(query), op.unit(key), self.sharpness)  # (..., m, n)


class LocationScore(Score):
    """a(q, k_i) = (W q)_(n - i): from the query alone, a score for each place (Luong et al. 2015, "location").

    What stands there is not looked at. Places are counted from the end, so that padding at the
    beginning of a sequence changes nothing.

    Parameters
    ----------
    query_size : int
        The number of features of a query.
    longest : int
        Most keys: W has so many rows.
    """

    takes = "B m q, B n k"

    def __init__(self, query_size: int, *, longest: int):
        super().__init__()
        check_sizes(query_size=query_size, longest=longest)
        self.W = nn.Dense(longest, use_bias=False, flatten=False, in_units=query_size)
        self.sizes, self.longest = {"q": query_size}, longest

    def check(self, query, key):
        super().check(query, key)
        if key.shape[1] > self.longest:
            raise ValueError(f"key must have at most {self.longest} rows, got {key.shape[1]}")

    def hybrid_forward(self, F, query, key):
        return op.last_first(self.W(query), key)  # (B, m, n)
