"""Run notebooks at the papers' scale, so that they record what they measure: python -m
book.publishing.measure [NAME ...]

NAME is a system, as in results/NAME.json; without names all systems are run, in the
order of the book. A notebook writes results/ itself; the executed copy, with its figures
and its tables, goes to _build/paper/. What a cell prints is shown at once, since it may
take hours. A notebook that fails does not stop those after it; the exit code then says
so at the end, and the copy holds what has run.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from book.publishing.contents import ROOT, toc_notebooks
from book.publishing.execute import client_options

COPIES = ROOT / "_build" / "paper"


class ShowingClient(NotebookClient):
    """Executes a notebook, and shows at which cell it is and what its cells print."""

    async def async_execute_cell(self, cell, cell_index, *args, **kwargs):
        if cell.cell_type == "code":
            code = [each for each in self.nb.cells if each.cell_type == "code"]
            number = 1 + [each is cell for each in code].index(True)
            print(f"-- cell {number} of {len(code)}", flush=True)
        return await super().async_execute_cell(cell, cell_index, *args, **kwargs)

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream":
            print(msg["content"]["text"], end="", flush=True)
        return super().output(outs, msg, display_id, cell_index)


def systems() -> dict[str, Path]:
    """The notebooks that record results: {name of the system: path}."""
    paths = [ROOT / name for name in toc_notebooks(ROOT) if name.startswith("chapters/")]
    return {path.stem: path for path in paths if path.stem != "index"}


def measure(path: Path) -> bool:
    """Runs a notebook in its own folder and leaves the executed copy. Returns whether
    all of its cells have run.
    """
    notebook = nbformat.read(path, as_version=4)
    try:
        ShowingClient(notebook, **client_options(path)).execute()
    except (CellExecutionError, DeadKernelError) as error:
        print(error, file=sys.stderr, flush=True)
        return False
    finally:
        COPIES.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, COPIES / path.name)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="systems; default: all of them")
    names, known = parser.parse_args().names, systems()
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(known)}")
    os.environ["D2L_ATTENTION_SCALE"] = "paper"
    os.environ.pop("MPLBACKEND", None)  # figures go into the copy
    failed = []
    for name in names or known:
        print(f"== {name}", flush=True)
        started = time.perf_counter()
        if not measure(known[name]):
            failed.append(name)
        minutes = (time.perf_counter() - started) / 60
        how = "failed after" if name in failed else "took"
        print(f"== {name} {how} {minutes:.1f} minutes", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
