r"""Attention: a weighted average whose weights are computed from a query and the keys.

Everything in this book is f(X) = rho( sum_i alpha(x_i, q) phi(x_i) ). This module holds
its parts:

1. **scores** `a(q, k)`: how well a key fits a query,
   (B, m, d_q), (B, n, d_k) -> (B, m, n);
2. **normalisation** `masked_softmax`: scores -> weights alpha >= 0 that sum to one over
   the allowed keys;
3. **pooling** `Attention`: weights times values, (B, m, n), (B, n, d_v) -> (B, m, d_v);
4. **heads** `MultiHeadAttention`: the same, in H learned subspaces at once.

Letters: B batch size, m queries, n keys (one value each), d features, H heads.

A **mask** says which keys a query may look at: 1 or True is allowed, 0 or False is not.
Three forms, for n = 4:

    valid length (B,)          2           every query of the example sees the keys  1 1 0 0
    valid lengths (B, m)       1 2 4       query 1 sees 1 0 0 0, query 2 1 1 0 0, query 3 1 1 1 1
    mask (B|1, m|1, n)         any pattern of zeros and ones, shared where an axis has size 1

A forbidden key gets a weight of exactly zero. A query that may look at nothing gets
weights of exactly zero and hence a context of zeros; it never attends to padding and
never yields NaN.

All blocks are `HybridBlock`s. Called with arrays they check what they are given; inside
a hybridized parent they see symbols, which have no shapes to check, and there a mask
must be 3-d: `expand_mask` makes one.
"""

from collections.abc import Sequence

import numpy as onp

import mxnet as mx
from mxnet import np
from mxnet.gluon import HybridBlock, nn

__all__ = [
    "AdditiveScore",
    "Attention",
    "AttentionBlock",
    "BilinearScore",
    "BoxcarScore",
    "CosineScore",
    "DotProductScore",
    "EpanechnikovScore",
    "GaussianScore",
    "MultiHeadAttention",
    "ScaledDotProductScore",
    "TriangularScore",
    "expand_mask",
    "masked_softmax",
]

# Scores are confined to [-LIMIT, LIMIT], and a masked score is set to -LIMIT. It leaves
# room to subtract the maximum. Twice the limit must be a finite number.
LIMIT = {"float16": 3e4, "float32": 1e38, "float64": 1e300}


# ------------------------------------------------------------------------ normalisation
def masked_softmax(scores, mask=None):
    """Turn scores into weights: softmax over the last axis, restricted to the keys that the mask allows.

    Parameters
    ----------
    scores : array (B, m, n) or symbol
        Any floating dtype. A score of minus infinity counts as masked; larger than 1e38
        (float32) counts as 1e38.
    mask : array or None
        Valid length (B,) or (B, m) of integers in [0, n], or a mask (B|1, m|1, n) of
        zeros and ones. With symbols: a mask in the scores' dtype that broadcasts to
        their shape.

    Returns
    -------
    array (B, m, n)
        Rows sum to one; a masked weight is exactly zero; a row without any allowed key
        is all zeros.

    Raises
    ------
    ValueError, TypeError
        `scores` or `mask` has a wrong shape, dtype or value.

    Examples
    --------
    >>> scores = np.array([[[1.0, 1.0, 5.0], [0.0, 0.0, 0.0]]])
    >>> masked_softmax(scores, np.array([2])).tolist()
    [[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]]
    >>> masked_softmax(scores, np.array([[1, 0]])).tolist()
    [[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]
    """
    if isinstance(scores, mx.sym.Symbol):
        return _masked_softmax(mx.sym, scores, mask, LIMIT["float32"], compact=True)
    _check_array("scores", scores, 3)
    if mask is not None:
        mask = expand_mask(mask, *scores.shape, dtype=scores.dtype)
    return _masked_softmax(mx.nd, scores, mask, _limit(scores.dtype), compact=True)


def _masked_softmax(F, scores, mask, limit, compact):
    """The computation behind `masked_softmax`, for arrays and symbols, without checks.

    `compact` says that scores may be minus infinity. Everything is done at full shape,
    (B, m, n) each: MXNet's broadcasting operators are an order of magnitude slower, in
    their backward pass above all.
    """
    allowed = None
    if mask is not None:
        allowed = legacy(F, "broadcast_like", mask, scores)
        # -limit where masked, else limit
        bound = legacy(F, "BlockGrad", (allowed - 0.5) * (2 * limit))
        scores = F.np.minimum(scores, bound)
    if compact:
        scores = F.np.maximum(scores, -limit)
        allowed = (
            scores.as_nd_ndarray() > -limit
        ).as_np_ndarray()  # 0 or 1 in the scores' dtype; no gradient
    weights = F.npx.softmax(scores)
    return weights if allowed is None else weights * legacy(F, "BlockGrad", allowed)


def expand_mask(mask, batch_size: int, num_queries: int, num_keys: int, *, dtype="float32"):
    """Turn a valid length or a mask into a mask of zeros and ones, (B|1, m|1, n), in the given dtype.

    Raises
    ------
    ValueError, TypeError
        The mask is no MXNet array, fits no shape of the module's table, or holds other
        values than it may.

    Examples
    --------
    >>> expand_mask(np.array([2, 0]), batch_size=2, num_queries=3, num_keys=4).tolist()
    [[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]
    >>> expand_mask(np.array([[1, 3]]), batch_size=1, num_queries=2, num_keys=3).tolist()
    [[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    return _expand_mask(mask, (batch_size, num_queries, num_keys), dtype, full=False)


def _expand_mask(mask, shape, dtype, *, full):
    """The computation behind `expand_mask`; `full` asks for all of (B, m, n), cheapest where lengths are compared."""
    if not isinstance(mask, np.ndarray):
        raise TypeError(f"mask must be an MXNet array, got {type(mask).__name__}")
    if mask.ndim == 3:
        _check_pattern(mask, shape)
        mask = mask.astype(dtype)
        return np.broadcast_to(mask, shape) if full and mask.shape != shape else mask
    allowed = onp.arange(shape[2]) < _check_lengths(mask, shape)
    if full:
        allowed = onp.broadcast_to(allowed, shape)
    return np.array(allowed.astype(dtype), dtype=dtype, ctx=mask.ctx)


# ------------------------------------------------------------------------------- scores
class Score(HybridBlock):
    """A score function a(q, k): query (B, m, d_q), key (B, n, d_k) -> scores (B, m, n).

    Raises ValueError when called with arrays of other shapes; `same_size` says whether
    d_q must equal d_k, `compact` whether a score may be minus infinity.
    """

    same_size = True
    compact = False

    def __call__(self, query, key):
        if not isinstance(query, mx.sym.Symbol):
            self.check(query, key)
        return super().__call__(query, key)

    def check(self, query, key):
        """Raise a ValueError or TypeError if two arrays are not what the score takes."""
        shape, key_shape = _check_array("query", query, 3), _check_array("key", key, 3)
        if shape[0] != key_shape[0]:
            raise ValueError(
                f"key must have the batch size (axis 0) of query, got {key_shape} and {shape}"
            )
        if self.same_size and shape[2] != key_shape[2]:
            raise ValueError(
                f"key must have the features (axis 2) of query, got {key_shape} and {shape}"
            )


class KernelScore(Score):
    r"""The logarithm of a kernel K(u) of the distance u = ||(q - k) / h||: softmax turns it into K / sum K.

    A softmax of log K(u_i) is K(u_i) / sum_j K(u_j), the weights of Nadaraya (1964) and
    Watson (1964). Constant factors of K cancel. A compact kernel vanishes for u >= 1
    (its score is minus infinity there), so a query without any key within reach gets
    zero weights and a context of zeros.

    Parameters
    ----------
    bandwidth : float or sequence of floats
        h > 0 in the units of the features; a sequence gives each feature its own.
    learn : bool
        Whether h is trained (as its logarithm, so that it stays positive).
    dtype : str
        Precision of a trained or per-feature bandwidth, which is a parameter (a fixed
        number is not).
    """

    differentiable = True

    def __init__(
        self,
        bandwidth: float | Sequence[float] = 1.0,
        *,
        learn: bool = False,
        dtype: str = "float32",
    ):
        super().__init__()
        values = onp.atleast_1d(onp.asarray(bandwidth, dtype="float64"))
        if values.ndim != 1 or not (onp.isfinite(values) & (values > 0)).all():
            raise ValueError(
                f"bandwidth must be a positive number or a sequence of them, got {bandwidth!r}"
            )
        if learn and not self.differentiable:
            raise ValueError(
                "learn must be False: these weights do not change smoothly with the bandwidth"
            )
        self._fixed = None if learn or values.size > 1 else float(values[0])
        if self._fixed is None:
            self.log_bandwidth = self.params.get(
                "log_bandwidth",
                shape=values.shape,
                dtype=dtype,
                init=mx.init.Constant(onp.log(values)),
                grad_req="write" if learn else "null",
            )

    @property
    def bandwidth(self) -> onp.ndarray:
        """The current bandwidth, shape (1,) or (d,)."""
        return (
            onp.array([self._fixed])
            if self._fixed
            else onp.exp(self.log_bandwidth.data().asnumpy())
        )

    def hybrid_forward(self, F, query, key, log_bandwidth=None):
        difference = F.np.expand_dims(query, 2) - F.np.expand_dims(key, 1)  # (B, m, n, d)
        if self._fixed is not None:
            difference = difference * (1 / self._fixed)
        else:
            difference = difference * F.np.exp(-log_bandwidth)
        return self.log_kernel(F, F.np.sum(F.np.square(difference), axis=-1))  # (B, m, n)

    def log_kernel(self, F, squared):
        """Return log K as a function of u**2, both (B, m, n)."""
        raise NotImplementedError


def _log_or_minus_infinity(F, x):
    """log x where x > 0, else minus infinity; gradients stay finite everywhere."""
    inside = (x.as_nd_ndarray() > 0).as_np_ndarray()
    return F.np.log(F.np.maximum(x, 1e-30)) + F.np.log(inside)


class GaussianScore(KernelScore):
    """K(u) = exp(-u**2 / 2). Every key keeps some weight.

    >>> score = GaussianScore(bandwidth=2.0)
    >>> score(np.array([[[0.0]]]), np.array([[[0.0], [2.0]]])).tolist()
    [[[-0.0, -0.5]]]
    """

    def log_kernel(self, F, squared):
        return squared * -0.5


class BoxcarScore(KernelScore):
    """K(u) = 1 for u < 1, else 0: all keys within the bandwidth weigh the same. Its bandwidth cannot be trained."""

    differentiable = False
    compact = True

    def log_kernel(self, F, squared):
        return F.np.log((squared.as_nd_ndarray() < 1).as_np_ndarray())


class TriangularScore(KernelScore):
    """K(u) = max(1 - u, 0)."""

    compact = True

    def log_kernel(self, F, squared):
        distance = F.np.sqrt(F.np.maximum(squared, 1e-30))  # the root has no gradient at zero
        return _log_or_minus_infinity(F, 1 - distance)


class EpanechnikovScore(KernelScore):
    """K(u) = max(1 - u**2, 0), the kernel of least asymptotic error (Epanechnikov 1969)."""

    compact = True

    def log_kernel(self, F, squared):
        return _log_or_minus_infinity(F, 1 - squared)


class DotProductScore(Score):
    """a(q, k) = q . k (Luong et al. 2015, "dot").

    >>> DotProductScore()(np.array([[[1.0, 2.0]]]), np.array([[[3.0, 4.0]]])).tolist()
    [[[11.0]]]
    """

    def hybrid_forward(self, F, query, key):
        return F.npx.batch_dot(query, key, transpose_b=True)  # (B, m, n)


class ScaledDotProductScore(Score):
    """a(q, k) = q . k / sqrt(d) (Vaswani et al. 2017, equation 1): unit variance when q and k have it.

    Parameters
    ----------
    size : int or None
        The number of features d, if it is known beforehand; then the matrix product
        scales its result on the way out, which saves a pass over the queries.
    """

    def __init__(self, size: int | None = None):
        super().__init__()
        if size is not None:
            _check_positive("size", size)
        self._size, self._scale_in_product = size, True

    def cast(self, dtype):
        super().cast(dtype)
        self._scale_in_product = onp.dtype(dtype).name != "float16"  # gemm2 has no half precision

    def check(self, query, key):
        super().check(query, key)
        if self._size not in (None, query.shape[2]):
            raise ValueError(
                f"query must have size = {self._size} features (axis 2), got {query.shape}"
            )

    def hybrid_forward(self, F, query, key):
        if self._size and self._scale_in_product:
            scale = self._size**-0.5
            return legacy(F.linalg, "gemm2", query, key, transpose_b=True, alpha=scale)  # (B, m, n)
        return F.npx.batch_dot(legacy(F.contrib, "div_sqrt_dim", query), key, transpose_b=True)


class BilinearScore(Score):
    """a(q, k) = q . W k with a learned matrix W (d_q, d_k) (Luong et al. 2015, "general").

    Parameters
    ----------
    query_size : int
        Number of features d_q of a query; d_k is found at the first call.
    """

    same_size = False

    def __init__(self, query_size: int):
        super().__init__()
        _check_positive("query_size", query_size)
        self.projection = nn.Dense(query_size, use_bias=False, flatten=False)  # W

    def hybrid_forward(self, F, query, key):
        return F.npx.batch_dot(query, self.projection(key), transpose_b=True)


class AdditiveScore(Score):
    """a(q, k) = v . tanh(W_q q + W_k k) (Bahdanau et al. 2015): a small network scores each pair.

    Parameters
    ----------
    hidden_size : int
        Width of the hidden layer.
    """

    same_size = False

    def __init__(self, hidden_size: int):
        super().__init__()
        _check_positive("hidden_size", hidden_size)
        self.query_projection = nn.Dense(hidden_size, use_bias=False, flatten=False)  # W_q
        self.key_projection = nn.Dense(hidden_size, use_bias=False, flatten=False)  # W_k
        self.output = nn.Dense(1, use_bias=False, flatten=False, in_units=hidden_size)  # v

    def hybrid_forward(self, F, query, key):
        query = F.np.expand_dims(self.query_projection(query), 2)  # (B, m, 1, h)
        key = F.np.expand_dims(self.key_projection(key), 1)  # (B, 1, n, h)
        hidden = F.npx.activation(query + key, act_type="tanh")  # (B, m, n, h)
        return F.npx.reshape(self.output(hidden), (-2, -2, -2, -3))  # (B, m, n)


class CosineScore(Score):
    """a(q, k) = beta cos(q, k), the content addressing of Graves et al. (2014, equation 6). A zero vector scores 0.

    Parameters
    ----------
    sharpness : float
        beta > 0: the weights peak more as it grows.
    """

    def __init__(self, sharpness: float = 1.0):
        super().__init__()
        if not (onp.isfinite(sharpness) and sharpness > 0):
            raise ValueError(f"sharpness must be a positive number, got {sharpness!r}")
        self._sharpness = float(sharpness)

    def hybrid_forward(self, F, query, key):
        cosine = F.npx.batch_dot(self._unit(F, query), self._unit(F, key), transpose_b=True)
        return cosine * self._sharpness

    @staticmethod
    def _unit(F, x):
        """Scale to unit length; first by the largest entry, so that squares neither overflow nor vanish."""
        largest = F.np.max(F.np.abs(x), axis=-1, keepdims=True)
        x = x / F.np.maximum(legacy(F, "BlockGrad", largest), 1e-30)
        return x / F.np.sqrt(F.np.maximum(F.np.sum(F.np.square(x), axis=-1, keepdims=True), 0.5))


# ------------------------------------------------------------------------------ pooling
class AttentionBlock(HybridBlock):
    """A block with attention's contract: (query, key, value, mask) -> (context, weights).

    Arrays are checked, and their mask is brought to full shape, (B, m, n), before
    `hybrid_forward` sees them.
    """

    def __call__(self, query, key, value, mask=None):
        if not isinstance(query, mx.sym.Symbol):
            mask = _check_inputs(self, query, key, value, mask)
        return super().__call__(query, key, value, mask)


class Attention(AttentionBlock):
    """Pool values with weights that come from a score: context = sum_i alpha(q, k_i) v_i.

    Parameters
    ----------
    score : Score
        The score function a(q, k).
    dropout : float
        Rate at which weights are dropped while training. The returned weights are those
        before dropout.

    Call
    ----
    (query (B, m, d_q), key (B, n, d_k), value (B, n, d_v), mask) -> (context (B, m,
    d_v), weights (B, m, n)), with a mask as in the module's table, or None.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, dtype or value; the message names it.

    Examples
    --------
    >>> attention = Attention(DotProductScore())
    >>> key, value = np.array([[[1.0], [1.0], [9.0]]]), np.array([[[2.0], [4.0], [70.0]]])
    >>> context, weights = attention(np.array([[[1.0]]]), key, value, np.array([2]))
    >>> context.tolist(), weights.tolist()
    ([[[3.0]]], [[[0.5, 0.5, 0.0]]])
    """

    def __init__(self, score: Score, *, dropout: float = 0.0):
        super().__init__()
        if not isinstance(score, Score):
            raise TypeError(f"score must be a Score block, got {type(score).__name__}")
        self.score = score
        _check_rate("dropout", dropout)
        self.dropout = (
            nn.Dropout(dropout) if dropout else None
        )  # at rate 0 it would still copy the weights
        self._limit = LIMIT["float32"]

    def __call__(self, query, key, value, mask=None):
        if not isinstance(query, mx.sym.Symbol):
            self.score.check(query, key)
        return super().__call__(query, key, value, mask)

    def cast(self, dtype):
        super().cast(dtype)
        self._limit = _limit(dtype)

    def hybrid_forward(self, F, query, key, value, mask=None):
        scores = self.score(query, key)  # (B, m, n)
        weights = _masked_softmax(F, scores, mask, self._limit, compact=self.score.compact)
        kept = self.dropout(weights) if self.dropout else weights
        return F.npx.batch_dot(kept, value), weights  # (B, m, d_v), (B, m, n)


# -------------------------------------------------------------------------------- heads
class MultiHeadAttention(AttentionBlock):
    """Attend H times at once, each time in a learned subspace (Vaswani et al. 2017, section 3.2.2).

    Head h pools the values W_v^h v with weights from W_q^h q and W_k^h k; the H
    contexts are concatenated and mixed by W_o. Self-attention is the call with one
    array three times.

    Parameters
    ----------
    hidden_size : int
        Features d of each projection, all heads together; divisible by `num_heads`.
    num_heads : int
        Number of heads H.
    dropout : float
        Rate at which weights are dropped while training.
    use_bias : bool
        Whether the four projections have biases (the paper's have none).
    score : Score or None
        Score within a head; scaled dot product by default.

    Call
    ----
    (query (B, m, d_q), key (B, n, d_k), value (B, n, d_v), mask) -> (context (B, m, d),
    weights (B, H, m, n)), the mask as for `Attention`, the same for all heads.

    Raises
    ------
    ValueError, TypeError
        As for `Attention`.

    Examples
    --------
    >>> attention = MultiHeadAttention(8, num_heads=2)
    >>> attention.initialize()
    >>> x = np.ones((3, 5, 8))
    >>> context, weights = attention(x, x, x, np.array([5, 2, 1]))
    >>> context.shape, weights.shape
    ((3, 5, 8), (3, 2, 5, 5))
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        use_bias: bool = False,
        score: Score | None = None,
    ):
        super().__init__()
        _check_positive("hidden_size", hidden_size)
        _check_positive("num_heads", num_heads)
        if hidden_size % num_heads:
            raise ValueError(
                f"num_heads must divide hidden_size, got {num_heads} and {hidden_size}"
            )
        self.num_heads = num_heads
        score = ScaledDotProductScore(hidden_size // num_heads) if score is None else score
        self.attention = Attention(score, dropout=dropout)
        for name in (
            "query_projection",
            "key_projection",
            "value_projection",
            "output",
        ):
            setattr(self, name, nn.Dense(hidden_size, use_bias=use_bias, flatten=False))

    def hybrid_forward(self, F, query, key, value, mask=None):
        query = self._split(F, self.query_projection(query))  # (B * H, m, d / H)
        key = self._split(F, self.key_projection(key))  # (B * H, n, d / H)
        value = self._split(F, self.value_projection(value))  # (B * H, n, d / H)
        if mask is not None:
            mask = legacy(
                F,
                "broadcast_axis",
                F.np.expand_dims(mask, 1),
                axis=1,
                size=self.num_heads,
            )
            mask = F.npx.reshape(mask, (-5, -2, -2))  # (B * H, m, n), the same for all heads
        context, weights = self.attention(query, key, value, mask)
        split = (-6, -1, self.num_heads, -2, -2)
        context = _transpose(F, F.npx.reshape(context, split))  # (B, m, H, d / H)
        context = self.output(F.npx.reshape(context, (-2, -2, -5)))  # (B, m, d)
        return context, F.npx.reshape(weights, split)  # (B, H, m, n)

    def _split(self, F, x):
        """(B, m, d) -> (B * H, m, d / H): heads become examples of the batch."""
        x = _transpose(F, F.npx.reshape(x, (-2, -2, self.num_heads, -1)))  # (B, H, m, d / H)
        return F.npx.reshape(x, (-5, -2, -2))


# ------------------------------------------------------------------------------- checks
def _check_inputs(block, query, key, value, mask):
    """Check arrays and return their mask at full shape. Forget a graph that was cached for another kind of mask."""
    shapes = [
        _check_array(name, x, 3) for name, x in (("query", query), ("key", key), ("value", value))
    ]
    (batch, num_queries, _), (key_batch, num_keys, _), (value_batch, num_values, _) = shapes
    if not batch == key_batch == value_batch:
        raise ValueError(
            f"query, key and value must have the same batch size (axis 0), got shapes {shapes}"
        )
    if num_keys != num_values:
        raise ValueError(
            f"value must have as many items (axis 1) as key, got shapes {shapes[2]} and {shapes[1]}"
        )
    if mask is not None:
        mask = _expand_mask(mask, (batch, num_queries, num_keys), query.dtype, full=True)
    if getattr(block, "_masked", None) is not (mask is not None):
        block._clear_cached_op()
        block._masked = mask is not None
    return mask


def _check_pattern(mask, shape):
    """Raise a ValueError unless a 3-d mask broadcasts to `shape` and holds zeros and ones."""
    if any(given not in (1, wanted) for given, wanted in zip(mask.shape, shape, strict=True)):
        raise ValueError(f"mask must broadcast to (B, m, n) = {shape}, got shape {mask.shape}")
    if mask.dtype != bool:
        given = mask.asnumpy()
        if not ((given == 0) | (given == 1)).all():
            raise ValueError("mask must hold zeros and ones only")


def _check_lengths(mask, shape) -> onp.ndarray:
    """Return valid lengths as (B, m|1, 1); a ValueError says what is wrong with them."""
    if mask.shape not in (shape[:1], shape[:2]):
        raise ValueError(
            f"mask must be a valid length of shape ({shape[0]},) or {shape[:2]} or a 3-d mask, got shape {mask.shape}"
        )
    length = mask.asnumpy()
    whole = length.dtype.kind in "iu" or (length == length.astype(int)).all()
    if not whole or (length < 0).any() or (length > shape[2]).any():
        raise ValueError(f"mask must hold valid lengths, integers from 0 to n = {shape[2]}")
    return length.reshape(shape[0], -1, 1)


def _check_array(name, array, ndim):
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an MXNet array, got {type(array).__name__}")
    shape = array.shape
    if len(shape) != ndim:
        raise ValueError(f"{name} must have {ndim} axes, got shape {shape}")
    return shape


def _check_positive(name, value):
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")


def _check_rate(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), got {value!r}")


def _limit(dtype) -> float:
    name = onp.dtype(dtype).name
    if name not in LIMIT:
        raise TypeError(f"dtype must be one of {sorted(LIMIT)}, got {name}")
    return LIMIT[name]


# ----------------------------------------------------------------------------- plumbing
def legacy(F, operator: str, *arrays, **attributes):
    """Call an operator of MXNet's older interface, several of which are faster than
    their NumPy-like peers or have none.
    """
    return getattr(F, operator)(
        *(array.as_nd_ndarray() for array in arrays), **attributes
    ).as_np_ndarray()


def _transpose(F, x):
    """Swap the two middle axes of a 4-d array."""
    return legacy(F, "transpose", x, axes=(0, 2, 1, 3))
