"""Real sentence pairs: Multi30k (captions of pictures, German and English) and Tatoeba (English and
French).

Multi30k: Elliott, Frank, Sima'an and Specia (2016), task 1 of WMT 2016, for research and education
(CC BY-NC-SA 4.0). Tatoeba: the pairs of manythings.org of April 2019 (CC BY 2.0 FR).
"""

from pathlib import Path

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets import archives
from d2l_attention.datasets.needed import fetch_all
from d2l_attention.datasets.translation.generator import Pair

MULTI30K = "https://raw.githubusercontent.com/neychev/small_DL_repo/{}/datasets/Multi30k/"
COMMIT = "1cc0d4bf4c97119c73ae93411d361c040ce1394c"
ARCHIVES = {  # split: (archive, bytes, SHA-256, name within it, pairs)
    "train": (
        "training.tar.gz",
        1_207_136,
        "20140d013d05dd9a72dfde46478663ba05737ce983f478f960c1123c6671be5e",
        "train",
        29_000,
    ),
    "validation": (
        "validation.tar.gz",
        46_329,
        "a7aa20e9ebd5ba5adce7909498b94410996040857154dab029851af3a866da8c",
        "val",
        1_014,
    ),
    "test": (
        "mmt16_task1_test.tar.gz",
        67_079,
        "6d1ca1dba99e2c5dd54cae1226ff11c2551e6ce63527ebb072a1f70f72a5cd36",
        "./test",
        1_000,
    ),
}
LANGUAGES = ("de", "en")
TATOEBA = (
    "https://raw.githubusercontent.com/modelexlab/data/"
    "adddaf33ac35572bcfeb421efec29435e7ea9332/fra-eng.zip"
)


def load_multi30k(split: str, *, source: str = "de", progress: bool = True) -> list[Pair]:
    """Return the sentences of Multi30k's training, validation or test set, as written.

    Three training pairs share a sentence with the validation set: `apart` leaves them out.

    Parameters
    ----------
    split : str
        "train" (29,000 pairs), "validation" (1,014) or "test" (1,000, of 2016).
    source : str
        The language to translate from, "de" or "en".
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        There is no such split or language, or a file is not what it should be.
    ConnectionError
        The file is neither in the cache nor to be had; the message says which to put where.
    """
    check_choice(ARCHIVES, split=split)
    check_choice(LANGUAGES, source=source)
    (path,) = fetch_all([_needed(split)], progress=progress)
    target = LANGUAGES[1 - LANGUAGES.index(source)]
    name, count = ARCHIVES[split][3:]
    sides = [_lines(path, f"{name}.{language}", count) for language in (source, target)]
    return [Pair(*pair) for pair in zip(*sides, strict=True)]


def require(*, progress: bool = True) -> None:
    """Find or download all of Multi30k now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load_multi30k`.
    """
    fetch_all([_needed(split) for split in ARCHIVES], progress=progress)


def load_tatoeba(*, progress: bool = True) -> list[Pair]:
    """Return 167,130 English sentences with a French translation, as written, shortest first.

    Many English sentences occur several times, with other translations: see `split`.

    Raises
    ------
    ValueError, ConnectionError
        As for `load_multi30k`.
    """
    file = {"name": "fra-eng", "file_name": "fra-eng.zip", "urls": [TATOEBA], "size": 3_424_571}
    file["sha256"] = "161c93f18da3a7e6df611ed961426613260de8af06ccf8c79c977afe5135ac44"
    (path,) = fetch_all([file], progress=progress)
    lines = _lines(path, "fra-eng/fra.txt", 167_130)
    return [Pair(*line.split("\t")) for line in lines]


def _needed(split: str) -> dict:
    archive, size, sha256 = ARCHIVES[split][:3]
    urls = [MULTI30K.format(version) + archive for version in (COMMIT, "master")]
    file_name = f"torchtext/{archive}"
    return {"name": "multi30k", "file_name": file_name, "urls": urls, "size": size} | {
        "sha256": sha256
    }


def _lines(archive: Path, name: str, count: int) -> list[str]:
    """The first lines of a file in an archive; the training set's has an empty one after them."""
    content = archives.read(archive, name)
    lines = [] if content is None else content.decode("utf-8").split("\n")
    if len(lines) < count or not all(lines[:count]) or any(lines[count:]):
        raise ValueError(f"{archive} has no {name} of {count} lines. Delete it and try again")
    return [line.strip() for line in lines[:count]]
