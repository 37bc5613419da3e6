"""Several files at once: offline, all that are missing are named, and not the first alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from d2l_attention.datasets import cache

__all__ = ["fetch_all"]


def fetch_all(files: Iterable[Mapping], *, progress: bool = True) -> list[Path]:
    """Return the paths of several files, as `cache.fetch` does with each.

    Parameters
    ----------
    files : iterable of dict
        The arguments of `cache.fetch` by name: name, file_name, urls, sha256, size.
    progress : bool
        Whether downloads show their progress.

    Raises
    ------
    ValueError, OSError
        As for `cache.fetch`, at the first such file.
    ConnectionError
        Files are neither in the cache nor to be had; the message says which to put where. After
        the first failure no address is asked any more, so that being offline is found out once.
    """
    paths, failures = [], []
    for file in files:
        addresses = () if failures else file["urls"]
        try:
            paths.append(cache.fetch(**{**file, "urls": addresses}, progress=progress))
        except ConnectionError as error:
            failures.append(str(error))
    if failures:
        raise ConnectionError("\n\n".join(failures))
    return paths
