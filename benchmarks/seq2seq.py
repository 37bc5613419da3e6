"""Training a translator with attention, and translating, against PyTorch.

The peer, tests/oracles/seq2seq.py, is written as PyTorch users write it: fused LSTMs, one call for
all words in training; one word at a time when it writes. Both start from the same parameters and see
the same batches of generated sentences. In training they must have the same losses; in writing, the
same words.
"""

from collections.abc import Callable

import torch

from benchmarks.training import contest, sequence_loss
from d2l_attention import seed_everything
from d2l_attention.attention import Attention, BilinearScore
from d2l_attention.datasets.translation import END, START, generate
from d2l_attention.decoding import generate as decode
from d2l_attention.models.seq2seq import Seq2Seq
from d2l_attention.notebook.translator import Translator
from tests.oracles import seq2seq, seq2seq_variants, weights

from mxnet import np

GOALS = {"PyTorch": 1.0}
HIDDEN, WORDS, BATCH, STEPS, RATE, LONGEST = 128, (12, 16), 64, 8, 0.01, 20


def cases() -> dict[str, Callable[[], dict]]:
    """Training, and greedy search."""
    return {"seq2seq with attention, one epoch": train, "seq2seq, greedy search": write}


def both() -> tuple[Seq2Seq, torch.nn.Module, list]:
    """Our network, the peer with its weights, and batches."""

    def build(*sizes):
        seed_everything(0)
        network = Seq2Seq(*sizes, hidden_size=HIDDEN, attention=Attention(BilinearScore(HIDDEN)))
        network.initialize()
        return network

    pairs = generate(STEPS * BATCH, words=WORDS, seed=0)
    translator = Translator(pairs, build)
    batches = list(translator.batches(pairs, BATCH, seed=0)(0))
    network = translator.model
    network(*(np.array(array, dtype=array.dtype) for array in batches[0][0]))  # finds the shapes
    attention = seq2seq.Attention(seq2seq_variants.BilinearScore(HIDDEN))
    peer = seq2seq.Seq2Seq(*map(len, translator.vocabularies), HIDDEN, attention)
    weights.copy_weights(network, peer)
    return network, peer.float(), batches


def train() -> dict:
    """{contestant: an epoch of training}, after a check that both have the same losses."""
    network, peer, batches = both()
    return contest(network, peer, batches, sequence_loss(ignored=0), rate=RATE, clip=1.0)


def write() -> dict:
    """{contestant: translations of a batch, greedily}, after a check that they are the same."""
    network, peer, batches = both()
    network.hybridize(static_alloc=True)
    (source, mask, _), _ = batches[0]
    limits = {"start": START, "end": END, "longest": LONGEST}

    def ours():
        inputs = np.array(source, dtype="int32"), np.array(mask)
        return [each.symbols for each in decode(network, inputs, **limits)]

    def theirs():
        with torch.no_grad():
            return greedy(peer, torch.from_numpy(source).long(), torch.from_numpy(mask))

    assert ours() == theirs()
    return {"ours": ours, "PyTorch": theirs}


def greedy(peer, source, mask) -> list[tuple]:
    """The words that the peer writes, until the end or the longest translation."""
    key, state = peer.encoder(source, mask)
    last, written = torch.full((len(source),), START), []
    over = torch.zeros(len(source), dtype=torch.bool)
    while len(written) < LONGEST and not over.all():
        s, _, state = peer.decoder(peer.embedding(last[:, None]), key, mask, state)
        last = peer.W_s(s)[:, 0].argmax(dim=1)
        over |= last == END
        written.append(torch.where(over, END, last))
    answers = torch.stack(written, dim=1).tolist()
    return [tuple(symbol for symbol in answer if symbol != END) for answer in answers]
