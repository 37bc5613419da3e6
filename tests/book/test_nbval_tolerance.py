"""A stated tolerance forgives trained numbers, and nothing else, and nowhere else."""

import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.book import nbval_tolerance
from tests.book.publishing import ROOT

STORED = "seed 3: error 0.071 of 250 questions\n"
CELLS = {  # what is printed in place of STORED, the tolerance, whether it passes
    "the same": (STORED, None, True),
    "no tolerance": (STORED.replace("0.071", "0.072"), None, False),
    "within": (STORED.replace("0.071", "0.081"), 0.01, True),
    "beyond": (STORED.replace("0.071", "0.082"), 0.01, False),
    "another word": (STORED.replace("error", "accuracy"), 0.01, False),
    "another count": (STORED.replace("250", "251"), 5, False),
    "another seed": (STORED.replace("seed 3", "seed 4"), 5, False),
    "another line": (STORED * 2, 0.01, False),
    "not a number": (STORED.replace("0.071", "nan"), 0.01, False),
    "a tolerance of zero": (STORED, 0, False),
    "a tolerance in words": (STORED, "5%", False),
}


# An object like the ledger's table, which prints itself in two ways
LEDGER = """class Table:
    _repr_markdown_ = lambda self: "| error | 0.50 |"
    __repr__ = lambda self: "error 0.50"
Table()"""
TABLES = {"| error | 0.45 |": True, "| error | 0.39 |": False, "| errors | 0.50 |": False}


def cell(printed, tolerance):
    metadata = {} if tolerance is None else {"tolerance": tolerance}
    made = new_code_cell(f"print({printed!r}, end='')", metadata=metadata)
    made.outputs = [new_output("stream", name="stdout", text=STORED)]
    return made


def value_cell(source, data):
    made = new_code_cell(source, metadata={"tolerance": 0.1})
    made.outputs = [new_output("execute_result", data=data, execution_count=1)]
    return made


def table_cell(stored):
    return value_cell(LEDGER, {"text/markdown": stored, "text/plain": "error 0.45"})


def test_what_passes_and_what_does_not(tmp_path):
    notebook = new_notebook(cells=[cell(*case[:2]) for case in CELLS.values()])
    notebook.cells += [value_cell("0.5", {"text/plain": "0.45"}), *map(table_cell, TABLES)]
    for number, made in enumerate(notebook.cells, start=1):
        made.execution_count = number
    nbformat.write(notebook, tmp_path / "cells.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "--color=no",
        "-p",
        "tests.book.nbval_tolerance",
    ]
    done = subprocess.run(
        [*command, "--nbval", "--nbval-current-env", "cells.ipynb"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = [passes for *_, passes in CELLS.values()] + [True, *TABLES.values()]
    for number, passes in enumerate(expected):
        word = "PASSED" if passes else "FAILED"
        assert re.search(rf"{word} cells.ipynb::Cell {number}\b", done.stdout), number


@pytest.mark.parametrize(
    "test, reference, tolerance, same",
    [
        ("[0.6  0.07]", "[0.61 0.07]", 0.02, False),  # padding is part of the text
        ("[0.6 0.07]", "[0.61 0.07]", 0.02, True),
        ("1e-3", "1e-4", 1.0, False),  # whole numbers are not trained
        ("1.0e-3", "1.0e-4", 0.001, True),
        ("-0.01", "0.01", 0.02, True),
        ("version 1.9.1", "version 1.9.2", 1.0, False),
        ("x0.5", "x0.6", 0.2, False),
        ("(0.5)", "(0.7)", 0.2, True),
    ],
)
def test_agreement(test, reference, tolerance, same):
    assert nbval_tolerance.agree(test, reference, tolerance) is same
