"""GPT and GPT-2 equal Hugging Face's, with the weights that their names say."""

import numpy as onp
import pytest

from d2l_attention import checkpoints
from d2l_attention.decoding import generate
from d2l_attention.models.gpt import GPT

from mxnet import autograd, np

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
load_file, save_file = safetensors.load_file, safetensors.save_file

V, D, LAYERS, HEADS, LONGEST, N = 31, 12, 3, 3, 16, 7
SIZES = {"vocab_size": V, "n_positions": LONGEST, "n_embd": D, "n_layer": LAYERS, "n_head": HEADS}
PLAIN = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
KINDS = {
    "GPT": lambda: transformers.OpenAIGPTLMHeadModel(
        transformers.OpenAIGPTConfig(**SIZES, **PLAIN)
    ),
    "GPT-2": lambda: transformers.GPT2LMHeadModel(
        transformers.GPT2Config(**SIZES, **PLAIN, bos_token_id=0, eos_token_id=0)
    ),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def theirs(kind: str):
    """With larger weights than at first, so that all counts."""
    torch.manual_seed(0)
    network = KINDS[kind]().double()
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.3)
    return network.eval()


def ours(kind: str) -> GPT:
    network = GPT(V, hidden_size=D, layers=LAYERS, num_heads=HEADS, longest=LONGEST, dropout=0.0,
                  pre_norm=kind == "GPT-2")  # fmt: skip
    network.initialize()
    return network


def loaded(kind: str, other, folder) -> GPT:
    """Ours, with what theirs writes."""
    network = ours(kind)
    other.float().save_pretrained(folder)
    other.double()
    checkpoints.load(network, folder / "model.safetensors")
    return network


@every_kind
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_outputs_and_gradients_are_equal(kind, hybridize, tmp_path):
    other = theirs(kind)
    network = loaded(kind, other, tmp_path)
    if hybridize:
        network.hybridize(static_alloc=True)
    words = onp.random.RandomState(0).randint(0, V, (4, N + 1)).astype("int32")
    with autograd.record():
        logits, weights = network(np.array(words[:, :-1], dtype="int32"))
        losses = network.loss((logits, weights), np.array(words[:, 1:], dtype="int32"))
    losses.backward()
    tensor = torch.tensor(words).long()
    expected = other(tensor[:, :-1]).logits
    cost = torch.nn.functional.cross_entropy(expected.mT, tensor[:, 1:], reduction="none").mean(1)
    cost.sum().backward()
    onp.testing.assert_allclose(logits.asnumpy(), expected.detach(), atol=1e-5)
    onp.testing.assert_allclose(losses.asnumpy(), cost.detach(), atol=1e-5)
    compare_gradients(network, dict(other.named_parameters()), tmp_path)


def compare_gradients(network, theirs: dict, folder):
    """Gradients are laid out as weights are: so they are written with the same names, and compared."""
    for parameter in network.collect_params().values():
        parameter.set_data(parameter.grad())
    checkpoints.save(network, folder / "gradients.safetensors")
    found = safetensors.load_file(folder / "gradients.safetensors")
    assert {f"transformer.{name}" for name in found} == theirs.keys()
    for name, gradient in found.items():
        wanted = theirs[f"transformer.{name}"].grad.numpy()
        tolerance = 1e-5 * max(1, abs(wanted).max())
        onp.testing.assert_allclose(gradient, wanted, atol=tolerance, err_msg=name)
        assert abs(wanted).max() > 1e-7


@every_kind
def test_they_read_what_ours_writes(kind, tmp_path):
    other = theirs(kind)
    network = loaded(kind, other, tmp_path)
    for parameter in network.collect_params().values():
        parameter.set_data(0.5 * parameter.data())
    checkpoints.save(network, tmp_path / "model.safetensors")
    again = type(other).from_pretrained(tmp_path).eval().double()
    words = onp.random.RandomState(0).randint(0, V, (2, N)).astype("int32")
    found = network(np.array(words, dtype="int32"))[0].asnumpy()
    expected = again(torch.tensor(words).long()).logits.detach()
    onp.testing.assert_allclose(found, expected, atol=1e-5)


def test_kept_keys_find_the_same_words(tmp_path):
    other = theirs("GPT-2")
    network, words = loaded("GPT-2", other, tmp_path), [[3, 1, 4], [1, 5, 9]]
    found = generate(network, (np.array(words, dtype="int32"),), longest=8)
    sequence = torch.tensor(words)
    for _ in range(8):
        sequence = torch.cat([sequence, other(sequence).logits[:, -1:].argmax(-1)], dim=1)
    assert [list(each.symbols) for each in found] == sequence[:, 3:].tolist()


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("GPT", {}, "lacks"),
        ("GPT-2", {"lm_head.weight": onp.zeros((V, D), "float32")}, "must repeat wte.weight"),
        ("GPT-2", {"transformer.h.3.ln_1.bias": onp.zeros(D, "float32")}, "does not"),
        ("GPT-2", {"transformer.wpe.weight": onp.zeros((LONGEST + 1, D), "float32")}, "of shape"),
    ],
)
def test_other_checkpoints_are_refused(kind, change, message, tmp_path):
    theirs("GPT-2").float().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file(load_file(path) | change, path)
    with pytest.raises(ValueError, match=message):
        checkpoints.load(ours(kind), path)


def test_masks_that_older_files_hold_are_passed_over(tmp_path):
    theirs("GPT-2").float().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    mask = onp.tri(LONGEST, dtype="float32").reshape(1, 1, LONGEST, LONGEST)
    save_file(load_file(path) | {f"h.{i}.attn.bias": mask for i in range(LAYERS)}, path)
    checkpoints.load(ours("GPT-2"), path)
