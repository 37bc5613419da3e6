"""Operators: equal to NumPy, for arrays and in a graph; gradients that stay finite at the edges."""

import math

import numpy as onp
import pytest
import scipy.special

from d2l_attention.backend import operators as op

from mxnet import autograd, np
from mxnet.gluon import HybridBlock

RANDOM = onp.random.RandomState(0)
A, B, C = (RANDOM.normal(size=(2, 3, 4)).astype("float32") for _ in range(3))
HEADS = RANDOM.normal(size=(2, 3, 5, 4)).astype("float32")
GRID = RANDOM.normal(size=(2, 9, 4)).astype("float32")
STATES = RANDOM.normal(size=(4, 3, 5)).astype("float32")
LENGTH = onp.array([2, 1, 4], "int32")
SEVERAL = RANDOM.normal(size=(2, 6, 4, 5)).astype("float32")  # two heads of three
SHARES = RANDOM.uniform(size=(2, 2, 3)).astype("float32")
PICTURE = RANDOM.normal(size=(2, 12, 4, 6)).astype("float32")
ROWS = onp.array([[0, 2], [1, 1], [2, 0]], "int32")
EXP = onp.exp(A - A.max(-1, keepdims=True))


def unit(x):
    return x / onp.linalg.norm(x, axis=-1, keepdims=True)


CASES = {  # operator, its arrays, NumPy's answer
    "batch_dot": (lambda a, b: op.batch_dot(a, b), [A, B.swapaxes(1, 2)], A @ B.swapaxes(1, 2)),
    "batch_dot of b^T": (
        lambda a, b: op.batch_dot(a, b, transpose_b=True),
        [HEADS, HEADS],
        HEADS @ HEADS.swapaxes(2, 3),
    ),
    "scaled_batch_dot": (
        lambda a, b: op.scaled_batch_dot(a, b, 0.3),
        [HEADS, HEADS],
        0.3 * HEADS @ HEADS.swapaxes(2, 3),
    ),
    "dot": (op.dot, [A[0], B[0].T], A[0] @ B[0].T),
    "take": (op.take, [A[0], ROWS], A[0][ROWS]),
    "first": (op.first, [A], A[:, 0]),
    "rows_at": (
        op.rows_at,
        [GRID, onp.array([[8, 0, 0], [3, 1, 8]], "int32")],
        onp.stack([GRID[0][[8, 0, 0]], GRID[1][[3, 1, 8]]]),
    ),
    "gelu": (op.gelu, [A], A * scipy.special.ndtr(A)),
    "leaky_relu": (lambda a: op.leaky_relu(a, 0.2), [A], onp.where(A > 0, A, 0.2 * A)),
    "elu": (op.elu, [A], onp.where(A > 0, A, onp.expm1(A))),
    "rsqrt": (op.rsqrt, [abs(A) + 1], 1 / onp.sqrt(abs(A) + 1)),
    "equal": (
        lambda a, b: op.equal(a, b, "float32"),
        [ROWS, ROWS[::-1].copy()],
        onp.float32([[0, 0], [1, 1], [0, 0]]),
    ),
    "join_last": (op.join_last, [A], A.reshape(2, 12)),
    "ones_column": (op.ones_column, [A[0] * onp.inf], onp.ones((3, 1))),
    "softmax": (op.softmax, [A], EXP / EXP.sum(-1, keepdims=True)),
    "tanh": (op.tanh, [A], onp.tanh(A)),
    "sigmoid": (op.sigmoid, [A], 1 / (1 + onp.exp(-A))),
    "relu": (op.relu, [A], onp.maximum(A, 0)),
    "gelu_tanh": (
        op.gelu_tanh,
        [3 * A],
        1.5 * A * (1 + onp.tanh((2 / math.pi) ** 0.5 * (3 * A + 0.044715 * (3 * A) ** 3))),
    ),
    "exp": (op.exp, [A], onp.exp(A)),
    "add": (op.add, [A, B], A + B),
    "square": (op.square, [A], A**2),
    "minimum": (op.minimum, [A, B], onp.minimum(A, B)),
    "maximum": (lambda a: op.maximum(a, 0.1), [A], onp.maximum(A, 0.1)),
    "constant": (op.constant, [A], A),
    "greater": (lambda a: op.greater(a, 0.1), [A], A > 0.1),
    "at_most": (lambda a: op.at_most(a, 0.1), [A], A <= 0.1),
    "log": (op.log, [abs(A)], onp.log(abs(A))),
    "log of zero": (op.log, [0 * A], onp.full(A.shape, math.log(1e-30))),
    "cumulative_sum": (lambda a: op.cumulative_sum(a, 2), [A], A.cumsum(2)),
    "cosine": (op.cosine, [A, B[:, :2]], unit(A) @ unit(B[:, :2]).swapaxes(1, 2)),
    "cosine with nothing": (op.cosine, [A, 0 * B], onp.zeros((2, 3, 3))),
    "circular_convolution": (
        op.circular_convolution,
        [A, B[:, :, :3]],
        sum(onp.roll(A, j, axis=2) * B[:, :, j + 1, None] for j in (-1, 0, 1)),
    ),
    "last_first": (
        op.last_first,
        [A, onp.zeros((2, 3, 7), "float32")],
        A[:, :, :3][:, :, ::-1],
    ),
    "circular_convolution of one": (
        op.circular_convolution,
        [A[:, :, :1], B[:, :, :3]],
        A[:, :, :1] * B[:, :, :3].sum(2, keepdims=True),
    ),
    "softplus": (op.softplus, [A], onp.log1p(onp.exp(A))),
    "pieces": (lambda a: op.concatenate(op.pieces(a, (1, 2), 1)[::-1], 1), [A], A[:, [1, 2, 0]]),
    "split_first": (lambda a: op.split_first(a, 2), [A[0]], A[0].reshape(3, 2, 2)),
    "log_step": (op.log_step, [A], onp.where(A > 0, 0, -op.HUGE)),
    "log_positive": (op.log_positive, [A], onp.log(onp.where(A > 0, A, 1)) - op.HUGE * (A <= 0)),
    "safe_sqrt": (op.safe_sqrt, [A**2], abs(A)),
    "unit": (op.unit, [A], A / onp.linalg.norm(A, axis=-1, keepdims=True)),
    "sum_last": (op.sum_last, [A], A.sum(-1)),
    "mean_over": (lambda a: op.mean_over(a, 1), [A], A.mean(1)),
    "expand": (lambda a: op.expand(a, 1), [A], A[:, None]),
    "expand from the end": (lambda a: op.expand(a, -2), [A], A[:, :, None]),
    "squeeze": (lambda a: op.squeeze(a, 1), [A[:, :1]], A[:, 0]),
    "concatenate": (lambda a, b: op.concatenate([a, b], 1), [A, B], onp.concatenate([A, B], 1)),
    "repeat_like": (op.repeat_like, [A[:1, :, :1], B], onp.broadcast_to(A[:1, :, :1], B.shape)),
    "repeat_first": (op.repeat_first, [A[:1], GRID], onp.broadcast_to(A[:1], A.shape)),
    "first_rows": (
        op.first_rows,
        [GRID[0, :, :4], A],
        onp.broadcast_to(GRID[0, : A.shape[1]], A.shape),
    ),
    "log_softmax": (op.log_softmax, [A], scipy.special.log_softmax(A, axis=-1)),
    "pick": (
        op.pick,
        [A[0], LENGTH - 1],
        onp.take_along_axis(A[0], LENGTH[:, None] - 1, axis=1)[:, 0],
    ),
    "layer_norm": (
        lambda a, b, c: op.layer_norm(a, b, c, A.shape[-1], 1e-5),
        [A, B[0, 0, : A.shape[-1]], B[1, 0, : A.shape[-1]]],
        (A - A.mean(-1, keepdims=True))
        / onp.sqrt(A.var(-1, keepdims=True) + 1e-5)
        * B[0, 0, : A.shape[-1]]
        + B[1, 0, : A.shape[-1]],
    ),
    "causal_mask": (op.causal_mask, [GRID], onp.tri(9)[None]),
    "places": (
        op.places,
        [onp.array([[0, 0, 1, 1], [1, 1, 1, 1]], "float32")],
        onp.array([[0, 0, 0, 1], [0, 1, 2, 3]]),
    ),
    "stack": (lambda a, b: op.stack([a, b], 1), [A, B], onp.stack([A, B], 1)),
    "transpose": (lambda a: op.transpose(a, (2, 0, 1)), [A], A.transpose(2, 0, 1)),
    "split_heads": (
        lambda a: op.split_heads(a, 2),
        [A],
        onp.stack([A[..., :2], A[..., 2:]], axis=1),
    ),
    "merge_heads": (op.merge_heads, [HEADS], onp.concatenate(list(HEADS.swapaxes(0, 1)), -1)),
    "upper_bound": (
        op.upper_bound,
        [onp.array([[1, 0]], "float32")],
        onp.array([[onp.inf, -op.HUGE]]),
    ),
    "as_grid": (
        lambda a: op.as_grid(a, 3),
        [GRID],
        GRID.reshape(2, 3, 3, 4).transpose(0, 3, 1, 2),
    ),
    "as_regions": (
        op.as_regions,
        [GRID.reshape(2, 3, 3, 4).transpose(0, 3, 1, 2)],
        GRID,
    ),
    "repeat_rows": (op.repeat_rows, [A[:, :1], GRID], onp.broadcast_to(A[:, :1], GRID.shape)),
    "mixture": (
        lambda a, b: op.mixture(a, b, 3),
        [SEVERAL, SHARES],
        (SEVERAL.reshape(2, 2, 3, 4, 5) * SHARES[..., None, None]).sum(2),
    ),
    "mean_of_squares": (
        lambda a: op.mean_of_squares(a, 2),
        [PICTURE],
        PICTURE.reshape(2, 12, 2, 2, 3, 2).mean((3, 5)),
    ),
    "mean_of_squares of one": (lambda a: op.mean_of_squares(a, 1), [PICTURE], PICTURE),
    "as_picture": (
        lambda a, b: op.as_picture(a, b, 2),
        [PICTURE.transpose(0, 2, 3, 1).reshape(2, 24, 12), PICTURE],
        PICTURE.reshape(2, 2, 2, 3, 4, 6).transpose(0, 4, 1, 5, 2, 3).reshape(2, 8, 12, 3),
    ),
    "zeros_at": (lambda a: op.zeros_at(a, 1), [A * onp.inf], onp.zeros((1, 3, 4))),
    "last_state": (
        op.last_state,
        [STATES, LENGTH],
        onp.stack([STATES[n - 1, b] for b, n in enumerate(LENGTH)]),
    ),
}


# Tested below: chance, what is done in place, and what takes arrays only
APART = {"is_symbol", "dropout", "write_at", "sum_at", "scale_rows"}
ROOM = onp.arange(2 * 3 * 6 * 4, dtype="float32").reshape(2, 3, 6, 4)


class Graph(HybridBlock):
    def __init__(self, operator):
        super().__init__()
        self.operator = operator

    def hybrid_forward(self, F, *arrays):
        return self.operator(*arrays)


@pytest.mark.parametrize("name", CASES)
def test_equals_numpy_for_arrays_and_in_a_graph(name):
    operator, arrays, expected = CASES[name]
    arrays = [np.array(x, dtype=x.dtype) for x in arrays]
    graph = Graph(operator)
    graph.hybridize()
    for run in (operator, graph):
        result = run(*arrays).asnumpy()
        assert result.shape == expected.shape
        error = 1e-5 if name == "log_softmax" else 1e-6  # oneDNN's logarithm is a coarser one
        onp.testing.assert_allclose(result, expected, atol=error, rtol=error)


def test_every_operator_is_compared():
    public = {name for name in vars(op) if name[0].islower() and callable(getattr(op, name))}
    compared = {name.split()[0] for name in CASES} | APART
    assert public == compared


def gradient(operator, values, *, upstream=1.0, dtype="float32"):
    """The operator's values and its gradients, as lists."""
    x = np.array(values, dtype=dtype)
    x.attach_grad()
    with autograd.record():
        y = operator(x)
    y.backward(np.full(y.shape, upstream, dtype=dtype))
    return y.tolist(), x.grad.tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("upstream", [1.0, 1e6, -1e30])
def test_the_logarithm_of_a_step_has_gradients_of_zero(upstream, dtype):
    x = [0.5, 1e-7, 0.0, -1e-7, -5.0, -1e30, -math.inf]
    value, slope = gradient(op.log_step, x, upstream=upstream, dtype=dtype)
    assert value[:2] == [0, 0] and all(v < -3.4e38 and math.isfinite(v) for v in value[2:])
    assert slope == [0] * 7


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_logarithm_where_there_is_none(dtype):
    x = [0.5, 0.0, -5.0, -1e30, -math.inf]
    value, slope = gradient(op.log_positive, x, upstream=1e6, dtype=dtype)
    assert value[0] == pytest.approx(math.log(0.5))
    assert all(v < -3.4e38 and math.isfinite(v) for v in value[1:])
    assert slope == [pytest.approx(2e6), 0, 0, 0, 0]


def test_the_root_of_zero_has_a_finite_gradient():
    value, slope = gradient(op.safe_sqrt, [4.0, 0.0])
    assert value == [2, pytest.approx(0, abs=1e-14)] and slope == [pytest.approx(0.25), 0]


def test_constants_take_no_part_in_the_gradient():
    for operator in (op.constant, lambda x: op.greater(x, 0.5), lambda x: op.repeat_like(x, x)):
        assert gradient(lambda x, f=operator: x + f(x), [1.0, 0.0])[1] == [1, 1]


def test_a_unit_vector_of_extremes():
    x = [[0.0, 0.0], [3e-30, 4e-30], [3e37, 4e37], [3e38, 0.0]]
    value, slope = gradient(op.unit, x)
    onp.testing.assert_allclose(value, [[0, 0], [0.6, 0.8], [0.6, 0.8], [1, 0]], rtol=1e-6)
    assert onp.isfinite(slope).all()


def test_gradient_of_a_unit_vector_by_hand():
    """d/dx of the sum of x / |x| is (1 - u sum(u)) / |x|."""
    x = onp.array([[0.6, -2.0, 1.5]])
    norm = onp.linalg.norm(x)
    u = x / norm
    slope = gradient(op.unit, x, dtype="float64")[1]
    onp.testing.assert_allclose(slope, (1 - u * u.sum()) / norm, rtol=1e-12)


def test_minimum_keeps_what_is_not_a_number():
    nan = np.array([math.nan, 1.0])
    assert onp.isnan(op.minimum(nan, nan + 1).asnumpy()).tolist() == [True, False]


def test_dropout_is_nothing_at_rate_zero_and_keeps_the_mean():
    x = np.ones((200, 200))
    assert op.dropout(x, 0.0) is x
    assert (op.dropout(x, 0.5).asnumpy() == 1).all()
    with autograd.record():
        dropped = op.dropout(x, 0.25).asnumpy()
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert dropped.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_rows_and_their_gradient(dtype):
    row, weight = onp.array([2, 0, 2, 2]), onp.arange(30.0).reshape(5, 2, 3)
    x = np.array(RANDOM.normal(size=(4, 2, 3)), dtype=dtype)
    x.attach_grad()
    with autograd.record():
        y = op.sum_at(x, np.array(row, dtype="int32"), 5)
        total = (y * np.array(weight, dtype=dtype)).sum()
    total.backward()
    expected = onp.zeros((5, 2, 3))
    onp.add.at(expected, row, x.asnumpy())
    assert y.dtype == dtype
    onp.testing.assert_allclose(y.asnumpy(), expected, atol=1e-6)
    onp.testing.assert_allclose(x.grad.asnumpy(), weight[row])


def test_scaled_rows_and_their_gradients():
    x, scale = (np.array(RANDOM.normal(size=s), dtype="float32") for s in ((4, 2, 3), (4, 2)))
    x.attach_grad()
    scale.attach_grad()
    with autograd.record():
        y = op.scale_rows(x, scale)
    y.backward()
    a, b = x.asnumpy(), scale.asnumpy()
    onp.testing.assert_allclose(y.asnumpy(), a * b[..., None], rtol=1e-6)
    onp.testing.assert_allclose(x.grad.asnumpy(), onp.broadcast_to(b[..., None], a.shape))
    onp.testing.assert_allclose(scale.grad.asnumpy(), a.sum(-1), rtol=1e-5, atol=1e-6)


def test_what_is_written_in_place():
    for dtype in ("float32", "float64"):
        room, x = np.array(ROOM, dtype=dtype), np.array(ROOM[:, :, :2] + 9, dtype=dtype)
        op.write_at(room, 3, x)
        expected = ROOM.copy()
        expected[:, :, 3:5] = ROOM[:, :, :2] + 9
        assert room.dtype == dtype and (room.asnumpy() == expected).all()


def test_symbols_are_told_from_arrays():
    seen = []
    graph = Graph(lambda x: seen.append(op.is_symbol(x)) or x * 1)
    graph(np.ones(1))
    graph.hybridize()
    graph(np.ones(1))
    assert seen == [False, True]
