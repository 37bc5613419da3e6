"""The tables of the results page and of the notebooks print what results/ holds, and nothing else."""

import doctest
import json
import re
import sys
from pathlib import Path

import nbformat
import pytest

from book.publishing import generated_pages, systems
from book.publishing.browser import file_url
from book.publishing.contents import toc_notebooks
from d2l_attention.notebook import ledger
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
    """Made by the ledger, and up to date; or typed by hand, as before there was one."""
    system = Path(name).stem
    result = json.loads((ROOT / "results" / f"{system}.json").read_text())
    cells = nbformat.read(ROOT / name, as_version=4).cells
    shown = [shown_by(cell) for cell in cells if f'ledger.table("{system}"' in cell.source]
    if shown:
        assert [without_this_notebook(text) for text in shown] == [
            without_this_notebook(ledger.table(system).markdown()) for _ in shown
        ]
        return
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    printed = column_of_tables(text, COLUMN)
    assert sum(bool(NUMBER.search(cell)) for cell in printed) >= 3, (
        f"no column {COLUMN!r} with numbers in {name}"
    )
    wrong = [n for cell in printed for n in unrecorded(cell, result["metrics"])]
    assert wrong == [], f"not in results/{Path(name).stem}.json"


def shown_by(cell) -> str:
    """The Markdown that a cell's stored output shows."""
    return "".join(output.get("data", {}).get("text/markdown", "") for output in cell.outputs)


def without_this_notebook(markdown: str) -> list[list[str]]:
    """The rows of a table but the column "this notebook", and the sentence on the run.

    >>> without_this_notebook("| metric | this notebook |\\n| --- | --- |\\n| a | 5 |\\n\\nSaid.")
    [['metric'], ['---'], ['a']]
    """
    rows = [line[2:-2].split(" | ") for line in markdown.splitlines() if line.startswith("|")]
    left_out = rows[0].index("this notebook") if "this notebook" in rows[0] else None
    kept = [[cell for place, cell in enumerate(row) if place != left_out] for row in rows]
    return kept + [[line] for line in markdown.splitlines() if "`make results NAME=" in line]


def test_a_wrong_number_is_noticed():
    metrics = {"slope": {"mean": -0.8149, "std": None}}
    assert unrecorded("-0.81", metrics) == []
    assert unrecorded("-0.82", metrics) == ["-0.82"]
    assert unrecorded("0.81", metrics) == ["0.81"]
    table = f"| x | {COLUMN} |\n|---|---|\n| a | -0.82 |\n\nThe end, 5 | 6\n"
    assert column_of_tables(table, COLUMN) == ["-0.82"]


# ------------------------------------------------------------------------------ the results page
def test_a_system_s_section_is_the_ledger_s_tables():
    system = next(s for s in systems.load(ROOT) if s.name == "memory_networks")
    lines = generated_pages.result_section(system, ROOT)
    notebook = "/chapters/03_memory_networks/memory_networks.ipynb"
    assert lines[0] == f"## [Memory networks]({notebook})"
    text = "\n".join(lines)
    assert ledger.table("memory_networks").markdown() in text
    assert "### Error on each of bAbI's twenty tasks" in text
    assert ledger.pivot("memory_networks").markdown() in text
    assert not re.search(r"error_|1k_single", text)  # words, and no keys


@pytest.mark.plumbing
def test_the_page_has_every_system_in_words(html):
    page = (html / "book" / "results.html").read_text("utf-8")
    for name in RECORDED:
        for metric in ledger.load(Path(name).stem)["metrics"].values():
            assert metric["label"].replace("'", "’") in page.replace("&#x27;", "’"), metric["label"]
    assert page.count('table class="table ledger stacks"') == len(RECORDED)
    assert "ledger-tasks" in page and "error_task" not in page


@pytest.mark.plumbing
def test_on_a_phone_rows_are_lists(html, browser):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(file_url(html / "book" / "results.html"))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for kind, title in (("ledger", "fails if"), ("ledger-tasks", "1k single: ours")):
        table = page.locator(f"table.{kind}").nth(1 if kind == "ledger" else 0)
        assert table.bounding_box()["width"] <= 390
        cell = table.locator(f"td[data-title='{title}']").first
        assert title in cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    page.close()


def test_docstring_examples():
    ran = doctest.testmod(sys.modules[__name__])
    assert ran.attempted and not ran.failed
