"""Small networks of one layer of multi-head attention (Vaswani et al. 2017), which read a menu.

    y_j = W_2 relu(W_1 c_j + b_1) + b_2,  c_j = W_o [context_j1 ... context_jH]

The block itself is `attention.MultiHeadAttention`. Both networks compare two prices, and what they
change is where queries and keys come from: `ByName` asks for two names, and its weights never see a
price, so that each head brings back one number, an average of prices; `ByPlace` is self-attention,
in which every line of the menu asks, and knows its place by what `positions` adds.

`datasets.menus` makes the arrays.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from d2l_attention.attention import MultiHeadAttention, Positions
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_integer, check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock, loss, nn


class Answer(HybridBlock):
    """W_2 relu(W_1 c + b_1) + b_2: from what the heads brought back to no or yes, (B, m, 2)."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.W_1 = nn.Dense(2 * hidden_size, flatten=False, in_units=hidden_size)
        self.W_2 = nn.Dense(2, flatten=False, in_units=2 * hidden_size)

    def hybrid_forward(self, F, c):
        return self.W_2(op.relu(self.W_1(c)))


class Comparison(Block):
    """What both networks have: heads, an answer for each query, and the loss."""

    def __init__(self, hidden_size: int, num_heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(hidden_size, num_heads)
        self.answer = Answer(hidden_size)

    def loss(self, output, target):
        """Cross-entropy in nats, the mean over what is asked: target (B, m) of 0 and 1, -1 where
        nothing is -> (B,).
        """
        logits, _ = output
        check_ids(target=(target, -1, 2))
        asked = (target >= 0).astype(logits.dtype)  # (B, m)
        share = op.expand(asked / np.maximum(asked.mean(axis=1, keepdims=True), 1e-6), 2)
        return loss.SoftmaxCrossEntropyLoss()(logits, np.maximum(target, 0), share)


class ByName(Comparison):
    """q_j = E_1 a_j + E_2 b_j, k_i = E n_i, v_i = p_i: is name a dearer than name b?

    Parameters
    ----------
    num_names, hidden_size, num_heads : int
        Names that there are; features d, which the heads H divide.

    Call
    ----
    (first (B, m), second (B, m), names (B, n), price (B, n, 1), mask (B, 1, n)) ->
    (logits (B, m, 2), weights (B, H, m, n)).

    >>> network = ByName(num_names=12, hidden_size=8, num_heads=2)
    >>> network.initialize()
    >>> tea, cake = np.array([[0]], dtype="int32"), np.array([[8]], dtype="int32")
    >>> menu, price = np.array([[0, 8, 3]], dtype="int32"), np.array([[[0.2], [0.4], [0.3]]])
    >>> [array.shape for array in network(tea, cake, menu, price, np.ones((1, 1, 3)))]
    [(1, 1, 2), (1, 2, 1, 3)]
    """

    takes = "ids B m, ids B m, ids B n, B n 1, B 1 n"

    def __init__(self, num_names: int, *, hidden_size: int = 32, num_heads: int = 2):
        super().__init__(hidden_size, num_heads)
        check_sizes(num_names=num_names)
        self.num_names = num_names
        self.E_1, self.E_2, self.E = (nn.Embedding(num_names, hidden_size) for _ in range(3))

    def check_values(self, first, second, names, price, mask):
        known = (0, self.num_names)
        check_ids(first=(first, *known), second=(second, *known), names=(names, *known))

    def hybrid_forward(self, F, first, second, names, price, mask):
        query = self.E_1(first) + self.E_2(second)  # (B, m, d)
        key = self.E(names)  # (B, n, d)
        context, weights = self.attention(query, key, price, mask)  # (B, m, d), (B, H, m, n)
        return self.answer(context), weights  # (B, m, 2), (B, H, m, n)


class ByPlace(Comparison):
    """q_i = k_i = v_i = w p_i + position i: is the line above dearer than the line below?

    Parameters
    ----------
    hidden_size, num_heads : int
        Features d, which the heads H divide.
    positions : Block, optional
        What tells each line its place; by default nothing does.

    Call
    ----
    (price (B, n, 1), mask (B|1, n|1, n)) -> (logits (B, n, 2), weights (B, H, n, n)).
    """

    takes = "B n 1, B? n? n"

    def __init__(
        self,
        *,
        hidden_size: int = 32,
        num_heads: int = 2,
        positions: Positions | None = None,
    ):
        super().__init__(hidden_size, num_heads)
        self.w = nn.Dense(hidden_size, use_bias=False, flatten=False, in_units=1)
        self.positions = positions or Positions()

    def check(self, price, mask):
        super().check(price, mask)
        self.positions.check_length(price=price.shape[1])

    def hybrid_forward(self, F, price, mask):
        x = self.positions(self.w(price))  # (B, n, d)
        context, weights = self.attention(x, x, x, mask)  # (B, n, d), (B, H, n, n)
        return self.answer(context), weights  # (B, n, 2), (B, H, n, n)


@contextmanager
def without_heads(attention: MultiHeadAttention, *heads: int) -> Iterator[None]:
    """Switch heads off within a `with`: their columns of W_o are zero, and come back at its end.

    Parameters
    ----------
    heads : int
        From 0 to H - 1.

    Raises
    ------
    TypeError, ValueError
        A head is not an integer, or is not there.

    >>> attention, x = MultiHeadAttention(4, num_heads=2), np.ones((1, 3, 4))
    >>> attention.initialize()
    >>> context, _ = attention(x, x, x)  # finds the shapes
    >>> with without_heads(attention, 0, 1):
    ...     print(abs(attention(x, x, x)[0]).max())
    0.0
    """
    heads = [check_integer("heads", head, 0, attention.num_heads) for head in heads]
    parameter = attention.W_o.weight
    kept = parameter.data().copy()  # (d, d)
    width, pruned = kept.shape[1] // attention.num_heads, kept.copy()
    for head in heads:
        pruned[:, head * width : (head + 1) * width] = 0
    parameter.set_data(pruned)
    try:
        yield
    finally:
        parameter.set_data(kept)
