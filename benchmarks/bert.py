"""BERT's pre-training, both tasks, against PyTorch: steps of gradient descent of a network of 4 layers.

Inputs are of random words, as long as in the notebook's run on WikiText-2, a fifth of them padded; the
peer is tests/oracles/bert.py, as PyTorch users write it.
"""

from collections.abc import Callable

import numpy as onp
import torch

from benchmarks.training import contest
from d2l_attention import seed_everything
from d2l_attention.datasets.masked_words import most_hidden
from d2l_attention.models.bert import Bert, BertPretraining
from tests.oracles import bert, weights

from mxnet import init, np

GOALS = {"PyTorch": 1.2}
WIDTH, LAYERS, HEADS, WORDS = 256, 4, 4, 8000
BATCH, ITEMS, STEPS = 16, 64, 3


def cases() -> dict[str, Callable[[], dict]]:
    """Steps of pre-training."""
    return {f"pre-training, {LAYERS} x {WIDTH}": pretraining}


def pretraining() -> dict:
    """{contestant: an epoch of both tasks}."""
    seed_everything(0)
    sizes = {"hidden_size": WIDTH, "layers": LAYERS, "num_heads": HEADS, "longest": ITEMS}
    sizes |= {"feedforward_size": 4 * WIDTH, "dropout": 0.0, "attention_dropout": 0.0}
    network = BertPretraining(Bert(WORDS, **sizes))
    network.initialize(init.Normal(0.03))
    batches = [batch(seed) for seed in range(STEPS)]
    network(*map(np.array, batches[0][0]))  # finds the shapes
    sizes = {"d": WIDTH, "layers": LAYERS, "heads": HEADS, "hidden": 4 * WIDTH, "longest": ITEMS}
    peer = bert.BertPretraining(bert.Bert(WORDS, **sizes), WIDTH)
    weights.copy_weights(network, peer)
    peer.to(torch.float32)

    def loss(output, target):
        return peer.loss(output, *target)

    return contest(network, peer, batches, loss, rate=0.1, clip=1.0)


def batch(seed: int) -> tuple:
    """((ids, segments, mask, places), (words, other)), as `datasets.masked_words.arrays` makes it."""
    random, shape = onp.random.RandomState(seed), (BATCH, ITEMS)
    lengths = random.randint(ITEMS * 3 // 5, ITEMS + 1, BATCH)[:, None]
    there = onp.arange(ITEMS) < lengths
    ids = random.randint(5, WORDS, shape) * there
    segments = (onp.arange(ITEMS) >= lengths // 2) & there
    hidden = most_hidden(ITEMS)
    places = onp.argsort(random.rand(*shape) + 2 * ~there, axis=1)[:, :hidden]  # of words alone
    words = random.randint(5, WORDS, (BATCH, hidden))
    integers = (array.astype("int32") for array in (ids, segments, places, words))
    ids, segments, places, words = integers
    mask = there[:, None].astype("float32")
    return (ids, segments, mask, places), (words, random.randint(2, size=BATCH).astype("int32"))
