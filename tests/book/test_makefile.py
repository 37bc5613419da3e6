"""The Makefile does what it says, whatever the caller's shell holds. The Pythons here
are scripts that only note how they are called: nothing is installed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_workflow import supported_pythons

from book.publishing import address

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make")
TOOLS = ("cp", "echo", "env", "expand", "grep", "mkdir", "rm", "sed", "sh", "touch")
FOLDERS = {"3.9": "/opt/9", "3.10": "/opt/10", "3.13": "/opt/13", "3.14": "/opt/14"}

# Notes its arguments and its environment. A line of the file `fails` names calls that fail.
SCRIPT = """#!/bin/sh
{{ echo "==== ${{0##*/}} $*"; env; }} >> {folder}/calls
case "$*" in *-ESc*) ;; *) ! echo "$0 $*" | grep -q -f {folder}/fails || exit 1;; esac
{body}
"""
# What a Python answers to the Makefile's questions, and a stub of what `-m venv` makes.
PYTHON = """case "$*" in
*sys.base_prefix*) echo "{found}";;
*find_spec*) echo "{can_make_venv}";;
"-m venv --clear .venv")
    rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python
    cp {folder}/bin/noter .venv/bin/jupyter && cp {folder}/bin/noter .venv/bin/jupyter-book;;
esac"""


class Sandbox:
    """A folder with what the Makefile reads, and a PATH with no Python but ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "copy"
        self.venv = self.copy / ".venv"
        self.installed = self.venv / "installed"
        self.oracles = self.venv / "oracles"
        (folder / "bin").mkdir()
        self.copy.mkdir()
        for tool in TOOLS:
            (folder / "bin" / tool).symlink_to(shutil.which(tool))
        for name in (
            "requirements.lock",
            "tests/oracles/requirements.txt",
            "pyproject.toml",
            "_config.yml",
        ):
            shutil.copyfile(ROOT / name, self.copy / name)
        self.script("noter")
        self.script("id", "echo 1000")
        self.python("python3", "3.10")
        self.fail()

    def script(self, name: str, body: str = "") -> Path:
        path = self.folder / "bin" / name
        path.write_text(SCRIPT.format(folder=self.folder, body=body))
        path.chmod(0o755)
        return path

    def python(self, name: str, version: str, can_make_venv: str = "yes") -> Path:
        found = f"Python {version} in {FOLDERS.get(version, '/opt/other')}"
        return self.script(
            name,
            PYTHON.format(folder=self.folder, found=found, can_make_venv=can_make_venv),
        )

    def fail(self, *calls: str) -> None:
        """From now on the calls fail in whose path and arguments one of these occurs."""
        (self.folder / "fails").write_text("".join(f"{call}\n" for call in calls))

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs make; `self.calls` are then the calls other than the questions, and
        `self.environments` what they had in their environment.
        """
        (self.folder / "calls").write_text("")
        done = subprocess.run(
            [MAKE, "-f", str(ROOT / "Makefile"), "-C", str(self.copy), *arguments],
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.calls, self.environments = [], []
        for block in (self.folder / "calls").read_text().split("==== ")[1:]:
            call, *lines = block.splitlines()
            if "-ESc" not in call and not call.startswith("id "):
                self.calls.append(call)
                self.environments.append(dict(line.partition("=")[::2] for line in lines))
        return done

    def called(self, part: str) -> list[str]:
        return [call for call in self.calls if part in call]


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(tmp_path)


@pytest.fixture
def ready(sandbox) -> Sandbox:
    """With a whole .venv of Python 3.10 in it."""
    assert sandbox.make(".venv/installed").returncode == 0 and sandbox.installed.exists()
    return sandbox


def older(*paths: Path) -> None:
    """Makes files older than all others."""
    for path in paths:
        os.utime(path, (0, 0))


def sentence(done: subprocess.CompletedProcess) -> str:
    """The one line that a failing make says."""
    lines = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if not re.match(r"make(\[\d+\])?: (Entering|Leaving)", line)
    ]
    assert done.returncode and len(lines) == 1, lines
    return lines[0]


# ------------------------------------------------------------------------ the Python of .venv


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
    assert len(ready.calls) == 2 and not ready.called("venv")


def test_venv_stays_when_no_python_is_asked_for(ready):
    ready.python("python3", "3.13")
    assert ready.make("book").returncode == 0
    assert len(ready.calls) == 2 and not ready.called("venv")


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


# ------------------------------------------------------------------------- the caller's shell

HOSTILE = [
    *("PYTHON", "PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONSTARTUP"),
    *("PYTHONWARNINGS", "PYTHONSAFEPATH", "PYTHONINSPECT", "PYTHONPLATLIBDIR"),
    *("_PYTHON_SYSCONFIGDATA_NAME", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV"),
    *("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_PYTHON_EXE", "CONDA_SHLVL"),
    *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV"),
    *("PIP_PYTHON", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_DRY_RUN"),
    *("PIP_NO_DEPS", "PIP_NO_BINARY", "PIP_REQUIRE_HASHES", "PIP_PLATFORM", "PIP_PRE"),
    *("D2L_ATTENTION_SCALE", "MPLBACKEND", "MATPLOTLIBRC", "JUPYTER_PATH"),
    *("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"),
]
NEEDED = [
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_FIND_LINKS"),
    *("PIP_CONFIG_FILE", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TIMEOUT"),
    *("PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_TRUSTED_HOST", "PIP_CACHE_DIR"),
    *("PIP_NO_CACHE_DIR", "PIP_KEYRING_PROVIDER", "PIP_USE_FEATURE", "PIP_NO_INPUT"),
    *("PIP_DISABLE_PIP_VERSION_CHECK", "UV_INDEX_URL", "UV_DEFAULT_INDEX"),
    *("HTTP_PROXY", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
    *("D2L_ATTENTION_DATA", "D2L_ATTENTION_REQUIRE_BROWSER", "HOME", "TMPDIR", "LANG"),
]


@pytest.mark.parametrize("target", ["test", "book", "execute"])
def test_the_callers_shell_changes_nothing(sandbox, target):
    hostile = dict.fromkeys(HOSTILE, "x") | {"PYTHON": "python3"}
    needed = dict.fromkeys(NEEDED, "y") | {"OMP_NUM_THREADS": "7"}
    done = sandbox.make(target, **hostile, **needed)
    assert done.returncode == 0, done.stderr
    assert sandbox.called("venv") and sandbox.called("pip")
    for call, environment in zip(sandbox.calls, sandbox.environments, strict=True):
        assert not environment.keys() & set(HOSTILE), call
        assert {name: environment.get(name) for name in NEEDED} == dict.fromkeys(NEEDED, "y"), call
        assert environment["OMP_NUM_THREADS"] == "1", call
        assert environment["JUPYTER_PREFER_ENV_PATH"] == "1", call


@pytest.mark.parametrize(
    "target, given, wanted",
    [
        ("test", {}, None),
        ("test", {"D2L_ATTENTION_INSTRUCTIONS": "avx"}, "avx"),
        ("test-portable", {}, "sse4.1"),
        ("test-portable", {"D2L_ATTENTION_INSTRUCTIONS": "avx"}, "sse4.1"),
    ],
)
def test_test_portable_is_test_with_one_variable_set(ready, target, given, wanted):
    assert ready.make("test", "ORACLES=0").returncode == 0
    plain = ready.calls
    assert ready.make(target, "ORACLES=0", **given).returncode == 0
    assert ready.calls == plain and len(ready.called("-m pytest")) == 2
    for environment in ready.environments:
        assert environment.get("D2L_ATTENTION_INSTRUCTIONS") == wanted


def test_where_uv_fails_pip_has_a_try(sandbox):
    """uv does not know pip's settings, such as PIP_INDEX_URL."""
    sandbox.script("uv")
    sandbox.make(".venv/installed")
    (call,) = sandbox.called("-r requirements.lock")
    assert call.startswith("uv pip install") and "--no-deps" in call
    shutil.rmtree(sandbox.venv)
    sandbox.fail("/uv ")
    assert sandbox.make(".venv/installed").returncode == 0
    uv, pip = sandbox.called("-r requirements.lock")
    assert uv.startswith("uv ") and pip.startswith("python -m pip install")
    assert "--no-deps" in pip


# --------------------------------------------------------------------------------- make lab


def test_lab_shows_the_folder_and_opens_the_chapters(ready):
    assert ready.make("lab", "FLAGS=--no-browser --port 9999").returncode == 0
    (call,) = ready.calls
    assert call.startswith("jupyter lab ") and call.endswith(" --no-browser --port 9999")
    assert " --ServerApp.root_dir=. " in call
    assert " --LabApp.default_url=/lab/tree/chapters " in call
    assert "D2L_ATTENTION_SCALE" not in ready.environments[0]
    ready.make("lab", FLAGS="--stray", D2L_ATTENTION_SCALE="paper")
    assert "--stray" not in ready.calls[0]
    assert ready.environments[0]["D2L_ATTENTION_SCALE"] == "paper"  # a reader's choice


def test_lab_tells_root_what_to_do(sandbox):
    sandbox.script("id", "echo 0")
    assert "make lab FLAGS=--allow-root" in sentence(sandbox.make("lab"))
    assert sandbox.calls == []  # not even installed
    assert sandbox.make("lab", "FLAGS=--port 1 --allow-root").returncode == 0
    assert sandbox.calls[-1].endswith(" --port 1 --allow-root")


# ----------------------------------------------------------------------------- make address


@pytest.mark.parametrize("name", ["", "owner/name"])
def test_address_asks_for_the_repository(sandbox, name):
    config = sandbox.copy / "_config.yml"
    config.write_text(address.filled(config, address.CONFIG, address.url_of(name)))
    before = config.read_text()
    done = sandbox.make("address")
    said = sentence(done)
    assert done.returncode == 2
    assert f"The address is {address.url_of(name) or 'not set'}." in said
    assert "make address REPOSITORY=owner/name sets it" in said
    assert "make address REPOSITORY= takes it away" in said
    assert sandbox.calls == [] and config.read_text() == before


@pytest.mark.parametrize("name", ["", "owner/name"])
def test_address_hands_the_repository_on(ready, name):
    (ready.venv / "bin" / "python").write_text(
        f'#!/bin/sh\nprintf "[%s]" "$@" > {ready.folder}/arguments\n'
    )
    assert ready.make("address", f"REPOSITORY={name}").returncode == 0
    arguments = (ready.folder / "arguments").read_text()
    assert arguments == f"[book/publishing/address.py][{name}]"


# ------------------------------------------------------------------------- make test, bench


def test_pytest_lists_what_is_skipped(ready):
    assert ready.make("test", "ORACLES=0", "JOBS=7").returncode == 0
    calls = ready.called("-m pytest")
    assert len(calls) == 2
    assert all(" -rs " in call and " -n 7 " in call for call in calls)
    assert "--nbval" in calls[1] and "--nbval" not in calls[0]


def test_pytorch_is_installed_once(ready):
    ready.make("test")
    (call,) = ready.called("tests/oracles/requirements.txt")
    assert call.startswith("python -m pip install") and "-c requirements.lock" in call
    assert ready.oracles.exists() and ready.called("-m pytest")
    ready.make("test")
    assert not ready.called("pip") and ready.called("-m pytest")


def test_pytorchs_cpu_build_is_preferred_where_uv_is_there(ready):
    ready.script("uv")
    ready.make("test")
    (call,) = ready.called("tests/oracles/requirements.txt")
    assert call.startswith("uv pip install") and "--torch-backend cpu" in call


def test_the_tests_run_without_pytorch_and_try_again_next_time(ready):
    ready.fail("tests/oracles/requirements.txt")
    for _ in range(2):
        done = ready.make("test")
        assert done.returncode == 0
        assert done.stdout.count("PyTorch cannot be installed; without it, tests") == 1
        assert ready.called("tests/oracles/requirements.txt")
        assert len(ready.called("-m pytest")) == 2 and not ready.oracles.exists()
    ready.fail()
    assert "cannot" not in ready.make("test").stdout and ready.oracles.exists()


def test_pytorch_is_not_tried_if_not_wanted(ready):
    done = ready.make("test", "ORACLES=0")
    assert done.returncode == 0 and "PyTorch" not in done.stdout
    assert len(ready.calls) == 2 and not ready.called("pip")


def test_pytorch_is_required_where_nothing_may_be_skipped(ready):
    ready.fail("tests/oracles/requirements.txt")
    done = ready.make("test", D2L_ATTENTION_REQUIRE_ORACLES="1")
    assert done.returncode != 0 and "PyTorch cannot be installed" in done.stdout
    assert not ready.called("-m pytest")


def test_bench_needs_pytorch(ready):
    ready.fail("tests/oracles/requirements.txt")
    done = ready.make("bench")
    assert done.returncode != 0 and not ready.called("benchmarks")
    assert "make bench compares with PyTorch, which is not installed." in done.stdout
    ready.fail()
    assert ready.make("bench").returncode == 0 and ready.called("benchmarks")


# -------------------------------------------------------------------------------- make help


def test_help_lists_targets_and_variables(sandbox):
    done = sandbox.make()
    assert done.returncode == 0 and sandbox.calls == []
    said = done.stdout.splitlines()
    lines = [line for line in said if not line.startswith("make: ")]
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert {"book", "test", "lab", "address", "bench"} <= set(targets)
    for name in targets:
        (line,) = [line for line in lines if line.startswith(f"{name} ")]
        assert re.fullmatch(r"[a-z-]+ {2,}[a-z][^#$]+", line)
    for name in (
        "PYTHON",
        "FLAGS",
        "JOBS",
        "NAME",
        "RUNS",
        "RECORD",
        "REPOSITORY",
        "ORACLES",
    ):
        assert sum(line.startswith(f"{name}=") for line in lines) == 1, name
    assert max(map(len, lines)) <= 100
