"""Regression data: the wave is what it claims to be; diabetes splits are disjoint, scaled and repeatable."""

import numpy as onp
import pytest

from d2l_attention.datasets.regression import Wave, diabetes


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_laplacian_of_the_wave_by_finite_differences(dimension):
    problem, step = Wave(dimension), 1e-4
    x = onp.random.RandomState(0).uniform(0.1, 0.9, size=(7, dimension))
    shifts = step * onp.eye(dimension)
    second = sum(problem.mean(x + s) - 2 * problem.mean(x) + problem.mean(x - s) for s in shifts)
    onp.testing.assert_allclose(second / step**2, problem.laplacian(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_gradient_of_the_wave_by_finite_differences(dimension):
    problem, step = Wave(dimension), 1e-5
    x = onp.random.RandomState(0).uniform(0.1, 0.9, size=(7, dimension))
    shifts = step * onp.eye(dimension)
    first = [problem.mean(x + s) - problem.mean(x - s) for s in shifts]
    onp.testing.assert_allclose(
        onp.concatenate(first, axis=-1) / (2 * step), problem.gradient(x), atol=1e-6
    )


def test_wave_samples():
    x, y = Wave(2, noise=0.3).sample((4, 5000), onp.random.RandomState(0))
    assert x.shape == (4, 5000, 2) and y.shape == (4, 5000, 1)
    assert x.min() >= 0 and x.max() <= 1
    noise = y - Wave(2).mean(x)
    assert noise.std() == pytest.approx(0.3, rel=0.03) and abs(noise.mean()) < 0.01


def test_diabetes_splits_are_disjoint_scaled_and_repeatable():
    parts = diabetes(seed=3)
    x = onp.concatenate([part.x for part in parts])
    assert len(onp.unique(x, axis=0)) == 442
    onp.testing.assert_allclose(parts[0].x.mean(0), 0, atol=1e-6)
    onp.testing.assert_allclose(parts[0].y.std(0), 1, atol=1e-6)
    onp.testing.assert_array_equal(diabetes(seed=3)[2].y, parts[2].y)
    assert (diabetes(seed=4)[2].y != parts[2].y).any()


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("dimension", lambda: Wave(0)),
        ("noise", lambda: Wave(noise=-1.0)),
        ("features", lambda: Wave(2).mean(onp.zeros((3, 1)))),
        ("num_train", lambda: diabetes(0, num_train=400, num_validation=42)),
    ],
)
def test_errors_name_the_argument(name, call):
    with pytest.raises(ValueError, match=name):
        call()
