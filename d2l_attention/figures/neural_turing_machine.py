"""The live figure of neural Turing machines: the reader sets bits, and steps through their copy.

Its network is trained longer than the notebook's, on repeat copy, of which copy is the case of one
repetition; the notebook draws its heads, too.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets.copying import batches, repeat_copy
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.neural_turing_machine import NeuralTuringMachine
from d2l_attention.training import fit, predict

from mxnet import init, optimizer

__all__ = ["BITS", "LONGEST", "MOST", "contents", "network", "train"]

BITS, LONGEST, MOST = (4, 5, 3)  # a column's bits, columns and repetitions in training
SIZES = {"input_size": BITS + 2, "output_size": BITS + 1, "rows": 20, "width": 8, "hidden_size": 32}
STAGES = ((0.01, 28), (0.003, 16), (0.001, 4))  # learning rate, epochs of 50 batches
LABEL = (
    "A neural Turing machine copies three columns of four bits twice. While it hears them, its "
    "writing head goes from row to row of the memory; then its reading head goes over the same rows."
)


def contents() -> Contents:
    """Three columns, to be said twice; takes no arguments.

    >>> contents().label[:24]
    'A neural Turing machine '
    """
    return Contents(picture("neural_turing_machine"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and wrong bits of new sequences."""
    seed_everything(0)
    model = NeuralTuringMachine(**SIZES)
    model.initialize(init.Xavier())
    ranges = {"lengths": (1, LONGEST), "repetitions": (1, MOST)}
    for seed, (rate, epochs) in enumerate(STAGES):
        drawn = batches(50, 16, **ranges, bits=BITS, seed=seed)
        adam = optimizer.Adam(learning_rate=rate, epsilon=1e-5)
        fit(model, drawn, adam, epochs=epochs, clip_norm=1)
    arrays = data.rounded(_parameters(model))
    wrong = {
        f"{length} x {times}": round(wrong_bits(model, length, times), 4)
        for length, times in ((LONGEST, 1), (LONGEST, MOST), (2 * LONGEST, 1), (LONGEST, 2 * MOST))
    }
    settings = {"bits": BITS, "longest": LONGEST, "most": MOST, "rows": SIZES["rows"]}
    return settings | {"width": SIZES["width"], "wrong": wrong}, arrays


def wrong_bits(model, length: int, repetitions: int, count: int = 64) -> float:
    """Their share in new sequences."""
    sizes = {"bits": BITS, "seed": 10_000, "most": MOST}
    inputs, target = repeat_copy(count, length, repetitions, **sizes)
    logits = predict(model, [(inputs, None)])[0]
    return float(((logits > 0) != target)[target >= 0].mean())


def _parameters(model: NeuralTuringMachine) -> dict:
    """The matrices and biases by the names of the equations."""
    memory = model.step.memory
    layers = {
        "gates": model.step.controller.W,
        "says": memory.addressing.says,
        "erase": memory.erase,
        "add": memory.add,
        "output": model.W_o,
    }
    weights = {f"W_{name}": layer.weight for name, layer in layers.items()}
    return weights | {f"b_{name}": layer.bias for name, layer in layers.items()}


def network() -> NeuralTuringMachine:
    """The network with the weights that the page has."""
    model = NeuralTuringMachine(**SIZES)
    model.initialize()
    data.restore(_parameters(model), data.read("neural_turing_machine")[1])
    return model
