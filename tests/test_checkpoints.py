"""Weights in files: what is written is read, what does not fit is refused, and nothing is half loaded."""

import json
import pickle
import struct

import numpy as onp
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from d2l_attention import checkpoints
from d2l_attention.checkpoints import Names, Part
from d2l_attention.models.bert import Bert, BertPretraining

from mxnet import init, np
from mxnet.gluon import HybridBlock, nn

SIZES = {"hidden_size": 8, "layers": 2, "num_heads": 2, "feedforward_size": 12, "longest": 9}


class Joined(HybridBlock):
    """A model whose file holds three matrices as one, transposed, as GPT-2's does."""

    def __init__(self):
        super().__init__()
        self.W_q, self.W_k, self.W_v = (nn.Dense(size, in_units=4) for size in (2, 2, 3))
        self.rows = nn.Embedding(5, 4)

    def checkpoint_names(self) -> Names:
        parts = {"wte": "rows", "attn": Part(("W_q", "W_k", "W_v"), transposed=True)}
        return Names(parts, constants={"attn.mask": onp.tri(3, dtype="float32")}, prefix="model.")


def build(kind=Bert, *, width: float = 0.5):
    bert = Bert(13, **SIZES) if kind is not Joined else None
    network = {Bert: bert, Joined: None}.get(kind) or (Joined() if kind is Joined else kind(bert))
    network.initialize(init.Normal(width))
    return network


def weights(network) -> list[onp.ndarray]:
    return [parameter.data().asnumpy() for parameter in network.collect_params().values()]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        onp.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [Bert, BertPretraining, Joined])
def test_what_is_written_is_read(kind, tmp_path):
    network, other = build(kind), build(kind)
    checkpoints.save(network, tmp_path / "one.safetensors")
    checkpoints.load(other, str(tmp_path / "one.safetensors"))
    assert_same(weights(other), weights(network))
    checkpoints.save(other, tmp_path / "two.safetensors")
    one, two = ((tmp_path / f"{name}.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two and len(list(tmp_path.iterdir())) == 2
    held = load_file(tmp_path / "one.safetensors")
    assert sum(array.size for array in held.values()) == checkpoints.num_parameters(network)
    with safe_open(tmp_path / "one.safetensors", framework="numpy") as file:
        assert file.metadata() == {"format": "pt"}


def test_matrices_are_joined_and_transposed(tmp_path):
    network, path = build(Joined), tmp_path / "weights.safetensors"
    checkpoints.save(network, path)
    held = load_file(path)
    assert sorted(held) == ["attn.bias", "attn.weight", "wte.weight"]
    assert held["attn.weight"].shape == (4, 7) and held["attn.bias"].shape == (7,)
    onp.testing.assert_array_equal(
        held["attn.weight"][:, 2:4], network.W_k.weight.data().asnumpy().T
    )
    held["attn.bias"] = onp.arange(7, dtype="float32")
    save_file(held, path)
    checkpoints.load(network, path)
    for block, bias in ((network.W_q, [0, 1]), (network.W_k, [2, 3]), (network.W_v, [4, 5, 6])):
        assert block.bias.data().tolist() == bias


def test_a_file_may_have_older_names_a_prefix_copies_and_constants(tmp_path):
    """As the published ones do."""
    network, path = build(Bert), tmp_path / "weights.safetensors"
    checkpoints.save(network, path)
    older = {}
    for name, array in load_file(path).items():
        if "LayerNorm" in name:
            name = name.replace("weight", "gamma").replace("bias", "beta")
        older[f"bert.{name}"] = array
    older["bert.embeddings.position_ids"] = onp.arange(9)[None]
    save_file(older, path)
    other = build(Bert)
    checkpoints.load(other, path)
    assert_same(weights(other), weights(network))

    network = build(BertPretraining)
    checkpoints.save(network, path)
    held = load_file(path)
    held["cls.predictions.decoder.weight"] = held["bert.embeddings.word_embeddings.weight"]
    held["cls.predictions.decoder.bias"] = held["cls.predictions.bias"]
    save_file(held, path)
    checkpoints.load(other := build(BertPretraining), path)
    assert_same(weights(other), weights(network))


WORDS, PLACES = "embeddings.word_embeddings.weight", "embeddings.position_ids"
QUERY = "encoder.layer.1.attention.self.query.bias"
REFUSED = {
    "missing": (lambda held: held.pop(QUERY), rf"lacks {QUERY}$"),
    "many missing": (
        lambda held: [held.pop(name) for name in list(held) if ".1." in name],
        "lacks 16 tensors: .* and 11 more",
    ),
    "extra": (
        lambda held: held.update({"classifier.weight": held[WORDS]}),
        "has what the model does not: classifier.weight",
    ),
    "misshapen": (
        lambda held: held.update({WORDS: held[WORDS][1:]}),
        rf"{WORDS} in .* must be F32 of shape \(13, 8\), got F32 of shape \(12, 8\)",
    ),
    "transposed": (
        lambda held: held.update({WORDS: onp.ascontiguousarray(held[WORDS].T)}),
        r"got F32 of shape \(8, 13\)",
    ),
    "half": (
        lambda held: held.update({QUERY: held[QUERY].astype("float16")}),
        rf"{QUERY} in .* must be F32 of shape \(8,\), got F16 of shape \(8,\)",
    ),
    "whole numbers": (
        lambda held: held.update({QUERY: held[QUERY].astype("int32")}),
        "got I32 of shape",
    ),
    "twice": (
        lambda held: held.update({f"bert.{QUERY}": held[QUERY]}),
        "has tensors under two names",
    ),
    "another constant": (
        lambda held: held.update({PLACES: onp.arange(9)[None, ::-1].copy()}),
        f"{PLACES} in .* is not the constant that the model computes",
    ),
    "other words": (lambda held: held.clear(), "lacks 39 tensors"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_and_nothing_is_loaded(case, tmp_path):
    network, path = build(width=0.1), tmp_path / "weights.safetensors"
    before = weights(network)
    checkpoints.save(build(), path)
    held, (change, message) = load_file(path), REFUSED[case]
    change(held)
    save_file(held, path)
    with pytest.raises(ValueError, match=message):
        checkpoints.load(network, path)
    assert_same(weights(network), before)


def test_a_copy_that_differs_is_refused(tmp_path):
    network, path = build(BertPretraining), tmp_path / "weights.safetensors"
    before = weights(network)
    checkpoints.save(build(BertPretraining), path)
    held = load_file(path)
    held["cls.predictions.decoder.weight"] = held[f"bert.{WORDS}"] + 1
    save_file(held, path)
    with pytest.raises(ValueError, match=f"must repeat bert.{WORDS}, and does not"):
        checkpoints.load(network, path)
    assert_same(weights(network), before)


class Trap:
    """A pickle of it would leave a file behind when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_refused_and_not_read(tmp_path):
    network, path, trap = build(), tmp_path / "weights.bin", tmp_path / "trap"
    before = weights(network)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps(Trap(trap), protocol))
        with pytest.raises(ValueError, match=r"weights\.bin must be a safetensors file"):
            checkpoints.load(network, path)
    with pytest.raises(ValueError, match="looks like a pickle, which can run code"):
        checkpoints.load(network, path)
    assert not trap.exists()
    assert_same(weights(network), before)


def test_pytorchs_own_file_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="looks like a pickle, which can run code"):
        checkpoints.load(build(), tmp_path / "pytorch_model.bin")


@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "header", "text"])
def test_a_damaged_file_is_refused(damage, tmp_path):
    network, path = build(width=0.1), tmp_path / "weights.safetensors"
    before = weights(network)
    checkpoints.save(build(), path)
    whole = path.read_bytes()
    table = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}).encode()
    damaged = {
        "cut": whole[:-1],
        "longer": whole + b"\0",
        "empty": b"",
        "header": struct.pack("<Q", len(table)) + table + bytes(4),
        "text": b"these are no weights at all",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match="must be a safetensors file: it is none, or is damaged"):
        checkpoints.load(network, path)
    assert_same(weights(network), before)


def test_where_there_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        checkpoints.load(build(), tmp_path / "weights.safetensors")
    with pytest.raises(FileNotFoundError):
        checkpoints.save(build(), tmp_path / "nowhere" / "weights.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_model_must_be_initialised(tmp_path):
    checkpoints.save(build(), tmp_path / "weights.safetensors")
    for call in (checkpoints.load, checkpoints.save):
        with pytest.raises(ValueError, match=r"model must be initialised; \w+ is not"):
            call(Bert(13, **SIZES), tmp_path / "weights.safetensors")


def test_a_table_that_forgets_a_parameter_is_noticed(tmp_path):
    network = build(Joined)
    network.forgotten = nn.Dense(2, in_units=2)
    with pytest.raises(
        ValueError, match=r"must reach all parameters: 2 tensors: \w+_bias, \w+_weight"
    ):
        checkpoints.save(network, tmp_path / "weights.safetensors")


def test_shapes_must_be_known(tmp_path):
    network = build(Joined)
    network.W_q = nn.Dense(2)
    network.W_q.initialize()
    for call in (checkpoints.num_parameters, lambda m: checkpoints.save(m, tmp_path / "file")):
        with pytest.raises(ValueError, match="model must be called once: the shape of"):
            call(network)


def test_a_hybridized_model_gets_the_weights(tmp_path):
    network, other = build(), build()
    ids, mask = np.array([[2, 5, 3]], dtype="int32"), np.ones((1, 1, 3))
    other.hybridize(static_alloc=True)
    assert (
        abs((other(ids, ids * 0, mask)[0] - network(ids, ids * 0, mask)[0]).asnumpy()).max() > 0.1
    )
    checkpoints.save(network, tmp_path / "weights.safetensors")
    checkpoints.load(other, tmp_path / "weights.safetensors")
    found, expected = (m(ids, ids * 0, mask)[0].asnumpy() for m in (other, network))
    onp.testing.assert_allclose(found, expected, atol=1e-5)
