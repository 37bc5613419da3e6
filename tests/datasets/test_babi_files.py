"""bAbI: the format of the files, where they are found, and what is refused; the published files are what they are."""

import hashlib
import io
import tarfile
from collections import Counter

import numpy as onp
import pytest

from d2l_attention.datasets import babi, cache
from d2l_attention.datasets.babi import release

TASKS = sorted(babi.TASKS)


# ------------------------------------------------------------------ the format of files
def test_a_file_is_read():
    lines = [
        "1 Mary moved to the bathroom.",
        "2 Where is Mary? \tbathroom\t1",
        "3 John took the milk there. ",
        "4 Mary went home.",
        "5 Where was Mary?\tbathroom\t4 1",
        "1 John is tired.",
        "2 What is John carrying?\tmilk,apple\t1",
    ]
    first, second, third = babi.read(lines)
    assert first == babi.Question(
        ("Mary moved to the bathroom.",), "Where is Mary?", "bathroom", (0,)
    )
    assert second.story == (
        "Mary moved to the bathroom.",
        "John took the milk there.",
        "Mary went home.",
    )
    assert second.supporting == (2, 0)
    assert third == babi.Question(("John is tired.",), "What is John carrying?", "milk,apple", (0,))
    assert babi.read([]) == [] and babi.read(["1 Nobody asks."]) == []


GOOD = "1 Mary moved to the bathroom."


@pytest.mark.parametrize(
    "lines, message",
    [
        ([""], "line 1 .* expected a number, a space and text"),
        (["Mary moved."], "line 1 .* expected a number"),
        (["1Mary moved."], "line 1 .* expected a number"),
        (["2 Mary moved."], "line 1 .* expected number 1, got 2"),
        ([GOOD, "3 Mary moved."], "line 2 .* expected number 1 or 2, got 3"),
        ([GOOD, "0 Mary moved."], "line 2 .* expected number 1 or 2, got 0"),
        (["1 "], "line 1 .* full stop"),
        (["1 Mary moved"], "line 1 .* a sentence must end with a full stop"),
        ([GOOD, "2 Where is Mary?"], "line 2 .* full stop"),
        ([GOOD, "2 Where is Mary?\tbathroom"], "line 2 .* got 2 of the three"),
        ([GOOD, "2 Where is Mary?\tbathroom\t "], "line 2 .* got 2 of the three"),
        ([GOOD, "2 Where is Mary?\tbathroom\t1\t1"], "line 2 .* got 4 of the three"),
        ([GOOD, "2 Where is Mary\tbathroom\t1"], "line 2 .* question mark"),
        (
            [GOOD, "2 Where is Mary?\t\t1"],
            "line 2 .* an answer must be one word, got ''",
        ),
        (
            [GOOD, "2 Where is Mary?\tthe bathroom\t1"],
            "line 2 .* one word, got 'the bathroom'",
        ),
        (
            [GOOD, "2 Where is Mary?\tbathroom\tone"],
            "line 2 .* supporting line one is no sentence",
        ),
        (
            [GOOD, "2 Where is Mary?\tbathroom\t-1"],
            "line 2 .* supporting line -1 is no sentence",
        ),
        (
            [GOOD, "2 Where is Mary?\tbathroom\t2"],
            "line 2 .* supporting line 2 is no sentence",
        ),
        (
            [GOOD, "2 Why?\tbathroom\t1", "3 Why?\tbathroom\t2"],
            "line 3 .* supporting line 2 is no sentence",
        ),
        (
            [GOOD, "1 John left.", "2 Why?\tbathroom\t1 3"],
            "line 3 .* supporting line 3 is no sentence",
        ),
    ],
)
def test_a_malformed_line_is_refused(lines, message):
    with pytest.raises(ValueError, match=message):
        babi.read(lines)


def test_a_long_run_of_blanks_takes_no_longer_than_other_text():
    blanks = " " * 1_000_000
    story = f"Mary{blanks}moved."
    question = babi.Question((story,), "Where is she?", "gone", (0,))
    assert babi.read([f"1 {story}{blanks}", f"2 Where is she?{blanks}\tgone\t1{blanks}"]) == [
        question
    ]
    with pytest.raises(ValueError, match="full stop"):
        babi.read([f"1 Mary{blanks}"])


@pytest.mark.parametrize(
    "line", ["1 Mary\nmoved.", "\u00b2 Mary moved.", " 1 Mary moved.", "1\tMary."]
)
def test_a_line_is_a_number_a_space_and_one_line_of_text(line):
    with pytest.raises(ValueError, match="expected a number, a space and text"):
        babi.read([line])


# ---------------------------------------------------------------- where files are found
CONTENT = "1 Ada went to the attic.\n2 Where is Ada? \tattic\t1\n".encode("ascii")
MEMBER = "tasks_1-20_v1-2/en/qa1_single-supporting-fact_train.txt"
MEMBER_10K = MEMBER.replace("/en/", "/en-10k/")
ADA = [babi.Question(("Ada went to the attic.",), "Where is Ada?", "attic", (0,))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache, where task 1 consists of CONTENT, and nothing can be downloaded."""
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    monkeypatch.setattr(release, "URLS", ("http://127.0.0.1:1/babi",))
    monkeypatch.setattr(cache, "PAUSE", 0.0)
    slug, total = release.FILES[1][0], hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setitem(release.FILES, 1, (slug, total, total, total))
    (tmp_path / "babi").mkdir()
    return tmp_path / "babi"


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def packed(member, content):
    """A tar.gz archive with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def put_release(folder, monkeypatch):
    """A release that consists of one file."""
    archive = packed(MEMBER, CONTENT)
    monkeypatch.setattr(release, "ARCHIVE_SIZE", len(archive))
    monkeypatch.setattr(release, "ARCHIVE_SHA256", hashlib.sha256(archive).hexdigest())
    put(folder / release.ARCHIVE, archive)


def test_a_plain_file_is_found(folder, capsys):
    put(folder / MEMBER, CONTENT)
    assert babi.load(1, "train") == ADA
    assert capsys.readouterr() == ("", "")


def test_a_file_in_the_small_archive_is_found(folder):
    put(folder / release.SMALL_ARCHIVE, packed(MEMBER_10K, CONTENT))
    assert babi.load(1, "train", size="10k") == ADA
    with pytest.raises(ConnectionError):
        babi.load(1, "train")  # the archive has no folder en


def test_the_release_is_unpacked_once(folder, monkeypatch):
    put_release(folder, monkeypatch)
    assert babi.load(1, "train") == ADA
    (folder / release.ARCHIVE).unlink()
    assert babi.load(1, "train") == ADA


def test_a_release_without_the_file_is_refused(folder, monkeypatch):
    put_release(folder, monkeypatch)
    with pytest.raises(ValueError, match=r"lacks .*en-10k.*Delete the folder and try again"):
        babi.load(1, "train", size="10k")


@pytest.mark.parametrize("size, member", [("1k", MEMBER), ("10k", MEMBER_10K)])
def test_another_file_is_refused_and_left_alone(folder, size, member):
    put(folder / member, CONTENT[:-1])
    with pytest.raises(ValueError, match=r"its SHA-256 is .*Delete it and try again") as caught:
        babi.load(1, "train", size=size)
    assert str(folder / member) in str(caught.value)
    assert (folder / member).read_bytes() == CONTENT[:-1]


def test_a_file_known_by_its_sum_in_git(folder, monkeypatch):
    blob = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    monkeypatch.setitem(release.FILES, 1, (*release.FILES[1][:3], f"git:{blob}"))
    put(folder / MEMBER_10K, CONTENT)
    assert babi.load(1, "train", size="10k") == ADA
    put(folder / MEMBER_10K, CONTENT + b"\n")
    with pytest.raises(ValueError, match=r"its Git sum is git:.*Delete it and try again"):
        babi.load(1, "train", size="10k")


@pytest.mark.parametrize("damage", [lambda z: z[: len(z) // 2], lambda z: b"PK" + z, lambda z: b""])
def test_a_damaged_archive_is_refused(folder, damage):
    archive = folder / release.SMALL_ARCHIVE
    put(archive, damage(packed(MEMBER_10K, onp.random.RandomState(0).bytes(20000))))
    with pytest.raises(
        ValueError, match=r"(?s)cannot be unpacked: .*Delete it and try again"
    ) as caught:
        babi.load(1, "train", size="10k")
    assert str(archive) in str(caught.value)


@pytest.mark.parametrize("task, size", [(1, "1k"), (3, "10k")])
def test_offline_the_message_says_which_file_to_put_where(folder, task, size):
    with pytest.raises(ConnectionError) as caught:
        babi.load(task, "train", size=size)
    name = (
        f"babi/tasks_1-20_v1-2/{release.FOLDERS[size]}/qa{task}_{release.FILES[task][0]}_train.txt"
    )
    for part in (
        name,
        str(folder / release.ARCHIVE),
        release.ARCHIVE_SHA256,
        "D2L_ATTENTION_DATA",
    ):
        assert part in str(caught.value)


def test_what_is_required_is_there(folder, capsys):
    for name in (MEMBER, MEMBER.replace("_train", "_test")):
        put(folder / name, CONTENT)
    babi.require([1])
    assert capsys.readouterr() == ("", "")
    put(folder / MEMBER, CONTENT[:-1])
    with pytest.raises(ValueError, match="Delete it and try again"):
        babi.require([1])


def test_what_is_missing_is_said_before_it_is_loaded(folder):
    put(folder / MEMBER, CONTENT)
    with pytest.raises(
        ConnectionError, match=r"the cache has no babi/.*qa1_.*_test\.txt"
    ) as caught:
        babi.require()
    assert str(folder / release.ARCHIVE) in str(caught.value)
    with pytest.raises(ValueError, match="size must be"):
        babi.require(size="1000")
    with pytest.raises(ValueError, match="task must be"):
        babi.require([0])


@pytest.mark.parametrize(
    "error, name, arguments",
    [
        (TypeError, "task", (1.5, "train", "1k")),
        (ValueError, "task", (21, "train", "1k")),
        (ValueError, "split", (1, "validation", "1k")),
        (ValueError, "size", (1, "train", "1K")),
    ],
)
def test_load_refuses_bad_arguments(error, name, arguments):
    task, split, size = arguments
    with pytest.raises(error, match=f"^{name} must be"):
        babi.load(task, split, size=size)


# ------------------------------------------------------------------ the published files
@pytest.mark.parametrize(
    "split, size, count",
    [("train", "1k", 1000), ("test", "1k", 1000), ("train", "10k", 10000)],
)
@pytest.mark.parametrize("task", TASKS)
def test_the_published_files(published, task, split, size, count):
    questions = published(task, split, size)
    assert len(questions) == count
    assert max(Counter(question.answer for question in questions).values()) < 0.7 * count
    for question in questions[:50]:
        assert max(question.supporting) < len(question.story)


def test_both_sizes_share_their_test_sets(published):
    assert published(15, "test", "10k") == published(15, "test")
