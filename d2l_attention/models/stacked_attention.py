r"""Stacked attention: look at the regions of a picture several times to answer a question (Yang et al. 2016).

    v_i = tanh(W_I f_i + b_I)                     equation 2    key and value: region i, as a CNN describes it
    u_0 = LSTM(question)                                        query
    h   = tanh(W v_i + (U u_{k-1} + b))           equation 19   each look k has its own W, U, b and w
    p   = softmax(w . h)                          equation 20   weights over the regions
    u_k = u_{k-1} + sum_i p_i v_i                 equation 22   what was seen becomes part of the next query
    answer = softmax(W_u u_K + b_u)               equation 23

One look is additive attention. What is special is the loop, as in `memory_networks`,
and that keys have a place in the picture: what a look brings back includes *where* it
was found.

The regions are those of a `region_network`, which is trained beforehand and frozen,
like the paper's VGG-19. `StackedAttention` learns from questions and answers (`fit`).
"""

from collections.abc import Iterator

import numpy as onp

from d2l_attention.attention.old import AdditiveScore, Attention, legacy
from d2l_attention.datasets.questions import Examples
from d2l_attention.models.region_network import RegionNetwork
from d2l_attention.training import History, train

import mxnet as mx
from mxnet import gluon, np
from mxnet.gluon import HybridBlock, nn, rnn

__all__ = [
    "BiasedScore",
    "ResidualBlock",
    "StackedAttention",
    "accuracy",
    "fit",
    "predict",
]


class BiasedScore(AdditiveScore):
    """a(q, k) = w . tanh(W k + (U q + b)), the additive score with a bias (Yang et al. 2016, equation 19).

    Parameters
    ----------
    hidden_size : int
        Width of the hidden layer.
    gain : float
        Weights start this many times as large as Glorot and Bengio's (2010). Larger
        ones make first looks uneven.
    """

    def __init__(self, hidden_size: int, *, gain: float = 1.0):
        super().__init__(hidden_size)
        if not (onp.isfinite(gain) and gain > 0):
            raise ValueError(f"gain must be a positive number, got {gain!r}")
        self.query_projection = nn.Dense(hidden_size, flatten=False)
        for layer in (self.query_projection, self.key_projection, self.output):
            layer.weight.init = mx.init.Xavier(magnitude=3 * gain**2)


class StackedAttention(HybridBlock):
    """Answer a question about regions by looking at them `layers` times.

    Parameters
    ----------
    num_words, num_answers : int
        Sizes V and A of the vocabularies; word 0 is padding.
    hidden_size : int
        Features d of a region, of a word and of the query.
    score_size : int
        Width of the score's hidden layer.
    layers : int
        Looks K.
    blocks, grid : int
        Residual blocks between the features and the first look: each lets a region see
        one more ring of neighbours on a grid of grid * grid regions. Without blocks,
        regions may lie anywhere, and `grid` is not needed.
    gain : float
        Of the scores' first weights, see `BiasedScore`.
    regions : RegionNetwork, optional
        Trained along with the rest; the first input is then pictures.

    Call
    ----
    (features (B, n, c), question (B, T) int32, length (B,) int32) -> (logits (B, A),
    weights (B, K, n)). The query is the LSTM's state at a question's last word; padding
    after it has no influence.

    Raises
    ------
    ValueError, TypeError
        An input has a wrong shape or dtype, a word has no such number, or a length is
        not from 1 to T.

    Examples
    --------
    >>> network = StackedAttention(num_words=9, num_answers=4, hidden_size=8, layers=2)
    >>> network.initialize()
    >>> question, length = np.array([[3, 8, 0]], dtype="int32"), np.array([2], dtype="int32")
    >>> logits, weights = network(np.ones((1, 25, 6)), question, length)
    >>> logits.shape, weights.shape
    ((1, 4), (1, 2, 25))
    """

    def __init__(
        self,
        num_words: int,
        num_answers: int,
        *,
        hidden_size: int = 64,
        score_size: int = 32,
        layers: int = 2,
        blocks: int = 0,
        grid: int | None = None,
        gain: float = 1.5,
        regions: RegionNetwork | None = None,
    ):
        super().__init__()
        _check_positive(
            num_words=num_words,
            num_answers=num_answers,
            hidden_size=hidden_size,
            score_size=score_size,
            layers=layers,
        )
        if not isinstance(blocks, int) or blocks < 0:
            raise ValueError(f"blocks must be a whole number, at least 0, got {blocks!r}")
        if blocks and grid is None:
            raise ValueError("grid must be given with blocks, which need to know where regions lie")
        self.num_words, self.num_answers = num_words, num_answers
        self.num_regions = grid**2 if blocks else None
        self.regions = regions
        xavier = mx.init.Xavier()
        self.values = nn.Dense(hidden_size, flatten=False, weight_initializer=xavier)  # W_I
        self.neighbours = nn.HybridSequential()
        for _ in range(blocks):
            self.neighbours.add(ResidualBlock(hidden_size, grid=grid))
        self.words = nn.Embedding(num_words, hidden_size, weight_initializer=mx.init.Normal(0.5))
        start = {"i2h_weight_initializer": xavier, "h2h_weight_initializer": xavier}
        self.reader = rnn.LSTM(hidden_size, input_size=hidden_size, **start)
        self.looks = nn.HybridSequential()
        for _ in range(layers):
            self.looks.add(Attention(BiasedScore(score_size, gain=gain)))
        self.answer = nn.Dense(num_answers, weight_initializer=xavier)

    def __call__(self, features, question, length):
        if not isinstance(features, mx.sym.Symbol):
            self.check(features, question, length)
        return super().__call__(features, question, length)

    def check(self, features, question, length):
        """Raise a ValueError or TypeError if arrays are not what the network takes."""
        if self.regions is None:
            _check_shape("features", features, (None, self.num_regions, None))
            if features.dtype != onp.float32:
                raise TypeError(f"features must be float32, got {onp.dtype(features.dtype).name}")
        else:  # a hybridized network gives its parts symbols, which they cannot check
            self.regions.check(features)
        _check_shape("question", question, (features.shape[0], None))
        _check_shape("length", length, (features.shape[0],))
        for name, array, most in (
            ("question", question, self.num_words - 1),
            ("length", length, question.shape[1]),
        ):
            if array.dtype not in (onp.int32, onp.int64):
                raise TypeError(f"{name} must be int32 or int64, got {onp.dtype(array.dtype).name}")
            found = (
                array.asnumpy()
            )  # MXNet itself would take the nearest number that is allowed, silently
            least = int(name == "length")
            if found.min(initial=least) < least or found.max(initial=least) > most:
                raise ValueError(f"{name} must hold numbers from {least} to {most}")

    def hybrid_forward(self, F, features, question, length):
        if self.regions is not None:
            features = self.regions(features)
        value = self.values(features)  # (B, n, d)
        for block in self.neighbours._children.values():
            value = block(value)
        value = F.npx.activation(value, act_type="tanh")
        query = F.np.expand_dims(self.read(F, question, length), 1)  # (B, 1, d)
        weights = []
        for look in self.looks._children.values():
            seen, weight = look(query, value, value, None)
            query = query + seen
            weights.append(weight)  # (B, 1, n)
        return self.answer(F.npx.reshape(query, (-2, -1))), F.np.concatenate(weights, axis=1)

    def read(self, F, question, length):
        """The LSTM's state at the last word of each question: (B, T), (B,) -> (B, d)."""
        words = self.words(legacy(F, "transpose", question, axes=(1, 0)))  # (T, B, d)
        start = F.np.zeros_like(legacy(F, "slice_axis", words, axis=0, begin=0, end=1))  # (1, B, d)
        states, _ = self.reader(words, [start, start])
        return legacy(F, "SequenceLast", states, length, use_sequence_length=True)


class ResidualBlock(HybridBlock):
    """Add to each region what a convolution sees in the 3 x 3 regions around it (He et al. 2016).

    Parameters
    ----------
    hidden_size, grid : int
        Features d of a region, and regions along a side: (B, grid * grid, d) -> (B,
        grid * grid, d), row by row.
    """

    def __init__(self, hidden_size: int, *, grid: int):
        super().__init__()
        _check_positive(hidden_size=hidden_size, grid=grid)
        self.grid = grid
        xavier = mx.init.Xavier(magnitude=2, factor_type="in")
        self.convolution = nn.Conv2D(
            hidden_size, 3, padding=1, activation="relu", weight_initializer=xavier
        )
        self.output = nn.Dense(hidden_size, flatten=False, weight_initializer=mx.init.Xavier())

    def hybrid_forward(self, F, x):
        maps = F.npx.reshape(x, (-2, -6, self.grid, self.grid, -2))  # (B, g, g, d)
        seen = self.convolution(legacy(F, "transpose", maps, axes=(0, 3, 1, 2)))  # (B, d, g, g)
        seen = legacy(F, "transpose", seen, axes=(0, 2, 3, 1))
        return x + self.output(F.npx.reshape(seen, (-2, -5, -2)))


# ----------------------------------------------------------------------------- training
def fit(
    network: StackedAttention,
    data: Examples,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 0.005,
    clip_norm: float = 5.0,
    validation: Examples | None = None,
    patience: int | None = None,
    device=None,
    progress: bool = True,
    description: str = "training",
) -> History:
    """Train a network, already initialised, by Adam on the cross-entropy of the answers.

    Parameters
    ----------
    validation : Examples, optional
        Judged after each epoch: the parameters of the best epoch are kept, and
        `patience` epochs without a better one end the training.

    Returns
    -------
    History
        With "loss" (nats per question) and, given `validation`, its "error" (share of
        wrong answers).

    Raises
    ------
    ValueError
        There are no questions, or the network has no answer of such a number.
    """
    if not len(data):
        raise ValueError("data must not be empty")
    if batch_size < 1 or not learning_rate > 0:
        raise ValueError(
            f"batch_size and learning_rate must be positive, got {batch_size} and {learning_rate}"
        )
    if data.answer.min() < 0 or data.answer.max() >= network.num_answers:
        raise ValueError(  # MXNet's loss would take the nearest answer, silently
            f"data must have answers from 0 to {network.num_answers - 1}"
        )
    network.hybridize(static_alloc=True)
    cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()

    def step(*batch):
        *inputs, answer = batch
        return cross_entropy(network(*inputs)[0], answer)

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        order = onp.random.RandomState([seed, epoch]).permutation(len(data))
        for start in range(0, len(data), batch_size):
            chosen = order[start : start + batch_size]
            yield (
                *data.batch(chosen, device),
                np.array(data.answer[chosen], dtype="float32", ctx=device),
            )

    network(*data.batch(onp.arange(1), device))  # finds out the sizes of all parameters
    judged = validation is not None
    return train(
        step,
        epoch_batches,
        gluon.Trainer(
            network.collect_params(),
            "adam",
            {"learning_rate": learning_rate},
            kvstore=None,
        ),
        epochs=epochs,
        clip_norm=clip_norm,
        evaluate=(lambda: {"error": 1 - accuracy(network, validation, device=device)})
        if judged
        else None,
        monitor="error" if judged else None,
        patience=patience,
        progress=progress,
        description=description,
    )


def predict(
    network: StackedAttention, data: Examples, *, batch_size: int = 500, device=None
) -> tuple[onp.ndarray, onp.ndarray]:
    """Answer all questions: (number of the answer (N,), weights (N, K, n)), NumPy arrays."""
    if not len(data):
        raise ValueError("data must not be empty")
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
    answers, weights = [], []
    for start in range(0, len(data), batch_size):
        chosen = onp.arange(start, min(start + batch_size, len(data)))
        logits, weight = network(*data.batch(chosen, device))
        answers.append(logits.asnumpy().argmax(-1))
        weights.append(weight.asnumpy())
    return onp.concatenate(answers), onp.concatenate(weights)


def accuracy(network: StackedAttention, data: Examples, *, device=None) -> float:
    """Share of questions that are answered right."""
    return float((predict(network, data, device=device)[0] == data.answer).mean())


# --------------------------------------------------------------------- checks, plumbing
def _check_positive(**values) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")


def _check_shape(name: str, array, shape: tuple) -> None:
    """Raise unless an MXNet array has the shape, in which None stands for any number above zero."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an MXNet array, got {type(array).__name__}")
    fits = len(array.shape) == len(shape) and all(
        given == wanted if wanted else given > 0
        for given, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must be of shape ({wanted}), got {array.shape}")
