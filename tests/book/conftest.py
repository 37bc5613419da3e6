"""Fixtures of the tests of the Makefile."""

import pytest

from tests.book.makefile import Sandbox


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture
def ready(sandbox) -> Sandbox:
    """With a whole .venv of Python 3.10 in it."""
    assert sandbox.make(".venv/installed").returncode == 0 and sandbox.installed.exists()
    return sandbox
