"""Runs are measured once, as long as nothing that they depend on changes, whatever
happens to the processes that measure them.
"""

import doctest
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from d2l_attention.notebook import experiment, fingerprint, runs
from d2l_attention.notebook.runs import Runs
from tests.book.publishing import ROOT

import mxnet as mx

CELL = """
import pathlib
from d2l_attention.training import History

rate = 0.5


def error(seed):
    return rate + seed


def run(seed, calls):
    with open(calls, "a") as file:
        file.write("x")
    return {"error": error(seed), "steps": [seed, History is None]}
"""


@pytest.fixture
def paper(monkeypatch, tmp_path):
    """Paper scale, with nothing kept yet; the folder of the kept runs."""
    monkeypatch.setattr(experiment, "SCALE", "paper")
    monkeypatch.setattr(experiment, "RESULTS", tmp_path / "results")
    monkeypatch.setenv("D2L_ATTENTION_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs" / "model"


def execute_cell(source: str) -> dict:
    """What a notebook of one cell defines; the kernel's list of cells is then that cell."""
    sys.modules["__main__"].In = ["", source]
    exec(source, namespace := {})
    return namespace


@pytest.fixture(autouse=True)
def no_cells(monkeypatch):
    """The list of cells as it was before, after each test."""
    monkeypatch.setattr(sys.modules["__main__"], "In", [""], raising=False)


@pytest.fixture
def execution(tmp_path):
    """A function that executes a cell and measures two runs. It returns the Runs, and
    how many of the two really ran.
    """
    calls = tmp_path / "calls"

    def execute(cell=CELL, device=None, keys=("seed 0", "seed 1")):
        calls.write_text("")
        namespace = execute_cell(cell)
        done = Runs("model", device=device or mx.cpu())
        for seed, key in enumerate(keys):
            done.measure(key, namespace["run"], seed, str(calls))
        return done, len(calls.read_text())

    return execute


def test_a_second_execution_reuses_what_the_first_has_measured(paper, execution, capsys):
    first, ran = execution()
    assert ran == 2 and first.reused == []
    assert capsys.readouterr().out == (
        "model, seed 0: measured, 0.0 minutes\nmodel, seed 1: measured, 0.0 minutes\n"
    )
    second, ran = execution()
    assert ran == 0 and second.reused == ["seed 0", "seed 1"]
    assert second.records == first.records
    today = first.records["seed 0"]["date"]
    assert f"seed 1: reused from {today}, 0.0 minutes\n" in capsys.readouterr().out


def test_a_record_says_what_was_measured_when_where_and_how_long(paper, execution, monkeypatch):
    clock = iter((0.0, 90.0, 100.0, 106.0))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    done, _ = execution()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    stamp = {"date": today, "device": "running on the CPU"}
    assert done.records == {
        "seed 0": {"key": "seed 0", "error": 0.5, "steps": [0, False], "minutes": 1.5} | stamp,
        "seed 1": {"key": "seed 1", "error": 1.5, "steps": [1, False], "minutes": 0.1} | stamp,
    }


def test_what_was_measured_is_the_same_however_it_comes(paper, monkeypatch):
    run = execute_cell("def run(): return {'error': 1, 'all': (1, 2), 'of': {3: 4}}")
    expected = {"error": 1, "all": [1, 2], "of": {"3": 4}}
    for size in ("quick", "paper", "paper"):
        monkeypatch.setattr(experiment, "SCALE", size)
        done = Runs("model", device=mx.cpu())
        assert done.measure("a", run["run"]) == expected
        assert done.measure("a", run["run"]) == expected
    assert done.reused == ["a"]


@pytest.mark.parametrize(
    "old, new, again",
    [
        ("return rate + seed", "return rate - seed", 2),
        ("rate = 0.5", "rate = 0.25", 2),
        ('"error": error(seed)', '"error": 2 * error(seed)', 2),
        ("def error(seed):", "def error(seed):\n    'Prose.'\n    # a comment", 0),
        ("rate = 0.5", "rate = (0.5)", 0),
    ],
)
def test_changed_code_of_the_notebook_is_measured_again(paper, execution, old, new, again):
    execution()
    assert execution(CELL.replace(old, new))[1] == again
    assert execution()[1] == 0  # and what it was is not forgotten


@pytest.mark.parametrize(
    "edit, again",
    [("x = 1", 2), ("# a comment", 0), ("'Prose at the end of the file'", 2)],
)
def test_changed_code_of_the_package_is_measured_again(
    paper, execution, monkeypatch, tmp_path, edit, again
):
    copy = tmp_path / "package"
    shutil.copytree(fingerprint.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", copy)
    monkeypatch.setattr(fingerprint, "package_code", fingerprint.package_code.__wrapped__)
    execution()
    with (copy / "datasets" / "digits.py").open("a") as file:
        file.write(edit + "\n")
    assert execution()[1] == again


def test_an_edit_while_the_kernel_runs_is_not_what_runs(monkeypatch, tmp_path):
    """The modules in memory are those of the import, and so is their fingerprint."""
    before = fingerprint.package_code()
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)
    assert fingerprint.package_code() == before


@pytest.mark.parametrize(
    "name, version, again",
    [
        ("mxnet", "1.9.2", 2),
        ("numpy", "9.0.0", 2),
        ("python", "3.9.18", 2),
        ("python", sys.version.split()[0] + "0", 0),
    ],
)
def test_another_version_is_measured_again(paper, execution, monkeypatch, name, version, again):
    execution()
    other = experiment.versions() | {name: version}
    monkeypatch.setattr(experiment, "versions", lambda: dict(other))
    assert execution()[1] == again


def test_another_device_or_key_is_measured_again(paper, execution):
    execution()
    gpu, ran = execution(device=mx.gpu(0))
    assert ran == 2 and "GPU 0" in gpu.records["seed 0"]["device"]
    assert execution(device=mx.gpu(0))[1] == 0
    assert execution(keys=("seed 0", "another"))[1] == 1
    assert execution(keys=("seed 0", "seed_1"))[1] == 1
    assert execution()[1] == 0


def test_quick_runs_are_always_run_and_nothing_is_read_written_or_printed(
    paper, execution, monkeypatch, capsys
):
    execution()
    kept = {file: file.read_bytes() for file in paper.iterdir()}
    capsys.readouterr()
    monkeypatch.setattr(experiment, "SCALE", "quick")
    done, ran = execution()
    assert ran == 2 and done.reused == [] and list(done.records) == ["seed 0", "seed 1"]
    assert {file: file.read_bytes() for file in paper.iterdir()} == kept
    monkeypatch.setenv("D2L_ATTENTION_RUNS", str(paper.parent / "nowhere"))
    execution()
    assert not (paper.parent / "nowhere").exists()
    assert capsys.readouterr() == ("", "")


# ------------------------------------------------------------------ what goes wrong
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"fingerprint": "ab',
        b"[1]",
        b"3",
        b"\xff\xfe",
        b'{"record": {"key": "seed 0"}}',
        b'{"fingerprint": "ab", "record": {"key": "seed 0", "error": 7}}',
    ],
)
def test_a_damaged_file_is_ignored_with_a_warning_and_replaced(paper, execution, text):
    execution()
    file = next(paper.glob("seed_0.*.json"))
    whole = file.read_bytes()
    file.write_bytes(text)
    with pytest.warns(RuntimeWarning, match=r"seed_0.*json is damaged: the run 'seed 0'"):
        done, ran = execution()
    assert ran == 1 and done.reused == ["seed 1"]
    assert json.loads(file.read_bytes()).keys() == json.loads(whole).keys()
    assert execution()[1] == 0


def test_a_file_under_the_name_of_another_run_is_ignored(paper, execution):
    execution()
    first, second = sorted(paper.iterdir())
    second.write_bytes(first.read_bytes())
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert execution()[1] == 1


def test_an_interrupted_run_leaves_nothing(paper):
    cell = execute_cell("def stopped(): raise KeyboardInterrupt\ndef run(): return {'error': 1}")
    done = Runs("model", device=mx.cpu())
    with pytest.raises(KeyboardInterrupt):
        done.measure("a", cell["stopped"])
    assert list(paper.iterdir()) == [] and done.records == {}
    assert done.measure("a", cell["run"]) == {"error": 1}


RUN = """
def run(key):
    return {"error": [ord(letter) for letter in key] * 200}
"""
SCRIPT = f"""
import os, signal, sys
from pathlib import Path
from d2l_attention.notebook.runs import Runs
import mxnet as mx
{RUN}
def die(path, other):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "killed":
    Path.replace = die
runs = Runs("model", device=mx.cpu())
for key in sys.argv[2:]:
    runs.measure(key, run, key)
"""


@pytest.fixture
def start(paper, tmp_path):
    """A function that starts a process which measures keys."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = os.environ | {"D2L_ATTENTION_SCALE": "paper", "PYTHONPATH": path}

    def start(how, *keys):
        command = [sys.executable, "-W", "error", script, how, *keys]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    return start


def test_processes_that_measure_at_once_do_not_disturb_each_other(paper, start):
    keys = [f"run {number}" for number in range(60)]
    together = [start("-", *keys), start("-", *reversed(keys))]
    assert [process.wait() for process in together] == [0, 0]
    assert len(list(paper.iterdir())) == len(keys)
    run, here = execute_cell(RUN)["run"], Runs("model", device=mx.cpu())
    sys.modules["__main__"].In = [SCRIPT]  # the same code, in a notebook
    for key in keys:
        assert here.measure(key, run, key) == run(key)
    assert here.reused == keys


def test_a_killed_process_leaves_no_half_record(paper, start):
    assert start("killed", "a").wait() == -signal.SIGKILL
    assert list(paper.iterdir()) != [] and list(paper.glob("*.json")) == []
    run = execute_cell(RUN)["run"]
    for reused in ([], ["a"]):
        here = Runs("model", device=mx.cpu())
        here.measure("a", run, "a")
        assert here.reused == reused


@pytest.mark.parametrize("size", experiment.SCALES)
def test_arguments_are_plain(paper, monkeypatch, size):
    monkeypatch.setattr(experiment, "SCALE", size)
    cell = execute_cell("calls = []\ndef run(x): calls.append(x)\n")
    with pytest.raises(TypeError, match="lock is not JSON serializable"):
        Runs("model", device=mx.cpu()).measure("a", cell["run"], threading.Lock())
    assert cell["calls"] == []


@pytest.mark.parametrize("size", experiment.SCALES)
def test_two_runs_with_one_key_are_refused(paper, monkeypatch, size):
    monkeypatch.setattr(experiment, "SCALE", size)
    run = execute_cell("def run(seed): return {'error': seed}")["run"]
    done = Runs("model", device=mx.cpu())
    assert [done.measure("a", run, 1) for _ in range(2)] == [{"error": 1}] * 2
    with pytest.raises(ValueError, match="key 'a' must name one run, got other"):
        done.measure("a", run, 2)
    assert list(done.records) == ["a"] and done.reused == []


@pytest.mark.parametrize("size", experiment.SCALES)
@pytest.mark.parametrize(
    "returned, error, message",
    [
        ("{'error': float('nan')}", ValueError, "'a' must return finite numbers"),
        ("{'error': __import__('numpy').float32(1)}", TypeError, "plain numbers"),
        ("None", TypeError, "plain numbers by name, got None"),
        ("{'error': 1, 'minutes': 2, 'date': 3}", ValueError, "return date, minutes"),
    ],
)
def test_only_plain_numbers_by_name_are_kept(paper, monkeypatch, size, returned, error, message):
    monkeypatch.setattr(experiment, "SCALE", size)
    run = execute_cell(f"def run(): return {returned}")["run"]
    with pytest.raises(error, match=message):
        Runs("model", device=mx.cpu()).measure("a", run)
    assert list(paper.parent.glob("*/*")) == []


# ------------------------------------------------------------------------- the folder
def test_the_folder_is_in_the_repository_unless_the_environment_names_another(
    monkeypatch, tmp_path
):
    monkeypatch.delenv("D2L_ATTENTION_RUNS", raising=False)
    assert runs.folder() == ROOT / ".runs"
    monkeypatch.setenv("D2L_ATTENTION_RUNS", "kept/here")
    assert runs.folder() == ROOT / "kept" / "here"
    monkeypatch.setenv("D2L_ATTENTION_RUNS", str(tmp_path))
    assert runs.folder() == tmp_path
    monkeypatch.setenv("D2L_ATTENTION_RUNS", "~/kept")
    assert runs.folder() == Path.home() / "kept"


def test_the_folder_is_made_before_the_first_run(paper):
    Runs("model", device=mx.cpu())
    assert paper.is_dir()
    paper.parent.joinpath("file").write_text("")
    with pytest.raises(FileExistsError):
        Runs("file", device=mx.cpu())


def test_git_ignores_the_folder():
    assert ".runs/" in (ROOT / ".gitignore").read_text().splitlines()


def test_names_of_systems_are_plain(paper):
    with pytest.raises(ValueError, match="name"):
        Runs("../model", device=mx.cpu())


def test_docstring_examples():
    for module in (fingerprint, runs):
        ran = doctest.testmod(module)
        assert ran.attempted and not ran.failed
