"""GPT and GPT-2: a Transformer's decoder alone, which tells the next word (Radford et al. 2018, 2019).

    S = decoder(x_1 ... x_n)                      each word asks itself and those before it
    p(x_{t+1} | x_1 ... x_t) = softmax(E S_t)     with the matrix E of the words themselves

GPT's norms stand after the parts of a layer, GPT-2's before them, and one behind the last layer.
"""

import numpy as onp

from d2l_attention.attention import EncoderLayer, LearnedPositions
from d2l_attention.attention.cache import CachedLayer, CachedStack
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_arrays, check_ids
from d2l_attention.backend.checks import check_positive, check_share, check_sizes
from d2l_attention.checkpoints import Names, Part
from d2l_attention.losses import next_word_loss
from d2l_attention.models.transformer import Stack

from mxnet import init, np
from mxnet.gluon import nn

GPT2 = {"num_words": 50_257, "longest": 1024, "pre_norm": True}
SIZES = {  # of the published models: GPT(**SIZES["gpt2"])
    "gpt": {"num_words": 40_478, "hidden_size": 768, "layers": 12, "num_heads": 12},
    "gpt2": GPT2 | {"hidden_size": 768, "layers": 12, "num_heads": 12},
    "gpt2-medium": GPT2 | {"hidden_size": 1024, "layers": 24, "num_heads": 16},
    "gpt2-large": GPT2 | {"hidden_size": 1280, "layers": 36, "num_heads": 20},
    "gpt2-xl": GPT2 | {"hidden_size": 1600, "layers": 48, "num_heads": 25},
}


class Decoder(Stack):
    """Words (B, n), mask (B, 1, n) or None -> states (B, n, d), weights (B, H, n, n) a layer."""

    def enter(self, numbers, mask=None):
        """The words at their places, and which of them each may ask: (B, n, d), (B|1, n, n)."""
        if mask is None:
            x = self.words(numbers)
            return x, op.causal_mask(x)
        x = self.words(numbers, op.places(op.squeeze(mask, 1)))
        return x, op.causal_mask(x) * mask

    def hybrid_forward(self, F, numbers, mask=None):
        x, before = self.enter(numbers, mask)  # (B, n, d), (B|1, n, n)
        weights = []
        for layer in self.layers:
            x, alpha = layer(x, before)
            weights.append(alpha)
        return [self.last(x), *weights]


class GPT(Block):
    """p(x_{t+1} | x_1 ... x_t) = softmax(E S_t).

    Parameters
    ----------
    num_words : int
        V; no number is padding: a mask says what is.
    hidden_size, layers, num_heads : int
        Features d of words and states; layers N; heads H.
    feedforward_size : int, optional
        Hidden units of the feed-forward networks; 4 d by default.
    longest : int
        Most words, for which there are learned positions.
    dropout : float
        Share of words, of each part's output and of weights that is dropped while training.
    pre_norm : bool
        False is GPT, True is GPT-2.

    Call
    ----
    (words (B, n) integers, mask (B, 1, n) or None, if no word is padding) -> logits of the next
    words (B, n, V), weights (B, N, H, n, n). Sentences are padded at their beginning, and their
    words counted from the first one.

    >>> network = GPT(9, hidden_size=8, layers=2, num_heads=2, longest=5)
    >>> network.initialize()
    >>> [array.shape for array in network(np.array([[0, 3, 8]], dtype="int32"))]
    [(1, 3, 9), (1, 2, 2, 3, 3)]
    """

    takes = "ids B n, B 1 n"
    continues = True  # its inputs, when it generates: see `decoding`

    def __init__(self, num_words: int, *, hidden_size: int = 768, layers: int = 12,
                 num_heads: int = 12, feedforward_size: int | None = None, longest: int = 512,
                 dropout: float = 0.1, pre_norm: bool = False):  # fmt: skip
        super().__init__()
        check_sizes(num_words=num_words, hidden_size=hidden_size, layers=layers, longest=longest)
        check_share(dropout=dropout)
        self.num_words, d = num_words, hidden_size
        network = 4 * d if feedforward_size is None else feedforward_size
        options = {"dropout": dropout, "attention_dropout": dropout, "pre_norm": pre_norm}
        options |= {"use_bias": True, "activation": "gelu_tanh"}
        stack = [EncoderLayer(d, num_heads, network, **options) for _ in range(layers)]
        embedding, positions = nn.Embedding(num_words, d), LearnedPositions(d, longest=longest)
        self.decoder = Decoder(embedding, positions, stack, d, dropout, pre_norm, scale=1.0)
        shared = {"use_bias": False, "params": embedding.params}
        self.W_s = nn.Dense(num_words, flatten=False, in_units=d, **shared)
        self._set_first_weights()

    def _set_first_weights(self) -> None:
        """Deviations of 0.02, by sqrt(2 N) less for the 2 N sums of the shortcuts (section 2.3)."""
        small = 0.02 * (2 * len(self.decoder.layers)) ** -0.5 if self.decoder.norm else 0.02
        for parameter in self.collect_params(".*(weight|table)$").values():
            parameter.init = init.Normal(0.02)
        for layer in self.decoder.layers:
            for name in ("W_q", "W_k", "W_v", "W_o"):  # known before the first call
                getattr(layer.attention, name).weight.shape = self.W_s.weight.shape[1:] * 2
            layer.attention.W_o.weight.init = layer.network.W_2.weight.init = init.Normal(small)

    def check(self, words, mask=None):
        super().check(words, mask)
        self.decoder.positions.check_length(words=words.shape[1])

    def check_values(self, words, mask=None):
        check_ids(words=(words, 0, self.num_words))

    def hybrid_forward(self, F, words, mask=None):
        s, *weights = self.decoder(words, mask)  # (B, n, d)
        return self.W_s(s), op.stack(weights, axis=1)  # (B, n, V), (B, N, H, n, n)

    def loss(self, output, target):
        """Mean of -log p of the next words, in nats: target (B, n), -1 where none is asked for
        -> (B,).
        """
        check_arrays("B n V, ids B n", logits=output[0], target=target)
        check_ids(target=(target, -1, self.num_words))
        asked = (target >= 0).astype(output[0].dtype)
        if target.ctx.device_type == "cpu" and not asked.asnumpy().any(axis=1).all():
            raise ValueError("target must hold at least one word, other than -1, in each row")
        return next_word_loss(output[0], target, asked)

    def checkpoint_names(self) -> Names:
        """What published checkpoints call its parts: see `checkpoints`."""
        layers, pre_norm = len(self.decoder.layers), self.decoder.norm is not None
        causal = onp.tri(self.decoder.positions.longest, dtype="float32")[None, None]
        constants = {f"h.{i}.attn.bias": causal for i in range(layers)}
        constants |= {f"h.{i}.attn.masked_bias": onp.array(-1e4) for i in range(layers)}
        copies = {"lm_head.weight": "wte.weight" if pre_norm else "tokens_embed.weight"}
        return Names(names(layers, pre_norm), copies, constants, prefix="transformer.")

    # --------------------------------------------------------- one word at a time
    def begin(self, words, mask=None):
        """What `decoding.generate` starts with if it keeps nothing: all but the last words, which
        the first step is given -> state.
        """
        words, mask = self._beginnings(words, mask)
        return words[:, :-1], mask[:, :, :-1]

    def step(self, last, state):
        """The next word after the last one (B,), by reading all words again: logits (B, V), state,
        None.
        """
        words = np.concatenate([state[0], op.expand(last, 1)], axis=1)  # (B, t)
        one = np.ones((len(words), 1, 1), state[1].dtype, ctx=words.ctx)
        mask = np.concatenate([state[1], one], axis=2)
        self.decoder.positions.check_length(words=words.shape[1])
        s, *_ = self.decoder(words, mask)
        return self.W_s(s[:, -1:])[:, 0], (words, mask), None

    def begin_cached(self, words, mask=None, *, beam: int, longest: int):
        """The same with all keys and values kept: what `decoding.generate` starts with."""
        return CachedWriter(self, *self._beginnings(words, mask), beam, longest)

    def _beginnings(self, words, mask):
        """Words and their mask, checked."""
        self.check(words, mask)
        self.check_values(words, mask)
        if mask is None:
            mask = np.ones((len(words), 1, words.shape[1]), self.W_s.weight.dtype, ctx=words.ctx)
        if not mask.asnumpy()[:, 0, -1].all():
            raise ValueError("mask must end with 1 in each row: beginnings are padded in front")
        return words, mask


class CachedWriter:
    """A model that writes one word at a time, with `beam` ways to go on for each beginning: see
    `attention.cache`.
    """

    def __init__(self, model, words, mask, beam, longest):
        decoder, self.W_s, n = model.decoder, model.W_s, words.shape[1] - 1
        decoder.positions.check_length(words=n + longest)
        self.layers = [CachedLayer(layer, n + beam * longest) for layer in decoder.layers]
        read = mask[:, 0].asnumpy()[:, :n]
        self.stack = CachedStack(decoder, self.layers, len(words), beam, read)
        if n:
            self.stack.read(*decoder.enter(words[:, :-1], mask[:, :, :-1]))

    def step(self, last, rows):
        """The next word: last words (R,), rows that they continue (R,) -> logits (R, V), None."""
        s, _ = self.stack.write(last, rows)  # (B, k, d)
        return self.W_s(s).reshape(len(rows), -1), None


class GPTClassifier(Block):
    """p(y | x_1 ... x_n) = softmax(W_y S_n): GPT, fine-tuned (Radford et al. 2018, section 3.2).

    Parameters
    ----------
    model : GPT
        Which has been trained; then `W_y.initialize()` makes the rest.
    num_classes : int
        C.
    auxiliary : float
        lambda >= 0, how much the loss of the next words adds to that of the class (equation 5).

    Call
    ----
    (words (B, n) integers, mask (B, 1, n)) -> logits (B, C), loss of the next words (B,), weights
    (B, N, H, n, n). All sentences end at the last place, with a word that the class is read from.

    >>> model = GPT(9, hidden_size=8, layers=2, num_heads=2, longest=5)
    >>> network = GPTClassifier(model, num_classes=3)
    >>> network.initialize()
    >>> words, mask = np.array([[0, 3, 8]], dtype="int32"), np.array([[[0.0, 1.0, 1.0]]])
    >>> [array.shape for array in network(words, mask)]
    [(1, 3), (1,), (1, 2, 2, 3, 3)]
    """

    takes = "ids B n, B 1 n"

    def __init__(self, model: GPT, num_classes: int, *, auxiliary: float = 0.5):
        super().__init__()
        if not isinstance(model, GPT):
            raise TypeError(f"model must be a GPT, got {type(model).__name__}")
        check_sizes(num_classes=num_classes)
        if auxiliary:
            check_positive(auxiliary=auxiliary)
        self.model, self.num_classes, self.auxiliary = model, num_classes, auxiliary
        d = model.W_s.weight.shape[1]
        self.W_y = nn.Dense(num_classes, in_units=d, weight_initializer=init.Normal(0.02))

    def check(self, words, mask):
        super().check(words, mask)
        self.model.check(words, mask)
        if words.shape[1] < 2:
            raise ValueError(f"words must have at least 2 places, got {words.shape[1]}")

    def check_values(self, words, mask):
        self.model.check_values(words, mask)

    def hybrid_forward(self, F, words, mask):
        s, *weights = self.model.decoder(words, mask)  # (B, n, d)
        next_words = self.model.W_s(s[:, :-1])  # (B, n - 1, V)
        spoken = next_word_loss(next_words, words[:, 1:], op.squeeze(mask[:, :, :-1], 1))  # (B,)
        logits = self.W_y(op.dropout(s[:, -1], self.model.decoder.dropout))  # (B, C)
        return logits, spoken, op.stack(weights, axis=1)

    def loss(self, output, target):
        """-log p(y | x) + lambda times the loss of the next words, in nats: target (B,) -> (B,)."""
        check_ids(target=(target, 0, self.num_classes))
        logits, spoken, _ = output
        return -op.pick(op.log_softmax(logits), target) + self.auxiliary * spoken


# ------------------------------------------------------------------ names of published checkpoints
LAYER = {  # one matrix makes query, key and value, and matrices are (in, out)
    "ln_1": "norm_1",
    "attn.c_attn": Part(("attention.W_q", "attention.W_k", "attention.W_v"), transposed=True),
    "attn.c_proj": Part(("attention.W_o",), transposed=True),
    "ln_2": "norm_2",
    "mlp.c_fc": Part(("network.W_1",), transposed=True),
    "mlp.c_proj": Part(("network.W_2",), transposed=True),
}
GPT_NAMES = {  # OpenAIGPTModel
    "tokens_embed": "decoder.embedding",
    "positions_embed.weight": "decoder.positions.table",
}
GPT2_NAMES = {  # GPT2Model
    "wte": "decoder.embedding",
    "wpe.weight": "decoder.positions.table",
    "ln_f": "decoder.norm",
}


def names(layers: int, pre_norm: bool) -> dict:
    """All parts of a published GPT-2, or GPT, and where they are in ours."""
    found = dict(GPT2_NAMES if pre_norm else GPT_NAMES)
    for i in range(layers):
        for name, part in LAYER.items():
            path = f"decoder.layers.{i}."
            if isinstance(part, Part):
                found[f"h.{i}.{name}"] = Part(tuple(path + p for p in part.paths), part.transposed)
            else:
                found[f"h.{i}.{name}"] = path + part
    return found


if __name__ == "__main__":
    from d2l_attention.notebook.gpt_demo import main

    main()
