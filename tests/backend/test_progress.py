"""The progress line ends in a state that no run changes, in a terminal and in a notebook."""

import contextlib
import functools
import os
import struct
import subprocess
import sys

import nbclient
import nbformat
import pytest
from tqdm import tqdm

from d2l_attention.backend import progress
from d2l_attention.backend.progress import ProgressLine

NOTEBOOK = """
from d2l_attention.backend.progress import ProgressLine
with ProgressLine("training", 8, True, may_stop=True) as line:
    for epoch in range(5):
        for step in range(100):
            line.show(f"loss {123456 / (step + 1):.3g}, step {step}")
        line.end_epoch({"epoch": epoch + 1, "validation": 2.0}, best=2)
print(3)
"""
LAST_LINE = "training |##########| at most 8 epochs\n"


def last_state(text: str) -> str:
    return text.rpartition("\r")[2]


@pytest.fixture(params=[0, 1e9], ids=["always rewritten", "never rewritten"])
def rewritten(request, monkeypatch):
    """How fast the machine is decides how often the line is rewritten."""
    monkeypatch.setattr(progress, "tqdm", functools.partial(tqdm, mininterval=request.param))
    return request.param == 0


@pytest.mark.parametrize("shown", [0, 1, 30])
@pytest.mark.parametrize(("may_stop", "count"), [(False, "3/3"), (True, "at most 3")])
def test_it_ends_the_same_however_often_it_was_rewritten(rewritten, shown, may_stop, count, capsys):
    with ProgressLine("training", 3, True, may_stop=may_stop) as line:
        for epoch in range(3):
            for step in range(shown):
                line.show(f"loss {10.0**-step:.3g}, step {step}, and more")
            line.end_epoch({"epoch": epoch + 1, "loss": 0.12345}, best=None)
    out, err = capsys.readouterr()
    assert last_state(out) == f"training |##########| {count} epochs\n" and err == ""
    assert out.count("\n") == 1 and (out.count("\r") > 2 * shown or not rewritten)


def test_it_ends_the_same_whether_or_not_training_stopped_early(capsys):
    for epochs in (1, 6):
        with ProgressLine("training", 6, True, may_stop=True) as line:
            for epoch in range(epochs):
                line.end_epoch({"epoch": epoch + 1, "loss": 0.5}, best=epoch)
        assert last_state(capsys.readouterr().out) == "training |##########| at most 6 epochs\n"


def test_meanwhile_it_says_what_was_measured(capsys, monkeypatch):
    monkeypatch.setattr(progress, "tqdm", functools.partial(tqdm, mininterval=0))
    with ProgressLine("learning", 2, True, may_stop=True) as line:
        line.end_epoch({"epoch": 1, "loss": 0.12345, "validation": 20.0}, best=0)
    out = capsys.readouterr().out
    assert "learning |#####     | 1/2 epochs, loss 0.123, validation 20, best epoch 1" in out


def test_an_error_leaves_the_line_where_it_was(capsys):
    with pytest.raises(KeyError), ProgressLine("training", 3, True, may_stop=False) as line:
        line.end_epoch({"epoch": 1, "loss": 0.5}, best=None)
        raise KeyError
    assert "3/3" not in capsys.readouterr().out


def test_it_can_be_invisible(capsys):
    with ProgressLine("training", 1, False, may_stop=False) as line:
        line.show("loss")
        line.end_epoch({"epoch": 1, "loss": 0.5}, best=None)
    assert capsys.readouterr() == ("", "")


def test_a_narrow_terminal_does_not_cut_it():
    """tqdm asks the terminal for its width, also the one that a notebook's kernel was started in."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))
    parent, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    code = NOTEBOOK.replace("print(3)", "")
    subprocess.run([sys.executable, "-c", code], stdout=terminal, check=True)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux says that a terminal is closed
        while part := os.read(parent, 65536):
            shown += part
    os.close(parent)
    assert last_state(shown.decode().replace("\r\n", "\n")) == LAST_LINE


def test_an_executed_notebook_passes_strict_nbval(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    name = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.kernelspec = name
    nbclient.NotebookClient(notebook, record_timing=False, coalesce_streams=True).execute()
    (output,) = notebook.cells[0].outputs
    assert (output.name, output.text) == ("stdout", LAST_LINE + "3\n")
    nbformat.write(notebook, tmp_path / "right.ipynb")
    output.text = output.text.replace("most 8", "most 9")
    nbformat.write(notebook, tmp_path / "wrong.ipynb")
    options = ["-rA", "--nbval", "--nbval-current-env", "--color=no", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "PASSED right.ipynb" in result.stdout and "FAILED wrong.ipynb" in result.stdout
