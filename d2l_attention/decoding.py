"""One way to generate for all models: step by step, greedily or with a beam.

A model that generates has two methods, for a batch of B rows:

- `begin(*inputs)` -> state, a tuple of arrays with B rows each;
- `step(last (B,), state)` -> (logits (B, V), state, weights (B, n)): the scores of the next symbol
  after the last one, and the attention that was paid for it, or None.

One that can keep what it has computed for earlier symbols, in arrays of a fixed size, has another
method, which is used where it exists:

- `begin_cached(*inputs, beam=k, longest=T)` -> a writer for B k rows, k for each row of the inputs, with
  `step(last (R,), rows (R,))` -> (logits (R, V), weights (R, n) or None), where `rows` says which row
  of the step before each row continues: one of the same input.

A model writes after a first symbol, `start`. But a language model goes on with what it is given: it
has `continues = True`, its first input is the beginnings (B, n), and the first step is given the last
symbol of each; `begin` and `begin_cached` leave it out.

Greedy search is a beam of one. A beam keeps the best *hypotheses*, beginnings of each sequence (Sutskever,
Vinyals and Le 2014, section 3.2), and compares finished ones by log p / length^a: without it, what is
short is likelier.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as onp

from d2l_attention.backend.block import check_arrays
from d2l_attention.backend.checks import check_integer, check_sizes

from mxnet import np


@dataclass(frozen=True)
class Generated:
    """What was generated for one row.

    Attributes
    ----------
    symbols : tuple of int
        Without start and end.
    score : float
        log p of the symbols, and of the end if it was reached, in nats.
    finished : bool
        Whether the end was reached, or else `longest`.
    weights : numpy.ndarray (T, n) or None
        The attention at each step, that of the end included.
    """

    symbols: tuple[int, ...]
    score: float
    finished: bool
    weights: onp.ndarray | None


def generate(
    model,
    inputs: tuple,
    *,
    start: int | None = None,
    end: int | None = None,
    longest: int,
    beam: int = 1,
    length_power: float = 1.0,
    allowed: Callable | None = None,
    cached: bool = True,
) -> list[Generated]:
    """Generate a sequence for each row of the inputs: the best that was found.

    Parameters
    ----------
    inputs : tuple of arrays
        What the model's `begin` takes.
    start, end : int, optional
        The symbols before the first and after the last: no start for a model that continues its
        inputs; without end all sequences are as long as they may be.
    longest : int
        Most symbols, the end included.
    beam : int
        How many hypotheses are kept of each sequence; one is greedy search.
    length_power : float
        a >= 0: finished sequences of T symbols are compared by log p / T^a; 0 compares log p.
    allowed : callable, optional
        Symbols so far (R, t) -> what may follow, booleans (R, V), of which at least one a row.
    cached : bool
        Whether a model that has `begin_cached` uses it; what is found is the same.

    Raises
    ------
    TypeError, ValueError
        A number is not positive, or `length_power` is negative.
    """
    check_sizes(beam=beam, longest=longest)
    last, end = first_symbols(model, inputs, start), check_end(end)
    if not length_power >= 0:
        raise ValueError(f"length_power must be at least 0, got {length_power!r}")
    writer = writer_of(model, inputs, beam=beam, longest=longest, cached=cached)
    search = _Beam(len(inputs[0]), beam, end, length_power)
    rows, last = onp.arange(search.batch * beam), last.repeat(beam)
    while search.length < longest and not search.is_over():
        words = np.array(last, dtype="int32", ctx=inputs[0].ctx)
        logits, weights = writer.step(words, rows)
        log_p = log_softmax(logits.asnumpy())
        if allowed is not None:
            log_p = onp.where(allowed(search.symbols), log_p, -onp.inf)
        rows, last = search.extend(log_p, None if weights is None else weights.asnumpy())
    return search.best()


def first_symbols(model, inputs: tuple, start: int | None) -> onp.ndarray:
    """What the first step is given, (B,): `start`, or the last symbols of what the model continues.

    Raises
    ------
    TypeError, ValueError
        `start` is no symbol, or is given, or not, to a model of the other kind; a beginning has no
        symbol.
    """
    if getattr(model, "continues", False):
        if start is not None:
            raise ValueError(f"start must be None: the model continues its inputs, got {start!r}")
        check_arrays("ids B n", beginnings=inputs[0])
        return inputs[0][:, -1].asnumpy()
    if start is None:
        raise ValueError("start must be a symbol, as the model does not continue its inputs")
    return onp.full(len(inputs[0]), check_integer("start", start, 0), "int32")


def check_end(end: int | None) -> int:
    """The symbol that ends a sequence, or -1, which none is."""
    return -1 if end is None else check_integer("end", end, 0)


def writer_of(model, inputs: tuple, *, beam: int, longest: int, cached: bool):
    """What writes the next symbols, `beam` rows for each row of the inputs: `step(last (R,), rows (R,))`
    -> (logits (R, V), weights (R, n) or None).
    """
    if cached and hasattr(model, "begin_cached"):
        return model.begin_cached(*inputs, beam=beam, longest=longest)
    return _Writer(model, inputs, beam)


class _Writer:
    """A model with `begin` and `step`, whose state follows the rows of a beam."""

    def __init__(self, model, inputs: tuple, beam: int):
        self.model, state = model, model.begin(*inputs)
        self.state = _rows(state, onp.repeat(onp.arange(len(state[0])), beam))

    def step(self, last: np.ndarray, rows: onp.ndarray):
        """The symbols after these, which continue those rows: logits (R, V), weights (R, n)."""
        state = _rows(self.state, rows)
        logits, self.state, weights = self.model.step(last, state)
        return logits, weights


def _rows(state: tuple, rows: onp.ndarray) -> tuple:
    """The same rows of all arrays of a state."""
    if (rows == onp.arange(len(rows))).all() and len(rows) == len(state[0]):
        return state
    index = np.array(rows, dtype="int32", ctx=state[0].ctx)
    return tuple(np.take(array, index, axis=0) for array in state)


def log_softmax(logits: onp.ndarray) -> onp.ndarray:
    """log p of all symbols, in float64: (..., V) -> (..., V)."""
    shifted = logits.astype("float64") - logits.max(axis=-1, keepdims=True)
    return shifted - onp.log(onp.exp(shifted).sum(axis=-1, keepdims=True))


def _best(total: onp.ndarray, number: int) -> onp.ndarray:
    """The columns of each row's largest numbers, the largest first."""
    number = min(number, total.shape[1])
    columns = onp.sort(onp.argpartition(total, -number, axis=1)[:, -number:], axis=1)
    values = onp.take_along_axis(total, columns, axis=1)
    return onp.take_along_axis(columns, onp.argsort(-values, axis=1, kind="stable"), axis=1)


class _Beam:
    """The best hypotheses of each of `batch` sequences, and the best finished one."""

    def __init__(self, batch: int, beam: int, end: int, length_power: float):
        self.batch, self.beam, self.end, self.length_power = batch, beam, end, length_power
        self.symbols = onp.zeros((batch * beam, 0), "int32")
        self.log_p = onp.full((batch, beam), -onp.inf)
        self.log_p[:, 0] = 0.0  # all hypotheses are empty, and one of them is enough
        self.weights: list[onp.ndarray] = []  # (batch * beam, n) of each step
        self.finished: list[Generated | None] = [None] * batch
        self.count = onp.zeros(batch, "int64")  # of finished ones

    @property
    def length(self) -> int:
        return self.symbols.shape[1]

    def extend(self, log_p: onp.ndarray, weights: onp.ndarray | None):
        """Go on with the best of all ways to add one symbol: which rows they come from, the symbols."""
        if weights is not None:
            self.weights.append(weights)
        total = (self.log_p.reshape(-1, 1) + log_p).reshape(self.batch, -1)
        rows, symbols = onp.zeros((2, self.batch, self.beam), "int64")
        score = onp.full((self.batch, self.beam), -onp.inf)
        for row, candidates in enumerate(_best(total, 2 * self.beam)):
            origin, added = onp.divmod(candidates, log_p.shape[1])
            ends = added == self.end  # at most `beam` candidates, one for each hypothesis
            for candidate in onp.flatnonzero(ends[: self.beam]):
                self._finish(
                    row, row * self.beam + origin[candidate], total[row, candidates[candidate]]
                )
            chosen = onp.flatnonzero(~ends)[: self.beam]
            rows[row, : len(chosen)] = row * self.beam + origin[chosen]
            symbols[row, : len(chosen)] = added[chosen]
            score[row, : len(chosen)] = total[row, candidates[chosen]]
        rows, symbols = rows.reshape(-1), symbols.reshape(-1).astype("int32")
        self.symbols = onp.concatenate([self.symbols[rows], symbols[:, None]], axis=1)
        self.weights, self.log_p = [step[rows] for step in self.weights], score
        return rows, symbols

    def _finish(self, row: int, source: int, log_p: float) -> None:
        if self.count[row] < self.beam and onp.isfinite(log_p):
            self.count[row] += 1
            found = self._generated(source, log_p, finished=True)
            best = self.finished[row]
            if best is None or self._value(found) > self._value(best):
                self.finished[row] = found

    def _generated(self, source: int, log_p: float, finished: bool) -> Generated:
        weights = onp.stack([step[source] for step in self.weights]) if self.weights else None
        return Generated(tuple(self.symbols[source].tolist()), float(log_p), finished, weights)

    def _value(self, found: Generated) -> float:
        return found.score / max(1, len(found.symbols) + found.finished) ** self.length_power

    def is_over(self) -> bool:
        """Whether each sequence has been finished in as many ways as the beam is wide."""
        return bool((self.count >= self.beam).all())

    def best(self) -> list[Generated]:
        """Of each row the best finished sequence, or the best unfinished one if none is finished."""
        return [
            found or self._generated(row * self.beam, self.log_p[row, 0], finished=False)
            for row, found in enumerate(self.finished)
        ]
