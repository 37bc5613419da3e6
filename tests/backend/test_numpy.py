"""MXNet 1.9.1 works with this NumPy: its scalars, the names it dropped, and arrays that are saved and loaded."""

import warnings

import numpy as onp
import pytest

import mxnet as mx
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn

THREE, TWO, ONE, HALF = onp.int64(3), onp.int64(2), onp.int32(1), onp.float64(0.5)


class Shapes(nn.HybridBlock):
    """Every kind of attribute: integer, float, tuple, nested tuple, dtype, text."""

    def hybrid_forward(self, F, x):
        x = F.np.pad(x, ((0, ONE), (ONE, 0)), mode="constant")
        x = F.npx.reshape(x, (onp.int64(-1), TWO))
        x = F.np.concatenate(
            [F.np.tile(x, (ONE, TWO)), F.np.ones((THREE, onp.int64(4)))],
            axis=onp.int64(0),
        )
        return F.np.sum(x, axis=(onp.int64(0), ONE)) * onp.float32(0.5)


MODES = [
    {"active": False},
    {"active": True},
    {"active": True, "static_alloc": True, "static_shape": True},
]


@pytest.mark.parametrize("mode", MODES, ids=["imperative", "hybrid", "static"])
def test_numpy_scalars_as_operator_attributes(mode):
    block = Shapes()
    block.hybridize(**mode)
    # Padded to (2, 4), reshaped to (4, 2), tiled to (4, 4), three rows of ones
    x = np.arange(3).reshape(1, 3)
    assert block(x).item() == 0.5 * (2 * (0 + 1 + 2) + 12)


@pytest.mark.parametrize("mode", MODES, ids=["imperative", "hybrid", "static"])
def test_numpy_integers_as_layer_sizes(mode):
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(onp.int64(4), (THREE, THREE), padding=(ONE, 1), in_channels=ONE),
        nn.MaxPool2D((TWO, 2)),
        nn.Dense(onp.int64(5), in_units=onp.int64(64)),
        nn.Dropout(HALF),
        nn.Dense(THREE, in_units=onp.int64(5)),
    )
    net.initialize(mx.init.Xavier(magnitude=onp.float64(2.24)))
    net.hybridize(**mode)
    with autograd.record():
        loss = net(np.ones((2, 1, 8, 8))).sum()
    loss.backward()
    assert net(np.ones((2, 1, 8, 8))).shape == (2, 3)
    assert net[4].bias.grad().asnumpy().tolist() == [2.0, 2.0, 2.0]


def test_numpy_integers_in_array_functions():
    assert np.zeros((3, onp.int64(30))).shape == (3, 30)
    assert np.zeros(THREE).shape == (3,)
    assert np.full((TWO, 2), HALF).sum().item() == 2.0
    assert np.random.normal(HALF, HALF, size=(THREE, TWO)).shape == (3, 2)
    assert mx.nd.zeros((THREE, 2)).shape == (3, 2)
    x = np.arange(6).reshape(onp.int64(2), THREE)
    assert np.split(x, [onp.int64(1)], axis=onp.int64(1))[0].shape == (2, 1)
    assert x[onp.int64(1), : onp.int64(2)].asnumpy().tolist() == [3.0, 4.0]
    assert npx.topk(x, k=TWO, axis=onp.int64(1), ret_typ="value").asnumpy().tolist() == [
        [2, 1],
        [5, 4],
    ]
    assert mx.sym.var("x", shape=(THREE, TWO)).attr("__shape__") == "(3, 2)"


def test_orthogonal_initialiser():
    weight = gluon.Parameter("weight", shape=(3, 4), init=mx.init.Orthogonal(scale=1))
    weight.initialize()
    rows = weight.data().asnumpy()
    onp.testing.assert_allclose(rows @ rows.T, onp.eye(3), atol=1e-5)


def test_uneven_split_and_load():
    parts = gluon.utils.split_and_load(np.zeros((7, 2)), [mx.cpu(0), mx.cpu(1)], even_split=False)
    assert [len(part) for part in parts] == [4, 3]


@pytest.mark.parametrize("mode", ["edge", "reflect", "constant"])
@pytest.mark.parametrize("hybrid", [False, True])
def test_pad_takes_its_mode_as_text(mode, hybrid):
    class Pad(nn.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.np.pad(x, ((1, 1), (2, 0)), mode=mode)

    block, x = Pad(), onp.arange(6, dtype="float32").reshape(2, 3)
    block.hybridize(hybrid)
    assert (block(np.array(x)).asnumpy() == onp.pad(x, ((1, 1), (2, 0)), mode=mode)).all()


def test_early_stopping_handler_takes_its_defaults():
    from mxnet.gluon.contrib.estimator import EarlyStoppingHandler

    handler = EarlyStoppingHandler(mx.metric.Loss("loss"), mode="min")
    handler.train_begin(None)
    assert handler.best == float("inf")


def test_users_of_numpy_bool():
    x = np.arange(4)
    assert x[onp.array([True, False, True, False])].asnumpy().tolist() == [0.0, 2.0]
    assert x[x > 1].asnumpy().tolist() == [2.0, 3.0]
    assert np.full_like(x, True, dtype="bool").dtype == np.full((2,), True).dtype == onp.bool_
    assert np.array(onp.bool_(True)).dtype == onp.bool_
    mx.test_utils.assert_almost_equal(x, x)


def test_dropped_functions_keep_their_meaning():
    """MXNet offers them in its own namespace, `mx.np`."""
    x = np.arange(6).reshape(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, where NumPy still has them
        assert np.in1d(x, np.array([1, 2])).asnumpy().tolist() == [
            False,
            True,
            True,
            False,
            False,
            False,
        ]
        assert np.trapz(x).asnumpy().tolist() == [2.0, 8.0]
        assert np.msort(-x).asnumpy().tolist() == [[-3, -4, -5], [0, -1, -2]]
        assert bool(np.alltrue(x < 6)) and not bool(np.sometrue(x < 0)) and np.product(x[1]) == 60
    assert -np.NINF == np.PINF == onp.inf and np.isnan(np.NAN)
    with pytest.raises(NotImplementedError, match="numpy-financial"):
        mx.numpy.fallback.pmt(0.01, 12, 100)


# --------------------------------------------------------------- saving and loading again
@pytest.mark.parametrize("ready", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_saved_block_can_be_loaded(tmp_path, nested, ready):
    """MXNet by itself loads old arrays into a block that has no children."""

    def build():
        block = nn.Dense(3, in_units=2)
        if nested:
            outer = nn.HybridSequential()
            outer.add(block)
            block = outer
        return block

    x, first, second = np.ones((4, 2)), build(), build()
    first.initialize()
    expected = first(x)
    first.save_parameters(str(tmp_path / "block.params"))
    if ready:
        second.initialize()
        second(x)
    second.load_parameters(str(tmp_path / "block.params"))
    with autograd.record():
        found = second(x)
    found.backward()
    assert (found == expected).all()
    for parameter in second.collect_params().values():
        assert isinstance(parameter.data(), np.ndarray)
        assert isinstance(parameter.grad(), np.ndarray)
