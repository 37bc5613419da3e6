"""One epoch of training a memory network, against the same network in PyTorch.

The setting is the paper's for a single task: d = 20, three hops, adjacent tying,
position encoding, batches of 32, and stories that fill a memory of 50 sentences. The
peer, tests/oracles/memory_networks.py, is written as PyTorch users write it: word ids
(B, n, J), position weights, a sum over the words, softmax, plain stochastic gradient descent
with each parameter's gradient cut. Both start from the same
parameters, see the same batches, and must give the same logits before and the same loss
after an epoch.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as onp
import torch

from d2l_attention import seed_everything
from d2l_attention.datasets.stories import Encoder, tokenize
from d2l_attention.models.memory_networks import MemoryNetwork
from d2l_attention.training import fit, predict
from tests.oracles import memory_networks, weights

from mxnet import optimizer

GOALS = {"PyTorch": 1.2}
HIDDEN, HOPS, MEMORY, BATCH, STEPS = 20, 3, 50, 32, 28
RATE, CLIP = 0.032, 1.25  # of the mean loss of a batch; 0.001 and 40 of its sum


def cases() -> dict[str, Callable[[], dict]]:
    """One case: an epoch of `STEPS` batches."""
    return {"memory network, one epoch": contest}


def questions(count: int, sentences: int) -> list:
    """Stories of the size of task 3's: 34 words, six to a sentence, answers that are words."""
    random = onp.random.RandomState(0)
    names = [f"w{i}" for i in range(34)]
    lines = [" ".join(random.choice(names, 6)) for _ in range(312)]
    return [
        SimpleNamespace(
            story=tuple(random.choice(lines, sentences)),
            question=" ".join(random.choice(names, 3)),
            answer=random.choice(names),
        )
        for _ in range(count)
    ]


def ids(encoder: Encoder, texts, width: int) -> onp.ndarray:
    """Words of each text as numbers from 1, zero where a text has ended: (N, J)."""
    number = {word: i for i, word in enumerate(encoder.words, start=1)}
    rows = [[number[word] for word in tokenize(text)] for text in texts]
    return onp.array([row + [0] * (width - len(row)) for row in rows])


def torch_epoch(encoder: Encoder, data: list, network: MemoryNetwork):
    """A function that trains the peer for an epoch and returns the mean loss, and one that gives all its logits."""
    model = memory_networks.MemoryNetwork(
        len(encoder.words), encoder.longest, hidden_size=HIDDEN, hops=HOPS, memory_size=MEMORY
    )
    weights.copy_weights(network, model)
    model.float()
    sgd = torch.optim.SGD(model.parameters(), lr=RATE)
    story = onp.stack([ids(encoder, ("", *q.story), encoder.longest) for q in data])
    age = onp.array([[MEMORY, *range(len(q.story) - 1, -1, -1)] for q in data])
    question = ids(encoder, [q.question for q in data], encoder.longest)
    answer = onp.array([encoder.words.index(q.answer) for q in data])
    arrays = story, age, onp.ones(age.shape, "float32"), question, answer

    def batch(chosen):
        return [torch.from_numpy(array[chosen]) for array in arrays]

    def epoch():
        # The batches that `Stories.draws` gives with seed 0
        random, losses = onp.random.RandomState([0, 0]), []
        for chosen in random.randint(len(data), size=(STEPS, BATCH)):
            *inputs, target = batch(chosen)
            loss = torch.nn.functional.cross_entropy(model(*inputs)[0], target)
            sgd.zero_grad()
            loss.backward()
            for parameter in model.parameters():
                torch.nn.utils.clip_grad_norm_([parameter], CLIP)
            sgd.step()
            losses.append(loss.item())
        return float(onp.mean(losses))

    def logits():
        with torch.no_grad():
            return model(*batch(onp.arange(len(data)))[:4])[0].numpy()

    return epoch, logits


def contest() -> dict:
    """{contestant: an epoch of training}, after a check that both learn the same."""
    data = questions(STEPS * BATCH, MEMORY)
    seed_everything(0)
    encoder = Encoder(data, memory_size=MEMORY)
    stories = encoder(data)
    network = MemoryNetwork(len(encoder.words), hidden_size=HIDDEN, hops=HOPS, memory_size=MEMORY)
    network.initialize()
    torch_train, torch_logits = torch_epoch(encoder, data, network)
    drawn = stories.draws(BATCH, seed=0)

    def our_epoch():
        sgd = optimizer.SGD(learning_rate=RATE)
        options = {"epochs": 1, "clip_norm": CLIP, "clip_each": True, "progress": False}
        return fit(network, drawn, sgd, **options)["loss"][0]

    def our_logits():
        return predict(network, stories.in_order())[0]

    onp.testing.assert_allclose(our_logits(), torch_logits(), atol=1e-5)
    onp.testing.assert_allclose(our_epoch(), torch_train(), rtol=1e-4)
    onp.testing.assert_allclose(our_logits(), torch_logits(), atol=1e-4)
    return {"ours": our_epoch, "PyTorch": torch_train}
