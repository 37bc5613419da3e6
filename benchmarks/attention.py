"""`Attention` and `MultiHeadAttention`, forward and backward, against d2l's and PyTorch's.

Self-attention over x (batch, items, width): everybody gets x, the valid lengths of the
examples (or none; as a mask, except for d2l) and the gradient of the context, and computes
the context and the gradients of x and of the parameters. d2l and the first of PyTorch's two ways also keep
the attention weights, as this book's blocks do; the second, built on
`scaled_dot_product_attention`, does not, and is the best that PyTorch has.

The matrix products of `Attention`, two forward and four backward, are timed alone, too:
what is left if everything between them took no time. Where their share of a peer's whole
step is near the goal, only a faster `batch_dot` could reach it.
"""

import functools
import math
from collections.abc import Callable

import numpy as onp
import torch
from torch.nn import functional

from d2l_attention import seed_everything
from d2l_attention.attention import (
    Attention,
    MultiHeadAttention,
    ScaledDotProductScore,
    length_mask,
)

import mxnet as mx
from d2l import mxnet as d2l
from mxnet import autograd, np
from mxnet.gluon import HybridBlock

GOALS = {"d2l": 1.0, "PyTorch": 1.5, "PyTorch, no weights": 1.5}
SHAPES = [(64, 16, 64), (32, 64, 256)]  # batch, items, width
HEADS = 8
PRODUCTS = "the six matrix products alone"


def cases() -> dict[str, Callable[[], dict]]:
    """Both blocks, each at two sizes, without and with valid lengths."""
    return {
        f"{name}, {' x '.join(map(str, shape))}{', masked' if masked else ''}": (
            functools.partial(contest, name, shape, masked)
        )
        for name in SYSTEMS
        for shape in SHAPES
        for masked in (False, True)
    }


# ---------------------------------------------------------------------- the contestants
def attention(width: int):
    """{library: (block, parameters)}: scaled dot product attention, which has no parameters."""
    ours, theirs = (
        Attention(ScaledDotProductScore(width)),
        d2l.DotProductAttention(dropout=0),
    )
    ours.hybridize(static_alloc=True)

    def with_weights(x, allowed):
        scores = x @ x.transpose(1, 2) / math.sqrt(width)
        if allowed is not None:
            scores = scores.masked_fill(~allowed[:, None], -math.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ x, weights

    def without_weights(x, allowed):
        allowed = None if allowed is None else allowed[:, None]
        return functional.scaled_dot_product_attention(x, x, x, attn_mask=allowed)

    blocks = {
        "ours": ours,
        "d2l": theirs,
        "PyTorch": with_weights,
        "PyTorch, no weights": without_weights,
    }
    return {library: (block, []) for library, block in blocks.items()}


def multi_head_attention(width: int):
    """{library: (block, parameters)}: multi-head attention, the same four matrices everywhere."""
    ours, theirs = (
        MultiHeadAttention(width, HEADS),
        d2l.MultiHeadAttention(width, HEADS, dropout=0),
    )
    peer = torch.nn.MultiheadAttention(width, HEADS, bias=False, batch_first=True)
    matrices = [*peer.in_proj_weight.detach().chunk(3), peer.out_proj.weight.detach()]

    def weights(block, *layers):
        block.initialize()
        block(*[np.zeros((1, 1, width))] * 3, None)  # MXNet finds the shapes at the first call
        for layer, matrix in zip(layers, matrices, strict=True):
            layer.weight.set_data(np.array(matrix.numpy()))
        return [layer.weight for layer in layers]

    def attend(need_weights):
        def block(x, allowed):
            padding = None if allowed is None else ~allowed
            return peer(x, x, x, padding, need_weights=need_weights, average_attn_weights=False)

        return block, list(peer.parameters())

    contestants = {
        "ours": (
            ours,
            weights(ours, ours.W_q, ours.W_k, ours.W_v, ours.W_o),
        ),
        "d2l": (
            theirs,
            weights(theirs, theirs.W_q, theirs.W_k, theirs.W_v, theirs.W_o),
        ),
        "PyTorch": attend(need_weights=True),
        "PyTorch, no weights": attend(need_weights=False),
    }
    ours.hybridize(static_alloc=True)
    return contestants


class Products(HybridBlock):
    """The matrix products of attention and nothing between them; their gradients need four more."""

    def hybrid_forward(self, F, query, key, value, mask=None):
        return F.npx.batch_dot(F.npx.batch_dot(query, key, transpose_b=True), value)


SYSTEMS = {"Attention": attention, "MultiHeadAttention": multi_head_attention}


# ------------------------------------------------------------- one step, and its answer
def mxnet_step(block, parameters, x, mask, gradient):
    """A function that runs `block` forward and backward, and one that returns the answer of such a run.

    The mask is what the block takes: valid lengths (d2l), or their mask.
    """
    x, gradient = np.array(x), np.array(gradient)
    x.attach_grad()

    def step():
        with autograd.record():
            context = block(x, x, x, mask)
            context = context[0] if isinstance(context, list | tuple) else context
        context.backward(gradient)
        mx.nd.waitall()
        return context

    def answer():
        return [array.asnumpy() for array in (step(), x.grad, *(p.grad() for p in parameters))]

    return step, answer


def torch_step(block, parameters, x, lengths, gradient):
    """The same for PyTorch, whose blocks get a mask of booleans, made once, as ours is."""
    x, gradient = torch.tensor(x, requires_grad=True), torch.tensor(gradient)
    allowed = None
    if lengths is not None:
        allowed = torch.arange(x.shape[1]) < torch.tensor(lengths)[:, None]

    def step():
        x.grad = None
        for parameter in parameters:
            parameter.grad = None
        context = block(x, allowed)
        context = context[0] if isinstance(context, tuple) else context
        context.backward(gradient)
        return context

    def answer():
        arrays = [step().detach(), x.grad]
        if parameters:
            arrays += [
                *parameters[0].grad.chunk(3),
                parameters[1].grad,
            ]  # query, key, value; output
        return [array.numpy() for array in arrays]

    return step, answer


# ------------------------------------------------------------------ all of them together
def contest(name: str, shape: tuple[int, int, int], masked: bool) -> dict:
    """{contestant: step} for one block, after a check that all give the same answers."""
    seed_everything(0)
    torch.manual_seed(0)
    x, gradient = onp.random.normal(size=(2, *shape)).astype("float32")
    lengths = onp.random.randint(1, shape[1] + 1, size=shape[0]) if masked else None
    masks = {"ours": length_mask(lengths, shape[1]), "d2l": np.array(lengths)} if masked else {}
    steps, answers = {}, {}
    for library, (block, parameters) in SYSTEMS[name](shape[-1]).items():
        make = torch_step if library.startswith("PyTorch") else mxnet_step
        mask = masks.get(library, lengths)
        steps[library], answer = make(block, parameters, x, mask, gradient)
        answers[library] = answer()
    check_same(answers)
    if name == "Attention":
        products = Products()
        products.hybridize(static_alloc=True)
        steps[PRODUCTS], _ = mxnet_step(products, [], x, None, gradient)
    return steps


def check_same(answers: dict[str, list[onp.ndarray]]) -> None:
    """Raise AssertionError unless all libraries give the same arrays, up to rounding."""
    ours = answers["ours"]
    for library, arrays in answers.items():
        for mine, other in zip(ours, arrays, strict=True):
            tolerance = 1e-5 * max(1.0, abs(mine).max())
            onp.testing.assert_allclose(other, mine, atol=tolerance, err_msg=f"{library} differs")
