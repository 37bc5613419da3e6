"""Time of `Attention` and `MultiHeadAttention`, forward and backward, relative to d2l's and PyTorch's on one CPU thread.

Self-attention over x (batch, items, width): everybody gets x, the valid lengths of the
examples (or none) and the gradient of the context, and computes the context and the
gradients of x and of the parameters. d2l and the first of PyTorch's two ways also keep
the attention weights, as this book's blocks do; the second, built on
`scaled_dot_product_attention`, does not, and is the best that PyTorch has.

    python -m benchmarks.attention [--rounds 60] [--output FILE.json]

The file holds a list of {"name", "shape", "masked", "ratios": {peer: median}, "spread":
{peer: [quartile, quartile]}, "floor": {peer: median}}. The floor of `Attention` is what
is left if everything but its six matrix products took no time: MXNet's time for the two
products of the forward pass and the four of the backward pass, relative to a peer's
whole step. Where it is near a bound, only a faster `batch_dot` could keep it. The exit
code is 1 if a ratio is above its bound.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before MXNet and PyTorch load

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as onp
import torch
from torch.nn import functional

from benchmarks.timing import measure, ratio
from d2l_attention import seed_everything
from d2l_attention.attention import Attention, MultiHeadAttention, ScaledDotProductScore

import mxnet as mx
from d2l import mxnet as d2l
from mxnet import autograd, np
from mxnet.gluon import HybridBlock

SHAPES = [(64, 16, 64), (32, 64, 256)]  # batch, items, width
HEADS = 8
BOUNDS = {"d2l": 1.0, "PyTorch": 1.5, "PyTorch, no weights": 1.5}


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
        block(
            *[np.zeros((1, 1, width))] * 3, None
        )  # MXNet finds the shapes at the first call
        for layer, matrix in zip(layers, matrices, strict=True):
            layer.weight.set_data(np.array(matrix.numpy()))
        return [layer.weight for layer in layers]

    def attend(need_weights):
        def block(x, allowed):
            padding = None if allowed is None else ~allowed
            return peer(
                x, x, x, padding, need_weights=need_weights, average_attn_weights=False
            )

        return block, list(peer.parameters())

    contestants = {
        "ours": (
            ours,
            weights(
                ours,
                ours.query_projection,
                ours.key_projection,
                ours.value_projection,
                ours.output,
            ),
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
def mxnet_step(block, parameters, x, lengths, gradient):
    """A function that runs `block` forward and backward, and one that returns the answer of such a run."""
    x, lengths, gradient = (
        None if array is None else np.array(array) for array in (x, lengths, gradient)
    )
    x.attach_grad()

    def step():
        with autograd.record():
            context = block(x, x, x, lengths)
            context = context[0] if isinstance(context, list | tuple) else context
        context.backward(gradient)
        mx.nd.waitall()
        return context

    def answer():
        return [
            array.asnumpy()
            for array in (step(), x.grad, *(p.grad() for p in parameters))
        ]

    return step, answer


def torch_step(block, parameters, x, lengths, gradient):
    """The same for PyTorch, whose blocks want a mask where d2l and this book take valid lengths."""
    x, gradient = torch.tensor(x, requires_grad=True), torch.tensor(gradient)
    positions = torch.arange(x.shape[1])
    lengths = None if lengths is None else torch.tensor(lengths)[:, None]

    def step():
        x.grad = None
        for parameter in parameters:
            parameter.grad = None
        context = block(x, None if lengths is None else positions < lengths)
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


# ------------------------------------------------------------------------- measurements
def compare(
    name: str, shape: tuple[int, int, int], masked: bool, *, rounds: int
) -> dict:
    """Check that all libraries agree, then measure them: one entry of the file that the module's text describes."""
    seed_everything(0)
    torch.manual_seed(0)
    x, gradient = onp.random.normal(size=(2, *shape)).astype("float32")
    lengths = onp.random.randint(1, shape[1] + 1, size=shape[0]) if masked else None
    steps, answers = {}, {}
    for library, (block, parameters) in SYSTEMS[name](shape[-1]).items():
        make = torch_step if library.startswith("PyTorch") else mxnet_step
        steps[library], answer = make(block, parameters, x, lengths, gradient)
        answers[library] = answer()
    check_same(answers, f"{name} {shape}")
    if name == "Attention":
        products = Products()
        products.hybridize(static_alloc=True)
        steps["products"], _ = mxnet_step(products, [], x, None, gradient)
    seconds = measure(steps, rounds=rounds)
    ratios = {library: ratio(seconds["ours"], seconds[library]) for library in BOUNDS}
    return {
        "name": name,
        "shape": list(shape),
        "masked": masked,
        "ratios": {library: middle for library, (middle, _) in ratios.items()},
        "spread": {library: quartiles for library, (_, quartiles) in ratios.items()},
        "floor": {
            library: ratio(seconds["products"], seconds[library])[0]
            for library in BOUNDS
        }
        if "products" in seconds
        else {},
    }


def check_same(answers: dict[str, list[onp.ndarray]], what: str) -> None:
    """Raise AssertionError unless all libraries give the same arrays, up to rounding."""
    ours = answers["ours"]
    for library, arrays in answers.items():
        for mine, other in zip(ours, arrays, strict=True):
            tolerance = 1e-5 * max(1.0, abs(mine).max())
            onp.testing.assert_allclose(
                other, mine, atol=tolerance, err_msg=f"{what}: {library} differs"
            )


def table(results: list[dict]) -> str:
    """Our time relative to each peer's, median and quartiles; a star where it is above the bound."""
    lines = [
        f"{'our time / theirs':42}"
        + "".join(f"{f'{peer} (<{BOUNDS[peer]})':>27}" for peer in BOUNDS)
    ]
    for result in results:
        masked = "masked" if result["masked"] else ""
        cells = [
            f"{result['ratios'][peer]:.2f}{'*' if result['ratios'][peer] > bound else ' '} "
            + "({:.2f}-{:.2f})".format(*result["spread"][peer])
            for peer, bound in BOUNDS.items()
        ]
        start = f"{result['name']:19}{tuple(result['shape'])!s:16}{masked:7}"
        lines.append(start + "".join(f"{cell:>27}" for cell in cells))
        if result["floor"]:
            floor = "".join(f"{result['floor'][peer]:>14.2f}{'':13}" for peer in BOUNDS)
            lines.append(f"{'    the six matrix products alone':42}{floor}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure everything, print and save it; 1 if a ratio is above its bound, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=60, help="rounds of each comparison"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    cases = [
        (name, shape, masked)
        for name in SYSTEMS
        for shape in SHAPES
        for masked in (False, True)
    ]
    results = [compare(*case, rounds=options.rounds) for case in cases]
    print(table(results))
    if options.output:
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    above = [
        peer
        for result in results
        for peer in BOUNDS
        if result["ratios"][peer] > BOUNDS[peer]
    ]
    print(
        f"{len(above)} of {len(results) * len(BOUNDS)} ratios are above their bounds (*)"
    )
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
