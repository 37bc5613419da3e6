"""Fixtures that several modules here use: the built book, a browser, a place for make."""

from pathlib import Path

import pytest

from tests.book.makefile import Sandbox
from tests.book.publishing import GONE, build_book, copy_sources, open_browser


@pytest.fixture(scope="session")
def html(tmp_path_factory) -> Path:
    """The book, built where an earlier build has left pages of modules."""
    folder = tmp_path_factory.mktemp("book")
    left = copy_sources(folder / "sources") / "book" / "api"
    left.mkdir()
    for module in ("d2l_attention.models", GONE):
        (left / f"{module}.rst").write_text("old\n===\n")
    return build_book(folder / "sources", folder)


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
