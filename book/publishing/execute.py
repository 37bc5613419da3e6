"""Re-execute notebooks so that the same source gives the same bytes: python
book/publishing/execute.py [--check] [PATH ...]

Without paths all notebooks of _toc.yml are executed. A notebook is written only when
all its cells have run. Outputs of cells tagged nbval-ignore-output (timings) stay as
they are, unless the cell's source differs from the last commit's. With --check nothing
is written, and the exit code tells whether a file would change.
"""

import argparse
import base64
import os
import struct
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from book.publishing import processor
from book.publishing.slides import ROOT, toc_notebooks

KERNEL = {
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
    "name": "python3",
}
# What the book, the decks, nbval and Colab read
CELL_METADATA = {"cellView", "mystnb", "slideshow", "tags", "tolerance"}
KEEP_OUTPUT = "nbval-ignore-output"


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
    tidy_cells(notebook)
    client = NotebookClient(
        notebook,
        kernel_name=KERNEL["name"],
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        # Errors only: else a warning that local TCP is not encrypted
        extra_arguments=["--IPKernelApp.log_level=40"],
    )
    client.execute()
    for cell in kept_cells(notebook):
        cell.outputs = old_outputs.get(cell.id) or cell.outputs
    tidy_outputs(notebook)
    return nbformat.writes(notebook) + "\n"


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
        shown = subprocess.run(
            command,
            cwd=path.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return set()
    committed = {
        cell.get("id"): cell.source for cell in nbformat.reads(shown.stdout, as_version=4).cells
    }
    return {
        cell.get("id") for cell in notebook.cells if committed.get(cell.get("id")) != cell.source
    }


def tidy_cells(notebook: NotebookNode) -> None:
    """Keeps the metadata that somebody reads, and gives cells without an id, or with
    another's, one that stays.
    """
    notebook.metadata = NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in CELL_METADATA})
        if not cell.get("id") or cell.id in seen:
            cell.id = f"cell-{number}"
        seen.add(cell.id)


def tidy_outputs(notebook: NotebookNode) -> None:
    """Drops what depends on the machine: the kernel's version, cell timings, programs'
    names inside PNG files.
    """
    tidy_cells(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            image = output.get("data", {}).get("image/png")
            if image:
                plain = without_text_chunks(base64.b64decode(image))
                output["data"]["image/png"] = base64.b64encode(plain).decode("ascii")


def without_text_chunks(png: bytes) -> bytes:
    """The PNG file without its text chunks, in which Matplotlib notes its version."""
    kept, position = [png[:8]], 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        end = position + 12 + length
        if png[position + 4 : position + 8] != b"tEXt":
            kept.append(png[position:end])
        position = end
    return b"".join(kept)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks; default: all of _toc.yml")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing, fail if a notebook would change",
    )
    arguments = parser.parse_args()
    processor.pin()
    os.environ["D2L_ATTENTION_SCALE"] = "quick"
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
