"""One epoch of training a memory network, against the same network in PyTorch.

The setting is the paper's for a single task: d = 20, three hops, adjacent tying,
position encoding, batches of 32, and stories that fill a memory of 50 sentences. The
peer is written as PyTorch users write it: word ids (B, n, J), an `Embedding` for each
matrix, position weights, a sum over the words, softmax, plain stochastic gradient
descent with each parameter's gradient cut to norm 40. Both start from the same
parameters, see the same batches, and must give the same logits before and the same loss
after an epoch.
"""

import itertools
from collections.abc import Callable
from types import SimpleNamespace

import numpy as onp
import torch

from d2l_attention import seed_everything
from d2l_attention.datasets.stories import Encoder, read
from d2l_attention.models.memory_networks import MemoryNetwork, Recipe, fit, predict

GOALS = {"PyTorch": 1.2}
HIDDEN, HOPS, MEMORY, BATCH, STEPS = 20, 3, 50, 32, 28
RATE, CLIP = 0.001, 40.0


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


class TorchNetwork(torch.nn.Module):
    """The peer: `embedding[0]` asks, `embedding[k]` are the k-th values and the next keys. Id 0 is padding."""

    def __init__(self, num_words: int, longest: int, matrices: list):
        super().__init__()
        self.embedding = torch.nn.ParameterList(
            [torch.nn.Parameter(torch.tensor(m)) for m in matrices]
        )
        k, j = torch.arange(1, HIDDEN + 1)[None], torch.arange(1, longest + 1)[:, None]
        weight = 1 + 4 * (k - (HIDDEN + 1) / 2) * (j - (longest + 1) / 2) / (HIDDEN * longest)
        self.register_buffer("position", weight)  # (J, d)
        self.num_words = num_words

    def sentence(self, matrix, words):
        words_only = torch.cat(
            [torch.zeros(1, HIDDEN), matrix[: self.num_words]]
        )  # padding embeds to zero
        embedded = torch.nn.functional.embedding(words, words_only)  # (..., J, d)
        return (embedded * self.position).sum(-2)

    def forward(self, story, age, question):
        memories = [self.sentence(m, story) + m[self.num_words + age] for m in self.embedding]
        query = self.sentence(self.embedding[0], question)
        for key, value in itertools.pairwise(memories):
            weights = torch.softmax((key @ query[:, :, None])[:, :, 0], dim=-1)  # (B, n)
            query = query + (weights[:, None] @ value)[:, 0]
        return query @ self.embedding[-1][: self.num_words].T


def ids(encoder: Encoder, texts, width: int) -> onp.ndarray:
    """Words of each text as numbers from 1, zero where a text has ended: (N, J)."""
    number = {word: i for i, word in enumerate(encoder.words, start=1)}
    rows = [[number[word] for word in read(text)] for text in texts]
    return onp.array([row + [0] * (width - len(row)) for row in rows])


def torch_epoch(encoder, data, matrices):
    """A function that trains the peer for an epoch and returns the mean loss, and one that gives all its logits."""
    model = TorchNetwork(encoder.num_words, encoder.longest, matrices)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    story = onp.stack([ids(encoder, ("", *q.story), encoder.longest) for q in data])
    age = onp.array([[MEMORY, *range(len(q.story) - 1, -1, -1)] for q in data])
    question = ids(encoder, [q.question for q in data], encoder.longest)
    answer = onp.array([encoder.words.index(q.answer) for q in data])

    def batch(chosen):
        return [torch.from_numpy(array[chosen]) for array in (story, age, question, answer)]

    def epoch():
        random, losses = (
            onp.random.RandomState([0, 0]),
            [],
        )  # the batches that `fit` draws with seed 0
        for chosen in random.randint(len(data), size=(STEPS, BATCH)):
            *inputs, target = batch(chosen)
            loss = torch.nn.functional.cross_entropy(model(*inputs), target, reduction="sum")
            optimizer.zero_grad()
            loss.backward()
            for parameter in model.parameters():
                torch.nn.utils.clip_grad_norm_([parameter], CLIP)
            optimizer.step()
            losses.append(loss.item() / BATCH)
        return float(onp.mean(losses))

    def logits():
        with torch.no_grad():
            return model(*batch(onp.arange(len(data)))[:3]).softmax(-1).numpy()

    return epoch, logits


def contest() -> dict:
    """{contestant: an epoch of training}, after a check that both learn the same."""
    data = questions(STEPS * BATCH, MEMORY)
    seed_everything(0)
    encoder = Encoder(data, memory_size=MEMORY)
    stories = encoder(data)
    network = MemoryNetwork(encoder.num_words, hidden_size=HIDDEN, hops=HOPS, memory_size=MEMORY)
    network.initialize()
    matrices = [getattr(network, f"embedding_{k}").data().asnumpy() for k in range(HOPS + 1)]
    torch_train, torch_predict = torch_epoch(encoder, data, matrices)
    recipe = Recipe(epochs=1, learning_rate=RATE, clip_norm=CLIP)

    def our_epoch():
        return fit(network, encoder, stories, recipe, seed=0, progress=False)[0]["loss"][0]

    onp.testing.assert_allclose(predict(network, encoder, stories)[0], torch_predict(), atol=1e-5)
    onp.testing.assert_allclose(our_epoch(), torch_train(), rtol=1e-4)
    onp.testing.assert_allclose(predict(network, encoder, stories)[0], torch_predict(), atol=1e-4)
    return {"ours": our_epoch, "PyTorch": torch_train}
