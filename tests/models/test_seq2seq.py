"""Sequence to sequence: equal to an independent PyTorch network, and padding that cannot leak."""

import re

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import (
    AdditiveScore,
    Attention,
    BilinearScore,
    DotProductScore,
    LocalAttention,
    LocationScore,
)
from d2l_attention.decoding import generate
from d2l_attention.models.seq2seq import Seq2Seq

from mxnet import autograd, np

SOURCE, TARGET, SIZE, LONGEST = 9, 7, 6, 8
ATTENTIONS = {
    "none": lambda: None,
    "dot": lambda: Attention(DotProductScore()),
    "general": lambda: Attention(BilinearScore(SIZE)),
    "concat": lambda: Attention(AdditiveScore(SIZE)),
    "location": lambda: Attention(LocationScore(SIZE, longest=LONGEST)),
    "local-p": lambda: LocalAttention(BilinearScore(SIZE), hidden_size=4, window=2),
}
VARIANTS = {
    "none": {},
    "none, two layers": {"layers": 2},
    "dot": {},
    "general": {},
    "general, input feeding": {"input_feeding": True},
    "general, two layers, input feeding": {"layers": 2, "input_feeding": True},
    "concat": {},
    "location": {},
    "location, input feeding": {"input_feeding": True},
    "concat, bidirectional": {"bidirectional": True, "layers": 2},
    "dot, local-m": {"window": 1},
    "dot, local-m, input feeding": {"window": 2, "input_feeding": True},
    "local-p": {},
    "local-p, input feeding": {"input_feeding": True},
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
LENGTHS = (5, 1, 3)


def build(variant: str, seed: int = 0) -> Seq2Seq:
    seed_everything(seed)
    attention = ATTENTIONS[variant.split(",")[0]]()
    network = Seq2Seq(SOURCE, TARGET, hidden_size=SIZE, attention=attention, **VARIANTS[variant])
    network.initialize()
    network(*batch())
    random = onp.random.RandomState(seed)
    for parameter in network.collect_params().values():  # larger than at first, so that all counts
        if parameter.grad_req != "null":
            parameter.set_data(np.array(random.normal(0, 0.5, parameter.shape)))
    return network


def batch(lengths=LENGTHS, *, longest: int | None = None, seed: int = 1):
    """Sentences that are padded at their beginning, and the first words of their translations."""
    random, longest = onp.random.RandomState(seed), longest or max(lengths)
    source = onp.zeros((len(lengths), longest), "int32")
    mask = onp.zeros((len(lengths), 1, longest), "float32")
    for row, length in enumerate(lengths):
        source[row, longest - length :] = random.randint(1, SOURCE, length)
        mask[row, 0, longest - length :] = 1
    previous = random.randint(1, TARGET, (len(lengths), 4)).astype("int32")
    return [np.array(array, dtype=array.dtype) for array in (source, mask, previous)]


def outputs(network, inputs) -> list[onp.ndarray]:
    found = network(*inputs)
    return [array.asnumpy() for array in (found if isinstance(found, tuple) else (found,))]


# ------------------------------------------------------------------------------ the oracle
TRANSCRIBED = [v for v in VARIANTS if not re.search("local-|bidirectional", v)]


def transcribed(variant: str):
    """The same network in PyTorch: as the notebook shows it, where it can."""
    from tests.oracles import seq2seq, seq2seq_variants

    kind, options = variant.split(",")[0], VARIANTS[variant]
    scores = {"dot": seq2seq_variants.DotProductScore, "general": seq2seq_variants.BilinearScore,
              "concat": seq2seq_variants.AdditiveScore, "location": seq2seq_variants.LocationScore}  # fmt: skip
    sizes = {"dot": (), "location": (SIZE, LONGEST)}.get(kind, (SIZE,))
    attention = None if kind == "none" else seq2seq.Attention(scores[kind](*sizes))
    if attention and not options:
        return seq2seq.Seq2Seq(SOURCE, TARGET, SIZE, attention)
    return seq2seq_variants.Seq2Seq(SOURCE, TARGET, SIZE, attention=attention, **options)


@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
@pytest.mark.parametrize("variant", TRANSCRIBED)
def test_equals_pytorch(variant, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import weights

    network, inputs, other = build(variant), batch(), transcribed(variant)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    signs = onp.random.RandomState(1).normal(size=(3, 4, TARGET))
    with autograd.record():
        found = network(*inputs)
        logits = found[0] if network.attends else found
        total = (logits * np.array(signs.astype("float32"))).sum()
    total.backward()
    source, mask, previous = (torch.tensor(array.asnumpy()) for array in inputs)
    expected, expected_weights = other(source.long(), mask.double(), previous.long())
    (expected * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=1e-5)
    if network.attends:
        onp.testing.assert_allclose(found[1].asnumpy(), expected_weights.detach(), atol=1e-5)
    weights.compare_gradients(network, other)


# ------------------------------------------------------------------------------- properties
@every_variant
def test_hybrid_is_imperative(variant):
    network, several = build(variant), [batch(), batch((2, 2), seed=3), batch(seed=4)]
    plain = [outputs(network, inputs) for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        for found, wanted in zip(outputs(network, inputs), expected, strict=True):
            onp.testing.assert_allclose(found, wanted, atol=1e-6)


@every_variant
def test_a_padded_batch_is_its_sentences_one_by_one(variant):
    """Gradients too: what is behind the padding cannot be learned from."""
    network, (source, mask, previous) = build(variant), batch()
    together = outputs(network, (source, mask, previous))
    for row, length in enumerate(LENGTHS):
        alone = [source[row : row + 1, -length:], mask[row : row + 1, :, -length:]]
        found = outputs(network, [*alone, previous[row : row + 1]])
        onp.testing.assert_allclose(found[0][0], together[0][row], atol=1e-6)
        if len(found) > 1:
            onp.testing.assert_allclose(found[1][0], together[1][row, :, -length:], atol=1e-6)
            assert (together[1][row, :, :-length] == 0).all()


@every_variant
def test_what_stands_in_the_padding_has_no_influence(variant):
    network, (source, mask, previous) = build(variant), batch()
    garbage = source.asnumpy() + 3 * (mask.asnumpy()[:, 0] == 0).astype("int32")
    other = [np.array(garbage, dtype="int32"), mask, previous]
    for found, expected in zip(
        outputs(network, other), outputs(network, [source, mask, previous]), strict=True
    ):
        onp.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if "none" not in v and "local-" not in v])
def test_weights_sum_to_one(variant):
    for seed in range(3):
        weights = outputs(build(variant, seed), batch(seed=seed))[1]
        onp.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_a_window_sees_its_words_and_no_others():
    weights = outputs(build("dot, local-m"), batch((5,)))[1][0]  # (4, 5)
    place, step = onp.arange(5), onp.arange(4)[:, None]
    assert ((weights > 0) == (abs(place - step) <= 1)).all()
    beyond = outputs(build("dot, local-m"), batch((1,)))[1][0]
    onp.testing.assert_array_equal(beyond[:, 0], [1, 1, 0, 0])  # steps 2 and 3 see nothing


@every_variant
def test_a_word_depends_on_those_before_it_alone(variant):
    network, (source, mask, previous) = build(variant), batch()
    changed = previous.asnumpy()
    changed[:, 2] = changed[:, 2] % (TARGET - 1) + 1
    found = outputs(network, [source, mask, np.array(changed, dtype="int32")])[0]
    expected = outputs(network, [source, mask, previous])[0]
    onp.testing.assert_allclose(found[:, :2], expected[:, :2], atol=1e-6)
    assert (abs(found[:, 2:] - expected[:, 2:]).max(axis=-1) > 1e-5).all()


# ---------------------------------------------------------------------------- one word at a time
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
        if len(given) > 1:
            onp.testing.assert_allclose(each.weights, given[1][0], atol=1e-5)


# ------------------------------------------------------------------------------------- the loss
def test_the_loss_is_the_sum_over_a_sentences_words():
    network, inputs = build("dot"), batch()
    target = np.array([[3, 4, 2, 0], [2, 0, 0, 0], [1, 5, 6, 2]], dtype="int32")
    logits = outputs(network, inputs)[0].astype("float64")
    log_p = logits - onp.log(onp.exp(logits).sum(-1, keepdims=True))
    expected = [
        -sum(log_p[i, t, w] for t, w in enumerate(row) if w)
        for i, row in enumerate(target.tolist())
    ]
    found = network.loss(network(*inputs), target)
    onp.testing.assert_allclose(found.asnumpy(), expected, atol=1e-5)
    plain = build("none")
    assert plain.loss(plain(*inputs), target).shape == (3,)


# ---------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hidden_size": 0}, ValueError, "hidden_size"),
        ({"layers": 1.5}, TypeError, "layers"),
        ({"window": 2}, ValueError, "need an attention"),
        ({"input_feeding": True}, ValueError, "need an attention"),
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"window": 0, "attention": "dot"}, ValueError, "window"),
    ],
)
def test_wrong_settings_are_refused(options, error, message):
    if "attention" in options:
        options = options | {"attention": ATTENTIONS[options["attention"]]()}
    with pytest.raises(error, match=message):
        Seq2Seq(SOURCE, TARGET, **options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda s, m, p: (s + SOURCE, m, p),
            ValueError,
            "source must hold whole numbers from 0 to 8",
        ),
        (lambda s, m, p: (s, m, p + TARGET), ValueError, "previous must hold"),
        (lambda s, m, p: (s, m[:, :, 1:], p), ValueError, "mask must be of shape"),
        (lambda s, m, p: (s, m, p[:2]), ValueError, "previous must be of shape"),
        (lambda s, m, p: (s.astype("float32"), m, p), TypeError, "source must be int32"),
        (lambda s, m, p: (s[:, :0], m[:, :, :0], p), ValueError, "none of them 0"),
    ],
)
def test_wrong_arrays_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        build("dot")(*change(*batch()))


def test_a_sentence_longer_than_the_places_is_refused():
    with pytest.raises(ValueError, match="at most 8 words, got 9"):
        build("location")(*batch((9,)))
