"""The live figure of memory networks: the reader writes a story, asks, and sees each hop.

Its network is the notebook's, with three hops, but trained longer and on four tasks at once, so
that one network answers all stories of the tutorial: where somebody is, where a thing is, where it
was before, and what color an animal has (tasks 1, 2, 3 and 16).
"""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.attention import identity, masked_softmax
from d2l_attention.datasets import babi
from d2l_attention.datasets.babi import carrying
from d2l_attention.datasets.stories import Encoder
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.memory_networks import MemoryNetwork
from d2l_attention.training import accuracy, fit

from mxnet import lr_scheduler, optimizer

__all__ = ["contents", "network", "train"]

QUESTIONS = {1: 4000, 2: 10000, 3: 10000, 16: 4000}  # to train on, of each task
LONGEST = {2: 30, 3: 14}  # sentences of a story
ABOUT_PEOPLE = 4000  # questions of task 1, but in stories in which people carry things
TEST = 500  # questions of each task
SIZE = {"hidden_size": 32, "hops": 3}
LINEAR_EPOCHS, EPOCHS, HALVE_EVERY, RATE = (5, 20, 4, 0.16)
LABEL = (
    "A memory network reads a story of six sentences. Asked where the milk is, all hops rest on Joe "
    "left the milk and Joe travelled to the office, and the answer is office."
)


def contents() -> Contents:
    """A story of Joe, Fred and the milk; takes no arguments.

    >>> contents().label[:48]
    'A memory network reads a story of six sentences.'
    """
    return Contents(picture("memory_networks"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train the network: settings and arrays for `data.write`, and errors on new stories."""
    training, test = [], {}
    for task, count in QUESTIONS.items():
        told = babi.generate(task, count + TEST, seed=task, longest=LONGEST.get(task))
        test[task], training = told[:TEST], training + told[TEST:]
    training += _about_people(ABOUT_PEOPLE)
    encoder = Encoder([*training, *(question for told in test.values() for question in told)])
    seed_everything(0)
    model = MemoryNetwork(len(encoder.words), **SIZE)
    model.initialize()
    _fit(model, encoder(training))
    arrays = data.rounded(_parameters(model))
    settings = {
        "words": encoder.words,
        "longest": encoder.longest,
        "memory_size": encoder.memory_size,
        "questions": len(training),
        "errors": {
            task: round(1 - accuracy(model, encoder(told).in_order()), 3)
            for task, told in test.items()
        },
    }
    return settings, arrays


def _about_people(count: int) -> list[babi.Question]:
    """Readers ask where somebody is in any story; those of task 1 have no things in them."""
    habits = carrying.Habits(get_there=0.5, present=0.25, people=("Joe", "Mary", "Fred", "Sam"))
    tell = carrying.teller(habits, carrying.where_people, recency=0.9)
    random = onp.random.RandomState(0)
    told = (question for _ in range(count) for question in tell(random))
    return list(islice((q for q in told if len(q.story) <= LONGEST[2]), count))


def _fit(model: MemoryNetwork, stories) -> None:
    """As the paper does, section 4.2: first without softmax, then with it."""
    draws = stories.draws(32, seed=0, noise=0.1)
    options = {"clip_norm": 40 / 32, "clip_each": True}
    model.attention.normalise = identity
    fit(model, draws, optimizer.SGD(learning_rate=RATE), epochs=LINEAR_EPOCHS, **options)
    model.attention.normalise = masked_softmax
    steps = HALVE_EVERY * (len(stories) // 32)
    halved = lr_scheduler.FactorScheduler(steps, 0.5, base_lr=RATE)
    sgd = optimizer.SGD(learning_rate=RATE, lr_scheduler=halved)
    fit(model, draws, sgd, epochs=EPOCHS, **options)


def _parameters(model: MemoryNetwork) -> dict:
    """The matrices by the names of the equation: A1, A2, ... and T1, T2, ...; C_k is A_{k+1}."""
    return {
        f"{letter}{k}": block.weight
        for letter, blocks in (("A", model.A), ("T", model.T))
        for k, block in enumerate(blocks, start=1)
    }


def network() -> tuple[MemoryNetwork, Encoder]:
    """The network with the weights that the page has, and what makes arrays of its stories."""
    settings, arrays = data.read("memory_networks")
    words, longest = settings["words"], settings["longest"]
    sentences = [
        " ".join(words[start : start + longest]) for start in range(0, len(words), longest)
    ]
    vocabulary = SimpleNamespace(story=sentences, question=words[0], answer=words[0])
    encoder = Encoder([vocabulary], memory_size=settings["memory_size"])
    model = MemoryNetwork(len(words), **SIZE)
    model.initialize()
    data.restore(_parameters(model), arrays)
    return model, encoder
