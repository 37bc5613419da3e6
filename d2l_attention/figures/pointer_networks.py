"""The live figure of pointer networks: the reader moves points, and sees hull and tour of a network.

Two networks of the notebook's kind, one a task, trained longer and on 3 to 10 points. What they
answer in the page is greedy, and names no point twice.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import pointing
from d2l_attention.datasets.point_sets import uniform
from d2l_attention.decoding import generate
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.pointer_networks import PointerNetwork
from d2l_attention.training import fit

from mxnet import init, lr_scheduler, np, optimizer

__all__ = ["ALLOWED", "TASKS", "answer", "contents", "network", "train"]

TASKS = ("hull", "tour")
ALLOWED = {"hull": pointing.hull_allowed, "tour": pointing.tour_allowed}
SIZE = 64
POINTS = list(range(3, 11))
STEPS, EPOCHS, BATCH_SIZE, RATE = (1200, 8, 128, 0.004)
TEST = 500  # sets of ten points
LABEL = (
    "Eight points in a square, with the convex hull that a pointer network names, corner by corner, and "
    "the weights of one step: nearly all of its weight is on the next corner."
)


def contents() -> Contents:
    """Eight points and their hull; takes no arguments.

    >>> contents().label[:25]
    'Eight points in a square,'
    """
    return Contents(picture("pointer_networks"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train both networks: settings and arrays for `data.write`, and what they are worth."""
    arrays, worth = {}, {}
    points = pointing.left_to_right(uniform(TEST, 10, seed=1))
    for task in TASKS:
        model = _fitted(task)
        arrays |= data.rounded(_parameters(model, task))
        found = [symbols for symbols, _ in answer(model, points, task)]
        if task == "hull":
            worth["accuracy"] = round(pointing.judge_hulls(points, found)["accuracy"], 3)
        else:
            judged = pointing.judge_tours(points, found)
            worth["excess"] = round(judged["length"] / judged["shortest"] - 1, 3)
    return {"sets": STEPS * BATCH_SIZE, **worth}, arrays


def _fitted(task: str) -> PointerNetwork:
    seed_everything(0)
    model = PointerNetwork(hidden_size=SIZE)
    model.initialize(init.Xavier())
    falling = {"base_lr": RATE, "final_lr": RATE / 50, "warmup_steps": STEPS // 20}
    adam = optimizer.Adam(
        learning_rate=RATE, lr_scheduler=lr_scheduler.CosineScheduler(STEPS, **falling)
    )
    batches = pointing.training_batches(
        task, POINTS, STEPS // EPOCHS, BATCH_SIZE, seed=0, ordered=True
    )
    fit(model, batches, adam, epochs=EPOCHS, clip_norm=2.0, description=task)
    return model


def _parameters(model: PointerNetwork, task: str) -> dict:
    """Parameters by the names of the equations, after that of the task."""
    score = model.output.score
    found = {"W_P": model.W_P.weight, "b_P": model.W_P.bias}
    found |= {"P_0": model.P_0.first, "e_0": model.output.e_0.first}
    found |= {"W_1": score.W_k.weight, "W_2": score.W_q.weight, "v": score.v.weight}
    for name, lstm in (("encoder", model.encoder.lstm), ("decoder", model.decoder)):
        found |= data.lstm(lstm, name + "_W_{}", name + "_b_{}")
    return {f"{task}_{name}": parameter for name, parameter in found.items()}


def network(task: str) -> PointerNetwork:
    """The network of a task, with the weights that the page has."""
    model = PointerNetwork(hidden_size=SIZE)
    model.initialize()
    data.restore(_parameters(model, task), data.read("pointer_networks")[1])
    return model


def answer(model: PointerNetwork, points: onp.ndarray, task: str) -> list[tuple]:
    """What the page computes for points from left to right, (B, n, 2): for each set the points'
    numbers from 0 on, and the weights of all steps, (T, 1 + n), those of used points 0.
    """
    n = points.shape[1]
    allowed = ALLOWED[task](n)
    inputs = (np.array(points.astype("float32")),)
    found = []
    for one in generate(model, inputs, start=0, end=0, longest=n + 1, allowed=allowed):
        symbols = onp.array([*one.symbols, 0][: len(one.weights)])
        free = [allowed(symbols[None, :step])[0] for step in range(len(symbols))]
        weights = one.weights * onp.array(free)
        found.append(([i - 1 for i in one.symbols], weights / weights.sum(axis=1, keepdims=True)))
    return found
