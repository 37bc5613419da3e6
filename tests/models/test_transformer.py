"""The Transformer: equal to an independent PyTorch network; nothing leaks from padding or from what is
not yet written; keys that are kept change nothing.
"""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.attention import FeedForward, LayerNorm, masked_softmax
from d2l_attention.decoding import generate
from d2l_attention.losses import smoothed_cross_entropy
from d2l_attention.models.transformer import Transformer

from mxnet import autograd, init, np
from mxnet.gluon import nn

SOURCE, TARGET = 9, 11
SIZES = {"hidden_size": 8, "layers": 2, "num_heads": 2, "feedforward_size": 12, "dropout": 0.0}
VARIANTS = {
    "base": {},
    "norms before": {"pre_norm": True},
    "learned positions": {"positions": "learned", "longest": 20},
    "no positions": {"positions": "none"},
    "small keys": {"key_size": 3},
    "one head": {"num_heads": 1},
    "nothing tied": {"tied": "none"},
    "all tied": {"tied": "all"},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
LENGTHS = (5, 1, 3)


def build(variant: str, seed: int = 0) -> Transformer:
    seed_everything(seed)
    tied = VARIANTS[variant].get("tied") == "all"
    network = Transformer(TARGET if tied else SOURCE, TARGET, **SIZES | VARIANTS[variant])
    network.initialize()
    network(*batch())
    random = onp.random.RandomState(seed)
    for parameter in network.collect_params().values():  # larger than at first, so that all counts
        if parameter.grad_req != "null":
            parameter.set_data(np.array(random.normal(0, 0.5, parameter.shape)))
    return network


def batch(lengths=LENGTHS, *, seed: int = 0, steps: int = 4):
    """Sources of these lengths, padded at their beginning, and what was written."""
    random, longest = onp.random.RandomState(seed), max(lengths)
    source = onp.zeros((len(lengths), longest), "int32")
    for row, length in enumerate(lengths):
        source[row, longest - length :] = random.randint(1, SOURCE, length)
    mask = (source > 0)[:, None].astype("float32")
    previous = random.randint(1, TARGET, (len(lengths), steps)).astype("int32")
    return np.array(source, dtype="int32"), np.array(mask), np.array(previous, dtype="int32")


def outputs(network, inputs) -> list[onp.ndarray]:
    return [array.asnumpy() for array in network(*inputs)]


# ------------------------------------------------------------------------------ the oracle
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_equals_pytorch(hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import transformer, weights

    network, inputs = build("base"), batch()
    other = transformer.Transformer(SOURCE, TARGET, d=8, layers=2, heads=2, hidden=12)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    signs = onp.random.RandomState(1).normal(size=(3, 4, TARGET))
    with autograd.record():
        logits, *found = network(*inputs)
        total = (logits * np.array(signs.astype("float32"))).sum()
    total.backward()
    source, mask, previous = (torch.tensor(array.asnumpy()) for array in inputs)
    expected, cross = other(source.long(), mask.double(), previous.long())
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(found[2].asnumpy()[:, -1], cross.detach(), atol=1e-5)
    weights.compare_gradients(network, other)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, 63_045_632),
        ({"hidden_size": 1024, "num_heads": 16, "feedforward_size": 4096}, 214_171_648),
    ],
    ids=["base", "big"],
)
def test_the_papers_models_have_so_many_parameters(sizes, expected):
    """By hand, of 37,000 tokens that both languages share: words V d, encoder N (4 d^2 + 2 d f + f +
    d + 4 d), decoder N (8 d^2 + 2 d f + f + d + 6 d).
    """
    d, f, n, words = sizes.get("hidden_size", 512), sizes.get("feedforward_size", 2048), 6, 37_000
    network = 2 * d * f + f + d
    by_hand = words * d + n * (4 * d * d + network + 4 * d) + n * (8 * d * d + network + 6 * d)
    model, one = Transformer(words, words, tied="all", **sizes), np.ones((1, 1), dtype="int32")
    model.infer_shape(one, np.ones((1, 1, 1)), one)  # nothing is allocated
    parameters = [p for p in model.collect_params().values() if p.grad_req != "null"]
    assert sum(int(onp.prod(p.shape)) for p in parameters) == by_hand == expected


# ------------------------------------------------------------------------------- properties
@every_variant
def test_hybrid_is_imperative(variant):
    network, several = build(variant), [batch(), batch((2, 2), seed=3, steps=6), batch(seed=4)]
    plain = [outputs(network, inputs) for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        for found, wanted in zip(outputs(network, inputs), expected, strict=True):
            onp.testing.assert_allclose(found, wanted, atol=1e-5)


@every_variant
def test_a_padded_batch_is_its_sentences_one_by_one(variant):
    network, (source, mask, previous) = build(variant), batch()
    together = outputs(network, (source, mask, previous))
    for row, length in enumerate(LENGTHS):
        alone = [source[row : row + 1, -length:], mask[row : row + 1, :, -length:]]
        found = outputs(network, [*alone, previous[row : row + 1]])
        onp.testing.assert_allclose(found[0][0], together[0][row], atol=1e-5)
        onp.testing.assert_allclose(
            found[1][0], together[1][row, ..., -length:, -length:], atol=1e-5
        )
        onp.testing.assert_allclose(found[3][0], together[3][row, ..., -length:], atol=1e-5)
        assert (together[3][row, ..., :-length] == 0).all()


@every_variant
def test_a_source_may_be_padded_behind_as_well(variant):
    network, (source, mask, previous) = build(variant), batch((3, 3))
    source, mask = source.asnumpy(), mask.asnumpy()
    behind = [
        np.array(onp.pad(source, ((0, 0), (0, 2))), dtype="int32"),
        np.array(onp.pad(mask, ((0, 0), (0, 0), (0, 2)))),
        previous,
    ]
    expected = network(np.array(source, dtype="int32"), np.array(mask), previous)[0]
    onp.testing.assert_allclose(outputs(network, behind)[0], expected.asnumpy(), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 4), st.sampled_from(sorted(VARIANTS)))
def test_what_stands_in_the_padding_has_no_influence(seed, length, variant):
    network, (source, mask, previous) = cached_build(variant), batch((5, length), seed=seed)
    garbage = onp.random.RandomState(seed).randint(1, SOURCE, source.shape)
    garbage = onp.where(mask.asnumpy()[:, 0] == 0, garbage, source.asnumpy()).astype("int32")
    found = outputs(network, [np.array(garbage, dtype="int32"), mask, previous])
    expected = outputs(network, [source, mask, previous])
    onp.testing.assert_allclose(found[0], expected[0], atol=1e-6)
    onp.testing.assert_allclose(found[3], expected[3], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 5), st.sampled_from(sorted(VARIANTS)), st.data())
def test_a_word_depends_on_those_before_it_alone(seed, place, variant, data):
    """Whatever is changed behind a place, nothing changes up to it; and the place itself counts."""
    network, (source, mask, previous) = cached_build(variant), batch(seed=seed, steps=6)
    before, changed = outputs(network, [source, mask, previous])[0], previous.asnumpy()
    words = st.lists(st.integers(1, TARGET - 1), min_size=6 - place, max_size=6 - place)
    for row in changed:
        row[place:] = data.draw(words)
    after = outputs(network, [source, mask, np.array(changed, dtype="int32")])[0]
    onp.testing.assert_array_equal(after[:, :place], before[:, :place])
    moved = abs(after - before).max(axis=-1) > 1e-6
    differs = changed[:, place] != previous.asnumpy()[:, place]
    assert (moved[:, place] == differs).all()


NETWORKS: dict[str, Transformer] = {}


def cached_build(variant: str) -> Transformer:
    """One network a variant, for tests with many examples."""
    if variant not in NETWORKS:
        NETWORKS[variant] = build(variant)
        NETWORKS[variant].hybridize(static_alloc=True)
    return NETWORKS[variant]


def test_without_positions_the_order_of_the_source_does_not_count():
    for variant, same in (("no positions", True), ("base", False), ("learned positions", False)):
        network, (source, mask, previous) = build(variant), batch((5,))
        turned = np.array(source.asnumpy()[:, ::-1], dtype="int32")
        found, expected = (outputs(network, [s, mask, previous])[0] for s in (turned, source))
        assert (abs(found - expected).max() < 1e-5) == same


@every_variant
def test_weights_sum_to_one_over_what_exists(variant):
    _, encoder, decoder, cross = outputs(build(variant), batch())
    for weights in (encoder, decoder, cross):
        onp.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert (onp.triu(decoder, 1) == 0).all()


# ---------------------------------------------------------------------------- one word at a time
@every_variant
@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_kept_keys_change_nothing(variant, beam, hybridize):
    for seed in range(2):
        network, (source, mask, _) = build(variant, seed), batch(seed=seed)
        if hybridize:
            network.hybridize(static_alloc=True)
        limits = {"start": 1, "end": 2, "longest": 9, "beam": beam}
        kept, plain = (
            generate(network, (source, mask), cached=cached, **limits) for cached in (True, False)
        )
        for one, other in zip(kept, plain, strict=True):
            assert (one.symbols, one.finished) == (other.symbols, other.finished)
            assert one.score == pytest.approx(other.score, abs=1e-4)
            onp.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@every_variant
def test_stepping_is_teacher_forcing(variant):
    """The log-probability of what was generated is that of the same words when they are given."""
    network, (source, mask, _) = build(variant), batch()
    found = generate(network, (source, mask), start=1, end=2, longest=6, beam=3)
    for row, each in enumerate(found):
        words = [*each.symbols, 2] if each.finished else list(each.symbols)
        previous = np.array([[1, *words[:-1]]], dtype="int32")
        given = outputs(network, [source[row : row + 1], mask[row : row + 1], previous])
        logits = given[0][0].astype("float64")
        log_p = logits - onp.log(onp.exp(logits).sum(-1, keepdims=True))
        assert each.score == pytest.approx(log_p[onp.arange(len(words)), words].sum(), abs=1e-4)
        onp.testing.assert_allclose(each.weights, given[3][0, -1].mean(axis=0), atol=1e-5)


def test_a_beam_of_one_is_greedy_search():
    """Written as a loop: the whole network for each word, and its likeliest word."""
    for seed in range(2):
        network, (source, mask, _) = build("base", seed), batch(seed=seed)
        found = generate(network, (source, mask), start=1, end=2, longest=7)
        for row, each in enumerate(found):
            words = [1]
            while words[-1] != 2 and len(words) < 8:
                inputs = [source[row : row + 1], mask[row : row + 1]]
                logits = outputs(network, [*inputs, np.array([words], dtype="int32")])[0]
                words.append(int(logits[0, -1].argmax()))
            assert each.symbols == tuple(word for word in words[1:] if word != 2)


def another(part):
    part.initialize(init.Normal(1.0))
    return part


EXCHANGED = {  # of a decoder's layer
    "network": lambda layer: setattr(layer, "network", another(FeedForward(8, 12))),
    "norm": lambda layer: setattr(layer, "norm_cross", another(LayerNorm(8, epsilon=9.0))),
    "matrix": lambda layer: setattr(layer.cross, "W_o", another(nn.Dense(8, flatten=False))),
    "normalise": lambda layer: setattr(
        layer.attention.attention, "normalise", lambda a, mask: masked_softmax(3 * a, mask)
    ),
}


@pytest.mark.parametrize("part", EXCHANGED)
def test_what_was_compiled_is_compiled_anew_if_a_part_is_exchanged(part):
    network, (source, mask, _) = build("base"), batch()
    limits = {"start": 1, "end": 2, "longest": 6, "beam": 2}
    before = generate(network, (source, mask), **limits)
    for layer in network.decoder.layers:
        EXCHANGED[part](layer)
    kept, plain = (
        generate(network, (source, mask), cached=cached, **limits) for cached in (True, False)
    )
    assert [each.score for each in kept] != [each.score for each in before]
    for one, other in zip(kept, plain, strict=True):
        assert one.symbols == other.symbols
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_no_shape_changes_while_a_sentence_grows():
    network, (source, mask, _) = build("base"), batch()
    writer, shapes = network.begin_cached(source, mask, beam=2, longest=5), set()
    for _ in range(5):
        writer.step(np.ones((6,), dtype="int32"), onp.arange(6))
        shapes.add(tuple(layer.key.shape for layer in writer.layers))
    assert shapes == {((3, 2, 10, 4),) * 2}


# ------------------------------------------------------------------------------------- the loss
def test_the_loss_is_that_of_smoothed_labels():
    network, inputs = build("base"), batch()
    target = onp.array([[3, 4, 2, 0], [2, 0, 0, 0], [1, 5, 6, 2]], "int32")
    logits = outputs(network, inputs)[0].astype("float64")
    log_p = logits - onp.log(onp.exp(logits).sum(-1, keepdims=True))
    for smoothing in (0.0, 0.1, 0.6):
        expected = onp.zeros(3)
        for row, words in enumerate(target):
            for t, word in enumerate(words):
                q = onp.full(TARGET, smoothing / TARGET)
                q[word] += 1 - smoothing
                expected[row] -= (word > 0) * (q @ log_p[row, t])
        found = smoothed_cross_entropy(
            np.array(logits.astype("float32")), np.array(target, dtype="int32"), smoothing
        )
        onp.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5)
    network.smoothing = 0.6
    found = network.loss(network(*inputs), np.array(target, dtype="int32"))
    onp.testing.assert_allclose(found.asnumpy(), expected, rtol=1e-5)


def test_it_learns_to_copy_backwards():
    """Sequences of four symbols, written from their end: nearly all of 60 new ones, in 400 steps."""
    from d2l_attention.datasets.translation import arrays
    from d2l_attention.schedules import WarmUp
    from d2l_attention.training import fit

    from mxnet import optimizer

    random = onp.random.RandomState(0)
    seed_everything(0)
    sizes = SIZES | {"hidden_size": 32, "feedforward_size": 64}
    network = Transformer(12, 12, **sizes)
    network.initialize()

    def sequences(count):
        return random.randint(4, 12, (count, 4)).tolist()

    def batches(epoch):
        for _ in range(100):
            some = sequences(32)
            yield arrays(some, [each[::-1] for each in some])

    adam = optimizer.Adam(0.005, lr_scheduler=WarmUp(0.005, steps=100))
    history = fit(network, batches, adam, epochs=4, clip_norm=1.0, progress=False)
    assert history["loss"][-1] < history["loss"][0] / 2
    new = sequences(60)
    (source, mask, _), _ = arrays(new, new)
    inputs = np.array(source, dtype="int32"), np.array(mask)
    found = generate(network, inputs, start=2, end=3, longest=6)
    right = [list(each.symbols) == s[::-1] for each, s in zip(found, new, strict=True)]
    assert onp.mean(right) > 0.9


# ---------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hidden_size": 0}, ValueError, "hidden_size"),
        ({"num_heads": 3}, ValueError, "num_heads must divide 8 = hidden_size, got 3"),
        ({"layers": 1.5}, TypeError, "layers"),
        ({"feedforward_size": 0}, ValueError, "hidden_size"),
        ({"key_size": 0}, ValueError, "key_size"),
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"smoothing": -0.1}, ValueError, "smoothing"),
        ({"positions": "rotary"}, ValueError, "positions must be one of sinusoidal"),
        ({"tied": "input"}, ValueError, "tied must be one of"),
        ({"tied": "all"}, ValueError, "needs num_source = num_target"),
        ({"hidden_size": 9, "num_heads": 3}, ValueError, "size must be even"),
    ],
)
def test_wrong_settings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Transformer(SOURCE, TARGET, **SIZES | options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda s, m, p: (s + 9, m, p), ValueError, "source must hold whole numbers from 0 to 8"),
        (lambda s, m, p: (s, m, p + TARGET), ValueError, "previous must hold"),
        (lambda s, m, p: (s, m[:, :, 1:], p), ValueError, "mask must be of shape"),
        (lambda s, m, p: (s, m[:, 0], p), ValueError, "mask must be of shape"),
        (lambda s, m, p: (s, m, p[:2]), ValueError, "previous must be of shape"),
        (lambda s, m, p: (s, m, p[:, :0]), ValueError, "none of them 0"),
        (lambda s, m, p: (s.astype("float32"), m, p), TypeError, "source must be int32"),
        (lambda s, m, p: (s[:, :0], m[:, :, :0], p), ValueError, "none of them 0"),
    ],
)
def test_wrong_arrays_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        build("base")(*change(*batch()))


@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_what_is_longer_than_the_positions_is_refused(hybridize):
    network = build("learned positions")
    if hybridize:
        network.hybridize(static_alloc=True)
    with pytest.raises(ValueError, match="source must have at most 20 places, the table's; got 21"):
        network(*batch((21,)))
    with pytest.raises(ValueError, match="previous must have at most 20 places"):
        network(*batch((5,), steps=21))
    source, mask, _ = batch()
    limits = {"start": 1, "end": 2, "longest": 21}
    limits["allowed"] = lambda symbols: onp.arange(TARGET)[None] != 2  # so that it never ends
    for cached in (True, False):  # the one that keeps keys makes room at once
        with pytest.raises(ValueError, match="at most 20 places"):
            generate(network, (source, mask), cached=cached, **limits)


def test_an_empty_target_is_refused():
    network, inputs = build("base"), batch()
    target = np.array([[3, 2, 0, 0], [0, 0, 0, 0], [1, 5, 6, 2]], dtype="int32")
    with pytest.raises(ValueError, match="target must hold at least one word"):
        network.loss(network(*inputs), target)
    with pytest.raises(ValueError, match="target must hold whole numbers from 0 to 10"):
        network.loss(network(*inputs), target + TARGET)
