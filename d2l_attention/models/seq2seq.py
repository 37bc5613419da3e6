"""Sequence to sequence: one recurrent network reads a sentence, another one writes its translation.

    h_i = LSTM(x_i, h_{i-1})                                        the encoder reads x_1 ... x_n
    s_t = LSTM(y_{t-1}, s_{t-1}),  s_0 = h_n                        the decoder writes
    p(y_t | y_1 ... y_{t-1}, x) = softmax(W_s s_t)                  Sutskever, Vinyals and Le 2014

All that is known of the source is its last state. With attention (Bahdanau, Cho and Bengio 2015; here
in the order of Luong, Pham and Manning 2015) the decoder looks at all states again at each step:

    c_t = sum_i alpha(s_t, h_i) h_i                                 query s_t; keys and values h_i
    p(y_t | ...) = softmax(W_s tanh(W_c [c_t, s_t]))                equations 5 and 6

The kinds of attention differ in the score, or in what of the source they see. A source is padded at
its beginning, so that its last word is the last of all.
"""

from d2l_attention.attention import MaskedLSTM
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import LoopBlock, check_ids
from d2l_attention.backend.checks import check_share, check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock, loss, nn, rnn


class Encoder(HybridBlock):
    """h_1 ... h_n: words (B, n), mask (B, 1, n) -> states (B, n, d), then for each layer its last
    state and memory, (1, B, d). Bidirectional, the first layer also reads from the end, and both
    readings are joined: W [forward, backward].
    """

    def __init__(
        self, num_words: int, hidden_size: int, layers: int, bidirectional: bool, dropout: float
    ):
        super().__init__()
        self.embedding, self.dropout = nn.Embedding(num_words, hidden_size), dropout
        self.layers = nn.HybridSequential()
        for _ in range(layers):
            self.layers.add(MaskedLSTM(hidden_size))
        self.backward = MaskedLSTM(hidden_size) if bidirectional else None
        self.W = nn.Dense(hidden_size, flatten=False) if bidirectional else None

    def hybrid_forward(self, F, words, mask):
        mask = op.transpose(mask, (2, 0, 1))  # (n, B, 1)
        x = op.transpose(self.embedding(words), (1, 0, 2))  # (n, B, d)
        last = []
        for number, layer in enumerate(self.layers):
            x = op.dropout(x, self.dropout) * mask
            states, *final = layer(x, mask)
            last += final
            if number == 0 and self.backward:
                back = self.backward(x[::-1], mask[::-1])[0][::-1]
                states = op.tanh(self.W(op.concatenate([states, back], axis=2)))
            x = states
        return [op.transpose(x, (1, 0, 2)), *last]


class Decoder(HybridBlock):
    """s_1 ... s_T: inputs (B, T, e), then each layer's state and memory (1, B, d) -> states
    (B, T, d) and the layers' new states and memories.
    """

    def __init__(self, input_size: int, hidden_size: int, layers: int, dropout: float):
        super().__init__()
        self.dropout, self.layers = dropout, nn.HybridSequential()
        for number in range(layers):
            size = hidden_size if number else input_size
            self.layers.add(rnn.LSTM(hidden_size, input_size=size))

    def hybrid_forward(self, F, x, *before):
        x, after = op.transpose(x, (1, 0, 2)), []  # (T, B, e)
        for number, layer in enumerate(self.layers):
            x = op.dropout(x, self.dropout)
            x, state = layer(x, list(before[2 * number : 2 * number + 2]))
            after += state
        return [op.transpose(x, (1, 0, 2)), *after]


class AttentionDecoder(Decoder):
    """tanh(W_c [c_t, s_t]): inputs (B, T, e), keys (B, n, d), mask (B, 1|T, n), then states as for
    `Decoder` -> (B, T, d), weights (B, T, n), and the new states.
    """

    def __init__(self, input_size, hidden_size, layers, dropout, attention):
        super().__init__(input_size, hidden_size, layers, dropout)
        self.attention = attention
        self.W_c = nn.Dense(hidden_size, flatten=False, use_bias=False)
        self.W_h = nn.Dense(hidden_size, flatten=False, use_bias=False)

    def hybrid_forward(self, F, x, key, mask, *before):
        s, *after = super().hybrid_forward(F, x, *before)  # (B, T, d)
        context, weights = self.attention(s, key, key, mask)
        return [op.tanh(self.W_c(context) + self.W_h(s)), weights, *after]


class Seq2Seq(LoopBlock):
    """p(y_t | y_1 ... y_{t-1}, x) = softmax(W_s s_t), or softmax(W_s tanh(W_c [c_t, s_t])).

    Parameters
    ----------
    num_source, num_target : int
        Words of both vocabularies; word 0 is padding.
    hidden_size, layers : int
        Features d of words and states; LSTMs on top of each other, of encoder and decoder.
    attention : Attention or LocalAttention, optional
        Where the decoder looks at each step; without it, nowhere.
    window : int, optional
        At step t only the words t - window to t + window are seen ("local-m").
    input_feeding : bool
        Whether tanh(W_c [c_{t-1}, s_{t-1}]) enters the decoder at step t, beside the word, so that
        it knows what it has looked at.
    bidirectional : bool
        Whether the encoder's first layer reads in both directions.
    dropout : float
        Share of each layer's inputs, and of W_s's, that is dropped while training.

    Call
    ----
    (source (B, n) integers, mask (B, 1, n), previous (B, T) integers: y_0 ... y_{T-1}) ->
    (logits (B, T, V), weights (B, T, n), or None without attention).

    >>> network = Seq2Seq(9, 7, hidden_size=8, attention=Attention(DotProductScore()))
    >>> network.initialize()
    >>> source, previous = np.array([[0, 3, 8]], dtype="int32"), np.array([[1, 4]], dtype="int32")
    >>> [array.shape for array in network(source, np.array([[[0.0, 1.0, 1.0]]]), previous)]
    [(1, 2, 7), (1, 2, 3)]
    """

    takes = "ids B n, B 1 n, ids B T"

    def __init__(self, num_source: int, num_target: int, *, hidden_size: int = 128, layers: int = 1,
                 attention: HybridBlock | None = None, window: int | None = None,
                 input_feeding: bool = False, bidirectional: bool = False,
                 dropout: float = 0.0):  # fmt: skip
        super().__init__()
        check_sizes(num_source=num_source, num_target=num_target, hidden_size=hidden_size)
        check_sizes(layers=layers, **({} if window is None else {"window": window}))
        check_share(dropout=dropout)
        if attention is None and (window or input_feeding):
            raise ValueError("window and input_feeding need an attention")
        self.num_source, self.num_target = num_source, num_target
        self.window, self.input_feeding, self.dropout = window, input_feeding, dropout
        self.attends = attention is not None
        self.encoder = Encoder(num_source, hidden_size, layers, bidirectional, dropout)
        self.embedding = nn.Embedding(num_target, hidden_size)
        sizes = hidden_size * (1 + input_feeding), hidden_size, layers, dropout
        self.decoder = AttentionDecoder(*sizes, attention) if attention else Decoder(*sizes)
        self.W_s = nn.Dense(num_target, flatten=False, in_units=hidden_size)

    def check(self, source, mask, previous):
        super().check(source, mask, previous)
        score = self.decoder.attention.score if self.attends else None
        if (longest := getattr(score, "longest", source.shape[1])) < source.shape[1]:
            found = source.shape[1]
            raise ValueError(f"source must have at most {longest} words, got {found}")

    def check_values(self, source, mask, previous):
        check_ids(source=(source, 0, self.num_source), previous=(previous, 0, self.num_target))

    def hybrid_forward(self, F, source, mask, previous):
        key, *state = self.encoder(source, mask)  # (B, n, d)
        count, s, weights = previous.shape[1], None, []
        outputs = []
        for t in range(0, count, 1 if self.input_feeding else count):  # one word, or all at once
            words = previous[:, t : t + 1] if self.input_feeding else previous
            s, alpha, state = self._advance(words, t, key, mask, s, state)
            outputs.append(s)
            weights.append(alpha)
        logits = self.W_s(op.dropout(op.concatenate(outputs, axis=1), self.dropout))  # (B, T, V)
        return (logits, op.concatenate(weights, axis=1)) if self.attends else logits

    def _advance(self, words, t, key, mask, fed, state):
        """The decoder's outputs for some words, the first of which is y_t."""
        x = self.embedding(words)  # (B, T, d)
        if self.input_feeding:
            x = op.concatenate([x, np.zeros_like(x) if fed is None else fed], axis=2)
        if not self.attends:
            s, *state = self.decoder(x, *state)
            return s, None, state
        s, weights, *state = self.decoder(x, key, self._visible(mask, t, words.shape[1]), *state)
        return s, weights, state

    def _visible(self, mask, t, count):
        """The mask of what is seen at steps t ... t + count - 1, (B, 1|T, n)."""
        if self.window is None:
            return mask
        place = np.cumsum(mask, axis=2) - 1  # of each word in its sentence
        step = np.arange(t, t + count, ctx=mask.ctx).reshape(1, -1, 1)
        return mask * (np.abs(place - step) <= self.window)

    # --------------------------------------------------------- one word at a time
    def begin(self, source, mask):
        """What `decoding.generate` starts with: source (B, n), mask (B, 1, n) -> state."""
        key, *state = self.encoder(source, mask)
        first = np.zeros_like(key[:, :1])  # (B, 1, d)
        return (key, mask, np.zeros_like(mask[:, :, 0]), first, *map(_batch_first, state))

    def step(self, last, state):
        """The next word after the last one (B,): logits (B, V), state, weights (B, n) or None."""
        key, mask, t, fed, *state = state
        state = [_batch_first(array) for array in state]
        words = op.expand(last, 1)
        s, weights, state = self._advance(words, int(t[0, 0]), key, mask, fed, state)
        state = (key, mask, t + 1, s, *map(_batch_first, state))
        return self.W_s(s)[:, 0], state, weights[:, 0] if self.attends else None

    def loss(self, output, target):
        """Cross-entropy in nats, summed over a sentence: target (B, T), 0 behind it -> (B,)."""
        logits = output[0] if self.attends else output
        check_ids(target=(target, 0, self.num_target))
        words = op.expand((target > 0).astype(logits.dtype), 2)  # (B, T, 1)
        return loss.SoftmaxCrossEntropyLoss()(logits, target, words) * target.shape[1]


def _batch_first(state):
    """(1, B, d) <-> (B, 1, d): recurrent layers have the batch second, decoding has it first."""
    return op.transpose(state, (1, 0, 2))
