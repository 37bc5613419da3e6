"""Cora: 2,708 papers on machine learning, which cite each other (Sen et al. 2008).

The split is that of Planetoid (Yang, Cohen and Salakhutdinov 2016): 20 labelled papers for each of
seven fields, 500 for validation, 1,000 to be judged. It is published as pickles, and a pickle can
run any program when it is loaded. So the book loads none: it reads an archive of plain arrays, and
checks what they hold. The file is `planetoid/cora_planetoid.npz` in the cache folder, with

    feat_indices, feat_indptr   the words of each paper, 49,216, and where each paper's begin
    labels                      fields, (2708,)
    edges                       pairs of papers, each once, (5278, 2)
    train_idx, val_idx, test_idx

Anybody can make it from another copy of the data set with that order of papers and words, such as
PyTorch Geometric's: the order of pairs, and of words within a paper, does not count.
"""

import hashlib
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as onp

from d2l_attention.datasets import cache
from d2l_attention.datasets.graphs import Graph, edges

__all__ = ["FIELDS", "load", "require"]

FIELDS = (
    "theory", "reinforcement learning", "genetic algorithms", "neural networks",
    "probabilistic methods", "case based", "rule learning",
)  # fmt: skip
FILE = ("planetoid", "cora_planetoid.npz")
SOURCE = "https://github.com/kimiyoung/planetoid"
WORDS, BYTES = 1433, 2_000_000  # at most
# of `checksum`
SHA256 = "a69ef433ffbc7da3b887599c17c08c7f6adef6278d0164ab58eacfa9c752c575"
# What NumPy and zipfile raise where bytes are wrong
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, tokenize.TokenError, ValueError, EOFError,
    KeyError, TypeError, OSError, NotImplementedError, RuntimeError, SyntaxError, AttributeError,
    MemoryError,
)  # fmt: skip
ARRAYS = ("feat_indices", "feat_indptr", "labels", "edges", "train_idx", "val_idx", "test_idx")


def load() -> Graph:
    """Return Cora: the words of a paper have features of equal size that sum to one.

    Raises
    ------
    ValueError
        The file is not Cora's, is damaged, or holds a pickle.
    ConnectionError
        The file is not in the cache; the message says what to put where.
    """
    arrays = _read(require())
    pointer, size = arrays["feat_indptr"], len(arrays["labels"])
    features = onp.zeros((size, WORDS), "float32")
    features[onp.repeat(onp.arange(size), onp.diff(pointer)), arrays["feat_indices"]] = 1
    features /= features.sum(axis=1, keepdims=True)
    sender, receiver = edges(arrays["edges"], size)
    splits = {"train": "train_idx", "validation": "val_idx", "test": "test_idx"}
    nodes = {name: arrays[key].astype("int32") for name, key in splits.items()}
    return Graph(features, sender, receiver, arrays["labels"].astype("int32"), nodes)


def require() -> Path:
    """Return the path of the file: before hours of computing, not after.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    path = cache.folder().joinpath(*FILE)
    if not path.is_file():
        raise ConnectionError(
            f"Cora is not in the cache, and is not downloaded for you: it is published as pickles\n"
            f"  {SOURCE}\nwhich may run programs when they are loaded. Save its arrays, as the "
            f"docstring of {__name__} says, as\n  {path}\n"
            "or set D2L_ATTENTION_DATA to a folder that has it."
        )
    _read(path)
    return path


def _read(path: Path) -> dict[str, onp.ndarray]:
    """The arrays of the file, when it is certain that they are Cora's."""
    advice = "Delete it and try again"
    if path.stat().st_size > BYTES:
        raise ValueError(f"{path} is larger than {BYTES} bytes. {advice}")
    try:
        with onp.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ARRAYS}
    except DAMAGE as error:
        problem = f"{path} is not an archive of plain arrays: {error}. {advice}"
        raise ValueError(problem) from error
    if any(array.dtype.kind not in "iu" for array in arrays.values()):
        raise ValueError(f"{path} must hold integers. {advice}")
    if checksum(arrays) != SHA256:
        raise ValueError(f"{path} does not hold Cora's arrays. {advice}")
    return arrays


def checksum(arrays: dict[str, onp.ndarray]) -> str:
    """Return the SHA-256 of what the arrays say, whatever the order of words and of pairs."""
    words, pointer = arrays["feat_indices"], arrays["feat_indptr"]
    total = hashlib.sha256()
    if words.ndim == pointer.ndim == 1 and arrays["edges"].shape[1:] == (2,):
        owner = onp.searchsorted(pointer[1:], onp.arange(len(words)), side="right")
        sorted_ = {
            "feat_indices": words[onp.lexsort((words, owner))],
            "edges": onp.unique(onp.sort(arrays["edges"], axis=1), axis=0),
        }
        for name in ARRAYS:
            array = sorted_.get(name, arrays[name])
            total.update(f"{name}{array.shape}".encode() + array.astype("<i8").tobytes())
    return total.hexdigest()
