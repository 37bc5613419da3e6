"""The live figure of the Transformer: the reader writes a sentence, sees it translated, asks of each word
what it looks at in each layer, and sees the beam as a tree.

Sentences and words are those of section 4's figure, so that both networks can be compared.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets.translation import END, START, Pair, arrays, batches_by_length
from d2l_attention.datasets.translation.vocabulary import SPECIAL
from d2l_attention.decoding import Generated
from d2l_attention.decoding import generate as decode
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.figures.seq2seq import LONGEST, READY, TRAINED, numbers, offered, split
from d2l_attention.models.transformer import Transformer
from d2l_attention.schedules import WarmUp
from d2l_attention.training import fit

from mxnet import init, np, optimizer

__all__ = ["contents", "network", "train", "translate"]

LAYERS, HEADS, HIDDEN_SIZE, FEEDFORWARD_SIZE = 2, 4, 64, 128
BATCH, EPOCHS, RATE, WARMUP = 32, 8, 0.003, 200
BEAM = 3
LABEL = (
    "A Transformer translates the table is round: der Tisch ist rund. Beside each word stand the weights "
    "that it gets in each layer when the first German word is written, and below the beam is a tree."
)


def contents() -> Contents:
    """The table is round, and its translation; takes no arguments.

    >>> contents().label[:37]
    'A Transformer translates the table is'
    """
    return Contents(picture("transformer"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and shares right on new sentences."""
    training, test = split()
    words = {
        language: [*SPECIAL, *sorted({word for pair in training for word in pair[side].split()})]
        for side, language in enumerate(("english", "german"))
    }
    seed_everything(0)
    model = _model(words)
    model.initialize(init.Xavier())
    sides = [
        numbers(words[language], [pair[side] for pair in training])
        for side, language in enumerate(words)
    ]
    adam = optimizer.Adam(RATE, beta2=0.98, epsilon=1e-9, lr_scheduler=WarmUp(RATE, steps=WARMUP))
    fit(model, batches_by_length(*sides, BATCH, seed=0), adam, epochs=EPOCHS, clip_norm=1.0)
    found = data.rounded(_parameters(model))
    settings = {
        "words": words,
        "offered": offered(words["english"]),
        "ready": READY,
        "longest": LONGEST,
        "pairs": len(training),
        "trained": TRAINED,
        "layers": LAYERS,
        "heads": HEADS,
        "beam": BEAM,
        "right": {
            f"{fewest}\u2013{most}": round(_right(model, words, pairs), 2)
            for (fewest, most), pairs in test.items()
        },
    }
    return settings, found


def _model(words: dict[str, list[str]]) -> Transformer:
    sizes = {"hidden_size": HIDDEN_SIZE, "layers": LAYERS, "num_heads": HEADS}
    return Transformer(*map(len, words.values()), feedforward_size=FEEDFORWARD_SIZE, **sizes)


def translate(model: Transformer, words: dict, texts: list[str], beam: int) -> list[Generated]:
    """Translate: numbers and weights for each text; at most 2 n + 10 words each."""
    found: list = []
    for read in numbers(words["english"], texts):
        (source, mask, _), _ = arrays([read], [[END]])
        options = {"start": START, "end": END, "longest": 2 * len(read) + 10, "beam": beam}
        found += decode(model, (np.array(source), np.array(mask)), **options)
    return found


def _right(model: Transformer, words: dict, pairs: list[Pair]) -> float:
    """The share of pairs whose translation is the right one, word for word."""
    found = translate(model, words, [pair.source for pair in pairs], BEAM)
    wanted = numbers(words["german"], [pair.target for pair in pairs])
    return float(
        onp.mean([list(f.symbols) == right for f, right in zip(found, wanted, strict=True)])
    )


def _parameters(model: Transformer) -> dict:
    """Parameters by the names that the page uses: reads_0_W_q, writes_1_cross_W_o ..."""
    found = {"E_x": model.encoder.embedding.weight, "E_y": model.decoder.embedding.weight}
    for tower, stack in (("reads", model.encoder), ("writes", model.decoder)):
        for number, layer in enumerate(stack.layers):
            here = f"{tower}_{number}_"
            parts = {"": layer.attention} | ({"cross_": layer.cross} if tower == "writes" else {})
            for name, part in parts.items():
                for matrix in ("W_q", "W_k", "W_v", "W_o"):
                    found[here + name + matrix] = getattr(part, matrix).weight
            for matrix in ("1", "2"):
                dense = getattr(layer.network, f"W_{matrix}")
                found |= {f"{here}W_{matrix}": dense.weight, f"{here}b_{matrix}": dense.bias}
            for norm in ("norm_1", "norm_2", "norm_cross"):
                if hasattr(layer, norm):
                    found[f"{here}{norm}_gamma"] = getattr(layer, norm).gamma
                    found[f"{here}{norm}_beta"] = getattr(layer, norm).beta
    return found


def network() -> tuple[Transformer, dict]:
    """The network with the weights that the page has, and the settings."""
    settings, stored = data.read("transformer")
    model = _model(settings["words"])
    model.initialize()
    one = np.ones((1, 1), dtype="int32")
    model(one, np.ones((1, 1, 1)), one)  # finds the shapes
    data.restore(_parameters(model), stored)
    return model, settings
