"""Positions: the formula by hand, rows of the table, places that are given, errors."""

import math

import numpy as onp
import pytest

from d2l_attention.attention import (
    LearnedPositions,
    Positions,
    SinusoidalPositions,
    sinusoids,
)
from tests.attention.every_score import both_modes

from mxnet import autograd, np

KINDS = {
    "none": Positions,
    "sinusoidal": lambda: SinusoidalPositions(6, longest=9),
    "learned": lambda: LearnedPositions(6, longest=9),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind, hybridize=False):
    positions = KINDS[kind]()
    positions.initialize()
    if hybridize:
        positions.hybridize(static_alloc=True)
    return positions


def test_sinusoids_are_the_papers_formula():
    """Written with loops, from section 3.5 of the paper."""
    found = sinusoids(7, 10)
    for place in range(7):
        for i in range(5):
            angle = place / 10000 ** (2 * i / 10)
            assert found[place, 2 * i] == pytest.approx(math.sin(angle), abs=1e-12)
            assert found[place, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-12)


def test_products_of_sinusoids_depend_on_the_distance_alone():
    products = sinusoids(30, 16) @ sinusoids(30, 16).T
    for distance in range(10):
        diagonal = onp.diagonal(products, distance)
        onp.testing.assert_allclose(diagonal, diagonal[0], atol=1e-12)
    assert products[0, 0] == pytest.approx(8) and (onp.diagonal(products, 3) < 8).all()


@both_modes
@every_kind
@pytest.mark.filterwarnings("ignore:.*not used by any computation")
def test_rows_of_the_table_are_added(kind, hybridize):
    positions, x = made(kind, hybridize), np.random.normal(size=(3, 5, 6))
    rows = onp.zeros((9, 6)) if kind == "none" else positions.table.data().asnumpy()
    onp.testing.assert_allclose(positions(x).asnumpy(), x.asnumpy() + rows[:5], atol=1e-6)
    place = onp.array([[0, 1, 2, 3, 4], [8, 8, 0, 2, 1], [4, 3, 2, 1, 0]], "int32")
    found = positions(x, np.array(place, dtype="int32"))
    onp.testing.assert_allclose(found.asnumpy(), x.asnumpy() + rows[place], atol=1e-6)


@both_modes
def test_what_is_learned_gets_the_gradient_of_its_rows(hybridize):
    positions, x = made("learned", hybridize), np.random.normal(size=(3, 5, 6))
    signs = onp.random.RandomState(0).normal(size=(3, 5, 6)).astype("float32")
    with autograd.record():
        total = (positions(x) * np.array(signs)).sum()
    total.backward()
    found = positions.table.grad().asnumpy()
    onp.testing.assert_allclose(found[:5], signs.sum(axis=0), atol=1e-5)
    assert (found[5:] == 0).all()


def test_sinusoids_are_not_trained():
    parameters = made("sinusoidal").collect_params().values()
    assert [p.grad_req for p in parameters] == ["null"]


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_a_place_that_is_not_in_the_table_is_refused(kind):
    with pytest.raises(ValueError, match="x must have at most 9 places, the table's; got 10"):
        made(kind)(np.zeros((1, 10, 6)))
    for place in (9, -1):
        with pytest.raises(ValueError, match="place must hold whole numbers from 0 to 8"):
            made(kind)(np.zeros((1, 1, 6)), np.array([[place]], dtype="int32"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sinusoids(4, 5), ValueError, "size must be even"),
        (lambda: SinusoidalPositions(5), ValueError, "size must be even"),
        (lambda: LearnedPositions(4, longest=0), ValueError, "longest must be at least 1"),
        (lambda: LearnedPositions(4.0, longest=3), TypeError, "size must be an integer"),
        (lambda: made("learned")(np.zeros((1, 2, 5))), ValueError, "x must be of shape"),
        (
            lambda: made("learned")(np.zeros((2, 1, 6)), np.zeros((2, 1))),
            TypeError,
            "place must be int32",
        ),
    ],
)
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
