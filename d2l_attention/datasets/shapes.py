"""SHAPES: yes/no questions about 30 x 30 pictures of shapes on a grid of 3 x 3 (Andreas et al. 2016; Apache-2.0).

    is a red shape left of a blue shape                  is there a red thing whose right neighbour is blue?
    is a square below left of a square                   is there a square below something left of a square?

Each question is asked about 64 pictures, and no question of one split occurs in
another: what counts is to understand a question that was never asked before, from ten
others. The files are those of Hu et al. (2017), who published them with their code;
their two larger training sets are not offered, as no sums of them are known to us.
"""

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as onp
from numpy.lib import format as npy

from d2l_attention.datasets.needed import fetch_all

__all__ = ["SPLITS", "Shapes", "ShapesQuestion", "load", "require"]

COMMIT = "ccbca1c623f3e208e7cde8d57b00e32dfb7c3c14"
URL = f"https://raw.githubusercontent.com/ronghanghu/n2nmn/{COMMIT}/exp_shapes/shapes_dataset/"
SPLITS = {"tiny": "train.tiny", "small": "train.small", "val": "val", "test": "test"}
LINES = ("query_str.txt", "query", "output")  # files with one line per example
SIDE = 30  # pixels
FILES = {  # (bytes, SHA-256)
    "train.tiny.input.npy": (
        172_880,
        "202593231674e6c587daf1051cb13ae943dee28f28c741232b68d640741e54fa",
    ),
    "train.tiny.query_str.txt": (
        2_368,
        "e1b47ec792fd16c0eaf07145cd2d19f26e1cfc205a274688eb82db52cf566ac1",
    ),
    "train.tiny.query": (
        1_600,
        "b92abc95ccbe50afb0863ff96873d6ccc72a97aea20bdeaca1f1c8c342540fbd",
    ),
    "train.tiny.output": (
        357,
        "3efe72c66289929da28a4fe26ebf58dcc903d641fa2c5a303dc7435465f30791",
    ),
    "train.small.input.npy": (
        1_728_096,
        "8f814e05fefb4a45b8ef6bdd842d62bff9bb93a3939afdfbb90d618ca8a8a8f0",
    ),
    "train.small.query_str.txt": (
        20_288,
        "a97a9e40387c0e1394853b4e11b143af8a8f4f7061f5e21a8989effc3a87d10d",
    ),
    "train.small.query": (
        18_624,
        "b862e421f0e6068654465eb10d9d6849d3b0a2d313115277ca45b7752454187a",
    ),
    "train.small.output": (
        3_645,
        "23268bd4336005e8080e15d338b0dcef1f9a405ac80f67b94192a5d24172b720",
    ),
    "val.input.npy": (
        2_764_896,
        "3da360d0bf39257de832812c79f9e54af2a38a224a14da88cb329edba966f0e6",
    ),
    "val.query_str.txt": (
        33_728,
        "6eeefad85aa946801bed7884e08373e1dccc3487ebb02c4dc88708732b8a6d4f",
    ),
    "val.query": (
        27_328,
        "7df40bd6c7523ebb51976f9494defc607030388836b93baa3fb96ca52dc4dee4",
    ),
    "val.output": (
        5_750,
        "f9dd2bd0ba88f0a1ec9d48ce622adacec89794be1e8cf594dffef26036123777",
    ),
    "test.input.npy": (
        2_764_896,
        "bed5f225b9548384c648482d5079d605f4cb30aeefd81b52683ef072a1325bba",
    ),
    "test.query_str.txt": (
        34_880,
        "10941eeceded6e7aa8189f95fc82a92ebe3956006b285883fc12056ab5d4d032",
    ),
    "test.query": (
        28_352,
        "ede3fb987978d2b93776b273b03e9fe4fdef484444a781d208634446a7974e2c",
    ),
    "test.output": (
        5_769,
        "be2106b2eb9ec10a9c8c4a6b484aa2520083f97936ef2d1ff62c966a7d979563",
    ),
}


@dataclass(frozen=True)
class ShapesQuestion:
    """A question about a picture.

    Attributes
    ----------
    picture : int
        Which one.
    text, answer : str
        Lower-case words without punctuation; "true" or "false".
    layout : str
        The question as the release's nested expression, such as "(is red (left_of
        blue))": red, with blue on its right.
    """

    picture: int
    text: str
    answer: str
    layout: str


@dataclass(frozen=True)
class Shapes:
    """A split: N pictures (N, 3, 30, 30), uint8, in the order red, green, blue; and one question about each."""

    pictures: onp.ndarray
    questions: tuple[ShapesQuestion, ...]


def load(split: str, *, progress: bool = True) -> Shapes:
    """Return a split, from the cache or the network (see `cache.fetch`).

    Parameters
    ----------
    split : str
        "tiny" (64 examples of one question), "small" (640 of ten), "val" or "test"
        (1,024 of sixteen each).

    Raises
    ------
    ValueError
        There is no such split, or a file is not what it should be.
    ConnectionError
        The files are neither in the cache nor to be had; the message says which to put
        where.
    """
    first, *rest = fetch_all(_files(split), progress=progress)
    pictures = read_pictures(first)
    texts, layouts, answers = (path.read_text("ascii").splitlines() for path in rest)
    if not len(pictures) == len(texts) == len(layouts) == len(answers):
        counts = [len(pictures), len(texts), len(layouts), len(answers)]
        raise ValueError(f"the files of {split!r} do not fit each other: {counts} examples")
    if odd := set(answers) - {"true", "false"}:
        raise ValueError(f"an answer must be true or false, got {sorted(odd)[0]!r}")
    rows = zip(texts, answers, layouts, strict=True)
    return Shapes(pictures, tuple(ShapesQuestion(number, *row) for number, row in enumerate(rows)))


def require(splits: Iterable[str] = tuple(SPLITS), *, progress: bool = True) -> None:
    """Find, or download, and check some splits: before hours of computing, not after.

    Parameters
    ----------
    splits : iterable of str
        As for `load`; all unless given.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`; the message names all files that are missing.
    """
    fetch_all([file for split in splits for file in _files(split)], progress=progress)


def _files(split: str) -> list[dict]:
    """What `cache.fetch` needs to know of a split's files: the pictures, then `LINES`."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    names = [f"{SPLITS[split]}.{kind}" for kind in ("input.npy", *LINES)]
    return [
        {"name": "shapes-vqa", "file_name": name, "urls": [URL + name]}
        | dict(zip(("size", "sha256"), FILES[name], strict=True))
        for name in names
    ]


def read_pictures(path: Path) -> onp.ndarray:
    """Return the pictures in a file of the release as (N, 3, 30, 30), uint8: red, green, blue.

    The file holds (N, 30, 30, 3) with blue first: read with red first, a third of the
    questions' answers would be wrong.

    Raises
    ------
    ValueError
        It is not a plain .npy file of this shape; pickled objects are never loaded.
    """
    content = io.BytesIO(Path(path).read_bytes())
    try:
        version = npy.read_magic(content)
        shape, by_column, dtype = npy.read_array_header_1_0(content)
    except Exception as error:  # Python's tokenizer reads the header, and raises all kinds of them
        raise ValueError(f"{path} is not a plain .npy file: {error}") from error
    if version != (1, 0) or by_column or dtype != "uint8" or shape[1:] != (SIDE, SIDE, 3):
        raise ValueError(
            f"{path} must hold uint8 of shape (N, {SIDE}, {SIDE}, 3), row by row, in version 1.0 "
            f"of the format, got {dtype} of shape {shape}"
        )
    pixels = content.read()
    if len(pixels) != math.prod(shape):
        raise ValueError(f"{path} must hold {math.prod(shape)} pixels, and holds {len(pixels)}")
    array = onp.frombuffer(pixels, "uint8").reshape(shape)
    return onp.ascontiguousarray(array[..., ::-1].transpose(0, 3, 1, 2))
