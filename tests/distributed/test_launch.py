"""The launcher refuses what cannot be, and says in words how a process was lost."""

import os
import signal
import socket
import sys
import time

import pytest

from d2l_attention.distributed import launch, pretraining
from d2l_attention.distributed.launch import WorkerLostError
from d2l_attention.distributed.workers import ALONE, Workers, connect

PASS = [sys.executable, "-c", "pass"]


@pytest.fixture
def nothing_is_started(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a process was started"))


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "workers must be at least 1, got 0", {"workers": 0}),
        (ValueError, "workers must be at least 1, got -1", {"workers": -1}),
        (TypeError, "workers must be an integer", {"workers": 1.5}),
        (ValueError, "servers must be at least 1, got 0", {"workers": 1, "servers": 0}),
        (ValueError, "port must be from 1 to 65535", {"workers": 1, "port": 0}),
        (ValueError, "port must be from 1 to 65535", {"workers": 1, "port": 70_000}),
    ],
)
def test_numbers_are_checked_before_anything_is_started(
    nothing_is_started, error, message, options
):
    with pytest.raises(error, match=message):
        launch.launch(PASS, **options)


def test_a_port_that_is_taken_is_refused(nothing_is_started, capsys):
    with socket.socket() as listener:
        listener.bind((launch.HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} cannot be used \(.+\): leave it out"):
            launch.launch(PASS, workers=1, port=port)
        assert launch.main(["--workers", "1", "--port", str(port), "train.py"]) == 2
    assert f"distributed: port {port} cannot be used" in capsys.readouterr().err
    assert launch.checked(port) == port


def test_the_command_line_says_what_is_wrong(nothing_is_started, capsys):
    assert launch.main(["--workers", "0", "train.py"]) == 2
    assert capsys.readouterr().err == "distributed: workers must be at least 1, got 0\n"


def test_each_process_is_told_its_part_and_nothing_else(monkeypatch):
    for name in ("DMLC_ROLE", "DMLC_INTERFACE", "PS_VERBOSE", "PORT"):
        monkeypatch.setenv(name, "1")
    found = launch.environment(3, 2, 9000, "10.0.0.1")
    ours = {name: value for name, value in found.items() if name.startswith(("DMLC_", "PS_"))}
    assert ours == {
        "DMLC_NUM_WORKER": "3",
        "DMLC_NUM_SERVER": "2",
        "DMLC_PS_ROOT_URI": "10.0.0.1",
        "DMLC_PS_ROOT_PORT": "9000",
        "DMLC_NODE_HOST": "10.0.0.1",
    }
    assert "PORT" not in found and found["PATH"] == os.environ["PATH"]


@pytest.fixture
def servers_sleep(monkeypatch):
    """Servers that import nothing, so that the test is quick; they never end by themselves."""
    monkeypatch.setattr(launch, "SERVE", (sys.executable, "-Sc", "import time; time.sleep(1000)"))
    monkeypatch.setattr(launch, "LEAVE", 0.2)
    return monkeypatch


ENDS = {
    "exit": ("import sys; sys.exit(3)", r"worker 0 failed \(3\)"),
    "kill": ("import os; os.kill(os.getpid(), 9)", "worker 0 was killed by SIGKILL"),
    "raise": ("raise KeyError", r"worker 0 failed \(1\)"),
}


@pytest.mark.parametrize("way", ENDS)
def test_a_lost_worker_is_named_and_all_others_are_ended(servers_sleep, way):
    """Of two workers the second one would sleep for long."""
    program, message = ENDS[way]
    started = []
    start = launch._start  # noqa: SLF001 - to know the processes

    def noted(command, variables):
        name = (
            f"{variables['DMLC_ROLE']} {sum(role == variables['DMLC_ROLE'] for role, _ in started)}"
        )
        body = program if name == "worker 0" else "import time; time.sleep(1000)"
        started.append((variables["DMLC_ROLE"], start([sys.executable, "-Sc", body], variables)))
        return started[-1][1]

    servers_sleep.setattr(launch, "_start", noted)
    before = time.monotonic()
    with pytest.raises(WorkerLostError, match=f"{message}, and all others were ended"):
        launch.launch(PASS, workers=2, servers=2)
    assert time.monotonic() - before < 20
    assert [role for role, _ in started] == ["scheduler", "server", "server", "worker", "worker"]
    assert all(process.returncode is not None for _, process in started)


def test_a_lost_server_ends_the_run(servers_sleep):
    servers_sleep.setattr(launch, "SERVE", (sys.executable, "-Sc", "import os; os.abort()"))
    program = [sys.executable, "-Sc", "import time; time.sleep(1000)"]
    with pytest.raises(WorkerLostError, match=r"scheduler was killed by SIGABRT|server 0 was"):
        launch.launch(program, workers=1)


def test_servers_that_do_not_end_are_ended(servers_sleep):
    launch.launch([sys.executable, "-Sc", "pass"], workers=2)


def test_the_program_is_a_file_or_a_module(monkeypatch):
    called = []
    monkeypatch.setattr(
        launch, "launch", lambda program, **options: called.append((program, options))
    )
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert launch.main(["--workers", "2", "a/train.py", "--epochs", "3"]) == 0
        assert (
            launch.main(["--workers", "1", "--servers", "4", "--port", "9", "package.train", "-x"])
            == 0
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    python = sys.executable
    assert called == [
        ([python, "a/train.py", "--epochs", "3"], {"workers": 2, "servers": 1, "port": None}),
        ([python, "-m", "package.train", "-x"], {"workers": 1, "servers": 4, "port": 9}),
    ]


# ------------------------------------------------------------------------------------- one alone
def test_without_a_launcher_there_is_one_worker(monkeypatch):
    monkeypatch.delenv("DMLC_ROLE", raising=False)
    connect.cache_clear()
    assert connect() is ALONE
    assert (ALONE.rank, ALONE.number) == (0, 1)
    assert ALONE.table([1.0, 2.0]).tolist() == [[1, 2]]
    assert ALONE.of_first({"a": 0.1}) == {"a": 0.1}
    ALONE.check_same("this", [3])
    connect.cache_clear()


def test_a_worker_must_know_where_the_others_are(monkeypatch):
    connect.cache_clear()
    monkeypatch.setenv("DMLC_ROLE", "worker")
    monkeypatch.setenv("DMLC_NUM_WORKER", "2")
    missing = "DMLC_PS_ROOT_URI, DMLC_PS_ROOT_PORT, DMLC_NUM_SERVER"
    with pytest.raises(RuntimeError, match=f"a worker needs {missing} in its environment"):
        connect()


class Other(Workers):
    """The second of two workers, whose colleague has other numbers."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def table(self, values):
        return self.rows


def test_what_must_be_the_same_is_compared():
    import numpy as onp

    Other(onp.array([[2, 3], [2, 3]])).check_same("place", [2, 3])
    with pytest.raises(
        RuntimeError, match=r"place must be the same for all workers: worker 0 has \[1"
    ):
        Other(onp.array([[1, 3], [2, 3]])).check_same("place", [2, 3])


# ---------------------------------------------------------------------------------- make distributed
def test_the_example_trains_resumes_and_reports(tmp_path, capsys):
    options = ["--documents", "30", "--batch", "16", "--checkpoint", str(tmp_path / "file")]
    pretraining.main([*options, "--epochs", "1"])
    pretraining.main([*options, "--epochs", "3", "--json", str(tmp_path / "found.json")])
    said = capsys.readouterr().out.splitlines()
    assert said[-1].startswith("1 worker: loss ") and " words a second, memory " in said[-1]
    import json

    found = json.loads((tmp_path / "found.json").read_text())
    assert len(found["losses"]) == 3 and found["losses"][2] < found["losses"][0]
    assert found["words_per_second"] > 0 and len(found["memory"]) == 1
