"""MNIST: 70,000 handwritten digits, 28 x 28 grey levels (LeCun, Cortes and Burges,
1998; CC BY-SA 3.0).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as onp

from d2l_attention.datasets.needed import fetch_all

URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
PREFIXES = {"train": "train", "test": "t10k"}
FILES = {  # without "-ubyte.gz": (bytes, SHA-256)
    "train-images-idx3": (
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1": (
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3": (
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1": (
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
# The third byte of an IDX file names the type of its numbers, which are big-endian.
IDX_TYPES = {
    0x08: ">u1",
    0x09: ">i1",
    0x0B: ">i2",
    0x0C: ">i4",
    0x0D: ">f4",
    0x0E: ">f8",
}


def load(split: str, *, progress: bool = True) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the images and labels of a split, from the cache or the network (see
    `cache.fetch`).

    Parameters
    ----------
    split : str
        "train" (60,000 examples) or "test" (10,000).

    Returns
    -------
    images : numpy.ndarray of shape (n, 28, 28), uint8
        0 is paper, 255 is ink; `images / 255` is in [0, 1].
    labels : numpy.ndarray of shape (n,), uint8
        The digit, 0 to 9.

    Raises
    ------
    ValueError
        `split` is neither, or a file is not what it should be.
    ConnectionError
        The files are neither in the cache nor to be had; the message says which to put
        where.
    """
    if split not in PREFIXES:
        raise ValueError(f"split must be train or test, got {split!r}")
    parts = [_file(f"{PREFIXES[split]}-{part}") for part in ("images-idx3", "labels-idx1")]
    images, labels = map(read_idx, fetch_all(parts, progress=progress))
    if labels.ndim != 1 or labels.max(initial=0) > 9 or images.shape != (len(labels), 28, 28):
        raise ValueError(
            f"MNIST's {split} files do not fit: images {images.shape}, labels {labels.shape}"
        )
    return images, labels


def require(*, progress: bool = True) -> None:
    """Find, or download, and check both splits: before hours of computing, not after.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`; the message names all files that are missing.
    """
    fetch_all(map(_file, FILES), progress=progress)


def _file(name: str) -> dict:
    size, sha256 = FILES[name]
    file_name = f"{name}-ubyte.gz"
    urls = [url + file_name for url in URLS]
    return {"name": "mnist", "file_name": file_name, "urls": urls, "sha256": sha256, "size": size}


def read_idx(path: Path) -> onp.ndarray:
    """Return the array in a gzipped IDX file, the format of MNIST and its descendants.

        byte  0, 1   2                3            4 ...                         then
              0, 0   type of number   dimensions   each dimension, 4 bytes big   the numbers, row by row

    Raises
    ------
    ValueError
        The file is not gzip, is damaged, or its header and its length disagree.
    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise ValueError(f"{path} is not an IDX file: it begins with {content[:4].hex(' ')}")
    dtype, dimensions = onp.dtype(IDX_TYPES[content[2]]), content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(f"{path} ends within its header, after {len(content)} of {start} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    expected = start + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise ValueError(
            f"{path} should hold {expected} bytes for shape {shape}, and holds {len(content)}"
        )
    return (
        onp.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    )
