"""Re-execute notebooks so that the same source gives the same bytes: python -m
book.publishing.execute [--check] [PATH ...]

Without paths all notebooks of _toc.yml are executed. A notebook is written only when
all its cells have run. Outputs of cells tagged nbval-ignore-output (timings) stay as
they are, unless the cell's source differs from the last commit's. With --check nothing
is written, and the exit code tells whether a file would change.
"""

import argparse
import itertools
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from book.publishing import processor
from book.publishing.contents import ROOT, toc_notebooks

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
# What the book, the decks, nbval and Colab read
CELL_METADATA = {"cellView", "mystnb", "slideshow", "tags", "tolerance"}
KEEP_OUTPUT = "nbval-ignore-output"
KERNEL_OPTIONS = [
    # Errors only: else a warning that local TCP is not encrypted
    "--IPKernelApp.log_level=40",
    # Matplotlib would note its version in every picture
    "--InlineBackend.print_figure_kwargs="
    + str({"bbox_inches": "tight", "metadata": {"Software": None}}),
]


def execute(path: Path) -> str:
    """Runs the notebook in its own folder, in a fresh kernel, and returns the new
    file's text.

    Raises nbclient's CellExecutionError at the first cell that fails.
    """
    notebook = nbformat.read(path, as_version=4)
    edited = edited_since_commit(path, notebook)
    old_outputs = {
        cell.get("id"): cell.outputs
        for cell in kept_cells(notebook)
        if cell.get("id") not in edited
    }
    tidy(notebook)
    NotebookClient(notebook, **client_options(path)).execute()
    for cell in kept_cells(notebook):
        cell.outputs = old_outputs.get(cell.id) or cell.outputs
    tidy(notebook)
    return nbformat.writes(notebook) + "\n"


def client_options(path: Path) -> dict:
    """How nbclient runs a notebook: in its own folder, leaving nothing that differs from run
    to run.
    """
    return {
        "kernel_name": KERNEL["name"],
        "timeout": None,
        "record_timing": False,
        "coalesce_streams": True,
        "resources": {"metadata": {"path": str(path.parent)}},
        "extra_arguments": KERNEL_OPTIONS,
    }


def kept_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """The code cells whose outputs differ from run to run."""
    return [
        c
        for c in notebook.cells
        if c.cell_type == "code" and KEEP_OUTPUT in c.metadata.get("tags", [])
    ]


def edited_since_commit(path: Path, notebook: NotebookNode) -> set[str]:
    """Ids of the cells that are new or differ from the last commit; empty without git
    or before the first commit.
    """
    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        shown = subprocess.run(command, cwd=path.parent, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return set()
    committed = nbformat.reads(shown.decode("utf-8"), as_version=4).cells
    sources = {cell.get("id"): cell.source for cell in committed}
    now = {cell.get("id"): cell.source for cell in notebook.cells}
    return {name for name, source in now.items() if sources.get(name) != source}


def tidy(notebook: NotebookNode) -> None:
    """Keeps the metadata that somebody reads, drops the kernel's version and cell timings,
    and gives cells without an id, or with an earlier one's, one that stays.
    """
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    taken = {cell.get("id") for cell in notebook.cells}
    free = (name for name in map("cell-{}".format, itertools.count()) if name not in taken)
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
        if not cell.get("id") or cell.id in seen:
            cell.id = next(free)
        seen.add(cell.id)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks; default: all of _toc.yml")
    check_help = "write nothing, fail if a notebook would change"
    parser.add_argument("--check", action="store_true", help=check_help)
    arguments = parser.parse_args()
    processor.pin()
    os.environ["D2L_ATTENTION_SCALE"] = "quick"
    os.environ["D2L_ATTENTION_FIGURES"] = "page"  # pages bring the scripts of live figures
    os.environ.pop("MPLBACKEND", None)  # figures go into the notebook
    changed = []
    for path in arguments.paths or [ROOT / name for name in toc_notebooks(ROOT)]:
        text = execute(path)
        if text != path.read_text("utf-8"):
            changed.append(path)
            if not arguments.check:
                path.write_text(text, "utf-8")
        print(f"{path}: {'changed' if path in changed else 'unchanged'}", flush=True)
    return 1 if arguments.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
