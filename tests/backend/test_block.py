"""Blocks check what they are called with: patterns of shapes, one dtype, integers in their range."""

import numpy as onp
import pytest

from d2l_attention.backend.block import Block, check_arrays, check_ids

from mxnet import autograd, np
from mxnet.gluon import HybridBlock, nn


def arrays(shapes, dtype="float32"):
    return {f"x{i}": np.ones(shape, dtype=dtype) for i, shape in enumerate(shapes)}


FITTING = [
    ("B m _, B n _", [(2, 3, 4), (2, 5, 6)]),
    ("B n, B", [(2, 3), (2,)]),
    ("B? m? n", [(1, 1, 4)]),
    ("B m d, B? m? n", [(2, 3, 4), (1, 3, 7)]),
    ("B m d, B? m? n", [(2, 3, 4), (2, 1, 7)]),
    ("... m d, ... n d", [(3, 4), (5, 4)]),
    ("... m d, ... n d", [(7, 8, 3, 4), (7, 8, 5, 4)]),
    ("... m _, ...? m? n", [(7, 8, 3, 4), (7, 1, 1, 5)]),
    ("... m _, ...? m? n", [(7, 8, 3, 4), (1, 8, 3, 5)]),
    ("c s s", [(3, 5, 5)]),
]
UNFIT = [
    ("B m _, B n _", [(2, 3, 4), (3, 5, 6)], r"x1 must be of shape \(B, n, _\) with B = 2, as x0"),
    ("B m _", [(2, 3)], r"x0 must be of shape \(B, m, _\); got \(2, 3\)"),
    ("B n, B", [(2, 3), (2, 1)], "x1"),
    ("B m d, B? m? n", [(2, 3, 4), (2, 2, 7)], "x1 .* m = 3, as x0 has"),
    ("B m d, B? m? n", [(2, 3, 4), (3, 7)], "x1"),
    ("B m d, B? n", [(2, 3, 4), (3, 7)], "x1 .* B = 2"),
    ("... m d, ... n d", [(3, 4), (2, 5, 4)], "x1"),
    ("... m d, ... n d", [(2, 3, 4), (5, 4)], "x1 .* with 1 leading axes, as x0 has; got"),
    ("... m d", [(4,)], r"x0 must be of shape \(..., m, d\); got"),
    ("... m d, ... n d", [(2, 3, 4), (1, 5, 4)], "x1"),
    ("... m d, ...? m? n", [(2, 3, 4), (3, 4)], "x1"),
    ("... m d, ...? m? n", [(2, 3, 4), (1, 2, 3, 4)], "x1"),
    ("... m d, ...? m? n", [(2, 3, 4), (3, 3, 4)], "x1"),
    ("c s s", [(3, 5, 6)], "x0"),
    ("B n", [(0, 3)], "x0 .* none of them 0"),
    ("B _", [(2, 0)], "x0 .* none of them 0"),
    ("... n", [()], "x0"),
]


@pytest.mark.parametrize(("pattern", "shapes"), FITTING)
def test_shapes_that_fit(pattern, shapes):
    check_arrays(pattern, **arrays(shapes))


@pytest.mark.parametrize(("pattern", "shapes", "message"), UNFIT)
def test_shapes_that_do_not_fit_are_named(pattern, shapes, message):
    with pytest.raises(ValueError, match=message):
        check_arrays(pattern, **arrays(shapes))


def test_sizes_that_are_known():
    for unknown in ({}, {"d": 0}, {"d": -1}, {"d": 4}):
        check_arrays("B d", sizes=unknown, x=np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"^x must be of shape \(B, d\) with d = 5; got \(2, 4\)"):
        check_arrays("B d", sizes={"d": 5}, x=np.ones((2, 4)))


def test_what_is_not_given_is_passed_over():
    check_arrays("B n, B? n, B", x=np.ones((2, 3)), mask=None, y=np.ones(2))
    check_arrays("B n, B", x=nn.Dense(1).weight.var(), y=np.ones(2))


def test_arrays_have_one_dtype():
    check_arrays("ids B, ids B", **arrays([(2,), (2,)], "int64"))
    with pytest.raises(TypeError, match=r"^y must be float32, as x is, got float64"):
        check_arrays("B, B", x=np.ones(2), y=np.ones(2, dtype="float64"))
    for dtype in ("float16", "int32", "uint8", "bool"):
        with pytest.raises(TypeError, match=f"^x must be float32 or float64, got {dtype}"):
            check_arrays("B", x=np.ones(2, dtype=dtype))
    with pytest.raises(TypeError, match=r"^x must be int32 or int64, got float32"):
        check_arrays("ids B", x=np.ones(2))
    for other in (onp.ones(2), [1.0], 1.0, np.ones(2).as_nd_ndarray(), "x"):
        with pytest.raises(TypeError, match=r"^x must be an MXNet array, got"):
            check_arrays("B", x=other)


def test_as_many_arrays_as_shapes():
    with pytest.raises(ValueError, match="zip"):
        check_arrays("B, B", x=np.ones(2))


def test_numbers_in_their_range():
    x = np.array([0, 4], dtype="int32")
    check_ids(x=(x, 0, 5))
    for least, limit in [(1, 5), (0, 4)]:
        message = f"^x must hold whole numbers from {least} to {limit - 1}$"
        with pytest.raises(ValueError, match=message):
            check_ids(x=(x, least, limit))


# ------------------------------------------------------------------------------- blocks
class Scaled(Block):
    """w x, plus what is added, if anything is."""

    takes = "B n, B? n"

    def __init__(self):
        super().__init__()
        self.w = nn.Dense(1, use_bias=False, flatten=False)
        self.checked = 0

    def check(self, x, added=None):
        self.checked += 1
        super().check(x, added)

    def hybrid_forward(self, F, x, added=None):
        y = x * self.w(x)
        return y if added is None else y + added


class Parent(HybridBlock):
    def __init__(self, child):
        super().__init__()
        self.child = child

    def hybrid_forward(self, F, x):
        return self.child(x)


@pytest.fixture
def scaled():
    block = Scaled()
    block.initialize("ones")
    return block


X, ADDED = np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])


@pytest.mark.parametrize("hybridize", [False, True])
def test_arguments_go_by_place_and_by_name(scaled, hybridize):
    scaled.hybridize(hybridize)
    for call in (lambda: scaled(X, ADDED), lambda: scaled(added=ADDED, x=X)):
        assert call().tolist() == [[13.0, 26.0]]
    for call in (lambda: scaled(X), lambda: scaled(x=X), lambda: scaled(X, None)):
        assert call().tolist() == [[3.0, 6.0]]
    assert scaled.checked == 2  # arrays like those of the last call have been checked


CALLS = [
    ("missing a required argument: 'x'", lambda block: block()),
    ("missing a required argument: 'x'", lambda block: block(added=X)),
    ("unexpected keyword argument 'y'", lambda block: block(X, y=X)),
    ("too many positional arguments", lambda block: block(X, X, X)),
    ("multiple values for argument 'x'", lambda block: block(X, x=X)),
    ("^x must be an MXNet array, got None", lambda block: block(None)),
    ("^x must be an MXNet array, got None", lambda block: block(None, X)),
]


@pytest.mark.parametrize(("message", "call"), CALLS)
@pytest.mark.parametrize("hybridize", [False, True])
def test_arguments_that_do_not_fit_are_named(scaled, message, call, hybridize):
    scaled.hybridize(hybridize)
    scaled(X)
    with pytest.raises(TypeError, match=message):
        call(scaled)


def test_an_argument_given_and_not_given_by_turns_while_recording(scaled):
    scaled(X)
    scaled.hybridize(static_alloc=True)
    X.attach_grad()
    for added in (None, ADDED, None, None, ADDED):
        with autograd.record():
            y = scaled(X, added)
        scaled(X, None if added is not None else ADDED)  # traced anew before the backward pass
        y.backward()
        assert y.tolist() == ([[3.0, 6.0]] if added is None else [[13.0, 26.0]])
        assert X.grad.tolist() == [[6.0, 6.0]]


def test_within_a_graph_the_parent_has_checked(scaled):
    parent = Parent(scaled)
    assert parent(X).tolist() == [[3.0, 6.0]] and scaled.checked == 1
    parent.hybridize()
    assert parent(X).tolist() == [[3.0, 6.0]] and scaled.checked == 1


@pytest.mark.parametrize("hybridize", [False, True])
def test_weights_have_the_dtype_of_the_arrays(scaled, hybridize):
    scaled(X)
    scaled.hybridize(hybridize)
    with pytest.raises(TypeError, match=r"^weights are float32, arrays float64: cast\(\)"):
        scaled(X.astype("float64"))
    scaled.cast("float64")
    assert scaled(X.astype("float64")).dtype == "float64"
    with pytest.raises(TypeError, match=r"^weights are float64, arrays float32: cast\(\)"):
        scaled(X)


def test_sizes_are_numbers_or_the_inputs_of_a_layer(scaled):
    scaled.sizes = {"n": scaled.w}
    scaled(X)  # tells the layer
    with pytest.raises(ValueError, match=r"^x must be of shape \(B, n\) with n = 2; got \(1, 3\)"):
        scaled(np.ones((1, 3)))
    for three in (3, onp.int64(3)):
        other = Scaled()
        other.initialize("ones")
        other.sizes = {"n": three}
        with pytest.raises(ValueError, match="with n = 3"):
            other(X)


@pytest.mark.parametrize("hybridize", [False, True])
def test_what_was_right_once_is_checked_again_when_something_changes(scaled, hybridize):
    scaled.hybridize(hybridize)
    for _ in range(2):
        scaled(X)
        with pytest.raises(TypeError, match=r"^x must be an MXNet array, got ndarray"):
            scaled(X.asnumpy())
        with pytest.raises(ValueError, match=r"^x must be of shape"):
            scaled(X[0])
    scaled.cast("float64")
    with pytest.raises(TypeError, match=r"^weights are float64"):
        scaled(X)
