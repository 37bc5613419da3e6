"""The Transformer: encoder and decoder of attention, without recurrence (Vaswani et al. 2017).

    H = encoder(x_1 ... x_n)                      each word asks all words of its sentence
    S = decoder(y_0 ... y_{t-1}, H)               each word asks those before it, then H
    p(y_t | y_1 ... y_{t-1}, x) = softmax(W_s S_{t-1})

A word's state never waits for that of the word before, so all places of a sentence are computed at
once; what an LSTM knows from its order, the words are told by positions.
"""

from d2l_attention.attention import (
    DecoderLayer,
    EncoderLayer,
    LayerNorm,
    LearnedPositions,
    Positions,
    SinusoidalPositions,
)
from d2l_attention.attention.cache import CachedDecoderLayer, CachedStack
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_choice, check_share, check_sizes
from d2l_attention.losses import smoothed_cross_entropy

from mxnet import init, np
from mxnet.gluon import HybridBlock, nn

POSITIONS = {  # features, places -> positions
    "sinusoidal": lambda size, longest: SinusoidalPositions(size, longest=longest),
    "learned": lambda size, longest: LearnedPositions(size, longest=longest),
    "none": lambda size, longest: Positions(),
}


class Stack(HybridBlock):
    """Layers on top of each other, above words at their places."""

    def __init__(self, embedding, positions, layers, size, dropout, pre_norm, scale=None):
        super().__init__()
        self.embedding, self.positions, self.dropout = embedding, positions, dropout
        self.scale, self.layers = scale or size**0.5, nn.HybridSequential()
        self.layers.add(*layers)
        self.norm = LayerNorm(size) if pre_norm else None

    def words(self, numbers, place=None):
        """sqrt(d) E x_i + p_i: numbers (B, n) -> (B, n, d)."""
        x = self.positions(self.embedding(numbers) * self.scale, place)
        return op.dropout(x, self.dropout)

    def last(self, x):
        """What leaves the last layer, normalised if nothing behind it has done so."""
        return self.norm(x) if self.norm else x


class Encoder(Stack):
    """Words (B, n), mask (B, 1, n) -> states (B, n, d), and each layer's weights (B, H, n, n).

    Words of a sentence that is padded at its beginning are counted from its first word.
    """

    def hybrid_forward(self, F, numbers, mask):
        place = op.places(op.squeeze(mask, 1))  # (B, n)
        x, weights = self.words(numbers, place), []  # (B, n, d)
        for layer in self.layers:
            x, alpha = layer(x, mask)
            weights.append(alpha)
        return [self.last(x), *weights]


class Decoder(Stack):
    """Words (B, T), states of the source (B, n, d), mask (B, 1, n) -> states (B, T, d), then of
    each layer the weights of the words so far (B, H, T, T), and then of the source (B, H, T, n).
    """

    def hybrid_forward(self, F, numbers, source, mask):
        x, weights, crosses = self.words(numbers), [], []  # (B, T, d)
        causal = op.causal_mask(x)  # (1, T, T)
        for layer in self.layers:
            x, alpha, cross = layer(x, source, causal, mask)
            weights.append(alpha)
            crosses.append(cross)
        return [self.last(x), *weights, *crosses]


class Transformer(Block):
    """p(y_t | y_1 ... y_{t-1}, x) = softmax(W_s S_{t-1}).

    Parameters
    ----------
    num_source, num_target : int
        Words of both vocabularies; word 0 is padding.
    hidden_size, layers, num_heads, feedforward_size : int
        Features d of words and states; layers N of encoder and decoder; heads H; hidden units of
        the feed-forward networks.
    key_size : int, optional
        Features of a head's queries and keys; d / H by default.
    dropout : float
        Share of words and of each part's output that is dropped while training.
    smoothing : float
        Share of the target that `loss` gives to all words alike (label smoothing).
    positions : str
        "sinusoidal", "learned" or "none".
    longest : int
        Places that there are positions for: most words, if there are positions.
    pre_norm : bool
        Whether the norms stand before the parts of a layer, and not after their sums.
    tied : str
        What shares one matrix: "output" (target words and W_s), "all" (source words, too: both
        languages have one vocabulary) or "none".

    Call
    ----
    (source (B, n) integers, mask (B, 1, n), previous (B, T) integers: y_0 ... y_{T-1}) -> logits
    (B, T, V), then weights: of the encoder (B, N, H, n, n), of the decoder (B, N, H, T, T), of the
    source (B, N, H, T, n).

    >>> network = Transformer(9, 7, hidden_size=8, layers=2, num_heads=2, feedforward_size=16)
    >>> network.initialize()
    >>> source, previous = np.array([[0, 3, 8]], dtype="int32"), np.array([[1, 4]], dtype="int32")
    >>> [array.shape for array in network(source, np.array([[[0.0, 1.0, 1.0]]]), previous)]
    [(1, 2, 7), (1, 2, 2, 3, 3), (1, 2, 2, 2, 2), (1, 2, 2, 2, 3)]
    """

    takes = "ids B n, B 1 n, ids B T"

    def __init__(self, num_source: int, num_target: int, *, hidden_size: int = 512, layers: int = 6,
                 num_heads: int = 8, feedforward_size: int = 2048, key_size: int | None = None,
                 dropout: float = 0.1, smoothing: float = 0.1, positions: str = "sinusoidal",
                 longest: int = 1000, pre_norm: bool = False, tied: str = "output"):  # fmt: skip
        super().__init__()
        check_sizes(num_source=num_source, num_target=num_target, hidden_size=hidden_size)
        check_sizes(layers=layers, longest=longest)
        check_share(dropout=dropout, smoothing=smoothing)
        check_choice(tuple(POSITIONS), positions=positions)
        check_choice(("output", "all", "none"), tied=tied)
        if tied == "all" and num_source != num_target:
            raise ValueError('tied = "all" needs num_source = num_target, one vocabulary')
        self.num_source, self.num_target = num_source, num_target
        self.smoothing, self.num_layers = smoothing, layers
        sizes, d = (hidden_size, num_heads, feedforward_size), hidden_size
        options = {"key_size": key_size, "dropout": dropout, "pre_norm": pre_norm}
        words = {"weight_initializer": init.Normal(d**-0.5)}
        embedding = nn.Embedding(num_target, d, **words)
        source = embedding if tied == "all" else nn.Embedding(num_source, d, **words)

        def stack(kind, layer, table):
            places, several = POSITIONS[positions](d, longest), range(layers)
            parts = [layer(*sizes, **options) for _ in several]
            return kind(table, places, parts, d, dropout, pre_norm)

        self.encoder = stack(Encoder, EncoderLayer, source)
        self.decoder = stack(Decoder, DecoderLayer, embedding)
        shared = {} if tied == "none" else {"params": embedding.params}
        self.W_s = nn.Dense(num_target, flatten=False, in_units=d, use_bias=False, **shared)

    def check(self, source, mask, previous):
        super().check(source, mask, previous)
        self.encoder.positions.check_length(source=source.shape[1])
        self.decoder.positions.check_length(previous=previous.shape[1])

    def check_values(self, source, mask, previous):
        check_ids(source=(source, 0, self.num_source), previous=(previous, 0, self.num_target))

    def hybrid_forward(self, F, source, mask, previous):
        states, *read = self.encoder(source, mask)  # (B, n, d)
        s, *written = self.decoder(previous, states, mask)  # (B, T, d)
        own, cross = written[: self.num_layers], written[self.num_layers :]
        return [self.W_s(s), *(op.stack(each, axis=1) for each in (read, own, cross))]

    def loss(self, output, target):
        """Cross-entropy of smoothed labels in nats, summed over a sentence: target (B, T), 0 behind
        it -> (B,).
        """
        check_ids(target=(target, 0, self.num_target))
        return smoothed_cross_entropy(output[0], target, self.smoothing)

    # --------------------------------------------------------- one word at a time
    def begin(self, source, mask):
        """What `decoding.generate` starts with if it keeps nothing: -> state."""
        states, *_ = self.encoder(source, mask)
        return states, mask, np.zeros((len(source), 0), dtype="int32", ctx=source.ctx)

    def step(self, last, state):
        """The next word after the last one (B,), by reading all words again: logits (B, V), state,
        and the last layer's weights of the source, the mean of its heads, (B, n).
        """
        states, mask, words = state
        words = np.concatenate([words, op.expand(last, 1)], axis=1)  # (B, t)
        self.decoder.positions.check_length(words=words.shape[1])
        s, *weights = self.decoder(words, states, mask)
        weights = weights[-1][:, :, -1].mean(axis=1)
        return self.W_s(s[:, -1:])[:, 0], (states, mask, words), weights

    def begin_cached(self, source, mask, *, beam: int, longest: int):
        """The same with all keys and values kept: what `decoding.generate` starts with."""
        return CachedWriter(self, source, mask, beam, longest)


class CachedWriter:
    """A decoder that writes one word at a time, with `beam` hypotheses for each source: see
    `attention.cache`.
    """

    def __init__(self, model, source, mask, beam, longest):
        model.decoder.positions.check_length(longest=longest)
        states, *_ = model.encoder(source, mask)
        layers, slots = model.decoder.layers, beam * longest
        self.layers = [CachedDecoderLayer(layer, states, mask, slots) for layer in layers]
        self.stack = CachedStack(model.decoder, self.layers, len(source), beam)
        self.W_s = model.W_s

    def step(self, last, rows):
        """The next word: last words (R,), rows that they continue (R,) -> logits (R, V), weights
        (R, n).
        """
        s, weights = self.stack.write(last, rows)  # (B, k, d), (B, H, k, n)
        return self.W_s(s).reshape(len(rows), -1), weights.mean(axis=1).reshape(len(rows), -1)
