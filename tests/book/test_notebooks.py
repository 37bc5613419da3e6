"""What every committed notebook keeps to, so that it reads well in the book,
JupyterLab, Colab and on GitHub.
"""

import base64
import json
import re
from pathlib import Path

import nbformat
import pytest

from book.publishing import address, execute
from book.publishing.contents import toc_notebooks
from tests.book import nbval_tolerance
from tests.book.publishing import ROOT

NOTEBOOKS = toc_notebooks(ROOT)
SYSTEMS = [
    name for name in NOTEBOOKS if name.startswith("chapters/") and not name.endswith("/index.ipynb")
]
TAGS = {"claims", "hide-cell", "hide-input", "nbval-ignore-output", "remove-cell"}
SLIDE_TYPES = {"-", "fragment", "notes", "skip", "slide", "subslide"}
METRIC = re.compile(r"accuracy|loss|error|mse|bleu|auc|\bf1\b|perplexity|correct", re.IGNORECASE)
MACHINE = re.compile(
    r"(?<![\w.])/(?:tmp|home|root|Users|content|work|usr|opt)/|[A-Z]:\\\\|site-packages| at 0x[0-9a-f]{6}"
)
MYST = re.compile(r"^(```|:::)\s*\{|\{[a-z:]+\}`", re.MULTILINE)
EXERCISE = re.compile(r"^\s*(?:\d+\. +)?\*\*[^*]+\.\*\*(.*)", re.MULTILINE)
STARS = re.compile(r"(?:★|⭐|\\\*){1,3}")


def load(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / name, as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in load(name).cells if cell.cell_type == "code"]


def markdown(name: str) -> str:
    return "\n\n".join(cell.source for cell in load(name).cells if cell.cell_type == "markdown")


def outputs(name: str, kind: str | None = None) -> list[nbformat.NotebookNode]:
    found = [output for cell in code_cells(name) for output in cell.outputs]
    return [output for output in found if kind in (None, output.output_type)]


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", []))


every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def test_every_notebook_is_in_the_table_of_contents():
    found = [
        p.relative_to(ROOT).as_posix()
        for folder in ("book", "chapters")
        for p in (ROOT / folder).rglob("*.ipynb")
    ]
    assert sorted(NOTEBOOKS) == sorted(name for name in found if ".ipynb_checkpoints" not in name)


@every_notebook
def test_it_is_executed_from_top_to_bottom(name):
    assert [cell.execution_count for cell in code_cells(name)] == list(
        range(1, len(code_cells(name)) + 1)
    )


@every_notebook
def test_it_is_written_as_execute_writes_it(name):
    notebook = load(name)
    text = (ROOT / name).read_text("utf-8")
    assert nbformat.writes(notebook) + "\n" == text
    assert notebook.metadata.kernelspec.name == "python3"
    execute.tidy(notebook)
    assert nbformat.writes(notebook) + "\n" == text, "run `make execute`"


@every_notebook
def test_outputs_hold_no_error_no_warning_no_widget_and_nothing_of_the_machine(name):
    assert outputs(name, "error") == []
    assert [o.text for o in outputs(name, "stream") if o.name == "stderr"] == []
    assert not any("widget" in kind for output in outputs(name) for kind in output.get("data", {}))
    text = "\n".join(json.dumps({k: v for k, v in o.items() if k != "data"}) for o in outputs(name))
    text += "\n".join(
        str(v)
        for o in outputs(name)
        for k, v in o.get("data", {}).items()
        if not k.startswith("image/")
    )
    assert MACHINE.findall(text + "\n".join(cell.source for cell in load(name).cells)) == []


@every_notebook
def test_pictures_hold_no_text_such_as_the_version_of_matplotlib(name):
    pictures = [o.data["image/png"] for o in outputs(name) if "image/png" in o.get("data", {})]
    assert not any(b"tEXt" in base64.b64decode(picture) for picture in pictures)


@every_notebook
def test_no_command_of_latex_has_two_backslashes(name):
    r"""In Python "\\tau" may be right; in the text it is a new line and the letters "tau"."""
    assert re.findall(r"\\\\[A-Za-z]+", markdown(name)) == []


@every_notebook
def test_it_begins_with_the_setup_cell_and_the_title(name):
    setup, title, *rest = load(name).cells
    branch = address.repository(ROOT)["branch"]
    assert setup.source == address.setup_cell(address.current(ROOT), branch)
    assert tags(setup) == {"remove-cell"} and setup.metadata.slideshow.slide_type == "skip"
    assert setup.outputs == []
    assert title.cell_type == "markdown" and title.source.startswith("# ")
    assert not any(re.match(r"# ", cell.source) for cell in rest if cell.cell_type == "markdown"), (
        "two titles"
    )
    assert not any("remove-cell" in tags(cell) for cell in rest)


@every_notebook
def test_tags_and_slide_types_are_those_that_are_agreed(name):
    for cell in load(name).cells:
        assert tags(cell) <= TAGS
        assert cell.metadata.get("slideshow", {}).get("slide_type", "-") in SLIDE_TYPES
        if "hide-cell" in tags(cell):
            assert cell.metadata.get("cellView") == "form", (
                "Colab folds a cell only with cellView: form"
            )
        if "claims" in tags(cell):
            assert "hide-cell" in tags(cell) and cell.source.startswith("# @title Claims\n")


@every_notebook
def test_at_most_three_cells_escape_the_comparison_and_none_prints_a_metric(name):
    loose = [cell for cell in code_cells(name) if "nbval-ignore-output" in tags(cell)]
    assert len(loose) <= 3
    assert [c.source for c in loose if METRIC.search(c.source + json.dumps(c.outputs))] == []


def printed(cell) -> str:
    """What a cell's stored output says in text."""
    texts = [o.get("text", "") for o in cell.outputs]
    texts += [o.get("data", {}).get("text/plain", "") for o in cell.outputs]
    return "\n".join(text for text in texts if not text.startswith("<Figure"))


@every_notebook
def test_a_tolerance_is_small_and_has_numbers_to_forgive(name):
    for cell in code_cells(name):
        if (tolerance := nbval_tolerance.of_cell(cell.metadata)) is None:
            continue
        in_per_cent = "ledger.table(" in cell.source
        most = 20 if in_per_cent else 0.2
        assert tolerance <= most, f"compares next to nothing:\n{cell.source}"
        assert nbval_tolerance.NUMBER.search(printed(cell)), f"no number:\n{cell.source}"
        assert not any("text/html" in o.get("data", {}) for o in cell.outputs)
        # NumPy fills digits up with blanks, and another digit then moves the text
        assert not re.search(r"\[ |\d +[\],]|\d\.? {2,}[\d-]", printed(cell)), cell.source


@every_notebook
def test_progress_lines_hold_nothing_that_a_run_decides(name):
    lines = [
        line for cell in code_cells(name) for line in printed(cell).splitlines() if "|#" in line
    ]
    end = re.compile(r".*\|##########\| (at most \d+|(\d+)/\2) epochs")
    assert [line for line in lines if not end.fullmatch(line)] == []


@every_notebook
def test_code_has_no_trailing_semicolon_and_clears_no_output(name):
    for cell in code_cells(name):
        assert not cell.source.rstrip().endswith(";") and "clear_output" not in cell.source


def too_wide(text: str) -> list[str]:
    """The lines that scroll sideways in the book's column."""
    return [line for line in text.splitlines() if len(line) > 100]


def shown_sources(name: str) -> str:
    """What `show_source` prints in a notebook."""
    shown = [output.get("data", {}) for output in outputs(name)]
    return "\n".join(
        data["text/plain"] for data in shown if "shown-source" in data.get("text/html", "")
    )


@every_notebook
def test_code_fits_the_column(name):
    assert too_wide("\n".join(cell.source for cell in code_cells(name))) == []


def test_shown_sources_fit_the_column():
    shown = {name: shown_sources(name) for name in NOTEBOOKS}
    assert any(shown.values())
    assert {name: too_wide(text) for name, text in shown.items() if too_wide(text)} == {}


@every_notebook
def test_markdown_is_plain(name):
    assert MYST.findall(markdown(name)) == []


@every_notebook
def test_every_figure_has_alt_text_and_a_printed_number(name):
    for cell in code_cells(name):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            assert cell.metadata.get("mystnb", {}).get("image", {}).get("alt"), (
                f"no alt text:\n{cell.source}"
            )
            printed = "".join(o.get("text", "") for o in cell.outputs)
            printed += "".join(
                o.get("data", {}).get("text/plain", "")
                for o in cell.outputs
                if "image/png" not in o.get("data", {})
            )
            assert re.search(r"\d", printed.replace("<Figure", "")), (
                f"no number beside the figure:\n{cell.source}"
            )
        assert not any("image/svg+xml" in output.get("data", {}) for output in cell.outputs)


def chapters() -> list[str]:
    return sorted({Path(name).parts[1] for name in NOTEBOOKS if name.startswith("chapters/")})


@pytest.mark.parametrize("chapter", chapters())
def test_equations_carry_the_chapter_number_and_are_numbered_once(chapter):
    text = "\n".join(markdown(name) for name in NOTEBOOKS if f"/{chapter}/" in name)
    numbers = re.findall(r"\\tag\{([^}]*)\}", text)
    assert all(re.fullmatch(rf"{int(chapter[:2])}\.\d+", number) for number in numbers)
    counts = [int(number.split(".")[1]) for number in numbers]
    assert counts == list(range(1, len(counts) + 1)), "numbers rise by one in reading order"
    for equation in re.findall(r"\$\$(.+?)\$\$", text, re.DOTALL):
        assert equation.count(r"\tag") <= 1
    named = re.findall(r"[Ee]q(?:uation|\.)s? \((\d+\.\d+)\)", text)
    assert set(named) <= set(numbers)


@every_notebook
def test_relative_links_lead_to_files(name):
    folder = (ROOT / name).parent
    links = re.findall(r"\]\((?![a-z]+:|#)([^)\s#]+)", markdown(name)) + re.findall(
        r'(?:src|href)="(?!\w+:)([^"#]+)', markdown(name)
    )
    assert [link for link in links if not (folder / link).is_file()] == []
    assert not [link for link in links if link.endswith(".html")], "link the notebook, not the page"


@pytest.mark.parametrize("name", SYSTEMS)
def test_one_name_in_many_places(name):
    stem = Path(name).stem
    assert (ROOT / "d2l_attention" / "models" / f"{stem}.py").is_file()
    assert (ROOT / "tests" / "models" / f"test_{stem}.py").is_file()


def exercises(name: str) -> list[tuple[str, bool]]:
    """(first line, has a solution) of each exercise in the section "Exercises", in
    order.
    """
    cells = load(name).cells
    start = next(
        i
        for i, c in enumerate(cells)
        if c.cell_type == "markdown" and re.search(r"^## Exercises", c.source, re.MULTILINE)
    )
    found: list[tuple[str, bool]] = []
    for cell in cells[start:]:
        if cell.cell_type == "markdown" and re.search(
            r"^## (?!Exercises)", cell.source, re.MULTILINE
        ):
            break
        if cell.cell_type == "code":
            found[-1:] = [
                (line, solved or "hide-cell" in tags(cell)) for line, solved in found[-1:]
            ]
            continue
        for piece in re.split(r"\n(?=<details|\s*(?:\d+\. +)?\*\*[^*]+\.\*\*)", cell.source):
            if EXERCISE.match(piece):
                found.append((piece.strip().splitlines()[0], False))
            if "<details" in piece and found:
                found[-1] = (found[-1][0], True)
    return found


@pytest.mark.parametrize("name", SYSTEMS)
def test_exercises_have_stars_and_solutions(name):
    found = exercises(name)
    assert 4 <= len(found) <= 8
    assert [line for line, _ in found if not STARS.search(line)] == [], "one to three stars: ★"
    assert [line for line, solved in found if not solved] == [], (
        "no solution: <details> or a cell tagged hide-cell"
    )


@pytest.mark.parametrize("name", SYSTEMS)
def test_it_ends_with_its_references(name):
    headings = re.findall(r"^## (.+)$", markdown(name), re.MULTILINE)
    assert headings[-1].strip() == "References"
