"""The live figure of BERT: the reader hides words of two texts, sees what is guessed and whom a place
asks, and whether the second text is taken for one that follows.

The language is that of `datasets.senses`, with words of two meanings.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.attention import length_mask
from d2l_attention.datasets import masked_words, senses
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.bert import Bert, BertPretraining
from d2l_attention.schedules import WarmUp
from d2l_attention.training import fit

from mxnet import init, np, optimizer

__all__ = ["answer", "contents", "named_parameters", "network", "train"]

SIZES = {"hidden_size": 96, "layers": 2, "num_heads": 4, "feedforward_size": 160, "longest": 40}
TRAINING = {"dropout": 0.0, "attention_dropout": 0.0}
DOCUMENTS, BATCH, EPOCHS, RATE, WARMUP = 4000, 32, 14, 0.002, 300
READY = {  # name: two texts
    "a coin": ("anna went to the bank .", "she paid the bill with a coin ."),
    "a frog": ("anna went to the bank .", "she watched the frog under the water ."),
    "a bat at night": ("tom walked into the cave at night .", "a bat slept under the rock ."),
    "a bat at a game": ("tom swung the bat at the ball .", "the runner ran to the base ."),
    "a mouse that moves": (
        "jane sat down at the computer .",
        "she moved the mouse over the desk .",
    ),
    "a mouse that eats": ("jane cleaned the barn .", "a mouse ate the cheese ."),
}
LABEL = (
    "BERT guesses a hidden word of two texts: anna went to the [MASK], she paid the bill with a coin. Beside "
    "each word stands the weight that it gets from the hidden one in each layer, and the first guess is bank."
)


def contents() -> Contents:
    """Anna went to a place that is hidden; takes no arguments.

    >>> contents().label[:27]
    'BERT guesses a hidden word '
    """
    return Contents(picture("bert"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and shares right in new documents."""
    documents = [d.sentences for d in senses.generate(DOCUMENTS, seed=0)]
    vocabulary = WordPiece([s for d in documents for s in d], size=1000, fewest=1)
    encoded = masked_words.encode(documents, vocabulary)
    seed_everything(0)
    model = _model(len(vocabulary))
    model.initialize(init.Normal(0.05))
    make = {"longest": SIZES["longest"], "seed": 0}
    batches = masked_words.batches(encoded, vocabulary, BATCH, **make)
    adam = optimizer.Adam(RATE, beta2=0.98, epsilon=1e-9, lr_scheduler=WarmUp(RATE, steps=WARMUP))
    fit(model, batches, adam, epochs=EPOCHS, clip_norm=1.0, description="BERT, live")
    found = data.rounded(_parameters(model))
    known = set(documents)
    tested = [d.sentences for d in senses.generate(400, seed=1) if d.sentences not in known]
    settings = {
        "words": vocabulary.pieces(range(len(vocabulary))),
        "ready": READY,
        "documents": DOCUMENTS,
        "layers": SIZES["layers"],
        "heads": SIZES["num_heads"],
        "longest": SIZES["longest"],
        "right": _right(model, masked_words.encode(tested, vocabulary), vocabulary),
    }
    return settings, found


def answer(model: BertPretraining, ids: list[int], segments: list[int], place: int) -> tuple:
    """What is said about one input: logits of words at a place (V,), logits of the pair (2,), and the
    weights of all places (N, H, n, n).
    """
    arrays = [np.array([each], dtype="int32") for each in (ids, segments)]
    mask, places = length_mask([len(ids)], len(ids)), np.array([[place]], dtype="int32")
    words, follows, weights = model(*arrays, mask, places)
    return words.asnumpy()[0, 0], follows.asnumpy()[0], weights.asnumpy()[0]


def network() -> tuple[BertPretraining, dict]:
    """The network with the weights that the page has, and the settings."""
    settings, stored = data.read("bert")
    model = _model(len(settings["words"]))
    model.initialize()
    answer(model, [2, 3], [0, 0], 0)  # finds the shapes
    data.restore(_parameters(model), stored)
    return model, settings


def _model(num_words: int) -> BertPretraining:
    return BertPretraining(Bert(num_words, **SIZES, **TRAINING))


def _right(model: BertPretraining, documents: list, vocabulary: WordPiece) -> dict[str, float]:
    """The shares of hidden words and of pairs that are right."""
    words, pairs = [], []
    make = {"longest": SIZES["longest"], "seed": 99}
    for inputs, (wanted, other) in masked_words.batches(documents, vocabulary, 64, **make)(0):
        logits, follows, _ = model(*(np.array(a, dtype=a.dtype) for a in inputs))
        found = logits.asnumpy().argmax(axis=-1)
        words += (found == wanted)[wanted > 0].tolist()
        pairs += (follows.asnumpy().argmax(axis=-1) == other).tolist()
    return {"words": round(float(onp.mean(words)), 2), "pairs": round(float(onp.mean(pairs)), 2)}


def named_parameters(bert: Bert, dense: dict, norms: dict) -> dict:
    """Parameters of BERT and of more layers, by the names that pages use: E, layer_0_W_q, layer_0_b_q, ...

    `dense` and `norms` are what stands beside BERT, as `{"pooler_": layer}`.
    """
    found = {"E": bert.words.weight, "S": bert.segments.weight, "p": bert.positions.table}
    dense, norms = dict(dense), {"norm_": bert.norm, **norms}
    for number, layer in enumerate(bert.layers):
        here = f"layer_{number}_"
        dense |= {f"{here}{m}_": getattr(layer.attention, f"W_{m}") for m in "qkvo"}
        dense |= {f"{here}{m}_": getattr(layer.network, f"W_{m}") for m in "12"}
        norms |= {f"{here}norm_{m}_": getattr(layer, f"norm_{m}") for m in "12"}
    for name, part in dense.items():
        found |= {f"{name}W": part.weight, f"{name}b": part.bias}
    for name, part in norms.items():
        found |= {f"{name}gamma": part.gamma, f"{name}beta": part.beta}
    return found


def _parameters(model: BertPretraining) -> dict:
    dense = {"pooler_": model.bert.pooler, "transform_": model.transform, "next_": model.next}
    found = named_parameters(model.bert, dense, {"transform_norm_": model.norm})
    return found | {"c": model.decoder.bias}
