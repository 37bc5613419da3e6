"""BERT's heads: equal to Hugging Face's and to PyTorch; padding and question change no answer; spans are whole."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from d2l_attention import checkpoints, seed_everything
from d2l_attention.backend.operators import HUGE
from d2l_attention.datasets.labelled_texts import NO_TAG
from d2l_attention.models.bert import Bert
from d2l_attention.models.bert_fine_tuning import (
    QuestionAnswering,
    SequenceClassifier,
    Span,
    TokenClassifier,
    best_span,
)
from d2l_attention.training import fit
from tests.models.gradients import compare_gradients

from mxnet import autograd, np, optimizer

V, D, K, LONGEST = 13, 8, 3, 9
SIZES = {"hidden_size": D, "layers": 2, "num_heads": 2, "feedforward_size": 12}
SIZES |= {"longest": LONGEST, "dropout": 0.0, "attention_dropout": 0.0}
LENGTHS = (6, 3, 5)
HEADS = {
    "sequence": lambda bert: SequenceClassifier(bert, K),
    "tokens": lambda bert: TokenClassifier(bert, K),
    "answers": QuestionAnswering,
}
TARGETS = {
    "sequence": [0, 2, 1],
    "tokens": [[-1, 0, 2, -1, 1, -1], [-1, 1, -1, -1, -1, -1], [-1, 0, 0, 2, -1, -1]],
    "answers": [[3, 4], [1, 1], [2, 4]],
}
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
every_head = pytest.mark.parametrize("kind", HEADS)


def build(kind: str, *, seed: int = 0):
    """With weights that are larger than at first, so that all counts."""
    seed_everything(seed)
    network = HEADS[kind](Bert(V, **SIZES))
    network.initialize()
    random = onp.random.RandomState(seed)
    for name, parameter in network.collect_params().items():
        value = random.normal(0, 0.5, parameter.shape) + name.endswith("gamma")
        parameter.set_data(np.array(value.astype("float32")))
    return network


def integers(array) -> np.ndarray:
    return np.array(onp.asarray(array), dtype="int32")


def batch(kind: str, lengths=LENGTHS, *, seed: int = 0, longest: int | None = None) -> tuple:
    """Texts of these lengths, padded behind, the second half of each being the second text."""
    random, longest = onp.random.RandomState(seed), longest or max(lengths)
    length, place = onp.array(lengths)[:, None], onp.arange(longest)
    there, second = place < length, (place >= length / 3) & (place < length)
    ids = onp.where(there, random.randint(1, V, there.shape), 0)
    inputs = integers(ids), integers(second), np.array(there[:, None].astype("float32"))
    text = (np.array(second[:, None].astype("float32")),) if kind == "answers" else ()
    return inputs + text


def target(kind: str) -> np.ndarray:
    return integers(TARGETS[kind])


def outputs(network, *inputs) -> list[onp.ndarray]:
    return [array.asnumpy() for array in network(*inputs)]


def there(mask) -> onp.ndarray:
    return mask.asnumpy()[:, 0] == 1


# ------------------------------------------------------------------------------------- the oracles
@every_head
@both_modes
def test_equals_pytorch(kind, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import bert, bert_fine_tuning, weights

    network, inputs = build(kind), batch(kind)
    other = bert.Bert(V, d=D, layers=2, heads=2, hidden=12, longest=LONGEST)
    if kind != "sequence":
        del other.pooler
        other.pooler = torch.nn.Identity()
    oracle = getattr(bert_fine_tuning, type(network).__name__)
    other = oracle(other, D, 2 if kind == "answers" else K)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    with autograd.record():
        output = network(*inputs)
        losses = network.loss(output, target(kind))
        mean = losses.mean()
    mean.backward()
    given = [torch.tensor(array.asnumpy()) for array in inputs]
    given = [array.long() if k < 2 else array.double() for k, array in enumerate(given)]
    expected = other(*given)
    for found, wanted in zip(output[:-1], expected[:-1], strict=True):
        found, wanted = found.asnumpy(), wanted.detach().numpy()
        real = onp.isfinite(wanted)
        onp.testing.assert_allclose(found[real], wanted[real], atol=1e-5)
        assert (found[~real] == -onp.float32(HUGE)).all()
    onp.testing.assert_allclose(output[-1].asnumpy(), expected[-1].detach(), atol=1e-5)
    loss = other.loss(expected, torch.tensor(TARGETS[kind]))
    assert losses.shape == (3,) and mean.item() == pytest.approx(loss.item(), abs=1e-5)
    loss.backward()
    zero = [f"bert.layers.{i}.attention.W_k.bias" for i in range(2)]
    if kind == "answers":  # what adds the same to all scores
        zero += ["W.bias", "bert.layers.1.norm_2.bias"]
    weights.compare_gradients(network, other, zero=zero)


NAMES = {
    "sequence": "BertForSequenceClassification",
    "tokens": "BertForTokenClassification",
    "answers": "BertForQuestionAnswering",
}


def of_huggingface(kind: str, folder):
    """Hugging Face's model with random weights in float64, and ours with the same."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    reason = "Hugging Face's transformers, the oracle, is not installed"
    transformers = pytest.importorskip("transformers", reason=reason)
    torch.manual_seed(0)
    configuration = transformers.BertConfig(
        vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=12, max_position_embeddings=LONGEST, initializer_range=0.5,
        attn_implementation="eager", num_labels=2 if kind == "answers" else K,
    )  # fmt: skip
    other = getattr(transformers, NAMES[kind])(configuration).eval()
    for parameter in other.parameters():
        parameter.data.add_(0.3 * torch.randn(parameter.shape))  # biases and norms, too
    other.save_pretrained(folder)
    network = HEADS[kind](Bert(V, **SIZES))
    network.initialize()
    checkpoints.load(network, folder / "model.safetensors")
    return other.double(), network


@every_head
@both_modes
def test_equals_hugging_faces(kind, tmp_path, hybridize):
    other, network = of_huggingface(kind, tmp_path)
    import torch

    assert checkpoints.num_parameters(network) == other.num_parameters()
    if hybridize:
        network.hybridize(static_alloc=True)
    ids, segments, mask, *_ = batch(kind)
    text = (mask,) if kind == "answers" else ()  # theirs may answer with the question
    with autograd.record():
        output = network(ids, segments, mask, *text)
        mean = network.loss(output, target(kind)).mean()
    mean.backward()
    asked = torch.tensor(TARGETS[kind])
    labels = {"labels": asked.masked_fill(asked < 0, -100)}
    if kind == "answers":
        labels = {"start_positions": asked[:, 0], "end_positions": asked[:, 1]}
    longs = {"input_ids": ids, "token_type_ids": segments}
    longs = {name: torch.tensor(array.asnumpy()).long() for name, array in longs.items()}
    expected = other(**longs, attention_mask=torch.tensor(there(mask)).long(), **labels)
    real = there(mask)
    if kind == "answers":
        scores = output[0].asnumpy()
        wanted = torch.stack([expected.start_logits, expected.end_logits], 1).detach().numpy()
        for side in (0, 1):
            onp.testing.assert_allclose(
                scores[:, side][real], wanted[:, side][real], rtol=1e-5, atol=1e-5
            )
        return  # their softmax is over the padding, too: see the next test
    found, wanted = output[0].asnumpy(), expected.logits.detach().numpy()
    real = real if kind == "tokens" else slice(None)
    onp.testing.assert_allclose(found[real], wanted[real], atol=1e-5)
    assert mean.item() == pytest.approx(expected.loss.item(), abs=1e-5)
    expected.loss.backward()
    compare_gradients(network, other)


def test_equals_hugging_faces_answers_where_nothing_is_padded(tmp_path):
    other, network = of_huggingface("answers", tmp_path)
    import torch

    ids, segments, mask, _ = batch("answers", (6, 6, 6))
    places = [[3, 4], [1, 1], [2, 5]]
    with autograd.record():
        mean = network.loss(network(ids, segments, mask, mask), integers(places)).mean()
    mean.backward()
    given = [torch.tensor(array.asnumpy()).long() for array in (ids, segments)]
    start, end = torch.tensor(places).unbind(dim=1)
    options = {"input_ids": given[0], "token_type_ids": given[1]}
    expected = other(**options, start_positions=start, end_positions=end)
    assert mean.item() == pytest.approx(expected.loss.item(), abs=1e-5)
    expected.loss.backward()
    unseen = ("key.bias", "qa_outputs.bias", "layer.1.output.LayerNorm.bias")  # all scores alike
    compare_gradients(network, other, unseen)


# -------------------------------------------------------------------------------------- properties
@every_head
def test_hybrid_is_imperative(kind):
    network = build(kind)
    several = [batch(kind), batch(kind, (4, 7, 3), seed=3), batch(kind, (3,), seed=4)]
    plain = [outputs(network, *inputs) for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        for found, wanted in zip(outputs(network, *inputs), expected, strict=True):
            onp.testing.assert_allclose(found, wanted, atol=1e-5)


@every_head
def test_a_padded_batch_is_its_texts_one_by_one(kind):
    network, inputs = build(kind), batch(kind)
    whole = outputs(network, *inputs)
    for row, n in enumerate(LENGTHS):
        alone = outputs(network, *(array[row : row + 1, ..., :n] for array in inputs))
        for found, wanted in zip(alone[:-1], whole[:-1], strict=True):
            wanted = {"sequence": wanted[row], "tokens": wanted[row, :n]}.get(
                kind, wanted[row][..., :n]
            )
            onp.testing.assert_allclose(found[0], wanted, atol=1e-5)


NETWORKS: dict = {}


@every_head
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), length=st.integers(2, 5), more=st.integers(0, 3))
def test_what_stands_in_the_padding_has_no_influence(kind, seed, length, more):
    network = NETWORKS.setdefault(kind, build(kind))
    network.hybridize(static_alloc=True)
    inputs = batch(kind, (6, length, 4), seed=seed, longest=6 + more)
    ids, segments, mask, *text = inputs
    random, real = onp.random.RandomState(seed), there(mask)
    garbage = [integers(onp.where(real, array.asnumpy(), random.randint(0, most, real.shape)))
               for array, most in ((ids, V), (segments, 2))]  # fmt: skip
    found, expected = (outputs(network, *x, mask, *text)[0] for x in (garbage, (ids, segments)))
    if kind == "tokens":
        found, expected = found[real], expected[real]
    onp.testing.assert_allclose(found, expected, atol=1e-5)


def test_no_place_outside_the_text_answers():
    """Not the question, not a special piece, not the padding: exactly zero, whatever its score."""
    network = build("answers")
    network.W.weight.set_data(50 * network.W.weight.data())
    inputs = batch("answers", longest=8)
    scores, p, _ = outputs(network, *inputs)
    outside = onp.broadcast_to(inputs[3].asnumpy() == 0, p.shape)
    assert (p[outside] == 0).all() and (scores[outside] == -onp.float32(HUGE)).all()
    onp.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-5)
    for row in range(3):
        span = best_span(scores[row], longest=8)
        assert inputs[3].asnumpy()[row, 0, span.first : span.last + 1].all()


def test_the_question_changes_the_answer():
    network, (ids, *rest) = build("answers"), batch("answers")
    before = outputs(network, ids, *rest)[1]
    other = ids.asnumpy()
    other[:, 1] = other[:, 1] % (V - 1) + 1
    assert abs(outputs(network, integers(other), *rest)[1] - before)[[0, 2]].max() > 1e-3


def test_the_loss_counts_tags_that_are_asked_for():
    network, inputs = build("tokens"), batch("tokens")
    logits = outputs(network, *inputs)[0].astype("float64")
    log_p = logits - onp.log(onp.exp(logits).sum(axis=-1, keepdims=True))
    expected = onp.zeros(3)
    for row, tags in enumerate(TARGETS["tokens"]):
        for place, tag in enumerate(tags):
            expected[row] -= 0 if tag == NO_TAG else log_p[row, place, tag] * 3 / 7  # seven tags
    found = network.loss(network(*inputs), target("tokens")).asnumpy()
    onp.testing.assert_allclose(found, expected, rtol=1e-4)
    none = network.loss(network(*inputs), integers(onp.full((3, 6), NO_TAG)))
    assert none.asnumpy().tolist() == [0, 0, 0]


@every_head
def test_it_learns_three_examples(kind):
    network, inputs = build(kind, seed=1), batch(kind)
    data = [(tuple(array.asnumpy() for array in inputs), onp.array(TARGETS[kind], "int32"))]
    history = fit(network, data, optimizer.Adam(0.01), epochs=40, progress=False)
    assert history["loss"][-1] < 0.1 < history["loss"][0]


def test_without_a_pooler_all_parameters_have_a_gradient():
    network = build("tokens")
    assert network.bert.pooler is None and "pooler" not in str(network)
    assert not any("pooler" in name for name in network.checkpoint_names().parts)
    network.bert.drop_pooler()  # again: nothing happens
    assert HEADS["sequence"](Bert(V, **SIZES)).bert.pooler is not None


# ---------------------------------------------------------------------------------- the best span
numbers = st.one_of(st.floats(-5, 5, width=32), st.just(-HUGE), st.integers(-2, 2).map(float))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spans_by_brute_force(data):
    scores = data.draw(
        arrays("float64", st.tuples(st.just(2), st.integers(1, 8)), elements=numbers)
    )
    longest = data.draw(st.integers(1, 9))
    n = scores.shape[1]
    possible = [
        (scores[0, i] + scores[1, j], i, j)
        for i in range(n)
        for j in range(i, min(n, i + longest))
        if min(scores[0, i], scores[1, j]) > -HUGE
    ]
    if not possible:
        with pytest.raises(ValueError, match="at least one span"):
            best_span(scores, longest=longest)
        return
    span = best_span(scores, longest=longest)
    assert 0 <= span.first <= span.last < min(n, span.first + longest)
    assert span.score == max(possible)[0]
    ties = [(i, j) for score, i, j in possible if score == span.score]
    assert (span.first, span.last) == min(ties)  # the first one, and of these the shortest


def test_no_end_before_its_start():
    scores = onp.array([[0.0, 0.0, 9.0, 0.0], [9.0, 0.0, 0.0, 0.0]])  # alone, each is far the best
    assert best_span(scores, longest=4) == Span(0, 0, 9.0)
    assert best_span(onp.array([[9.0, 0, 0, 0], [0, 0, 0, 9.0]]), longest=3).score == 9.0


# ------------------------------------------------------------------------------------------ errors
def test_wrong_settings_are_refused():
    for wrong, error, message in (
        (lambda: SequenceClassifier("bert", 2), TypeError, "bert must be a Bert, got str"),
        (
            lambda: SequenceClassifier(Bert(V, **SIZES), 0),
            ValueError,
            "num_classes must be at least 1",
        ),
        (lambda: TokenClassifier(Bert(V, **SIZES), 1.5), TypeError, "num_tags must be an integer"),
        (
            lambda: SequenceClassifier(TokenClassifier(Bert(V, **SIZES), 2).bert, 2),
            ValueError,
            "pooler",
        ),
    ):
        with pytest.raises(error, match=message):
            wrong()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda i, s, m, t: (i + V, s, m, t), ValueError, "ids must hold whole numbers from 0 to 12"),
        (lambda i, s, m, t: (i - 1, s, m, t), ValueError, "ids must hold whole numbers"),
        (lambda i, s, m, t: (i, s + 2, m, t), ValueError, "segments must hold .* from 0 to 1"),
        (lambda i, s, m, t: (i, s, m * 0, t), ValueError, "no text is empty"),
        (lambda i, s, m, t: (i[:, :0], s[:, :0], m[:, :, :0], t), ValueError, "none of them 0"),
        (lambda i, s, m, t: (i, s, m, t * 0), ValueError, "text must allow at least one place"),
        (lambda i, s, m, t: (i, s, m, t * 0 + 1), ValueError, "no padding"),
        (lambda i, s, m, t: (i, s, m, t[:, :, 1:]), ValueError, "text must be of shape"),
        (lambda i, s, m, t: (i.astype("float32"), s, m, t), TypeError, "ids must be int32"),
        (lambda i, s, m, t: tuple(np.concatenate([x, x], -1) for x in (i, s, m, t)), ValueError,
         "ids must have at most 9|longest"),
    ],
)  # fmt: skip
@both_modes
def test_wrong_arrays_are_refused(change, error, message, hybridize):
    network = build("answers")
    if hybridize:
        network.hybridize(static_alloc=True)
        network(*batch("answers"))
    with pytest.raises(error, match=message):
        network(*change(*batch("answers")))


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        ("sequence", [0, 3, 1], "target must hold whole numbers from 0 to 2"),
        ("sequence", [[0], [1], [1]], "target must be of shape"),
        ("tokens", [[-2] * 6] * 3, "target must hold whole numbers from -1 to 2"),
        ("answers", [[4, 3], [1, 1], [2, 4]], "first <= last"),
        ("answers", [[0, 3], [1, 1], [2, 4]], "two places of the text"),
        ("answers", [[3, 6], [1, 1], [2, 4]], "target must hold whole numbers from 0 to 5"),
    ],
)
def test_wrong_targets_are_refused(kind, wrong, message):
    network = build(kind)
    with pytest.raises(ValueError, match=message):
        network.loss(network(*batch(kind)), integers(wrong))


@pytest.mark.parametrize(
    ("scores", "longest", "error", "message"),
    [
        (onp.zeros(4), 2, ValueError, r"shape \(2, n\)"),
        (onp.zeros((3, 4)), 2, ValueError, r"shape \(2, n\)"),
        (onp.zeros((2, 0)), 2, ValueError, r"shape \(2, n\)"),
        (onp.full((2, 3), onp.nan), 2, ValueError, "scores must be numbers, got NaN 6 times of 6"),
        (onp.array([[0, onp.nan], [1, 2]]), 2, ValueError, "got NaN 1 times of 4"),
        (onp.full((2, 3), -HUGE), 2, ValueError, "at least one span"),
        (onp.zeros((2, 3)), 0, ValueError, "longest must be at least 1"),
        (onp.zeros((2, 3)), 1.5, TypeError, "longest must be an integer"),
    ],
)
def test_wrong_scores_are_refused(scores, longest, error, message):
    with pytest.raises(error, match=message):
        best_span(scores, longest=longest)
