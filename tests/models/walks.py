"""Stories of people walking about, networks for them, and their words as PyTorch takes them."""

from types import SimpleNamespace

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets.stories import Encoder, tokenize
from d2l_attention.models.memory_networks import MemoryNetwork

from mxnet import np

PEOPLE, ROOMS = ("Ada", "Bob", "Cleo"), ("attic", "cellar", "garden", "hall")
MEMORY, HIDDEN = 10, 6


def question(story, text, answer):
    return SimpleNamespace(story=tuple(story), question=text, answer=answer)


def walks(count, seed=0, longest=6):
    """The question asks where one of the people is."""
    random, questions = onp.random.RandomState(seed), []
    for _ in range(count):
        where, story = {}, []
        for _ in range(random.randint(1, longest + 1)):
            who, room = PEOPLE[random.randint(3)], ROOMS[random.randint(4)]
            where[who] = room
            story.append(f"{who} went to the {room}.")
        who = sorted(where)[random.randint(len(where))]
        questions.append(question(story, f"Where is {who}?", where[who]))
    return questions


QUESTIONS = walks(40)
SENTINEL, MASKED, PLACES = (
    {"sentinel": True, "mask_padding": True},
    {"sentinel": False, "mask_padding": True},
    {"sentinel": False, "mask_padding": False},
)
VARIANTS = {
    "adjacent": {"hops": 3, **SENTINEL},
    "adjacent, one hop": {"hops": 1, **SENTINEL},
    "adjacent, bag": {"encoding": "bag", "nonlinear": True, "hops": 2, **PLACES},
    "adjacent, unfilled places": {"hops": 3, **PLACES},
    "layer-wise": {"tying": "layer-wise", "nonlinear": True, "hops": 3, **SENTINEL},
    "layer-wise, bag": {"tying": "layer-wise", "encoding": "bag", "hops": 1, **MASKED},
}


def build(variant, questions=QUESTIONS, memory_size=MEMORY, scale=1.0):
    """An encoder and a network whose attention is not nearly uniform, as it is at first."""
    seed_everything(0)
    options = VARIANTS[variant]
    choices = {k: v for k, v in options.items() if k in ("encoding", "sentinel", "mask_padding")}
    encoder = Encoder(questions, memory_size=memory_size, **choices)
    options = {name: value for name, value in options.items() if name != "mask_padding"}
    network = MemoryNetwork(
        len(encoder.words), hidden_size=HIDDEN, memory_size=memory_size, **options
    )
    network.initialize()
    network(*arrays(encoder(questions[:1])))  # finds the shapes
    for parameter in network.collect_params().values():
        if parameter.grad_req != "null":
            parameter.set_data(parameter.data() * 5 * scale)
    return encoder, network


def arrays(stories, chosen=None, age=None):
    """What the network takes of some questions, by default all."""
    inputs, _ = stories.batch(onp.arange(len(stories)) if chosen is None else chosen, age)
    return [np.array(array, dtype=array.dtype) for array in inputs]


def words(encoder, questions, age, mask) -> list:
    """The oracle's inputs: word numbers from 1 for stories, with the ages and masks given, and questions."""
    number = {word: i for i, word in enumerate(encoder.words, start=1)}

    def ids(text):
        found = [number[word] for word in tokenize(text)]
        return found + [0] * (encoder.longest - len(found))

    places = age.shape[1]
    story = onp.zeros((len(questions), places, encoder.longest), "int64")
    for row, q in zip(story, questions, strict=True):
        told = [""] * encoder.sentinel + list(q.story[-encoder.memory_size :])
        row[: len(told)] = [ids(text) for text in told]
    return [story, age.astype("int64"), mask[:, 0], onp.array([ids(q.question) for q in questions])]


def oracle(torch, network, encoder, variant):
    """The same network in PyTorch, with the same weights in float64."""
    from tests.oracles import memory_networks, weights

    options = {k: v for k, v in VARIANTS[variant].items() if k != "mask_padding"}
    other = memory_networks.MemoryNetwork(
        len(encoder.words),
        encoder.longest,
        hidden_size=HIDDEN,
        memory_size=encoder.memory_size,
        **options,
    )
    weights.copy_weights(network, other)
    return other
