"""One way to draw sequences for all models: symbol by symbol, from a distribution that may be sharpened.

Three numbers change the distribution p of the next symbol, in this order (logits -> probabilities):

- `temperature` T: p_i ~ exp(z_i / T); below 1 what is likely becomes likelier, near 0 it is greedy;
- `top_k`: the k likeliest symbols are left (Fan, Lewis and Dauphin 2018);
- `top_p`: the likeliest symbols are left, as few as have a probability of at least p together: the
  nucleus (Holtzman et al. 2020).

What is left is divided by its sum. A model generates as `decoding` says.
"""

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_positive, check_sizes
from d2l_attention.decoding import (
    Generated,
    check_end,
    first_symbols,
    log_softmax,
    writer_of,
)

from mxnet import np


def probabilities(
    logits,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> onp.ndarray:
    """The distribution that `sample` draws from.

    Parameters
    ----------
    logits : numpy.ndarray or nested lists (..., V)
    temperature : float
        T > 0.
    top_k : int, optional
        k >= 1; all symbols, if there are fewer. Those that tie with the last one stay, too.
    top_p : float, optional
        Above 0 and at most 1; the likeliest symbol always stays.

    Returns
    -------
    numpy.ndarray (..., V) float64

    Raises
    ------
    TypeError, ValueError
        A number is out of its range, or a logit is not a number.

    >>> import numpy as onp
    >>> logits = onp.log([0.5, 0.25, 0.125, 0.125])
    >>> probabilities(logits, top_k=2).round(2).tolist()
    [0.67, 0.33, 0.0, 0.0]
    >>> probabilities(logits, top_p=0.8).round(2).tolist()
    [0.57, 0.29, 0.14, 0.0]
    >>> probabilities(logits, temperature=0.5).round(2).tolist()
    [0.73, 0.18, 0.05, 0.05]
    """
    _check(temperature, top_k, top_p)
    logits = onp.asarray(logits, dtype="float64")
    if onp.isnan(logits).any():
        raise ValueError("logits must be numbers, got NaN")
    p = onp.exp(log_softmax(logits / temperature))
    if top_k is not None:
        p = _normalised(p * (p >= _largest(p, top_k)))
    if top_p is not None and top_p < 1:
        p = _normalised(p * _nucleus(p, top_p))
    return p


def _check(temperature, top_k, top_p) -> None:
    check_positive(temperature=temperature)
    if top_k is not None:
        check_sizes(top_k=top_k)
    if top_p is not None:
        check_positive(top_p=top_p)
        if top_p > 1:
            raise ValueError(f"top_p must be at most 1, got {top_p!r}")


def _largest(p: onp.ndarray, k: int) -> onp.ndarray:
    """The k-th largest number of each row: (..., V) -> (..., 1)."""
    place = max(p.shape[-1] - k, 0)
    return onp.partition(p, place, axis=-1)[..., place : place + 1]


def _nucleus(p: onp.ndarray, share: float) -> onp.ndarray:
    """Whether all likelier symbols together have less than the share: (..., V) -> (..., V)."""
    order = onp.argsort(-p, axis=-1, kind="stable")
    ordered = onp.take_along_axis(p, order, axis=-1)
    before = onp.cumsum(ordered, axis=-1) - ordered
    kept = onp.zeros(p.shape, bool)
    onp.put_along_axis(kept, order, before < share, axis=-1)
    return kept


def _normalised(p: onp.ndarray) -> onp.ndarray:
    return p / p.sum(axis=-1, keepdims=True)


def draw(p: onp.ndarray, uniform: onp.ndarray) -> onp.ndarray:
    """The symbol of each row at which the sum of probabilities passes a number from 0 to below 1.

    Parameters
    ----------
    p, uniform : numpy.ndarray (R, V), (R,)

    Returns
    -------
    numpy.ndarray (R,) int32
        Symbols of a probability that is not 0.

    >>> import numpy as onp
    >>> p = onp.array([[0.5, 0.0, 0.5]] * 3)
    >>> draw(p, onp.array([0.0, 0.49, 0.5])).tolist()
    [0, 0, 2]
    """
    sums = onp.cumsum(p, axis=-1)
    passed = sums > (uniform * sums[:, -1])[:, None]
    passed[:, -1] |= ~passed.any(axis=-1)  # where rounding leaves nothing
    return passed.argmax(axis=-1).astype("int32")


def sample(
    model,
    inputs: tuple,
    *,
    longest: int,
    seed: int,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    start: int | None = None,
    end: int | None = None,
    cached: bool = True,
) -> list[list[Generated]]:
    """Draw several sequences for each row of the inputs.

    Parameters
    ----------
    inputs, start, end, longest, cached
        As for `decoding.generate`.
    seed : int
        The same seed and inputs give the same sequences.
    samples : int
        Sequences for each row; what is kept of the inputs is kept once for all of them.
    temperature, top_k, top_p
        As for `probabilities`.

    Returns
    -------
    list of list of Generated
        For each row its samples; `score` is log p of the model itself, at temperature 1.

    Raises
    ------
    TypeError, ValueError
        A number is out of its range, or the model cannot write so much.
    """
    check_sizes(longest=longest, samples=samples)
    _check(temperature, top_k, top_p)
    random = onp.random.RandomState(check_integer("seed", seed, 0, 2**32))
    last, end = first_symbols(model, inputs, start).repeat(samples), check_end(end)
    writer = writer_of(model, inputs, beam=samples, longest=longest, cached=cached)
    drawn = _Drawn(len(last), end)
    uniform = random.random_sample((longest, len(last)))  # of each step, whoever has ended by then
    while drawn.length < longest and not drawn.ended.all():
        words = np.array(last, dtype="int32", ctx=inputs[0].ctx)
        logits, weights = writer.step(words, onp.arange(len(last)))
        logits = logits.asnumpy()
        p = probabilities(logits, temperature=temperature, top_k=top_k, top_p=top_p)
        last = draw(p, uniform[drawn.length])
        drawn.add(last, log_softmax(logits), None if weights is None else weights.asnumpy())
    found = drawn.sequences()
    return [found[row : row + samples] for row in range(0, len(found), samples)]


class _Drawn:
    """Sequences that grow by a symbol each, until they end."""

    def __init__(self, rows: int, end: int):
        self.end, self.ended = end, onp.zeros(rows, bool)
        self.symbols: list[onp.ndarray] = []  # (R,) of each step
        self.log_p: list[onp.ndarray] = []  # (R,)
        self.weights: list[onp.ndarray] = []  # (R, n)

    @property
    def length(self) -> int:
        return len(self.symbols)

    def add(self, symbols: onp.ndarray, log_p: onp.ndarray, weights: onp.ndarray | None) -> None:
        """One symbol for each row; what follows the end does not count."""
        self.symbols.append(symbols)
        self.log_p.append(onp.take_along_axis(log_p, symbols[:, None], axis=1)[:, 0])
        self.ended |= symbols == self.end
        if weights is not None:
            self.weights.append(weights)

    def sequences(self) -> list[Generated]:
        """All rows, each up to its end."""
        return [self._sequence(row) for row in range(len(self.ended))]

    def _sequence(self, row: int) -> Generated:
        symbols = [int(step[row]) for step in self.symbols]
        finished = self.end in symbols
        steps = symbols.index(self.end) + 1 if finished else len(symbols)
        score = float(sum(step[row] for step in self.log_p[:steps]))
        weights = onp.stack([step[row] for step in self.weights[:steps]]) if self.weights else None
        return Generated(tuple(symbols[: steps - finished]), score, finished, weights)
