"""Build the slide decks from the notebooks' own cells: python -m book.publishing.slides

A deck is a chapter folder: the slide cells of its notebooks in the order of _toc.yml,
index.ipynb first. A notebook outside chapters/ (the introduction) is a deck of its own.
Decks are reveal.js pages in slides/, within the built book, that need no network: reveal.js
comes from the installed package sphinx-revealjs, MathJax from sphinx-mathjax-offline.
"""

import importlib.util
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbconvert.exporters import SlidesExporter

from book.publishing import live_figures, offline, slide_layout
from book.publishing.contents import ROOT, toc_notebooks

HTML = ROOT / "_build" / "html"  # the built book
SLIDE_TYPES = {"slide", "subslide", "fragment", "notes", "-"}
PROGRESS = re.compile(r"\|[#█▏▎▍▌▋▊▉]+\s*\|")  # the bar of a progress line
REVEAL_FILES = (
    "dist/reset.css",
    "dist/reveal.css",
    "dist/reveal.js",
    "plugin/notes/notes.js",
)


@dataclass
class Deck:
    """One deck: its file name without ending, and its notebooks' paths relative to the
    book's root.
    """

    name: str
    root: Path
    notebooks: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return title(self.root, self.notebooks[0])


def read(root: Path, notebook: str) -> nbformat.NotebookNode:
    return nbformat.read(root / notebook, as_version=4)


def title(root: Path, notebook: str) -> str:
    """The notebook's first heading, else its file name."""
    sources = [cell.source for cell in read(root, notebook).cells if cell.cell_type == "markdown"]
    heading = re.search(r"^#\s+(.+)$", "\n".join(sources), re.MULTILINE)
    return heading[1].strip() if heading else Path(notebook).stem


def decks(root: Path) -> list[Deck]:
    """The decks of the book, in reading order; a notebook without slide cells belongs
    to none.
    """
    found: dict[str, Deck] = {}
    for notebook in toc_notebooks(root):
        path = Path(notebook)
        name = path.parent.name if path.parts[0] == "chapters" else path.stem
        if slide_cells(read(root, notebook)):
            found.setdefault(name, Deck(name, root)).notebooks.append(notebook)
    return list(found.values())


def slide_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells with a slide type other than "skip"; none where there are only notes, which
    would be said to another notebook's slide.
    """
    chosen = [cell for cell in notebook.cells if slide_type(cell) in SLIDE_TYPES]
    return chosen if any(slide_type(cell) != "notes" for cell in chosen) else []


def slide_type(cell: nbformat.NotebookNode) -> str | None:
    return cell.metadata.get("slideshow", {}).get("slide_type")


def combine(deck: Deck) -> nbformat.NotebookNode:
    """One notebook that holds the deck's cells; the first slide of each notebook
    carries the notebook's name as id.
    """
    cells = []
    for notebook in deck.notebooks:
        chosen = slide_cells(read(deck.root, notebook))
        first = next(cell for cell in chosen if slide_type(cell) != "notes")
        first.metadata.slideshow.slide_type = "slide"
        first.metadata["anchor"] = Path(notebook).stem
        for cell in chosen:
            if cell.cell_type == "markdown":
                cell.source = relink(cell.source, Path(notebook).parent)
            drop_progress(cell)
            cells += split_heading(cell)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return nbformat.v4.new_notebook(cells=cells, metadata={"title": deck.title})


def split_heading(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """A slide's first cell as two: the heading, which spans the slide, and what follows it."""
    heading, _, rest = cell.source.partition("\n")
    opens = slide_type(cell) in ("slide", "subslide") and heading.startswith("#")
    if cell.cell_type != "markdown" or not opens:
        return [cell]
    cell.source, cell.metadata["heading"] = heading, True
    following = nbformat.v4.new_markdown_cell(
        rest.strip(), metadata={"slideshow": {"slide_type": "-"}}
    )
    return [cell, following] if rest.strip() else [cell]


def drop_progress(cell: nbformat.NotebookNode) -> None:
    """Takes the progress lines of training out of a cell's outputs."""
    outputs = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            lines = output.text.splitlines(keepends=True)
            output.text = "".join(line for line in lines if not PROGRESS.search(line))
        if output.get("text") != "":
            outputs.append(output)
    if cell.cell_type == "code":
        cell.outputs = outputs


def relink(markdown: str, folder: Path) -> str:
    """Points links to the book's sources, given from `folder`, at its pages, seen from
    slides/; an anchor and a title stay.

    >>> relink('[Next](kernel.ipynb#eq-1.2 "the kernel")', Path("chapters/01_pooling"))
    '[Next](../chapters/01_pooling/kernel.html#eq-1.2 "the kernel")'
    """
    return re.sub(
        r"\]\((?![a-z]+:|/)([^\s()#]+)\.(?:ipynb|md)(?=[\s)#])",
        lambda link: f"](../{(folder / link[1]).as_posix()}.html",
        markdown,
    )


def copy_assets(output: Path) -> None:
    """Copies reveal.js to OUTPUT/slides/reveal and MathJax to OUTPUT/_static/mathjax,
    which the book shares.
    """
    spec = importlib.util.find_spec("sphinx_revealjs")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "sphinx-revealjs is not installed: run `make slides`, or install the lock"
        )
    source = Path(spec.origin).parent / "_static" / "revealjs"
    for name in REVEAL_FILES:
        target = output / "slides" / "reveal" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    offline.copy_mathjax(output / "_static" / "mathjax")
    live_figures.copy_assets(output / "_static" / live_figures.STATIC)


def build(root: Path, output: Path) -> list[Path]:
    """Writes all decks below ``output``/slides and returns their paths."""
    copy_assets(output)
    exporter = SlidesExporter(
        template_name="deck",
        extra_template_basedirs=[str(root / "book" / "publishing" / "templates")],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
    )
    written = []
    for deck in decks(root):
        resources = {
            "metadata": {
                "name": deck.name,
                "path": str(root / Path(deck.notebooks[0]).parent),
            }
        }
        page, _ = exporter.from_notebook_node(combine(deck), resources)
        written.append(output / "slides" / f"{deck.name}.html")
        page = live_figures.with_scripts(page, f"../_static/{live_figures.STATIC}")
        written[-1].write_text(slide_layout.arrange(page), "utf-8")
    return written


if __name__ == "__main__":
    for deck in build(ROOT, HTML):
        print(deck)
