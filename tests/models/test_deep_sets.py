"""Deep Sets: equal to PyTorch, and to brute force over all orders; padding and empty sets."""

import itertools

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.attention import length_mask
from d2l_attention.datasets import digit_sets
from d2l_attention.datasets.batches import batches
from d2l_attention.models.deep_sets import (
    Concatenation,
    DeepSet,
    EquivariantLayer,
    SequenceReader,
    SetClassifier,
    SetScores,
    absolute_error,
    margin_loss,
    max_pool,
    mean_pool,
    mlp,
    sum_pool,
)
from d2l_attention.training import accuracy, fit, predict

from mxnet import autograd, init, np, optimizer
from mxnet.gluon import nn

D, H = 4, 6
POOLS = {"sum": sum_pool, "mean": mean_pool, "max": max_pool}
MODELS = {
    "sum": lambda: DeepSet(mlp(H, H, activation="tanh", last="tanh"), mlp(H, 1, activation="tanh")),
    "mean": lambda: DeepSet(mlp(H, H, last="tanh"), mlp(1), pool=mean_pool),
    "max": lambda: DeepSet(mlp(H, H, last="tanh"), mlp(1), pool=max_pool),
    "scores, mean": lambda: SetScores(mlp(H, last="tanh"), layers(mean_pool)),
    "scores, max": lambda: SetScores(mlp(H, last="tanh"), layers(max_pool)),
    "scores, sum": lambda: SetScores(mlp(H, last="tanh"), layers(sum_pool)),
    "lstm": lambda: SequenceReader(H),
    "gru": lambda: SequenceReader(H, cell="gru"),
}
INVARIANT, EQUIVARIANT = ["sum", "mean", "max"], ["scores, mean", "scores, max", "scores, sum"]
every_model = pytest.mark.parametrize("name", MODELS)
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


def layers(pool):
    return [EquivariantLayer(H, pool=pool, activation="tanh") for _ in range(2)]


def sets(sizes=(5, 3, 1, 0), most=5, seed=0, before=True):
    """Ragged sets, with noise in the padding, which stands before or behind the elements."""
    x = onp.random.RandomState(seed).normal(size=(len(sizes), most, D)).astype("float32")
    place = onp.arange(most)
    there = [place >= most - n if before else place < n for n in sizes]
    return x, onp.array(there, "float32")[:, None]


def build(name, seed=0, inputs=None):
    seed_everything(seed)
    network = MODELS[name]() if isinstance(name, str) else name
    network.initialize(init.Xavier(magnitude=6))
    call(network, *(inputs or sets()))
    random = onp.random.RandomState(seed)
    for key, parameter in network.collect_params().items():
        if key.endswith("bias") and parameter.grad_req != "null":
            parameter.set_data(np.array(random.normal(0, 0.5, parameter.shape), dtype="float32"))
    return network


def call(network, *arrays):
    return network(*(np.array(a, dtype=a.dtype) for a in arrays)).asnumpy()


# ------------------------------------------------------------------------------ the oracle
def oracle(name, network):
    import torch
    from torch import nn as tnn

    from tests.oracles import deep_sets, weights

    def sequence(*sizes, activations):
        """The linear layers under numbers that count layers only, as Gluon's dense layers."""

        class Sequence(tnn.ModuleList):
            def forward(self, x):
                for layer, function in zip(self, activations, strict=True):
                    x = getattr(torch, function)(layer(x)) if function else layer(x)
                return x

        return Sequence([tnn.Linear(a, b) for a, b in itertools.pairwise(sizes)])

    kind = name.split(", ")[-1]
    if name in ("lstm", "gru"):
        other = deep_sets.SequenceReader(D, H, name)
    elif name.startswith("scores"):
        own = [deep_sets.EquivariantLayer(H, H, kind, torch.tanh) for _ in range(2)]
        other = deep_sets.SetScores(sequence(D, H, activations=["tanh"]), own, H)
    elif name == "sum":
        phi = sequence(D, H, H, activations=["tanh", "tanh"])
        other = deep_sets.DeepSet(phi, sequence(H, H, 1, activations=["tanh", None]))
    else:
        phi = sequence(D, H, H, activations=["relu", "tanh"])
        other = deep_sets.DeepSet(phi, sequence(H, 1, activations=[None]), kind)
    weights.copy_weights(network, other)
    return other


@every_model
@both_modes
def test_equals_pytorch(name, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    network = build(name)
    other, (x, mask) = oracle(name, network), sets()
    network.hybridize(hybridize, static_alloc=hybridize)
    signs = onp.random.RandomState(1).normal(size=(len(x), 5 if "scores" in name else 1))
    there = mask[:, 0] if "scores" in name else onp.ones((len(x), 1))
    with autograd.record():
        found = network(np.array(x), np.array(mask))
        total = (found * np.array((signs * there).astype("float32"))).sum()
    total.backward()
    expected = other(torch.tensor(x).double(), torch.tensor(mask).double())
    kept = torch.where(torch.tensor(there) > 0, expected, 0.0)
    (kept * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(found.asnumpy() * there, kept.detach(), atol=1e-5)
    if "scores" in name:
        assert (found.asnumpy()[there == 0] < -1e38).all()
    weights.compare_gradients(network, other)


@both_modes
def test_the_margin_loss_is_pytorchs(hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import deep_sets

    network = build("scores, mean")
    x, mask = sets((5, 3, 2), before=False)
    target = onp.array([4, 0, 1])
    network.hybridize(hybridize, static_alloc=hybridize)
    scores = network(np.array(x), np.array(mask))
    scores.attach_grad()
    with autograd.record():
        losses = margin_loss(scores, np.array(target, dtype="int32"), 0.7)
    losses.backward()
    given = scores.asnumpy().astype("float64")
    other = torch.tensor(onp.where(given < -1e38, -onp.inf, given), requires_grad=True)
    expected = deep_sets.margin_loss(other, torch.tensor(target), 0.7)
    expected.sum().backward()
    onp.testing.assert_allclose(losses.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(scores.grad.asnumpy(), other.grad, atol=1e-5)
    assert (losses.asnumpy() > 0).any()


def test_the_margin_loss_is_zero_as_soon_as_the_margin_is_kept():
    scores = np.array([[2.0, 1.0, 1.0], [2.0, 1.5, 0.0], [0.0, 0.0, 0.0]])
    found = margin_loss(scores, np.array([0, 0, 1], dtype="int32"), 1.0).asnumpy()
    onp.testing.assert_allclose(found, [0, 0.25, 1], atol=1e-6)
    with pytest.raises(ValueError, match="target must hold whole numbers from 0 to 2"):
        margin_loss(scores, np.array([3, 0, 1], dtype="int32"))


# -------------------------------------------------------------------------------- permutations
@pytest.mark.parametrize("name", INVARIANT)
def test_all_orders_have_one_answer(name):
    """Brute force: all 120 orders of five elements, and all places that padding can have."""
    network, (x, _) = build(name), sets((5,))
    orders = onp.array(list(itertools.permutations(range(5))))
    found = call(network, x[0][orders], onp.ones((len(orders), 1, 5), "float32"))
    assert onp.ptp(found, axis=0).max() < 1e-5
    places = onp.array([m for m in itertools.product([0, 1], repeat=5) if sum(m) == 3], "float32")
    rows = onp.zeros((len(places), 5, D), "float32")
    for row, place in zip(rows, places, strict=True):
        row[place > 0] = x[0, :3]
    assert onp.ptp(call(network, rows, places[:, None]), axis=0).max() < 1e-5


@pytest.mark.parametrize("name", EQUIVARIANT)
def test_all_orders_take_the_scores_along(name):
    network, (x, _) = build(name), sets((5,))
    orders = onp.array(list(itertools.permutations(range(5))))
    alone = call(network, x, onp.ones((1, 1, 5), "float32"))[0]
    found = call(network, x[0][orders], onp.ones((len(orders), 1, 5), "float32"))
    onp.testing.assert_allclose(found, alone[orders], atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_sequence_reader_has_another_answer_for_another_order(name):
    network, (x, _) = build(name), sets((5,))
    orders = onp.array(list(itertools.permutations(range(5))))
    found = call(network, x[0][orders], onp.ones((len(orders), 1, 5), "float32"))
    assert len(onp.unique(found.round(5))) > 100


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 7), min_size=1, max_size=5),
    st.sampled_from([*INVARIANT, *EQUIVARIANT]),
)
def test_order_does_not_count(seed, sizes, name):
    """f(pi X) = f(X); and scores, f(pi X) = pi f(X)."""
    network = build(name, seed)
    x, mask = sets(sizes, most=7, seed=seed)
    order = onp.random.RandomState(seed).permutation(7)
    expected, found = call(network, x, mask), call(network, x[:, order], mask[..., order])
    expected = expected[:, order] if name in EQUIVARIANT else expected
    onp.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 6), min_size=1, max_size=5),
    st.sampled_from(sorted(MODELS)),
)
def test_padding_never_changes_an_answer(seed, sizes, name):
    """What stands in it does not matter to the last bit, how long it is only by rounding."""
    network = build(name, seed)
    x, mask = sets(sizes, most=6, seed=seed)
    together = call(network, x, mask)
    garbage = onp.where(mask[:, 0, :, None] > 0, x, 1e3)
    onp.testing.assert_array_equal(call(network, garbage.astype("float32"), mask), together)
    for row, there, expected in zip(x, mask[:, 0] > 0, together, strict=True):
        if there.any():
            alone = call(network, row[there][None], onp.ones((1, 1, there.sum()), "float32"))[0]
            expected = expected[there] if name in EQUIVARIANT else expected
            onp.testing.assert_allclose(alone, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pool", POOLS)
def test_pools_are_those_of_numpy_and_masked_elements_count_exactly_zero(pool):
    x, mask = sets((4, 2, 1), before=False)
    found = POOLS[pool](np.array(x), np.array(mask)).asnumpy()
    for row, there, pooled in zip(x, mask[:, 0] > 0, found[:, 0], strict=True):
        expected = getattr(onp, pool)(row[there].astype("float64"), axis=0)
        onp.testing.assert_allclose(pooled, expected, atol=1e-6)
    values = np.array(x)
    values.attach_grad()
    with autograd.record():
        total = POOLS[pool](values, np.array(mask)).sum()
    total.backward()
    assert (values.grad.asnumpy()[mask[:, 0] == 0] == 0).all()
    assert (abs(values.grad.asnumpy()[mask[:, 0] == 1]).sum() > 0).all()


@every_model
@both_modes
def test_the_empty_set_has_an_answer(name, hybridize):
    """rho(0), whatever is in the padding; its elements score nothing; gradients are finite."""
    network = build(name)
    network.hybridize(hybridize, static_alloc=hybridize)
    x, mask = sets((0, 0, 3))
    with autograd.record():
        found = network(np.array(x), np.array(mask))
        total = (found * (found > -1e38)).sum()
    total.backward()
    found = found.asnumpy()
    if name in EQUIVARIANT:
        assert (found[:2] < -1e38).all()
    else:
        of_nothing = network.rho(np.zeros((1, H))).asnumpy()
        onp.testing.assert_array_equal(found[:2], onp.repeat(of_nothing, 2, axis=0))
    for parameter in network.collect_params().values():
        if parameter.grad_req != "null":
            assert onp.isfinite(parameter.grad().asnumpy()).all()


@every_model
def test_hybrid_is_imperative(name):
    network = build(name)
    several = [sets(sizes) for sizes in ((5, 3), (1, 0, 2), (5, 3))]
    plain = [call(network, *each) for each in several]
    network.hybridize(static_alloc=True)
    for each, expected in zip(several, plain, strict=True):
        onp.testing.assert_allclose(call(network, *each), expected, atol=1e-6)


@every_model
def test_float64_after_cast_equals_float32(name):
    network, (x, mask) = build(name), sets()
    expected = call(network, x, mask)
    network.cast("float64")
    found = call(network, x.astype("float64"), mask.astype("float64"))
    assert found.dtype == "float64"
    onp.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(TypeError, match="weights are float64, arrays float32"):
        network(np.array(x), np.array(mask))


@pytest.mark.parametrize("name", ["sum", "scores, mean", "lstm"])
def test_a_saved_network_answers_the_same(tmp_path, name):
    network, (x, mask) = build(name), sets()
    network.save_parameters(str(tmp_path / "network.params"))
    other = MODELS[name]()
    other.load_parameters(str(tmp_path / "network.params"))
    onp.testing.assert_array_equal(call(other, x, mask), call(network, x, mask))


# -------------------------------------------------------------------------------- theory, in code
def test_power_sums_know_the_set():
    """phi(x) = (x, x^2, x^3): three sums, of which rho can make the three numbers again."""
    x = onp.array([[[3.0], [1.0], [4.0]]])
    sums = sum(onp.concatenate([x**k for k in (1, 2, 3)], axis=2)[0])
    assert sums.tolist() == [8, 26, 92]


def test_one_weight_for_itself_and_one_for_all_is_what_equivariance_allows():
    """Lemma 3: a matrix commutes with all permutations only if it is lambda I + gamma 11^T."""
    n = 4
    conditions = []
    for order in itertools.permutations(range(n)):
        P = onp.eye(n)[list(order)]
        conditions.append(onp.kron(P, onp.eye(n)) - onp.kron(onp.eye(n), P.T))
    rank = onp.linalg.matrix_rank(onp.concatenate(conditions))
    assert n * n - rank == 2


# ------------------------------------------------------------------------------------- training
def train(network, data, steps, rate=0.02):
    network.initialize(init.Xavier())
    fit(network, data, optimizer.Adam(learning_rate=rate), epochs=steps, progress=False)
    return network


def test_a_deep_set_learns_to_add_and_a_longer_set_is_no_harder():
    seed_everything(0)
    data = digit_sets.sum_batches(*digit_sets.one_hot(), range(4), count=40, batch_size=64, seed=0)
    network = train(DeepSet(mlp(8, last="tanh"), mlp(1)), data, 15)
    inputs, total = digit_sets.sums(*digit_sets.one_hot(), 100, [12], seed=1)
    assert abs(predict(network, [(inputs, None)]) - total).mean() < 1


def test_scores_find_the_outlier_and_a_concatenation_learns_too():
    ones = digit_sets.one_hot()
    data = batches(*digit_sets.outliers(*ones, 400, 5, seed=0), 50, shuffle=True)
    test = [digit_sets.outliers(*ones, 200, 5, seed=1)]
    seed_everything(0)
    scores = train(SetScores(mlp(16), [EquivariantLayer(16)]), data, 20)
    assert accuracy(scores, test) > 0.95
    fixed = train(Concatenation(mlp(16), 32, 5), data, 5)
    assert fixed(np.array(test[0][0][0][:2]), np.array(test[0][0][1][:2])).shape == (2, 5)


def test_a_classifier_has_cross_entropy():
    network = build(SetClassifier(mlp(H, last="tanh"), mlp(3)))
    x, mask = sets()
    output = network(np.array(x), np.array(mask))
    found = network.loss(output, np.array([0, 2, 1, 0], dtype="int32")).asnumpy()
    logits = output.asnumpy().astype("float64")
    expected = onp.log(onp.exp(logits).sum(axis=1)) - logits[range(4), [0, 2, 1, 0]]
    onp.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="target must hold whole numbers from 0 to 2"):
        network.loss(output, np.array([0, 3, 1, 0], dtype="int32"))
    error = absolute_error(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]))
    assert error.tolist() == [1.5]


# ---------------------------------------------------------------------------------------- calls
BAD = [
    (ValueError, "mask must be of shape", lambda x, m: (x, m[:, 0])),
    (ValueError, "mask must be of shape .* n = 5", lambda x, m: (x, m[:, :, :4])),
    (ValueError, "x must be of shape", lambda x, m: (x[0], m)),
    (ValueError, "none of them 0", lambda x, m: (x[:, :0], m[:, :, :0])),
    (TypeError, "mask must be float32", lambda x, m: (x, m.astype("int32"))),
]


@every_model
@pytest.mark.parametrize(("error", "message", "change"), BAD)
def test_bad_calls_are_refused(name, error, message, change):
    network = build(name)
    x, mask = sets()
    with pytest.raises(error, match=message):
        call(network, *change(x, mask))


def test_sizes_and_choices_are_checked():
    with pytest.raises(ValueError, match="sizes must not be empty"):
        mlp()
    with pytest.raises(ValueError, match="cell must be one of"):
        SequenceReader(4, cell="rnn")
    with pytest.raises(ValueError, match="hidden_size must be"):
        SequenceReader(0)
    with pytest.raises(ValueError, match="size must be"):
        EquivariantLayer(0)
    with pytest.raises(ValueError, match="margin must be"):
        SetScores(mlp(3), margin=0.0)
    fixed = Concatenation(mlp(3), 4, 5)
    fixed.initialize()
    with pytest.raises(ValueError, match=r"x must be of shape .* n = 5"):
        fixed(np.ones((1, 4, 2)), length_mask([4], 4))
    assert isinstance(mlp(3, 2), nn.HybridSequential)
