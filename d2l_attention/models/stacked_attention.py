"""Stacked attention: hops over the regions of a picture answer a question (Yang et al. 2016).

    v_I = tanh(W_I f_I + b_I)                                equation 2   key and value: the regions
    u   = LSTM(question)                                                  query
    p_I = softmax(W_P tanh(W_IA v_I + (W_QA u + b_A)))       19, 20       weights over the regions
    u   = u + sum_i p_i v_i                                  21, 22       K hops, each with its W
    answer = softmax(W_u u + b_u)                            23

One hop, which the paper calls an attention layer, is additive attention: W_QA, W_IA and W_P are the
matrices W_q, W_k and v of `AdditiveScore`. The paper adds b_P to all scores, which no softmax
notices. What is special is the loop, as in `memory_networks`, and that keys have a place in the
picture: the context of a hop says *where* something was found. The regions are described by a
`RegionNetwork`, which plays the part of the paper's VGG-19: trained beforehand on another task, then
frozen.
"""

import numpy as onp

from d2l_attention.attention import AdditiveScore, Attention
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_integer, check_sizes

from mxnet import init
from mxnet.gluon import HybridBlock, loss, nn, rnn


class QuestionEncoder(HybridBlock):
    """The LSTM's state at the last word of each question: (B, T), length (B,) -> (B, d)."""

    def __init__(self, num_words: int, hidden_size: int):
        super().__init__()
        self.words = nn.Embedding(num_words, hidden_size, weight_initializer=init.Normal(0.5))
        self.lstm = rnn.LSTM(hidden_size, input_size=hidden_size)

    def hybrid_forward(self, F, question, length):
        words = self.words(op.transpose(question, (1, 0)))  # (T, B, d)
        start = op.zeros_at(words, 0)  # (1, B, d)
        states, _ = self.lstm(words, [start, start])  # (T, B, d)
        return op.last_state(states, length)


class ResidualBlock(HybridBlock):
    """Add to each region what a convolution finds in the 3 x 3 regions around it (He et al. 2016).

    Parameters
    ----------
    hidden_size, grid : int
        Features d of a region, regions along a side: (B, grid^2, d) -> (B, grid^2, d), row by row.
    """

    def __init__(self, hidden_size: int, *, grid: int):
        super().__init__()
        check_sizes(hidden_size=hidden_size, grid=grid)
        self.grid = grid
        he = init.Xavier(magnitude=2, factor_type="in")
        self.convolution = nn.Conv2D(hidden_size, 3, padding=1, weight_initializer=he)
        self.output = nn.Dense(hidden_size, flatten=False)

    def hybrid_forward(self, F, x):
        around = op.relu(self.convolution(op.as_grid(x, self.grid)))  # (B, d, grid, grid)
        return x + self.output(op.as_regions(around))  # (B, grid^2, d)


def residual_blocks(blocks: int, hidden_size: int, *, grid: int | None) -> nn.HybridSequential:
    """So many residual blocks, one after the other; none need no grid."""
    check_integer("blocks", blocks, 0)
    if grid is not None:
        check_sizes(grid=grid)
    elif blocks:
        raise ValueError("grid must be given with blocks, which need to know where regions lie")
    several = nn.HybridSequential()
    for _ in range(blocks):
        several.add(ResidualBlock(hidden_size, grid=grid))
    return several


class Regions(Block):
    """Regions that are described already: features (B, n, c) -> the same, f_I.

    Parameters
    ----------
    grid : int, optional
        Regions along a side, if n = grid * grid.
    """

    takes = "B n c"

    def __init__(self, grid: int | None = None):
        super().__init__()
        self.sizes = {"n": grid**2} if grid else {}

    def hybrid_forward(self, F, features):
        return features


class StackedAttention(Block):
    """u_k = u_{k-1} + sum_i p_i v_i, K hops from the question's u_0 (Yang et al. 2016, 19 to 23).

    Parameters
    ----------
    num_words, num_answers : int
        Sizes V and A of the vocabularies; word 0 is padding.
    hidden_size, score_size : int
        Features d of a region, of a word and of the query; width of the scores' hidden layer.
    hops : int
        Hops K, the paper's attention layers.
    blocks, grid : int
        Residual blocks before the first hop, each of which lets a region see one more ring of its
        neighbours, on a grid of grid * grid regions. Without blocks, no grid is needed.
    regions : RegionNetwork, optional
        Describes the regions of pictures, and learns with the rest; by default features are given.

    Call
    ----
    (features (B, n, c) or what `regions` takes, question (B, T) integers, length (B,) integers) ->
    (logits (B, A), weights p_I (B, K, n)). Padding behind a question's last word has no influence.

    >>> network = StackedAttention(num_words=9, num_answers=4, hidden_size=8, hops=2)
    >>> network.initialize(init.Xavier())  # MXNet's small default learns nothing for many epochs
    >>> question, length = np.array([[3, 8, 0]], dtype="int32"), np.array([2], dtype="int32")
    >>> [array.shape for array in network(np.ones((1, 25, 6)), question, length)]
    [(1, 4), (1, 2, 25)]
    """

    takes = "B n c, ids B T, ids B"

    def __init__(self, num_words: int, num_answers: int, *, hidden_size: int = 64,
                 score_size: int = 32, hops: int = 2, blocks: int = 0, grid: int | None = None,
                 regions: "RegionNetwork | None" = None):  # fmt: skip
        super().__init__()
        check_sizes(num_words=num_words, num_answers=num_answers, hidden_size=hidden_size)
        check_sizes(score_size=score_size, hops=hops)
        self.num_words = num_words
        self.W_I = nn.Dense(hidden_size, flatten=False)
        self.neighbours = residual_blocks(blocks, hidden_size, grid=grid)
        self.regions = regions or Regions(grid)
        self.encoder = QuestionEncoder(num_words, hidden_size)
        self.attentions = nn.HybridSequential()
        for _ in range(hops):
            self.attentions.add(Attention(AdditiveScore(score_size, use_bias=True)))
        self.W_u = nn.Dense(num_answers)
        self.takes = f"{self.regions.takes}, ids B T, ids B"
        self.sizes = {"c": self.W_I} | self.regions.sizes

    def check_values(self, features, question, length):
        check_ids(question=(question, 0, self.num_words), length=(length, 1, question.shape[1] + 1))

    def hybrid_forward(self, F, features, question, length):
        f_I = self.regions(features)  # (B, n, c)
        v_I = op.tanh(self.neighbours(self.W_I(f_I)))  # (B, n, d)
        u, weights = op.expand(self.encoder(question, length), 1), []  # (B, 1, d)
        for attention in self.attentions:
            context, p_I = attention(u, v_I, v_I)  # query, key, value
            u = u + context  # (B, 1, d)
            weights.append(p_I)  # (B, 1, n)
        return self.W_u(op.squeeze(u, 1)), op.concatenate(weights, axis=1)  # (B, A), (B, K, n)

    def loss(self, output, answer):
        """Cross-entropy in nats: logits (B, A) and weights, answer (B,) -> (B,)."""
        check_ids(answer=(answer, 0, output[0].shape[1]))
        return loss.SoftmaxCrossEntropyLoss()(output[0], answer)


class RegionNetwork(Block):
    """Describe each cell of a picture by attributes, and by its place.

    Convolutions without overlap: a region sees its own cell and nothing else. The paper's VGG-19
    pads its input with zeros at every layer, and so can tell where a region is; here two more
    features say it, row and column, counted from the middle (Liu et al. 2018).

    Parameters
    ----------
    attributes : int
        Features c of a region, each from 0 to 1.
    grid, cell : int
        Cells along a side, and pixels along the side of a cell (even).
    channels : int
        Width of the hidden layers.

    Call
    ----
    pictures (B, 3, grid * cell, grid * cell) -> features (B, grid * grid, c + 2), row by row.

    >>> network = RegionNetwork(attributes=5, grid=3, cell=8)
    >>> network.initialize()
    >>> features = network(np.zeros((2, 3, 24, 24)))
    >>> features.shape, features[0, :4, -2:].tolist()
    ((2, 9, 7), [[-1.0, -1.0], [-1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    """

    takes = "B c s s"

    def __init__(self, *, attributes: int, grid: int, cell: int, channels: int = 32):
        super().__init__()
        check_sizes(attributes=attributes, grid=grid, cell=cell, channels=channels)
        if cell % 2:
            raise ValueError(f"cell must be even, got {cell}")
        self.attributes, self.sizes = attributes, {"c": 3, "s": grid * cell}
        he = init.Xavier(magnitude=2, factor_type="in")
        self.half_cells = nn.Conv2D(channels, cell // 2, cell // 2, weight_initializer=he)
        self.cells = nn.Conv2D(channels, 2, 2, weight_initializer=he)
        self.output = nn.Dense(attributes, flatten=False)
        line = onp.arange(grid, dtype="float32") - (grid - 1) / 2
        places = onp.stack(onp.meshgrid(line, line, indexing="ij"), axis=-1).reshape(1, -1, 2)
        self.places = self.params.get_constant("places", places)

    def hybrid_forward(self, F, pictures, places):
        maps = op.relu(self.half_cells(pictures))  # (B, channels, 2 grid, 2 grid)
        maps = op.relu(self.cells(maps))  # (B, channels, grid, grid)
        features = op.sigmoid(self.output(op.as_regions(maps)))  # (B, n, c)
        return op.concatenate([features, op.repeat_first(places, features)], axis=-1)

    def loss(self, features, named):
        """Mean cross-entropy of the attributes in nats: named is of zeros and ones, (B, n, c)."""
        attributes = features[:, :, : self.attributes]
        return loss.SigmoidBinaryCrossEntropyLoss(from_sigmoid=True)(attributes, named)
