"""The live figure of stacked attention: the reader paints a scene, asks, and sees both hops.

Its network is the notebook's, with two hops, but trained on more pictures, crowded and nearly
empty ones. A region sees its own cell alone, so what the `RegionNetwork` says of a thing depends on
color and shape only: the page keeps that (the mean over drawings that differ in size, place and
shade), and computes everything behind it, the LSTM and both hops.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import scenes
from d2l_attention.datasets.batches import batches
from d2l_attention.datasets.questions import Vocabulary, examples, lighten
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.stacked_attention import RegionNetwork, StackedAttention
from d2l_attention.training import accuracy, fit, predict

from mxnet import init, optimizer

__all__ = ["contents", "network", "train"]

GRID, COLORS, SHAPES = (5, 4, 3)
PALETTE, KINDS = list(scenes.COLORS)[:COLORS], scenes.SHAPES[:SHAPES]
DRAWINGS = 10  # pictures full of each thing, to see what the region network says of it
SIMPLE, FULL, TEST = (4000, 1500, 300)  # pictures
LABEL = (
    "A stacked attention network is asked about the shape left of the red square, in a scene of "
    "four things on a grid. The first hop rests on the red square, the second on its left neighbour."
)


def contents() -> Contents:
    """A scene of two pairs of things; takes no arguments.

    >>> contents().label[:27]
    'A stacked attention network'
    """
    return Contents(picture("stacked_attention"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train both networks: settings and arrays for `data.write`, and accuracy on new pictures."""
    seed_everything(0)
    regions = _train_regions()
    simple = _draw(SIMPLE, seed=3, questions=1, distractors=(0, 4))
    full, test = (_draw(n, seed=k, distractors=(0, 14)) for n, k in ((FULL, 1), (TEST, 2)))
    vocabulary = Vocabulary(full.questions, answers=PALETTE)
    model = _model(len(vocabulary.words))
    model.initialize(init.Xavier())
    for drawn, epochs in ((simple, 8), (full, 3)):
        encoded = examples(vocabulary, _describe(regions, drawn.pictures), drawn.questions)
        adam = optimizer.Adam(learning_rate=0.005)
        fit(model, encoded.batches(64, shuffle=True), adam, epochs=epochs, clip_norm=5)
    adam = optimizer.Adam(learning_rate=0.001)  # `encoded` are the full pictures
    fit(model, encoded.batches(64, shuffle=True), adam, epochs=2, clip_norm=5)
    arrays = data.rounded(_parameters(model))
    new = examples(vocabulary, _describe(regions, test.pictures), test.questions)
    settings = {
        "words": vocabulary.words,
        "colors": PALETTE,
        "shapes": list(KINDS),
        "grid": GRID,
        "pictures": SIMPLE + FULL,
        "accuracy": round(accuracy(model, new.batches()), 3),
    }
    return settings, {"features": _features(regions), **arrays}


def _draw(count: int, *, seed: int, **options) -> scenes.Scenes:
    return scenes.generate(count, seed=seed, grid=GRID, colors=COLORS, shapes=SHAPES, **options)


def _train_regions() -> RegionNetwork:
    """A network that names what stands in a cell, as in the notebook."""
    regions = RegionNetwork(attributes=COLORS + SHAPES, grid=GRID, cell=8)
    regions.initialize(init.Xavier())
    drawn = _draw(300, seed=4, questions=1, distractors=GRID**2 // 2)
    named = drawn.names(colors=COLORS, shapes=SHAPES).astype("float32")
    cells = batches((lighten(drawn.pictures),), named, batch_size=10, shuffle=True)
    fit(regions, cells, optimizer.Adam(learning_rate=0.01), epochs=10)
    return regions


def _describe(regions: RegionNetwork, pictures: onp.ndarray) -> onp.ndarray:
    """Features (P, n, c + 2) of pictures (P, 3, H, W)."""
    return predict(regions, batches((lighten(pictures),), None, batch_size=100))


def _features(regions: RegionNetwork) -> onp.ndarray:
    """What the network says of nothing, and of each color's shapes: (1 + colors * shapes, c)."""
    random, rows = onp.random.RandomState(0), []
    for kind in (None, *((color, shape) for color in PALETTE for shape in KINDS)):
        things = [scenes.SceneThing(r, c, *kind) for r in range(GRID) for c in range(GRID) if kind]
        drawn = [
            scenes.draw(tuple(things), grid=GRID, cell=8, noise=0.05, random=random)
            for _ in range(DRAWINGS)
        ]
        rows.append(_describe(regions, onp.stack(drawn))[:, :, :-2].mean(axis=(0, 1)))
    return onp.stack(rows)


def _model(num_words: int) -> StackedAttention:
    return StackedAttention(num_words, COLORS, hops=2)


def _parameters(model: StackedAttention) -> dict:
    """Parameters by the names that the page uses, which are the equations'."""
    found = {"words_of": model.encoder.words.weight, **data.lstm(model.encoder.lstm)}
    found |= {"W_I": model.W_I.weight, "b_I": model.W_I.bias}
    for k, attention in enumerate(model.attentions, start=1):
        score = attention.score
        found |= {f"W_{k}": score.W_k.weight, f"U_{k}": score.W_q.weight}
        found |= {f"b_{k}": score.W_q.bias, f"w_{k}": score.v.weight}
    return found | {"W_u": model.W_u.weight, "b_u": model.W_u.bias}


def network() -> tuple[StackedAttention, dict, onp.ndarray]:
    """The network with the weights that the page has, its settings, and the features of things."""
    settings, arrays = data.read("stacked_attention")
    model = _model(len(settings["words"]))
    model.initialize()
    data.restore(_parameters(model), arrays)
    return model, settings, arrays["features"]
