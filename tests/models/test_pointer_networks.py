"""Pointer networks: equal to an independent PyTorch network; the pointers go with the points."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.datasets.point_sets import convex_hull, uniform
from d2l_attention.datasets.pointing import tour_allowed
from d2l_attention.decoding import generate
from d2l_attention.models.pointer_networks import (
    AttendedPositions,
    PointerNetwork,
    Positions,
    TransformerEncoder,
)
from d2l_attention.training import fit

from mxnet import autograd, init, np, optimizer

SIZE = 6


def build(seed: int = 0, **parts) -> PointerNetwork:
    seed_everything(seed)
    network = PointerNetwork(hidden_size=SIZE, **parts)
    network.initialize()
    network(*batch())
    random = onp.random.RandomState(seed)
    for parameter in network.collect_params().values():
        parameter.set_data(np.array(random.normal(0, 0.6, parameter.shape)))
    return network


def batch(count=3, n=5, steps=4, seed=0):
    previous = onp.random.RandomState(seed).randint(0, n + 1, (count, steps))
    return np.array(uniform(count, n, seed=seed)), np.array(previous, dtype="int32")


def variants() -> dict:
    """{name: the arguments of a `PointerNetwork`, and of the oracle's}."""
    return {
        "pointer": ({}, {}),
        "positions": ({"output": Positions(5)}, {"output": ("Positions", 5, SIZE)}),
        "attended positions": (
            {"output": AttendedPositions(5, SIZE)},
            {"output": ("AttendedPositions", 5, SIZE)},
        ),
        "transformer": (
            {"encoder": TransformerEncoder(SIZE, layers=2, num_heads=3)},
            {"encoder": ("TransformerEncoder", SIZE, 2, 3)},
        ),
    }


# ------------------------------------------------------------------------------ the oracle
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
@pytest.mark.parametrize("name", variants())
def test_equals_pytorch(name, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import pointer_networks, pointer_variants, weights

    ours, theirs = variants()[name]
    network, inputs = build(**ours), batch()
    parts = {k: getattr(pointer_variants, v[0])(*v[1:]) for k, v in theirs.items()}
    other = pointer_networks.PointerNetwork(SIZE, **parts)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    points, previous = (torch.tensor(array.asnumpy()) for array in inputs)
    expected = other(points.double(), previous.long())
    random = onp.random.RandomState(1)
    signs = [random.normal(size=each.shape) for each in expected]
    with autograd.record():
        found = network(*inputs)
        pairs = zip(found, signs, strict=True)
        total = sum((array * np.array(sign.astype("float32"))).sum() for array, sign in pairs)
    total.backward()
    sum((e * torch.tensor(sign)).sum() for e, sign in zip(expected, signs, strict=True)).backward()
    for array, other_array in zip(found, expected, strict=True):
        onp.testing.assert_allclose(array.asnumpy(), other_array.detach(), atol=1e-5)
    weights.compare_gradients(network, other)


# ------------------------------------------------------------------------------- properties
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_pointers_are_a_distribution_over_the_points_and_the_end(seed, n):
    _, p = build(seed)(*batch(n=n, seed=seed))
    assert p.shape == (3, 4, n + 1) and (p.asnumpy() >= 0).all()
    onp.testing.assert_allclose(p.asnumpy().sum(-1), 1, atol=1e-5)


def test_a_pointer_network_has_no_weight_that_depends_on_the_number_of_points():
    """So it points among 3 or 30 with the same ones; a layer over positions cannot."""
    network = build()
    for n in (1, 3, 30):
        assert network(*batch(n=n))[0].shape == (3, 4, n + 1)
    with pytest.raises(ValueError, match=r"points must be of shape .* with n = 5"):
        build(output=Positions(5))(*batch(n=6))


def test_weights_of_the_baseline_mix_points_and_choose_none():
    u, weights = build(output=AttendedPositions(5, SIZE))(*batch())
    assert u.shape == (3, 4, 6) and weights.shape == (3, 4, 5)
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)
    assert abs(weights.asnumpy() - onp.exp(u.asnumpy())[..., 1:]).max() > 0.01


def test_used_points_are_never_chosen_again():
    """However the network likes them: every tour that it is allowed to write is one."""
    points = np.array(uniform(20, 7, seed=1))
    for beam in (1, 3):
        found = generate(
            build(seed=3), (points,), start=0, end=0, longest=8, beam=beam, allowed=tour_allowed(7)
        )
        assert all(each.finished and sorted(each.symbols) == [*range(1, 8)] for each in found)


def test_points_in_another_order_have_their_pointers_in_that_order():
    """If the encoder does not know the order. An LSTM does."""
    points, previous = batch()
    order = onp.random.RandomState(1).permutation(5)
    number = onp.concatenate([[0], 1 + onp.argsort(order)])  # of each old point among the new
    permuted = [
        np.array(points.asnumpy()[:, order]),
        np.array(number[previous.asnumpy()], dtype="int32"),
    ]
    network = build(encoder=TransformerEncoder(SIZE, num_heads=2))
    u, other = network(points, previous)[0].asnumpy(), network(*permuted)[0].asnumpy()
    onp.testing.assert_allclose(other[:, :, number], u, atol=1e-5)
    network = build()
    u, other = network(points, previous)[0].asnumpy(), network(*permuted)[0].asnumpy()
    assert abs(other[:, :, number] - u).max() > 1e-3


@pytest.mark.parametrize("name", variants())
def test_examples_do_not_disturb_each_other(name):
    network, (points, previous) = build(**variants()[name][0]), batch()
    together = network(points, previous)[0].asnumpy()
    for row in range(3):
        alone = network(points[row : row + 1], previous[row : row + 1])[0].asnumpy()
        onp.testing.assert_allclose(alone[0], together[row], atol=1e-6)


@pytest.mark.parametrize("name", ["pointer", "transformer"])
def test_hybrid_is_imperative_for_every_number_of_points(name):
    network = build(**variants()[name][0])
    several = [batch(), batch(n=8, seed=1), batch(count=1, steps=1), batch(seed=2)]
    plain = [network(*inputs)[0].asnumpy() for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        onp.testing.assert_allclose(network(*inputs)[0].asnumpy(), expected, atol=1e-6)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("name", variants())
def test_stepping_is_teacher_forcing(name, beam):
    network, (points, _) = build(**variants()[name][0]), batch()
    for row, found in enumerate(generate(network, (points,), start=0, end=0, longest=6, beam=beam)):
        chosen = [*found.symbols, 0] if found.finished else list(found.symbols)
        previous = np.array([[0, *chosen[:-1]]], dtype="int32")
        u, weights = (x.asnumpy()[0] for x in network(points[row : row + 1], previous))
        p = onp.exp(u.astype("float64"))
        p /= p.sum(axis=-1, keepdims=True)
        expected = onp.log(p[onp.arange(len(chosen)), chosen]).sum()
        assert found.score == pytest.approx(expected, abs=1e-4)
        onp.testing.assert_allclose(found.weights, weights, atol=1e-5)


def test_the_loss_is_the_sum_over_a_sequence():
    network, inputs = build(), batch()
    target = np.array([[3, 4, 0, -1], [0, -1, -1, -1], [1, 5, 2, 0]], dtype="int32")
    p = network(*inputs)[1].asnumpy().astype("float64")
    expected = [
        -sum(onp.log(p[i, t, c]) for t, c in enumerate(row) if c >= 0)
        for i, row in enumerate(target.tolist())
    ]
    found = network.loss(network(*inputs), target)
    onp.testing.assert_allclose(found.asnumpy(), expected, atol=1e-4)


def test_hulls_of_triangles_are_learned():
    """A task that needs the decoder: the three points, counter-clockwise."""
    points = uniform(2000, 3, seed=0)
    hulls = onp.array([[*convex_hull(each), -1] for each in points]) + 1  # 0 is the end
    previous = onp.concatenate([onp.zeros((len(hulls), 1)), hulls[:, :-1]], axis=1).astype("int32")
    seed_everything(0)
    network = PointerNetwork(hidden_size=16)
    network.initialize(init.Xavier())

    def batches(epoch):
        order = onp.random.RandomState(epoch).permutation(len(points))
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            yield (points[chosen], previous[chosen]), hulls[chosen].astype("int32")

    fit(network, batches, optimizer.Adam(learning_rate=0.01), epochs=10, progress=False)
    new = uniform(200, 3, seed=1)
    found = generate(network, (np.array(new),), start=0, end=0, longest=5)
    right = [
        each.symbols == tuple(1 + c for c in convex_hull(points))
        for each, points in zip(found, new, strict=True)
    ]
    assert onp.mean(right) > 0.62  # guessing the direction: .5 +- .035


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: PointerNetwork(hidden_size=0), ValueError, "hidden_size"),
        (lambda: Positions(0), ValueError, "num_points"),
        (lambda: TransformerEncoder(8, layers=0), ValueError, "layers"),
        (lambda: TransformerEncoder(8, num_heads=3), ValueError, "num_heads must divide"),
        (lambda: build().begin(batch()[0][:, :, :1]), ValueError, "points must be of shape"),
        (lambda: build()(batch()[0][:, :, :1], batch()[1]), ValueError, "points must be of shape"),
        (
            lambda: build()(batch()[0], batch()[1] + 6),
            ValueError,
            "previous must hold whole numbers",
        ),
        (lambda: build()(batch()[0][:, :0], batch()[1]), ValueError, "none of them 0"),
        (lambda: build().loss(build()(*batch()), batch()[1] + 6), ValueError, "target must hold"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
