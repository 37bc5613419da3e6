"""`make results`: measures at the paper's scale, says what it reuses, and goes on after a
notebook that fails.
"""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.book.publishing import ROOT

pytestmark = pytest.mark.plumbing

TINY = [
    """
from d2l_attention import try_gpu
from d2l_attention.notebook import experiment as scale
from d2l_attention.regression import error
from d2l_attention.notebook.runs import Runs
from d2l_attention.backend.devices import describe_device

settings = scale.choose(
    quick={"seeds": [0], "hand": 1}, paper={"seeds": [0, 1], "hand": 7}
)
""",
    """
def run(seed):
    "Prose."
    print("running", seed)
    return {"error": error(seed)}


def by_hand():
    return {"error": settings.hand}


runs = Runs("tiny", device=try_gpu())
errors = [runs.measure(f"seed {s}", run, s)["error"] for s in settings.seeds]
errors = [runs.measure("by hand", by_hand)["error"], *errors]
errors = [runs.measure("none", lambda: {"error": 0})["error"], *errors]
""",
    """
_ = scale.save_results(
    "tiny",
    {"error": {"values": errors, "paper": None, "unit": "1"}},
    minutes=0.5,
    seeds=range(4),
    data="none",
    device=describe_device(try_gpu()),
    runs=runs,
)
""",
]
MODULE = 'def error(seed):\n    """Prose."""\n    return 0.5 + seed\n'


class Repository:
    """A repository with the package, what publishes it and two notebooks, one of which fails."""

    def __init__(self, root):
        self.root = root
        ignore = shutil.ignore_patterns("__pycache__")
        for folder in ("d2l_attention", "book/publishing"):
            shutil.copytree(ROOT / folder, root / folder, ignore=ignore)
        self.module = root / "d2l_attention" / "regression.py"
        self.module.write_text(MODULE)
        self.write("broken", ["print('before')", "1 / 0", "print('after')"])
        self.write("tiny", TINY)
        names = ("index", "broken", "tiny")
        files = "".join(f"- file: chapters/01/{name}\n" for name in names)
        (root / "_toc.yml").write_text(f"root: book/index\nchapters:\n{files}")
        self.write("index", ["1 / 0"])

    def write(self, name: str, sources: list[str]) -> None:
        path = self.root / "chapters" / "01" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)

    def measure(self, *names: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"PYTHONPATH": str(self.root)}
        environment.pop("D2L_ATTENTION_RUNS", None)
        return subprocess.run(
            [sys.executable, "-m", "book.publishing.measure", *names],
            cwd=self.root,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )

    def results(self) -> dict:
        return json.loads((self.root / "results" / "tiny.json").read_text())

    def copy_of(self, name: str) -> list[list]:
        """Outputs of the executed copy, cell by cell."""
        path = self.root / "_build" / "paper" / f"{name}.ipynb"
        return [cell.outputs for cell in nbformat.read(path, as_version=4).cells]


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def first(repository):
    """All systems, for the first time."""
    return repository.measure()


def test_all_systems_are_measured_though_one_fails(repository, first):
    assert first.returncode == 1
    assert "ZeroDivisionError" in first.stderr
    assert first.stderr.endswith("failed: broken\n")
    assert repository.results()["metrics"]["error"]["values"] == [0, 7, 0.5, 1.5]
    assert [len(outputs) for outputs in repository.copy_of("broken")] == [1, 1, 0]
    assert not (repository.root / "_build" / "paper" / "index.ipynb").exists()


def test_progress_is_shown(first):
    lines = [line.rpartition(" took ")[0] or line for line in first.stdout.splitlines()]
    assert lines[lines.index("== tiny") :] == [
        "== tiny",
        "-- cell 1 of 3",
        "-- cell 2 of 3",
        "running 0",
        "tiny, seed 0: measured, 0.0 minutes",
        "running 1",
        "tiny, seed 1: measured, 0.0 minutes",
        "tiny, by hand: measured, 0.0 minutes",
        "tiny, none: measured, 0.0 minutes",
        "-- cell 3 of 3",
        f"tiny: 0 of 4 runs reused, the oldest of {lines[-2].split()[-1]}",
        "== tiny",
    ]


def test_the_record_is_of_the_execution_and_the_notebook_stays_as_it_was(repository, first):
    record = (repository.root / "results" / "tiny.runs.jsonl").read_text().splitlines()
    keys = [json.loads(line)["key"] for line in record]
    assert keys == ["seed 0", "seed 1", "by hand", "none"]
    assert repository.results()["runs"]["reused"] == 0
    path = repository.root / "chapters" / "01" / "tiny.ipynb"
    assert all(not c.outputs for c in nbformat.read(path, as_version=4).cells)


def test_the_next_time_runs_are_reused_until_code_changes(repository, first):
    prose = TINY[1].replace('"Prose."', '"Other."  # a comment')
    repository.write("tiny", [TINY[0], prose, TINY[2]])
    repository.module.write_text(MODULE.replace("Prose.", "Other."))
    again = repository.measure("tiny")
    assert again.returncode == 0 and "broken" not in again.stdout
    assert "tiny: 4 of 4 runs reused" in again.stdout and "running" not in again.stdout
    assert repository.results()["runs"]["reused"] == 4

    changed_setting = TINY[0].replace('"hand": 7', '"hand": 8')
    repository.write("tiny", [changed_setting, prose, TINY[2]])
    assert "tiny: 0 of 4 runs reused" in repository.measure("tiny").stdout
    repository.module.write_text(MODULE.replace("0.5", "0.25"))
    assert "tiny: 0 of 4 runs reused" in repository.measure("tiny").stdout
    values = repository.results()["metrics"]["error"]["values"]
    assert values == [0, 8, 0.25, 1.25]


def test_an_unknown_system_is_refused_with_the_known_ones(repository):
    done = repository.measure("tiny", "nothing")
    assert done.returncode == 2 and done.stdout == ""
    assert "nothing: not among broken, tiny" in done.stderr


# ------------------------------------------------------------------------------- make
def make(*arguments: str, **environment: str) -> str:
    """What make would do."""
    return subprocess.run(
        ["make", "--dry-run", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.rstrip("\n ")


def test_make_results_measures_all_systems_or_one():
    assert make("results").endswith("-m book.publishing.measure")
    assert make("results", "NAME=tiny").endswith("-m book.publishing.measure tiny")
    # On some systems a variable NAME holds the computer's name
    assert make("results", NAME="computer").endswith("-m book.publishing.measure")


def test_make_clean_keeps_the_runs_unless_told_otherwise():
    assert ".runs" not in make("clean")
    assert make("clean", "RUNS=1").endswith(" .runs")
