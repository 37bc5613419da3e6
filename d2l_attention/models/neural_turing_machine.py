"""Neural Turing machines: attention whose weights, and whose values, have a state (Graves, Wayne and
Danihelka 2014).

A memory M of N rows is read and written with weights w, which a head makes of those it had before:

    w_c = softmax_i(beta cos(k, M_i))                 equation 5     where the content is like k,
    w_g = g w_c + (1 - g) w                           7              or where it was before,
    w_s = sum_j w_g(j) s(i - j)                       8              moved by -1, 0 or 1 rows,
    w   = w_s^gamma / sum_i w_s^gamma                 9              and sharpened

    r   = sum_i w_i M_i                               2              reading is attention
    M_i = M_i (1 - w_i e) + w_i a                     3 and 4        writing erases e, and adds a

A controller, an LSTM or a layer without a state, sees the input and what was read last, and says k, beta,
g, s, gamma, e and a.
"""

from d2l_attention.backend import operators as op
from d2l_attention.backend.block import LoopBlock, check_ids
from d2l_attention.backend.checks import check_choice, check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock, loss, nn, rnn


class Head(HybridBlock):
    """New weights from what the controller says: h (B, d), M (B, N, W), w (B, N) -> w (B, N)."""

    def __init__(self, width: int, hidden_size: int):
        super().__init__()
        self.key = nn.Dense(width, activation="tanh", in_units=hidden_size)
        self.beta = nn.Dense(1, activation="softrelu", in_units=hidden_size)
        self.gate = nn.Dense(1, activation="sigmoid", in_units=hidden_size)
        self.shift = nn.Dense(3, in_units=hidden_size)
        self.gamma = nn.Dense(1, activation="softrelu", in_units=hidden_size)

    def hybrid_forward(self, F, h, M, w):
        k = op.expand(op.unit(self.key(h)), 1)  # (B, 1, W)
        cosine = op.squeeze(op.batch_dot(k, op.unit(M), transpose_b=True), 1)  # (B, N)
        w_c = op.softmax(self.beta(h) * cosine)
        g = self.gate(h)  # (B, 1)
        w_g = g * w_c + (1 - g) * w
        s = op.expand(op.softmax(self.shift(h)), 1)  # (B, 1, 3)
        w_s = op.squeeze(op.batch_dot(s, op.shifted(w_g)), 1)
        return op.softmax((1 + self.gamma(h)) * op.log(w_s))  # w_s^gamma, divided by its sum


class Memory(HybridBlock):
    """Write, then read: h (B, d), M (B, N, W), w_read and w_write (B, N) -> r (B, W), and all three."""

    def __init__(self, width: int, hidden_size: int):
        super().__init__()
        self.reads, self.writes = Head(width, hidden_size), Head(width, hidden_size)
        self.erase = nn.Dense(width, activation="sigmoid", in_units=hidden_size)
        self.add = nn.Dense(width, activation="tanh", in_units=hidden_size)

    def hybrid_forward(self, F, h, M, w_read, w_write):
        w_write = self.writes(h, M, w_write)
        column = op.expand(w_write, 2)  # (B, N, 1)
        e, a = op.expand(self.erase(h), 1), op.expand(self.add(h), 1)  # (B, 1, W)
        M = M * (1 - op.batch_dot(column, e)) + op.batch_dot(column, a)
        w_read = self.reads(h, M, w_read)
        r = op.squeeze(op.batch_dot(op.expand(w_read, 1), M), 1)
        return r, M, w_read, w_write


class Controller(HybridBlock):
    """x (B, i) and the last state (1, B, d) twice -> h (B, d), state: an LSTM, or tanh(W x)."""

    def __init__(self, input_size: int, hidden_size: int, kind: str):
        super().__init__()
        if kind == "LSTM":
            self.lstm, self.W = rnn.LSTM(hidden_size, input_size=input_size), None
        else:
            self.lstm, self.W = None, nn.Dense(hidden_size, in_units=input_size)

    def hybrid_forward(self, F, x, state, memory):
        if self.W:
            return op.tanh(self.W(x)), state, memory
        h, (state, memory) = self.lstm(op.expand(x, 0), [state, memory])
        return op.squeeze(h, 0), state, memory


class Step(HybridBlock):
    """One step: x (B, i) and the state -> logits (B, o) and the new state."""

    def __init__(self, input_size, output_size, width, hidden_size, controller):
        super().__init__()
        self.controller = Controller(input_size + width, hidden_size, controller)
        self.memory = Memory(width, hidden_size)
        self.W_o = nn.Dense(output_size, in_units=hidden_size + width)

    def hybrid_forward(self, F, x, r, M, w_read, w_write, state, memory):
        h, state, memory = self.controller(op.concatenate([x, r], 1), state, memory)
        r, M, w_read, w_write = self.memory(h, M, w_read, w_write)
        return self.W_o(op.concatenate([h, r], 1)), r, M, w_read, w_write, state, memory


class NeuralTuringMachine(LoopBlock):
    """y_t = W_o [h_t, r_t]: a controller with a memory of N rows, which it reads and writes.

    Parameters
    ----------
    input_size, output_size : int
        Numbers a step that go in, and that come out (as logits).
    rows, width : int
        N and W: the memory's rows, and numbers a row.
    hidden_size : int
        Features of the controller.
    controller : str
        "LSTM" or "feed-forward".

    Call
    ----
    (inputs (B, T, input_size)) -> (logits (B, T, output_size), reading and writing weights
    (B, T, N)). At the start the memory is nearly empty, 1e-6 everywhere, and both heads are on row 0.

    >>> machine = NeuralTuringMachine(input_size=5, output_size=4, rows=16, width=6)
    >>> machine.initialize()
    >>> [array.shape for array in machine(np.zeros((2, 3, 5)))]
    [(2, 3, 4), (2, 3, 16), (2, 3, 16)]
    """

    takes = "B T i"

    def __init__(self, *, input_size: int, output_size: int, rows: int = 128, width: int = 20,
                 hidden_size: int = 100, controller: str = "LSTM"):  # fmt: skip
        super().__init__()
        check_sizes(input_size=input_size, output_size=output_size, rows=rows, width=width)
        check_sizes(hidden_size=hidden_size)
        check_choice(("LSTM", "feed-forward"), controller=controller)
        self.sizes = {"i": input_size}
        self.rows, self.width, self.hidden_size = rows, width, hidden_size
        self.step = Step(input_size, output_size, width, hidden_size, controller)

    def start(self, inputs) -> tuple:
        """r, M, the weights of both heads, and the controller's state, before the first step."""
        count, dtype, ctx = len(inputs), inputs.dtype, inputs.ctx
        first = np.zeros((count, self.rows), dtype=dtype, ctx=ctx)
        first[:, 0] = 1
        M = np.full((count, self.rows, self.width), 1e-6, dtype=dtype, ctx=ctx)
        state = np.zeros((1, count, self.hidden_size), dtype=dtype, ctx=ctx)
        return np.zeros_like(M[:, 0]), M, first, first, state, state

    def hybrid_forward(self, F, inputs):
        state, steps = self.start(inputs), []
        for t in range(inputs.shape[1]):
            logits, *state = self.step(inputs[:, t], *state)
            steps.append((logits, state[2], state[3]))
        return tuple(np.stack(parts, axis=1) for parts in zip(*steps, strict=True))

    def loss(self, output, target):
        """Cross-entropy of bits in nats, summed over a sequence: target (B, T, o) of 0, 1, and -1
        where nothing is asked -> (B,).
        """
        logits = output[0]
        check_ids(target=(target, -1, 2))
        asked = (target >= 0).astype(logits.dtype)
        mean = loss.SigmoidBinaryCrossEntropyLoss()(logits, np.maximum(target, 0), asked)
        return mean * (target.shape[1] * target.shape[2])
