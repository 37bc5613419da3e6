"""The published model: it loads into ours, and its vectors are those of Hugging Face's model."""

import numpy as onp
import pytest
from tokenizers import Tokenizer

from d2l_attention import checkpoints
from d2l_attention.datasets import cache, documentation, minilm
from d2l_attention.models.bert import Bert, settings

from mxnet import np

SENTENCES = [
    "I went to the bank to get some money.",
    "She opened an account, and the teller counted her savings.",
    "We sat on the grass beside the river.",
    "Attention is a weighted average, whose weights are computed; nothing more, and nothing less.",
    "Naïve café!",
]
SENTENCES += [sentence for part in documentation.load().values() for sentence in part[:4]][:195]


@pytest.fixture
def published(minilm_data, monkeypatch):
    """The published files; never downloads."""
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(minilm_data))
    monkeypatch.setattr(cache.requests, "get", lambda *args, **more: pytest.fail("downloads"))
    return minilm.load(progress=False)


@pytest.fixture
def network(published):
    bert = Bert(**settings(published.configuration))
    bert.initialize()
    checkpoints.load(bert, published.weights)
    return bert


@pytest.fixture
def arrays(published):
    """The sentences as ids, segments and mask, padded behind."""
    vocabulary = Tokenizer.from_file(str(published.vocabulary))
    vocabulary.enable_padding()
    found = vocabulary.encode_batch(SENTENCES)
    ids, mask = ([getattr(each, name) for each in found] for name in ("ids", "attention_mask"))
    mask = onp.array(mask, "float32")[:, None]
    return onp.array(ids, "int32"), onp.zeros_like(ids, "int32"), mask


def vectors(states, mask) -> onp.ndarray:
    """Of length one, in the direction of the mean state."""
    mean = (states * mask[:, 0, :, None]).sum(axis=1)
    return mean / onp.linalg.norm(mean, axis=1, keepdims=True)


def applied(network, arrays) -> list[onp.ndarray]:
    inputs = [np.array(array, dtype=array.dtype) for array in arrays]
    return [array.asnumpy() for array in network(*inputs)]


def test_equals_hugging_faces(published, network, arrays):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    reason = "Hugging Face's transformers, the oracle, is not installed"
    transformers = pytest.importorskip("transformers", reason=reason)
    other = transformers.BertModel.from_pretrained(
        published.weights.parent, attn_implementation="eager"
    ).eval()
    ids, segments, mask = (torch.tensor(array) for array in arrays)
    with torch.no_grad():
        expected = other(ids.long(), mask[:, 0].long(), segments.long())
    states, pooled, _ = applied(network, arrays)
    real = arrays[2][:, 0] == 1
    onp.testing.assert_allclose(states[real], expected[0].numpy()[real], atol=1e-4)
    onp.testing.assert_allclose(pooled, expected[1].numpy(), atol=1e-4)
    assert len(states) == 200
    assert checkpoints.num_parameters(network) == other.num_parameters() == 22_713_216


def test_what_is_alike_has_vectors_in_one_direction(network, arrays):
    """Money is more like an account than like a river, without a word in common."""
    states, *_ = applied(network, arrays)
    found = vectors(states, arrays[2])
    like = found @ found.T
    assert like[0, 1] > like[0, 2] + 0.2 and like[0, 1] > like[0, 3] + 0.2


def test_loading_and_saving_change_no_bit(network, published, tmp_path):
    from safetensors.numpy import load_file

    checkpoints.save(network, tmp_path / "weights.safetensors")
    found, expected = load_file(tmp_path / "weights.safetensors"), load_file(published.weights)
    expected.pop("embeddings.position_ids")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        onp.testing.assert_array_equal(found[name], array)
