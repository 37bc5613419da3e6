"""Training a pointer network on hulls of ten points, and writing hulls, against PyTorch.

The peer, tests/oracles/pointer_networks.py, is written as PyTorch users write it: fused LSTMs, one
call for all steps in training; one step at a time when it writes. Both start from the same
parameters and see the same batches. In training they must have the same losses; in writing, the same
hulls.
"""

from collections.abc import Callable

import torch

from benchmarks.training import contest, sequence_loss
from d2l_attention import seed_everything
from d2l_attention.datasets import pointing
from d2l_attention.datasets.point_sets import uniform
from d2l_attention.decoding import generate
from d2l_attention.models.pointer_networks import PointerNetwork
from tests.oracles import pointer_networks, weights

from mxnet import np

GOALS = {"PyTorch": 1.2}
HIDDEN, POINTS, BATCH, STEPS, RATE = 128, 10, 128, 8, 0.01


def cases() -> dict[str, Callable[[], dict]]:
    """Training, and greedy search."""
    return {"pointer network, one epoch": train, "pointer network, greedy search": write}


def both() -> tuple[PointerNetwork, torch.nn.Module, list]:
    """Our network, the peer with its weights, and batches."""
    batches = list(pointing.training_batches("hull", [POINTS], STEPS, BATCH, seed=0)(0))
    seed_everything(0)
    network = PointerNetwork(hidden_size=HIDDEN)
    network.initialize()
    network(*(np.array(array) for array in batches[0][0]))  # finds the shapes
    peer = pointer_networks.PointerNetwork(HIDDEN)
    weights.copy_weights(network, peer)
    return network, peer.float(), batches


def train() -> dict:
    """{contestant: an epoch of training}, after a check that both have the same losses."""
    network, peer, batches = both()
    return contest(network, peer, batches, sequence_loss(ignored=-1), rate=RATE, clip=2.0)


def write() -> dict:
    """{contestant: hulls of a batch, greedily}, after a check that they are the same."""
    network, peer, _ = both()
    network.hybridize(static_alloc=True)
    points = uniform(BATCH, POINTS, seed=1)

    def ours():
        found = generate(network, (np.array(points),), start=0, end=0, longest=POINTS)
        return [each.symbols for each in found]

    def theirs():
        with torch.no_grad():
            return greedy(peer, torch.from_numpy(points), POINTS)

    assert ours() == theirs()
    return {"ours": ours, "PyTorch": theirs}


def greedy(peer, points, longest: int) -> list[tuple]:
    """The points that the peer names, until the end or the longest answer."""
    P = peer.W_P(points)
    e, state = peer.encoder(P)
    table, rows = peer.P_0(P), torch.arange(len(P))
    last, written = torch.zeros(len(P), dtype=torch.long), []
    over = torch.zeros(len(P), dtype=torch.bool)
    while len(written) < longest and not over.all():
        d, state = peer.decoder(table[rows, last][:, None], state)
        last = peer.output(d, e)[0][:, 0].argmax(dim=1)
        over |= last == 0
        written.append(torch.where(over, 0, last))
    answers = torch.stack(written, dim=1).tolist()
    return [tuple(symbol for symbol in answer if symbol) for answer in answers]
