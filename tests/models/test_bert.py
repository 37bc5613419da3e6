"""BERT: equal to Hugging Face's and to an independent PyTorch network; nothing leaks from padding."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import checkpoints, seed_everything
from d2l_attention.models import bert
from d2l_attention.models.bert import Bert, BertPretraining
from tests.models.gradients import compare_gradients

from mxnet import autograd, init, np

V, D, LONGEST = 13, 8, 9
SIZES = {"hidden_size": D, "layers": 2, "num_heads": 2, "feedforward_size": 12}
SIZES |= {"longest": LONGEST, "dropout": 0.0, "attention_dropout": 0.0}
LENGTHS = (6, 3, 5)
both_modes = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])


def build(*, heads: bool = True, seed: int = 0):
    """With weights that are larger than at first, so that all counts."""
    seed_everything(seed)
    network = Bert(V, **SIZES)
    network = BertPretraining(network) if heads else network
    network.initialize()
    random = onp.random.RandomState(seed)
    for name, parameter in network.collect_params().items():
        value = random.normal(0, 0.5, parameter.shape) + name.endswith("gamma")
        parameter.set_data(np.array(value.astype("float32")))
    return network


def batch(lengths=LENGTHS, *, seed: int = 0, longest: int | None = None):
    """Texts of these lengths, padded behind, the second half of each being the second text."""
    random, longest = onp.random.RandomState(seed), longest or max(lengths)
    ids = random.randint(1, V, (len(lengths), longest))
    length, place = onp.array(lengths)[:, None], onp.arange(longest)
    ids = onp.where(place < length, ids, 0).astype("int32")
    segments = ((place >= length / 2) & (place < length)).astype("int32")
    mask = (place < length)[:, None].astype("float32")
    return np.array(ids, dtype="int32"), np.array(segments, dtype="int32"), np.array(mask)


PLACES = np.array([[1, 4, 5], [2, 0, 0], [4, 1, 0]], dtype="int32")
WORDS = np.array([[3, 4, 12], [7, 0, 0], [1, 1, 0]], dtype="int32")  # 0: there is none
OTHER = np.array([0, 1, 1], dtype="int32")


def outputs(network, *inputs) -> list[onp.ndarray]:
    return [array.asnumpy() for array in network(*inputs)]


def tensors(torch, *arrays) -> list:
    return [torch.tensor(array.asnumpy()).long() for array in arrays]


def there(mask) -> onp.ndarray:
    """What is no padding, (B, n)."""
    return mask.asnumpy()[:, 0] == 1


# ------------------------------------------------------------------------------------- the oracles
@both_modes
def test_equals_pytorch(hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import bert as oracle
    from tests.oracles import weights

    network, (ids, segments, mask) = build(), batch()
    other = oracle.Bert(V, d=D, layers=2, heads=2, hidden=12, longest=LONGEST)
    other = oracle.BertPretraining(other, D)
    weights.copy_weights(network, other)
    if hybridize:
        network.hybridize(static_alloc=True)
    with autograd.record():
        output = network(ids, segments, mask, PLACES)
        losses = network.loss(output, (WORDS, OTHER))
        mean = losses.mean()
    mean.backward()
    inputs = [*tensors(torch, ids, segments), torch.tensor(mask.asnumpy()).double()]
    expected = other(*inputs, *tensors(torch, PLACES))
    for found, wanted in zip(output, expected, strict=False):
        onp.testing.assert_allclose(found.asnumpy(), wanted.detach(), atol=1e-5)
    loss = other.loss(expected, *tensors(torch, WORDS, OTHER))
    assert losses.shape == (3,) and mean.item() == pytest.approx(loss.item(), abs=1e-5)
    loss.backward()
    weights.compare_gradients(network, other, zero=key_biases(2))
    *_, found = other.bert(*inputs)
    onp.testing.assert_allclose(output[2].asnumpy(), found.detach(), atol=1e-5)


def key_biases(layers: int) -> list[str]:
    """A bias of keys adds the same to all scores of a query, so it has no influence."""
    return [f"bert.layers.{i}.attention.W_k.bias" for i in range(layers)]


@pytest.fixture
def huggingface():
    """Hugging Face's models, with random weights, in float64 and without dropout."""
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    reason = "Hugging Face's transformers, the oracle, is not installed"
    transformers = pytest.importorskip("transformers", reason=reason)

    def build(kind: str):
        import torch

        torch.manual_seed(0)
        configuration = transformers.BertConfig(
            vocab_size=V, hidden_size=D, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=12, max_position_embeddings=LONGEST, initializer_range=0.5,
            attn_implementation="eager",
        )  # fmt: skip
        other = getattr(transformers, kind)(configuration).eval()
        for parameter in other.parameters():
            parameter.data.add_(0.3 * torch.randn(parameter.shape))  # biases and norms, too
        return other

    return build


def of_huggingface(other, network, folder):
    """Our network with the weights of theirs, which then counts in float64."""
    other.save_pretrained(folder)
    network.initialize()
    checkpoints.load(network, folder / "model.safetensors")
    other.double()
    return network


@both_modes
def test_equals_hugging_faces_encoder(huggingface, tmp_path, hybridize):
    import torch

    other = huggingface("BertModel")
    network = of_huggingface(other, Bert(V, **SIZES), tmp_path)
    assert checkpoints.num_parameters(network) == other.num_parameters()
    if hybridize:
        network.hybridize(static_alloc=True)
    ids, segments, mask = batch(longest=7)
    random = onp.random.RandomState(1)
    of_states = random.normal(size=(3, 7, D)) * there(mask)[..., None]
    of_pooled = random.normal(size=(3, D))
    with autograd.record():
        states, pooled, weights = network(ids, segments, mask)
        total = (states * np.array(of_states.astype("float32"))).sum()
        total = total + (pooled * np.array(of_pooled.astype("float32"))).sum()
    total.backward()
    inputs = dict(zip(("input_ids", "token_type_ids"), tensors(torch, ids, segments), strict=True))
    inputs["attention_mask"] = torch.tensor(there(mask)).long()
    expected = other(**inputs, output_attentions=True)
    real = there(mask)
    found = states.asnumpy()[real]
    onp.testing.assert_allclose(found, expected.last_hidden_state.detach()[real], atol=1e-5)
    onp.testing.assert_allclose(pooled.asnumpy(), expected.pooler_output.detach(), atol=1e-5)
    wanted = torch.stack(expected.attentions, dim=1).detach()
    queries = onp.broadcast_to(real[:, None, None, :, None], wanted.shape)
    onp.testing.assert_allclose(weights.asnumpy()[queries], wanted.numpy()[queries], atol=1e-5)
    total = (expected.last_hidden_state * torch.tensor(of_states)).sum()
    (total + (expected.pooler_output * torch.tensor(of_pooled)).sum()).backward()
    compare_gradients(network, other)


@both_modes
def test_equals_hugging_faces_pretraining(huggingface, tmp_path, hybridize):
    import torch

    other = huggingface("BertForPreTraining")
    network = of_huggingface(other, BertPretraining(Bert(V, **SIZES)), tmp_path)
    if hybridize:
        network.hybridize(static_alloc=True)
    ids, segments, mask = batch()
    with autograd.record():
        output = network(ids, segments, mask, PLACES)
        mean = network.loss(output, (WORDS, OTHER)).mean()
    mean.backward()
    labels = onp.full(ids.shape, -100)  # theirs: at each place the word, or that it does not count
    for row, place in onp.argwhere(WORDS.asnumpy() > 0):
        labels[row, PLACES.asnumpy()[row, place]] = WORDS.asnumpy()[row, place]
    expected = other(
        input_ids=tensors(torch, ids)[0], token_type_ids=tensors(torch, segments)[0],
        attention_mask=torch.tensor(there(mask)).long(), labels=torch.tensor(labels),
        next_sentence_label=tensors(torch, OTHER)[0],
    )  # fmt: skip
    logits = expected.prediction_logits.detach().numpy()
    wanted = onp.take_along_axis(logits, PLACES.asnumpy()[..., None], 1)
    onp.testing.assert_allclose(output[0].asnumpy(), wanted, atol=1e-5)
    everywhere = network(ids, segments, mask)[0].asnumpy()
    onp.testing.assert_allclose(everywhere[there(mask)], logits[there(mask)], atol=1e-5)
    follows = expected.seq_relationship_logits.detach()
    onp.testing.assert_allclose(output[1].asnumpy(), follows, atol=1e-5)
    assert mean.item() == pytest.approx(expected.loss.item(), abs=1e-5)
    expected.loss.backward()
    compare_gradients(network, other)


@pytest.mark.parametrize("kind", ["BertModel", "BertForPreTraining"])
def test_hugging_face_reads_what_we_write(huggingface, tmp_path, kind):
    import torch

    other = huggingface(kind)
    network = Bert(V, **SIZES) if kind == "BertModel" else BertPretraining(Bert(V, **SIZES))
    other.config.save_pretrained(tmp_path)
    network.initialize(init.Normal(0.5))
    checkpoints.save(network, tmp_path / "model.safetensors")
    other = type(other).from_pretrained(tmp_path).eval().double()
    ids, segments, mask = batch()
    expected = other(
        input_ids=tensors(torch, ids)[0], token_type_ids=tensors(torch, segments)[0],
        attention_mask=torch.tensor(there(mask)).long(),
    )  # fmt: skip
    found = network(ids, segments, mask)[0].asnumpy()[there(mask)]
    onp.testing.assert_allclose(found, expected[0].detach()[there(mask)], atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "expected"), [(bert.BASE, 109_482_240), (bert.LARGE, 335_141_888)], ids=["base", "large"]
)  # fmt: skip
def test_the_papers_models_have_so_many_parameters(sizes, expected):
    """By hand: words, segments, positions and their norm (V + 2 + 512 + 2) d, each layer 4 (d^2 + d) +
    2 d f + f + d + 4 d, the pooler d^2 + d; nothing is allocated.
    """
    d, f, n = sizes["hidden_size"], sizes["feedforward_size"], sizes["layers"]
    layer = 4 * (d * d + d) + 2 * d * f + f + d + 4 * d
    by_hand = (bert.WORDS + 2 + 512 + 2) * d + n * layer + d * d + d
    assert checkpoints.num_parameters(Bert(bert.WORDS, **sizes)) == by_hand == expected


def test_the_heads_share_the_matrix_of_words():
    network = build()
    heads = checkpoints.num_parameters(network) - checkpoints.num_parameters(network.bert)
    assert heads == D * D + D + 2 * D + V + 2 * D + 2
    assert network.decoder.weight is network.bert.words.weight


# -------------------------------------------------------------------------------------- properties
def test_hybrid_is_imperative():
    network = build()
    several = [(*batch(), PLACES), (*batch((2, 7, 4), seed=3), PLACES % 2), batch(seed=4)]
    plain = [outputs(network, *inputs) for inputs in several]
    network.hybridize(static_alloc=True)
    for inputs, expected in zip(several, plain, strict=True):
        for found, wanted in zip(outputs(network, *inputs), expected, strict=True):
            onp.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_padded_batch_is_its_texts_one_by_one():
    network, inputs = build(), batch()
    words, follows, weights = outputs(network, *inputs)
    for row, n in enumerate(LENGTHS):
        alone = [array[row : row + 1, ..., :n] for array in inputs]
        found = outputs(network, *alone)
        onp.testing.assert_allclose(found[0][0], words[row, :n], atol=1e-5)
        onp.testing.assert_allclose(found[1][0], follows[row], atol=1e-5)
        onp.testing.assert_allclose(found[2][0], weights[row, ..., :n, :n], atol=1e-5)
        assert (weights[row, ..., n:] == 0).all()


NETWORKS: list[BertPretraining] = []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(0, 3))
def test_what_stands_in_the_padding_has_no_influence(seed, length, more):
    if not NETWORKS:
        NETWORKS.append(build())
        NETWORKS[0].hybridize(static_alloc=True)
    ids, segments, mask = batch((6, length, 4), seed=seed, longest=6 + more)
    random, real = onp.random.RandomState(seed), there(mask)
    garbage = [
        np.array(onp.where(real, array.asnumpy(), random.randint(0, most, real.shape)), dtype="int32")
        for array, most in ((ids, V), (segments, 2))
    ]  # fmt: skip
    found, expected = (outputs(NETWORKS[0], *x, mask) for x in (garbage, (ids, segments)))
    onp.testing.assert_allclose(found[0][real], expected[0][real], atol=1e-5)
    onp.testing.assert_allclose(found[1], expected[1], atol=1e-5)


def test_weights_sum_to_one_over_what_exists():
    *_, weights = outputs(build(), *batch())
    onp.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_a_word_reads_both_sides_and_its_own_segment_and_place():
    network, (ids, segments, mask) = build(heads=False), batch((6,))
    before = outputs(network, ids, segments, mask)[0]
    for place in range(6):  # whatever is changed anywhere, each state moves
        for array, most in ((ids, V), (segments, 2)):
            changed = array.asnumpy()
            changed[0, place] = (changed[0, place] + 1) % most
            changed = np.array(changed, dtype="int32")
            inputs = (changed, segments) if array is ids else (ids, changed)
            after = outputs(network, *inputs, mask)[0]
            assert (abs(after - before).max(axis=-1) > 1e-6).all()
    turned = np.array(ids.asnumpy()[:, ::-1], dtype="int32")
    after = outputs(network, turned, np.zeros_like(segments), mask)[0]
    plain = outputs(network, ids, np.zeros_like(segments), mask)[0]
    assert abs(after[:, ::-1] - plain).max() > 1e-3  # places count


@pytest.mark.parametrize("part", ["dropout", "attention_dropout"])
def test_dropout_changes_training_alone(part):
    seed_everything(0)
    network, inputs = Bert(V, **SIZES | {part: 0.5}), batch()
    network.initialize(init.Normal(0.5))
    first, second = (outputs(network, *inputs)[0] for _ in range(2))
    onp.testing.assert_array_equal(first, second)
    with autograd.record():
        assert abs(outputs(network, *inputs)[0] - first).max() > 0.01


# -------------------------------------------------------------------------------------------- loss
def test_the_loss_is_its_formula():
    network, inputs = build(), batch()
    words, follows, _ = output = network(*inputs, PLACES)
    log_p, log_q = (
        x.asnumpy() - onp.log(onp.exp(x.asnumpy().astype("float64")).sum(-1, keepdims=True))
        for x in (words, follows)
    )
    expected = onp.zeros(3)
    for row in range(3):
        for place in range(3):
            if (word := WORDS[row, place].item()) > 0:
                expected[row] -= (
                    log_p[row, place, word] * 3 / 6
                )  # six words are masked in three texts
        expected[row] -= log_q[row, OTHER[row].item()]
    found = network.loss(output, (WORDS, OTHER)).asnumpy()
    onp.testing.assert_allclose(found, expected, rtol=1e-5)


# ------------------------------------------------------------------------------------------ errors
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hidden_size": 0}, ValueError, "hidden_size must be at least 1"),
        ({"num_heads": 3}, ValueError, "num_heads must divide 8 = hidden_size, got 3"),
        ({"layers": 1.5}, TypeError, "layers must be an integer"),
        ({"feedforward_size": 0}, ValueError, "hidden_size must be at least 1"),
        ({"longest": 0}, ValueError, "longest must be at least 1"),
        ({"num_segments": 0}, ValueError, "num_segments must be at least 1"),
        ({"dropout": 1.0}, ValueError, "dropout must be from 0"),
        ({"attention_dropout": -0.1}, ValueError, "attention_dropout must be from 0"),
        ({"epsilon": 0}, ValueError, "epsilon must be a positive number"),
    ],
)
def test_wrong_settings_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        Bert(V, **SIZES | options)


def nowhere(mask):
    mask = mask.copy()
    mask[1] = 0
    return mask


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda i, s, m, p: (i + V, s, m, p), ValueError, "ids must hold whole numbers from 0 to 12"),
        (lambda i, s, m, p: (i - 1, s, m, p), ValueError, "ids must hold whole numbers"),
        (lambda i, s, m, p: (i, s + 2, m, p), ValueError, "segments must hold .* from 0 to 1"),
        (lambda i, s, m, p: (i, s, m, p + 6), ValueError, "places must hold .* from 0 to 5"),
        (lambda i, s, m, p: (i, s, nowhere(m), p), ValueError, "no text is empty"),
        (lambda i, s, m, p: (i[:, :0], s[:, :0], m[:, :, :0], p), ValueError, "none of them 0"),
        (lambda i, s, m, p: (i, s[:, 1:], m, p), ValueError, "segments must be of shape"),
        (lambda i, s, m, p: (i, s, m[:, 0], p), ValueError, "mask must be of shape"),
        (lambda i, s, m, p: (i, s, m[:, :, 1:], p), ValueError, "mask must be of shape"),
        (lambda i, s, m, p: (i, s, m, p[:2]), ValueError, "places must be of shape"),
        (lambda i, s, m, p: (i.astype("float32"), s, m, p), TypeError, "ids must be int32"),
        (lambda i, s, m, p: (i.asnumpy(), s, m, p), TypeError, "ids must be an MXNet array"),
    ],
)  # fmt: skip
@both_modes
def test_wrong_arrays_are_refused(change, error, message, hybridize):
    network = build()
    if hybridize:
        network.hybridize(static_alloc=True)
    with pytest.raises(error, match=message):
        network(*change(*batch(), PLACES))


@both_modes
@pytest.mark.parametrize("heads", [True, False])
def test_what_is_longer_than_the_positions_is_refused(heads, hybridize):
    network = build(heads=heads)
    if hybridize:
        network.hybridize(static_alloc=True)
    with pytest.raises(ValueError, match="ids must have at most 9 places, the table's; got 10"):
        network(*batch((10, 2)))


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ((WORDS + V, OTHER), ValueError, "words must hold whole numbers from 0 to 12"),
        ((WORDS * 0, OTHER), ValueError, "at least one word"),
        ((WORDS[:, :2], OTHER), ValueError, "must be of shape"),
        ((WORDS, OTHER + 1), ValueError, "other must hold whole numbers from 0 to 1"),
        ((WORDS, OTHER[:2]), ValueError, "other must be of shape"),
    ],
)
def test_wrong_targets_are_refused(target, error, message):
    network = build()
    output = network(*batch(), PLACES)
    with pytest.raises(error, match=message):
        network.loss(output, target)


def test_heads_want_a_bert():
    with pytest.raises(TypeError, match="bert must be a Bert, got int"):
        BertPretraining(3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act must be 'gelu', got 'relu'"),
        ({"model_type": "gpt2"}, "model_type must be 'bert', got 'gpt2'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type must be 'absolute'"),
        ({"is_decoder": True}, "is_decoder must be False"),
    ],
)
def test_other_models_configurations_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        bert.settings(change)
    with pytest.raises(ValueError, match="configuration must say vocab_size, hidden_size"):
        bert.settings({})
