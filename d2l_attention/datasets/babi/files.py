"""The twenty tasks as Facebook published them: the file format, and where the files come from (CC BY 3.0)."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from d2l_attention.datasets import archives, cache
from d2l_attention.datasets.babi import release


@dataclass(frozen=True)
class Question:
    """A question, what has been told before it, and what the answer rests on.

    Attributes
    ----------
    story : tuple of str
        The sentences before the question, first to last, without other questions.
    question : str
        The question, with its question mark.
    answer : str
        One word; a list is joined by commas ("apple,milk"), and so is a path ("n,w").
    supporting : tuple of int
        The sentences that the answer follows from, counted from 0, in the order in
        which the files list them.
    """

    story: tuple[str, ...]
    question: str
    answer: str
    supporting: tuple[int, ...]


def read(lines: Iterable[str]) -> list[Question]:
    r"""Return the questions in lines of the bAbI format.

    Lines are numbered, and number 1 begins a new story. A question shares its line with
    the answer and the numbers of the lines that support it, after tabs. Numbers count
    questions too; `Question` counts sentences only.

    Raises
    ------
    ValueError
        A line is malformed; the message says which (its place in `lines`, from 1) and
        why.

    >>> lines = ["1 Joe went home.", "2 Where is Joe? \thome\t1"]
    >>> lines += ["3 Joe left.", "4 Where was Joe?\thome\t3 1"]
    >>> for question in read(lines):
    ...     print(question.story, question.question, question.supporting)
    ('Joe went home.',) Where is Joe? (0,)
    ('Joe went home.', 'Joe left.') Where was Joe? (1, 0)
    """
    questions, story, index, last = [], [], {}, 0
    for place, line in enumerate(lines, start=1):
        try:
            number, text = _numbered(line, last)
            if number == 1:
                story, index = [], {}
            if "\t" in text:
                questions.append(_question(text, story, index))
            else:
                if not re.fullmatch(r"\S.*\.", text):
                    raise ValueError("a sentence must end with a full stop")
                index[number] = len(story)
                story.append(text)
        except ValueError as error:
            raise ValueError(f"line {place} is not in the bAbI format: {error}: {line!r}") from None
        last = number
    return questions


def _numbered(line: str, last: int) -> tuple[int, str]:
    """Split a line into its number, which must be 1 or follow the last, and its text."""
    first, blank, text = line.partition(" ")
    text = text.rstrip()
    if not (first.isascii() and first.isdigit() and blank) or "\n" in text:
        raise ValueError("expected a number, a space and text")
    number = int(first)
    if number not in (1, last + 1):
        expected = f"1 or {last + 1}" if last else "1"
        raise ValueError(f"expected number {expected}, got {number}")
    return number, text


def _question(text: str, story: list[str], index: dict[int, int]) -> Question:
    """Make a question of its line's text; `index` maps line numbers to sentences."""
    fields = text.split("\t")
    if len(fields) != 3:
        raise ValueError(
            f"expected question, answer and supporting lines, got {len(fields)} of the three"
        )
    question, answer, supporting = fields[0].strip(), fields[1].strip(), fields[2].split()
    if not re.fullmatch(r"\S.*\?", question):
        raise ValueError("a question must end with a question mark")
    if not re.fullmatch(r"\S+", answer):
        raise ValueError(f"an answer must be one word, got {answer!r}")
    for number in supporting:
        if not re.fullmatch(r"[0-9]+", number) or int(number) not in index:
            raise ValueError(f"supporting line {number} is no sentence before the question")
    found = tuple(index[int(number)] for number in supporting)
    return Question(tuple(story), question, answer, found)


def load(task: int, split: str, *, size: str = "1k", progress: bool = True) -> list[Question]:
    """Return the questions of a task, from the cache or the network (Weston et al., 2015, release 1.2).

    A file is taken from the cache folder's `babi/tasks_1-20_v1-2/en/` (or `en-10k/`),
    else from the archive `babi/tasks_1-20_v1-2_en-10k.tar.gz` if that is there, else
    from the release itself, which `cache.fetch` downloads (15.7 MB) and `cache.extract`
    unpacks. Every file is compared with its known sum whenever it is read.

    Parameters
    ----------
    task : int
        1 to 20, see `TASKS`.
    split : str
        "train", or "test" (1,000 questions, the same for both sizes).
    size : str
        How many questions the training set has, "1k" or "10k".
    progress : bool
        Whether a download shows its progress.

    Raises
    ------
    ValueError
        There is no such task, split or size, or a file is not what it should be; the
        message says what to do.
    ConnectionError
        The file is neither in the cache nor to be had; the message says which file to
        put where.
    """
    return read(_published(task, split, size, progress).decode("ascii").splitlines())


def require(
    tasks: Iterable[int] = tuple(release.TASKS), *, size: str = "1k", progress: bool = True
) -> None:
    """Find, or download, and check all that `load` will read of some tasks: before hours of computing, not after.

    Parameters
    ----------
    tasks : iterable of int
        All twenty, unless given.
    size, progress
        As for `load`.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`, at the first file that is missing; the archive that it names holds all.
    """
    for task in tasks:
        for split in ("train", "test"):
            _published(task, split, size, progress)


def _published(task: int, split: str, size: str, progress: bool) -> bytes:
    """Return the content of a file of the release, with its sum checked."""
    task = checked_task(task)
    if split not in ("train", "test"):
        raise ValueError(f"split must be train or test, got {split!r}")
    if size not in release.FOLDERS:
        raise ValueError(f"size must be 1k or 10k, got {size!r}")
    slug, test, *train = release.FILES[task]
    member = f"{release.RELEASE}/{release.FOLDERS[size]}/qa{task}_{slug}_{split}.txt"
    expected = test if split == "test" else train[list(release.FOLDERS).index(size)]
    content, origin = _find(member, progress)
    if problem := _problem(content, expected):
        raise ValueError(
            f"{origin} is not the file of the release: {problem}. Delete it and try again"
        )
    return content


def checked_task(task: int) -> int:
    """Return the task's number, or raise TypeError or ValueError."""
    if isinstance(task, bool) or not hasattr(task, "__index__"):
        raise TypeError(f"task must be a whole number from 1 to 20, got {task!r}")
    if task not in release.TASKS:
        raise ValueError(f"task must be from 1 to 20, got {task}")
    return int(task)


def _find(member: str, progress: bool) -> tuple[bytes, Path]:
    """Return a file's content, and the path of the file or archive it was found in."""
    folder = cache.folder() / "babi"
    unpacked = folder / "unpacked"  # what this function unpacked earlier
    for path in (folder / member, folder / release.SMALL_ARCHIVE, unpacked / member):
        if path.is_file():
            packed = path.name == release.SMALL_ARCHIVE
            content = archives.read(path, member) if packed else path.read_bytes()
            if content is not None:
                return content, path
    try:
        archive = cache.fetch(
            "babi",
            release.ARCHIVE,
            urls=release.URLS,
            sha256=release.ARCHIVE_SHA256,
            size=release.ARCHIVE_SIZE,
            progress=progress,
        )
    except ConnectionError as error:
        raise ConnectionError(
            f"the cache has no babi/{member}, and its archive is missing too:\n{error}"
        ) from error
    path = cache.extract(archive, unpacked) / member
    if not path.is_file():
        raise ValueError(f"{unpacked} lacks {member}. Delete the folder and try again")
    return path.read_bytes(), path


def _problem(content: bytes, expected: str) -> str | None:
    """Say how content differs from what its sum demands, or None."""
    if expected.startswith("git:"):
        blob = b"blob %d\0" % len(content) + content
        sum_of_git = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
        kind, found = "Git sum", f"git:{sum_of_git}"
    else:
        kind, found = "SHA-256", hashlib.sha256(content).hexdigest()
    return None if found == expected else f"its {kind} is {found} instead of {expected}"
