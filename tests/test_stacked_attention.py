"""Stacked attention: equal to an independent PyTorch network, and what must hold for every picture."""

import doctest
from itertools import pairwise
from types import SimpleNamespace

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import region_network, seed_everything, stacked_attention
from d2l_attention.datasets import questions, scenes
from d2l_attention.datasets.questions import Examples, Vocabulary, examples
from d2l_attention.region_network import RegionNetwork, describe, lighten, name_regions
from d2l_attention.stacked_attention import (
    BiasedScore,
    ResidualBlock,
    StackedAttention,
    accuracy,
    fit,
    predict,
)

from mxnet import autograd, np

WORDS, ANSWERS, GRID, CELL, CHANNELS = 9, 4, 3, 8, 5
VARIANTS = [
    {"layers": 1},
    {"layers": 3},
    {"layers": 2, "blocks": 2, "grid": GRID},
    {"layers": 2, "pictures": True},
    {"layers": 2, "pictures": True, "blocks": 1, "grid": GRID},
]
NAMES = ["one look", "three looks", "blocks", "pictures", "pictures and blocks"]
every_variant = pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)


def build(pictures=False, seed=0, **variant):
    """A network with all parameters at random, biases too, and large enough for uneven weights."""
    seed_everything(seed)
    regions = RegionNetwork(grid=GRID, cell=CELL, channels=CHANNELS)
    network = StackedAttention(
        WORDS,
        ANSWERS,
        hidden_size=6,
        score_size=7,
        regions=regions if pictures else None,
        **variant,
    )
    network.initialize()
    network(*inputs(pictures))
    random = onp.random.RandomState(seed)
    for parameter in trained(network):
        data = parameter.data().asnumpy()
        noise = random.normal(scale=0.3, size=data.shape)
        parameter.set_data(floats(data + noise))
    for parameter in network.collect_params(".*running_(mean|var)").values():
        parameter.set_data(floats(random.uniform(0.5, 1.5, parameter.shape)))
    return network


def trained(network):
    return [p for p in network.collect_params().values() if p.grad_req != "null"]


def inputs(pictures=False, seed=0, batch=4, longest=5, regions=GRID**2):
    random = onp.random.RandomState(seed)
    side = GRID * CELL
    shape = (batch, 3, side, side) if pictures else (batch, regions, 7)
    length = random.randint(1, longest + 1, size=batch)
    question = random.randint(1, WORDS, size=(batch, longest))
    question[onp.arange(longest) >= length[:, None]] = 0
    return floats(random.normal(size=shape)), ints(question), ints(length)


def floats(values):
    return np.array(values, dtype="float32")


def ints(values):
    return np.array(values, dtype="int32")


def close(given, expected, tolerance=1e-5):
    """Equal up to a tolerance, relative to the largest number if that is above one."""
    expected = expected.detach().numpy()
    assert given.shape == expected.shape
    return abs(given.asnumpy() - expected).max() < tolerance * max(
        1, abs(expected).max()
    )


# --------------------------------------------------------------------------- the oracle
def parts(network):
    """Parameters by what they are called in the paper or in PyTorch."""
    lstm, found = network.reader, {}
    layers = {"values": network.values, "answer": network.answer}
    for k, block in enumerate(network.neighbours):
        layers |= {f"seen_{k}": block.convolution, f"added_{k}": block.output}
    if network.regions is not None:
        first, _, second, _ = network.regions.convolutions
        layers |= {"cells_0": first, "cells_1": second}
    for name, layer in layers.items():
        found |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    for k, look in enumerate(network.looks):
        score = look.score
        found |= {
            f"W_{k}": score.key_projection.weight,
            f"U_{k}": score.query_projection.weight,
            f"b_{k}": score.query_projection.bias,
            f"w_{k}": score.output.weight,
        }
    for name, ours in (("ih", "i2h"), ("hh", "h2h")):
        for kind in ("weight", "bias"):
            found[f"lstm.{kind}_{name}_l0"] = getattr(lstm, f"l0_{ours}_{kind}")
    return found | {"words": network.words.weight}


def torch_regions(torch, p, pictures, statistics=None):
    """Convolutions by cutting patches, each normalised by `statistics` or by the batch's own."""
    maps, batch = pictures, len(pictures)
    for layer, size in enumerate((CELL // 2, 2)):
        patches = maps.unfold(2, size, size).unfold(3, size, size)
        maps = torch.einsum("bcyxij,ocij->boyx", patches, p[f"cells_{layer}.weight"])
        maps = torch.relu(maps + p[f"cells_{layer}.bias"][:, None, None])
        mean, variance = (
            (maps.mean((0, 2, 3)), maps.var((0, 2, 3), correction=0))
            if statistics is None
            else statistics[layer]
        )
        maps = (maps - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
    rows = []
    for b in range(batch):
        for y in range(GRID):
            for x in range(GRID):
                place = torch.tensor([2.0 * y - 2, 2.0 * x - 2], dtype=maps.dtype)
                rows.append(torch.cat([maps[b, :, y, x], place]))
    return torch.stack(rows).reshape(batch, GRID**2, -1)


def torch_network(torch, p, layers, blocks, features, question, length):
    """The network from the paper's equations, question by question, none of them padded."""
    linear = torch.nn.functional.linear
    size = p["words"].shape[1]
    lstm = torch.nn.LSTM(size, size).double()
    names = [name for name in p if name.startswith("lstm.")]
    logits, looks = [], []
    for feature, row, end in zip(features, question, length, strict=True):
        value = linear(feature, p["values.weight"], p["values.bias"])  # (n, d)
        for k in range(blocks):
            maps = value.T.reshape(size, GRID, GRID)
            seen = torch.relu(
                torch.nn.functional.conv2d(
                    maps, p[f"seen_{k}.weight"], p[f"seen_{k}.bias"], padding=1
                )
            ).reshape(size, -1)
            added = linear(seen.T, p[f"added_{k}.weight"], p[f"added_{k}.bias"])
            value = value + added
        value = torch.tanh(value)
        words = p["words"][[int(word) for word in row[:end]]]  # (T, d)
        own = {name.removeprefix("lstm."): p[name] for name in names}
        _, (state, _) = torch.func.functional_call(lstm, own, (words,))
        query, weights = state[0], []
        for k in range(layers):
            asked = p[f"U_{k}"] @ query + p[f"b_{k}"]
            hidden = torch.tanh(value @ p[f"W_{k}"].T + asked)  # (n, h)
            weights.append(torch.softmax(hidden @ p[f"w_{k}"][0], 0))
            query = query + weights[-1] @ value
        logits.append(linear(query, p["answer.weight"], p["answer.bias"]))
        looks.append(torch.stack(weights))
    return torch.stack(logits), torch.stack(looks)


def copied(torch, network):
    """Its parameters as tensors of double precision; none is left out."""
    found = parts(network)
    assert {p.name for p in found.values()} == {p.name for p in trained(network)}
    return found, {
        name: torch.tensor(p.data().asnumpy(), dtype=torch.float64, requires_grad=True)
        for name, p in found.items()
    }


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@every_variant
def test_equals_pytorch(variant, hybrid):
    torch = pytest.importorskip("torch")
    pictures = variant.get("pictures", False)
    network, arrays = build(**variant), inputs(pictures)
    if hybrid:
        network.hybridize(static_alloc=True)
    found, tensors = copied(torch, network)
    random = onp.random.RandomState(1)
    signs = random.normal(size=(4, ANSWERS))
    marks = random.normal(size=(4, variant["layers"], GRID**2))
    with autograd.record():
        logits, weights = network(*arrays)
        total = (logits * floats(signs)).sum() + (weights * floats(marks)).sum()
    total.backward()

    features = torch.tensor(arrays[0].asnumpy(), dtype=torch.float64)
    if pictures:
        features = torch_regions(torch, tensors, features)
    others = [array.asnumpy() for array in arrays[1:]]
    blocks = variant.get("blocks", 0)
    theirs, looks = torch_network(
        torch, tensors, variant["layers"], blocks, features, *others
    )
    summed = (theirs * torch.tensor(signs)).sum() + (looks * torch.tensor(marks)).sum()
    summed.backward()
    assert close(logits, theirs) and close(weights, looks)
    assert looks.std().item() > 0.05  # the weights say something
    for name, parameter in found.items():
        assert tensors[name].grad.abs().max() > 1e-4, name
        assert close(parameter.grad(), tensors[name].grad), name


def test_describes_regions_like_pytorch():
    torch = pytest.importorskip("torch")
    network = build(layers=1, pictures=True)
    _, tensors = copied(torch, network)
    norms = [network.regions.convolutions[i] for i in (1, 3)]
    statistics = [
        [torch.tensor(p.data().asnumpy()) for p in (n.running_mean, n.running_var)]
        for n in norms
    ]
    shape = (7, 3, GRID * CELL, GRID * CELL)
    pictures = onp.random.RandomState(0).randint(256, size=shape).astype("uint8")
    light = torch.tensor(pictures / 127.5 - 1, dtype=torch.float64)
    expected = torch_regions(torch, tensors, light, statistics)
    for batch_size in (3, 100):
        features = describe(network.regions, pictures, batch_size=batch_size)
        assert features.dtype == onp.float32
        assert close(np.array(features), expected)


@every_variant
def test_hybrid_is_imperative(variant):
    pictures = variant.get("pictures", False)
    network = build(**variant)
    batches = [inputs(pictures), inputs(pictures, seed=1, batch=2, longest=8)]
    plain = [[array.asnumpy() for array in network(*batch)] for batch in batches]
    network.hybridize(static_alloc=True)
    for _ in range(2):
        for batch, expected in zip(batches, plain, strict=True):
            for a, b in zip(expected, network(*batch), strict=True):
                onp.testing.assert_allclose(a, b.asnumpy(), atol=1e-6)


# --------------------------------------------------------------------------- properties
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(VARIANTS))
def test_weights_sum_to_one(seed, variant):
    network = build(seed=seed, **variant)
    logits, weights = network(*inputs(variant.get("pictures", False), seed))
    assert logits.shape == (4, ANSWERS)
    assert weights.shape == (4, variant["layers"], GRID**2)
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)
    assert (weights.asnumpy() >= 0).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(VARIANTS[:3]))
def test_padding_of_a_question_changes_nothing(seed, variant):
    """Neither its words nor how much there is of it, nor longer questions beside it."""
    network = build(seed=seed, **variant)
    features, question, length = inputs(seed=seed)
    logits, weights = (a.asnumpy() for a in network(features, question, length))
    random, asked = onp.random.RandomState(seed), question.asnumpy()
    padding = onp.arange(asked.shape[1]) >= length.asnumpy()[:, None]
    asked[padding] = random.randint(WORDS, size=padding.sum())
    wider = onp.concatenate([asked, random.randint(WORDS, size=(4, 3))], axis=1)
    for other in (asked, wider):
        same = network(features, ints(other), length)
        onp.testing.assert_allclose(logits, same[0].asnumpy(), atol=1e-6)
        onp.testing.assert_allclose(weights, same[1].asnumpy(), atol=1e-6)
    for i, end in enumerate(length.asnumpy()):
        one = slice(i, i + 1)
        alone = network(features[one], question[one, : int(end)], length[one])
        for ours, theirs in zip((logits, weights), alone, strict=True):
            # another batch size adds up in another order
            onp.testing.assert_allclose(ours[one], theirs.asnumpy(), 1e-5, 1e-6)


def test_the_last_word_counts():
    network = build(layers=2)
    features, question, _ = inputs()
    question = question.asnumpy()
    question[:] = 1 + onp.arange(5)
    logits = [network(features, ints(question), ints([n] * 4))[0] for n in range(1, 6)]
    for shorter, longer in pairwise(logits):
        assert abs(shorter.asnumpy() - longer.asnumpy()).max() > 1e-3


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 12))
def test_permuting_regions_permutes_weights(seed, layers, regions):
    """Without blocks, regions are a set: any number of them, in any order."""
    network = build(seed=seed, layers=layers)
    features, *asked = inputs(seed=seed, regions=regions)
    order = onp.random.RandomState(seed).permutation(regions)
    logits, weights = network(features, *asked)
    other, permuted = network(np.array(features.asnumpy()[:, order]), *asked)
    onp.testing.assert_allclose(logits.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(
        weights.asnumpy()[..., order], permuted.asnumpy(), atol=1e-5
    )


def test_with_blocks_places_matter():
    network = build(**VARIANTS[2])
    features, *asked = inputs()
    other = network(features[:, ::-1], *asked)[1].asnumpy()[..., ::-1]
    assert abs(other - network(features, *asked)[1].asnumpy()).max() > 1e-3


def test_a_block_sees_one_ring_of_neighbours():
    grid = 5
    block = ResidualBlock(4, grid=grid)
    block.initialize()
    before = onp.random.RandomState(0).normal(size=(1, grid**2, 4)).astype("float32")
    after = before.copy()
    after[0, 1 * grid + 3] += 1
    old, new = (block(np.array(x)).asnumpy() for x in (before, after))
    changed = (old != new).any(-1).reshape(grid, grid)
    assert not changed[3:].any() and not changed[:, :2].any()
    assert changed[:3, 2:].sum() >= 7  # of nine; a relu may let nothing through


def test_a_region_is_its_cell_and_its_place():
    network = build(layers=1, pictures=True).regions
    shape = (2, 3, GRID * CELL, GRID * CELL)
    before = onp.random.RandomState(0).normal(size=shape).astype("float32")
    after = before.copy()
    after[:, :, CELL : 2 * CELL, 2 * CELL :] *= -1
    old, new = (network(np.array(x)).asnumpy() for x in (before, after))
    assert old.shape == (2, GRID**2, CHANNELS + 2)
    changed = (old != new).any(-1)
    assert (changed == (onp.arange(GRID**2) == 5)).all()
    line = [-2, 0, 2]
    places = [[row, column] for row in line for column in line]
    for features in (old, new):
        assert (features[:, :, -2:] == places).all()


def test_gain_is_how_much_larger_weights_start():
    for gain in (1.0, 3.0):
        seed_everything(0)
        score = BiasedScore(40, gain=gain)
        score.initialize()
        score(np.ones((1, 1, 30)), np.ones((1, 2, 20)))
        for layer in (score.query_projection, score.key_projection, score.output):
            weight = layer.weight.data().asnumpy()
            bound = gain * (6 / sum(weight.shape)) ** 0.5  # Glorot and Bengio's is at 1
            assert 0.85 * bound < abs(weight).max() <= bound
        assert (score.query_projection.bias.data().asnumpy() == 0).all()


# ------------------------------------------------------------------ questions as arrays
def ask(text="is it red", answer="no", picture=0):
    return SimpleNamespace(text=text, answer=answer, picture=picture)


ASKED = [ask(), ask("is it", "yes", 1), ask("red", "no", 1)]


def test_vocabulary():
    vocabulary = Vocabulary(ASKED, answers=["yes", "maybe", "no"])
    assert vocabulary.words == ["", "is", "it", "red"]
    question, length, answer = vocabulary(ASKED[1:])
    assert question.tolist() == [[1, 2], [3, 0]] and length.tolist() == [2, 1]
    assert answer.tolist() == [0, 2]
    assert {a.dtype for a in (question, length, answer)} == {onp.dtype("int32")}


@pytest.mark.parametrize(
    "asked, answers, message",
    [
        ([], None, "questions must not be empty"),
        ([ask(), ask(" ")], None, "questions must not be empty"),
        ([ask()], ["yes"], "the answer 'no' is not in the vocabulary"),
        ([ask()], ["no", "yes", "no"], "answers must not repeat"),
    ],
)
def test_bad_vocabularies_are_refused(asked, answers, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(asked, answers=answers)


@pytest.mark.parametrize(
    "asked, message",
    [
        ([], "questions must not be empty"),
        ([ask("")], "questions must not be empty"),
        ([ask("is it blue")], "the word 'blue' is not in the vocabulary"),
        ([ask(answer="maybe")], "the answer 'maybe' is not in the vocabulary"),
        ([ask(), ask(picture=2)], "questions must be about pictures 0 to 1"),
        ([ask(), ask(picture=-1)], "questions must be about pictures 0 to 1"),
    ],
)
def test_bad_questions_are_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        examples(Vocabulary(ASKED), onp.zeros((2, 9, 7), "float32"), asked)


def test_examples_put_questions_beside_their_pictures():
    features = onp.arange(2 * 9 * 7, dtype="float32").reshape(2, 9, 7)
    data = examples(Vocabulary(ASKED), features, ASKED)
    assert len(data) == 3 and data.answer.tolist() == [0, 1, 0]
    chosen, question, length = data.batch(onp.array([2, 0]))
    onp.testing.assert_array_equal(chosen.asnumpy(), features[[1, 0]])
    assert question.tolist() == [[3, 0, 0], [1, 2, 3]] and length.tolist() == [1, 3]
    assert (chosen.dtype, question.dtype, length.dtype) == ("float32", "int32", "int32")


@pytest.mark.parametrize(
    "change",
    [
        {"question": onp.ones((2, 3), "int32")},
        {"length": onp.ones(4, "int32")},
        {"answer": onp.ones(2, "int32")},
        {"picture": onp.array([0, 1, 2])},
        {"picture": onp.array([0, -1, 1])},
    ],
)
def test_examples_that_do_not_fit_are_refused(change):
    ones, words = onp.ones(3, "int32"), onp.ones((3, 3), "int32")
    arrays = {"picture": ones, "question": words, "length": ones, "answer": ones}
    features = onp.zeros((2, 9, 7), "float32")
    assert len(Examples(features, **arrays)) == 3
    with pytest.raises(ValueError, match=next(iter(change))):
        Examples(features, **(arrays | change))


def test_lighten():
    light = lighten(onp.arange(256, dtype="uint8").reshape(1, 4, 8, 8))
    assert light.dtype == onp.float32 and light.shape == (1, 4, 8, 8)
    assert (light.min(), light.max()) == (-1, 1)
    onp.testing.assert_allclose(onp.diff(light.ravel()), 2 / 255, atol=1e-6)
    for bad in (light, [0, 1], np.zeros(3, dtype="uint8")):
        with pytest.raises(TypeError, match="pictures must be a NumPy array of uint8"):
            lighten(bad)


# ------------------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    "name, value, error",
    [
        ("features", onp.ones((4, 9, 7), "float32"), TypeError),
        ("features", np.ones((4, 9, 7), dtype="float64"), TypeError),
        ("features", np.ones((4, 9, 7), dtype="int32"), TypeError),
        ("features", np.ones((4, 9)), ValueError),
        ("features", np.ones((4, 0, 7)), ValueError),
        ("question", np.ones((4, 5)), TypeError),
        ("question", ints(onp.ones((3, 5))), ValueError),
        ("question", ints(onp.ones(5)), ValueError),
        ("question", ints(onp.full((4, 5), WORDS)), ValueError),
        ("question", ints(onp.full((4, 5), -1)), ValueError),
        ("length", np.ones(4), TypeError),
        ("length", [1, 1, 1, 1], TypeError),
        ("length", ints([1, 1, 1]), ValueError),
        ("length", ints([1, 0, 1, 1]), ValueError),
        ("length", ints([1, 6, 1, 1]), ValueError),
    ],
)
@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
def test_bad_input_is_refused(name, value, error, hybrid):
    network = build(layers=1)
    arrays = dict(zip(("features", "question", "length"), inputs(), strict=True))
    if hybrid:
        network.hybridize(static_alloc=True)
        network(*arrays.values())
    with pytest.raises(error, match=f"^{name} must"):
        network(*(arrays | {name: value}).values())


@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_the_largest_numbers_are_allowed(kind):
    network = build(layers=1)
    question = np.array(onp.full((4, 5), WORDS - 1), dtype=kind)
    logits, _ = network(inputs()[0], question, np.array([5, 1, 5, 1], dtype=kind))
    assert onp.isfinite(logits.asnumpy()).all()


@pytest.mark.parametrize("hybrid", [False, True], ids=["imperative", "hybrid"])
@pytest.mark.parametrize("size", [(24, 25), (26, 26), (32, 32), (16, 24)])
def test_pictures_of_another_size_are_refused(size, hybrid):
    """26 x 26 pixels hold nine cells of 8 x 8 and a rest, which convolutions leave out."""
    network = build(layers=1, pictures=True)
    _, *asked = inputs()
    if hybrid:
        network.hybridize(static_alloc=True)
        network(*inputs(pictures=True))
    bad = np.zeros((4, 3, *size))
    for call in (lambda: network(bad, *asked), lambda: network.regions(bad)):
        with pytest.raises(ValueError, match=r"pictures must be of shape \(any, 3, 24"):
            call()
    with pytest.raises(TypeError, match="pictures must be float32, got uint8"):
        network(np.zeros((4, 3, 24, 24), dtype="uint8"), *asked)


def test_with_blocks_regions_must_fill_the_grid():
    network = build(**VARIANTS[2])
    with pytest.raises(ValueError, match=r"features must be of shape \(any, 9, any\)"):
        network(*inputs(regions=8))


@pytest.mark.parametrize(
    "change, error",
    [
        ({"num_words": 0}, ValueError),
        ({"num_answers": 2.5}, ValueError),
        ({"hidden_size": 0}, ValueError),
        ({"score_size": 0}, ValueError),
        ({"layers": 0}, ValueError),
        ({"layers": True}, ValueError),
        ({"blocks": -1}, ValueError),
        ({"blocks": True}, ValueError),
        ({"grid": None, "blocks": 1}, ValueError),
        ({"grid": "3", "blocks": 1}, ValueError),
        ({"gain": 0}, ValueError),
        ({"gain": float("nan")}, ValueError),
        ({"gain": "2"}, ValueError),
        ({"regions": 3}, TypeError),
        (
            {"grid": 2, "blocks": 1, "regions": RegionNetwork(grid=3, cell=8)},
            ValueError,
        ),
    ],
)
def test_bad_settings_are_refused(change, error):
    with pytest.raises(error, match=f"^{next(iter(change))} must"):
        StackedAttention(**({"num_words": 5, "num_answers": 3} | change))


@pytest.mark.parametrize(
    "change", [{"grid": 0}, {"cell": 7}, {"cell": 0}, {"channels": 1.5}]
)
def test_bad_settings_of_regions_are_refused(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must"):
        RegionNetwork(**({"grid": 3, "cell": 8} | change))


def test_bad_pictures_are_refused_by_describe():
    network = build(layers=1, pictures=True).regions
    good = onp.zeros((2, 3, 24, 24), "uint8")
    with pytest.raises(TypeError, match="pictures must be a NumPy array of uint8"):
        describe(network, good.astype("float32"))
    for pictures in (good[:0], good[:, :2], good[..., 1:]):
        with pytest.raises(ValueError, match="pictures must"):
            describe(network, pictures)
    with pytest.raises(ValueError, match="batch_size must"):
        describe(network, good, batch_size=0)


@pytest.mark.parametrize(
    "names, error",
    [
        (onp.zeros((2, 8, 2), "int32"), ValueError),
        (onp.zeros((3, 9, 2), "int32"), ValueError),
        (onp.zeros((2, 9), "int32"), ValueError),
        (onp.zeros((2, 9, 3), "int32"), ValueError),
        (onp.full((2, 9, 2), -1), ValueError),
        (onp.full((2, 9, 2), 3), ValueError),
        (onp.zeros((2, 9, 2)), TypeError),
        ([[[0, 0]] * 9] * 2, TypeError),
    ],
)
def test_bad_names_are_refused(names, error):
    network = RegionNetwork(grid=3, cell=8, names=(4, 3))
    network.initialize()
    pictures = onp.zeros((2, 3, 24, 24), "uint8")
    with pytest.raises(error, match="names must"):
        name_regions(network, pictures, names, epochs=1, seed=0, progress=False)


def test_names_are_softmax_of_the_features():
    seed_everything(0)
    network = RegionNetwork(grid=3, cell=8, channels=5, names=(4, 3))
    network.initialize()
    random = onp.random.RandomState(0)
    pictures = np.array(random.uniform(-1, 1, (2, 3, 24, 24)).astype("float32"))
    features = network(pictures).asnumpy()
    assert features.shape == (2, 9, 4 + 3 + 2)
    maps = network.convolutions(pictures).asnumpy()
    flat = maps.transpose(0, 2, 3, 1).reshape(2, 9, 5)
    for head, part in zip(
        network.heads, (features[..., :4], features[..., 4:7]), strict=True
    ):
        logits = flat @ head.weight.data().asnumpy().T + head.bias.data().asnumpy()
        powers = onp.exp(logits)
        expected = powers / powers.sum(-1, keepdims=True)
        onp.testing.assert_allclose(part, expected, atol=1e-5)
    assert onp.ptp(features[..., 7:], axis=0).max() == 0


def test_bad_examples_are_refused_by_fit():
    features = onp.zeros((2, 9, 7), "float32")
    data = examples(Vocabulary(ASKED), features, ASKED)
    none = Examples(
        features, data.picture[:0], data.question[:0], data.length[:0], data.answer[:0]
    )
    small = StackedAttention(WORDS, 1)
    small.initialize()
    with pytest.raises(ValueError, match="data must have answers from 0 to 0"):
        fit(small, data, epochs=1, seed=0, progress=False)
    network = build(layers=1)
    with pytest.raises(ValueError, match="data must not be empty"):
        fit(network, none, epochs=1, seed=0, progress=False)
    with pytest.raises(ValueError, match="data must not be empty"):
        predict(network, none)
    with pytest.raises(ValueError, match="batch_size must"):
        fit(network, data, epochs=1, seed=0, batch_size=0, progress=False)


# ----------------------------------------------------------------------------- training
EASY = {"relations": 0, "grid": 2, "colors": 2, "shapes": 2, "distractors": 1}
TRAINING, TEST = (
    scenes.generate(150, seed=1, **EASY),
    scenes.generate(60, seed=2, **EASY),
)
VOCABULARY = Vocabulary(TRAINING.questions)


def learn(epochs=20, seed=3, **options):
    """Name regions, then answer questions about places; what came out of both."""
    seed_everything(seed)
    sizes = len(scenes.COLORS) + 1, len(scenes.SHAPES) + 1
    regions = RegionNetwork(grid=2, cell=8, channels=8, names=sizes)
    regions.initialize()
    named, share = name_regions(
        regions,
        TRAINING.pictures,
        TRAINING.names(),
        epochs=30,
        seed=0,
        progress=False,
    )
    training, test = (
        examples(VOCABULARY, describe(regions, s.pictures), s.questions)
        for s in (TRAINING, TEST)
    )
    network = StackedAttention(
        len(VOCABULARY.words), 2, hidden_size=16, score_size=16, layers=1, gain=0.5
    )
    network.initialize()
    if options.pop("judged", False):
        options["validation"] = test
    history = fit(
        network,
        training,
        epochs=epochs,
        seed=0,
        batch_size=16,
        learning_rate=0.01,
        progress=False,
        **options,
    )
    return SimpleNamespace(
        named=named, share=share, history=history, network=network, test=test
    )


@pytest.fixture(scope="module")
def learned():
    return learn()


def test_names_what_stands_in_regions(learned):
    assert learned.named["loss"][-1] < learned.named["loss"][0] / 3
    empty = (TRAINING.names() == 0).all(-1).mean()
    assert learned.share > 0.9 > empty + 0.2


def test_learns_to_answer(learned):
    assert learned.history["loss"][-1] < learned.history["loss"][0] / 3
    answers, weights = predict(learned.network, learned.test)
    assert accuracy(learned.network, learned.test) > 0.9  # a guess: one half
    assert accuracy(learned.network, learned.test) == (
        onp.mean(answers == learned.test.answer)
    )
    assert weights.shape == (len(TEST.questions), 1, 4)


def test_predictions_do_not_depend_on_batches(learned):
    whole = predict(learned.network, learned.test)
    pieces = predict(learned.network, learned.test, batch_size=7)
    onp.testing.assert_array_equal(whole[0], pieces[0])
    onp.testing.assert_allclose(whole[1], pieces[1], atol=1e-6)


def test_repeats_itself(learned):
    again = learn()
    for name in ("named", "history"):
        ours, theirs = getattr(learned, name)["loss"], getattr(again, name)["loss"]
        onp.testing.assert_array_equal(ours, theirs)
    onp.testing.assert_array_equal(learned.test.features, again.test.features)
    for ours, theirs in zip(
        learned.network.collect_params().values(),
        again.network.collect_params().values(),
        strict=True,
    ):
        onp.testing.assert_array_equal(ours.data().asnumpy(), theirs.data().asnumpy())


def test_keeps_the_best_epoch():
    result = learn(epochs=30, judged=True, patience=3)
    errors = result.history["error"]
    best = errors.argmin()
    assert len(errors) == min(30, best + 1 + 3)
    assert 1 - accuracy(result.network, result.test) == errors[best]


@pytest.mark.parametrize(
    "module", [stacked_attention, region_network, questions, scenes]
)
def test_examples_of_docstrings(module):
    results = doctest.testmod(module)
    assert results.attempted > 0 and results.failed == 0
