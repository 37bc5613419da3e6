"""Unpack tar and zip archives whole or not at all, each byte checked by the sums that the archive holds.

Only plain files come out, and only into their folder. An archive is read to its last byte, for
there a compressed file has its sum, and a tar file its end.
"""

import bz2
import contextlib
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

__all__ = ["extract", "inside", "read"]

OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}  # by two first bytes
MANY = 0xFFFF  # or more: members of a zip archive, whose last record has two bytes for them
# What the system says of an archive's own faults; anything else, like a full disk, is not its.
ITS_FAULT = (None, errno.EINVAL, errno.ENAMETOOLONG)


def inside(name: str) -> PurePosixPath:
    """Return a relative path that stays in its folder on every operating system.

    Raises
    ------
    ValueError
        It does not.

    >>> str(inside("extra/notes.txt"))
    'extra/notes.txt'
    """
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0")
    if outside or not path.parts:
        raise ValueError(f"a file name must be relative and stay in its folder, got {name!r}")
    return path


def extract(archive: Path, target: Path) -> Path:
    """Unpack a tar or zip archive into a new folder, whole or not at all, and return the folder.

    Only plain files and their folders come out, with default permissions. A folder that is there
    already is returned as it is.

    Raises
    ------
    ValueError
        It is neither tar nor zip, or damaged, cut, encrypted or packed in an unknown way; or a
        member is a link or a device, would land elsewhere, or is a file and a folder at once.
    """
    archive, target = Path(archive), Path(target)
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as unfinished:
        whole = Path(unfinished) / "whole"
        whole.mkdir()
        with _refusing(archive):
            for name, content in _plain_files(archive):
                _write(whole, inside(name), content)
        try:
            return whole.rename(target)
        except OSError:
            if target.is_dir():  # another process was faster
                return target
            raise


def read(archive: Path, name: str) -> bytes | None:
    """Return the content of one file in an archive, or None if the archive does not have it.

    Raises
    ------
    ValueError
        As for `extract`, as far as the archive was read: up to this file.
    """
    with _refusing(archive):
        files = _plain_files(Path(archive))
        return next((content.read() for found, content in files if found == name), None)


@contextlib.contextmanager
def _refusing(archive: Path) -> Iterator[None]:
    """Whatever a parser stumbles over is the archive's fault: parsers raise all kinds of errors."""
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in ITS_FAULT:
            raise
        reason = str(error) or type(error).__name__
        advice = "Delete it and try again"
        raise ValueError(f"{archive} cannot be unpacked: {reason}. {advice}") from error


def _write(folder: Path, name: PurePosixPath, content: BinaryIO) -> None:
    file = folder / name
    if file.is_dir() or any((folder / parent).is_file() for parent in name.parents):
        raise ValueError(f"{str(name)!r} would be a file and a folder at once")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as output:
        shutil.copyfileobj(content, output)


def _plain_files(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each file; refuse everything else but folders."""
    with archive.open("rb") as file:
        start = file.read(2)
    if start == b"PK":
        yield from _in_zip(archive)
    else:
        with OPENERS.get(start, open)(archive, "rb") as stream:
            yield from _in_tar(stream)


def _in_zip(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    with zipfile.ZipFile(archive) as opened:
        with archive.open("rb") as file:  # its last record says how many members there are
            file.seek(-12 - len(opened.comment), os.SEEK_END)
            count = int.from_bytes(file.read(2), "little")
        if count not in (len(opened.infolist()), MANY):
            raise ValueError(f"it should list {count} members, and lists {len(opened.infolist())}")
        for member in opened.infolist():
            if not member.is_dir():
                kind = stat.S_IFMT(member.external_attr >> 16)  # 0 if not written on Unix
                _refuse_unless(kind in (0, stat.S_IFREG), member.filename)
                with opened.open(member) as content:
                    yield member.filename, content


def _in_tar(stream: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    try:
        opened = tarfile.TarFile(fileobj=stream)
    except tarfile.ReadError as error:
        raise ValueError(f"it is neither a tar nor a zip archive ({error})") from error
    with opened:
        for member in opened:
            if not member.isdir():
                _refuse_unless(member.isreg(), member.name)
                yield member.name, opened.extractfile(member)
        rest = stream.read()  # the second of two empty blocks, and more of them
    if len(rest) < tarfile.BLOCKSIZE or len(rest) % tarfile.BLOCKSIZE or any(rest):
        raise ValueError("the end of the tar archive is missing")


def _refuse_unless(plain: bool, name: str) -> None:
    if not plain:
        raise ValueError(f"it holds a link or a device, {name!r}, which is not unpacked")
