"""Neural Turing machines: attention whose weights, and whose values, have a state (Graves, Wayne
and Danihelka 2014).

A memory M of N rows is read and written with weights w, which a head makes of those it had before:

    w_c = softmax_i(beta cos(k, M_i))                 equation 5     where the content is like k,
    w_g = g w_c + (1 - g) w                           7              or where it was before,
    w_s = sum_j s(j) w_g(i - j)                       8              moved by -1, 0 or 1 rows,
    w   = w_s^gamma / sum_i w_s^gamma                 9              and sharpened

    M_i = M_i (1 - w_i e) + w_i a                     3 and 4        writing erases e, and adds a
    r   = sum_i w_i M_i                               2              reading is attention

A controller, an LSTM or a layer without a state, sees the input and what was read last, and says k,
beta, g, s, gamma, e and a. Both heads look at the memory as the step before has left it; then one
writes, and then the other reads.
"""

import numpy as onp

from d2l_attention.backend import operators as op
from d2l_attention.backend.block import LoopBlock, check_ids
from d2l_attention.backend.checks import check_choice, check_sizes

from mxnet import init, np
from mxnet.gluon import HybridBlock, loss, nn, rnn

TOGETHER = 4  # steps in one graph: that is faster than one by one
EMPTY = 1e-6  # what stands in the memory at first
STRONG = 6.0  # beta at first: below log N, a row that fits perfectly is lost among N others
WRITES, READS = 0, 1  # the heads


def strong(width: int) -> init.Constant:
    """Biases of what both heads are told, (2 (W + 6),): 0, but for beta."""
    told = onp.zeros((2, width + 6), "float32")
    told[:, width] = STRONG
    return init.Constant(told.ravel())


class Addressing(HybridBlock):
    """New weights of two heads: h (B, d), M (B, N, W), w (B, 2, N) -> w (B, 2, N)."""

    def __init__(self, width: int, hidden_size: int):
        super().__init__()
        self.sizes = (width, 1, 1, 3, 1)  # of k, beta, g, s and gamma
        start = {"bias_initializer": strong(width)}
        self.says = nn.Dense(2 * sum(self.sizes), in_units=hidden_size, **start)

    def hybrid_forward(self, F, h, M, w):
        said = op.split_first(self.says(h), 2)  # (B, 2, W + 6)
        k, beta, g, s, gamma = op.pieces(said, self.sizes, axis=2)
        w_c = op.softmax(op.softplus(beta) * op.cosine(op.tanh(k), M))
        g = op.sigmoid(g)
        w_g = g * w_c + (1 - g) * w
        w_s = op.circular_convolution(w_g, op.softmax(s))
        return op.softmax((1 + op.softplus(gamma)) * op.log(w_s))  # w_s^gamma, divided by its sum


class Memory(HybridBlock):
    """Write, then read: h (B, d), M (B, N, W), w (B, 2, N) -> what was read r (B, W), M and w."""

    def __init__(self, width: int, hidden_size: int):
        super().__init__()
        self.addressing = Addressing(width, hidden_size)
        self.erase = nn.Dense(width, activation="sigmoid", in_units=hidden_size)
        self.add = nn.Dense(width, activation="tanh", in_units=hidden_size)

    def hybrid_forward(self, F, h, M, w):
        w = self.addressing(h, M, w)
        writing, reading = op.pieces(w, (1, 1), axis=1)  # (B, 1, N)
        column = op.transpose(writing, (0, 2, 1))
        e, a = op.expand(self.erase(h), 1), op.expand(self.add(h), 1)  # (B, 1, W)
        M = M * (1 - op.batch_dot(column, e)) + op.batch_dot(column, a)
        return op.squeeze(op.batch_dot(reading, M), 1), M, w


class FeedForward(HybridBlock):
    """h = tanh(W x), a controller without a state: x (B, i) -> h (B, d), ()."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.W = nn.Dense(hidden_size, activation="tanh", in_units=input_size)

    def hybrid_forward(self, F, x):
        return self.W(x), ()


class LSTM(HybridBlock):
    """One step of an LSTM: x (B, i), and its state before, h and c (B, d) -> h, (h, c)."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.sizes = (hidden_size,) * 4
        self.W = nn.Dense(4 * hidden_size, in_units=input_size + hidden_size)

    def hybrid_forward(self, F, x, h, c):
        i, f, g, o = op.pieces(self.W(op.concatenate([x, h], 1)), self.sizes, axis=1)
        c = op.sigmoid(f) * c + op.sigmoid(i) * op.tanh(g)
        h = op.sigmoid(o) * op.tanh(c)
        return h, (h, c)


class Step(HybridBlock):
    """x (B, i), r (B, W), M (B, N, W), w (B, 2, N), the state -> h, and all but x anew."""

    def __init__(self, input_size: int, width: int, hidden_size: int, controller: type):
        super().__init__()
        self.controller = controller(input_size + width, hidden_size)
        self.memory = Memory(width, hidden_size)

    def hybrid_forward(self, F, x, r, M, w, *state):
        h, state = self.controller(op.concatenate([x, r], 1), *state)
        r, M, w = self.memory(h, M, w)
        return h, r, M, w, *state


class Steps(HybridBlock):
    """Some steps in one graph: x (B, t, i) and the state -> [h, r] (B, t, d + W), w (B, t, 2, N),
    and the state after them.
    """

    def __init__(self, step: Step, number: int):
        super().__init__()
        self.step, self.number = step, number

    def hybrid_forward(self, F, x, *state):
        found, weights = [], []
        for now in op.pieces(x, (1,) * self.number, axis=1):
            h, *state = self.step(op.squeeze(now, 1), *state)
            found.append(op.expand(op.concatenate([h, state[0]], 1), 1))
            weights.append(op.expand(state[2], 1))
        return op.concatenate(found, 1), op.concatenate(weights, 1), *state


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
    (inputs (B, T, input_size)) -> (logits (B, T, output_size), weights of reading and of writing
    (B, T, N)). At the start the memory is nearly empty, 1e-6 everywhere; both heads are on row 0.

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
        check_choice(tuple(CONTROLLERS), controller=controller)
        self.sizes = {"i": input_size}
        self.rows, self.width, self.hidden_size = rows, width, hidden_size
        self.step = Step(input_size, width, hidden_size, CONTROLLERS[controller])
        self.steps = Steps(self.step, TOGETHER)
        self.W_o = nn.Dense(output_size, in_units=hidden_size + width, flatten=False)

    def start(self, inputs) -> list:
        """r, M, w and the controller's state before the first step."""
        kind = {"dtype": inputs.dtype, "ctx": inputs.ctx}
        count, N, W = len(inputs), self.rows, self.width
        w = np.zeros((count, 2, N), **kind)
        w[:, :, 0] = 1
        state = [np.zeros((count, W), **kind), np.full((count, N, W), EMPTY, **kind), w]
        if isinstance(self.step.controller, LSTM):
            state += [np.zeros((count, self.hidden_size), **kind)] * 2
        return state

    def hybrid_forward(self, F, inputs):
        state, found, weights = self.start(inputs), [], []
        (B, T, i), missing = inputs.shape, -inputs.shape[1] % TOGETHER
        padding = np.zeros((B, missing, i), dtype=inputs.dtype, ctx=inputs.ctx)
        padded = np.concatenate([inputs, padding], axis=1)  # what stands behind T changes nothing
        for t in range(0, T, TOGETHER):
            some, w, *state = self.steps(padded[:, t : t + TOGETHER], *state)
            found.append(some)
            weights.append(w)
        logits = self.W_o(np.concatenate(found, axis=1)[:, :T])
        w = np.concatenate(weights, axis=1)[:, :T]  # (B, T, 2, N)
        return logits, w[:, :, READS], w[:, :, WRITES]

    def states(self, inputs):
        """Yield h, r, M and w after each step, without learning from them."""
        state = self.start(inputs)
        for t in range(inputs.shape[1]):
            h, *state = self.step(inputs[:, t], *state)
            yield h, *state[:3]

    def loss(self, output, target):
        """Cross-entropy of bits in nats, summed over a sequence: target (B, T, o) of 0, 1, and -1
        where nothing is asked -> (B,).
        """
        return bits_loss(output[0], target)


class LSTMNetwork(LoopBlock):
    """y_t = W_o h_t: an LSTM of some layers, which has only its state to keep what it was told.

    Call
    ----
    (inputs (B, T, input_size)) -> logits (B, T, output_size).
    """

    takes = "B T i"

    def __init__(
        self, *, input_size: int, output_size: int, hidden_size: int = 256, layers: int = 3
    ):
        super().__init__()
        check_sizes(input_size=input_size, output_size=output_size)
        check_sizes(hidden_size=hidden_size, layers=layers)
        self.sizes = {"i": input_size}
        self.lstm = rnn.LSTM(hidden_size, layers, layout="NTC", input_size=input_size)
        self.W_o = nn.Dense(output_size, in_units=hidden_size, flatten=False)

    def hybrid_forward(self, F, inputs):
        return self.W_o(self.lstm(inputs))

    def loss(self, output, target):
        """As that of `NeuralTuringMachine`."""
        return bits_loss(output, target)


CONTROLLERS = {"LSTM": LSTM, "feed-forward": FeedForward}


def bits_loss(logits, target):
    """Cross-entropy of bits in nats, summed over a sequence: logits and target (B, T, o) -> (B,).

    The target is 0 or 1, and -1 where nothing is asked.
    """
    check_ids(target=(target, -1, 2))
    asked = (target >= 0).astype(logits.dtype)
    mean = loss.SigmoidBinaryCrossEntropyLoss()(logits, np.maximum(target, 0), asked)
    return mean * (target.shape[1] * target.shape[2])
