"""The live figure of GPT: the reader types a start, sees the next letter's distribution, cuts it by
temperature, top-k and top-p, and lets the network go on.

The network is the notebook's, but it reads letters, for longer: Python's own documentation, with one blank
between words, of which every eighth topic is kept for the loss that the page tells.
"""

from __future__ import annotations

import collections
import re
from pydoc_data.topics import topics

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.gpt import GPT
from d2l_attention.training import fit

from mxnet import lr_scheduler, np, optimizer

__all__ = ["contents", "network", "numbers", "texts", "train"]

LETTERS = 80  # the most frequent of the text; the others are left out
LAYERS, HEADS, HIDDEN_SIZE, PLACES = 4, 4, 64, 64
BATCH, STEPS, RATE, WARMUP = 16, 4000, 0.003, 200
READY = ["The value of th", "If the object is not ", "x = [", "I went to the bank to "]
LABEL = (
    "A GPT of letters reads The value of th: the likeliest next letter is e, and bars show the next "
    "letter's distribution as it is and as it is drawn from."
)


def contents() -> Contents:
    """The value of th, and what may come next; takes no arguments.

    >>> contents().label[:38]
    'A GPT of letters reads The value of th'
    """
    return Contents(picture("gpt"), LABEL)


def texts() -> tuple[str, str]:
    """Python's documentation to train on, and the topics that are kept out, in the letters that are
    known.
    """
    kept_out = sorted(topics)[::8]
    parts = [
        " ".join(" ".join(topics[name].split()) for name in sorted(topics) if (name in kept_out) is out)
        for out in (False, True)
    ]  # fmt: skip
    known = "".join(c for c, _ in collections.Counter(parts[0]).most_common(LETTERS))
    return tuple(re.sub(f"[^{re.escape(known)}]", "", part) for part in parts)


def numbers(letters: str, text: str) -> onp.ndarray:
    """The number of each letter of a text, (n,)."""
    place = {letter: number for number, letter in enumerate(letters)}
    return onp.array([place[letter] for letter in text], "int32")


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and its loss on the topics kept out."""
    training, kept_out = texts()
    letters = "".join(sorted(set(training)))
    stream = numbers(letters, training)
    seed_everything(0)
    model = _model(letters)
    model.initialize()
    random = onp.random.RandomState(0)

    def batches(epoch):
        for _ in range(STEPS // 4):
            first = random.randint(0, len(stream) - PLACES, BATCH)[:, None]
            read = stream[first + onp.arange(PLACES + 1)]
            yield (read[:, :-1],), read[:, 1:]

    rates = {"base_lr": RATE, "final_lr": RATE / 20, "warmup_steps": WARMUP}
    adam = optimizer.Adam(
        RATE, beta2=0.99, lr_scheduler=lr_scheduler.CosineScheduler(STEPS, **rates)
    )
    fit(model, batches, adam, epochs=4, clip_norm=1.0)
    found = data.rounded(_parameters(model))
    settings = {
        "letters": list(letters),
        "ready": READY,
        "layers": LAYERS,
        "heads": HEADS,
        "places": PLACES,
        "trained": len(training),
        "loss": round(_loss(model, numbers(letters, kept_out)), 2),
    }
    return settings, found


def _loss(model: GPT, stream: onp.ndarray) -> float:
    """Nats a letter, of a text that is cut into windows."""
    rows, losses = (len(stream) - 1) // PLACES, []
    read, target = (stream[s : s + rows * PLACES].reshape(rows, PLACES) for s in (0, 1))
    for first in range(0, rows, 64):
        words, wanted = (
            np.array(each[first : first + 64], dtype="int32") for each in (read, target)
        )
        losses.append(model.loss(model(words), wanted).asnumpy())
    return float(onp.concatenate(losses).mean())


def _model(letters) -> GPT:
    sizes = {"hidden_size": HIDDEN_SIZE, "layers": LAYERS, "num_heads": HEADS, "longest": PLACES}
    return GPT(len(letters), **sizes, dropout=0.0, pre_norm=True)


def _parameters(model: GPT) -> dict:
    """Parameters by the names that the page uses: layer_0_W_q, layer_1_norm_2_beta ..."""
    decoder = model.decoder
    found = {"E": decoder.embedding.weight, "P": decoder.positions.table}
    found |= {"norm_gamma": decoder.norm.gamma, "norm_beta": decoder.norm.beta}
    for number, layer in enumerate(decoder.layers):
        parts = {name: getattr(layer.attention, f"W_{name}") for name in "qkvo"}
        parts |= {name: getattr(layer.network, f"W_{name}") for name in "12"}
        for name, dense in parts.items():
            found[f"layer_{number}_W_{name}"] = dense.weight
            found[f"layer_{number}_b_{name}"] = dense.bias
        for norm in ("norm_1", "norm_2"):
            found[f"layer_{number}_{norm}_gamma"] = getattr(layer, norm).gamma
            found[f"layer_{number}_{norm}_beta"] = getattr(layer, norm).beta
    return found


def network() -> tuple[GPT, dict]:
    """The network with the weights that the page has, and the settings."""
    settings, stored = data.read("gpt")
    model = _model(settings["letters"])
    model.initialize()
    model(np.ones((1, 1), dtype="int32"))  # finds the shapes
    data.restore(_parameters(model), stored)
    return model, settings
