"""The operators that the book's models are made of, each in the form that MXNet 1.9.1 runs fastest.

They take arrays or, while a hybridized block is traced, symbols, and return the same. So a model
needs no `F.`, and a port to another MXNet ends here and in `backend.shapes`, whose operators are
found here, too. Sizes stand in the comments: `...` are any leading axes, B examples, H heads, m queries,
n keys, d features.
"""

import math

import numpy as onp

from d2l_attention.backend.dispatch import classic as _classic
from d2l_attention.backend.dispatch import interface as _of
from d2l_attention.backend.dispatch import is_symbol  # noqa: F401
from d2l_attention.backend.shapes import (  # noqa: F401
    as_grid,
    as_picture,
    as_regions,
    causal_mask,
    concatenate,
    constant,
    cumulative_sum,
    expand,
    first,
    first_rows,
    join_last,
    mean_of_squares,
    merge_heads,
    ones_column,
    pieces,
    places,
    repeat_first,
    repeat_like,
    repeat_rows,
    rows_at,
    split_first,
    split_heads,
    squeeze,
    stack,
    transpose,
)

HUGE = 3.4028234663852886e38  # the largest float32; a compact kernel's score of -HUGE forbids a key


# ----------------------------------------------------------------------- products
def batch_dot(a, b, *, transpose_b=False):
    """a b, or a b^T: (..., m, d), (..., d, n) -> (..., m, n)."""
    return _of(a).npx.batch_dot(a, b, transpose_b=transpose_b)


def scaled_batch_dot(a, b, scale):
    """scale a b^T, scaled within the product: (..., m, d), (..., n, d) -> (..., m, n)."""
    return _classic("linalg.gemm2", a, b, transpose_b=True, alpha=scale)


def dot(a, b):
    """a b: (n, d), (d, k) -> (n, k)."""
    return _of(a).np.dot(a, b)


def mixture(weights, shares, number):
    """Sums of K matrices each, by their shares: (B, H K, n, m), (B, H, K) -> (B, H, n, m)."""
    flat = _of(weights).npx.reshape(weights, (-2, -6, -1, number, -5))  # (B, H, K, n m)
    mixed = batch_dot(expand(shares, 2), flat)  # (B, H, 1, n m)
    one = _classic("slice_axis", constant(weights), axis=1, begin=0, end=1)  # (B, 1, n, m)
    return _classic("reshape_like", squeeze(mixed, 2), one,
                    lhs_begin=2, lhs_end=3, rhs_begin=2, rhs_end=4)  # fmt: skip


def take(table, rows):
    """Rows of a table: (S, d), (B, n) -> (B, n, d)."""
    return _of(table).np.take(table, rows, axis=0)


def sum_at(x, row, number):
    """Row i sums the rows of x whose `row` is i: arrays (E, ...), integers (E,) -> (n, ...).

    It is the gradient of `take`, and so is fast; no symbol can say how large n is.
    """
    shape = (number, *x.shape[1:])
    return _classic("_internal._backward_gather_nd", x, expand(row, 0), shape=shape)


def scale_rows(x, scale):
    """Rows of x times a number each, faster than by broadcasting: arrays (E, H, d), (E, H)."""
    ones = _of(x).np.ones_like(constant(x)[0, 0]).reshape(-1, 1)  # (d, 1)
    return x * _product(expand(scale, 2), ones, x.shape[2])


def _product(x, W, rows):
    """x W^T: (..., d), (rows, d) -> (..., rows)."""
    options = {"num_hidden": rows, "no_bias": True, "flatten": False}
    return _of(x).npx.fully_connected(x, W, **options)


def layer_norm(x, gamma, beta, size, epsilon):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta over the last axis of so many features.

    Means, and what is repeated along a row, are products with vectors: the gradients of sums and of
    broadcasting are several times slower.
    """
    F = _of(x)
    ones = F.np.ones_like(gamma)
    row, column = F.np.reshape(ones, (1, size)), F.np.reshape(ones, (size, 1))
    mean = _product(x, row, 1) / size  # (..., 1)
    x = x - _product(mean, column, size)
    variance = _product(F.np.square(x), row, 1) / size
    scale = _product(_classic("rsqrt", variance + epsilon), F.np.reshape(gamma, (size, 1)), size)
    return add(x * scale, _product(F.np.ones_like(mean), F.np.reshape(beta, (size, 1)), size))


# ------------------------------------------------------------ numbers, one by one
def softmax(x):
    """exp x_i / sum_j exp x_j over the last axis."""
    return _of(x).npx.softmax(x)


def log_softmax(x):
    """x_i - log sum_j exp x_j over the last axis."""
    return _of(x).npx.log_softmax(x)


def pick(x, index):
    """x_i of each row: (..., V), integers (...) -> (...)."""
    return _of(x).npx.pick(x, index)


def tanh(x):
    """Hyperbolic tangent."""
    return _of(x).npx.activation(x, act_type="tanh")


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return _of(x).npx.activation(x, act_type="sigmoid")


def softplus(x):
    """log(1 + exp(x))."""
    return _of(x).npx.activation(x, act_type="softrelu")


def relu(x):
    """max(x, 0)."""
    return _of(x).npx.relu(x)


def leaky_relu(x, slope):
    """x where it is positive, else slope x."""
    return _of(x).npx.leaky_relu(x, act_type="leaky", slope=slope)


def elu(x):
    """x where it is positive, else exp(x) - 1."""
    return _of(x).npx.leaky_relu(x, act_type="elu", slope=1.0)


def gelu(x):
    """x Phi(x), with the normal distribution's Phi: what a random gate lets through on average."""
    return _classic("LeakyReLU", x, act_type="gelu")


def gelu_tanh(x):
    """x (1 + tanh(u)) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3), nearly x Phi(x): x sigmoid(2 u)."""
    slope = 2 * math.sqrt(2 / math.pi)
    u = x * _classic("contrib.quadratic", x, a=0.044715 * slope, b=0.0, c=slope)
    return x * sigmoid(u)


def exp(x):
    """Exponential."""
    return _of(x).np.exp(x)


def add(x, y):
    """x + y, both of one shape: the gradient is handed on as it is."""
    return _classic("elemwise_add", x, y)


def square(x):
    """x^2."""
    return _of(x).np.square(x)


def minimum(x, y):
    """The smaller of x and a number or an array of x's shape; NaN stays NaN."""
    return _of(x).np.minimum(x, y)


def maximum(x, number):
    """The larger of x and a number; NaN stays NaN."""
    return _of(x).np.maximum(x, number)


def upper_bound(mask):
    """Infinity where a mask is 1, -HUGE where it is 0."""
    return maximum((2 * mask - 1) * math.inf, -HUGE)


def dropout(x, rate):
    """Zero a share of x while training, and scale the rest up; x itself at rate 0."""
    return _of(x).npx.dropout(x, p=rate) if rate else x


def greater(x, number):
    """1 where x > number, else 0; it takes no part in the gradient."""
    return constant((x.as_nd_ndarray() > number).as_np_ndarray())


def at_most(x, number):
    """1 where x <= number, else 0; it takes no part in the gradient."""
    return constant((x.as_nd_ndarray() <= number).as_np_ndarray())


def equal(x, y, dtype):
    """1 where x = y, else 0, in a dtype of numbers; it takes no part in the gradient."""
    return constant(_classic("cast", _of(x).np.equal(x, y), dtype=onp.dtype(dtype).name))


def log_step(x):
    """0 where x > 0, else -HUGE, with a gradient of zeros.

    It has one, of relu: MXNet's backward pass crashes where an operator without any gradient is all
    that joins two trained layers.
    """
    return minimum(relu(x), (greater(x, 0) - 1) * HUGE)


def log(x):
    """log x, where what is below 1e-30 counts as that; the gradient there is zero."""
    return _of(x).np.log(maximum(x, 1e-30))


def log_positive(x):
    """log x where x > 0, else -HUGE; the gradient is finite everywhere."""
    return _of(x).np.log(maximum(x, 1e-30)) + (greater(x, 0) - 1) * HUGE


def rsqrt(x):
    """1 / sqrt(x), for x > 0."""
    return _classic("rsqrt", x)


def safe_sqrt(x):
    """The root of x >= 0, with a finite gradient at zero."""
    return _of(x).np.sqrt(maximum(x, 1e-30))


def unit(x):
    """x / ||x|| over the last axis, and 0 for 0; a norm below 1e-30 counts as 0."""
    F = _of(x)
    largest = F.np.max(F.np.abs(x), axis=-1, keepdims=True)
    x = x / F.np.maximum(constant(largest), 1e-30)
    return x / F.np.sqrt(F.np.maximum(F.np.sum(F.np.square(x), axis=-1, keepdims=True), 0.5))


def cosine(a, b):
    """a b^T / (||a|| ||b||), the cosine of angles: (B, m, d), (B, n, d) -> (B, m, n).

    Where a norm is below 1e-4 or so, it is nearer to 0, and 0 for 0: so its gradient is bounded.
    """
    squares = batch_dot(_of(a).np.ones_like(a), square(b), transpose_b=True)  # ||b||^2, (B, m, n)
    squares = squares * _of(a).np.sum(square(a), axis=-1, keepdims=True)
    return batch_dot(a, b, transpose_b=True) * _classic("rsqrt", squares + 1e-8)


def circular_convolution(x, s):
    """y_i = sum_j s_j x_{i-j} for j = -1, 0, 1, in a ring: (B, H, N), (B, H, 3) -> (B, H, N)."""
    later = concatenate([x[:, :, 1:], x[:, :, :1]], 2)  # x_{i+1}
    earlier = concatenate([x[:, :, -1:], x[:, :, :-1]], 2)
    back, stay, on = pieces(s, (1, 1, 1), axis=2)
    return back * later + stay * x + on * earlier


def sum_last(x):
    """Sum over the last axis."""
    return _of(x).np.sum(x, axis=-1)


def mean_over(x, axis):
    """Mean over an axis."""
    return _of(x).np.mean(x, axis=axis)


# ---------------------------------------------------------------------- sequences
def write_at(room, start, x):
    """room[:, :, start : start + k] = x, in place: arrays (B, H, slots, d), (B, H, k, d)."""
    place = {"begin": (None, None, start, None), "end": (None, None, start + x.shape[2], None)}
    _classic("_internal._slice_assign", room, x, **place, out=room.as_nd_ndarray())


def zeros_at(x, index):
    """Zeros of the shape of x[index:index + 1]."""
    return _of(x).np.zeros_like(_classic("slice_axis", x, axis=0, begin=index, end=index + 1))


def last_first(x, like):
    """The first n columns in reverse order, n as many as `like` has rows: (B, m, L), (B, n, d) -> (B, m, n)."""
    columns = transpose(constant(like), (0, 2, 1))  # (B, d, n)
    return _of(x).np.flip(_classic("slice_like", x, columns, axes=(2,)), 2)


def last_state(states, length):
    """The state at each sequence's last item: (T, B, d), (B,) -> (B, d)."""
    return _classic("SequenceLast", states, length, use_sequence_length=True)
