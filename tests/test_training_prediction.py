"""`predict` and `accuracy` join what a model says of all batches; arrays reach it as they are."""

import numpy as onp
import pytest

from d2l_attention.datasets.batches import batches
from d2l_attention.training import accuracy, fit, predict

import mxnet as mx
from mxnet import np, optimizer
from mxnet.gluon import nn

X = onp.linspace(-1, 1, 20, dtype="float32")[:, None]
Y = 3 * X - 1
WHOLE = [((X,), Y)]


def squares(output, target):
    return np.square(output - target).reshape(-1)


@pytest.fixture
def line():
    net = nn.Dense(1, in_units=1)
    net.initialize("zeros")
    return net


def test_predict_joins_the_outputs_of_all_batches(line):
    line.weight.set_data(np.array([[2.0]]))
    for data in (WHOLE, batches((X,), Y, 3), batches((X,), Y, 3)(0), batches((X,), Y, 20)):
        onp.testing.assert_allclose(predict(line, data), 2 * X, rtol=1e-6)
    several = predict(lambda x: (x, 2 * x), batches((X,), Y, 3))
    assert type(several) is tuple
    for array, factor in zip(several, (1, 2), strict=True):
        onp.testing.assert_allclose(array, factor * X)


def test_predict_joins_along_an_axis_and_passes_none_on():
    data = [((X[None, start : start + 7], None), None) for start in (0, 7, 14)]
    found = predict(lambda x, nothing: x if nothing is None else None, data, axis=1)
    onp.testing.assert_array_equal(found, X[None])


def test_arrays_go_to_the_device(line):
    seen = []
    model = lambda x: seen.append(x.ctx) or x
    predict(model, WHOLE, device=mx.cpu(1))
    accuracy(model, [((X,), Y[:, 0])], device=mx.cpu(2))
    assert seen == [mx.cpu(1), mx.cpu(2)]


def test_accuracy_is_the_share_of_largest_logits():
    logits = onp.array([[0, 1, 2], [3, 0, 1], [0, 5, 0], [1, 0, 0]], "float32")
    target = onp.array([2, 0, 0, 1])
    for model in (lambda x: x, lambda x: (x, 2 * x)):
        for data in (batches((logits,), target, 3), iter(batches((logits,), target, 1)(0))):
            assert accuracy(model, data) == 0.5
    with pytest.raises(ValueError, match=r"targets must be of shape \(4,\), got \(4, 1\)"):
        accuracy(lambda x: x, batches((logits,), target[:, None], 3))


def test_nothing_to_predict_is_refused(line):
    for call in (predict, accuracy):
        for data in ([], iter(()), lambda epoch: []):
            with pytest.raises(ValueError, match="batches must not be empty"):
                call(line, data)


UNKNOWN = ["uint16", "int16", "uint32", "uint64", "complex64", "object", "U1"]


@pytest.mark.parametrize("dtype", UNKNOWN)
def test_dtypes_that_mxnet_does_not_have_are_refused(line, dtype):
    """MXNet makes float32 of them, silently."""
    message = "batches must hold NumPy arrays of bool, .* got "
    for data in ([((X.astype(dtype),), Y)], [((X,), Y.astype(dtype))]):
        with pytest.raises(TypeError, match=message):
            fit(line, data, optimizer.SGD(), epochs=1, loss=squares, progress=False)
    for call in (predict, accuracy):
        with pytest.raises(TypeError, match=message):
            call(line, [((X.astype(dtype),), Y[:, 0])])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_dtypes_reach_the_model_as_they_are(dtype):
    array = (10 * X).astype(dtype)
    assert predict(lambda x: x, [((array,), None)]).dtype == onp.dtype(dtype)
