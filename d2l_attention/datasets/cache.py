"""Fetch data files once, and prove on every use that they are the right ones.

A file lives at FOLDER/NAME/FILE, where NAME is the data set and FOLDER is the
environment variable `D2L_ATTENTION_DATA`, or else the place where the operating system
keeps caches. A file that is there is used without touching the network. One that is not
is downloaded under a name of its own, and gets its real name only when it is whole: an
interrupted download, or a second process, never shows anyone half a file.
"""

import gzip
import lzma
import os
import shutil
import stat
import sys
import tarfile
import tempfile
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pooch
import requests
from tqdm import tqdm

TIMEOUT = 30  # seconds without a byte after which an attempt has failed
ATTEMPTS = 3  # at each address
PAUSE = 1.0  # seconds before the second attempt, twice as long before the third
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
)


def folder() -> Path:
    """Return the folder that holds the data sets; it need not exist yet."""
    return Path(
        os.environ.get("D2L_ATTENTION_DATA") or pooch.os_cache("d2l_attention")
    ).expanduser()


def fetch(
    name: str,
    file_name: str,
    *,
    urls: Sequence[str],
    sha256: str,
    size: int,
    progress: bool = True,
) -> Path:
    """Return the path of a data file, downloading it if it is not in the cache.

    Parameters
    ----------
    name, file_name : str
        Data set and file; the file may stand in subfolders ("extra/notes.txt").
    urls : sequence of str
        Addresses that serve the file, best first; the next is tried when one fails.
    sha256, size : str, int
        Its SHA-256 sum (64 hexadecimal digits) and its length in bytes, checked on
        every call.
    progress : bool
        Whether a download shows a line of progress on stdout while it lasts.

    Raises
    ------
    ValueError
        A name leaves the cache folder, or the file in the cache, or one that was sent,
        is not the right file.
    ConnectionError
        No address sent the file; the message says which file to put where.
    OSError
        The cache folder cannot be written.
    """
    path = folder() / _inside(name) / _inside(file_name)
    if path.is_file():
        if problem := _problem(path, sha256, size):
            raise ValueError(
                f"{path} is not the file that the book uses: {problem}. Delete it and try again"
            )
        return path
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        _create(unfinished)
        _download(urls, unfinished, path, sha256, size, progress)
        return unfinished.replace(path)
    finally:
        if unfinished.parent.is_dir():
            unfinished.unlink(missing_ok=True)


def _inside(name: str) -> PurePosixPath:
    """Return a relative path that stays in its folder on every operating system."""
    path = PurePosixPath(name)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or any(c in name for c in "\\:\0")
    ):
        raise ValueError(f"a file name must be relative and stay in its folder, got {name!r}")
    return path


def _problem(path: Path, sha256: str, size: int) -> str | None:
    """Say what is wrong with a file, or None."""
    if (found := path.stat().st_size) != size:
        return f"it has {found} bytes instead of {size}"
    if (found := pooch.file_hash(str(path), alg="sha256")) != sha256.lower():
        return f"its SHA-256 is {found} instead of {sha256}"
    return None


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except OSError as error:
        reason = f"{error.strerror} (set D2L_ATTENTION_DATA to a folder that can be written)"
        raise OSError(error.errno, reason, str(path.parent)) from error


def _download(
    urls: Sequence[str],
    unfinished: Path,
    path: Path,
    sha256: str,
    size: int,
    progress: bool,
) -> None:
    """Fill `unfinished` from the first address that sends the right file; else say what
    would help.
    """
    failures, kind = [], ConnectionError
    for url in urls:
        try:
            _request(url, unfinished, path.name, size, progress)
        except requests.RequestException as error:
            failures.append(f"{url}: {error}")
            continue
        problem = _problem(unfinished, sha256, size)
        if problem is None:
            return
        failures.append(f"{url} sent another file: {problem}")
        kind = ValueError
    raise kind(
        "\n  ".join([f"cannot download {path.name}:", *failures]) + "\nGet the file elsewhere "
        f"({size} bytes, SHA-256 {sha256}) and save it as\n  {path}\n"
        "or set D2L_ATTENTION_DATA to a folder that has it."
    )


def _request(url: str, target: Path, description: str, size: int, progress: bool) -> None:
    """Download one address; try again if the connection or the server fails, but not if
    it refuses.
    """
    # Without this header, servers may send, and requests would then unpack, a .gz file
    # as "gzip encoding".
    headers = {"Accept-Encoding": "identity"}
    bar = {
        "unit": "B",
        "unit_scale": True,
        "leave": False,
        "file": sys.stdout,
        "disable": not progress,
    }
    for pause in [PAUSE * 2**k for k in range(ATTEMPTS - 1)] + [None]:
        try:
            with tqdm(total=size, desc=description, **bar) as line:
                download = pooch.HTTPDownloader(
                    line, chunk_size=1 << 16, timeout=TIMEOUT, headers=headers
                )
                return download(url, str(target), None)
        except requests.RequestException as error:
            if pause is None or (error.response is not None and error.response.status_code < 500):
                raise
        time.sleep(pause)


def extract(archive: Path, target: Path) -> Path:
    """Unpack a tar or zip archive into a new folder, whole or not at all, and return
    the folder.

    Only plain files and their folders come out, with default permissions. A folder that
    is there already is returned as it is.

    Raises
    ------
    ValueError
        It is neither tar nor zip, or damaged; or a member is a link or a device, or
        would land elsewhere.
    """
    archive, target = Path(archive), Path(target)
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as unfinished:
        whole = Path(unfinished) / "whole"
        whole.mkdir()
        try:
            for name, content in _plain_files(archive):
                file = whole / _inside(name)
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as output:
                    shutil.copyfileobj(content, output)
        except DAMAGED as error:
            raise ValueError(f"{archive} is damaged: {error}") from error
        try:
            return whole.rename(target)
        except OSError:
            if target.is_dir():  # another process was faster
                return target
            raise


def _plain_files(archive: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Yield name and content of each file in an archive; refuse everything else but
    folders.
    """
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened:
            for member in opened:
                if not member.isdir():
                    _refuse_unless(member.isreg(), member.name)
                    yield member.name, opened.extractfile(member)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for member in opened.infolist():
                if not member.is_dir():
                    # 0 if not written on Unix
                    kind = stat.S_IFMT(member.external_attr >> 16)
                    _refuse_unless(kind in (0, stat.S_IFREG), member.filename)
                    with opened.open(member) as content:
                        yield member.filename, content
    else:
        raise ValueError(f"{archive} is neither a tar nor a zip archive")


def _refuse_unless(plain: bool, name: str) -> None:
    if not plain:
        raise ValueError(f"the archive holds a link or a device, {name!r}, which is not unpacked")
