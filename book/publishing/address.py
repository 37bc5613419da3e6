"""Write the repository's public address wherever it stands: python -m
book.publishing.address [owner/name]

_config.yml holds the address and the branch that readers get. From there it goes to the setup cells of all notebooks
and, between the comments `<!-- address -->` and `<!-- /address -->`, to README.md,
book/how_to_run.md and CITATION.cff. An empty name takes it away everywhere; without a
name the address of _config.yml is written again (as after adding a notebook).
"""

import argparse
import re
from pathlib import Path

import nbformat
import yaml

from book.publishing.contents import ROOT, toc_notebooks
from book.publishing.slides import title

HOST = "https://github.com"
BLOCK = r"(<!-- address -->\n).*?((?:# )?<!-- /address -->)"
CONFIG = r'(\n  url: ").*?(")'
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?/[A-Za-z0-9._-]{1,100}")

SETUP = """\
import sys

# On Colab, install the book's package; elsewhere do nothing.
if "google.colab" in sys.modules:
    import os
    import runpy
    import subprocess

    REPOSITORY = "{url}"
    if not REPOSITORY:
        raise RuntimeError(
            "This copy does not know the book's address: open the notebook from the published book."
        )
    if not os.path.isdir("attention-book"):
        clone = ["git", "clone", "--quiet", "--depth=1", "--branch={branch}"]
        subprocess.run([*clone, REPOSITORY, "attention-book"], check=True)
    runpy.run_path("attention-book/d2l_attention/notebook/colab.py", run_name="__main__")"""

README_UNSET = """
The public address of this copy is not set yet, so there are no Colab, Binder or clone links here.
`make address REPOSITORY=owner/name` sets it and puts them in.

"""
HOW_TO_RUN_UNSET = """
The public address of this copy is not set yet, so there is no line to clone it with and there are
no Colab or Binder links. Whoever publishes a copy sets its address with `make address
REPOSITORY=owner/name`, and they appear here and at the top of each notebook.

"""
CLONE = """
```bash
git clone --branch {branch} {url}
```

"""


def url_of(name: str) -> str:
    """The address of a repository "owner/name", or "" for no name; ValueError for
    anything else.
    """
    if name and not NAME.fullmatch(name):
        raise ValueError(f"REPOSITORY must be owner/name as on GitHub, or empty, got {name!r}")
    return f"{HOST}/{name}" if name else ""


def current(root: Path) -> str:
    """The "owner/name" in _config.yml, or ""."""
    return repository(root)["url"].removeprefix(f"{HOST}/")


def repository(root: Path) -> dict[str, str]:
    """The url and branch in _config.yml."""
    return yaml.safe_load((root / "_config.yml").read_text("utf-8"))["repository"]


def setup_cell(name: str, branch: str) -> str:
    """The setup cell's source for a branch of the repository `name`."""
    return SETUP.format(url=url_of(name), branch=branch)


def places(root: Path, name: str) -> dict[Path, str]:
    """Every file that holds the address, with the text that it must have for the
    repository ``name``.
    """
    url, branch = url_of(name), repository(root)["branch"]
    launch = launch_block(root, name, branch) if url else None
    texts = {
        "_config.yml": (CONFIG, url),
        "README.md": (BLOCK, launch or README_UNSET),
        "book/how_to_run.md": (BLOCK, launch or HOW_TO_RUN_UNSET),
        "CITATION.cff": (BLOCK, f'repository-code: "{url}"\n' if url else ""),
    }
    setup = setup_cell(name, branch)
    return {root / path: filled(root / path, *text) for path, text in texts.items()} | {
        root / path: with_setup_cell(root / path, setup) for path in toc_notebooks(root)
    }


def launch_block(root: Path, name: str, branch: str) -> str:
    """The line that clones the repository, and a Colab and a Binder link for every notebook."""
    lines = [CLONE.format(url=url_of(name), branch=branch)]
    for path in toc_notebooks(root):
        colab = f"https://colab.research.google.com/github/{name}/blob/{branch}/{path}"
        binder = f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{path}"
        lines.append(f"- {title(root, path)}: [Colab]({colab}), [Binder]({binder})\n")
    return "".join(lines) + "\n"


def filled(path: Path, pattern: str, text: str) -> str:
    """The file's text with ``text`` between the two groups of ``pattern``, which must
    match once.
    """
    new, count = re.subn(
        pattern,
        lambda match: match[1] + text + match[2],
        path.read_text("utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f"{path.name} must hold one place for the address, found {count}")
    return new


def with_setup_cell(path: Path, source: str) -> str:
    """The notebook's text with this setup cell in front; one that has none yet gets
    it.
    """
    notebook = nbformat.read(path, as_version=4)
    first = notebook.cells[0]
    if first.cell_type != "code" or "remove-cell" not in first.metadata.get("tags", []):
        metadata = {"slideshow": {"slide_type": "skip"}, "tags": ["remove-cell"]}
        notebook.cells.insert(0, nbformat.v4.new_code_cell(id="setup", metadata=metadata))
    notebook.cells[0].source = source
    return nbformat.writes(notebook) + "\n"


def write(root: Path, name: str) -> list[Path]:
    """Writes the address of the repository ``name`` everywhere and returns the files
    that changed.
    """
    changed = [
        (path, text) for path, text in places(root, name).items() if text != path.read_text("utf-8")
    ]
    for path, text in changed:
        path.write_text(text, "utf-8")
    return [path for path, _ in changed]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", nargs="?", help='owner/name, or "" to take the address away')
    name = parser.parse_args().repository
    try:
        changed = write(ROOT, current(ROOT) if name is None else name)
    except ValueError as error:
        parser.exit(2, f"{error}\n")
    for path in changed:
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
