"""Stacked attention: equal to an independent PyTorch network, and what must hold for every question."""

import doctest
from types import SimpleNamespace

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import region_network, seed_everything, stacked_attention
from d2l_attention.datasets import questions as question_arrays
from d2l_attention.datasets import scenes
from d2l_attention.datasets.questions import Examples, Vocabulary, examples
from d2l_attention.models.region_network import RegionNetwork, describe, lighten, name_regions
from d2l_attention.models.stacked_attention import (
    BiasedScore,
    StackedAttention,
    accuracy,
    fit,
    predict,
)

import mxnet as mx
from mxnet import autograd, np

WORDS, ANSWERS, CHANNELS, GRID = 9, 4, 6, 3
VARIANTS = {
    "one look": {"layers": 1},
    "three looks": {"layers": 3},
    "neighbours": {"layers": 2, "blocks": 2, "grid": GRID},
    "pictures": {"layers": 2, "regions": True},
}


def build(variant, seed=0, **options):
    seed_everything(seed)
    options = VARIANTS[variant] | options
    if options.get("regions"):
        options["regions"] = RegionNetwork(attributes=4, grid=GRID, cell=6, channels=5)
    network = StackedAttention(WORDS, ANSWERS, hidden_size=8, score_size=7, **options)
    network.initialize()
    network(*batch(variant))
    random = onp.random.RandomState(seed)
    for (
        parameter
    ) in network.collect_params().values():  # biases start at zero, and would not be tested
        if "bias" in parameter.name:
            parameter.set_data(np.array(random.normal(0, 0.3, parameter.shape)))
    return network


def batch(variant, size=5, longest=6, seed=0):
    random = onp.random.RandomState(seed)
    shape = (size, 3, GRID * 6, GRID * 6) if variant == "pictures" else (size, GRID**2, CHANNELS)
    features = random.normal(size=shape).astype("float32")
    length = random.randint(1, longest + 1, size).astype("int32")
    length[0] = longest
    question = random.randint(1, WORDS, (size, longest)).astype("int32")
    question[onp.arange(longest) >= length[:, None]] = 0
    return (
        np.array(features),
        np.array(question, dtype="int32"),
        np.array(length, dtype="int32"),
    )


# --------------------------------------------------------------------------- the oracle
def tensors(torch, network):
    """The parameters by their path in the network, as 64-bit leaves."""
    found = {}

    def walk(block, path):
        for name, parameter in block._reg_params.items():
            value = torch.tensor(parameter.data().asnumpy(), dtype=torch.float64)
            found[f"{path}{name}"] = (
                parameter,
                value.requires_grad_(parameter.grad_req != "null"),
            )
        for name, child in block._children.items():
            walk(child, f"{path}{name}.")

    walk(network, "")
    return found


def torch_network(torch, p, features, question, length, variant):
    """Question by question, and word by word."""
    linear = torch.nn.functional.linear
    if variant == "pictures":
        features = torch_regions(torch, p, features)
    value = linear(features, p["values.weight"], p["values.bias"])
    for block in range(VARIANTS[variant].get("blocks", 0)):
        at = f"neighbours.{block}."
        maps = value.transpose(1, 2).reshape(len(value), -1, GRID, GRID)
        seen = torch.relu(
            torch.nn.functional.conv2d(
                maps,
                p[at + "convolution.weight"],
                p[at + "convolution.bias"],
                padding=1,
            )
        )
        seen = seen.flatten(2).transpose(1, 2)
        value = value + linear(seen, p[at + "output.weight"], p[at + "output.bias"])
    value = torch.tanh(value)
    logits, looks = [], []
    for v, words, count in zip(value, question, length, strict=True):
        h = c = torch.zeros(8, dtype=torch.float64)
        for word in words[:count]:
            x = p["words.weight"][word]
            gates = linear(x, p["reader.l0_i2h_weight"], p["reader.l0_i2h_bias"])
            gates = gates + linear(h, p["reader.l0_h2h_weight"], p["reader.l0_h2h_bias"])
            i, f, g, o = gates.chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        u, weights = h, []
        for k in range(VARIANTS[variant]["layers"]):
            at = f"looks.{k}.score."
            asked = linear(u, p[at + "query_projection.weight"], p[at + "query_projection.bias"])
            hidden = torch.tanh(linear(v, p[at + "key_projection.weight"]) + asked)
            alpha = torch.softmax(linear(hidden, p[at + "output.weight"])[:, 0], 0)
            u = u + alpha @ v
            weights.append(alpha)
        logits.append(linear(u, p["answer.weight"], p["answer.bias"]))
        looks.append(torch.stack(weights))
    return torch.stack(logits), torch.stack(looks)


def torch_regions(torch, p, pictures):
    rows = []
    for row in range(GRID):
        for column in range(GRID):  # each cell by itself
            cell = pictures[:, :, row * 6 : row * 6 + 6, column * 6 : column * 6 + 6]
            for layer, stride in enumerate((3, 2)):
                weight, bias = (
                    p[f"regions.convolutions.{layer}.{kind}"] for kind in ("weight", "bias")
                )
                cell = torch.relu(torch.nn.functional.conv2d(cell, weight, bias, stride=stride))
            named = torch.sigmoid(
                cell.flatten(1) @ p["regions.output.weight"].T + p["regions.output.bias"]
            )
            place = torch.tensor([[row - 1.0, column - 1.0]], dtype=torch.float64).expand(
                len(pictures), 2
            )
            rows.append(torch.cat([named, place], 1))
    return torch.stack(rows, 1)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_pytorch(variant):
    torch = pytest.importorskip("torch")
    network, inputs = build(variant), batch(variant)
    parameters = tensors(torch, network)
    signs = onp.random.RandomState(1).normal(size=(5, ANSWERS))
    with autograd.record():
        logits, weights = network(*inputs)
        total = (logits * np.array(signs)).sum()
    total.backward()
    features, question, length = (torch.tensor(array.asnumpy()) for array in inputs)
    values = {name: tensor for name, (_, tensor) in parameters.items()}
    other, looks = torch_network(torch, values, features.double(), question, length, variant)
    (other * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), other.detach().numpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy(), looks.detach().numpy(), atol=1e-5)
    compared = 0
    for name, (parameter, tensor) in parameters.items():
        if parameter.grad_req != "null":
            expected = tensor.grad.numpy()
            scale = max(1, abs(expected).max())
            onp.testing.assert_allclose(
                parameter.grad().asnumpy(), expected, atol=1e-5 * scale, err_msg=name
            )
            compared += bool(abs(expected).max() > 1e-6)
    assert (
        compared >= len(parameters) - 1
    )  # all but the constant places have a gradient that says something


@pytest.mark.parametrize("variant", VARIANTS)
def test_hybrid_is_imperative(variant):
    network, inputs = build(variant), batch(variant)
    plain = [array.asnumpy() for array in network(*inputs)]
    network.hybridize(static_alloc=True)
    for _ in range(2):
        for a, b in zip(plain, network(*inputs), strict=True):
            onp.testing.assert_allclose(a, b.asnumpy(), atol=1e-6)
    other = batch(variant, size=2, longest=4, seed=1)  # another shape through the same graph
    network_again = build(variant)
    for a, b in zip(network(*other), network_again(*other), strict=True):
        onp.testing.assert_allclose(a.asnumpy(), b.asnumpy(), atol=1e-6)


# --------------------------------------------------------------------------- properties
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(VARIANTS)))
def test_weights_sum_to_one(seed, variant):
    _, weights = build(variant, seed)(*batch(variant, seed=seed))
    assert weights.shape == (5, VARIANTS[variant]["layers"], GRID**2)
    assert (weights.asnumpy() >= 0).all()
    onp.testing.assert_allclose(weights.asnumpy().sum(-1), 1, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 4))
def test_padding_never_changes_an_answer(seed, more):
    """Neither more of it, nor what stands in it."""
    network = build("three looks", seed)
    features, question, length = batch("three looks", seed=seed)
    logits = network(features, question, length)[0].asnumpy()
    words = onp.pad(question.asnumpy(), ((0, 0), (0, more)))
    garbage = onp.random.RandomState(seed).randint(0, WORDS, words.shape)
    padded = onp.arange(words.shape[1]) >= length.asnumpy()[:, None]
    words[padded] = garbage[padded]
    other = network(features, np.array(words, dtype="int32"), length)[0].asnumpy()
    onp.testing.assert_allclose(logits, other, atol=1e-6)


def test_regions_in_another_order_give_the_same_answer():
    network = build("three looks")
    features, question, length = batch("three looks")
    order = onp.random.RandomState(0).permutation(GRID**2)
    logits, weights = network(features, question, length)
    shuffled = np.array(features.asnumpy()[:, order])
    other, permuted = network(shuffled, question, length)
    onp.testing.assert_allclose(logits.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[:, :, order], permuted.asnumpy(), atol=1e-6)


def test_one_look_is_a_sum_over_regions():
    """With one look no region's contribution depends on another region: the argument of the exercise on XOR."""
    network = build("one look")
    _, question, length = batch("one look", size=4)
    question, length = (
        np.array(onp.repeat(a.asnumpy()[:1], 4, 0), dtype="int32") for a in (question, length)
    )
    random = onp.random.RandomState(0)
    a, b = random.normal(size=(2, 2, CHANNELS))  # two contents for region 0, two for region 1
    rest = random.normal(size=(GRID**2 - 2, CHANNELS))
    pictures = [onp.concatenate([[a[i], b[j]], rest]) for i in (0, 1) for j in (0, 1)]
    logits, weights = network(np.array(onp.stack(pictures).astype("float32")), question, length)
    mass = 1 / weights.asnumpy()[:, 0, -1:]  # the softmax's denominator, up to a factor
    reference = network.answer(
        np.expand_dims(np.array(network_state(network, question, length)), 0)
    ).asnumpy()
    parts = (logits.asnumpy() - reference) * mass
    onp.testing.assert_allclose(
        parts[0] + parts[3], parts[1] + parts[2], atol=1e-3 * abs(parts).max()
    )


def network_state(network, question, length):
    """The query before any look, of the first question."""
    return network.read(mx.nd, question, length)[0].asnumpy()


def test_a_region_sees_its_own_cell_only():
    seed_everything(0)
    network = RegionNetwork(attributes=3, grid=4, cell=8)
    network.initialize()
    picture = onp.random.RandomState(0).normal(size=(1, 3, 32, 32)).astype("float32")
    changed = picture.copy()
    changed[:, :, 8:16, 16:24] += 1.0  # row 1, column 2
    before, after = (network(np.array(p)).asnumpy()[0] for p in (picture, changed))
    moved = abs(before - after).max(-1) > 1e-6
    assert moved[6] and moved.sum() == 1


# ----------------------------------------------------------------------------- training
EASY = {"grid": 3, "colors": 2, "shapes": 2, "distractors": 0, "relations": 0}


@pytest.fixture(scope="module")
def small():
    seed_everything(0)
    training, test = (
        scenes.generate(count, seed=seed, **EASY) for seed, count in ((0, 600), (1, 100))
    )
    regions = RegionNetwork(attributes=4, grid=3, cell=8, channels=16)
    regions.initialize()
    names = {"colors": 2, "shapes": 2}
    history = name_regions(
        regions,
        training.pictures[:200],
        training.names(**names)[:200],
        epochs=8,
        seed=0,
        progress=False,
    )
    found = describe(regions, test.pictures)[..., :-2] > 0.5
    right = (found == test.names(**names)).all(-1).mean()
    vocabulary = Vocabulary(training.questions)
    data = [
        examples(vocabulary, describe(regions, s.pictures), s.questions) for s in (training, test)
    ]
    return history, right, vocabulary, data


def test_pictures_are_described_in_parts():
    pictures = scenes.generate(7, seed=0, **EASY).pictures
    network = RegionNetwork(attributes=4, grid=3, cell=8, channels=16)
    network.initialize()
    whole = describe(network, pictures, batch_size=7)
    assert whole.shape == (7, 9, 6)
    onp.testing.assert_allclose(describe(network, pictures, batch_size=3), whole, atol=1e-6)


def test_naming_takes_the_given_rate(monkeypatch):
    rates = []
    monkeypatch.setattr(
        region_network,
        "train",
        lambda _, __, trainer, **_o: rates.append(trainer.learning_rate),
    )
    data = scenes.generate(2, seed=0, **EASY)
    network = RegionNetwork(attributes=4, grid=3, cell=8)
    network.initialize()
    names = data.names(colors=2, shapes=2)
    name_regions(network, data.pictures, names, epochs=1, seed=0, learning_rate=0.5)
    assert rates == [0.5]


def test_regions_are_named(small):
    history, right, _, _ = small
    assert history["loss"][-1] < history["loss"][0] / 5 and right > 0.98


def test_learns_to_look_at_a_place_and_repeats_itself(small):
    _, _, vocabulary, (training, test) = small
    results = []
    for _ in range(2):
        seed_everything(1)
        network = StackedAttention(
            len(vocabulary.words), 2, hidden_size=24, score_size=24, layers=1
        )
        network.initialize()
        history = fit(
            network,
            training,
            epochs=15,
            seed=0,
            batch_size=32,
            validation=test,
            progress=False,
        )
        results.append((accuracy(network, test), history["loss"].tolist()))
    assert results[0] == results[1]
    assert results[0][0] > 0.9
    assert results[0][0] == 1 - history["error"].min()
    answers, weights = predict(network, test, batch_size=7)
    assert answers.shape == (len(test),) and weights.shape == (len(test), 1, 9)


# ---------------------------------------------------------------------- what is refused
def asked(text, answer, picture=0):
    return SimpleNamespace(text=text, answer=answer, picture=picture)


GOOD = [asked("is it red", "yes"), asked("is it", "no", 1)]


def test_words_and_answers_become_numbers():
    vocabulary = Vocabulary(GOOD, answers=["yes", "no"])
    data = examples(vocabulary, onp.zeros((2, 4, 3), "float32"), GOOD)
    assert data.question.tolist() == [
        [1, 2, 3],
        [1, 2, 0],
    ] and data.length.tolist() == [3, 2]
    assert data.answer.tolist() == [0, 1] and data.picture.tolist() == [0, 1] and len(data) == 2
    features, question, length = data.batch(onp.array([1, 1]))
    assert features.shape == (2, 4, 3) and question.dtype == length.dtype == onp.int32


@pytest.mark.parametrize(
    "questions, message",
    [
        ([asked("is it blue", "yes")], "the word 'blue' is not"),
        ([asked("is it", "maybe")], "the answer 'maybe' is not"),
        ([asked(" ", "yes")], "questions must not be empty"),
        ([], "questions must not be empty"),
        ([asked("is it", "yes", 2)], "pictures 0 to 1"),
        ([asked("is it", "yes", -1)], "pictures 0 to 1"),
    ],
)
def test_bad_questions_are_refused(questions, message):
    with pytest.raises(ValueError, match=message):
        examples(Vocabulary(GOOD), onp.zeros((2, 4, 3), "float32"), questions)


def test_an_empty_vocabulary_is_refused():
    with pytest.raises(ValueError, match="questions must not be empty"):
        Vocabulary([])
    with pytest.raises(ValueError, match="the answer 'no' is not"):
        Vocabulary(GOOD, answers=["yes"])


def with_input(place, value):
    inputs = list(batch("one look"))
    inputs[place] = value
    return inputs


@pytest.mark.parametrize(
    "place, value, error, message",
    [
        (0, np.zeros((5, 9)), ValueError, "features"),
        (0, onp.zeros((5, 9, 6)), TypeError, "features"),
        (
            0,
            np.zeros((5, 9, 6), dtype="float64"),
            TypeError,
            "features must be float32",
        ),
        (1, np.zeros((4, 6), dtype="int32"), ValueError, "question"),
        (1, np.zeros((5, 0), dtype="int32"), ValueError, "question"),
        (1, np.zeros((5, 6)), TypeError, "question"),
        (
            1,
            np.full((5, 6), WORDS, dtype="int32"),
            ValueError,
            "question must hold numbers from 0 to 8",
        ),
        (
            1,
            np.full((5, 6), -1, dtype="int32"),
            ValueError,
            "question must hold numbers from 0 to 8",
        ),
        (
            2,
            np.zeros((5,), dtype="int32"),
            ValueError,
            "length must hold numbers from 1 to 6",
        ),
        (
            2,
            np.full((5,), 7, dtype="int32"),
            ValueError,
            "length must hold numbers from 1 to 6",
        ),
        (2, np.ones((5, 1), dtype="int32"), ValueError, "length"),
        (2, np.ones((5,)), TypeError, "length"),
    ],
)
def test_bad_inputs_are_refused(place, value, error, message):
    network = build("one look")
    for _ in range(2):
        with pytest.raises(error, match=message):
            network(*with_input(place, value))
        network.hybridize()


def test_a_grid_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"features must be of shape \(any, 9, any\)"):
        build("neighbours")(*with_input(0, np.zeros((5, 8, 6))))


@pytest.mark.parametrize(
    "change",
    [
        {"num_words": 0},
        {"num_answers": 0},
        {"hidden_size": 2.5},
        {"score_size": 0},
        {"layers": 0},
        {"blocks": -1},
        {"gain": 0.0},
    ],
)
def test_bad_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        StackedAttention(**({"num_words": 5, "num_answers": 2} | change))


def test_blocks_need_a_grid():
    with pytest.raises(ValueError, match="grid must be given"):
        StackedAttention(5, 2, blocks=1)
    with pytest.raises(ValueError, match="gain"):
        BiasedScore(4, gain=float("nan"))


@pytest.mark.parametrize(
    "change",
    [{"attributes": 0}, {"grid": 0}, {"cell": 7}, {"cell": 0}, {"channels": -2}],
)
def test_bad_region_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        RegionNetwork(**({"attributes": 3, "grid": 3, "cell": 6} | change))


def test_bad_pictures_are_refused():
    network = RegionNetwork(attributes=3, grid=3, cell=6)
    network.initialize()
    with pytest.raises(ValueError, match="pictures must be of shape"):
        network(np.zeros((1, 3, 18, 17)))
    with pytest.raises(TypeError, match="pictures must be an MXNet array"):
        network(onp.zeros((1, 3, 18, 18)))
    with pytest.raises(TypeError, match="uint8"):
        lighten(onp.zeros((1, 3, 18, 18)))
    with pytest.raises(ValueError, match=r"names must be of shape \(2, 9, 3\)"):
        name_regions(
            network,
            onp.zeros((2, 3, 18, 18), "uint8"),
            onp.zeros((2, 9, 4)),
            epochs=1,
            seed=0,
            progress=False,
        )


@pytest.mark.parametrize("size", [(24, 25), (26, 26)])
def test_hybridized_networks_refuse_pictures_of_another_size(size):
    """26 x 26 pixels hold nine cells of 8 x 8 and a rest, which convolutions leave out."""
    regions = RegionNetwork(attributes=4, grid=3, cell=8)
    network = StackedAttention(WORDS, ANSWERS, hidden_size=4, regions=regions)
    network.initialize()
    network.hybridize(static_alloc=True)
    asked_about = [np.array(a, dtype="int32") for a in ([[3, 8]], [2])]
    network(np.zeros((1, 3, 24, 24)), *asked_about)
    with pytest.raises(ValueError, match="pictures must be of shape"):
        network(np.zeros((1, 3, *size)), *asked_about)
    with pytest.raises(TypeError, match="pictures must be float32, got uint8"):
        network(np.zeros((1, 3, 24, 24), dtype="uint8"), *asked_about)
    with pytest.raises(ValueError, match="pictures must not be empty"):
        describe(regions, onp.zeros((0, 3, 24, 24), "uint8"))


def test_answers_must_not_repeat():
    with pytest.raises(ValueError, match="answers must not repeat"):
        Vocabulary(GOOD, answers=["yes", "yes", "no"])


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


def test_fit_refuses_answers_that_the_network_does_not_have():
    features = onp.zeros((2, 4, 3), "float32")
    data = examples(Vocabulary(GOOD), features, GOOD)
    network = StackedAttention(WORDS, 1)
    network.initialize()
    with pytest.raises(ValueError, match="data must have answers from 0 to 0"):
        fit(network, data, epochs=1, seed=0, progress=False)
    ones, words = onp.ones(0, "int32"), onp.ones((0, 3), "int32")
    with pytest.raises(ValueError, match="data must not be empty"):
        none = Examples(features, ones, words, ones, ones)
        fit(network, none, epochs=1, seed=0, progress=False)


# ----------------------------------------------------------------- how training goes on
def fitted(small, seed=0, **options):
    _, _, vocabulary, (training, test) = small
    seed_everything(1)
    network = StackedAttention(len(vocabulary.words), 2, hidden_size=8, score_size=8, layers=1)
    network.initialize()
    history = fit(network, training, seed=seed, progress=False, **options)
    return network, history, test


def test_an_epoch_takes_every_example_once(small, monkeypatch):
    taken, batch_of = [], Examples.batch

    def record(data, chosen, device=None):
        taken.append(list(chosen))
        return batch_of(data, chosen, device)

    monkeypatch.setattr(Examples, "batch", record)
    _, _, _, (training, _) = small
    fitted(small, epochs=2, batch_size=32)
    taken = [chosen for chosen in taken if len(chosen) > 1]  # one finds out the sizes
    half = len(taken) // 2
    for epoch in (taken[:half], taken[half:]):
        everything = [example for chosen in epoch for example in chosen]
        assert sorted(everything) == list(range(len(training)))
    assert taken[0] != taken[half]  # in another order


def test_fit_hands_on_what_it_was_given(small, monkeypatch):
    handed = {}

    def record(step, batches, trainer, **options):
        orders = [[b[-1].asnumpy().tolist() for b in batches(0)]]
        handed.update(options, rate=trainer.learning_rate, orders=orders)

    monkeypatch.setattr(stacked_attention, "train", record)
    _, _, _, (_, test) = small
    fitted(small, epochs=3, clip_norm=2.5, learning_rate=0.125)
    assert handed["clip_norm"] == 2.5 and handed["rate"] == 0.125
    assert handed["epochs"] == 3 and handed["monitor"] is handed["patience"] is None
    first = handed["orders"]
    fitted(small, epochs=3, validation=test, patience=2, seed=1)
    assert handed["patience"] == 2 and handed["monitor"] == "error"
    assert set(handed["evaluate"]()) == {"error"} and handed["orders"] != first


def test_the_best_epoch_is_kept(small, monkeypatch):
    rights, seen = iter([0.5, 0.8, 0.6, 0.7, 0.9]), []

    def judge(network, data, *, device=None):
        seen.append(network.answer.weight.data().asnumpy())
        return next(rights)

    monkeypatch.setattr(stacked_attention, "accuracy", judge)
    _, _, _, (_, test) = small
    network, history, _ = fitted(small, validation=test, epochs=5, patience=2)
    assert len(seen) == 4 and history.stopped_early and history.best == 1
    onp.testing.assert_array_equal(network.answer.weight.data().asnumpy(), seen[1])


def test_bad_numbers_are_refused(small):
    _, _, vocabulary, (training, _) = small
    network = StackedAttention(len(vocabulary.words), 2, hidden_size=8, score_size=8)
    network.initialize()
    for bad in ({"batch_size": 0}, {"learning_rate": -0.1}):
        with pytest.raises(ValueError, match="batch_size and learning_rate must be"):
            fit(network, training, epochs=1, seed=0, progress=False, **bad)
    with pytest.raises(ValueError, match="batch_size must be positive"):
        predict(network, training, batch_size=-1)
    eye = RegionNetwork(attributes=4, grid=3, cell=8)
    with pytest.raises(ValueError, match="batch_size must be positive"):
        describe(eye, onp.zeros((1, 3, 24, 24), "uint8"), batch_size=0)


def test_one_channel_is_enough():
    eye = RegionNetwork(attributes=2, grid=3, cell=8, channels=1)
    eye.initialize()
    assert describe(eye, onp.zeros((2, 3, 24, 24), "uint8")).shape == (2, 9, 4)


def test_no_answers_are_not_all_answers():
    with pytest.raises(ValueError, match="answer"):
        Vocabulary(GOOD, answers=[])


@pytest.mark.parametrize(
    "module",
    [stacked_attention, region_network, question_arrays, scenes],
    ids=lambda module: module.__name__,
)
def test_examples_of_docstrings(module):
    results = doctest.testmod(module)
    assert results.failed == 0 and results.attempted > 0
