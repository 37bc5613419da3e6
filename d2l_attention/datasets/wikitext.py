"""WikiText-2: 720 good articles of Wikipedia as running text, two million words (Merity et al. 2017).

Words and marks stand apart, and words that occur less than three times in training are `<unk>`: so the
authors published it. For pieces of words (`wordpiece`), hyphens and numbers are put together again,
and `<unk>` becomes [UNK], a special piece that nobody is asked to guess. An article is a document; its
headings are left out. The text is Wikipedia's, CC BY-SA 3.0.
"""

import gzip
import hashlib
import re
import zlib
from pathlib import Path

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets import cache
from d2l_attention.datasets.needed import fetch_all
from d2l_attention.datasets.wordpiece import SPECIAL

NAME = "wikitext-2"
COMMIT = "77f55b912142e11fcfdf5b530231fb9c52f181e8"
URL = f"https://raw.githubusercontent.com/pytorch/examples/{COMMIT}/word_language_model/data/{NAME}"
FILES = {  # split: (bytes, SHA-256)
    "train": (10_797_148, "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"),
    "valid": (1_121_681, "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
    "test": (1_256_449, "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
}
UNKNOWN = SPECIAL[1]
APART = {" @-@ ": "-", " @,@ ": ",", " @.@ ": ".", "<unk>": UNKNOWN}
TITLE = re.compile(r"= [^=]+ =")
SENTENCE = re.compile(r"(?<= [.?!]) (?=[^a-z\")])")  # behind a mark, unless what follows is small


def load(split: str, *, progress: bool = True) -> list[list[str]]:
    """Return the articles of a split, each a list of sentences.

    A file is taken from the cache folder's `wikitext-2/`, as `wiki.train.tokens` or packed as
    `wiki.train.tokens.gz`, or downloaded.

    Parameters
    ----------
    split : str
        "train", "valid" or "test".
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        There is no such split, or a file is not the published one.
    ConnectionError
        The file is neither in the cache nor to be had; the message says where to put it.
    """
    check_choice(tuple(FILES), split=split)
    return articles(_content(split, progress).decode("utf-8"))


def require(*, progress: bool = True) -> None:
    """Find or download all splits now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    for split in FILES:
        _content(split, progress)


def articles(text: str) -> list[list[str]]:
    """Return the sentences of each article of a text in the form of WikiText.

    >>> text = " \\n = A cat = \\n \\n It is <unk> . It has 1 @,@ 000 lives . \\n = = See = = \\n No . \\n"
    >>> articles(text + " \\n = A dog = \\n \\n It barks . \\n")
    [['It is [UNK] .', 'It has 1,000 lives .', 'No .'], ['It barks .']]
    """
    lines, found = [line.strip() for line in text.split("\n")], []
    for before, line, behind in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if TITLE.fullmatch(line) and not before and not behind:
            found.append([])
        elif line and not line.startswith("= ") and found:
            for apart, together in APART.items():
                line = line.replace(apart, together)
            found[-1] += SENTENCE.split(line)
    return [sentences for sentences in found if sentences]


def _content(split: str, progress: bool) -> bytes:
    """The published bytes, unpacked."""
    file_name, (size, sha256) = f"wiki.{split}.tokens", FILES[split]
    plain = cache.folder() / NAME / file_name
    packed = plain.with_name(file_name + ".gz")
    if packed.exists() and not plain.exists():
        return _unpacked(packed, sha256)
    file = {"name": NAME, "file_name": file_name, "urls": [f"{URL}/{split}.txt"]}
    (path,) = fetch_all([file | {"size": size, "sha256": sha256}], progress=progress)
    return path.read_bytes()


def _unpacked(path: Path, sha256: str) -> bytes:
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not a whole gzip file: {error}. Delete it") from error
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(
            f"{path} does not hold the file that the book uses: its SHA-256 is {found} "
            f"instead of {sha256}. Delete it and try again"
        )
    return content
