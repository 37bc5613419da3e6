"""Re-executing a notebook gives the same bytes, keeps timings, and never leaves a
half-run file.
"""

import base64
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from book.publishing import execute
from tests.book.publishing import ROOT

PLOT = "import matplotlib.pyplot as plt\n\n_ = plt.plot([1, 2])"
TIMING = "import time\n\nprint(time.perf_counter_ns())"


def notebook(path, *cells):
    nbformat.write(
        new_notebook(cells=list(cells), metadata={"colab": {}, "kernelspec": execute.KERNEL}),
        path,
    )
    return path


def run(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "book.publishing.execute", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    timing = new_code_cell(
        TIMING, metadata={"tags": [execute.KEEP_OUTPUT], "execution": {"iopub": "now"}}
    )
    threads = new_code_cell("import os\n\nprint(os.environ['OMP_NUM_THREADS'])")
    path = notebook(
        tmp_path_factory.mktemp("notebook") / "one.ipynb",
        new_code_cell(PLOT),
        timing,
        threads,
    )
    assert run(path).returncode == 0
    return path


def test_twice_gives_the_same_bytes(executed):
    before = executed.read_bytes()
    assert run("--check", executed).returncode == 0
    assert run(executed).stdout.strip().endswith("unchanged")
    assert executed.read_bytes() == before


def test_only_what_somebody_reads_is_kept(executed):
    result = nbformat.read(executed, as_version=4)
    assert result.metadata == {
        "kernelspec": execute.KERNEL,
        "language_info": {"name": "python"},
    }
    assert [cell.metadata for cell in result.cells] == [
        {},
        {"tags": [execute.KEEP_OUTPUT]},
        {},
    ]
    assert [cell.execution_count for cell in result.cells] == [1, 2, 3]
    assert result.cells[2].outputs[0].text == "1\n"
    assert b"tEXt" not in base64.b64decode(result.cells[0].outputs[0].data["image/png"])


def test_ids_that_are_there_stay_and_no_two_are_alike():
    given = [None, "x", "x", "cell-1", "cell-0"]
    made = new_notebook(cells=[new_code_cell() for _ in given])
    for cell, name in zip(made.cells, given, strict=True):
        cell.id = name
    execute.tidy(made)
    ids = [cell.id for cell in made.cells]
    assert (ids[1], *ids[3:]) == ("x", "cell-1", "cell-0")
    assert all(ids) and len(set(ids)) == len(ids)
    execute.tidy(made)
    assert [cell.id for cell in made.cells] == ids


def test_a_timing_cell_runs_anew_only_when_its_source_differs_from_the_commit(executed, tmp_path):
    path = tmp_path / "two.ipynb"
    path.write_bytes(executed.read_bytes())
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", path.name], ["commit", "-qm", "notebook"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    old = nbformat.read(path, as_version=4).cells[1].outputs
    assert run(path).returncode == 0
    assert path.read_bytes() == executed.read_bytes()
    path.write_text(
        path.read_text("utf-8").replace("counter_ns())", "counter_ns())  # new"),
        "utf-8",
    )
    done = run("--check", path)
    assert done.returncode == 1 and "changed" in done.stdout
    assert run(path).returncode == 0
    assert nbformat.read(path, as_version=4).cells[1].outputs != old


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = notebook(tmp_path / "bad.ipynb", new_code_cell("print(1)"), new_code_cell("1 / 0"))
    before = path.read_bytes()
    done = run(path)
    assert done.returncode != 0 and "ZeroDivisionError" in done.stderr
    assert path.read_bytes() == before
