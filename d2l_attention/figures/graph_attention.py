"""The live figure of graph attention: the reader makes and ends friendships in the karate club.

Two networks of the notebook's kind, with constant and with learned weights, trained on two labels.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import graphs
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.graph_attention import GraphAttention, GraphConvolution, GraphNetwork
from d2l_attention.training import accuracy, fit, predict

from mxnet import optimizer

__all__ = ["KINDS", "answer", "contents", "network", "train"]

KINDS = ("attention", "constant")
SIZE, HEADS, EPOCHS, RATE = 4, 4, 100, 0.02
LABEL = (
    "The karate club as a graph: 34 members in the colors of the side that a trained network gives "
    "them, with two labelled leaders; the friendships of one member are as thick as their weights."
)


def contents() -> Contents:
    """The club with its 78 friendships; takes no arguments.

    >>> contents().label[:26]
    'The karate club as a graph'
    """
    return Contents(picture("graph_attention"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train both networks: settings and arrays for `data.write`, and members on the right side."""
    club, arrays, right = graphs.karate_club(), {}, {}
    for kind in KINDS:
        seed_everything(0)
        model = _model(kind)
        model.initialize()
        adam = optimizer.Adam(learning_rate=RATE)
        fit(model, [club.batch("train")], adam, epochs=EPOCHS, description=kind)
        arrays |= data.rounded(_parameters(model, kind))
        right[kind] = round(32 * accuracy(model, [club.batch("test")]))
    pairs = [(i, j) for i, friends in graphs.FRIENDS.items() for j in friends]
    settings = {"pairs": pairs, "places": graphs.PLACES, "labels": club.labels.tolist()}
    return settings | {"leaders": [graphs.INSTRUCTOR, graphs.OFFICER], "right": right}, arrays


def _model(kind: str) -> GraphNetwork:
    if kind == "constant":
        return GraphNetwork(GraphConvolution(SIZE * HEADS), GraphConvolution(2))
    return GraphNetwork(GraphAttention(SIZE, HEADS), GraphAttention(2))


def _parameters(model: GraphNetwork, kind: str) -> dict:
    """Parameters by the names of the equations, after the kind, before the layer."""
    found = {}
    for number, layer in ((1, model.first), (2, model.second)):
        found |= {f"W_{number}": layer.W.weight, f"b_{number}": layer.b}
        if kind == "attention":
            found |= {f"q_{number}": layer.a_q, f"k_{number}": layer.a_k}
    return {f"{kind}_{name}": parameter for name, parameter in found.items()}


def network(kind: str) -> GraphNetwork:
    """The network of a kind, with the weights that the page has."""
    model = _model(kind)
    model.initialize()
    predict(model, [graphs.karate_club().batch()])  # finds the shapes
    data.restore(_parameters(model, kind), data.read("graph_attention")[1])
    return model


def answer(model: GraphNetwork, pairs) -> tuple[onp.ndarray, onp.ndarray]:
    """The probability that each member follows the officers, (34,), and the first layer's weights
    as matrices, (H, 34, 34).

    Parameters
    ----------
    pairs : list of (int, int)
        Friends.
    """
    club = graphs.karate_club().relinked(pairs)
    logits, weights, _ = predict(model, [club.batch()])
    heads = [graphs.matrix(club.sender, club.receiver, head, 34) for head in weights.T]
    return 1 / (1 + onp.exp(logits[:, 0] - logits[:, 1])), onp.stack(heads)
