"""The tables of the notebooks print what results/NAME.json holds, and nothing else."""

import doctest
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

from book.publishing.slides import toc_notebooks
from tests.book.publishing import ROOT

COLUMN = "paper-scale run"
NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?%?")
RECORDED = [
    name for name in toc_notebooks(ROOT) if (ROOT / "results" / f"{Path(name).stem}.json").is_file()
]


def column_of_tables(text: str, title: str) -> list[str]:
    """The cells below a title in the Markdown tables of a text.

    >>> column_of_tables("| a | b |\\n|---|---|\\n| 1 | 2 |\\n| 3 | 4 |\\n", "b")
    ['2', '4']
    """
    cells, place = [], None
    for line in text.splitlines():
        row = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.strip().startswith("|"):
            place = None
        elif place is not None and not set(row[place]) <= set(":-"):
            cells.append(row[place])
        elif title in row:
            place = row.index(title)
    return cells


def unrecorded(cell: str, metrics: dict) -> list[str]:
    """The numbers in a table's cell that no metric's mean or deviation rounds to.

    >>> metrics = {"accuracy": {"mean": 0.9641, "std": 0.0123}}
    >>> unrecorded("96.4% ± 0.01, not 0.97", metrics)
    ['0.97']
    """
    values = [m[key] for m in metrics.values() for key in ("mean", "std")]
    return [
        number
        for number in NUMBER.findall(cell)
        if not any(number == rounded(v, number) for v in values if v is not None)
    ]


def rounded(value: float, like: str) -> str:
    """A value with the digits, and in the per cent, of a printed number."""
    decimals = len(like.rstrip("%").partition(".")[2])
    return f"{value:,.{decimals}{'%' if like.endswith('%') else 'f'}}"


def test_there_are_results():
    assert "chapters/01_nadaraya_watson/kernel_regression.ipynb" in RECORDED


@pytest.mark.parametrize("name", RECORDED)
def test_the_table_prints_what_the_paper_scale_run_measured(name):
    result = json.loads((ROOT / "results" / f"{Path(name).stem}.json").read_text())
    cells = nbformat.read(ROOT / name, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    printed = column_of_tables(text, COLUMN)
    assert sum(bool(NUMBER.search(cell)) for cell in printed) >= 3, (
        f"no column {COLUMN!r} with numbers in {name}"
    )
    wrong = [n for cell in printed for n in unrecorded(cell, result["metrics"])]
    assert wrong == [], f"not in results/{Path(name).stem}.json"


def test_a_wrong_number_is_noticed():
    metrics = {"slope": {"mean": -0.8149, "std": None}}
    assert unrecorded("-0.81", metrics) == []
    assert unrecorded("-0.82", metrics) == ["-0.82"]
    assert unrecorded("0.81", metrics) == ["0.81"]
    table = f"| x | {COLUMN} |\n|---|---|\n| a | -0.82 |\n\nThe end, 5 | 6\n"
    assert column_of_tables(table, COLUMN) == ["-0.82"]


def test_docstring_examples():
    ran = doctest.testmod(sys.modules[__name__])
    assert ran.attempted and not ran.failed
