"""GPT and GPT-2: equal to independent PyTorch networks and to Hugging Face's; nothing leaks from what
comes later or from padding; keys that are kept change nothing.
"""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import checkpoints, seed_everything
from d2l_attention.decoding import generate
from d2l_attention.losses import next_word_loss
from d2l_attention.models.gpt import GPT, SIZES, GPTClassifier
from d2l_attention.sampling import sample

from mxnet import autograd, np

V, LONGEST, CLASSES = 11, 20, 3
SMALL = {"hidden_size": 8, "layers": 2, "num_heads": 2, "longest": LONGEST, "dropout": 0.0}
VARIANTS = {"GPT": False, "GPT-2": True}  # norms before
every_variant = pytest.mark.parametrize("variant", VARIANTS)
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
LENGTHS = (5, 2, 3)


def build(variant: str, seed: int = 0, **options) -> GPT:
    seed_everything(seed)
    network = GPT(V, **SMALL | options, pre_norm=VARIANTS[variant])
    network.initialize()
    return randomize(network, (batch()[0],), seed)


def randomize(network, inputs, seed: int = 0):
    """Larger weights than at first, so that all counts."""
    network(*inputs)
    random = onp.random.RandomState(seed)
    for parameter in network.collect_params().values():
        parameter.set_data(np.array(random.normal(0, 0.5, parameter.shape)))
    return network


def classifier(variant: str, auxiliary: float = 0.5) -> GPTClassifier:
    network = GPTClassifier(build(variant), CLASSES, auxiliary=auxiliary)
    network.W_y.initialize()
    return randomize(network, batch())


def batch(lengths=LENGTHS, *, seed: int = 0):
    """Sentences of these lengths, padded at their beginning, and what of them exists."""
    random, longest = onp.random.RandomState(seed), max(lengths)
    words = random.randint(0, V, (len(lengths), longest)).astype("int32")
    mask = onp.arange(longest) >= longest - onp.array(lengths)[:, None]
    return np.array(words, dtype="int32"), np.array(mask[:, None].astype("float32"))


def outputs(network, inputs) -> list[onp.ndarray]:
    return [array.asnumpy() for array in network(*inputs)]


NETWORKS: dict[str, GPT] = {}


def cached_build(variant: str) -> GPT:
    """One network a variant, for tests with many examples."""
    if variant not in NETWORKS:
        NETWORKS[variant] = build(variant)
        NETWORKS[variant].hybridize(static_alloc=True)
    return NETWORKS[variant]


# ------------------------------------------------------------------------------ the oracle
@every_variant
@both_modes
def test_equals_pytorch(variant, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import gpt, weights

    network, (words, mask) = build(variant), batch()
    sizes = {"d": 8, "layers": 2, "heads": 2, "longest": LONGEST, "pre_norm": VARIANTS[variant]}
    other = gpt.GPT(V, **sizes)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    exists = mask.asnumpy()[:, 0, :, None]
    signs = onp.random.RandomState(1).normal(size=(3, 5, V)) * exists
    with autograd.record():
        logits, found = network(words, mask)
        total = (logits * np.array(signs.astype("float32"))).sum()
    total.backward()
    inputs = torch.tensor(words.asnumpy()).long(), torch.tensor(mask.asnumpy()).double()
    expected, alpha = other(*inputs)
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(
        logits.asnumpy() * exists, expected.detach().numpy() * exists, atol=1e-5
    )
    onp.testing.assert_allclose(found.asnumpy(), alpha.detach(), atol=1e-5)
    weights.compare_gradients(network, other, zero=key_biases(sizes["layers"]))


def key_biases(layers: int, before: str = "") -> list[str]:
    """What adds the same to all scores of a query changes no weight."""
    return [f"{before}decoder.layers.{i}.attention.W_k.bias" for i in range(layers)]


@every_variant
@pytest.mark.parametrize("auxiliary", [0, 0.5])
def test_the_classifier_equals_pytorch(variant, auxiliary):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import gpt, weights

    network, inputs = classifier(variant, auxiliary), batch()
    sizes = {"d": 8, "layers": 2, "heads": 2, "longest": LONGEST, "pre_norm": VARIANTS[variant]}
    other = gpt.GPTClassifier(gpt.GPT(V, **sizes), CLASSES)
    weights.copy_weights(network, other)
    network.hybridize(static_alloc=True)
    label = onp.array([2, 0, 1], "int32")
    with autograd.record():
        losses = network.loss(network(*inputs), np.array(label, dtype="int32"))
    losses.backward()
    tensors = torch.tensor(inputs[0].asnumpy()).long(), torch.tensor(inputs[1].asnumpy()).double()
    expected = other.loss(*tensors, torch.tensor(label).long(), auxiliary)
    expected.sum().backward()
    onp.testing.assert_allclose(losses.asnumpy(), expected.detach(), atol=1e-5)
    weights.compare_gradients(network, other, zero=key_biases(2, "model."))


# ---------------------------------------------------------------------------- published sizes
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt", 116_534_784),
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_the_published_models_have_so_many_parameters(name, expected):
    """By hand: words and places (V + L) d, each layer 4 d^2 + 4 d, 8 d^2 + 5 d and 4 d of norms, and
    2 d of GPT-2's last norm.
    """
    sizes = SIZES[name]
    d, places = sizes["hidden_size"], sizes.get("longest", 512)
    by_hand = (sizes["num_words"] + places) * d + sizes["layers"] * (12 * d * d + 13 * d)
    by_hand += 2 * d * sizes.get("pre_norm", False)
    assert checkpoints.num_parameters(GPT(**sizes)) == by_hand == expected


def test_first_weights_are_those_of_the_papers():
    """Deviations of 0.02, and of GPT-2's sums less by the root of their number."""
    for variant, small in (("GPT", 0.02), ("GPT-2", 0.02 / 6**0.5)):
        seed_everything(0)
        network = GPT(50, hidden_size=64, layers=3, num_heads=2, pre_norm=VARIANTS[variant])
        network.initialize()
        network(np.ones((1, 2), dtype="int32"))
        for name, parameter in network.collect_params().items():
            found = parameter.data().asnumpy()
            if name.endswith(("weight", "table")):
                last = any(
                    parameter in (layer.attention.W_o.weight, layer.network.W_2.weight)
                    for layer in network.decoder.layers
                )
                assert found.std() == pytest.approx(small if last else 0.02, rel=0.06), name
            else:
                assert (found == name.endswith("gamma")).all()


# ------------------------------------------------------------------------------- properties
@every_variant
def test_hybrid_is_imperative(variant):
    network = build(variant)
    several = [batch(), batch()[:1], batch((2, 2), seed=3), batch(seed=4)[:1], batch(seed=4)]
    plain = [outputs(network, inputs) for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        for found, wanted in zip(outputs(network, inputs), expected, strict=True):
            onp.testing.assert_allclose(found, wanted, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5), st.sampled_from(sorted(VARIANTS)), st.data())
def test_a_words_logits_never_change_when_later_words_do(seed, place, variant, data):
    """Whatever is changed from a place on, nothing changes before it; and the place itself counts."""
    network, (words, _) = cached_build(variant), batch((6, 6), seed=seed)
    before, changed = outputs(network, [words]), words.asnumpy()
    for row in changed:
        row[place:] = data.draw(
            st.lists(st.integers(0, V - 1), min_size=6 - place, max_size=6 - place)
        )
    after = outputs(network, [np.array(changed, dtype="int32")])
    onp.testing.assert_array_equal(after[0][:, :place], before[0][:, :place])
    onp.testing.assert_array_equal(after[1][..., :place, :], before[1][..., :place, :])
    moved = abs(after[0] - before[0]).max(axis=-1) > 1e-6
    assert (moved[:, place] == (changed[:, place] != words.asnumpy()[:, place])).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.sampled_from(sorted(VARIANTS)))
def test_what_stands_in_the_padding_has_no_influence(seed, length, variant):
    network, (words, mask) = cached_build(variant), batch((5, length), seed=seed)
    exists = mask.asnumpy()[:, 0] == 1
    garbage = onp.random.RandomState(seed + 1).randint(0, V, words.shape)
    garbage = onp.where(exists, words.asnumpy(), garbage).astype("int32")
    found = outputs(network, [np.array(garbage, dtype="int32"), mask])[0]
    expected = outputs(network, [words, mask])[0]
    onp.testing.assert_allclose(found[exists], expected[exists], atol=1e-6)


@every_variant
def test_a_padded_batch_is_its_sentences_one_by_one(variant):
    network, (words, mask) = build(variant), batch()
    together, label = outputs(network, (words, mask)), np.array([2, 0, 1], dtype="int32")
    judge = classifier(variant)
    judged = outputs(judge, (words, mask))
    for row, length in enumerate(LENGTHS):
        alone = outputs(network, [words[row : row + 1, -length:]])  # without any mask
        onp.testing.assert_allclose(alone[0][0], together[0][row, -length:], atol=1e-5)
        within = together[1][row, ..., -length:, -length:]
        onp.testing.assert_allclose(alone[1][0], within, atol=1e-5)
        inputs = words[row : row + 1, -length:], mask[row : row + 1, :, -length:]
        for found, wanted in zip(outputs(judge, inputs)[:2], judged, strict=False):
            onp.testing.assert_allclose(found[0], wanted[row], atol=1e-5)
    assert judge.loss(judge(words, mask), label).shape == (3,)


@every_variant
def test_weights_sum_to_one_over_words_so_far(variant):
    _, weights = outputs(build(variant), batch()[:1])
    onp.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert (onp.triu(weights, 1) == 0).all()


# ---------------------------------------------------------------------------- one word at a time
@every_variant
@both_modes
def test_kept_keys_change_nothing(variant, hybridize):
    network, (words, mask) = build(variant), batch()
    if hybridize:
        network.hybridize(static_alloc=True)
    for beam, end, inputs in (
        (1, None, (words, mask)),
        (3, 2, (words, mask)),
        (2, 2, (words,)),
        (3, None, (words[:, :1],)),
    ):
        limits = {"end": end, "longest": 9, "beam": beam}
        kept, plain = (
            generate(network, inputs, cached=cached, **limits) for cached in (True, False)
        )
        for one, other in zip(kept, plain, strict=True):
            assert (one.symbols, one.finished) == (other.symbols, other.finished)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            assert one.weights is None is other.weights


@every_variant
def test_kept_keys_change_no_sample(variant):
    network, inputs = build(variant), batch()
    options = {"longest": 12, "samples": 3, "seed": 4, "top_k": 8, "end": 1}
    kept, plain = (sample(network, inputs, cached=c, **options) for c in (True, False))
    assert [[e.symbols for e in row] for row in kept] == [[e.symbols for e in row] for row in plain]
    assert len({each.symbols for row in kept for each in row}) > 3


@pytest.mark.parametrize("cached", [True, False])
def test_it_writes_in_double_precision_as_well(cached):
    network, (words, mask) = build("GPT-2"), batch()
    single = generate(network, (words, mask), longest=5, cached=cached)
    network.cast("float64")
    for inputs in ((words, mask.astype("float64")), (words[:1],)):
        double = generate(network, inputs, longest=5, cached=cached)
        if len(inputs) == 2:
            assert [each.symbols for each in double] == [each.symbols for each in single]


@every_variant
def test_stepping_is_teacher_forcing(variant):
    """The log-probability of what was generated is that of the same words when they are given."""
    network, (words, mask) = build(variant), batch()
    for row, found in enumerate(sample(network, (words, mask), longest=6, seed=0, samples=2)):
        for each in found:
            read = words[row, -LENGTHS[row] :].tolist()
            whole = np.array([[*read, *each.symbols]], dtype="int32")
            logits = outputs(network, [whole])[0][0, len(read) - 1 : -1].astype("float64")
            log_p = logits - onp.log(onp.exp(logits).sum(-1, keepdims=True))
            expected = log_p[onp.arange(6), list(each.symbols)].sum()
            assert each.score == pytest.approx(expected, abs=1e-4)


def test_no_shape_changes_while_a_sentence_grows():
    network, (words, mask) = build("GPT-2"), batch()
    writer, shapes = network.begin_cached(words, mask, beam=2, longest=5), set()
    for _ in range(5):
        writer.step(np.ones((6,), dtype="int32"), onp.arange(6))
        shapes.add(tuple(layer.key.shape for layer in writer.layers))
    assert shapes == {((3, 2, 4 + 10, 4),) * 2}  # four words were read, two times five are written


# ------------------------------------------------------------------------------------- the loss
def test_the_loss_is_the_mean_of_what_is_asked_for():
    network, (words, mask) = build("GPT"), batch()
    logits = outputs(network, (words, mask))[0].astype("float64")
    log_p = logits - onp.log(onp.exp(logits).sum(-1, keepdims=True))
    target = onp.array([[3, 0, 2, 1, 10], [-1, -1, -1, -1, 0], [-1, -1, 4, 4, -1]], "int32")
    expected = [
        -onp.mean([log_p[row, t, y] for t, y in enumerate(target[row]) if y >= 0])
        for row in range(3)
    ]
    found = network.loss(network(words, mask), np.array(target, dtype="int32"))
    onp.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5)
    nothing = next_word_loss(np.array(logits, dtype="float32"), words, np.zeros((3, 5)))
    assert nothing.tolist() == [0, 0, 0]


@every_variant
def test_it_learns_to_repeat(variant):
    """Five words, and the same five again: nearly all of 60 new ones, in 200 steps."""
    from d2l_attention.training import fit

    from mxnet import optimizer

    seed_everything(0)
    random = onp.random.RandomState(0)
    network = GPT(V, **SMALL | {"hidden_size": 32}, pre_norm=VARIANTS[variant])
    network.initialize()

    def sentences(count):
        return onp.tile(random.randint(0, V, (count, 5)), 2).astype("int32")

    def batches(epoch):
        for _ in range(100):
            words = sentences(32)
            target = words[:, 1:].copy()
            target[:, :4] = -1  # the first five are chance
            yield (words[:, :-1],), target

    history = fit(network, batches, optimizer.Adam(0.01), epochs=2, progress=False)
    assert history["loss"][-1] < history["loss"][0] / 4
    new = sentences(60)
    found = generate(network, (np.array(new[:, :5], dtype="int32"),), longest=5)
    right = [each.symbols == tuple(words[5:]) for each, words in zip(found, new, strict=True)]
    assert onp.mean(right) > 0.9


# ---------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_words": 0}, ValueError, "num_words"),
        ({"hidden_size": 0}, ValueError, "hidden_size"),
        ({"num_heads": 3}, ValueError, "num_heads must divide 8 = hidden_size, got 3"),
        ({"layers": 1.5}, TypeError, "layers"),
        ({"feedforward_size": 0}, ValueError, "hidden_size"),
        ({"longest": 0}, ValueError, "longest"),
        ({"dropout": 1.0}, ValueError, "dropout"),
    ],
)
def test_wrong_settings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        GPT(**{"num_words": V} | SMALL | options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda w, m: (w + V, m), ValueError, "words must hold whole numbers from 0 to 10"),
        (lambda w, m: (w - 11, m), ValueError, "words must hold whole numbers from 0 to 10"),
        (lambda w, m: (w, m[:, :, 1:]), ValueError, "mask must be of shape"),
        (lambda w, m: (w, m[:, 0]), ValueError, "mask must be of shape"),
        (lambda w, m: (w, m[:1]), ValueError, "mask must be of shape"),
        (lambda w, m: (w[:, :0],), ValueError, "none of them 0"),
        (lambda w, m: (w[0],), ValueError, "words must be of shape"),
        (lambda w, m: (w.astype("float32"),), TypeError, "words must be int32"),
        (lambda w, m: (w.asnumpy(),), TypeError, "words must be an MXNet array"),
        (lambda w, m: batch((21, 3)), ValueError, "words must have at most 20 places"),
    ],
)
def test_wrong_arrays_are_refused(change, error, message):
    network, inputs = cached_build("GPT-2"), change(*batch())
    for call in (
        lambda: network(*inputs),
        lambda: network.begin(*inputs),
        lambda: network.begin_cached(*inputs, beam=1, longest=1),
    ):
        with pytest.raises(error, match=message):
            call()


def test_wrong_beginnings_are_refused():
    network, (words, mask) = build("GPT"), batch()
    for cached in (True, False):
        limits = {"longest": LONGEST - 3, "cached": cached}
        with pytest.raises(ValueError, match="words must have at most 20 places"):
            generate(network, (words, mask), **limits)
        generate(network, (words, mask), **limits | {"longest": LONGEST - 4})
        with pytest.raises(ValueError, match="mask must end with 1"):
            generate(network, (words, mask[:, :, ::-1]), longest=2, cached=cached)
        with pytest.raises(ValueError, match="start must be None"):
            generate(network, (words, mask), start=3, longest=2, cached=cached)
        with pytest.raises(ValueError, match="beginnings must be of shape"):
            generate(network, (words[:, :0],), longest=2, cached=cached)
        with pytest.raises(TypeError, match="beginnings must be an MXNet array"):
            sample(network, (words.asnumpy(),), longest=2, seed=0, cached=cached)


def test_wrong_targets_are_refused():
    network, (words, mask) = build("GPT"), batch()
    output, target = network(words, mask), onp.zeros((3, 5), "int32")
    for change, error, message in (
        (lambda t: t - 2, ValueError, "target must hold whole numbers from -1 to 10"),
        (lambda t: t + V, ValueError, "target must hold whole numbers from -1 to 10"),
        (lambda t: t - onp.array([[0], [1], [0]]), ValueError, "at least one word, other than -1"),
        (lambda t: t[:, 1:], ValueError, "target must be of shape"),
    ):
        with pytest.raises(error, match=message):
            network.loss(output, np.array(change(target), dtype="int32"))


def test_wrong_classifiers_are_refused():
    model = build("GPT")
    for make, error, message in (
        (lambda: GPTClassifier(model.decoder, 2), TypeError, "model must be a GPT"),
        (lambda: GPTClassifier(model, 0), ValueError, "num_classes"),
        (lambda: GPTClassifier(model, 2, auxiliary=-1), ValueError, "auxiliary"),
    ):
        with pytest.raises(error, match=message):
            make()
    network, (words, mask) = classifier("GPT"), batch()
    with pytest.raises(ValueError, match="at least 2 places"):
        network(words[:, -1:], mask[:, :, -1:])
    with pytest.raises(ValueError, match="at most 20 places"):
        network(*batch((21, 3)))
    with pytest.raises(ValueError, match="target must hold whole numbers from 0 to 2"):
        network.loss(network(words, mask), np.array([0, 1, 3], dtype="int32"))
