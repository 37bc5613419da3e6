"""Which Python `.venv` has, when make makes it anew, and what it says of an unfit one."""

import os
import sys
from pathlib import Path

import pytest

from tests.book.makefile import sentence
from tests.book.publishing import supported_pythons

pytestmark = pytest.mark.plumbing


def older(*paths: Path) -> None:
    """Makes files older than all others."""
    for path in paths:
        os.utime(path, (0, 0))


def test_another_python_that_is_asked_for_makes_venv_anew(ready):
    ready.python("python3.13", "3.13")
    done = ready.make("book", "PYTHON=python3.13")
    assert done.returncode == 0
    assert (
        ".venv is of Python 3.10 in /opt/10 and is made anew: "
        "PYTHON=python3.13 is Python 3.13 in /opt/13." in done.stdout
    )
    assert ready.calls[0] == "python3.13 -m venv --clear .venv"
    assert ready.called("-r requirements.lock") and ready.called("jupyter-book build")
    assert "/opt/13" in (ready.venv / "bin" / "python").read_text()
    done = ready.make("book", "PYTHON=python3.13")
    assert not ready.called("venv") and "anew" not in done.stdout


def test_the_environment_may_ask_for_a_python_too(ready):
    ready.python("python3.13", "3.13")
    ready.make("book", PYTHON="python3.13")
    assert ready.called("python3.13 -m venv --clear .venv")


def test_a_python_of_another_home_is_another(ready):
    path = ready.python("mine", "3.10")
    path.write_text(path.read_text().replace("/opt/10", "/home/me"))
    ready.make("book", "PYTHON=mine")
    assert ready.called("mine -m venv --clear .venv")


def test_the_same_python_under_another_name_changes_nothing(ready):
    ready.python("snake", "3.10")
    assert ready.make("book", "PYTHON=snake").returncode == 0
    assert len(ready.calls) == 1 and not ready.called("venv")


def test_venv_stays_when_no_python_is_asked_for(ready):
    ready.python("python3", "3.13")
    assert ready.make("book").returncode == 0
    assert len(ready.calls) == 1 and not ready.called("venv")


def test_a_new_lock_is_installed_into_the_venv_that_is_there(ready):
    ready.python("python3", "3.13")
    older(ready.installed)
    assert ready.make("book").returncode == 0
    assert ready.called("python -m pip install") and not ready.called("venv")
    assert "/opt/10" in (ready.venv / "bin" / "python").read_text()


def test_a_venv_whose_python_is_gone_is_made_anew(ready):
    (ready.venv / "bin" / "python").unlink()
    (ready.venv / "bin" / "python").symlink_to("/nonexistent/python")
    done = ready.make("book")
    assert done.returncode == 0 and ready.called("python3 -m venv --clear .venv")
    assert ".venv is of a Python that is gone and is made anew" in done.stdout


STEPS = ["-m venv", "requirements.lock", "--editable", "font_manager"]


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_installation_does_not_count(sandbox, step):
    sandbox.fail(step)
    assert sandbox.make("book").returncode != 0
    assert not sandbox.installed.exists() and not sandbox.called("jupyter-book")
    sandbox.python("python3.13", "3.13")  # another than the one that was at it
    sandbox.fail()
    assert sandbox.make("book", "PYTHON=python3.13").returncode == 0
    assert sandbox.calls[0] == "python3.13 -m venv --clear .venv"
    assert sandbox.installed.exists()


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_change_of_python_does_not_count(ready, step):
    ready.python("python3.13", "3.13")
    ready.fail(step)
    assert ready.make("book", "PYTHON=python3.13").returncode != 0
    assert not ready.installed.exists()


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.14"])
def test_an_unfit_python_is_refused_in_a_sentence(ready, version):
    ready.python("unfit", version)
    said = sentence(ready.make("book", "PYTHON=unfit"))
    first, *_, last = supported_pythons()
    assert f"PYTHON=unfit is Python {version} in " in said
    assert f"the book needs Python {first} to {last}" in said
    assert ready.calls == [] and ready.installed.exists()


@pytest.mark.parametrize("name", ["python3.99", "/nonexistent/python3", "broken", ""])
def test_a_missing_python_is_named_in_a_sentence(ready, name):
    ready.script("broken", "echo noise >&2; exit 127")
    said = sentence(ready.make("book", f"PYTHON={name}"))
    assert f"PYTHON={name} is missing or too old" in said and "python3.12 book" in said
    assert ready.calls == [] and ready.installed.exists()


@pytest.mark.parametrize("version", supported_pythons())
def test_every_supported_python_will_do(sandbox, version):
    sandbox.python("python3", version)
    assert sandbox.make("book").returncode == 0


def test_a_python_without_venv_says_what_to_install(ready):
    ready.python("bare", "3.13", can_make_venv="")
    said = sentence(ready.make("book", "PYTHON=bare"))
    assert "cannot make a virtual environment" in said
    assert "apt install python3.13-venv" in said
    assert ready.calls == [] and ready.installed.exists()


def test_real_pythons_are_told_apart_in_a_hostile_shell(ready, tmp_path):
    """The same installation by another name is the same, and fit."""
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('hostile')")
    hostile = {
        "PYTHONPATH": str(tmp_path),
        "PYTHONHOME": "/nonexistent",
        "PYTHONWARNINGS": "error",
        "_PYTHON_SYSCONFIGDATA_NAME": "nonexistent",
    }
    python = tmp_path / "a python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "bin" / "other-name").symlink_to(python)
    command = ["-n", "anew", "PYTHON=other-name"]
    done = ready.make(*command, **hostile)
    assert "other-name -m venv --clear .venv" in done.stdout, done.stderr
    major, minor = sys.version_info[:2]
    home = os.path.realpath(sys.base_prefix)
    assert f"PYTHON=other-name is Python {major}.{minor} in {home}." in done.stdout
    (ready.venv / "bin" / "python").unlink()
    (ready.venv / "bin" / "python").symlink_to(sys.executable)
    done = ready.make("-n", ".venv/installed", "PYTHON=other-name", **hostile)
    assert "up to date" in done.stdout
