"""The Transformer's layers, and a step of its training, against PyTorch.

*Layers*: an encoder layer and a decoder layer, forward and backward, 8 heads, a network of twice the
width, padded sentences; PyTorch's `TransformerEncoderLayer` and `TransformerDecoderLayer` have the same
weights, and biases of zero in their attention. *Training steps*: 2 + 2 layers, loss, gradients and
Adam, three in a row; the peer is tests/oracles/transformer.py as PyTorch users write it.

The products with a layer's matrices are timed alone, too: the floor below which only a faster product
could get. d2l's encoder block, of the same sizes, is shown beside the encoder layer; its library has no
decoder block. How much faster writing is with kept keys and values stands in the notebook.
"""

import functools
from collections.abc import Callable

import numpy as onp
import torch

from d2l_attention import seed_everything
from d2l_attention.attention import DecoderLayer, EncoderLayer, causal_mask, length_mask
from d2l_attention.models.transformer import Transformer
from d2l_attention.training import fit
from tests.oracles import transformer, weights

import mxnet as mx
from d2l import mxnet as d2l
from mxnet import autograd, np, optimizer
from mxnet.gluon import HybridBlock

GOALS = {"PyTorch": 1.3}
WIDTHS = (64, 128, 256)
HEADS, BATCH, ITEMS, WORDS, STEPS = 8, 64, 16, 4000, 3
PRODUCTS, D2L = "the matrix products alone", "d2l's block"


def cases() -> dict[str, Callable[[], dict]]:
    """Layers and training steps at three widths."""
    found = {}
    for width in WIDTHS:
        found[f"encoder layer, {width}"] = functools.partial(layer, width, decoder=False)
        found[f"decoder layer, {width}"] = functools.partial(layer, width, decoder=True)
        found[f"training step, {width}"] = functools.partial(training, width)
    return found


# ------------------------------------------------------------------------------- a layer
def layer(width: int, *, decoder: bool) -> dict:
    """{contestant: forward and backward}, after a check that ours and PyTorch's agree."""
    seed_everything(0)
    torch.manual_seed(0)
    random = onp.random.RandomState(0)
    x, source, gradient = random.normal(size=(3, BATCH, ITEMS, width)).astype("float32")
    lengths = random.randint(ITEMS // 2, ITEMS + 1, BATCH)
    padding = length_mask(lengths, ITEMS)
    arrays = [x, source] if decoder else [x]
    masks = [causal_mask(ITEMS), padding] if decoder else [padding]
    ours = (DecoderLayer if decoder else EncoderLayer)(width, HEADS, 2 * width)
    ours.initialize()
    ours(*map(np.array, arrays), *masks)  # finds the shapes
    ours.hybridize(static_alloc=True)
    step, answer = mxnet_step(lambda *a: ours(*a, *masks)[0], arrays, gradient)
    theirs, their_answer = torch_step(pytorchs(ours, width, decoder), arrays, lengths, gradient)
    for mine, other in zip(answer(), their_answer(), strict=True):
        onp.testing.assert_allclose(mine, other, atol=1e-4 * max(1, abs(other).max()))
    products = Products(width, decoder)
    products.initialize()
    products.hybridize(static_alloc=True)
    alone, _ = mxnet_step(products, arrays[:1], gradient)
    beside = {} if decoder else {D2L: d2ls(width, arrays, lengths, gradient)}
    return {"ours": step, "PyTorch": theirs, PRODUCTS: alone} | beside


def mxnet_step(block, arrays, gradient):
    """A function that runs a block forward and backward, and one that gives its answer."""
    arrays, gradient = [np.array(a) for a in arrays], np.array(gradient)
    for array in arrays:
        array.attach_grad()

    def step():
        with autograd.record():
            found = block(*arrays)
        found.backward(gradient)
        mx.nd.waitall()
        return found

    return step, lambda: [a.asnumpy() for a in (step(), *(a.grad for a in arrays))]


def torch_step(block, arrays, lengths, gradient):
    """The same for PyTorch's layer, whose masks are made once, as ours are."""
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    gradient = torch.tensor(gradient)
    padding = torch.arange(ITEMS) >= torch.tensor(lengths)[:, None]
    causal = torch.triu(torch.ones(ITEMS, ITEMS, dtype=torch.bool), 1)
    masks = {"src_key_padding_mask": padding}
    if len(arrays) == 2:
        masks = {"tgt_mask": causal, "memory_key_padding_mask": padding}

    def step():
        for leaf in (*tensors, *block.parameters()):
            leaf.grad = None
        found = block(*tensors, **masks)
        found.backward(gradient)
        return found

    return step, lambda: [a.detach().numpy() for a in (step(), *(t.grad for t in tensors))]


def pytorchs(ours, width: int, decoder: bool):
    """PyTorch's layer with the weights of ours."""
    kind = torch.nn.TransformerDecoderLayer if decoder else torch.nn.TransformerEncoderLayer
    other = kind(width, HEADS, 2 * width, dropout=0.0, batch_first=True)
    attentions = [(other.self_attn, ours.attention)]
    attentions += [(other.multihead_attn, ours.cross)] if decoder else []

    def put(tensor, *parameters):
        arrays = [parameter.data().asnumpy() for parameter in parameters]
        tensor.data.copy_(torch.tensor(onp.concatenate(arrays)))

    for theirs, mine in attentions:
        put(theirs.in_proj_weight, mine.W_q.weight, mine.W_k.weight, mine.W_v.weight)
        put(theirs.out_proj.weight, mine.W_o.weight)
        for bias in (theirs.in_proj_bias, theirs.out_proj.bias):
            bias.data.zero_()
    for theirs, mine in ((other.linear1, ours.network.W_1), (other.linear2, ours.network.W_2)):
        put(theirs.weight, mine.weight)
        put(theirs.bias, mine.bias)
    return other


def d2ls(width, arrays, lengths, gradient):
    """d2l's encoder block of the same sizes, forward and backward; its weights are others."""
    block = d2l.TransformerEncoderBlock(width, 2 * width, HEADS, 0)
    block.initialize()
    lengths = np.array(lengths)
    step, _ = mxnet_step(lambda x: block(x, lengths), arrays, gradient)
    return step


class Products(HybridBlock):
    """The products with a layer's matrices and nothing between them."""

    def __init__(self, width, decoder):
        super().__init__()
        self.W = mx.gluon.nn.HybridSequential()
        options = {"flatten": False, "use_bias": False}
        for _ in range(8 if decoder else 4):
            self.W.add(mx.gluon.nn.Dense(width, **options))
        for size in (2 * width, width):
            self.W.add(mx.gluon.nn.Dense(size, **options))

    def hybrid_forward(self, F, x):
        return self.W(x)


# ------------------------------------------------------------------------------ training
def training(width: int) -> dict:
    """{contestant: an epoch of Adam}, after a check that both have the same mean loss."""
    seed_everything(0)
    sizes = {"hidden_size": width, "layers": 2, "num_heads": HEADS, "feedforward_size": 2 * width}
    network = Transformer(WORDS, WORDS, **sizes, dropout=0.0)
    network.initialize()
    random = onp.random.RandomState(0)
    source, target = random.randint(4, WORDS, (2, BATCH, ITEMS)).astype("int32")
    previous = onp.concatenate([onp.full((BATCH, 1), 2, "int32"), target[:, :-1]], axis=1)
    inputs = source, onp.ones((BATCH, 1, ITEMS), "float32"), previous
    network(*map(np.array, inputs))  # finds the shapes
    names = {"d": width, "layers": 2, "heads": HEADS, "hidden": 2 * width}
    peer = transformer.Transformer(WORDS, WORDS, **names)
    weights.copy_weights(network, peer)
    peer.float()
    rate = 1e-4
    torch_adam = torch.optim.Adam(peer.parameters(), rate)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=network.smoothing)
    tensors = [
        torch.tensor(a) for a in (source.astype("int64"), inputs[1], previous.astype("int64"))
    ]
    wanted = torch.tensor(target.astype("int64"))

    def ours():
        options, batches = {"epochs": 1, "progress": False}, [(inputs, target)] * STEPS
        return fit(network, batches, optimizer.Adam(rate), **options)["loss"][0] / ITEMS

    def theirs():
        losses = []
        for _ in range(STEPS):
            torch_adam.zero_grad()
            found = loss(peer(*tensors)[0].mT, wanted)
            found.backward()
            torch_adam.step()
            losses.append(found.item())
        return onp.mean(losses)

    onp.testing.assert_allclose(ours(), theirs(), rtol=1e-3)
    return {"ours": ours, "PyTorch": theirs}
