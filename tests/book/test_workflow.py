"""The GitHub workflow, Binder's files and pyproject.toml agree: the same Pythons, the
same commands, the same lock.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))
TRIGGERS = WORKFLOW[True]  # YAML 1.1 reads the key `on` as true
JOBS = WORKFLOW["jobs"]


def supported_pythons() -> list[str]:
    """All Pythons that pyproject.toml allows: `>=3.10,<3.14` -> 3.10 ... 3.13."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    first, end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text).groups()
    return [f"3.{minor}" for minor in range(int(first), int(end))]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def actions(job: str) -> list[str]:
    return [step["uses"].partition("@")[0] for step in JOBS[job]["steps"] if "uses" in step]


def python_of(job: str) -> str:
    setup = next(
        step
        for step in JOBS[job]["steps"]
        if step.get("uses", "").startswith("actions/setup-python@")
    )
    return setup["with"]["python-version"]


def test_workflow_runs_on_push_and_pull_request():
    assert TRIGGERS["push"] == {"branches": ["main"]} and "pull_request" in TRIGGERS


def test_ci_runs_on_every_supported_python():
    assert JOBS["test"]["strategy"]["matrix"]["python"] == supported_pythons()
    assert python_of("test") == "${{ matrix.python }}"
    assert "bash .ci/run" in commands("test")


def test_pip_alone_runs_the_same_without_uv():
    assert "bash .ci/run" in commands("pip-alone")
    assert not any(re.search(r"install\b.*\buv\b", command) for command in commands("pip-alone"))
    assert "! command -v uv" in commands("pip-alone")


def test_build_makes_everything_that_is_published():
    assert "make book slides pdf" in commands("build")
    upload = next(
        step for step in JOBS["build"]["steps"] if "upload-pages-artifact" in step.get("uses", "")
    )
    assert upload["with"]["path"] == "_build/html"
    for job in ("pip-alone", "build"):
        assert python_of(job) in supported_pythons()


def test_publishing_waits_for_all_other_jobs_and_for_main():
    publish = JOBS["publish"]
    assert set(publish["needs"]) == set(JOBS) - {"publish"}
    assert (
        "github.ref == 'refs/heads/main'" in publish["if"] and "!= 'pull_request'" in publish["if"]
    )
    assert actions("publish") == ["actions/deploy-pages"]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_every_action_has_a_version_and_every_job_an_end():
    for job in JOBS.values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
    assert all(job["timeout-minutes"] <= 90 for name, job in JOBS.items() if name != "publish")


def test_makefile_has_the_targets_that_the_workflow_calls():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = {
        target
        for job in JOBS
        for command in commands(job)
        for line in re.findall(r"^make (.+)$", command, re.MULTILINE)
        for target in line.split()
    }
    assert called >= {"book", "slides", "pdf"}
    for target in called:
        assert re.search(rf"^{target}\b.*:", makefile, re.MULTILINE), f"make has no target {target}"


def test_environment_holds_python_and_pip_alone():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip = environment["dependencies"]
    assert pip == "pip" and python.partition("=")[2] in supported_pythons()


def test_post_build_installs_the_lock_and_the_package(tmp_path):
    """Run it with a `python` that only notes how it is called."""
    script = ROOT / "postBuild"
    assert os.access(script, os.X_OK)
    fake, log = tmp_path / "python", tmp_path / "log"
    fake.write_text(f'#!/bin/sh\necho "$PWD|$*" >> {log}\n')
    fake.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([str(script)], check=True, env=environment, cwd=tmp_path)
    folders, calls = zip(*(line.split("|") for line in log.read_text().splitlines()), strict=True)
    assert set(folders) == {str(ROOT)}
    assert len(calls) == 3 and "import d2l_attention" in calls[2]
    for call, what in zip(calls, ["-r requirements.lock", "--editable ."], strict=False):
        assert call.startswith("-m pip install") and "--no-deps" in call and call.endswith(what)
    fake.write_text('#!/bin/sh\ncase "$*" in *requirements.lock*) exit 1;; esac\n')
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([str(script)], check=True, env=environment, cwd=tmp_path)
