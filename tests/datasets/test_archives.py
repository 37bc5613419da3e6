"""Archives come out as they went in, or not at all: damaged, encrypted, or meant to do harm."""

import doctest
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from d2l_attention.datasets import archives

KINDS = ["gz", "bz2", "xz", "", "zip"]


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


PLAIN = {"a.txt": b"one", "deep/er/b.txt": b"two", "deep/empty": b""}


def tar(path, members, kind="gz"):
    """Write a tar file with nothing checked; a member's content may be a TarInfo type
    instead of bytes.
    """
    with tarfile.open(path, f"w:{kind}") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o4777
            if content in TYPES:
                member.type, member.linkname = (
                    content,
                    "/etc/passwd" if content == tarfile.SYMTYPE else "a.txt",
                )
                opened.addfile(member)
            else:
                member.size = len(content)
                opened.addfile(member, io.BytesIO(content))
    return path


TYPES = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
)


def zip_(path, members):
    """Write a zip file with nothing checked; content `tarfile.SYMTYPE` makes a symbolic
    link.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            if content == tarfile.SYMTYPE:
                member.external_attr, content = (
                    (stat.S_IFLNK | 0o777) << 16,
                    b"/etc/passwd",
                )
            opened.writestr(member, content)
    return path


def pack(kind, path, members):
    return zip_(path, members) if kind == "zip" else tar(path, members, kind)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "", "zip"])
def test_archives_are_unpacked(tmp_path, kind):
    source = pack(
        kind,
        tmp_path / "archive",
        PLAIN | ({} if kind == "zip" else {"nothing": tarfile.DIRTYPE}),
    )
    target = archives.extract(source, tmp_path / "new" / "data")
    assert target == tmp_path / "new" / "data"
    assert {name: (target / name).read_bytes() for name in files(target)} == PLAIN
    (tmp_path / "plain").touch()
    assert (target / "a.txt").stat().st_mode == (
        tmp_path / "plain"
    ).stat().st_mode  # not what the archive asked for
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["data"]


def test_a_folder_that_is_there_is_returned_as_it_is(tmp_path):
    (tmp_path / "data").mkdir()
    assert archives.extract(tmp_path / "no such archive", tmp_path / "data") == tmp_path / "data"
    assert files(tmp_path / "data") == []


@pytest.mark.parametrize("kind", ["gz", "zip"])
@pytest.mark.parametrize(
    "name", ["../escaped", "a/../../escaped", "/escaped", "..\\escaped", "C:escaped"]
)
def test_a_member_that_would_land_elsewhere_stops_everything(tmp_path, kind, name):
    source = pack(kind, tmp_path / "archive", PLAIN | {name: b"evil"})
    with pytest.raises(ValueError, match="must be relative and stay in its folder"):
        archives.extract(source, tmp_path / "new" / "data")
    assert files(tmp_path) == ["archive"] and list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    "type_", TYPES[:-1], ids=["symlink", "hardlink", "character", "block", "fifo"]
)
def test_links_and_devices_in_a_tar_stop_everything(tmp_path, type_):
    source = tar(tmp_path / "archive", PLAIN | {"link": type_, "link/passwd": b"evil"})
    with pytest.raises(ValueError, match="a link or a device, 'link'"):
        archives.extract(source, tmp_path / "data")
    assert files(tmp_path) == ["archive"]


def test_links_in_a_zip_stop_everything(tmp_path):
    with pytest.raises(ValueError, match="a link or a device, 'link'"):
        archives.extract(
            zip_(tmp_path / "archive", PLAIN | {"link": tarfile.SYMTYPE}),
            tmp_path / "data",
        )
    assert files(tmp_path) == ["archive"]


def refused(source, message=None):
    """Extracting fails with a ValueError that names the archive, and leaves nothing behind."""
    folder = source.parent
    with pytest.raises(ValueError, match=message) as caught:
        archives.extract(source, folder / "data")
    assert f"{source} cannot be unpacked: " in str(caught.value)
    assert [path.name for path in folder.iterdir()] == [source.name]


NOISE = random.Random(0).randbytes(20_000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", [1, 8, 512, 5000])
def test_an_archive_that_is_cut_is_refused(tmp_path, kind, lost):
    source = pack(kind, tmp_path / "archive", PLAIN | {"noise": NOISE})
    source.write_bytes(source.read_bytes()[:-lost])
    if kind == "" and lost == 512:  # one empty block of many
        assert archives.extract(source, tmp_path / "data").is_dir()
    else:
        refused(source)


def test_a_tar_that_ends_with_a_member_is_refused(tmp_path):
    source = tar(tmp_path / "archive", {"a": b"one"}, "")
    source.write_bytes(source.read_bytes()[:1024])
    refused(source, "the end of the tar archive is missing")


def test_what_follows_an_empty_block_of_a_tar_is_not_lost_silently(tmp_path):
    source = tar(tmp_path / "archive", {"a": b"one", "b": b"two"}, "")
    content = bytearray(source.read_bytes())
    content[1024:1536] = bytes(512)  # where b's name was
    source.write_bytes(content)
    refused(source, "the end of the tar archive is missing")


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_damaged_archive_is_refused_or_gives_what_it_held(tmp_path, kind):
    """Bytes changed or lost anywhere, as the seed says; what no sum covers does not change the files."""
    held = PLAIN | {"noise": NOISE[:1500]}
    whole = pack(kind, tmp_path / "archive", held).read_bytes()
    chance, count = random.Random(f"damage {kind}"), 0
    for trial in range(60):
        content, place = bytearray(whole), chance.randrange(len(whole))
        if trial % 2:
            content[place] ^= chance.randrange(1, 256)
        else:
            del content[place : place + chance.randint(1, 100)]
        (tmp_path / "archive").write_bytes(content)
        try:
            target = archives.extract(tmp_path / "archive", tmp_path / f"data{trial}")
        except ValueError:
            assert not (tmp_path / f"data{trial}").exists()
            count += 1
        else:
            assert {name: (target / name).read_bytes() for name in files(target)} == held
    assert count >= 45 and not list(tmp_path.glob(".*"))


def patched(source, *, flag=0, method=None):
    """Set a flag or the method of every member, in both headers that it has."""
    content = bytearray(source.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = content.find(signature)
        while place >= 0:
            content[place + offset] |= flag
            if method is not None:
                content[place + offset + 2] = method
            place = content.find(signature, place + 1)
    source.write_bytes(content)
    return source


def test_an_encrypted_zip_is_refused(tmp_path):
    refused(patched(zip_(tmp_path / "archive", PLAIN), flag=1), "encrypted")


@pytest.mark.parametrize("method", [9, 98])  # Deflate64, PPMd
def test_a_zip_packed_in_another_way_is_refused(tmp_path, method):
    source = patched(zip_(tmp_path / "archive", PLAIN), method=method)
    refused(source, "compression method is not supported")


def test_a_zip_that_lists_fewer_members_than_it_says_is_refused(tmp_path):
    source = zip_(tmp_path / "archive", PLAIN)
    content = bytearray(source.read_bytes())
    place = content.index(b"PK\1\2")
    length = len(content) - 22 - place - 46 - len("a.txt")
    content[place + 32 : place + 34] = length.to_bytes(2, "little")  # a comment, up to the end
    source.write_bytes(content)
    refused(source, "it should list 3 members, and lists 1")


@pytest.mark.parametrize("kind", ["gz", "zip"])
@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c"), ("a/b/c", "a/b")])
def test_a_file_that_is_a_folder_too_is_refused(tmp_path, kind, names):
    source = pack(kind, tmp_path / "archive", dict.fromkeys(names, b"one"))
    refused(source, "would be a file and a folder at once")


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, kind):
    refused(pack(kind, tmp_path / "archive", {"a" * 300: b"one"}), "too long")


@pytest.mark.parametrize("content", [b"", b"P", b"PK", b"BZ", NOISE, bytes(300), b"\x1f\x8b"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "archive").write_bytes(content)
    refused(tmp_path / "archive")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        archives.extract(tmp_path / "missing", tmp_path / "data")


def test_a_full_disk_is_not_the_archive_s_fault(tmp_path, monkeypatch):
    source, opened = tar(tmp_path / "archive", PLAIN), Path.open

    def full(path, mode="r", *more, **options):
        if "w" in mode:
            raise OSError(28, "No space left on device")
        return opened(path, mode, *more, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        archives.extract(source, tmp_path / "data")
    assert files(tmp_path) == ["archive"]


def test_a_second_process_that_unpacked_first_wins(tmp_path, monkeypatch):
    source, rename = tar(tmp_path / "archive", PLAIN), Path.rename

    def late(path, target):
        target.mkdir()  # meanwhile, the other one is done
        (target / "theirs").touch()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    assert archives.extract(source, tmp_path / "data") == tmp_path / "data"
    assert files(tmp_path) == ["archive", "data/theirs"]


# ---------------------------------------------------------------- one file of an archive
@pytest.mark.parametrize("kind", KINDS)
def test_one_file_is_read_without_unpacking(tmp_path, kind):
    source = pack(kind, tmp_path / "archive", PLAIN)
    for name, content in PLAIN.items():
        assert archives.read(source, name) == content
    assert archives.read(source, "deep/er") is archives.read(source, "b.txt") is None
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_reading_from_a_damaged_archive_is_refused(tmp_path):
    source = tar(tmp_path / "archive", {"noise": NOISE})
    source.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(ValueError, match="archive cannot be unpacked"):
        archives.read(source, "noise")


def test_docstring_examples():
    ran = doctest.testmod(archives)
    assert ran.attempted and not ran.failed
