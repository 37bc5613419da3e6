"""Start a training of several workers on this machine, watch over it, and leave nothing behind.

    python -m d2l_attention.distributed --workers 2 train.py --epochs 3

starts MXNet's three kinds of processes: a *scheduler*, where all announce themselves; *servers*, which
sum gradients; and *workers*, which run the program. They find each other by DMLC_* variables, talk over
127.0.0.1, and are ended together: MXNet's workers would wait forever for one that is gone. On a cluster
the same variables are set by other means: the book's page on scale shows how.
"""

import argparse
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from d2l_attention.backend.checks import check_integer, check_sizes

HOST = "127.0.0.1"
LOOK = 0.05  # seconds between two looks at the processes
LEAVE = 10  # seconds that processes have to end by themselves
# Importing MXNet with these roles serves until all workers are done, and exits. It imports scikit-learn if
# it can, for nothing that is needed here, which takes as long as all the rest.
SERVE = (sys.executable, "-c", "import sys; sys.modules['sklearn'] = None; import d2l_attention")
DIE_WITH_PARENT = 1  # Linux's PR_SET_PDEATHSIG


class WorkerLostError(RuntimeError):
    """A process ended before the training did."""


class Member(NamedTuple):
    """A process that was started, and what it is called."""

    name: str
    process: subprocess.Popen

    @property
    def is_worker(self) -> bool:
        return self.name.startswith("worker")


def launch(
    program: Sequence[str], *, workers: int, servers: int = 1, port: int | None = None
) -> None:
    """Run a program as so many workers, and return when all have ended well.

    Parameters
    ----------
    program : sequence of str
        A command's words.
    workers, servers : int
    port : int, optional
        On which the scheduler listens; by default one that is free.

    Raises
    ------
    TypeError, ValueError
        A number is not what it should be, or the port is taken.
    WorkerLostError
        A process failed or was killed; by then all others have been ended.

    >>> launch([sys.executable, "-c", "pass"], workers=0)
    Traceback (most recent call last):
    ...
    ValueError: workers must be at least 1, got 0
    """
    check_sizes(workers=workers, servers=servers)
    variables = environment(workers, servers, free_port() if port is None else checked(port))
    members = []
    try:
        for name in ["scheduler", *_names("server", servers), *_names("worker", workers)]:
            role = name.partition(" ")[0]
            command = program if role == "worker" else SERVE
            members.append(Member(name, _start(command, variables | {"DMLC_ROLE": role})))
        _watch(members)
    finally:
        _end(members)


def environment(workers: int, servers: int, port: int, host: str = HOST) -> dict[str, str]:
    """The variables that all processes of a training share; DMLC_ROLE says what each is.

    >>> environment(2, 1, 9000)["DMLC_NUM_WORKER"]
    '2'
    """
    own = ("DMLC_", "PS_")
    # MXNet takes PORT, which some hosts set, for the port of every process
    kept = {k: v for k, v in os.environ.items() if not k.startswith(own) and k != "PORT"}
    numbers = {"DMLC_NUM_WORKER": workers, "DMLC_NUM_SERVER": servers, "DMLC_PS_ROOT_PORT": port}
    named = {"DMLC_PS_ROOT_URI": host, "DMLC_NODE_HOST": host}
    return kept | named | {name: str(number) for name, number in numbers.items()}


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def checked(port: int) -> int:
    """The port, if nobody listens on it; else a ValueError."""
    check_integer("port", port, 1, 2**16)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            free = "leave it out to have a free one chosen"
            raise ValueError(f"port {port} cannot be used ({error.strerror}): {free}") from None
    return port


def _names(role: str, count: int) -> list[str]:
    return [f"{role} {number}" for number in range(count)]


def _start(command: Sequence[str], variables: dict[str, str]) -> subprocess.Popen:
    return subprocess.Popen([*command], env=variables, preexec_fn=_dies_with_parent())


def _dies_with_parent() -> Callable | None:
    """On Linux: what lets a process be killed when this one is gone, however it went."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: little is allowed between fork and exec
    return lambda: prctl(DIE_WITH_PARENT, signal.SIGKILL)


def _watch(members: list[Member]) -> None:
    """Wait until all workers have ended well, or one process has not."""
    workers = [member for member in members if member.is_worker]
    while any(member.process.poll() is None for member in workers):
        _check(members)
        time.sleep(LOOK)
    _check(members)
    deadline = time.monotonic() + LEAVE
    while any(member.process.poll() is None for member in members) and time.monotonic() < deadline:
        time.sleep(LOOK)


def _check(members: list[Member]) -> None:
    for member in members:
        code = member.process.poll()
        if code:
            way = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"failed ({code})"
            again = "A training with a checkpoint goes on from it when it is started again."
            raise WorkerLostError(f"{member.name} {way}, and all others were ended. {again}")


def _end(members: list[Member]) -> None:
    """End all that still run: first they are asked, then they are killed."""
    running = [member.process for member in members if member.process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 if a process was lost, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m d2l_attention.distributed",
        description="Train with several workers on this machine.",
    )
    parser.add_argument("--workers", type=int, required=True, help="processes that train")
    parser.add_argument("--servers", type=int, default=1, help="processes that sum (default: 1)")
    parser.add_argument("--port", type=int, help="the scheduler's (default: one that is free)")
    parser.add_argument("program", help="a Python file, or the name of a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the program")
    given = parser.parse_args(arguments)
    start = [given.program] if given.program.endswith(".py") else ["-m", given.program]
    program = [sys.executable, *start, *given.arguments]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        launch(program, workers=given.workers, servers=given.servers, port=given.port)
    except (ValueError, WorkerLostError) as error:
        print(f"distributed: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0
