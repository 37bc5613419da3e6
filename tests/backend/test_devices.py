"""Devices are found out by using them; a seed repeats all that is random."""

import importlib
import random
import warnings

import numpy as onp
import pytest

from d2l_attention import seed_everything, try_all_gpus, try_gpu
from d2l_attention.backend import devices

import mxnet as mx
from mxnet import autograd, gluon, np
from mxnet.gluon import nn


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs that MXNet sees; on its CPU build every kernel on them fails, as on a
    GPU without code for it.
    """
    if mx.runtime.Features().is_enabled("CUDA"):
        pytest.skip("this MXNet is a GPU build")

    class Features:
        def is_enabled(self, name):
            return name == "CUDA"

    monkeypatch.setattr(mx.runtime, "Features", Features)
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    importlib.reload(devices)  # forgets which GPUs were tried
    yield
    importlib.reload(devices)  # forgets which GPUs were tried


def test_gpus_without_kernels_fall_back_with_one_sentence(two_gpus):
    with pytest.warns(
        RuntimeWarning, match="GPU 0 cannot run this MXNet build .* the CPU is used"
    ) as caught:
        assert try_gpu() == mx.cpu()
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert try_gpu() == mx.cpu()
    with pytest.warns(RuntimeWarning, match="GPU 1"):
        assert try_all_gpus() == [mx.cpu()]
    assert np.ones(2, ctx=try_gpu()).sum() == 2


def test_usable_gpus_are_returned(two_gpus, monkeypatch):
    ones = np.ones
    monkeypatch.setattr(np, "ones", lambda shape, ctx: ones(shape))
    assert (try_gpu(), try_gpu(onp.int64(1)), try_gpu(2)) == (
        mx.gpu(0),
        mx.gpu(1),
        mx.cpu(),
    )
    assert try_all_gpus() == [mx.gpu(0), mx.gpu(1)]
    assert devices.describe_device(try_gpu(1)) == "running on GPU 1 of 2"


def test_gpu_that_computes_wrongly_is_not_used(two_gpus, monkeypatch):
    zeros = np.zeros
    monkeypatch.setattr(np, "ones", lambda shape, ctx: zeros(shape))
    assert try_gpu() == mx.cpu()


def test_missing_driver_means_no_gpu(two_gpus, monkeypatch):
    def fails():
        raise mx.MXNetError("CUDA: CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(mx.context, "num_gpus", fails)
    assert try_gpu() == mx.cpu() and try_all_gpus() == [mx.cpu()]


@pytest.mark.parametrize(
    ("index", "error"),
    [(-1, ValueError), (0.0, TypeError), ("0", TypeError), (True, TypeError)],
)
def test_bad_gpu_index(index, error):
    with pytest.raises(error, match="index"):
        try_gpu(index)


def test_device_of_this_machine():
    assert devices.describe_device(mx.cpu()) == "running on the CPU"
    assert try_gpu() in [mx.cpu(), mx.gpu(0)] and try_gpu() in try_all_gpus()
    assert try_gpu(10_000) == mx.cpu()


# -------------------------------------------------------------------------------- seeds


def _draws() -> dict[str, list]:
    """One sample of everything that `seed_everything` promises to repeat."""
    net = nn.HybridSequential()
    net.add(nn.Dense(4, in_units=3), nn.Dropout(0.5))
    net.initialize(mx.init.Xavier())
    with autograd.train_mode():
        dropped = nn.Dropout(0.5)(np.ones(32))
    batches = gluon.data.DataLoader(list(range(32)), batch_size=32, shuffle=True)
    return {
        "normal": np.random.normal(size=(8,)).tolist(),
        "uniform": np.random.uniform(size=(8,)).tolist(),
        "randint": np.random.randint(0, 1000, size=(8,)).tolist(),
        "initialisation": net[0].weight.data().asnumpy().tolist(),
        "dropout": dropped.tolist(),
        "DataLoader": next(iter(batches)).asnumpy().tolist(),
        "numpy": onp.random.rand(8).tolist(),
        "random": [random.random() for _ in range(8)],
    }


@pytest.mark.parametrize("name", list(_draws()))
def test_seed_everything(name):
    samples = []
    for seed in (3, onp.int64(3), 4, 2**32 - 1):
        seed_everything(seed)
        samples.append(_draws()[name])
    first, again, other, largest = samples
    assert first == again and first != other and first != largest


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        (-1, ValueError),
        (2**32, ValueError),
        (1.0, TypeError),
        ("1", TypeError),
        (False, TypeError),
    ],
)
def test_bad_seed(seed, error):
    with pytest.raises(error, match="seed"):
        seed_everything(seed)
