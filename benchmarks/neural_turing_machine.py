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

from d2l_attention import seed_everything
from d2l_attention.datasets.copying import batches, copy
from d2l_attention.models.neural_turing_machine import NeuralTuringMachine
from d2l_attention.training import fit, predict
from tests.oracles import neural_turing_machine, weights

from mxnet import init, optimizer

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


def torch_epoch(model, data):
    """A function that trains the peer for an epoch and returns the mean loss."""
    sgd = torch.optim.SGD(model.parameters(), lr=RATE)
    bce = torch.nn.functional.binary_cross_entropy_with_logits

    def epoch():
        losses = []
        for (inputs,), target in data(0):
            logits, target = model(torch.from_numpy(inputs))[0], torch.from_numpy(target)
            asked = target >= 0
            loss = bce(logits[asked], target[asked], reduction="sum") / len(inputs)
            sgd.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            sgd.step()
            losses.append(loss.item())
        return float(onp.mean(losses))

    return epoch


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

    def our_epoch():
        sgd = optimizer.SGD(learning_rate=RATE)
        history = fit(ours, data, sgd, epochs=1, clip_norm=CLIP, progress=False)
        return float(history["loss"][0])

    their_epoch = torch_epoch(peer, data)
    assert abs(our_epoch() - their_epoch()) < 1e-3
    return {"ours": our_epoch, "PyTorch": their_epoch}
