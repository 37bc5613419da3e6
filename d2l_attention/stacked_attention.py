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

Two modules as in the paper: `RegionNetwork` describes regions. It is trained beforehand
to name what stands in them (`name_regions`), like the paper's VGG-19 on ImageNet, and
then frozen: `describe` runs it once over all pictures. `StackedAttention` learns from
questions and answers (`fit`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as onp

from d2l_attention.attention import AdditiveScore, Attention
from d2l_attention.training import History, batches, train

import mxnet as mx
from mxnet import gluon, np, npx
from mxnet.gluon import HybridBlock, nn, rnn

__all__ = [
    "BiasedScore",
    "Examples",
    "RegionNetwork",
    "ResidualBlock",
    "StackedAttention",
    "Vocabulary",
    "accuracy",
    "describe",
    "examples",
    "fit",
    "lighten",
    "name_regions",
    "predict",
]

WIDTH_OF_THE_WORLD = (
    2.0  # rows and columns run from -2 to 2: as large as the other features
)


# ----------------------------------------------------------------------------- pictures
class RegionNetwork(HybridBlock):
    """Describe each cell of a picture by features, and by its place.

    Two convolutions without overlap: a region sees its own cell and nothing else. The
    paper's VGG-19 pads its input with zeros at every layer, and so can tell where a
    region is; here two more features say it, the row and the column (Liu et al. 2018).

    Parameters
    ----------
    grid, cell : int
        Cells along a side, and pixels along the side of a cell (even).
    channels : int
        Features of the convolutions.
    names : sequence of int
        For each attribute that the network names, such as colour and shape, how many
        names there are. Features are then the probabilities of all names.

    Call
    ----
    pictures (B, 3, grid * cell, grid * cell), float32 -> features (B, grid * grid, c + 2),
    row by row; c is the sum of `names`, or `channels` if there are none.

    Examples
    --------
    >>> network = RegionNetwork(grid=3, cell=8, names=(3, 2))
    >>> network.initialize()
    >>> features = network(np.zeros((2, 3, 24, 24)))
    >>> features.shape, features[0, :4, -2:].tolist()
    ((2, 9, 7), [[-2.0, -2.0], [-2.0, 0.0], [-2.0, 2.0], [0.0, -2.0]])
    """

    def __init__(
        self, *, grid: int, cell: int, channels: int = 32, names: Sequence[int] = ()
    ):
        super().__init__()
        _check_positive(grid=grid, cell=cell, channels=channels)
        for count in names:
            _check_positive(names=count)
        if cell % 2:
            raise ValueError(f"cell must be even, got {cell}")
        self.grid, self.cell, self.names = grid, cell, tuple(names)
        self.convolutions = nn.HybridSequential()
        for size in (cell // 2, 2):
            xavier = mx.init.Xavier(magnitude=2, factor_type="in")
            layer = nn.Conv2D(
                channels, size, size, activation="relu", weight_initializer=xavier
            )
            self.convolutions.add(layer, nn.BatchNorm(center=False, scale=False))
        self.heads = nn.HybridSequential()
        for count in names:
            self.heads.add(nn.Dense(count, flatten=False))
        line = onp.linspace(-WIDTH_OF_THE_WORLD, WIDTH_OF_THE_WORLD, grid)
        places = onp.stack(onp.meshgrid(line, line, indexing="ij"), axis=-1)
        places = places.reshape(1, -1, 2).astype("float32")
        self.places = self.params.get_constant("places", places)

    def __call__(self, pictures):
        if not isinstance(pictures, mx.sym.Symbol):
            self.check(pictures)
        return super().__call__(pictures)

    def check(self, pictures):
        """Raise a ValueError or TypeError if an array is not what the network takes."""
        side = self.grid * self.cell
        _check_shape("pictures", pictures, (None, 3, side, side))
        _check_float("pictures", pictures)

    def hybrid_forward(self, F, pictures, places):
        maps = self.convolutions(pictures)  # (B, c, g, g)
        maps = _legacy(F, "transpose", maps, axes=(0, 2, 3, 1))
        features = F.npx.reshape(maps, (-2, -5, -2))  # (B, n, c)
        blank = _legacy(F, "slice_axis", features, axis=2, begin=0, end=2) * 0
        heads = list(self.heads._children.values())
        parts = [F.npx.softmax(head(features)) for head in heads] or [features]
        return F.np.concatenate([*parts, blank + places], axis=-1)


def describe(
    network: RegionNetwork, pictures: onp.ndarray, *, batch_size: int = 100, device=None
) -> onp.ndarray:
    """Describe the regions of many pictures once and for all: (N, 3, H, W) uint8 -> (N, n, c + 2) float32."""
    _check_not_empty(pictures=pictures)
    _check_positive(batch_size=batch_size)
    starts = range(0, len(pictures), batch_size)
    parts = [
        network(np.array(lighten(pictures[i : i + batch_size]), ctx=device)).asnumpy()
        for i in starts
    ]
    return onp.concatenate(parts)


def lighten(pictures: onp.ndarray) -> onp.ndarray:
    """Turn pixels from 0 to 255 into numbers from -1 to 1: uint8 -> float32, the same shape.

    >>> lighten(onp.array([0, 51, 255], "uint8")).round(1).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    if not isinstance(pictures, onp.ndarray) or pictures.dtype != onp.uint8:
        raise TypeError(
            f"pictures must be a NumPy array of uint8, got {getattr(pictures, 'dtype', pictures)}"
        )
    return pictures.astype("float32") / 127.5 - 1


def name_regions(
    network: RegionNetwork,
    pictures: onp.ndarray,
    names: onp.ndarray,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 10,
    learning_rate: float = 0.005,
    device=None,
    progress: bool = True,
) -> tuple[History, float]:
    """Train a region network, already initialised, to name what stands in each cell.

    Parameters
    ----------
    pictures, names : (N, 3, H, W) uint8, (N, n, attributes) int
        For each cell and attribute the number of its name, as `Scenes.names` gives.

    Returns
    -------
    History, float
        "loss" (mean cross-entropy of a cell, in nats, all attributes added up); and the
        share of cells that are named right after training, in every attribute.

    Raises
    ------
    ValueError, TypeError
        `names` has a wrong shape or dtype, or the network does not know a name.
    """
    _check_names(names, len(pictures), network)
    network.hybridize(static_alloc=True)
    ends = onp.cumsum(network.names)

    def step(picture, *numbers):
        features, loss = network(picture), 0
        for end, count, number in zip(ends, network.names, numbers, strict=True):
            probability = features[:, :, end - count : end]  # (B, n, names)
            chosen = npx.pick(probability, number, axis=-1)
            loss = loss - np.log(np.maximum(chosen, 1e-10))
        return loss.mean(axis=-1)

    network(np.array(lighten(pictures[:1]), ctx=device))  # finds out all sizes
    numbers = tuple(names[:, :, k].astype("float32") for k in range(names.shape[2]))
    settings = {"shuffle": True, "seed": seed, "device": device}
    history = train(
        step,
        batches((lighten(pictures), *numbers), batch_size, **settings),
        gluon.Trainer(
            network.collect_params(),
            "adam",
            {"learning_rate": learning_rate},
            kvstore=None,
        ),
        epochs=epochs,
        progress=progress,
        description="naming",
    )
    features = describe(network, pictures, device=device)
    right = onp.ones(names.shape[:2], bool)
    for k, (end, count) in enumerate(zip(ends, network.names, strict=True)):
        right &= features[:, :, end - count : end].argmax(-1) == names[:, :, k]
    return history, float(right.mean())


def _check_names(names, count: int, network: RegionNetwork) -> None:
    """Raise unless each cell has a known name; MXNet takes any number, silently."""
    if not isinstance(names, onp.ndarray) or names.dtype.kind not in "iu":
        given = getattr(names, "dtype", names)
        raise TypeError(f"names must be a NumPy array of integers, got {given}")
    shape = (count, network.grid**2, len(network.names))
    if names.shape != shape or names.size == 0:
        raise ValueError(f"names must be of shape {shape}, got {names.shape}")
    if names.min() < 0 or (names.max(axis=(0, 1)) >= network.names).any():
        raise ValueError(f"names must be numbers from 0, below {network.names}")


# ---------------------------------------------------------------------------- questions
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
        if not (isinstance(gain, int | float) and onp.isfinite(gain) and gain > 0):
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
        gain: float = 2.0,
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
        if not isinstance(blocks, int) or isinstance(blocks, bool) or blocks < 0:
            raise ValueError(
                f"blocks must be a whole number, at least 0, got {blocks!r}"
            )
        if blocks and grid is None:
            raise ValueError(
                "grid must be given with blocks, which need to know where regions lie"
            )
        if blocks:
            _check_positive(grid=grid)
        if regions is not None:
            _check_regions(regions, grid if blocks else None)
        self.num_words, self.num_answers = num_words, num_answers
        self.num_regions = grid**2 if blocks else None
        self.regions = regions
        xavier = mx.init.Xavier()
        self.values = nn.Dense(
            hidden_size, flatten=False, weight_initializer=xavier
        )  # W_I
        self.neighbours = nn.HybridSequential()
        for _ in range(blocks):
            self.neighbours.add(ResidualBlock(hidden_size, grid=grid))
        self.words = nn.Embedding(
            num_words, hidden_size, weight_initializer=mx.init.Normal(0.5)
        )
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
            _check_float("features", features)
        else:  # a hybridized network gives its parts symbols, which they cannot check
            self.regions.check(features)
        _check_shape("question", question, (features.shape[0], None))
        _check_shape("length", length, (features.shape[0],))
        for name, array, most in (
            ("question", question, self.num_words - 1),
            ("length", length, question.shape[1]),
        ):
            if array.dtype not in (onp.int32, onp.int64):
                raise TypeError(
                    f"{name} must be int32 or int64, got {onp.dtype(array.dtype).name}"
                )
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
        return self.answer(F.npx.reshape(query, (-2, -1))), F.np.concatenate(
            weights, axis=1
        )

    def read(self, F, question, length):
        """The LSTM's state at the last word of each question: (B, T), (B,) -> (B, d)."""
        words = self.words(_legacy(F, "transpose", question, axes=(1, 0)))  # (T, B, d)
        start = F.np.zeros_like(
            _legacy(F, "slice_axis", words, axis=0, begin=0, end=1)
        )  # (1, B, d)
        states, _ = self.reader(words, [start, start])
        return _legacy(F, "SequenceLast", states, length, use_sequence_length=True)


def _check_regions(regions, grid: int | None) -> None:
    if not isinstance(regions, RegionNetwork):
        raise TypeError(
            f"regions must be a RegionNetwork, got {type(regions).__name__}"
        )
    if grid not in (None, regions.grid):
        raise ValueError(f"grid must be that of regions, {regions.grid}, got {grid}")


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
        self.output = nn.Dense(
            hidden_size, flatten=False, weight_initializer=mx.init.Xavier()
        )

    def hybrid_forward(self, F, x):
        maps = F.npx.reshape(x, (-2, -6, self.grid, self.grid, -2))  # (B, g, g, d)
        seen = self.convolution(
            _legacy(F, "transpose", maps, axes=(0, 3, 1, 2))
        )  # (B, d, g, g)
        seen = _legacy(F, "transpose", seen, axes=(0, 2, 3, 1))
        return x + self.output(F.npx.reshape(seen, (-2, -5, -2)))


# ------------------------------------------------------------------ questions as arrays
class Vocabulary:
    """The words and the answers of some questions, and how questions become arrays.

    Parameters
    ----------
    questions : sequence
        Objects with `text` (words between spaces) and `answer`, such as
        `scenes.Question` and `shapes.Question`.
    answers : sequence of str, optional
        The answers' order; by default alphabetical.

    Raises
    ------
    ValueError
        There are no questions, one has no words, or `answers` lacks an answer or
        repeats one.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> asked = [SimpleNamespace(text="is it red", answer="no"), SimpleNamespace(text="is it", answer="yes")]
    >>> vocabulary = Vocabulary(asked)
    >>> vocabulary.words, vocabulary.answers
    (['', 'is', 'it', 'red'], ['no', 'yes'])
    >>> for array in vocabulary(asked):
    ...     print(array.tolist())
    [[1, 2, 3], [1, 2, 0]]
    [3, 2]
    [0, 1]
    """

    def __init__(self, questions: Sequence, *, answers: Sequence[str] | None = None):
        if not questions:
            raise ValueError("questions must not be empty")
        self.words = [
            "",
            *sorted({word for q in questions for word in q.text.split()}),
        ]  # "" is padding
        self.answers = (
            list(answers) if answers else sorted({q.answer for q in questions})
        )
        if len(set(self.answers)) < len(self.answers):
            raise ValueError(f"answers must not repeat, got {self.answers}")
        self._words, self._answers = (
            {text: number for number, text in enumerate(texts)}
            for texts in (self.words, self.answers)
        )
        self(questions)

    def __call__(
        self, questions: Sequence
    ) -> tuple[onp.ndarray, onp.ndarray, onp.ndarray]:
        """Return words (N, T), lengths (N,) and answers (N,), int32; T is the longest of these questions'.

        Raises
        ------
        ValueError
            A question has no words; a word or an answer is not in the vocabulary.
        """
        numbers = [
            [_number(self._words, word, "word") for word in q.text.split()]
            for q in questions
        ]
        length = onp.array([len(row) for row in numbers], "int32")
        if length.size == 0 or length.min() == 0:
            raise ValueError("questions must not be empty")
        ids = onp.zeros((len(numbers), length.max()), "int32")
        for line, row in zip(ids, numbers, strict=True):
            line[: len(row)] = row
        answer = [_number(self._answers, q.answer, "answer") for q in questions]
        return ids, length, onp.array(answer, "int32")


def _number(numbers: dict, text: str, what: str) -> int:
    if text not in numbers:
        raise ValueError(f"the {what} {text!r} is not in the vocabulary")
    return numbers[text]


@dataclass(frozen=True)
class Examples:
    """N questions about P pictures, as NumPy arrays.

    Attributes
    ----------
    features : (P, n, c) float32
        What `describe` returns, or for a network with `regions` what `lighten` returns,
        (P, 3, H, W).
    picture, length, answer : (N,) int
        Which picture is asked about; words of the question; number of the answer.
    question : (N, T) int32

    Raises
    ------
    ValueError
        Not all of them have N rows, or there is no picture of such a number.
    """

    features: onp.ndarray
    picture: onp.ndarray
    question: onp.ndarray
    length: onp.ndarray
    answer: onp.ndarray

    def __post_init__(self):
        for name in ("question", "length", "answer"):
            rows = len(getattr(self, name))
            if rows != len(self.picture):
                raise ValueError(
                    f"{name} must have a row for each of {len(self.picture)} questions, "
                    f"got {rows}"
                )
        least, most = self.picture.min(initial=0), self.picture.max(initial=0)
        if len(self) and (least < 0 or most >= len(self.features)):
            raise ValueError(
                f"picture must hold numbers from 0 to {len(self.features) - 1}"
            )

    def __len__(self) -> int:
        return len(self.picture)

    def batch(self, chosen: onp.ndarray, device=None) -> tuple:
        """Put some questions on a device, as `StackedAttention` takes them."""
        arrays = (
            self.features[self.picture[chosen]],
            self.question[chosen],
            self.length[chosen],
        )
        return tuple(np.array(array, dtype=array.dtype, ctx=device) for array in arrays)


def examples(
    vocabulary: Vocabulary, features: onp.ndarray, questions: Sequence
) -> Examples:
    """Encode questions, which have an attribute `picture`, a row of `features`.

    Raises
    ------
    ValueError
        A question is about a picture that is not there, or not in the vocabulary.
    """
    picture = onp.array([question.picture for question in questions])
    if picture.min(initial=0) < 0 or picture.max(initial=0) >= len(features):
        raise ValueError(f"questions must be about pictures 0 to {len(features) - 1}")
    return Examples(features, picture, *vocabulary(questions))


# ----------------------------------------------------------------------------- training
def fit(
    network: StackedAttention,
    data: Examples,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 64,
    learning_rate: float = 0.003,
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
    _check_not_empty(data=data)
    _check_positive(batch_size=batch_size)
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
    _check_not_empty(data=data)
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
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")


def _check_not_empty(**values) -> None:
    for name, value in values.items():
        if not len(value):
            raise ValueError(f"{name} must not be empty")


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


def _check_float(name: str, array) -> None:
    if array.dtype != onp.float32:
        raise TypeError(f"{name} must be float32, got {onp.dtype(array.dtype).name}")


def _legacy(F, operator, *arrays, **attributes):
    return getattr(F, operator)(
        *(array.as_nd_ndarray() for array in arrays), **attributes
    ).as_np_ndarray()
