"""The notebooks of the book, in reading order. Loads nothing of the package: `execute` and `measure`
have to choose the processor's instructions before NumPy is loaded.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def toc_notebooks(root: Path) -> list[str]:
    """Paths of the notebooks in _toc.yml, in reading order, relative to ``root``."""
    found: list[str] = []

    def visit(entry) -> None:
        if isinstance(entry, list):
            for item in entry:
                visit(item)
        elif isinstance(entry, dict):
            if "file" in entry and (root / f"{entry['file']}.ipynb").is_file():
                found.append(f"{entry['file']}.ipynb")
            for value in entry.values():
                visit(value)

    visit(yaml.safe_load((root / "_toc.yml").read_text("utf-8")))
    return found
