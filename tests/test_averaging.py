"""The mean of weights: of the last epochs, of all parameters, and of nothing else."""

import numpy as onp
import pytest

from d2l_attention.averaging import WeightAverage

from mxnet import np
from mxnet.gluon import nn


def two_layers():
    model = nn.HybridSequential()
    model.add(nn.Dense(3, in_units=2), nn.Dense(1, in_units=3))
    model.initialize()
    return model


def test_it_is_the_mean_of_the_last_ones():
    model, random, kept = two_layers(), onp.random.RandomState(0), []
    average = WeightAverage(model, last=3)
    for _ in range(5):
        for parameter in model.collect_params().values():
            parameter.set_data(np.array(random.normal(size=parameter.shape)))
        kept.append([p.data().asnumpy() for p in model.collect_params().values()])
        assert average.keep() == {}
    average.apply()
    for parameter, *values in zip(model.collect_params().values(), *kept[2:], strict=True):
        found = parameter.data().asnumpy()
        onp.testing.assert_allclose(found, onp.mean(values, axis=0), atol=1e-6)
        assert found.dtype == "float32"


def test_what_is_not_trained_is_left_alone():
    model = two_layers()
    average = WeightAverage(model, last=1)
    average.keep()
    model[0].bias.grad_req = "null"
    average = WeightAverage(model, last=1)
    average.keep()
    model[0].bias.set_data(np.ones(3))
    average.apply()
    assert model[0].bias.data().tolist() == [1, 1, 1]


def test_nothing_to_average_is_refused():
    with pytest.raises(ValueError, match="keep"):
        WeightAverage(two_layers(), last=2).apply()
    with pytest.raises(ValueError, match="last must be at least 1"):
        WeightAverage(two_layers(), last=0)
