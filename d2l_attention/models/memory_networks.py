r"""End-to-end memory networks: attention pooling over the sentences of a story, repeated (Sukhbaatar et al. 2015).

    q_{t+1} = H q_t + sum_i alpha(q_t, m_i) c_i,    alpha = softmax(q_t . m_i),    answer = softmax(W q_{K+1})

One look ("hop") is dot-product attention: the query is the internal state q_t, which
starts as the question, the keys are the sentences m_i, the values c_i the same
sentences embedded a second time. What is special is the loop: what one look finds
becomes part of the next look's query. `MemoryNetwork` is the model, `fit` trains by the
recipe of the paper's section 4.2.

A look must be able to find nothing. One empty sentence with learned vectors precedes
each story; in the authors' published code the unfilled part of the memory does that
service: it is not masked, and softmax gives it weight. Without either, questions about
what a story does not say are answered far worse. `datasets.stories` makes the arrays.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as onp

from d2l_attention.attention import (
    Attention,
    AttentionBlock,
    DotProductScore,
    Score,
    legacy,
)
from d2l_attention.datasets.stories import (
    ENCODINGS,
    NOTHING,
    Encoder,
    Stories,
    noisy_ages,
)
from d2l_attention.training import History, train

import mxnet as mx
from mxnet import gluon, np, npx
from mxnet.gluon import HybridBlock

__all__ = ["LinearAttention", "MemoryNetwork", "Recipe", "error_rate", "fit", "predict"]

TYINGS = ("adjacent", "layer-wise")


# ---------------------------------------------------------------------------- the model
class LinearAttention(AttentionBlock):
    """Attention without its softmax: context = sum_i a(q, k_i) v_i, for the start of training.

    Weights are the scores themselves: they may be negative and need not sum to one.
    Masked keys still get zero. Sukhbaatar et al. (2015, section 4.2) train the first
    epochs like this ("linear start"), because the gradient of a softmax that has
    settled on the wrong sentence is nearly zero.

    >>> key = np.array([[[1.0], [2.0], [9.0]]])
    >>> context, weights = LinearAttention(DotProductScore())(np.array([[[0.5]]]), key, key, np.array([2]))
    >>> context.tolist(), weights.tolist()
    ([[[2.5]]], [[[0.5, 1.0, 0.0]]])
    """

    def __init__(self, score: Score):
        super().__init__()
        self.score = score

    def hybrid_forward(self, F, query, key, value, mask=None):
        weights = self.score(query, key)  # (B, m, n)
        weights = weights if mask is None else weights * mask
        return F.npx.batch_dot(weights, value), weights


class MemoryNetwork(HybridBlock):
    """Read a story `hops` times, each time asking with what the last look has found.

    Parameters
    ----------
    num_words : int
        Words V of the vocabulary; questions, stories and answers share it.
    hidden_size, hops : int
        Features d of a sentence, looks K.
    memory_size : int
        Ages T that the temporal encoding tells apart: 0 for the last sentence, T - 1
        for that or an older one. Age T is that of an empty sentence.
    encoding : str
        "position" (word order within a sentence counts) or "bag" (it does not).
    tying : str
        "adjacent": the values of one look are the keys of the next, the question uses
        the first look's keys, the answer the last one's values: K + 1 embeddings.
        "layer-wise": all looks share keys, values and a matrix H.
    nonlinear : bool
        Whether a ReLU follows each look.
    nothing : str
        "sentence" or "never": an empty sentence has learned vectors. "places": its
        vectors are zero.
    attention : Attention or LinearAttention
        How to look; dot-product attention by default.
    params : mxnet.gluon.ParameterDict, optional
        Parameters of another network to share.

    Call
    ----
    (table (S, F), story (B, n), age (B, n), mask (B, 1, n), question (B, F)) -> (logits
    (B, V), weights (B, K, n)). `Encoder.batch` makes these five: F = 2 V features for
    the position encoding, V for the bag.

    Examples
    --------
    >>> network = MemoryNetwork(num_words=5, hidden_size=4, hops=3)
    >>> network.initialize()
    >>> table, story, age = np.zeros((2, 10)), np.array([[0, 1, 0]]), np.array([[2, 1, 0]])
    >>> logits, weights = network(table, story, age, np.ones((1, 1, 3)), np.zeros((1, 10)))
    >>> logits.shape, weights.shape
    ((1, 5), (1, 3, 3))
    """

    def __init__(
        self,
        num_words: int,
        *,
        hidden_size: int = 20,
        hops: int = 3,
        memory_size: int = 50,
        encoding: str = "position",
        tying: str = "adjacent",
        nonlinear: bool = False,
        nothing: str = "sentence",
        attention: AttentionBlock | None = None,
        params=None,
    ):
        super().__init__(params=params)
        for name, value in {
            "num_words": num_words,
            "hidden_size": hidden_size,
            "hops": hops,
            "memory_size": memory_size,
        }.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        _check_choice("encoding", encoding, ENCODINGS)
        _check_choice("tying", tying, TYINGS)
        _check_choice("nothing", nothing, NOTHING)
        self.num_words, self.hidden_size, self.hops, self.memory_size = (
            num_words,
            hidden_size,
            hops,
            memory_size,
        )
        self.encoding, self.tying = encoding, tying
        self.nonlinear, self.nothing = nonlinear, nothing
        self.attention = Attention(DotProductScore()) if attention is None else attention
        if not isinstance(self.attention, Attention | LinearAttention):
            raise TypeError(
                "attention must be an Attention or a LinearAttention, "
                f"got {type(attention).__name__}"
            )
        normal = mx.init.Normal(0.1)
        for name in self._embedding_names():  # a row per word, per age, and for nothing
            shape = (num_words + memory_size + 1, hidden_size)
            setattr(self, name, self.params.get(name, shape=shape, init=normal))
        if encoding == "position":
            k = onp.arange(1, hidden_size + 1)
            ramp = onp.diag(4 * (k - (hidden_size + 1) / 2) / hidden_size)
            self.ramp = self.params.get_constant("ramp", ramp.astype("float32"))
        if tying == "layer-wise":
            self.state = self.params.get(
                "state", shape=(hidden_size, hidden_size), init=normal
            )  # H

    def looking_with(self, attention: AttentionBlock) -> "MemoryNetwork":
        """Return a network with the same parameters that looks with another attention."""
        return MemoryNetwork(
            self.num_words,
            hidden_size=self.hidden_size,
            hops=self.hops,
            memory_size=self.memory_size,
            encoding=self.encoding,
            tying=self.tying,
            nonlinear=self.nonlinear,
            nothing=self.nothing,
            attention=attention,
            params=self.params,
        )

    def _embedding_names(self) -> list[str]:
        if self.tying == "adjacent":
            return [f"embedding_{k}" for k in range(self.hops + 1)]
        return [
            "question_embedding",
            "key_embedding",
            "value_embedding",
            "answer_embedding",
        ]

    def _roles(self, weights: dict) -> tuple:
        """Who embeds the question, each look's keys, each look's values, and the answer."""
        if self.tying == "adjacent":
            chain = [weights[f"embedding_{k}"] for k in range(self.hops + 1)]
            return chain[0], chain[:-1], chain[1:], chain[-1]
        question, key, value, answer = (weights[name] for name in self._embedding_names())
        return question, [key] * self.hops, [value] * self.hops, answer

    def hybrid_forward(
        self, F, table, story, age, mask, question, ramp=None, state=None, **embeddings
    ):
        asks, keys, values, answers = self._roles(embeddings)
        memories = {}  # a matrix that two looks share embeds the story once

        def remember(weight):
            if id(weight) not in memories:
                sentences = F.np.take(
                    self._embed(F, weight, table, ramp), story, axis=0
                )  # (B, n, d)
                memories[id(weight)] = sentences + self._ages(F, weight, age)
            return memories[id(weight)]

        query, looks = self._embed(F, asks, question, ramp), []  # (B, d)
        for key, value in zip(keys, values, strict=True):
            found, weights = self.attention(
                F.np.expand_dims(query, 1), remember(key), remember(value), mask
            )
            if state is not None:
                query = F.npx.fully_connected(
                    query, state, num_hidden=self.hidden_size, no_bias=True
                )
            query = query + F.npx.reshape(found, (-2, -1))  # (B, 1, d) -> (B, d)
            query = F.npx.relu(query) if self.nonlinear else query
            looks.append(weights)  # (B, 1, n)
        words = self._words(F, answers)
        logits = F.npx.fully_connected(
            query, words, num_hidden=self.num_words, no_bias=True
        )  # (B, V)
        return logits, F.np.concatenate(looks, axis=1)

    def _words(self, F, weight):
        """The rows of an embedding that belong to words, (V, d)."""
        return legacy(F, "slice_axis", weight, axis=0, begin=0, end=self.num_words)

    def _ages(self, F, weight, age):
        """Embed ages: (B, n) -> (B, n, d)."""
        if self.nothing != "places":
            return F.np.take(weight, age + self.num_words, axis=0)
        end = self.num_words + self.memory_size
        ages = legacy(F, "slice_axis", weight, axis=0, begin=self.num_words, end=end)
        empty = legacy(F, "slice_axis", weight, axis=0, begin=end, end=end + 1) * 0
        return F.np.take(F.np.concatenate([ages, empty], axis=0), age, axis=0)

    def _embed(self, F, weight, sentences, ramp):
        """Embed bags of words: (S, F) -> (S, d)."""
        words = self._words(F, weight)  # (V, d)
        if ramp is not None:
            words = F.np.concatenate([words, F.np.dot(words, ramp)], axis=0)  # (2 V, d)
        return F.np.dot(sentences, words)


def _check_fits(network: MemoryNetwork, encoder: Encoder) -> None:
    """Raise unless the encoder makes arrays as the network takes them."""
    for name in ("num_words", "memory_size", "encoding"):
        wanted, given = getattr(network, name), getattr(encoder, name)
        if wanted != given:
            raise ValueError(f"encoder must have the network's {name}, {wanted!r}, got {given!r}")
    if (network.nothing == "places") != (encoder.nothing == "places"):
        raise ValueError(
            f"encoder must have the network's nothing, {network.nothing!r}, got {encoder.nothing!r}"
        )


def _check_choice(name: str, value, choices: Sequence) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


# ----------------------------------------------------------------------------- training
@dataclass(frozen=True)
class Recipe:
    """How to train: section 4.2 of the paper, and where that is silent, the authors' published settings.

    Attributes
    ----------
    epochs, learning_rate, halve_every : int, float, int
        Plain stochastic gradient descent; the rate is halved every so many epochs.
    linear_epochs : int
        Epochs of linear start before these, without softmax, at a steady rate; 0 for
        none. With a linear start the rate is half of `learning_rate` in both parts.
    batch_size, clip_norm : int, float
        Costs are summed over a batch, whose examples are drawn with replacement; each
        parameter's gradient is cut to this norm.
    noise : float
        Up to this share of empty sentences is mixed into a story, so that ages are not
        learned by heart.

    Raises
    ------
    ValueError
        A number is out of range.
    """

    epochs: int = 100
    learning_rate: float = 0.01
    halve_every: int = 25
    linear_epochs: int = 0
    batch_size: int = 32
    clip_norm: float = 40.0
    noise: float = 0.0

    def __post_init__(self):
        for name in ("epochs", "halve_every", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a positive integer, got {value!r}")
        if not isinstance(self.linear_epochs, int) or self.linear_epochs < 0:
            raise ValueError(
                f"linear_epochs must be 0 or a positive integer, got {self.linear_epochs!r}"
            )
        for name in ("learning_rate", "clip_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0 <= self.noise <= 1:
            raise ValueError(f"noise must be from 0 to 1, got {self.noise}")


def fit(
    network: MemoryNetwork,
    encoder: Encoder,
    stories: Stories,
    recipe: Recipe,
    *,
    seed: int,
    device=None,
    progress: bool = True,
    description: str = "training",
) -> list[History]:
    """Train a network that is already initialised; with a linear start, in two phases.

    Returns
    -------
    list of History
        One per phase, with "loss" (mean cross-entropy of the answers, in nats).

    Raises
    ------
    ValueError
        An answer is not in the vocabulary, or the encoder is made for another network.
    """
    if (stories.answer < 0).any():
        raise ValueError("stories must not have answers outside the vocabulary")
    _check_fits(network, encoder)
    phases, rate = [(network, recipe.epochs)], recipe.learning_rate
    if recipe.linear_epochs:  # the authors' settings halve the rate of both phases
        linear = network.looking_with(LinearAttention(network.attention.score))
        phases, rate = [(linear, recipe.linear_epochs), *phases], rate / 2
    histories = []
    for number, (phase, epochs) in enumerate(phases):
        phase.hybridize(static_alloc=True)
        random = onp.random.RandomState([seed, number])
        histories.append(
            train(
                _step(phase),
                _batches(encoder, stories, recipe, random, device),
                _trainer(network, stories, recipe, rate, halve=phase is network),
                epochs=epochs,
                clip_norm=recipe.clip_norm
                / recipe.batch_size,  # the loop takes the mean over a batch
                clip_each=True,
                progress=progress,
                description=description if phase is network else f"{description}, linear start",
            )
        )
    return histories


def _step(network) -> Callable:
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()

    def step(*batch):
        *inputs, answer = batch
        logits, _ = network(*inputs)
        return cross_entropy(logits, answer)

    return step


def _trainer(network, stories, recipe, rate, halve) -> gluon.Trainer:
    settings = {"learning_rate": rate * recipe.batch_size}
    if halve:
        steps = max(1, len(stories) // recipe.batch_size)
        settings["lr_scheduler"] = mx.lr_scheduler.FactorScheduler(
            step=recipe.halve_every * steps,
            factor=0.5,
            base_lr=settings["learning_rate"],
        )
    return gluon.Trainer(network.collect_params(), "sgd", settings, kvstore=None)


def _batches(encoder, stories, recipe, random, device) -> Callable[[int], Iterator[tuple]]:
    """Draw batches with replacement, and sentences' ages with noise."""
    steps = max(1, len(stories) // recipe.batch_size)

    def epoch_batches(epoch):
        drawn = random.randint(len(stories), size=(steps, recipe.batch_size))
        for chosen in drawn:
            age = None
            if recipe.noise:
                age = noisy_ages(
                    stories.length[chosen],
                    stories.story.shape[1] - 1,
                    recipe.noise,
                    random,
                )
            answer = np.array(stories.answer[chosen], dtype="float32", ctx=device)
            yield *encoder.batch(stories, chosen, age, device), answer

    return epoch_batches


def predict(network, encoder, stories: Stories, *, batch_size: int = 250, device=None) -> tuple:
    """Answer all questions: (probabilities (N, V), weights (N, K, 1 + n)), NumPy arrays.

    The first weight of a look is what it gives to nothing, the empty sentence.

    Raises
    ------
    ValueError
        The encoder is made for another network, or `batch_size` is not positive.
    """
    _check_fits(network, encoder)
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
    parts = []
    for start in range(0, len(stories), batch_size):
        chosen = onp.arange(start, min(start + batch_size, len(stories)))
        logits, weights = network(*encoder.batch(stories, chosen, device=device))
        parts.append((npx.softmax(logits).asnumpy(), weights.asnumpy()))
    return tuple(onp.concatenate(part) for part in zip(*parts, strict=True))


def error_rate(network, encoder, stories: Stories, *, device=None) -> float:
    """Share of questions whose most probable answer is wrong; an answer without a word counts as wrong."""
    probability, _ = predict(network, encoder, stories, device=device)
    return float((probability.argmax(-1) != stories.answer).mean())
