"""Several workers on this machine: their weights are those of one worker; a lost one ends the run.

Processes are started by the launcher, as a user does. Each run takes some seconds: so most of the
tests look at what one pair of workers has written.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as onp
import pytest

from tests.book.publishing import ROOT
from tests.distributed import pretraining_run as run

pytestmark = pytest.mark.plumbing

PROGRAM = "tests/distributed/pretraining_run.py"
TASKS = ("even", "uneven", "few", "devices", "many", "best", "uninterrupted")
LONGEST = 300  # seconds of a run, on a very busy machine
SLEEPING = """
import os, pathlib, time
pathlib.Path(__file__).with_name(f"{os.getpid()}.started").touch()
time.sleep(1000)
"""


def start(*arguments: str, workers: int = 2) -> subprocess.Popen:
    command = [sys.executable, "-m", "d2l_attention.distributed", "--workers", str(workers)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, *arguments], cwd=ROOT, env=variables, **pipes)


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    try:
        output, errors = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    return process.returncode, output, errors


def processes(mark: str) -> list[int]:
    """Those that have a text in their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it is gone
            pass
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def ended(folder):
    """Exit code, output and errors of a run whose workers perform all tasks, and then fail."""
    return finish(start(PROGRAM, str(folder), *TASKS, "wrong"))


@pytest.fixture(scope="module")
def pair(folder, ended):
    """What two workers have after each of the tasks: {task: [of worker 0, of worker 1]}."""
    return {task: read(folder, task) for task in TASKS}


def read(folder, task) -> list[dict]:
    return [dict(onp.load(folder / f"{task}.{rank}.npz")) for rank in (0, 1)]


def assert_close(found, expected, tolerance):
    assert found.keys() == expected.keys() and len(found) > 2
    for name, value in expected.items():
        onp.testing.assert_allclose(found[name], value, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    ("task", "alone"),
    [
        ("even", lambda: run.train(8)),
        ("uneven", lambda: run.train(7)),
        ("few", lambda: run.train(1, steps=3)),
        ("devices", lambda: run.train(7)),
    ],
)
def test_two_workers_with_half_of_each_batch_learn_what_one_does_with_all(pair, task, alone):
    expected = alone()
    for found in pair[task]:
        assert_close(found, expected, 1e-5)
    before = run.weights(run.build())
    moved = [abs(expected[name] - value).max() > 1e-3 for name, value in before.items()]
    assert onp.mean(moved) > 0.8  # else this would show little


def test_steps_that_are_on_their_way_are_kept_apart(pair):
    expected = run.line()
    for found in pair["many"]:
        assert_close(found, expected, 1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_all_workers_have_the_same_weights_to_the_last_bit(pair, task):
    first, second = pair[task]
    for name, value in first.items():
        onp.testing.assert_array_equal(second[name], value, err_msg=name)


def test_numbers_of_workers_are_gathered(pair):
    for found in pair["best"]:
        assert found["table"].tolist() == [[0, 7], [1, 7]]


def test_a_killed_worker_ends_the_run_and_the_training_resumes_to_the_same_result(pair, folder):
    process = start(PROGRAM, str(folder), "killed")
    code, output, errors = finish(process)
    assert code == 1 and "done" not in output
    assert "was killed by SIGKILL, and all others were ended" in errors
    assert "A training with a checkpoint goes on from it" in errors
    assert (folder / "killed").exists() and processes(str(folder)) == []
    code, output, errors = finish(start(PROGRAM, str(folder), "again"))
    assert code == 0, errors
    for found, expected in zip(read(folder, "again"), pair["uninterrupted"], strict=True):
        for name, value in expected.items():
            onp.testing.assert_array_equal(found[name], value, err_msg=name)


def test_a_worker_that_fails_ends_the_run(ended):
    code, output, errors = ended
    assert code == 1 and "done: even" in output and "done: wrong" not in output
    assert "ArithmeticError: on purpose, in worker" in errors
    assert "failed (1), and all others were ended" in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ending_the_launcher_ends_all(tmp_path, number):
    program = tmp_path / "sleeping.py"
    program.write_text(SLEEPING)
    process = start(str(program))
    deadline = time.monotonic() + LONGEST
    while len(list(tmp_path.glob("*.started"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(processes(str(program))) == 3  # the launcher and two workers
    process.send_signal(number)
    finish(process)
    deadline = time.monotonic() + 10
    while processes(str(program)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(str(program)) == [] and process.returncode != 0
