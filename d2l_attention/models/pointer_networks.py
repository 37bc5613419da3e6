"""Pointer networks: the attention weights are the output (Vinyals, Fortunato and Jaitly 2015).

    e_j = LSTM(P_j, e_{j-1})                          the encoder reads the points P_1 ... P_n
    d_i = LSTM(P_{C_{i-1}}, d_{i-1}),  d_0 = e_n      the decoder reads the point that was chosen last
    u_ij = v . tanh(W_1 e_j + W_2 d_i)                equation 3: how well point j fits
    p(C_i = j | C_1 ... C_{i-1}, P) = softmax(u_i)_j

It is `seq2seq` without an output layer: what is chosen is one of the inputs, so there are as many
classes as points, and n may be larger than in training. Point 0 is none: it stands for the end, with
a learned e_0, and for the start, with a learned P_0.

The paper's two baselines differ in the last two lines alone, and so here: `Positions` in place of
`Pointer` is its "LSTM", `AttendedPositions` its "+ attention". Whatever reads the points may be
another encoder: `TransformerEncoder` does not know their order.
"""

from d2l_attention.attention import AdditiveScore, Attention, MultiHeadAttention, masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, LoopBlock, check_ids
from d2l_attention.backend.checks import check_sizes

from mxnet import init, np
from mxnet.gluon import HybridBlock, loss, nn, rnn


# ---------------------------------------------------------------------------------- the output
class WithFirst(HybridBlock):
    """Put a learned vector before the others: (B, n, d) -> (B, 1 + n, d)."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.first = self.params.get("first", shape=(1, 1, hidden_size), init=init.Normal(0.1))

    def hybrid_forward(self, F, x, first):
        return op.concatenate([op.repeat_first(first, x), x], axis=1)


class Pointer(Block):
    """softmax u_i, u_ij = v . tanh(W_1 e_j + W_2 d_i) for the end, j = 0, and all points.

    Call
    ----
    states d (B, T, d) of the decoder, e (B, n, d) of the encoder -> (u, p), both (B, T, 1 + n).
    """

    takes = "B T d, B n d"

    def __init__(self, hidden_size: int):
        super().__init__()
        self.e_0, self.score = WithFirst(hidden_size), AdditiveScore(hidden_size)

    def hybrid_forward(self, F, d, e):
        u = self.score(d, self.e_0(e))  # (B, T, 1 + n)
        return u, masked_softmax(u)


class Positions(LoopBlock):  # MXNet warns of e, which is not used, if the whole is compiled
    """softmax(W d_i): a class for each of n positions, so n is fixed. Its weights are these, too.

    The paper's baseline "LSTM", which knows of the points what is in the encoder's last state.

    Call
    ----
    As for `Pointer`.
    """

    takes = "B T d, B n d"

    def __init__(self, num_points: int):
        super().__init__()
        check_sizes(num_points=num_points)
        self.W, self.sizes = nn.Dense(1 + num_points, flatten=False), {"n": num_points}

    def hybrid_forward(self, F, d, e):
        logits = self.W(d)  # (B, T, 1 + n)
        return logits, masked_softmax(logits)


class AttendedPositions(Positions):
    """softmax(W [c_i, d_i]), c_i = sum_j alpha_ij e_j, alpha_i = softmax(u_i), u as in `Pointer`.

    The paper's baseline "+ attention": its weights, (B, T, n), mix states, and choose nothing.
    """

    def __init__(self, num_points: int, hidden_size: int):
        super().__init__(num_points)
        self.attention = Attention(AdditiveScore(hidden_size))

    def hybrid_forward(self, F, d, e):
        context, weights = self.attention(d, e, e)  # (B, T, d), (B, T, n)
        return self.W(op.concatenate([context, d], axis=2)), weights


# -------------------------------------------------------------------------------- the encoders
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


class EncoderLayer(HybridBlock):
    """x + self-attention of LN(x), then x + W_2 relu(W_1 LN(x)): each point looks at all others.

    Vaswani et al. (2017, section 3.1), normalised before each part and not after it.
    """

    def __init__(self, hidden_size: int, num_heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(hidden_size, num_heads)
        self.norm_1, self.norm_2 = (nn.LayerNorm(in_channels=hidden_size) for _ in range(2))
        self.W_1 = nn.Dense(2 * hidden_size, flatten=False, in_units=hidden_size)
        self.W_2 = nn.Dense(hidden_size, flatten=False, in_units=2 * hidden_size)

    def hybrid_forward(self, F, x):
        normal = self.norm_1(x)
        x = x + self.attention(normal, normal, normal)[0]  # (B, n, d)
        return x + self.W_2(op.relu(self.W_1(self.norm_2(x))))


class TransformerEncoder(HybridBlock):
    """What `LSTMEncoder` takes and returns, by self-attention: the order of the points is not seen.

    d_0 and the decoder's first memory are W mean_j e_j, two matrices W.

    Parameters
    ----------
    hidden_size, layers, num_heads : int
        Features d, which the heads divide; layers on top of each other.
    """

    def __init__(self, hidden_size: int, *, layers: int = 2, num_heads: int = 4):
        super().__init__()
        check_sizes(hidden_size=hidden_size, layers=layers, num_heads=num_heads)
        self.layers = nn.HybridSequential()
        for _ in range(layers):
            self.layers.add(EncoderLayer(hidden_size, num_heads))
        self.norm = nn.LayerNorm(in_channels=hidden_size)
        self.W_d, self.W_c = (nn.Dense(hidden_size, in_units=hidden_size) for _ in range(2))

    def hybrid_forward(self, F, x):
        e = self.norm(self.layers(x))  # (B, n, d)
        mean = op.mean_over(e, 1)  # (B, d)
        return e, op.expand(op.tanh(self.W_d(mean)), 0), op.expand(self.W_c(mean), 0)


# --------------------------------------------------------------------------------- the network
class PointerNetwork(LoopBlock):
    """p(C_i = j | C_1 ... C_{i-1}, P) = softmax_j(v . tanh(W_1 e_j + W_2 d_i)).

    Parameters
    ----------
    hidden_size : int
        Features d of points, states and the score's hidden layer.
    encoder : HybridBlock, optional
        What `LSTMEncoder` takes and returns, which is the default.
    output : Block, optional
        What `Pointer` takes and returns, which is the default.

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

    def __init__(
        self,
        *,
        hidden_size: int = 128,
        encoder: HybridBlock | None = None,
        output: Block | None = None,
    ):
        super().__init__()
        check_sizes(hidden_size=hidden_size)
        self.W_P = nn.Dense(hidden_size, flatten=False, in_units=2)
        self.encoder = encoder or LSTMEncoder(hidden_size)
        self.P_0 = WithFirst(hidden_size)
        self.decoder = rnn.LSTM(hidden_size, input_size=hidden_size)
        self.output = output or Pointer(hidden_size)
        self.sizes = {"x": 2, **self.output.sizes}

    def check_values(self, points, previous):
        check_ids(previous=(previous, 0, points.shape[1] + 1))

    def hybrid_forward(self, F, points, previous):
        P, e, *state = self._read(points)
        d, _ = self._decode(P, previous, state)  # (B, T, d)
        return self.output(d, e)

    def _read(self, points):
        """P_0 ... P_n (B, 1 + n, d), e_1 ... e_n (B, n, d), and d_0 with its memory (1, B, d)."""
        P = self.W_P(points)  # (B, n, d)
        return self.P_0(P), *self.encoder(P)

    def _decode(self, P, previous, state):
        """d_i for each step, (B, T, d), and the decoder's new state."""
        count, size, features = P.shape
        table = P.reshape(-1, features)  # each example has its own rows of it
        first = np.arange(count, dtype="int32", ctx=P.ctx).reshape(-1, 1) * size
        chosen = op.take(table, previous.astype("int32") + first)  # (B, T, d)
        d, state = self.decoder(op.transpose(chosen, (1, 0, 2)), state)
        return op.transpose(d, (1, 0, 2)), state

    # ------------------------------------------------------------------ one point at a time
    def begin(self, points):
        """What `decoding.generate` starts with: points (B, n, 2) -> state."""
        self.check(points, np.zeros((len(points), 1), dtype="int32"))
        P, e, *state = self._read(points)
        return P, e, *(op.transpose(array, (1, 0, 2)) for array in state)

    def step(self, last, state):
        """The next point after the last one (B,): u (B, 1 + n), state, weights (B, 1 + n)."""
        P, e, *state = state
        before = [op.transpose(array, (1, 0, 2)) for array in state]
        d, after = self._decode(P, op.expand(last, 1), before)
        u, weights = self.output(d, e)
        return u[:, 0], (P, e, *(op.transpose(array, (1, 0, 2)) for array in after)), weights[:, 0]

    def loss(self, output, target):
        """Cross-entropy in nats, a sum over steps: target (B, T), -1 behind its end -> (B,)."""
        u, _ = output
        check_ids(target=(target, -1, u.shape[2]))
        counts = op.expand((target >= 0).astype(u.dtype), 2)  # (B, T, 1)
        return loss.SoftmaxCrossEntropyLoss()(u, np.maximum(target, 0), counts) * target.shape[1]
