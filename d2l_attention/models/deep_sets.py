"""Deep Sets: what is learned of each element is summed, so the order of a set cannot count.

Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov and Smola (2017). A set is an array of rows and a
mask, which is 1 for an element and 0 for padding. Pooling weighs the elements: each counts once, or
each has an equal share; a maximum takes the largest of each feature. `SequenceReader` is what a set
is often given to instead. `datasets.digit_sets`, `surfaces` and `topics` make the arrays.
"""

from collections.abc import Callable, Sequence

from d2l_attention.attention.recurrent import MaskedGRU, MaskedLSTM
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_choice, check_positive, check_sizes

from mxnet.gluon import HybridBlock, loss, nn


# ----------------------------------------------------------------------------------- pooling
def sum_pool(values, mask):
    """sum_i alpha_i v_i, alpha_i = 1 for an element, 0 for padding; of the empty set: 0.

    All three take values (B, n, d) and mask (B, 1, n), and return (B, 1, d).

    >>> values, mask = np.array([[[3.0], [1.0], [70.0]]]), np.array([[[1.0, 1.0, 0.0]]])
    >>> sum_pool(values, mask).item(), mean_pool(values, mask).item(), max_pool(values, mask).item()
    (4.0, 2.0, 3.0)
    """
    return op.batch_dot(mask, values)


def mean_pool(values, mask):
    """sum_i alpha_i v_i, where the elements' alpha_i are equal and sum to one; of the empty set: 0."""
    alpha = mask / op.maximum(op.sum_keeping(mask), 1)  # (B, 1, n)
    return op.batch_dot(alpha, values)


def max_pool(values, mask):
    """The largest v_i of each feature; of the empty set: 0."""
    column = op.transpose(mask, (0, 2, 1))  # (B, n, 1)
    largest = op.max_keeping(values + (column - 1) * op.HUGE, 1)  # (B, 1, d)
    return largest * op.max_keeping(column, 1)


# ------------------------------------------------------------------------------------ layers
def mlp(*sizes: int, activation: str = "relu", last: str | None = None) -> HybridBlock:
    """Dense layers of these sizes, for one element as for many; `last` acts on the last layer.

    >>> network = mlp(30, 1, activation="tanh")
    >>> network.initialize()
    >>> network(np.ones((2, 7, 5))).shape
    (2, 7, 1)
    """
    if not sizes:
        raise ValueError("sizes must not be empty")
    layers = nn.HybridSequential()
    for size in sizes[:-1]:
        layers.add(nn.Dense(size, activation=activation, flatten=False))
    layers.add(nn.Dense(sizes[-1], activation=last, flatten=False))
    return layers


class EquivariantLayer(Block):
    """y_i = sigma(Lambda x_i + Gamma pool(X) + b): who is exchanged takes its answer along.

    Zaheer et al. (2017), lemma 3, with the sign of Gamma left to the training.

    Call
    ----
    x (B, n, d), mask (B, 1, n) -> (B, n, size). What stands in the padding means nothing.
    """

    takes = "B n _, B 1 n"

    def __init__(self, size: int, *, pool: Callable = mean_pool, activation: str = "relu"):
        super().__init__()
        check_sizes(size=size)
        self.pool, self.sigma = pool, nn.Activation(activation)
        self.Lambda = nn.Dense(size, flatten=False)
        self.Gamma = nn.Dense(size, flatten=False, use_bias=False)

    def hybrid_forward(self, F, x, mask):
        own = self.Lambda(x)  # (B, n, size)
        all_of_them = self.Gamma(self.pool(x, mask))  # (B, 1, size)
        return self.sigma(own + op.repeat_rows(all_of_them, own))


# ------------------------------------------------------------------------------------ models
class DeepSet(Block):
    """f(X) = rho(sum_i alpha_i phi(x_i)), alpha_i = 1 for an element and 0 for padding.

    Parameters
    ----------
    phi, rho : HybridBlock
        Of one element, (..., d) -> (..., h); and of the pooled values, (B, h) -> (B, k).
    pool : callable
        `sum_pool`, `mean_pool`, `max_pool` or another of (values, mask).

    Call
    ----
    x (B, n, d), mask (B, 1, n) -> (B, k). The empty set's sum is 0, so its answer is rho(0).

    >>> from d2l_attention.attention import length_mask
    >>> model = DeepSet(phi=nn.HybridSequential(), rho=nn.HybridSequential())  # of no layer: x
    >>> x = np.array([[[3.0], [1.0], [4.0]], [[2.0], [70.0], [70.0]]])
    >>> model(x, length_mask([3, 1], num_keys=3)).tolist()
    [[8.0], [2.0]]
    """

    takes = "B n _, B 1 n"

    def __init__(self, phi: HybridBlock, rho: HybridBlock, *, pool: Callable = sum_pool):
        super().__init__()
        self.phi, self.rho, self.pool = phi, rho, pool

    def hybrid_forward(self, F, x, mask):
        values = self.phi(x)  # phi(x_i), (B, n, h)
        pooled = self.pool(values, mask)  # sum_i alpha_i phi(x_i), (B, 1, h)
        return self.rho(op.squeeze(pooled, 1))  # (B, k)

    def loss(self, output, target):
        """Absolute error, the mean over the k outputs: (B, k), (B, k) -> (B,)."""
        return absolute_error(output, target)


class SetClassifier(DeepSet):
    """softmax of f(X): a deep set whose k outputs are the logits of k classes."""

    def loss(self, output, target):
        """Cross-entropy in nats: logits (B, k), classes (B,) -> (B,)."""
        check_ids(target=(target, 0, output.shape[1]))
        return loss.SoftmaxCrossEntropyLoss()(output, target)


class SetScores(Block):
    """s(x_i | X), a score of each element among all: f({x_i} + X) with X the other elements.

    Parameters
    ----------
    phi : HybridBlock
        Of one element, (..., d) -> (..., h).
    layers : sequence of EquivariantLayer
        They let each element see the others. Without them s(x_i | X) depends on x_i alone.
    margin : float
        Delta of the loss.

    Call
    ----
    x (B, n, d), mask (B, 1, n) -> (B, n), -HUGE for padding.
    """

    takes = "B n _, B 1 n"

    def __init__(
        self, phi: HybridBlock, layers: Sequence[EquivariantLayer] = (), *, margin: float = 1.0
    ):
        super().__init__()
        check_positive(margin=margin)
        self.phi, self.layers = phi, nn.HybridSequential()
        self.layers.add(*layers)
        self.margin, self.w = margin, nn.Dense(1, flatten=False)

    def hybrid_forward(self, F, x, mask):
        x = self.phi(x)  # (B, n, h)
        for layer in self.layers:
            x = layer(x, mask)
        scores = op.squeeze(self.w(x), 2)  # (B, n)
        mask = op.squeeze(mask, 1)
        return scores * mask + (mask - 1) * op.HUGE

    def loss(self, output, target):
        """The mean margin loss of (B, n) with the elements that should score highest, (B,)."""
        return margin_loss(output, target, self.margin)


class Concatenation(Block):
    """Scores of n elements by an MLP that reads them side by side: no two places share a weight.

    Call
    ----
    As for `SetScores`, for sets of n = `set_size` elements only.
    """

    takes = "B n _, B 1 n"

    def __init__(self, phi: HybridBlock, hidden_size: int, set_size: int, *, margin: float = 1.0):
        super().__init__()
        check_sizes(hidden_size=hidden_size, set_size=set_size)
        check_positive(margin=margin)
        self.phi, self.margin, self.sizes = phi, margin, {"n": set_size}
        self.W_1 = nn.Dense(hidden_size, activation="relu")  # of all features of all elements
        self.W_2 = nn.Dense(set_size)

    def hybrid_forward(self, F, x, mask):
        hidden = self.W_1(self.phi(x))  # (B, n h) -> (B, hidden)
        mask = op.squeeze(mask, 1)
        return self.W_2(hidden) * mask + (mask - 1) * op.HUGE  # (B, n)

    loss = SetScores.loss


class SequenceReader(Block):
    """rho(h_n), h_i = cell(E x_i, h_{i-1}): the elements one after the other, in some order.

    Parameters
    ----------
    hidden_size, outputs : int
        Features of the state h, and k.
    cell : str
        "lstm" or "gru".

    Call
    ----
    x (B, n, d), mask (B, 1, n) -> (B, k). Padding stands before the elements; the empty set's state
    is zero.
    """

    takes = "B n _, B 1 n"

    def __init__(self, hidden_size: int, outputs: int = 1, *, cell: str = "lstm"):
        super().__init__()
        check_sizes(hidden_size=hidden_size, outputs=outputs)
        check_choice(("lstm", "gru"), cell=cell)
        self.E = nn.Dense(hidden_size, flatten=False, use_bias=False)
        self.cell = MaskedLSTM(hidden_size) if cell == "lstm" else MaskedGRU(hidden_size)
        self.rho = nn.Dense(outputs)

    def hybrid_forward(self, F, x, mask):
        mask = op.transpose(mask, (2, 0, 1))  # (n, B, 1)
        inputs = op.transpose(self.E(x), (1, 0, 2)) * mask  # (n, B, h)
        state = self.cell(inputs, mask)[1]  # h_n, (1, B, h)
        return self.rho(op.squeeze(state, 0))  # (B, k)

    def loss(self, output, target):
        """As for `DeepSet`."""
        return absolute_error(output, target)


# ------------------------------------------------------------------------------------ losses
def absolute_error(output, target):
    """|y - f(X)|, the mean over outputs: (B, k), (B, k) -> (B,)."""
    return op.mean_over(op.absolute(output - target), 1)


def margin_loss(scores, target, margin: float = 1.0):
    """The mean over x' != x of max(0, s(x' | X) + Delta - s(x | X)), for x the target.

    It is zero as soon as s(x | X) >= s(x' | X) + Delta for all x'. Scores (B, n), of which -HUGE
    says "no element", and integers (B,) -> (B,).

    >>> margin_loss(np.array([[2.0, 0.0, 1.5]]), np.array([0], dtype="int32")).tolist()
    [0.25]
    """
    check_ids(target=(target, 0, scores.shape[1]))
    behind = op.relu(scores + margin - op.expand(op.pick(scores, target), 1))  # (B, n)
    others = op.greater(scores, -op.HUGE / 2)
    count = op.maximum(op.sum_last(others) - 1, 1)
    return (op.sum_last(behind * others) - margin) / count  # x itself adds the margin
