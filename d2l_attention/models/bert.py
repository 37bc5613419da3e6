"""BERT: an encoder that is trained on text alone, by words that it does not see (Devlin et al. 2018).

    H = layers(norm(E x_i + S s_i + p_i))          each word asks all words, on both sides of it
    p(x_i | the others) = softmax(E norm(gelu(W h_i + b)) + c)            for a word that was masked
    p(the second text follows) = softmax(W_n tanh(W_p h_0 + b_p) + b_n)        at the first word, [CLS]

The layers are the Transformer's, with biases in attention and another activation. What is new is the
task: it needs no labels, and both sides of a word may be read, since the word itself is hidden.
"""

import numpy as onp

from d2l_attention.attention import EncoderLayer, LayerNorm, LearnedPositions
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_arrays, check_ids
from d2l_attention.backend.checks import check_share, check_sizes
from d2l_attention.checkpoints import Names
from d2l_attention.losses import smoothed_cross_entropy

from mxnet import init, np
from mxnet.gluon import nn

WORDS = 30_522  # of the published vocabulary, English in small letters
BASE = {"hidden_size": 768, "layers": 12, "num_heads": 12, "feedforward_size": 3072}
LARGE = {"hidden_size": 1024, "layers": 24, "num_heads": 16, "feedforward_size": 4096}


class Bert(Block):
    """H = layers(norm(E x_i + S s_i + p_i)), and tanh(W_p h_0 + b_p), a vector for the whole input.

    Parameters
    ----------
    num_words : int
        V; word 0 is padding.
    hidden_size, layers, num_heads, feedforward_size : int
        Features d of words and states; layers N; heads H; hidden units of the feed-forward
        networks. By default those of the published base model, `BASE`.
    longest : int
        Places that there are positions for: most words.
    num_segments : int
        Texts that are told apart in one input.
    dropout, attention_dropout : float
        Share of words and of each part's output, and of attention's weights, that is dropped while
        training.
    epsilon : float
        Of the norms.

    Call
    ----
    (ids (B, n) integers, segments (B, n) integers, mask (B, 1, n)) -> states (B, n, d), pooled
    (B, d), weights (B, N, H, n, n). The mask allows the first word of each text, [CLS].

    The paper's matrices start from a normal distribution of width 0.02, which
    `initialize(init.Normal(0.02))` gives.

    >>> network = Bert(9, hidden_size=8, layers=2, num_heads=2, feedforward_size=16, longest=5)
    >>> network.initialize()
    >>> ids, segments = np.array([[2, 7, 3, 0]], dtype="int32"), np.zeros((1, 4), dtype="int32")
    >>> [array.shape for array in network(ids, segments, length_mask([3], 4))]
    [(1, 4, 8), (1, 8), (1, 2, 2, 4, 4)]
    """

    takes = "ids B n, ids B n, B 1 n"

    def __init__(self, num_words: int, *, hidden_size: int = 768, layers: int = 12,
                 num_heads: int = 12, feedforward_size: int = 3072, longest: int = 512,
                 num_segments: int = 2, dropout: float = 0.1, attention_dropout: float = 0.1,
                 epsilon: float = 1e-12):  # fmt: skip
        super().__init__()
        check_sizes(num_words=num_words, hidden_size=hidden_size, layers=layers)
        check_sizes(num_segments=num_segments)
        check_share(dropout=dropout)
        self.num_words, self.num_segments, self.hidden_size = num_words, num_segments, hidden_size
        self.dropout, self.epsilon, d = dropout, epsilon, hidden_size
        normal = {"weight_initializer": init.Normal(0.02)}
        self.words = nn.Embedding(num_words, d, **normal)  # E
        self.segments = nn.Embedding(num_segments, d, **normal)  # S
        self.positions = LearnedPositions(d, longest=longest)  # p
        self.positions.table.init = init.Normal(0.02)
        self.norm = LayerNorm(d, epsilon=epsilon)
        self.layers = nn.HybridSequential()
        options = {"use_bias": True, "activation": "gelu", "epsilon": epsilon}
        options |= {"dropout": dropout, "attention_dropout": attention_dropout}
        for _ in range(layers):
            layer = EncoderLayer(d, num_heads, feedforward_size, **options)
            for name in ("W_q", "W_k", "W_v", "W_o"):  # known before the first call
                getattr(layer.attention, name).weight.shape = (d, d)
            self.layers.add(layer)
        self.pooler = nn.Dense(d, in_units=d)  # W_p

    def drop_pooler(self) -> None:
        """Let states of words be all that is computed; `pooled` is then h_0, as it is."""
        self.drop("pooler")

    def check(self, ids, segments, mask):
        super().check(ids, segments, mask)
        self.positions.check_length(ids=ids.shape[1])

    def check_values(self, ids, segments, mask):
        check_ids(ids=(ids, 0, self.num_words), segments=(segments, 0, self.num_segments))
        if mask.ctx.device_type == "cpu" and not (mask.asnumpy()[:, 0, 0] == 1).all():
            raise ValueError("mask must allow the first word of each text: no text is empty")

    def hybrid_forward(self, F, ids, segments, mask):
        x = self.positions(self.words(ids) + self.segments(segments))  # (B, n, d)
        x, weights = op.dropout(self.norm(x), self.dropout), []
        for layer in self.layers:
            x, alpha = layer(x, mask)
            weights.append(alpha)
        pooled = op.first(x)  # (B, d)
        if self.pooler is not None:
            pooled = op.tanh(self.pooler(pooled))
        return x, pooled, op.stack(weights, axis=1)  # (B, n, d), (B, d), (B, N, H, n, n)

    def checkpoint_names(self) -> Names:
        """What published checkpoints call its parts: see `checkpoints`."""
        places = np.arange(self.positions.longest, dtype="int64").asnumpy()[None]
        constants = {"embeddings.position_ids": places}
        parts = names(len(self.layers), pooler=self.pooler is not None)
        return Names(parts, {}, constants, OLDER, prefix="bert.")


class BertPretraining(Block):
    """BERT with the two heads of its pre-training: which words were masked, do the texts follow.

    Parameters
    ----------
    bert : Bert
        Whose matrix E of words also gives the logits of words.

    Call
    ----
    (ids (B, n), segments (B, n), mask (B, 1, n), places (B, m) integers, or None for all n) ->
    logits of the words at these places (B, m, V); logits (B, 2): of the second text following the
    first, and of its being any other; weights (B, N, H, n, n).

    >>> sizes = {"hidden_size": 8, "layers": 1, "num_heads": 2, "feedforward_size": 16}
    >>> network = BertPretraining(Bert(9, **sizes))
    >>> network.initialize()
    >>> ids, segments = np.array([[2, 4, 3, 0]], dtype="int32"), np.zeros((1, 4), dtype="int32")
    >>> places = np.array([[1]], dtype="int32")
    >>> [array.shape for array in network(ids, segments, length_mask([3], 4), places)]
    [(1, 1, 9), (1, 2), (1, 1, 2, 4, 4)]
    """

    takes = "ids B n, ids B n, B 1 n, ids B m"

    def __init__(self, bert: Bert):
        super().__init__()
        if not isinstance(bert, Bert):
            raise TypeError(f"bert must be a Bert, got {type(bert).__name__}")
        self.bert, d, shared = bert, bert.hidden_size, {"params": bert.words.params}
        self.transform = nn.Dense(d, flatten=False, in_units=d)  # W
        self.norm = LayerNorm(d, epsilon=bert.epsilon)
        self.decoder = nn.Dense(bert.num_words, flatten=False, in_units=d, **shared)  # E, c
        self.next = nn.Dense(2, in_units=d)  # W_n

    def check(self, ids, segments, mask, places=None):
        super().check(ids, segments, mask, places)
        self.bert.check(ids, segments, mask)

    def check_values(self, ids, segments, mask, places=None):
        self.bert.check_values(ids, segments, mask)
        if places is not None:
            check_ids(places=(places, 0, ids.shape[1]))

    def hybrid_forward(self, F, ids, segments, mask, places=None):
        states, pooled, weights = self.bert(ids, segments, mask)  # (B, n, d), (B, d)
        masked = states if places is None else op.rows_at(states, places)  # (B, m, d)
        words = self.decoder(self.norm(op.gelu(self.transform(masked))))  # (B, m, V)
        return words, self.next(pooled), weights  # and (B, 2)

    def loss(self, output, target):
        """Cross-entropy in nats of masked words and of what follows: target is (words (B, m), 0
        where there is none, any (B,), 1 if the second text is any other than the next) -> (B,).

        The mean over the batch is the paper's loss: the mean over all masked words, and that over
        all pairs. Each text has a masked word.
        """
        (words, other, *share), (logits, follows, _) = target, output
        check_arrays("B _, ids B", logits=follows, other=other)
        check_ids(words=(words, 0, self.bert.num_words), other=(other, 0, 2))
        of_words = smoothed_cross_entropy(logits, words, 0.0)  # (B,), sums over a text
        if not share:  # 1 / masked words of a text, on average
            share = [len(words) / (words > 0).astype(logits.dtype).sum()]
        return share[0] * of_words - op.pick(op.log_softmax(follows), other)

    def shareable(self, target):
        """The target of a batch that is to be cut, with B / (masked words of the whole), (B,)
        float32: the loss of a share must be divided by the masked words of all, and not by its own.
        """
        words, other = target
        return words, other, onp.full(len(words), len(words) / (words > 0).sum(), "float32")

    def checkpoint_names(self) -> Names:
        """What published checkpoints call its parts: see `checkpoints`."""
        of_bert = self.bert.checkpoint_names()
        parts = {f"bert.{name}": f"bert.{path}" for name, path in of_bert.parts.items()}
        constants = {f"bert.{name}": value for name, value in of_bert.constants.items()}
        return Names(parts | HEADS, COPIES, constants, OLDER)


# ------------------------------------------------------------------ names of published checkpoints
EMBEDDINGS = {
    "embeddings.word_embeddings": "words",
    "embeddings.token_type_embeddings": "segments",
    "embeddings.position_embeddings.weight": "positions.table",
    "embeddings.LayerNorm": "norm",
    "pooler.dense": "pooler",
}
LAYER = {
    "attention.self.query": "attention.W_q",
    "attention.self.key": "attention.W_k",
    "attention.self.value": "attention.W_v",
    "attention.output.dense": "attention.W_o",
    "attention.output.LayerNorm": "norm_1",
    "intermediate.dense": "network.W_1",
    "output.dense": "network.W_2",
    "output.LayerNorm": "norm_2",
}
HEADS = {
    "cls.predictions.transform.dense": "transform",
    "cls.predictions.transform.LayerNorm": "norm",
    "cls.predictions.bias": "decoder.bias",
    "cls.seq_relationship": "next",
}
COPIES = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
OLDER = {".gamma": ".weight", ".beta": ".bias"}
SETTINGS = {
    "vocab_size": "num_words",
    "hidden_size": "hidden_size",
    "num_hidden_layers": "layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "feedforward_size",
    "max_position_embeddings": "longest",
    "type_vocab_size": "num_segments",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "layer_norm_eps": "epsilon",
}
FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
FIXED |= {"is_decoder": False, "add_cross_attention": False}


def names(layers: int, *, pooler: bool = True) -> dict[str, str]:
    """{part of a published BERT: our block}, for so many layers."""
    found = dict(EMBEDDINGS)
    if not pooler:
        del found["pooler.dense"]
    for i in range(layers):
        found |= {f"encoder.layer.{i}.{name}": f"layers.{i}.{path}" for name, path in LAYER.items()}
    return found


def settings(configuration: dict) -> dict:
    """Return the arguments of `Bert` that a published configuration, config.json, stands for.

    Raises
    ------
    ValueError
        It is that of another model, or lacks a size.

    >>> sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
    ...          "intermediate_size": 3072, "vocab_size": WORDS}
    >>> settings(sizes) == dict(BASE, num_words=WORDS)
    True
    """
    for name, value in FIXED.items():
        if configuration.get(name, value) != value:
            raise ValueError(f"{name} must be {value!r}, got {configuration[name]!r}")
    if missing := [name for name in list(SETTINGS)[:5] if name not in configuration]:
        raise ValueError(f"configuration must say {', '.join(missing)}")
    return {ours: configuration[name] for name, ours in SETTINGS.items() if name in configuration}
