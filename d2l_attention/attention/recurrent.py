"""Recurrent layers that read sequences of different lengths in one batch."""

from d2l_attention.backend import operators as op

from mxnet.gluon import HybridBlock, rnn


class MaskedLSTM(HybridBlock):
    """An LSTM that padding at the beginning of a sequence leaves at its first state, which is zero.

    It has no biases but the weights of one more input, the mask. So where inputs and mask are zero,
    all that enters its gates is zero, and so are its memory and its state after it.

    Call
    ----
    x (T, B, d), mask (T, B, 1) -> states (T, B, d), and the last state and memory, (1, B, d) each.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.lstm = rnn.LSTM(hidden_size, input_size=hidden_size + 1)
        for bias in self.lstm.collect_params(".*bias").values():
            bias.grad_req = "null"  # they stay zero

    def hybrid_forward(self, F, x, mask):
        start = op.zeros_at(x, 0)  # (1, B, d)
        states, (state, memory) = self.lstm(op.concatenate([x, mask], axis=2), [start, start])
        return states, state, memory


class MaskedGRU(HybridBlock):
    """A GRU in the manner of `MaskedLSTM`.

    Call
    ----
    x (T, B, d), mask (T, B, 1) -> states (T, B, d), and the last state, (1, B, d).
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.gru = rnn.GRU(hidden_size, input_size=hidden_size + 1)
        for bias in self.gru.collect_params(".*bias").values():
            bias.grad_req = "null"  # they stay zero

    def hybrid_forward(self, F, x, mask):
        start = op.zeros_at(x, 0)  # (1, B, d)
        states, (state,) = self.gru(op.concatenate([x, mask], axis=2), [start])
        return states, state
