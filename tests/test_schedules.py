"""Learning rates: the paper's formula, its peak, and an optimizer that follows it."""

import numpy as onp
import pytest

from d2l_attention.schedules import WarmUp

from mxnet import autograd, np, optimizer
from mxnet.gluon import Trainer, nn


def test_it_is_the_papers_formula():
    """Equation 3 of Vaswani et al. (2017), for the base model."""
    d, steps = 512, 4000
    rate = WarmUp((d * steps) ** -0.5, steps=steps)
    for s in (1, 2, 100, 3999, 4000, 4001, 20_000, 100_000):
        assert rate(s) == pytest.approx(d**-0.5 * min(s**-0.5, s * steps**-1.5), rel=1e-12)


def test_it_rises_then_falls():
    rate = WarmUp(0.01, steps=10)
    rates = onp.array([rate(s) for s in range(1, 60)])
    assert rates.argmax() == 9 and rates.max() == 0.01
    assert (onp.diff(rates[:10]) > 0).all() and (onp.diff(rates[9:]) < 0).all()
    assert rate(0) == rate(1)


@pytest.mark.parametrize("own", [0.8, 0.1])
def test_an_optimizer_follows_it_whatever_rate_it_has_itself(own):
    model = nn.Dense(1, use_bias=False, in_units=1)
    model.initialize()
    sgd = optimizer.SGD(learning_rate=own, lr_scheduler=WarmUp(0.8, steps=4))
    trainer, seen = Trainer(model.collect_params(), sgd), []
    for _ in range(6):
        before = model.weight.data().item()
        with autograd.record():
            loss = model(np.ones((1, 1))).sum()  # its gradient is one
        loss.backward()
        trainer.step(1)
        seen.append(before - model.weight.data().item())
    onp.testing.assert_allclose(
        seen, [0.2, 0.4, 0.6, 0.8, 0.8 * 0.8**0.5, 0.8 * (4 / 6) ** 0.5], 1e-4
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"peak": 0.0, "steps": 3}, ValueError, "peak must be a positive number"),
        ({"peak": 0.1, "steps": 0}, ValueError, "steps must be at least 1"),
        ({"peak": 0.1, "steps": 2.5}, TypeError, "steps must be an integer"),
    ],
)
def test_wrong_numbers_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        WarmUp(**arguments)
