"""The live figure of deep sets: the reader puts digits on the table, takes them away, shuffles them.

A deep set and an LSTM, both trained on sums of at most ten digits, answer at once.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import digit_sets
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.deep_sets import DeepSet, SequenceReader, mlp
from d2l_attention.training import fit, predict

from mxnet import init, lr_scheduler, optimizer

__all__ = ["MOST", "answers", "contents", "network", "train"]

MOST = 30  # digits on the table
HIDDEN, SIZES = 32, range(1, 11)
STEPS, BATCH_SIZE, RATE = 3000, 128, 0.01
LABEL = (
    "Digits on a table, a bar for what each adds to the answer of a deep set, and below them two "
    "answers: that of the deep set, which is the sum, and that of an LSTM, which changes when the "
    "digits are shuffled."
)


def contents() -> Contents:
    """Some digits; takes no arguments.

    >>> contents().label[:17]
    'Digits on a table'
    """
    return Contents(picture("deep_sets"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train both networks: settings and arrays for `data.write`."""
    models = {"set": _set(), "lstm": _lstm()}
    for name, model in models.items():
        _fit(model, name)
    settings = {"most": MOST, "longest": max(SIZES)}
    return settings, data.rounded(_parameters(**models))


def _set() -> DeepSet:
    return DeepSet(phi=mlp(HIDDEN, last="tanh"), rho=mlp(1))


def _lstm() -> SequenceReader:
    return SequenceReader(HIDDEN, cell="lstm")


def _fit(model, name: str) -> None:
    seed_everything(0)
    model.initialize(init.Xavier())
    every = digit_sets.sum_batches(
        *digit_sets.one_hot(), SIZES, count=STEPS, batch_size=BATCH_SIZE, seed=0
    )
    falling = {"base_lr": RATE, "final_lr": RATE / 1000, "warmup_steps": STEPS // 20}
    schedule = lr_scheduler.CosineScheduler(STEPS, **falling)
    adam = optimizer.Adam(learning_rate=RATE, lr_scheduler=schedule)
    fit(model, every, adam, epochs=1, clip_norm=1.0 if name == "lstm" else None, description=name)


def _parameters(set: DeepSet, lstm: SequenceReader) -> dict:
    """Parameters by the names of the equations."""
    cell = lstm.cell.lstm
    return {
        "V": set.phi[0].weight,
        "b": set.phi[0].bias,
        "w": set.rho[0].weight,
        "c": set.rho[0].bias,
        "E": lstm.E.weight,
        "W_x": cell.l0_i2h_weight,
        "W_h": cell.l0_h2h_weight,
        "w_lstm": lstm.rho.weight,
        "c_lstm": lstm.rho.bias,
    }


def network() -> tuple[DeepSet, SequenceReader]:
    """Both networks, with the weights that the page has."""
    models = _set(), _lstm()
    for model in models:
        model.initialize()
        predict(model, [(_table([0]), None)])  # finds the shapes
    data.restore(_parameters(*models), data.read("deep_sets")[1])
    return models


def _table(digits: list[int]) -> tuple[onp.ndarray, onp.ndarray]:
    """The digits as a batch of one set; of no digit, one place of padding."""
    rows = onp.eye(10, dtype="float32")[digits] if digits else onp.zeros((1, 10), "float32")
    return rows[None], onp.full((1, 1, len(rows)), float(bool(digits)), "float32")


def answers(models: tuple, digits: list[int]) -> dict[str, float]:
    """What the two say of digits in this order: {"sum", "lstm"}."""
    found = (float(predict(model, [(_table(digits), None)])[0, 0]) for model in models)
    return dict(zip(("sum", "lstm"), found, strict=True))
