"""Memory networks: equal to an independent PyTorch network, and what must hold for every story."""

import doctest
from types import SimpleNamespace

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import memory_networks, seed_everything
from d2l_attention.attention import Attention, BilinearScore, DotProductScore
from d2l_attention.datasets import stories
from d2l_attention.datasets.stories import Encoder, noisy_ages, read
from d2l_attention.models.memory_networks import (
    LinearAttention,
    MemoryNetwork,
    Recipe,
    error_rate,
    fit,
    predict,
)

from mxnet import autograd, np


def question(story, text, answer):
    return SimpleNamespace(story=tuple(story), question=text, answer=answer)


PEOPLE, ROOMS = ("Ada", "Bob", "Cleo"), ("attic", "cellar", "garden", "hall")


def walks(count, seed=0, longest=6):
    """Stories of people walking about; the question asks where one of them is."""
    random, questions = onp.random.RandomState(seed), []
    for _ in range(count):
        where, story = {}, []
        for _ in range(random.randint(1, longest + 1)):
            who, room = PEOPLE[random.randint(3)], ROOMS[random.randint(4)]
            where[who] = room
            story.append(f"{who} went to the {room}.")
        who = sorted(where)[random.randint(len(where))]
        questions.append(question(story, f"Where is {who}?", where[who]))
    return questions


QUESTIONS = walks(40)
VARIANTS = [
    {
        "tying": tying,
        "encoding": encoding,
        "nonlinear": nonlinear,
        "hops": hops,
        "nothing": nothing,
    }
    for tying, encoding, nonlinear, hops, nothing in [
        ("adjacent", "position", False, 3, "sentence"),
        ("adjacent", "bag", True, 2, "places"),
        ("layer-wise", "position", True, 3, "sentence"),
        ("layer-wise", "bag", False, 1, "never"),
        ("adjacent", "position", False, 1, "sentence"),
        ("adjacent", "position", False, 3, "places"),
    ]
]


def build(variant, questions=QUESTIONS, memory_size=10, hidden_size=6, scale=1.0):
    seed_everything(0)
    choices = {name: variant[name] for name in ("encoding", "nothing")}
    encoder = Encoder(questions, memory_size=memory_size, **choices)
    network = MemoryNetwork(
        encoder.num_words, hidden_size=hidden_size, memory_size=memory_size, **variant
    )
    network.initialize()
    for parameter in network.collect_params().values():
        if (
            parameter.grad_req != "null"
        ):  # larger than in training, so that attention is not nearly uniform
            parameter.set_data(parameter.data() * 5 * scale)
    return encoder, network


# --------------------------------------------------------------------------- the oracle
def torch_network(torch, parameters, encoder, questions, variant, linear=False, ages=None):
    """The network written from the paper's equations, word by word and question by question.

    `ages` are those of each story's sentences, if other than ..., 2, 1, 0.
    """
    num_words, hops = encoder.num_words, variant["hops"]
    size = parameters["size"]
    number = {word: i for i, word in enumerate(encoder.words)}

    def sentence(weight, text):
        words = [number[word] for word in text.lower().rstrip(".?").split()]
        total = torch.zeros(size, dtype=weight.dtype)
        for j, word in enumerate(words, start=1):
            for_position = torch.ones(size, dtype=weight.dtype)
            if variant["encoding"] == "position":
                k, longest = (
                    torch.arange(1, size + 1, dtype=weight.dtype),
                    encoder.longest,
                )
                for_position = 1 + 4 * (k - (size + 1) / 2) * (j - (longest + 1) / 2) / (
                    size * longest
                )
            total = total + for_position * weight[word]
        return total

    def memory(weight, story, age):
        rows = [
            sentence(weight, s) + weight[num_words + min(a, encoder.memory_size - 1)]
            for s, a in zip(story, age, strict=True)
        ]
        if variant["nothing"] == "places":
            return torch.stack([*rows, *[0 * weight[0]] * (encoder.memory_size - len(story))])
        nothing = (
            [weight[num_words + encoder.memory_size]] if variant["nothing"] == "sentence" else []
        )
        return torch.stack([*nothing, *rows])

    if variant["tying"] == "adjacent":
        chain = [parameters[f"embedding_{k}"] for k in range(hops + 1)]
        asks, keys, values, answers = chain[0], chain[:-1], chain[1:], chain[-1]
    else:
        asks, answers = parameters["question_embedding"], parameters["answer_embedding"]
        keys, values = (
            [parameters["key_embedding"]] * hops,
            [parameters["value_embedding"]] * hops,
        )
    if ages is None:
        ages = [range(len(q.story))[::-1] for q in questions]
    logits, looks = [], []
    for q, age in zip(questions, ages, strict=True):
        state, weights = sentence(asks, q.question), []
        for key, value in zip(keys, values, strict=True):
            scores = memory(key, q.story, age) @ state
            alpha = scores if linear else torch.softmax(scores, 0)
            found = alpha @ memory(value, q.story, age)
            state = (
                parameters["state"] @ state if variant["tying"] == "layer-wise" else state
            ) + found
            state = torch.relu(state) if variant["nonlinear"] else state
            weights.append(alpha)
        logits.append(answers[:num_words] @ state)
        looks.append(torch.stack(weights))
    return torch.stack(logits), looks


@pytest.mark.parametrize("linear", [False, True], ids=["softmax", "linear"])
@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda v: f"{v['tying']}-{v['encoding']}-{v['hops']}"
)
def test_equals_pytorch(variant, linear):
    torch = pytest.importorskip("torch")
    encoder, network = build(variant, scale=0.6 if linear else 1.0)
    if linear:
        network = network.looking_with(LinearAttention(DotProductScore()))
    stories = encoder(QUESTIONS)
    inputs = encoder.batch(stories, onp.arange(len(stories)))
    signs = (
        onp.random.RandomState(1).normal(size=(len(stories), encoder.num_words)).astype("float32")
    )
    with autograd.record():
        logits, weights = network(*inputs)
        total = (logits * np.array(signs)).sum()
    total.backward()
    trained = {name: p for name, p in network._reg_params.items() if p.grad_req != "null"}
    tensors = {
        n: torch.tensor(p.data().asnumpy(), dtype=torch.float64, requires_grad=True)
        for n, p in trained.items()
    }
    other, looks = torch_network(torch, tensors | {"size": 6}, encoder, QUESTIONS, variant, linear)
    (other * torch.tensor(signs, dtype=torch.float64)).sum().backward()
    tolerance = 1e-5 * max(1, abs(other).max().item())
    assert abs(logits.asnumpy() - other.detach().numpy()).max() < tolerance
    front = variant["nothing"] != "sentence"  # then the place in front of the story has no weight
    for row, look in zip(weights.asnumpy(), looks, strict=True):
        assert (row[:, :front] == 0).all()
        row = row[:, front:]
        assert abs(row[:, : look.shape[1]] - look.detach().numpy()).max() < tolerance
        assert (row[:, look.shape[1] :] == 0).all()
    for name, parameter in trained.items():
        expected = tensors[name].grad.numpy()
        assert abs(parameter.grad().asnumpy() - expected).max() < 1e-5 * max(
            1, abs(expected).max()
        ), name


@pytest.mark.parametrize(
    "variant", VARIANTS, ids=lambda v: f"{v['tying']}-{v['encoding']}-{v['hops']}"
)
def test_hybrid_is_imperative(variant):
    encoder, network = build(variant)
    inputs = encoder.batch(encoder(QUESTIONS), onp.arange(7))
    plain = [array.asnumpy() for array in network(*inputs)]
    network.hybridize(static_alloc=True)
    for _ in range(2):
        for a, b in zip(plain, network(*inputs), strict=True):
            onp.testing.assert_allclose(a, b.asnumpy(), atol=1e-6)


# --------------------------------------------------------------------------- properties
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(VARIANTS))
def test_weights_sum_to_one_and_padding_has_none(seed, variant):
    questions = walks(5, seed)
    encoder, network = build(variant, QUESTIONS + questions)
    _, weights = predict(network, encoder, encoder(questions))
    for q, looks in zip(questions, weights, strict=True):
        assert looks.shape[0] == variant["hops"]
        onp.testing.assert_allclose(looks.sum(-1), 1, atol=1e-5)
        assert (looks >= 0).all()
        if variant["nothing"] != "sentence":
            assert (looks[:, 0] == 0).all()
        if variant["nothing"] != "places":
            assert (looks[:, 1 + len(q.story) :] == 0).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(VARIANTS))
def test_padding_never_changes_an_answer(seed, variant):
    """Neither longer stories beside it, nor what stands in the padding, nor its age, matter."""
    questions = walks(4, seed, longest=3) + walks(1, seed, longest=10)
    encoder, network = build(variant, QUESTIONS + questions)
    together, _ = predict(network, encoder, encoder(questions))
    alone = onp.concatenate([predict(network, encoder, encoder([q]))[0] for q in questions])
    onp.testing.assert_allclose(together, alone, atol=1e-6)

    stories = encoder(questions)
    table, story, age, mask, asked = encoder.batch(stories, onp.arange(5))
    logits = network(table, story, age, mask, asked)[0].asnumpy()
    random, padded = onp.random.RandomState(seed), mask.asnumpy()[:, 0] == 0
    story, age = story.asnumpy(), age.asnumpy()
    story[padded] = random.randint(len(table), size=padded.sum())
    age[padded] = random.randint(10, size=padded.sum())
    garbage = network(
        table, np.array(story, dtype="int32"), np.array(age, dtype="int32"), mask, asked
    )[0]
    onp.testing.assert_array_equal(logits, garbage.asnumpy())


def test_order_counts_only_through_ages():
    """Permuting sentences together with their ages permutes the weights and keeps the answer."""
    encoder, network = build(VARIANTS[0])
    story = [f"{who} went to the {room}." for who in PEOPLE for room in ROOMS[:2]]
    table, rows, age, mask, asked = encoder.batch(
        encoder([question(story, "Where is Ada?", "hall")]), onp.arange(1)
    )
    order = onp.random.RandomState(0).permutation(1 + len(story))
    logits, weights = network(table, rows, age, mask, asked)
    shuffled = [np.array(a.asnumpy()[:, order], dtype="int32") for a in (rows, age)]
    other, permuted = network(table, *shuffled, mask, asked)
    onp.testing.assert_allclose(logits.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[..., order], permuted.asnumpy(), atol=1e-6)


def test_position_encoding_sees_word_order_and_the_bag_does_not():
    pair = [question(["The hall is north of the attic."], "Where is the attic?", "south")]
    swapped = [question(["The attic is north of the hall."], "Where is the attic?", "south")]
    for encoding, same in (("bag", True), ("position", False)):
        encoder = Encoder(pair, encoding=encoding)
        assert (encoder(pair).table == encoder(swapped).table).all() == same


def test_old_sentences_are_forgotten():
    encoder = Encoder(QUESTIONS, memory_size=3)
    story = [f"Ada went to the {room}." for room in (*ROOMS, *ROOMS)]
    stories = encoder([question(story, "Where is Ada?", "hall")])
    assert stories.length.tolist() == [3] and stories.story.shape == (1, 4)
    age, mask = encoder.batch(stories, onp.arange(1))[2:4]
    assert age.tolist() == [[3, 2, 1, 0]] and mask.sum() == 4
    last = encoder([question(story[-3:], "Where is Ada?", "hall")])
    onp.testing.assert_array_equal(stories.table[stories.story[0]], last.table[last.story[0]])


def test_without_the_empty_sentence_a_look_must_find_something():
    encoder = Encoder(QUESTIONS, memory_size=10, nothing="never")
    _, network = build(VARIANTS[0])
    _, weights = predict(network, encoder, encoder(QUESTIONS))
    assert (weights[..., 0] == 0).all()
    onp.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_predict_gives_probabilities_of_the_logits():
    encoder, network = build(VARIANTS[0])
    stories = encoder(QUESTIONS)
    logits, _ = network(*encoder.batch(stories, onp.arange(len(stories))))
    expected = onp.exp(logits.asnumpy())
    expected /= expected.sum(-1, keepdims=True)
    probability, _ = predict(network, encoder, stories, batch_size=7)
    onp.testing.assert_allclose(probability, expected, atol=1e-5)


@pytest.mark.parametrize("hybridize", [False, True])
@pytest.mark.parametrize("variant", VARIANTS[:3], ids=lambda v: v["encoding"])
def test_a_saved_network_answers_the_same(tmp_path, variant, hybridize):
    encoder, network = build(variant)
    stories = encoder(QUESTIONS)
    network.save_parameters(str(tmp_path / "network.params"))
    other = MemoryNetwork(encoder.num_words, hidden_size=6, memory_size=10, **variant)
    other.load_parameters(str(tmp_path / "network.params"))
    if hybridize:
        other.hybridize()
    for found, expected in zip(
        predict(other, encoder, stories),
        predict(network, encoder, stories),
        strict=True,
    ):
        onp.testing.assert_allclose(found, expected, atol=1e-6)
    assert fit(other, encoder, stories, Recipe(epochs=1), seed=0, progress=False)


def test_ages_beyond_the_memory_are_its_last():
    encoder = Encoder(QUESTIONS, memory_size=3)
    stories = encoder([question(["Ada went to the hall."] * 3, "Where is Ada?", "hall")])
    age = encoder.batch(stories, onp.arange(1), onp.array([[7, 2, 1]]))[2]
    assert age.tolist() == [[3, 2, 2, 1]]  # 3 is nothing's


def test_a_question_may_be_longer_than_every_sentence():
    encoder = Encoder([question(["Ada left."], "Who left the old hall?", "Ada")])
    assert encoder.longest == 5


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.floats(0, 0.5),
    st.integers(0, 1000),
)
def test_noisy_ages_fall_and_leave_gaps(lengths, noise, seed):
    lengths = onp.array(lengths)
    ages = noisy_ages(lengths, lengths.max(), noise, onp.random.RandomState(seed))
    for length, age in zip(lengths, ages, strict=True):
        assert (onp.diff(age[:length]) < 0).all() and (age[length:] == 0).all()
        assert age[:length].min() >= 0 and age[0] < length + onp.ceil(noise * length)


def test_unfilled_places_hold_zeros_whatever_the_parameters():
    """As in the authors' code: the more places are unfilled, the more weight they take together."""
    encoder, network = build(VARIANTS[-1])
    ask = question(["Ada went to the hall."], "Where is Ada?", "hall")
    _, weights = predict(network, encoder, encoder([ask]))
    assert weights.shape[-1] == 11 and onp.ptp(weights[0, :, 2:], axis=-1).max() < 1e-7
    before = predict(network, encoder, encoder([ask]))[0]
    for k in range(4):
        network.collect_params()[f"{network.prefix}embedding_{k}"].data()[-1] = 7.0
    onp.testing.assert_array_equal(predict(network, encoder, encoder([ask]))[0], before)


def test_a_single_sentence_may_have_an_empty_one_behind_it():
    ages = noisy_ages(onp.ones(100, int), 1, 0.1, onp.random.RandomState(0))
    assert set(ages.ravel().tolist()) == {0, 1}


def test_noise_is_spread_evenly():
    ages = noisy_ages(onp.full(4000, 10), 10, 0.1, onp.random.RandomState(0))
    gap = (
        ages[:, 0] == 10
    ).mean()  # one empty sentence in half of the stories, older than all in 1 of 11
    assert abs(gap - 0.5 * 10 / 11) < 0.03


# ----------------------------------------------------------------------------- training
def test_looking_with_shares_parameters():
    _, network = build(VARIANTS[0])
    linear = network.looking_with(LinearAttention(DotProductScore()))
    for name, parameter in linear._reg_params.items():
        assert parameter is network._reg_params[name]


def test_learns_where_people_are_and_repeats_itself():
    training, test = walks(300, seed=1), walks(200, seed=2)
    errors = []
    for _ in range(2):
        seed_everything(3)
        encoder = Encoder(training, memory_size=10)
        network = MemoryNetwork(encoder.num_words, hops=1, memory_size=10)
        network.initialize()
        recipe = Recipe(epochs=40, linear_epochs=5, noise=0.1)
        phases = fit(network, encoder, encoder(training), recipe, seed=0, progress=False)
        errors.append(error_rate(network, encoder, encoder(test)))
    assert len(phases) == 2 and phases[1]["loss"][-1] < phases[0]["loss"][0] / 5
    assert errors[0] == errors[1] < 0.05


def test_training_follows_the_recipe():
    """Step by step in PyTorch: costs summed over a batch, each gradient cut by itself,
    the rate halved after the linear start only, batches and gaps drawn anew.
    """
    torch = pytest.importorskip("torch")
    variant, questions = VARIANTS[0], QUESTIONS[:13]
    recipe = Recipe(
        epochs=3,
        learning_rate=0.02,
        halve_every=1,
        linear_epochs=2,
        batch_size=4,
        clip_norm=4.0,
        noise=0.4,
    )
    encoder, network = build(variant, questions, memory_size=6, scale=0.5)
    stories = encoder(questions)
    parameters = {
        name: torch.tensor(parameter.data().asnumpy(), dtype=torch.float64, requires_grad=True)
        for name, parameter in network._reg_params.items()
        if parameter.grad_req != "null"
    }
    phases = fit(network, encoder, stories, recipe, seed=5, progress=False)

    losses, cut = [[], []], []
    for phase, epochs in enumerate((2, 3)):
        random = onp.random.RandomState([5, phase])
        for epoch in range(epochs):
            rate, costs = 0.01 / (2**epoch if phase else 1), []
            for chosen in random.randint(13, size=(3, 4)):
                length = stories.length[chosen]
                gaps = noisy_ages(length, stories.length.max(), 0.4, random)
                ages = [row[:n] for row, n in zip(gaps, length, strict=True)]
                asked = [questions[k] for k in chosen]
                logits, _ = torch_network(
                    torch,
                    parameters | {"size": 6},
                    encoder,
                    asked,
                    variant,
                    linear=phase == 0,
                    ages=ages,
                )
                answers = torch.tensor(stories.answer[chosen], dtype=torch.long)
                cost = torch.nn.functional.cross_entropy(logits, answers, reduction="sum")
                gradients = torch.autograd.grad(cost, list(parameters.values()))
                for parameter, gradient in zip(parameters.values(), gradients, strict=True):
                    cut.append(gradient.norm().item() > 4.0)
                    shorter = gradient * min(1, 4.0 / gradient.norm().item())
                    parameter.data -= rate * shorter
                costs.append(cost.item() / 4)
            losses[phase].append(onp.mean(costs))
    assert 0.1 < onp.mean(cut) < 0.9  # else cutting would not be tested
    for phase in (0, 1):
        assert phases[phase]["loss"] == pytest.approx(losses[phase], rel=1e-4)
    for name, expected in parameters.items():
        found = network._reg_params[name].data().asnumpy()
        assert abs(found - expected.detach().numpy()).max() < 1e-4, name


def test_defaults_are_the_papers():
    assert Recipe() == Recipe(100, 0.01, 25, 0, 32, 40.0, 0.0)
    network = MemoryNetwork(5)
    sizes = (network.hidden_size, network.hops, network.memory_size)
    assert sizes == (20, 3, 50)


def test_the_rate_halves():
    """With a rate that halves each epoch, the second epoch moves parameters about half as far."""
    encoder, network = build(VARIANTS[0])
    stories = encoder(QUESTIONS)
    recipe = Recipe(epochs=8, halve_every=1, learning_rate=1e-4)
    before = network.embedding_0.data().asnumpy()
    fit(network, encoder, stories, recipe, seed=0, progress=False)
    halved = abs(network.embedding_0.data().asnumpy() - before).sum()
    encoder, network = build(VARIANTS[0])
    fit(
        network,
        encoder,
        stories,
        Recipe(epochs=8, learning_rate=1e-4),
        seed=0,
        progress=False,
    )
    constant = abs(network.embedding_0.data().asnumpy() - before).sum()
    assert 0.2 < halved / constant < 0.3  # (1 + 1/2 + ... + 1/128) / 8 = 0.249


# -------------------------------------------------------------------------- bad stories
GOOD = question(["Ada went to the hall."], "Where is Ada?", "hall")


@pytest.mark.parametrize(
    "bad, message",
    [
        (question([], "Where is Ada?", "hall"), "question 1 has an empty story"),
        (
            question(["Ada left.", " . "], "Where is Ada?", "hall"),
            "story of question 1 has an empty sentence",
        ),
        (question(["Ada left."], "?", "hall"), "question 1 has no text"),
        (question(["Ada left."], "Where is Ada?", " "), "question 1 has no answer"),
    ],
)
def test_bad_questions_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        Encoder([GOOD, bad])
    with pytest.raises(ValueError, match=message):
        Encoder([GOOD])([GOOD, bad])


def test_unknown_words_are_refused():
    encoder = Encoder([GOOD])
    for story, text in (
        (["Zoe went to the hall."], "Where is Ada?"),
        (["Ada went to the hall."], "Who is Zoe?"),
    ):
        with pytest.raises(ValueError, match=r"'(zoe|who)' is not in the vocabulary"):
            encoder([question(story, text, "hall")])
    unknown = encoder([question(["Ada went to the hall."], "Where is Ada?", "moon")])
    assert unknown.answer.tolist() == [-1]
    network = MemoryNetwork(encoder.num_words)
    network.initialize()
    assert error_rate(network, encoder, unknown) == 1
    with pytest.raises(ValueError, match="outside the vocabulary"):
        fit(network, encoder, unknown, Recipe(epochs=1), seed=0, progress=False)


@pytest.mark.parametrize(
    "change",
    [
        {"num_words": 0},
        {"hops": 0},
        {"hidden_size": 2.5},
        {"memory_size": -1},
        {"encoding": "x"},
        {"tying": "x"},
        {"nothing": "x"},
    ],
)
def test_bad_settings_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        MemoryNetwork(**({"num_words": 5} | change))


@pytest.mark.parametrize(
    "name, bad",
    [
        ("epochs", 0),
        ("halve_every", 2.5),
        ("batch_size", -3),
        ("linear_epochs", -1),
        ("learning_rate", float("nan")),
        ("clip_norm", 0.0),
        ("noise", 30.0),
    ],
)
def test_bad_recipes_are_refused(name, bad):
    with pytest.raises(ValueError, match=f"^{name} must be"):
        Recipe(**{name: bad})


@pytest.mark.parametrize(
    "name, other",
    [
        ("memory_size", {"memory_size": 9}),
        ("encoding", {"encoding": "bag"}),
        ("nothing", {"nothing": "places"}),
    ],
)
def test_an_encoder_of_another_network_is_refused(name, other):
    _, network = build(VARIANTS[0])
    encoder = Encoder(QUESTIONS, **{"memory_size": 10} | other)
    stories = encoder(QUESTIONS)
    with pytest.raises(ValueError, match=f"encoder must have the network's {name}"):
        predict(network, encoder, stories)
    with pytest.raises(ValueError, match=f"encoder must have the network's {name}"):
        fit(network, encoder, stories, Recipe(), seed=0, progress=False)
    larger = Encoder([*QUESTIONS, question(["Dan left."], "Who left?", "Dan")])
    with pytest.raises(ValueError, match="encoder must have the network's num_words"):
        predict(network, larger, stories)


def test_bad_attention_and_batch_size_are_refused():
    with pytest.raises(TypeError, match="attention must be an Attention"):
        MemoryNetwork(5, attention="dot")
    encoder, network = build(VARIANTS[0])
    with pytest.raises(ValueError, match="batch_size must be positive"):
        predict(network, encoder, encoder(QUESTIONS), batch_size=-1)


def test_a_linear_start_keeps_the_network_s_score():
    encoder = Encoder(QUESTIONS, memory_size=10)
    attention = Attention(BilinearScore(20))
    network = MemoryNetwork(encoder.num_words, memory_size=10, attention=attention)
    network.initialize()
    recipe = Recipe(epochs=1, linear_epochs=1)
    predict(network, encoder, encoder(QUESTIONS))  # the score finds out its sizes
    before = [p.data().asnumpy() for p in network.attention.collect_params().values()]
    phases = fit(network, encoder, encoder(QUESTIONS), recipe, seed=0, progress=False)
    after = [p.data().asnumpy() for p in network.attention.collect_params().values()]
    assert len(phases) == 2
    assert all((a != b).any() for a, b in zip(before, after, strict=True))


def test_an_answer_s_blanks_do_not_count():
    first, second = (question(["Ada left."], "Who left?", a) for a in ("Ada ", "ada"))
    encoder = Encoder([first, second])
    assert encoder.words == ["ada", "left", "who"]
    assert encoder([first, second]).answer.tolist() == [0, 0]


def test_empty_input_is_refused():
    with pytest.raises(ValueError, match="questions must not be empty"):
        Encoder([])
    with pytest.raises(ValueError, match="questions must not be empty"):
        Encoder([GOOD])([])
    with pytest.raises(ValueError, match="memory_size"):
        Encoder([GOOD], memory_size=0)
    with pytest.raises(ValueError, match="nothing"):
        Encoder([GOOD], nothing=True)


def test_read_keeps_lists_whole():
    assert read("Is Ada in the hall?") == ["is", "ada", "in", "the", "hall"]
    assert Encoder([question(["Ada took it."], "What?", "Apple,Milk")]).words == [
        "ada",
        "apple,milk",
        "it",
        "took",
        "what",
    ]


@pytest.mark.parametrize("module", [memory_networks, stories])
def test_examples_of_docstrings(module):
    assert doctest.testmod(module).failed == 0
