"""Several devices of one process: their shares make up the batch, and their weights are those of one device."""

import numpy as onp
import pytest

from d2l_attention.datasets.batches import batches
from d2l_attention.distributed import Workers
from d2l_attention.distributed.sharing import Shares
from d2l_attention.training import fit, predict
from tests.distributed import pretraining_run as run

import mxnet as mx
from mxnet import np, optimizer
from mxnet.gluon import nn

X = onp.linspace(-1, 1, 20, dtype="float32")[:, None]
Y = 3 * X - 1
TWO, THREE = ([mx.cpu(i) for i in range(n)] for n in (2, 3))


def squares(output, target):
    return np.square(output - target).reshape(-1)


def line(devices, *, shape_is_known=True):
    net = nn.Dense(1, in_units=1 if shape_is_known else 0)
    net.initialize("zeros", ctx=devices)
    return net


def train(net, data, devices, epochs=3, **options):
    options |= {"loss": squares, "progress": False, "device": devices}
    return fit(net, data, optimizer.Adam(learning_rate=0.1), epochs=epochs, **options)["loss"]


def values(net, place=0):
    every = net.collect_params().values()
    return onp.concatenate([p.list_data()[place].asnumpy().ravel() for p in every])


# ----------------------------------------------------------------------------- cutting
class Seen(nn.HybridBlock):
    """A model without parameters."""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_shares_of_all_make_up_the_batch(size, number):
    """Every example is in one share; a share without one holds the first one, which does not count."""
    rows, whole = onp.arange(size), onp.ones((1, 4), "float32")
    found = []
    for rank in range(number):
        workers = Workers()
        workers.rank, workers.number = rank, number
        shares = Shares(Seen(), TWO, workers)
        for share in shares.cut((rows, None, whole), (rows, (rows, whole))):
            ids, nothing, same = share.inputs
            counted = share.examples
            assert nothing is None and len(ids) == max(counted, 1)
            assert same.asnumpy().tolist() == whole.tolist()
            assert share.target[0].asnumpy().tolist() == ids.asnumpy().tolist()
            found += ids.asnumpy().tolist()[:counted]
        assert shares.size == size
    assert sorted(found) == rows.tolist()


def test_arrays_go_to_their_devices():
    for arrays in ((X,), (np.array(X),)):  # also those that are on one of them
        shares = Shares(Seen(), TWO).cut(arrays, Y)
        assert [share.inputs[0].ctx for share in shares] == TWO
        assert [share.target.ctx for share in shares] == TWO


def test_one_device_is_given_the_batch_as_it_is():
    (share,) = Shares(Seen(), mx.cpu(1)).cut((X, onp.ones((3, 2))), None)
    assert share.examples is None and share.inputs[1].shape == (3, 2)
    assert share.inputs[0].ctx == mx.cpu(1)


@pytest.mark.parametrize("wrong", [onp.ones(3), onp.ones((2, 20)), onp.zeros(())])
def test_an_array_that_is_not_a_row_an_example_is_refused(wrong):
    with pytest.raises(ValueError, match="arrays must have an example a row, or one row"):
        Shares(Seen(), TWO).cut((X, wrong), Y)


# ------------------------------------------------------------------------ same as one device
@pytest.mark.parametrize("shape_is_known", [True, False])
@pytest.mark.parametrize("devices", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.5}, {"clip_norm": 0.5, "clip_each": True}])
def test_several_devices_learn_what_one_does(devices, options, shape_is_known):
    """Batches of 8, 8 and 4; and of 19 and 1, where shares are empty."""
    for size in (8, 19):
        alone, together = line(mx.cpu(0)), line(devices, shape_is_known=shape_is_known)
        data = batches((X,), Y, size, shuffle=True, seed=1)
        expected = train(alone, data, None, **options)
        found = train(together, data, devices, **options)
        onp.testing.assert_allclose(found, expected, rtol=1e-5)
        for place in range(len(devices)):
            onp.testing.assert_allclose(values(together, place), values(alone), rtol=1e-5)
        onp.testing.assert_allclose(predict(together, data), predict(alone, data), atol=1e-6)


def test_bert_on_several_devices_equals_bert_on_one():
    """Its loss depends on how many words of the whole batch are masked."""
    expected = run.train(7)
    for devices in (TWO, THREE):
        found = run.train(7, devices=devices)
        assert found.keys() == expected.keys() and len(found) > 30
        for name, value in expected.items():
            onp.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


def test_the_best_epoch_comes_back_on_all_devices():
    net, scores = line(TWO), iter([2, 1, 3])
    seen = []

    def evaluate():
        seen.append(values(net))
        return {"validation": next(scores)}

    train(net, batches((X,), Y, 5), TWO, evaluate=evaluate, monitor="validation")
    for place in (0, 1):
        onp.testing.assert_array_equal(values(net, place), seen[1])


# ------------------------------------------------------------------------------ what is wrong
def test_the_model_must_be_on_all_devices():
    with pytest.raises(
        ValueError, match=r"model must be initialised on all devices, by initialize"
    ):
        train(line(mx.cpu(0)), [((X,), Y)], TWO)


@pytest.mark.parametrize("devices", [[], [mx.cpu(0), mx.cpu(0)]])
def test_devices_are_different_ones(devices):
    with pytest.raises(ValueError, match="device must be one device or several different ones"):
        train(line(mx.cpu(0)), [((X,), Y)], devices)


def test_a_loss_must_be_of_the_share():
    with pytest.raises(ValueError, match="loss must return one number an example"):
        options = {"loss": lambda output, target: squares(output, target)[:1], "progress": False}
        fit(line(TWO), [((X,), Y)], optimizer.SGD(), epochs=1, device=TWO, **options)


def test_a_loss_that_is_not_finite_is_noticed_on_any_device():
    spoilt = Y.copy()
    spoilt[-1] = onp.nan
    with pytest.raises(FloatingPointError, match="loss is not finite in epoch 1, step 2"):
        train(line(TWO), [((X,), Y), ((X,), spoilt)], TWO)
