"""The live figure of multi-head attention: the reader writes a menu, asks which of two dishes is
dearer, and switches heads off.

Three networks of the notebook's kind, with one, two and four heads, trained longer.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import menus
from d2l_attention.datasets.batches import batches
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.multi_head_attention import ByName, without_heads
from d2l_attention.training import accuracy, fit, predict

from mxnet import init, lr_scheduler, optimizer

__all__ = ["HEADS", "LINES", "answer", "contents", "network", "train"]

HEADS = (1, 2, 4)
LINES = (2, 7)  # of a menu
SIZE, MENUS, EPOCHS, BATCH_SIZE, RATE = (32, 6000, 8, 100, 0.01)
TEST = 2000
LABEL = (
    "A menu of five lines, and what two heads of a trained network look at for the questions whether "
    "coffee is dearer than each other line: one head stays at coffee, the other goes to the line that "
    "coffee is compared with."
)


def contents() -> Contents:
    """A menu of five lines; takes no arguments.

    >>> contents().label[:21]
    'A menu of five lines,'
    """
    return Contents(picture("multi_head_attention"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the networks: settings and arrays for `data.write`, and shares right on new menus."""
    arrays, right = {}, {}
    test = menus.by_name(TEST, lines=LINES, seed=1)
    for heads in HEADS:
        model = _fitted(heads)
        arrays |= data.rounded(_parameters(model, heads))
        right[heads] = round(accuracy(model, batches(*test, 500)), 3)
    settings = {"names": menus.NAMES, "lines": LINES, "menus": MENUS * EPOCHS, "right": right}
    return settings, arrays


def _model(heads: int) -> ByName:
    return ByName(len(menus.NAMES), hidden_size=SIZE, num_heads=heads)


def _fitted(heads: int) -> ByName:
    seed_everything(0)
    model = _model(heads)
    model.initialize(init.Xavier())
    inputs, target = menus.by_name(MENUS, lines=LINES, seed=0)
    steps = EPOCHS * MENUS // BATCH_SIZE
    falling = {"base_lr": RATE, "final_lr": RATE / 50, "warmup_steps": steps // 20}
    adam = optimizer.Adam(
        learning_rate=RATE, lr_scheduler=lr_scheduler.CosineScheduler(steps, **falling)
    )
    every = batches(inputs, target, BATCH_SIZE, shuffle=True, seed=0)
    fit(model, every, adam, epochs=EPOCHS, description=f"{heads} heads")
    return model


def _parameters(model: ByName, heads: int) -> dict:
    """Parameters by the names of the equations, after the number of heads."""
    attention, answer = model.attention, model.answer
    found = {name: getattr(model, name).weight for name in ("E_1", "E_2", "E")}
    found |= {name: getattr(attention, name).weight for name in ("W_q", "W_k", "W_v", "W_o")}
    found |= {"W_1": answer.W_1.weight, "b_1": answer.W_1.bias}
    found |= {"W_2": answer.W_2.weight, "b_2": answer.W_2.bias}
    return {f"{heads}_{name}": parameter for name, parameter in found.items()}


def network(heads: int) -> ByName:
    """The network with so many heads, with the weights that the page has."""
    model = _model(heads)
    model.initialize()
    predict(model, batches(*menus.by_name(1, lines=LINES, seed=0), 1))  # finds the shapes
    data.restore(_parameters(model, heads), data.read("multi_head_attention")[1])
    return model


def answer(
    model: ByName, menu: list[tuple[str, float]], first: str, off: list[int]
) -> tuple[onp.ndarray, onp.ndarray]:
    """Weights (H, m, n), and the probability that the line `first` is dearer than each other one, (m,).

    Parameters
    ----------
    menu : list of (name, price)
        Prices from 0 to 10, as on the page.
    off : list of int
        Heads that are switched off.
    """
    names = onp.array([[menus.NAMES.index(name) for name, _ in menu]], "int32")
    price = onp.array([[[cost / 10] for _, cost in menu]], "float32")
    asked = menus.NAMES.index(first)
    second = names[names != asked][None]
    inputs = onp.full_like(second, asked), second, names, price, onp.ones((1, 1, len(menu)), "f4")
    with without_heads(model.attention, *off):
        logits, weights = predict(model, [(inputs, None)])
    e = onp.exp(logits[0] - logits[0].max(axis=1, keepdims=True))
    return weights[0], e[:, 1] / e.sum(axis=1)
