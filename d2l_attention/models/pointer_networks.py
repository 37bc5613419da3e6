"""Pointer networks: the attention weights are the output (Vinyals, Fortunato and Jaitly 2015).

    e_j = LSTM(P_j, e_{j-1})                          the encoder reads the points P_1 ... P_n
    d_i = LSTM(P_{C_{i-1}}, d_{i-1}),  d_0 = e_n      the decoder reads the point that was chosen last
    u_ij = v . tanh(W_1 e_j + W_2 d_i)                equation 3: how well point j fits
    p(C_i = j | C_1 ... C_{i-1}, P) = softmax(u_i)_j

It is `seq2seq` without an output layer: what is chosen is one of the inputs, so there are as many
classes as points, and n may be larger than in training. Point 0 is none: it stands for the end, with
a learned e_0, and for the start, with a learned P_0.
"""

from d2l_attention.attention import AdditiveScore, masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import LoopBlock, check_ids
from d2l_attention.backend.checks import check_sizes

from mxnet import init, np
from mxnet.gluon import HybridBlock, loss, nn, rnn


class LSTMEncoder(HybridBlock):
    """Points as vectors (B, n, d) -> states e_1 ... e_n (B, n, d), last state, memory (1, B, d)."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.lstm = rnn.LSTM(hidden_size, input_size=hidden_size)

    def hybrid_forward(self, F, x):
        x = op.transpose(x, (1, 0, 2))  # (n, B, d)
        start = op.zeros_at(x, 0)
        states, (state, memory) = self.lstm(x, [start, start])
        return op.transpose(states, (1, 0, 2)), state, memory


class WithFirst(HybridBlock):
    """Put a learned vector before the others: (B, n, d) -> (B, 1 + n, d)."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.first = self.params.get("first", shape=(1, 1, hidden_size), init=init.Normal(0.1))

    def hybrid_forward(self, F, x, first):
        return op.concatenate([op.repeat_first(first, x), x], axis=1)


class PointerNetwork(LoopBlock):
    """p(C_i = j | C_1 ... C_{i-1}, P) = softmax_j(v . tanh(W_1 e_j + W_2 d_i)).

    Parameters
    ----------
    hidden_size : int
        Features d of points, states and the score's hidden layer.
    encoder : HybridBlock, optional
        What `LSTMEncoder` takes and returns, which is the default.

    Call
    ----
    (points (B, n, 2), previous (B, T) integers from 0 to n: C_0 = 0, C_1 ... C_{T-1}) ->
    (u (B, T, 1 + n), p (B, T, 1 + n)).

    >>> network = PointerNetwork(hidden_size=8)
    >>> network.initialize()
    >>> points, previous = np.random.uniform(size=(3, 5, 2)), np.zeros((3, 1), dtype="int32")
    >>> [array.shape for array in network(points, previous)]
    [(3, 1, 6), (3, 1, 6)]
    """

    takes = "B n x, ids B T"

    def __init__(self, *, hidden_size: int = 128, encoder: HybridBlock | None = None):
        super().__init__()
        check_sizes(hidden_size=hidden_size)
        self.sizes = {"x": 2}
        self.W_P = nn.Dense(hidden_size, flatten=False, in_units=2)
        self.encoder = encoder or LSTMEncoder(hidden_size)
        self.P_0, self.e_0 = WithFirst(hidden_size), WithFirst(hidden_size)
        self.decoder = rnn.LSTM(hidden_size, input_size=hidden_size)
        self.score = AdditiveScore(hidden_size)

    def check_values(self, points, previous):
        check_ids(previous=(previous, 0, points.shape[1] + 1))

    def hybrid_forward(self, F, points, previous):
        P, e, *state = self._read(points)
        u, _ = self._point(P, e, previous, state)
        return u, masked_softmax(u)

    def _read(self, points):
        """P_0 ... P_n and e_0 ... e_n, (B, 1 + n, d), and d_0."""
        P = self.W_P(points)  # (B, n, d)
        e, *state = self.encoder(P)
        return self.P_0(P), self.e_0(e), *state

    def _point(self, P, e, previous, state):
        """u for each step, (B, T, 1 + n), and the decoder's new state."""
        count, size, features = P.shape
        table = P.reshape(-1, features)  # each example has its own rows of it
        first = np.arange(count, dtype="int32", ctx=P.ctx).reshape(-1, 1) * size
        chosen = op.take(table, previous.astype("int32") + first)  # (B, T, d)
        d, state = self.decoder(op.transpose(chosen, (1, 0, 2)), state)
        return self.score(op.transpose(d, (1, 0, 2)), e), state

    # ------------------------------------------------------------------ one point at a time
    def begin(self, points):
        """What `decoding.generate` starts with: points (B, n, 2) -> state."""
        P, e, *state = self._read(points)
        return P, e, *(op.transpose(array, (1, 0, 2)) for array in state)

    def step(self, last, state):
        """The next point after the last one (B,): u (B, 1 + n), state, p (B, 1 + n)."""
        P, e, *state = state
        before = [op.transpose(array, (1, 0, 2)) for array in state]
        u, after = self._point(P, e, op.expand(last, 1), before)
        after = (op.transpose(array, (1, 0, 2)) for array in after)
        return u[:, 0], (P, e, *after), op.softmax(u)[:, 0]

    def loss(self, output, target):
        """Cross-entropy in nats, summed over a sequence: target (B, T), -1 behind its end -> (B,)."""
        u, _ = output
        check_ids(target=(target, -1, u.shape[2]))
        counts = op.expand((target >= 0).astype(u.dtype), 2)  # (B, T, 1)
        return loss.SoftmaxCrossEntropyLoss()(u, np.maximum(target, 0), counts) * target.shape[1]
