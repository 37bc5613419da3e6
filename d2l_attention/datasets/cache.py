"""Fetch data files once, and prove on every use that they are the right ones.

A file lives at FOLDER/NAME/FILE: NAME is the data set, FOLDER the environment variable
`D2L_ATTENTION_DATA`, or else the system's place for caches. Pooch downloads it under another name,
and renames it when its SHA-256 is right: nobody ever sees half a file. Here is what it lacks:
several addresses, an end to answers that are too long, and advice (`archives`: checked unpacking).
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pooch
import requests
from tqdm import tqdm

from d2l_attention.datasets.archives import extract, inside

__all__ = ["extract", "fetch", "folder"]
TIMEOUT = 30  # seconds without a byte after which an attempt has failed
ATTEMPTS, PAUSE = 3, 1.0  # at each address; seconds between the first two, then twice as long
pooch.get_logger().setLevel("WARNING")  # it would tell of each download


def folder() -> Path:
    """Return the folder that holds the data sets; it need not exist yet."""
    named = os.environ.get("D2L_ATTENTION_DATA")
    return Path(named or pooch.os_cache("d2l_attention")).expanduser()


def fetch(
    name: str, file_name: str, *, urls: Sequence[str], sha256: str, size: int, progress: bool = True
) -> Path:
    """Return the path of a data file, downloading it if it is not in the cache.

    Parameters
    ----------
    name, file_name : str
        Data set and file, which may stand in a subfolder ("extra/notes.txt").
    urls : sequence of str
        Addresses that serve the file, best first; the next is tried when one fails.
    sha256, size : str, int
        Its sum (64 hexadecimal digits), checked on every call, and its length in bytes.
    progress : bool
        Whether a download shows a line of progress on stdout while it lasts.

    Raises
    ------
    ValueError
        A name leaves the cache folder, or a file, in the cache or sent, is not the right one.
    ConnectionError
        No address sent a file; the message says which to put where.
    OSError
        The cache folder cannot be written.
    """
    path = folder() / inside(name) / inside(file_name)
    if path.exists():
        if (found := pooch.file_hash(str(path))) != sha256.lower():
            raise ValueError(
                f"{path} is not the file that the book uses: {path.stat().st_size} bytes for {size}"
                f", and its SHA-256 is {found} instead of {sha256}. Delete it and try again"
            )
        return path

    def download(url: str, unfinished: str, _) -> None:
        Path(unfinished).unlink()  # private, as Pooch made it; the next is as readable as any file
        _download(url, Path(unfinished), path.name, size, progress)

    failures, kind = [], ConnectionError
    for url in urls:
        try:
            pooch.retrieve(url, sha256, path.name, path.parent, downloader=download)
            return path
        except requests.RequestException as error:
            failures.append(f"{url}: {error}")
        except ValueError as error:
            failures, kind = [*failures, f"{url} sent another file: {error}"], ValueError
        except OSError as error:
            advice = "set D2L_ATTENTION_DATA to a folder that can be written"
            raise type(error)(f"cannot save {path}: {error} ({advice})") from error
    raise kind(
        "\n  ".join([f"cannot download {path.name}:", *failures]) + "\nGet the file elsewhere "
        f"({size} bytes, SHA-256 {sha256}) and save it as\n  {path}\n"
        "or set D2L_ATTENTION_DATA to a folder that has it."
    )


def _download(url: str, target: Path, description: str, size: int, progress: bool) -> None:
    """Save what an address sends; try again if connection or server fails, not if it refuses."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _save(url, target, description, size, progress)
        except requests.RequestException as error:
            refused = error.response is not None and error.response.status_code < 500
            if refused or attempt == ATTEMPTS:
                raise
        time.sleep(PAUSE * 2 ** (attempt - 1))


def _save(url: str, target: Path, description: str, size: int, progress: bool) -> None:
    # Without this header, servers may send, and requests would unpack, a .gz file "as gzip".
    options = {"headers": {"Accept-Encoding": "identity"}, "stream": True, "timeout": TIMEOUT}
    # A redirection has a text too, which would be read, and may have no end.
    options["hooks"] = {"response": lambda r, **_: r.close() if r.is_redirect else None}
    style = {"unit": "B", "unit_scale": True, "leave": False, "file": sys.stdout}
    try:
        response = requests.get(url, **options)
    except ValueError as error:  # the server names an address that is none
        raise requests.exceptions.InvalidURL(str(error)) from error
    line = tqdm(total=size, desc=description, disable=not progress, **style)
    with response, line, target.open("wb") as file:
        response.raise_for_status()
        for block in response.iter_content(1 << 16):
            line.update(file.write(block))
            if file.tell() > size:
                raise ValueError(f"more than {size} bytes")
        if file.tell() < size:
            raise ValueError(f"{file.tell()} bytes instead of {size}")
