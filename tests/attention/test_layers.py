"""Layers of a Transformer: equal to PyTorch's in values and gradients, masks, norms, errors."""

import functools

import numpy as onp
import pytest

from d2l_attention.attention import (
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    LayerNorm,
    causal_mask,
    length_mask,
)
from d2l_attention.backend import operators as op
from tests.attention.every_score import both_modes, ready

from mxnet import autograd, np

D, H, HIDDEN = 8, 2, 12
LENGTHS, N, T = [5, 1, 3], 5, 4
KINDS = {
    "norm after": {},
    "norm before": {"pre_norm": True},
    "as BERT's": {"use_bias": True, "activation": "gelu", "epsilon": 1e-12},
    "as GPT-2's": {"use_bias": True, "activation": "gelu_tanh", "pre_norm": True},
}
every_kind = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)


def randomize(layer) -> None:
    """Norms, too, far from where they start."""
    random = onp.random.RandomState(1)
    for parameter in layer.collect_params().values():
        value = random.normal(0, 0.5, parameter.shape) + (parameter.name.endswith("gamma"))
        parameter.set_data(np.array(value.astype("float32")))


def inputs(*lengths):
    arrays = [np.random.normal(size=(3, n, D)) for n in lengths]
    for array in arrays:
        array.attach_grad()
    return arrays


def pytorchs(layer, decoder: bool):
    """PyTorch's layer, with the weights of ours; without biases it gets zeros."""
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    kind = torch.nn.TransformerDecoderLayer if decoder else torch.nn.TransformerEncoderLayer
    named = {"dropout": 0.0, "batch_first": True, "norm_first": layer.pre_norm}
    functional = torch.nn.functional
    tanh = functools.partial(functional.gelu, approximate="tanh")
    names = {op.relu: functional.relu, op.gelu: functional.gelu, op.gelu_tanh: tanh}
    named["activation"] = names[layer.network.activation]
    other = kind(D, H, HIDDEN, layer_norm_eps=layer.norm_1.epsilon, **named).double()
    pairs = [(other.linear1, layer.network.W_1), (other.linear2, layer.network.W_2)]
    norms = [(other.norm1, layer.norm_1)]
    norms += [(other.norm2, layer.norm_cross)] if decoder else []
    norms.append((other.norm3 if decoder else other.norm2, layer.norm_2))
    attentions = [(other.self_attn, layer.attention)]
    attentions += [(other.multihead_attn, layer.cross)] if decoder else []
    found = []
    for theirs, ours in pairs:
        found += [(theirs.weight, ours.weight), (theirs.bias, ours.bias)]
    for theirs, ours in norms:
        found += [(theirs.weight, ours.gamma), (theirs.bias, ours.beta)]
    for theirs, ours in attentions:
        found.append((theirs.in_proj_weight, [ours.W_q.weight, ours.W_k.weight, ours.W_v.weight]))
        found.append((theirs.out_proj.weight, ours.W_o.weight))
        if ours.W_q.bias is None:
            theirs.in_proj_bias.data.zero_()
            theirs.out_proj.bias.data.zero_()
        else:
            found.append((theirs.in_proj_bias, [ours.W_q.bias, ours.W_k.bias, ours.W_v.bias]))
            found.append((theirs.out_proj.bias, ours.W_o.bias))
    for theirs, ours in found:
        theirs.data.copy_(torch.tensor(joined(ours, "data")))
    return torch, other, found


def joined(ours, kind):
    parts = ours if isinstance(ours, list) else [ours]
    return onp.concatenate([getattr(part, kind)().asnumpy() for part in parts])


def compare(torch, pairs, arrays, tensors, found, expected):
    """Values and gradients: of what is shown, of all weights, and of what entered."""
    onp.testing.assert_allclose(found.asnumpy(), expected.detach().numpy(), atol=1e-5)
    for array, tensor in zip(arrays, tensors, strict=True):
        onp.testing.assert_allclose(array.grad.asnumpy(), tensor.grad.numpy(), atol=2e-5)
    for theirs, ours in pairs:
        wanted = theirs.grad.numpy()
        tolerance = 1e-5 * max(1, abs(wanted).max())
        onp.testing.assert_allclose(joined(ours, "grad"), wanted, atol=tolerance)
        assert abs(wanted).max() > 1e-6


@every_kind
@both_modes
def test_the_encoders_layer_equals_pytorchs(options, hybridize):
    arrays, mask = inputs(N), length_mask(LENGTHS, N)
    layer = ready(EncoderLayer(D, H, HIDDEN, **options), *arrays, mask)
    randomize(layer)
    torch, other, pairs = pytorchs(layer, decoder=False)
    if hybridize:
        layer.hybridize(static_alloc=True)
    signs = onp.random.RandomState(2).normal(size=(3, N, D)).astype("float32")
    signs *= (onp.arange(N) < onp.array(LENGTHS)[:, None])[..., None]  # what is no padding
    with autograd.record():
        found, weights = layer(*arrays, mask)
        total = (found * np.array(signs)).sum()
    total.backward()
    tensors = [torch.tensor(a.asnumpy(), dtype=torch.float64, requires_grad=True) for a in arrays]
    padding = torch.tensor(mask.asnumpy()[:, 0] == 0)
    expected = other(*tensors, src_key_padding_mask=padding)
    (expected * torch.tensor(signs)).sum().backward()
    compare(torch, pairs, arrays, tensors, found, expected)
    assert weights.shape == (3, H, N, N) and (weights.asnumpy()[1, :, :, 1:] == 0).all()


@every_kind
@both_modes
def test_the_decoders_layer_equals_pytorchs(options, hybridize):
    arrays, masks = inputs(T, N), (causal_mask(T), length_mask(LENGTHS, N))
    layer = ready(DecoderLayer(D, H, HIDDEN, **options), *arrays, *masks)
    randomize(layer)
    torch, other, pairs = pytorchs(layer, decoder=True)
    if hybridize:
        layer.hybridize(static_alloc=True)
    signs = onp.random.RandomState(2).normal(size=(3, T, D)).astype("float32")
    with autograd.record():
        found, weights, cross = layer(*arrays, *masks)
        total = (found * np.array(signs)).sum()
    total.backward()
    tensors = [torch.tensor(a.asnumpy(), dtype=torch.float64, requires_grad=True) for a in arrays]
    causal = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    padding = torch.tensor(masks[1].asnumpy()[:, 0] == 0)
    expected = other(*tensors, tgt_mask=causal, memory_key_padding_mask=padding)
    (expected * torch.tensor(signs)).sum().backward()
    compare(torch, pairs, arrays, tensors, found, expected)
    assert weights.shape == (3, H, T, T) and cross.shape == (3, H, T, N)


@both_modes
def test_layer_norm_equals_pytorchs(hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    norm = ready(LayerNorm(7), np.zeros((2, 3, 7)))
    randomize(norm)
    if hybridize:
        norm.hybridize(static_alloc=True)
    for scale, shift in ((1, 0), (1e-3, 0), (30, 100)):
        x = np.array(
            (onp.random.RandomState(0).normal(size=(2, 3, 7)) * scale + shift), dtype="float32"
        )
        x.attach_grad()
        with autograd.record():
            found = norm(x)
            total = np.square(found).sum()
        total.backward()
        tensor = torch.tensor(x.asnumpy(), dtype=torch.float64, requires_grad=True)
        gamma, beta = (
            torch.tensor(p.data().asnumpy(), dtype=torch.float64, requires_grad=True)
            for p in (norm.gamma, norm.beta)
        )
        expected = torch.nn.functional.layer_norm(tensor, (7,), gamma, beta, 1e-5)
        (expected**2).sum().backward()
        onp.testing.assert_allclose(found.asnumpy(), expected.detach().numpy(), atol=3e-5)
        for ours, theirs in ((x, tensor), (norm.gamma, gamma), (norm.beta, beta)):
            grad = ours.grad if isinstance(ours, np.ndarray) else ours.grad()
            wanted = theirs.grad.numpy()
            tolerance = 3e-5 * max(1, abs(wanted).max())
            onp.testing.assert_allclose(grad.asnumpy(), wanted, atol=tolerance)


def test_norms_before_leave_a_path_without_any():
    """With all weights zero but the norms', a layer with norms before is the identity."""
    x = np.random.normal(size=(2, 3, D))
    layer = ready(EncoderLayer(D, H, HIDDEN, pre_norm=True), x)
    for name, parameter in layer.collect_params().items():
        if "norm" not in name:
            parameter.set_data(np.zeros(parameter.shape))
    onp.testing.assert_allclose(layer(x)[0].asnumpy(), x.asnumpy(), atol=1e-6)


def test_the_network_is_the_same_for_each_item():
    x = np.random.normal(size=(2, 3, D))
    network = ready(FeedForward(D, HIDDEN), x)
    W_1, W_2 = (p.weight.data().asnumpy() for p in (network.W_1, network.W_2))
    b_1, b_2 = (p.bias.data().asnumpy() for p in (network.W_1, network.W_2))
    for row in range(2):
        for item in range(3):
            expected = W_2 @ onp.maximum(W_1 @ x[row, item].asnumpy() + b_1, 0) + b_2
            onp.testing.assert_allclose(network(x)[row, item].asnumpy(), expected, atol=1e-5)


@pytest.mark.parametrize("part", ["dropout", "attention_dropout"])
def test_dropout_changes_training_alone(part):
    x = np.random.normal(size=(2, 3, D))
    layer = ready(EncoderLayer(D, H, HIDDEN, **{part: 0.5}), x)
    first, second = layer(x)[0].asnumpy(), layer(x)[0].asnumpy()
    onp.testing.assert_array_equal(first, second)
    with autograd.record():
        assert abs(layer(x)[0].asnumpy() - first).max() > 0.01


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EncoderLayer(8, 3, 16), ValueError, "num_heads must divide 8"),
        (lambda: EncoderLayer(8, 2, 0), ValueError, "hidden_size must be at least 1"),
        (lambda: EncoderLayer(8, 2, 16, dropout=1.0), ValueError, "dropout must be"),
        (lambda: EncoderLayer(8, 2, 16, key_size=0), ValueError, "key_size must be"),
        (lambda: DecoderLayer(8, 2, 16, key_size=1.5), TypeError, "key_size must be"),
        (lambda: LayerNorm(0), ValueError, "size must be"),
        (lambda: LayerNorm(4, epsilon=0), ValueError, "epsilon must be"),
        (lambda: FeedForward(4, -1), ValueError, "hidden_size must be"),
        (lambda: FeedForward(4, 8, activation="tanh"), ValueError, "activation must be one of"),
        (lambda: EncoderLayer(8, 2, 16, attention_dropout=1), ValueError, "attention_dropout"),
        (lambda: EncoderLayer(8, 2, 16, epsilon=-1.0), ValueError, "epsilon must be"),
    ],
)
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (lambda x, s: (x, s, causal_mask(T + 1)), ValueError, "mask must be of shape"),
        (lambda x, s: (x, s, None, length_mask([1, 2, 3], N + 1)), ValueError, "source_mask must"),
        (lambda x, s: (x, s[:, :, 1:]), ValueError, "source must be of shape"),
        (lambda x, s: (x, s[:2]), ValueError, "source must be of shape"),
        (lambda x, s: (x[:, :0], s), ValueError, "none of them 0"),
        (lambda x, s: (x, s.astype("float64")), TypeError, "source must be float32"),
        (lambda x, s: (x.asnumpy(), s), TypeError, "x must be an MXNet array"),
    ],
)
def test_wrong_arrays_are_refused(arrays, error, message):
    x, source = inputs(T, N)
    layer = ready(DecoderLayer(D, H, HIDDEN), x, source)
    with pytest.raises(error, match=message):
        layer(*arrays(x, source))
