"""A step of a GPT's pre-training, and writing with kept keys and values, against PyTorch.

Both have 4 layers of 256 features. The peer is written as PyTorch users write it since version 2: one matrix
for query, key and value, `scaled_dot_product_attention`, which returns no weights, `GELU` and
`LayerNorm`; it starts from our weights. *Training*: 12 texts of 64 pieces, three steps of Adam, the gradient
shortened where it is long. *Writing*: 8 texts of 64 pieces each, the likeliest next piece; the peer
keeps its keys and values in tensors that grow, as users do.
"""

from collections.abc import Callable

import numpy as onp
import torch
from torch.nn import functional

from d2l_attention import seed_everything
from d2l_attention.decoding import generate
from d2l_attention.models.gpt import GPT
from d2l_attention.training import fit
from tests.oracles import weights
from tests.oracles.gpt import GPT as Plain

from mxnet import np, optimizer

GOALS = {"PyTorch": 1.2}
WIDTH, LAYERS, HEADS, PIECES = 256, 4, 4, 512
BATCH, BLOCK, STEPS, RATE, CLIP = 12, 64, 3, 1e-4, 1.0
ROWS, WRITTEN = 8, 64


def cases() -> dict[str, Callable[[], dict]]:
    """Training, and writing."""
    return {f"training step, {LAYERS} x {WIDTH}": train, f"{WRITTEN} pieces, cached": write}


# ------------------------------------------------------------------------------ the peer
class Layer(torch.nn.Module):
    """x + attention(norm(x)), then x + network(norm(x)); `past` holds the keys and values so far."""

    def __init__(self, size: int):
        super().__init__()
        self.W_qkv, self.W_o = torch.nn.Linear(size, 3 * size), torch.nn.Linear(size, size)
        self.norm_1, self.norm_2 = torch.nn.LayerNorm(size), torch.nn.LayerNorm(size)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(size, 4 * size),
            torch.nn.GELU(approximate="tanh"),
            torch.nn.Linear(4 * size, size),
        )

    def forward(self, x, past=None):
        parts = self.W_qkv(self.norm_1(x)).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
        if past:
            k, v = (torch.cat([old, new], dim=2) for old, new in zip(past[-1], (k, v), strict=True))
        context = functional.scaled_dot_product_attention(q, k, v, is_causal=q.shape[2] > 1)
        x = x + self.W_o(context.transpose(1, 2).flatten(2))
        return x + self.network(self.norm_2(x)), (k, v)


class Peer(torch.nn.Module):
    """A GPT-2 as nanoGPT and its heirs have it."""

    def __init__(self, num_words: int, size: int, longest: int):
        super().__init__()
        self.words, self.places = (torch.nn.Embedding(n, size) for n in (num_words, longest))
        self.layers = torch.nn.ModuleList(Layer(size) for _ in range(LAYERS))
        self.norm = torch.nn.LayerNorm(size)

    def forward(self, words, past=None):
        """Words (B, n), and the keys and values of the words before -> logits (B, n, V), and all."""
        before = past[0][0].shape[2] if past else 0
        x = self.words(words) + self.places.weight[before : before + words.shape[1]]
        kept = []
        for number, layer in enumerate(self.layers):
            x, pair = layer(x, [past[number]] if past else None)
            kept.append(pair)
        return self.norm(x) @ self.words.weight.T, kept


def both(longest: int) -> tuple[GPT, Peer]:
    """Our network, and the peer with its weights."""
    seed_everything(0)
    sizes = {"hidden_size": WIDTH, "layers": LAYERS, "num_heads": HEADS, "longest": longest}
    network = GPT(PIECES, **sizes, dropout=0.0, pre_norm=True)
    network.initialize()
    network(np.ones((1, 2), dtype="int32"))  # finds the shapes
    plain = Plain(PIECES, d=WIDTH, layers=LAYERS, heads=HEADS, longest=longest, pre_norm=True)
    weights.copy_weights(network, plain)
    peer, decoder = Peer(PIECES, WIDTH, longest), plain.decoder
    copy(peer.words, decoder.embedding)
    copy(peer.norm, decoder.norm)
    with torch.no_grad():
        peer.places.weight.copy_(decoder.positions["table"])
        for mine, other in zip(peer.layers, decoder.layers, strict=True):
            three = [getattr(other.attention, f"W_{name}") for name in "qkv"]
            mine.W_qkv.weight.copy_(torch.cat([each.weight for each in three]))
            mine.W_qkv.bias.copy_(torch.cat([each.bias for each in three]))
            copy(mine.W_o, other.attention.W_o)
            copy(mine.network[0], other.network["W_1"])
            copy(mine.network[2], other.network["W_2"])
            copy(mine.norm_1, other.norm_1)
            copy(mine.norm_2, other.norm_2)
    return network, peer


def copy(mine, other) -> None:
    """Give a part of the peer the weights of the oracle's."""
    mine.load_state_dict(other.state_dict())


# ------------------------------------------------------------------------------ the contests
def train() -> dict:
    """{contestant: steps of Adam}, after a check that both have the same mean loss."""
    network, peer = both(BLOCK)
    text = onp.random.RandomState(0).randint(0, PIECES, (BATCH, BLOCK + 1)).astype("int32")
    batch = (text[:, :-1],), text[:, 1:]
    adam = torch.optim.Adam(peer.parameters(), RATE)
    words, target = (torch.tensor(array.astype("int64")) for array in (text[:, :-1], text[:, 1:]))

    def ours():
        options = {"epochs": 1, "progress": False, "clip_norm": CLIP}
        return fit(network, [batch] * STEPS, optimizer.Adam(RATE), **options)["loss"][0]

    def theirs():
        losses = []
        for _ in range(STEPS):
            logits, _ = peer(words)
            loss = functional.cross_entropy(logits.flatten(0, 1), target.flatten())
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(peer.parameters(), CLIP)
            adam.step()
            losses.append(loss.item())
        return onp.mean(losses)

    onp.testing.assert_allclose(ours(), theirs(), rtol=1e-3)
    return {"ours": ours, "PyTorch": theirs}


def write() -> dict:
    """{contestant: the likeliest pieces, one by one}, after a check that they are the same."""
    network, peer = both(WRITTEN + 8)
    network.hybridize(static_alloc=True)
    read = onp.random.RandomState(0).randint(0, PIECES, (ROWS, 8)).astype("int32")

    def ours():
        found = generate(network, (np.array(read, dtype="int32"),), longest=WRITTEN)
        return [each.symbols for each in found]

    def theirs():
        with torch.no_grad():
            return greedy(peer, torch.tensor(read.astype("int64")))

    assert ours() == theirs()
    return {"ours": ours, "PyTorch": theirs}


def greedy(peer, words) -> list[tuple]:
    """What the peer writes."""
    past, written = None, []
    for _ in range(WRITTEN):
        logits, past = peer(words, past)
        words = logits[:, -1:].argmax(dim=-1)
        written.append(words)
    return [tuple(row) for row in torch.cat(written, dim=1).tolist()]
