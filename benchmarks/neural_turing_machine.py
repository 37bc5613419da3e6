"""One epoch of training a neural Turing machine, against the same machine in PyTorch.

The setting is the paper's copy task: columns of 8 bits, a memory of 128 rows of 20 numbers, a
controller of 100 features, with an LSTM or without a state; batches of 16 sequences of 1 to 20
columns. The peer, tests/oracles/neural_turing_machine.py, is written as PyTorch users write it, a
loop over time steps. Both start from the same parameters, see the same batches, and must give the
same logits before and the same loss after an epoch.
"""

from collections.abc import Callable
from functools import partial

import numpy as onp
import torch

from benchmarks.training import our_epoch, torch_epoch
from d2l_attention import seed_everything
from d2l_attention.datasets.copying import batches, copy
from d2l_attention.models.neural_turing_machine import NeuralTuringMachine
from d2l_attention.training import predict
from tests.oracles import neural_turing_machine, weights

from mxnet import init

GOALS = {"PyTorch": 1.2}
BITS, BATCH, STEPS = 8, 16, 6
SIZES = {"input_size": BITS + 2, "output_size": BITS, "rows": 128, "width": 20, "hidden_size": 100}
RATE, CLIP = 0.001, 1


def cases() -> dict[str, Callable[[], dict]]:
    """One case for each controller: an epoch of `STEPS` batches."""
    return {
        f"copying, {controller}, one epoch": partial(contest, controller)
        for controller in ("feed-forward", "LSTM")
    }


def bits_loss(output, target):
    """Cross-entropy of the bits that are asked for, summed over a sequence."""
    asked = target >= 0
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    return bce(output[0][asked], target[asked], reduction="sum") / len(target)


def contest(controller: str) -> dict[str, Callable]:
    """An epoch of our machine and of the peer, which must agree."""
    seed_everything(0)
    ours = NeuralTuringMachine(**SIZES, controller=controller)
    ours.initialize(init.Xavier())
    (inputs,), _ = copy(BATCH, 5, bits=BITS, seed=1)
    found = predict(ours, [((inputs,), None)])[0]
    peer = neural_turing_machine.NeuralTuringMachine(**SIZES, controller=controller)
    weights.copy_weights(ours, peer)
    peer.float()
    with torch.no_grad():
        expected = peer(torch.from_numpy(inputs))[0].numpy()
    onp.testing.assert_allclose(found, expected, atol=1e-4)
    data = batches(STEPS, BATCH, lengths=(1, 20), bits=BITS, seed=0)

    options = {"rate": RATE, "clip": CLIP}
    our = our_epoch(ours, data, **options)
    their = torch_epoch(peer, data(0), bits_loss, **options)
    assert abs(our() - their()) < 1e-3
    return {"ours": our, "PyTorch": their}
