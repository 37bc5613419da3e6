"""BERT's pre-training in small on generated documents, by one worker or several: `make distributed`.

Alone (`python -m d2l_attention.distributed.pretraining`), or as several workers:

    python -m d2l_attention.distributed --workers 2 d2l_attention.distributed.pretraining
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from d2l_attention.backend.devices import seed_everything
from d2l_attention.datasets import masked_words, senses
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.distributed import Workers, connect
from d2l_attention.models.bert import Bert, BertPretraining
from d2l_attention.resuming import Checkpoint
from d2l_attention.schedules import WarmUp
from d2l_attention.training import fit

from mxnet import init, optimizer

SIZES = {"hidden_size": 128, "layers": 2, "num_heads": 4, "feedforward_size": 256, "longest": 32}
EVERY = 20  # steps between checkpoints
RATE, WARM_UP = 0.002, 150
BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class Timed:
    """Batches that count the words which they show, and a clock that is read after each epoch."""

    def __init__(self, batches: Callable):
        self.batches, self.epochs = batches, []

    def __call__(self, epoch: int) -> Iterator[tuple]:
        """The batches of an epoch."""
        self._words, self._started = 0, time.perf_counter()
        for batch in self.batches(epoch):
            (_, _, mask, _), _ = batch
            self._words += int(mask.sum())
            yield batch

    def read(self) -> dict:
        """To be called after each epoch: no numbers for the history."""
        self.epochs.append((self._words, time.perf_counter() - self._started))
        return {}

    def words_per_second(self) -> float:
        """Of the epochs behind the first one, in which much is compiled; 0 if there is none."""
        words, seconds = (sum(numbers) for numbers in zip((0, 0), *self.epochs[1:], strict=True))
        return words / seconds if seconds else 0.0


def build(num_words: int, *, dropout: float, seed: int) -> BertPretraining:
    """A small BERT with the heads of its pre-training."""
    seed_everything(seed)
    shares = {"dropout": dropout, "attention_dropout": dropout}
    network = BertPretraining(Bert(num_words, **SIZES, **shares))
    network.initialize(init.Normal(0.05))
    return network


def train(given: argparse.Namespace, workers: Workers) -> dict:
    """Train, and return what was measured: {name: number}."""
    documents = [
        document.sentences for document in senses.generate(given.documents, seed=given.seed)
    ]
    vocabulary = WordPiece([s for d in documents for s in d], size=1000, fewest=1)
    network = build(len(vocabulary), dropout=given.dropout, seed=given.seed)
    encoded = masked_words.encode(documents, vocabulary)
    options = {"longest": SIZES["longest"], "seed": given.seed}
    batches = Timed(masked_words.batches(encoded, vocabulary, given.batch, **options))
    rate = WarmUp(RATE, steps=WARM_UP)
    adam = optimizer.Adam(RATE, beta2=0.98, epsilon=1e-9, lr_scheduler=rate)
    options = {"epochs": given.epochs, "clip_norm": 1.0, "evaluate": batches.read}
    if given.checkpoint:
        options["checkpoint"] = Checkpoint(given.checkpoint, every=EVERY, seed=given.seed)
    started = time.perf_counter()
    history = fit(network, batches, adam, workers=workers, description="BERT", **options)
    seconds = time.perf_counter() - started
    memory = workers.table([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / 2**20])
    found = {"workers": workers.number, "losses": history["loss"].tolist(), "seconds": seconds}
    return found | {"words_per_second": batches.words_per_second(), "memory": memory[:, 0].tolist()}


def report(found: dict) -> str:
    """The measured numbers in words.

    >>> measured = {"workers": 2, "losses": [7.0, 5.0], "words_per_second": 9000.4}
    >>> print(report(measured | {"memory": [300.0, 301.0], "seconds": 12.3}))
    2 workers: loss 7.00 -> 5.00 in 12 s, 9,000 words a second, memory 300, 301 MB
    """
    workers = f"{found['workers']} worker{'s' * (found['workers'] > 1)}"
    losses = f"loss {found['losses'][0]:.2f} -> {found['losses'][-1]:.2f}"
    words = f"{found['words_per_second']:,.0f} words a second"
    memory = ", ".join(f"{megabytes:.0f}" for megabytes in found["memory"])
    return f"{workers}: {losses} in {found['seconds']:.0f} s, {words}, memory {memory} MB"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pre-train a small BERT on generated documents.")
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32, help="examples of all workers together")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="a file to keep the training in, and to go on from")
    parser.add_argument("--json", type=Path, help="a file for what is measured")
    given = parser.parse_args(arguments)
    workers = connect()
    found = train(given, workers)
    if workers.rank == 0:
        print(report(found))
        if given.json:
            given.json.write_text(json.dumps(found) + "\n", "utf-8")


if __name__ == "__main__":
    main()
