"""A small BERT's pre-training for the tests: the same in a test's own process and in workers.

    python -m d2l_attention.distributed --workers 2 tests/distributed/pretraining_run.py FOLDER TASK ...

runs the tasks, and each worker writes what it has then to FOLDER/TASK.RANK.npz.
"""

import functools
import os
import signal
import sys
from itertools import islice
from pathlib import Path

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.datasets import masked_words, senses
from d2l_attention.datasets.batches import batches as of_arrays
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.distributed import ALONE, connect
from d2l_attention.models.bert import Bert, BertPretraining
from d2l_attention.resuming import Checkpoint
from d2l_attention.training import fit

import mxnet as mx
from mxnet import init, np, optimizer
from mxnet.gluon import nn

SIZES = {"hidden_size": 16, "layers": 2, "num_heads": 2, "feedforward_size": 24, "longest": 16}
STEPS = 10
EVERY = 3
KILLED = 8  # the step before which a worker is killed


@functools.cache
def data():
    documents = [document.sentences for document in senses.generate(60, seed=0)]
    vocabulary = WordPiece([s for d in documents for s in d], size=300, fewest=1)
    return masked_words.encode(documents, vocabulary), vocabulary


def batches(size: int, steps: int = STEPS):
    """So many batches an epoch, all of one size."""
    make = masked_words.batches(*data(), size, longest=SIZES["longest"], seed=0)
    return lambda epoch: islice(make(epoch), steps)


def build(dropout: float = 0.0, devices=None, seed: int = 3) -> BertPretraining:
    seed_everything(seed)
    shares = {"dropout": dropout, "attention_dropout": dropout}
    network = BertPretraining(Bert(len(data()[1]), **SIZES, **shares))
    network.initialize(init.Normal(0.1), ctx=devices)
    return network


def adam():
    """With the epsilon of BERT's authors; a smaller one would make steps of rounding errors: keys'
    biases have no other gradient.
    """
    return optimizer.Adam(0.002, epsilon=1e-6)


def weights(network) -> dict[str, onp.ndarray]:
    every = enumerate(network.collect_params().values())
    return {str(place): p.list_data()[0].asnumpy() for place, p in every}


def train(size: int, *, dropout=0.0, workers=ALONE, devices=None, seed=3, epochs=1, **options):
    """{"loss": (epochs,), each parameter's place: its values} after a training."""
    network = build(dropout, devices, seed)
    data = options.pop("data", None) or batches(size, options.pop("steps", STEPS))
    options = {"clip_norm": 1.0, "progress": False} | options
    history = fit(network, data, adam(), epochs=epochs, workers=workers, device=devices, **options)
    return {"loss": history["loss"]} | weights(network)


def line(workers=ALONE) -> dict[str, onp.ndarray]:
    """Many small steps, of which several are on their way at a time."""
    net = nn.Dense(1, in_units=1)
    net.initialize("zeros")
    x = onp.linspace(-1, 1, 600, dtype="float32")[:, None]
    loss = lambda output, target: np.square(output - target).reshape(-1)
    options = {"loss": loss, "progress": False, "workers": workers}
    history = fit(net, of_arrays((x,), 3 * x, 4), optimizer.SGD(0.01), epochs=1, **options)
    return {"loss": history["loss"]} | weights(net)


def killed_at(size: int, workers=ALONE, rank: int = 0):
    """Batches before one of which this process kills itself, if it is that worker."""
    made = batches(size)

    def of_epoch(epoch):
        for step, batch in enumerate(made(epoch), start=1):
            if (epoch, step, workers.rank) == (1, KILLED, rank):
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    return of_epoch


def resumed(path, workers=ALONE, rank=0, kill=False):
    """Two epochs with dropout and a checkpoint."""
    data = killed_at(9, workers, rank) if kill else None
    checkpoint = Checkpoint(path, every=EVERY, seed=5)
    return train(9, dropout=0.3, epochs=2, data=data, workers=workers, checkpoint=checkpoint)


def perform(task: str, folder: Path, workers) -> dict[str, onp.ndarray]:
    if task == "even":
        return train(8, workers=workers, seed=3 + workers.rank)  # the first one's weights count
    if task == "uneven":
        return train(7, workers=workers)
    if task == "few":  # fewer examples than shares
        return train(1, workers=workers, steps=3)
    if task == "devices":
        return train(7, workers=workers, devices=[mx.cpu(0), mx.cpu(1)])
    if task == "many":
        return line(workers)
    if task in ("uninterrupted", "killed", "again"):
        path = folder / ("killed" if task == "again" else task)
        return resumed(path, workers, workers.number - 1, task == "killed")
    if task == "wrong":
        raise ArithmeticError(f"on purpose, in worker {workers.rank}")
    values = {"validation": 1.0 + workers.rank}  # differs, as on unlike machines
    options = {"evaluate": lambda: values, "monitor": "validation"}
    found = train(8, workers=workers, steps=1, **options)
    return found | {"table": workers.table([workers.rank, 7.0])}


if __name__ == "__main__":
    folder, workers = Path(sys.argv[1]), connect()
    for task in sys.argv[2:]:
        onp.savez(folder / f"{task}.{workers.rank}.npz", **perform(task, folder, workers))
        print("done:", task, flush=True)
