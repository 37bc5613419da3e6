"""WNUT-17: names that are new, in posts of strangers, with the tags of six kinds of entity.

The shared task of Derczynski, Nichols, van Erp and Limsopatham (2017): training on tweets of 2010, test on
Twitter, Reddit, StackExchange and YouTube of 2017, so that hardly a name is in both. CC BY 4.0.
"""

from pathlib import Path

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets.labelled_texts import Sentence
from d2l_attention.datasets.needed import fetch_all

COMMIT = "e52a2d2a71ac1a051ca2d532eef28653c5c02603"
URL = "https://raw.githubusercontent.com/leondz/emerging_entities_17/{}/{}"
FILES = {  # split: (file, bytes, SHA-256, sentences)
    "train": ("wnut17train.conll", 493_781,
              "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5", 3394),
    "validation": ("emerging.dev.conll", 114_749,
                   "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8", 1009),
    "test": ("emerging.test.annotated", 192_425,
             "2aa79b764e56ec9264a1b30fdd9b70195bd00ff400b62edd8f399d5f13c178f0", 1287),
}  # fmt: skip
KINDS = ("corporation", "creative-work", "group", "location", "person", "product")
TAGS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))


def load(split: str, *, progress: bool = True) -> list[Sentence]:
    """Return the sentences of a split: words, and the tag of each.

    Parameters
    ----------
    split : str
        "train", "validation" or "test".
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        There is no such split, or the file is not what it should be.
    ConnectionError
        It is neither in the cache nor to be had; the message says where to put it.
    """
    check_choice(tuple(FILES), split=split)
    (path,) = fetch_all([_file(split)], progress=progress)
    found = read(path)
    if len(found) != FILES[split][3]:
        raise ValueError(f"{path} must hold {FILES[split][3]} sentences, got {len(found)}")
    return found


def require(*, progress: bool = True) -> None:
    """Find or download all files now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    fetch_all([_file(split) for split in FILES], progress=progress)


def read(path: Path) -> list[Sentence]:
    """Return the sentences of a file: a word, a tabulator and its tag a line, and lines without a word
    between sentences. The lines of the training set's sentences are divided by a tabulator alone.

    Raises
    ------
    ValueError
        A line has no tag, or an unknown one; the message says which.
    """
    found, words, tags = [], [], []
    for number, line in enumerate([*path.read_text("utf-8").split("\n"), ""], start=1):
        if line.strip():
            word, _, tag = line.partition("\t")
            if tag.strip() not in TAGS or not word:
                raise ValueError(f"{path}, line {number}, must be a word and its tag, got {line!r}")
            words.append(word)
            tags.append(tag.strip())
        elif words:
            found.append(Sentence(tuple(words), tuple(tags)))
            words, tags = [], []
    return found


def _file(split: str) -> dict:
    file, size, sha256, _ = FILES[split]
    urls = [URL.format(commit, file) for commit in (COMMIT, "master")]
    return {"name": "wnut17", "file_name": file, "urls": urls, "size": size, "sha256": sha256}
