"""Heads that read a menu: equal to PyTorch; one head cannot compare, two can; order needs positions."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.attention import (
    LearnedPositions,
    MultiHeadAttention,
    SinusoidalPositions,
    causal_mask,
    length_mask,
    masked_softmax,
)
from d2l_attention.attention.positions import sinusoids
from d2l_attention.datasets import menus
from d2l_attention.datasets.batches import batches
from d2l_attention.models.multi_head_attention import ByName, ByPlace, without_heads
from d2l_attention.training import accuracy, fit, predict

from mxnet import autograd, init, np, optimizer

SIZE = 8
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


def ready(network, inputs, seed: int = 0):
    """The network with random weights, and its inputs as MXNet arrays."""
    seed_everything(seed)
    arrays = [np.array(x, dtype=x.dtype) for x in inputs]
    network.initialize(init.Normal(0.5))
    network(*arrays)
    random = onp.random.RandomState(seed)
    for parameter in network.collect_params().values():
        if parameter.grad_req != "null":
            parameter.set_data(np.array(random.normal(0, 0.6, parameter.shape)))
    return network, arrays


def named(count: int = 3, seed: int = 0):
    return menus.by_name(count, lines=(3, 6), seed=seed)


# ------------------------------------------------------------------------------ the oracles
MASKS = {
    "none": lambda n: None,
    "padding": lambda n: length_mask([n, 2, 1], n),
    "causal": causal_mask,
    "both": lambda n: length_mask([n, 2, 1], n) * causal_mask(n),
}


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("use_bias", [False, True], ids=["no bias", "bias"])
@both_modes
def test_self_attention_equals_torchs_own(kind, use_bias, hybridize):
    """torch.nn.MultiheadAttention, which is told what is forbidden: padding and causal masks apart."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    seed_everything(0)
    x, n = np.random.normal(size=(3, 5, SIZE)), 5
    x.attach_grad()
    ours = MultiHeadAttention(SIZE, num_heads=4, use_bias=use_bias)
    ours.initialize(init.Normal(0.5))
    ours(x, x, x)
    theirs = torch.nn.MultiheadAttention(SIZE, 4, bias=use_bias, batch_first=True)
    layers = [ours.W_q, ours.W_k, ours.W_v]

    def joined(get):
        return torch.tensor(onp.concatenate([get(layer).asnumpy() for layer in layers]))

    with torch.no_grad():
        theirs.in_proj_weight.copy_(joined(lambda layer: layer.weight.data()))
        theirs.out_proj.weight.copy_(torch.tensor(ours.W_o.weight.data().asnumpy()))
        if use_bias:
            for layer in (*layers, ours.W_o):
                layer.bias.set_data(np.random.normal(size=SIZE))
            theirs.in_proj_bias.copy_(joined(lambda layer: layer.bias.data()))
            theirs.out_proj.bias.copy_(torch.tensor(ours.W_o.bias.data().asnumpy()))
    ours.hybridize(hybridize)
    mask = MASKS[kind](n)
    with autograd.record():
        context, weights = ours(x, x, x, *([] if mask is None else [mask]))
        total = np.square(context).sum() + np.square(weights).sum()
    total.backward()
    options = {"average_attn_weights": False}
    if kind in ("padding", "both"):
        options["key_padding_mask"] = torch.arange(n) >= torch.tensor([[n], [2], [1]])
    if kind in ("causal", "both"):
        options["attn_mask"] = torch.ones(n, n, dtype=torch.bool).triu(1)
    same = torch.tensor(x.asnumpy(), requires_grad=True)
    expected, expected_weights = theirs(same, same, same, **options)
    (expected.square().sum() + expected_weights.square().sum()).backward()
    onp.testing.assert_allclose(context.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy(), expected_weights.detach(), atol=1e-5)
    scale = max(1, abs(same.grad).max())
    onp.testing.assert_allclose(x.grad.asnumpy(), same.grad, atol=1e-5 * scale)
    found = joined(lambda layer: layer.weight.grad())
    scale = max(1, abs(theirs.in_proj_weight.grad).max())
    onp.testing.assert_allclose(found, theirs.in_proj_weight.grad, atol=1e-5 * scale)


def compare(network, other, arrays, hybridize, seed: int = 1):
    """Outputs and gradients of a random mixture of them."""
    import torch

    from tests.oracles import weights

    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    given = [torch.tensor(x.asnumpy()) for x in arrays]
    expected = other(*(x.double() if x.is_floating_point() else x.long() for x in given))
    random = onp.random.RandomState(seed)
    signs = [random.normal(size=tuple(each.shape)) for each in expected]
    with autograd.record():
        found = network(*arrays)
        total = sum((each * np.array(sign)).sum() for each, sign in zip(found, signs, strict=True))
    total.backward()
    sum(
        (each * torch.tensor(sign)).sum() for each, sign in zip(expected, signs, strict=True)
    ).backward()
    for each, other_one in zip(found, expected, strict=True):
        onp.testing.assert_allclose(each.asnumpy(), other_one.detach().numpy(), atol=1e-5)
    weights.compare_gradients(network, other)


@pytest.mark.parametrize("num_heads", [1, 2, 4])
@both_modes
def test_by_name_equals_pytorch(num_heads, hybridize):
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import multi_head_attention as oracle

    network, arrays = ready(ByName(12, hidden_size=SIZE, num_heads=num_heads), named()[0])
    compare(network, oracle.ByName(12, SIZE, num_heads), arrays, hybridize)


@pytest.mark.parametrize("positions", [False, True], ids=["none", "learned"])
@both_modes
def test_by_place_equals_pytorch(positions, hybridize):
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import menu_places

    inputs, _ = menus.by_place(3, lines=(3, 6), seed=0)
    table = LearnedPositions(SIZE, longest=6) if positions else None
    network, arrays = ready(ByPlace(hidden_size=SIZE, num_heads=2, positions=table), inputs)
    other = menu_places.ByPlace(SIZE, 2, longest=6 if positions else None)
    compare(network, other, arrays, hybridize)


@both_modes
def test_the_loss_is_the_mean_over_what_is_asked(hybridize):
    (inputs, target) = menus.by_place(4, lines=(3, 7), seed=0)
    network, arrays = ready(ByPlace(hidden_size=SIZE), inputs)
    network.hybridize(hybridize)
    output = network(*arrays)
    found = network.loss(output, np.array(target, dtype="int32")).asnumpy()
    logits = output[0].asnumpy().astype("float64")
    log_p = logits - onp.log(onp.exp(logits).sum(axis=-1, keepdims=True))
    for row, answers, loss in zip(log_p, target, found, strict=True):
        asked = [-row[i, answer] for i, answer in enumerate(answers) if answer >= 0]
        assert loss == pytest.approx(onp.mean(asked), abs=1e-5)
    nothing = network.loss(output, np.full(target.shape, -1, dtype="int32"))
    assert (nothing.asnumpy() == 0).all()


# ---------------------------------------------------------------------------- what heads can do
def train(network, data, *, epochs=5, rate=0.01):
    seed_everything(0)
    network.initialize(init.Xavier())
    inputs, target = data
    fit(
        network,
        batches(inputs, target, 100, shuffle=True, seed=0),
        optimizer.Adam(learning_rate=rate),
        epochs=epochs,
        progress=False,
    )
    return network


def test_two_heads_compare_and_one_cannot():
    data = menus.by_name(3000, lines=(3, 6), seed=0)
    test = batches(*menus.by_name(1000, lines=(3, 6), seed=1), 500)
    one = train(ByName(12, hidden_size=16, num_heads=1), data)
    two = train(ByName(12, hidden_size=16, num_heads=2), data)
    assert 0.7 < accuracy(one, test) < 0.78 and accuracy(two, test) > 0.93
    for head in (0, 1):
        with without_heads(two.attention, head):
            assert accuracy(two, test) < 0.8
    assert accuracy(two, test) > 0.93  # they came back
    even = train(ByName(12, hidden_size=16, num_heads=1), data, epochs=1)
    even.attention.attention.normalise = lambda scores, mask: masked_softmax(0 * scores, mask)
    even.hybridize(False)
    assert abs(accuracy(even, test) - 0.5) < 0.03


@given(st.floats(0.5, 1), st.integers(0, 2**31 - 1))
@settings(deadline=None, max_examples=30)
def test_no_threshold_on_an_average_beats_three_quarters(share, seed):
    """1 - 1 / (4 alpha) of the comparisons, which is at most 3/4, by counting."""
    u, v = onp.random.RandomState(seed).uniform(size=(2, 20_000))
    right = (((share * u + (1 - share) * v) > 0.5) == (u > v)).mean()
    assert abs(right - (1 - 1 / (4 * share))) < 0.02


@pytest.mark.parametrize("num_heads", [1, 2])
def test_with_one_head_two_menus_with_the_same_average_get_the_same_answer(num_heads):
    """The proof, on the network: prices move along a line on which alpha p_a + beta p_b is constant."""
    (first, second, names, price, mask), _ = named(1)
    network, arrays = ready(
        ByName(12, hidden_size=SIZE, num_heads=num_heads), (first, second, names, price, mask)
    )
    logits, weights = (x.asnumpy() for x in network(*arrays))
    alpha = weights[0, 0, 0]  # of the first question, head 1
    a, b = (int(onp.flatnonzero(names[0] == asked[0, 0])[0]) for asked in (first, second))
    moved = price.copy()
    moved[0, a] += 0.3
    moved[0, b] -= 0.3 * alpha[a] / alpha[b]
    arrays[3] = np.array(moved)
    after, same_weights = (x.asnumpy() for x in network(*arrays))
    onp.testing.assert_array_equal(weights, same_weights)  # they do not see prices
    difference = abs(after[0, 0] - logits[0, 0]).max()
    assert difference < 1e-5 if num_heads == 1 else difference > 1e-3


# ------------------------------------------------------------------------------------- pruning
def test_a_head_that_is_switched_off_adds_nothing():
    network, arrays = ready(ByName(12, hidden_size=SIZE, num_heads=4), named()[0])
    first, second, names, price, mask = arrays
    query, key = network.E_1(first) + network.E_2(second), network.E(names)
    heads = network.attention
    whole = heads(query, key, price, mask)[0].asnumpy()
    parts = []
    for kept in range(4):
        with without_heads(heads, *(head for head in range(4) if head != kept)):
            parts.append(heads(query, key, price, mask)[0].asnumpy())
    onp.testing.assert_allclose(sum(parts), whole, atol=1e-5)
    onp.testing.assert_array_equal(heads(query, key, price, mask)[0].asnumpy(), whole)
    with pytest.raises(RuntimeError), without_heads(heads, 0):
        raise RuntimeError
    onp.testing.assert_array_equal(heads(query, key, price, mask)[0].asnumpy(), whole)


@pytest.mark.parametrize(("error", "head"), [(ValueError, 2), (ValueError, -1), (TypeError, 0.5)])
def test_heads_that_are_not_there(error, head):
    network, _ = ready(ByName(12, hidden_size=SIZE, num_heads=2), named()[0])
    with pytest.raises(error, match="heads must be"), without_heads(network.attention, head):
        pass


# ----------------------------------------------------------------------------------- positions
ORDER = onp.array([2, 0, 3, 1])


@both_modes
def test_without_positions_lines_are_a_set(hybridize):
    (price, mask), _ = menus.by_place(3, lines=(4, 4), seed=0)
    network, arrays = ready(ByPlace(hidden_size=SIZE), (price, mask))
    network.hybridize(hybridize)
    logits = network(*arrays)[0].asnumpy()
    permuted = network(np.array(price[:, ORDER]), arrays[1])[0].asnumpy()
    onp.testing.assert_allclose(permuted, logits[:, ORDER], atol=1e-5)


def test_with_positions_they_are_not():
    (price, mask), _ = menus.by_place(3, lines=(4, 4), seed=0)
    for positions in (SinusoidalPositions(SIZE), LearnedPositions(SIZE, longest=4)):
        network, arrays = ready(ByPlace(hidden_size=SIZE, positions=positions), (price, mask))
        logits = network(*arrays)[0].asnumpy()
        permuted = network(np.array(price[:, ORDER]), arrays[1])[0].asnumpy()
        assert abs(permuted - logits[:, ORDER]).max() > 0.01


def test_positions_are_needed_to_know_the_neighbours():
    data = menus.by_place(3000, lines=(3, 5), seed=0)
    inputs, target = menus.by_place(1000, lines=(3, 5), seed=1)

    def right(positions):
        network = train(ByPlace(positions=positions), data, epochs=8, rate=0.02)
        logits, _ = predict(network, batches(inputs, target, 500))
        return (logits.argmax(axis=2) == target)[target >= 0].mean()

    assert abs(right(None) - 0.5) < 0.03
    assert right(SinusoidalPositions(32)) > 0.85
    assert right(LearnedPositions(32, longest=5)) > 0.85


@pytest.mark.parametrize("steps", [-1, 1, 3])
def test_a_shift_of_the_sinusoids_is_a_rotation(steps):
    """p_(i+k) = R_k p_i with one R_k for all places i, made of turns by k times a hand's speed."""
    p, size = sinusoids(60, 6), 6
    R = onp.zeros((size, size))
    for k in range(size // 2):
        angle = steps * 10000 ** (-2 * k / size)
        cos, sin = onp.cos(angle), onp.sin(angle)
        R[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[cos, sin], [-sin, cos]]
    onp.testing.assert_allclose(R @ R.T, onp.eye(size), atol=1e-12)
    for i in range(5, 50):
        onp.testing.assert_allclose(R @ p[i], p[i + steps], atol=1e-12)


def test_with_a_causal_mask_the_line_below_is_not_seen():
    (price, _), _ = menus.by_place(2, lines=(5, 5), seed=0)
    positions = LearnedPositions(SIZE, longest=5)
    network, arrays = ready(ByPlace(hidden_size=SIZE, positions=positions), (price, causal_mask(5)))
    before = network(*arrays)[0].asnumpy()
    arrays[0][:, 3:] = 9
    after = network(*arrays)[0].asnumpy()
    onp.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert (after[:, 3:] != before[:, 3:]).any()


# -------------------------------------------------------------------------------------- counts
@pytest.mark.parametrize(("size", "num_heads"), [(8, 1), (8, 4), (32, 8)])
def test_four_matrices_whatever_the_number_of_heads(size, num_heads):
    heads, x = MultiHeadAttention(size, num_heads), np.zeros((1, 3, size))
    heads.initialize()
    heads(x, x, x)
    assert sum(p.data().size for p in heads.collect_params().values()) == 4 * size**2


# -------------------------------------------------------------------------------------- errors
BAD_CALLS = [
    (ValueError, "first must hold whole numbers", lambda n, f, *rest: n(f + 12, *rest)),
    (ValueError, "names must hold", lambda n, f, s, names, *rest: n(f, s, names - 12, *rest)),
    (ValueError, "^second", lambda n, f, s, *rest: n(f, s[:, :2], *rest)),
    (TypeError, "^price", lambda n, f, s, names, p, mask: n(f, s, names, names, mask)),
    (ValueError, "^price", lambda n, f, s, names, p, mask: n(f, s, names, p[:, :2], mask)),
    (ValueError, "^mask", lambda n, f, s, names, p, mask: n(f, s, names, p, mask[:, :, :2])),
    (ValueError, "^mask", lambda n, f, s, names, p, mask: n(f, s, names, p, mask[:, 0])),
]


@pytest.mark.parametrize(("error", "message", "call"), BAD_CALLS)
@both_modes
def test_bad_calls_name_the_argument(error, message, call, hybridize):
    network, arrays = ready(ByName(12, hidden_size=SIZE), named()[0])
    network.hybridize(hybridize)
    with pytest.raises(error, match=message):
        call(network, *arrays)


@both_modes
def test_a_menu_longer_than_the_learned_positions(hybridize):
    inputs, _ = menus.by_place(2, lines=(4, 4), seed=0)
    network, _ = ready(ByPlace(positions=LearnedPositions(32, longest=4)), inputs)
    network.hybridize(hybridize)
    longer, _ = menus.by_place(2, lines=(5, 5), seed=0)
    with pytest.raises(ValueError, match="price must have at most 4 places"):
        network(*map(np.array, longer))


def test_bad_constructions_name_the_argument():
    for message, make in (
        ("num_heads must divide 8", lambda: ByName(12, hidden_size=8, num_heads=3)),
        ("num_heads must divide 32", lambda: ByPlace(num_heads=5)),
        ("num_names must be at least 1", lambda: ByName(0)),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    network, arrays = ready(ByName(12, hidden_size=SIZE), named()[0])
    with pytest.raises(ValueError, match="target must hold"):
        network.loss(network(*arrays), np.full((3, 4), 2, dtype="int32"))
