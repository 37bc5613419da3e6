"""The live figure of segmentation: the reader paints boats and ducks, and sees whom a pixel asks.

Its network is the notebook's, with attention, but trained for 1200 steps (the notebook's have 226),
and on landscapes with one or two boats or ducks (there, one to three). The scenes are landscapes
without boats and ducks; what is painted has the colors of the data's, without noise.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import waters
from d2l_attention.datasets.batches import batches
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.segmentation import PixelAttention, PixelFeatures, SegmentationNetwork
from d2l_attention.notebook import overlap
from d2l_attention.training import fit, predict

from mxnet import init, lr_scheduler, optimizer

__all__ = ["contents", "network", "numbers", "train"]

HEIGHT, WIDTH, HEADS, SIZE = (32, 48, 4, 32)
PICTURES, EPOCHS, RATE = (2400, 4, 0.01)
SCENES = {"bay": 1, "hills": 4, "two rocks": 6}  # seeds
LABEL = (
    "A landscape with a duck on the water, the labels that a network gives to its pixels, and four "
    "maps of whom one pixel of water asks: one of the heads rests on the duck."
)


def contents() -> Contents:
    """A lake with a duck; takes no arguments.

    >>> contents().label[:23]
    'A landscape with a duck'
    """
    return Contents(picture("segmentation"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and its mIoU on new pictures."""
    drawn, test = waters.generate(PICTURES, seed=3), waters.generate(200, seed=4)
    seed_everything(0)
    model = _model()
    model.initialize(init.Xavier())
    steps = PICTURES // 8 * EPOCHS
    schedule = {"base_lr": RATE, "final_lr": RATE / 50, "warmup_steps": steps // 20}
    adam = optimizer.Adam(lr_scheduler=lr_scheduler.CosineScheduler(steps, **schedule))
    shuffled = batches((numbers(drawn.pictures),), drawn.labels.astype("int32"), 8, shuffle=True)
    fit(model, shuffled, adam, epochs=EPOCHS)
    arrays = data.rounded(_parameters(model))
    logits, _ = predict(model, batches((numbers(test.pictures),), None, 20))
    counts = overlap.confusion(logits.argmax(axis=-1), test.labels, len(waters.CLASSES))
    sprites = {name: waters.SPRITES[waters.CLASSES.index(name)] for name in ("boat", "duck")}
    settings = {
        "classes": list(waters.CLASSES),
        "palette": waters.PALETTE.tolist(),
        "sprites": {name: list(lines) for name, lines in sprites.items()},
        "inks": {letter: waters.ink_of(letter) for letter in "WB"},
        "scenes": list(SCENES),
        "height": HEIGHT,
        "width": WIDTH,
        "heads": HEADS,
        "pictures": PICTURES,
        "miou": round(overlap.mean_iou(counts), 3),
    }
    return settings, {"landscapes": _landscapes(), **arrays}


def numbers(pictures: onp.ndarray) -> onp.ndarray:
    """Pixels from 0 to 255 as the network takes them, from -2 to 2, float32."""
    return ((pictures / 255 - 0.5) * 4).astype("float32")


def _landscapes() -> onp.ndarray:
    """The scenes without boats and ducks, (scenes, 3 * H * W)."""
    drawn = [waters.generate(2, seed=seed, cues=(0, 0)).pictures[0] for seed in SCENES.values()]
    return onp.stack(drawn).reshape(len(drawn), -1)


def _model() -> SegmentationNetwork:
    features = PixelFeatures(SIZE, stride=2, dilations=(1,))
    return SegmentationNetwork(len(waters.CLASSES), features, PixelAttention(SIZE, HEADS), pool=2)


def _parameters(model: SegmentationNetwork) -> dict:
    """Parameters by the names that the page uses; those of a norm by its layer's number."""
    found = {}
    for k, layer in enumerate(model.features.layers, start=1):
        found |= {f"C_{k}": layer.convolution.weight}
        found |= {f"gamma_{k}": layer.norm.gamma, f"beta_{k}": layer.norm.beta}
        found |= {f"mean_{k}": layer.norm.running_mean, f"var_{k}": layer.norm.running_var}
    context = model.context
    found |= {"gamma_x": context.norm.gamma, "beta_x": context.norm.beta}
    for letter in "qkvo":
        found[f"W_{letter}"] = getattr(context.attention, f"W_{letter}").weight
    return found | {"W": model.output.weight, "b": model.output.bias}


def network() -> tuple[SegmentationNetwork, dict, onp.ndarray]:
    """The network with the weights that the page has, its settings, and its landscapes, uint8."""
    settings, arrays = data.read("segmentation")
    model = _model()
    model.initialize()
    predict(model, [((onp.zeros((1, 3, HEIGHT, WIDTH), "float32"),), None)])  # finds the shapes
    data.restore(_parameters(model), arrays)
    pictures = arrays["landscapes"].reshape(-1, 3, HEIGHT, WIDTH).astype("uint8")
    return model, settings, pictures
