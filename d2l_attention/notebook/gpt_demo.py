"""A network goes on with what you type: what `python -m d2l_attention.models.gpt` runs."""

import argparse
import pydoc_data.topics
from collections.abc import Callable
from pathlib import Path

import numpy as onp
from safetensors import safe_open

from d2l_attention import checkpoints, seed_everything
from d2l_attention.datasets.byte_pairs import BytePairs
from d2l_attention.models.gpt import GPT
from d2l_attention.sampling import sample
from d2l_attention.training import fit

from mxnet import np, optimizer

HEAD = 64  # features of a head in all published sizes
OWN = {"hidden_size": 64, "layers": 2, "num_heads": 4, "longest": 128, "dropout": 0.0}
OWN_PIECES, BLOCK, BATCH, STEPS = 512, 64, 16, 400


def main(arguments=None, *, read: Callable = input, write: Callable = print) -> None:
    """Read the start of a text, write samples that go on with it, and begin again; an empty line ends.

    Parameters
    ----------
    arguments : list of str, optional
        The command line's by default.
    read, write : callable
        What asks for a line, and what shows one.
    """
    options = _options(arguments)
    if options.checkpoint:
        pieces = BytePairs.read(options.pieces or options.checkpoint.parent)
        network = published(options.checkpoint, num_heads=options.heads)
    else:
        write("No checkpoint is given: a small network learns from Python's documentation first.")
        network, pieces = own(steps=options.steps)
    write("Type the start of a text; an empty line ends.")
    while text := _line(read):
        for number, found in enumerate(_samples(network, pieces, text, options)):
            write(f"--- sample {number} ---")
            write(text + found)


def _options(arguments) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m d2l_attention.models.gpt")
    parser.add_argument("--checkpoint", type=Path, help="GPT-2 or GPT as a safetensors file")
    parser.add_argument(
        "--pieces", type=Path, help="folder of encoder.json and vocab.bpe: the file's"
    )
    parser.add_argument(
        "--heads", type=int, help="heads of a layer, if they are not of 64 features"
    )
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--length", type=int, default=60, help="pieces that are written")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-k", type=int)
    parser.add_argument("--top-p", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS, help="of training without a checkpoint")
    return parser.parse_args(arguments)


def _line(read: Callable) -> str:
    try:
        return read(">>> ")
    except EOFError:
        return ""


def _samples(network: GPT, pieces: BytePairs, text: str, options) -> list[str]:
    """Of a long text the network sees the end alone."""
    places = network.decoder.positions.longest
    length = min(options.length, places - 1)
    words = np.array([pieces.encode(text)[length - 1 - places :]], dtype="int32")
    drawn = {name: getattr(options, name) for name in ("temperature", "top_k", "top_p", "seed")}
    found = sample(
        network, (words,), longest=length, samples=options.samples, end=pieces.end, **drawn
    )
    return [pieces.decode(each.symbols) for each in found[0]]


def published(path: Path, *, num_heads: int | None = None) -> GPT:
    """The network of a checkpoint, whose sizes the file tells, but for the heads.

    Raises
    ------
    FileNotFoundError, ValueError
        As for `checkpoints.load`, or the file is of another kind of model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"checkpoint {path} does not exist")
    with safe_open(path, framework="numpy") as file:
        names = file.keys()
        shapes = {n.removeprefix("transformer."): file.get_slice(n).get_shape() for n in names}
    words = shapes.get("wte.weight") or shapes.get("tokens_embed.weight")
    places = shapes.get("wpe.weight") or shapes.get("positions_embed.weight")
    if words is None or places is None:
        raise ValueError(f"{path} must hold GPT-2 or GPT: it has no table of words or places")
    numbers = {int(name.split(".")[1]) for name in shapes if name.startswith("h.")}
    network = GPT(words[0], hidden_size=words[1], layers=len(numbers), longest=places[0],
                  num_heads=num_heads or words[1] // HEAD, pre_norm="ln_f.weight" in shapes)  # fmt: skip
    network.initialize()
    checkpoints.load(network, path)
    return network


def own(*, steps: int = STEPS, seed: int = 0) -> tuple[GPT, BytePairs]:
    """A small GPT-2, and its pieces, that has read Python's documentation for so many steps."""
    texts = list(pydoc_data.topics.topics.values())
    pieces = BytePairs.learn(texts, size=OWN_PIECES)
    stream = onp.array([n for text in texts for n in (*pieces.encode(text), pieces.end)], "int32")
    seed_everything(seed)
    network = GPT(len(pieces), **OWN, pre_norm=True)
    network.initialize()
    random = onp.random.RandomState(seed)

    def batches(epoch):
        for _ in range(steps):
            first = random.randint(0, len(stream) - BLOCK, BATCH)[:, None]
            words = stream[first + onp.arange(BLOCK + 1)]
            yield (words[:, :-1],), words[:, 1:]

    fit(network, batches, optimizer.Adam(0.003), epochs=1, clip_norm=1.0, description="reading")
    return network, pieces
