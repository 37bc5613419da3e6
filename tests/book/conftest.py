"""Fixtures that several modules here use: the built book, a browser, a place for make."""

import fcntl
from pathlib import Path

import pytest

from tests.book.makefile import Sandbox
from tests.book.publishing import GONE, build_book, copy_sources, open_browser


@pytest.fixture(scope="session")
def html(tmp_path_factory, worker_id) -> Path:
    """The book, built once for all workers, where an earlier build has left pages of modules."""
    temporary = tmp_path_factory.getbasetemp()
    folder = (temporary if worker_id == "master" else temporary.parent) / "book"
    built = folder / "built"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        if not built.exists():
            build_where_it_was_built(folder)
            built.touch()
    return folder / "_build" / "html"


def build_where_it_was_built(folder: Path) -> None:
    left = copy_sources(folder / "sources") / "book" / "api"
    left.mkdir()
    for module in ("d2l_attention.models", GONE):
        (left / f"{module}.rst").write_text("old\n===\n")
    build_book(folder / "sources", folder)


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture
def ready(sandbox) -> Sandbox:
    """With a whole .venv of Python 3.10 in it."""
    assert sandbox.make(".venv/installed").returncode == 0 and sandbox.installed.exists()
    return sandbox
