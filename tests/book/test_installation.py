"""Binder and conda get a Python that the book runs on, the lock, and the package."""

import os
import subprocess

import pytest
import yaml

from tests.book.publishing import ROOT, supported_pythons

pytestmark = pytest.mark.plumbing


def test_environment_holds_a_fit_python_and_pip_alone():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    python, pip = environment["dependencies"]
    assert pip == "pip" and python.partition("=")[2] in supported_pythons()


@pytest.fixture
def post_build(tmp_path):
    """Runs postBuild with a `python` that only notes how it is called; returns the calls."""

    def run(body: str = "") -> list[str]:
        fake, log = tmp_path / "python", tmp_path / "log"
        fake.write_text(f'#!/bin/sh\necho "$PWD|$*" >> {log}\n{body}\n')
        fake.chmod(0o755)
        environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run([str(ROOT / "postBuild")], check=True, env=environment, cwd=tmp_path)
        return log.read_text().splitlines()

    return run


def test_post_build_installs_the_lock_and_the_package(post_build):
    folders, calls = zip(*(line.split("|") for line in post_build()), strict=True)
    assert set(folders) == {str(ROOT)}
    lock, package, check = calls
    assert lock.endswith("-r requirements.lock") and package.endswith("--editable .")
    assert all(call.startswith("-m pip install") for call in (lock, package))
    assert all("--no-deps" in call for call in (lock, package))
    assert "import d2l_attention" in check


def test_post_build_fails_where_the_lock_cannot_be_installed(post_build):
    with pytest.raises(subprocess.CalledProcessError):
        post_build('case "$*" in *requirements.lock*) exit 1;; esac')
