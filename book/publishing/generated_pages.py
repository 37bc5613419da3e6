"""Sphinx extension: the parts of the book that are written by the project itself.

- The reference in book/api/, one page a module, which sphinx.ext.autosummary makes from
  the docstrings for the tables in book/api.md.
- ``{results-table}``: what paper-scale runs measured, from results/*.json.
- ``{deck-list}``: the slide decks, from the notebooks in _toc.yml; the decks are built
  together with the book.
- A link to the PDF on the front page, once book/publishing/pdf.py has made it.
"""

import json
import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book.publishing import pdf, slides

# Read in every build: what they show may have changed
PAGES = {"book/api", "book/results", "book/decks"}
API = "book/api"
NO_RESULTS = "No paper-scale run has been recorded yet: `results/` holds no files."


def remove_old_api(app, config) -> None:
    """Before _toc.yml is read: it does not name these pages, and would exclude those of the
    last build. Modules come and go, so autosummary writes all of them anew.
    """
    shutil.rmtree(Path(app.srcdir, API), ignore_errors=True)


def plain_to_rst(app, what, name, obj, options, lines: list[str]) -> None:
    """Lets docstrings that are written for `help()` be valid reStructuredText.

    An indented block after a colon keeps its line breaks, and a letter may follow
    closing backquotes.

    >>> lines = ["All `Block`s of `n` have a mask:", "", "    1 0", "    1 1"]
    >>> plain_to_rst(None, "module", "m", None, None, lines)
    >>> lines[0]
    'All `Block`\\\\ s of `n` have a mask::'
    """
    for index, line in enumerate(lines):
        blank, block = [*lines[index + 1 : index + 3], "", ""][:2]
        indent = len(line) - len(line.lstrip())
        if (
            re.search(r"[^:]:$", line)
            and not blank.strip()
            and block.startswith(" " * (indent + 4))
        ):
            line += ":"
        if not line.lstrip().startswith(">>>"):
            line = re.sub(
                r"(`[^`]+`)(\w?)",
                lambda found: found[1] + ("\\ " + found[2] if found[2] else ""),
                line,
            )
        lines[index] = line


class ResultsTable(SphinxDirective):
    """A section per system: what its paper-scale run measured, beside the paper."""

    def run(self) -> list[nodes.Node]:
        root, container = Path(self.env.srcdir), nodes.container()
        files = sorted((root / "results").glob("*.json"))
        results = [json.loads(file.read_text("utf-8")) for file in files]
        lines = [line for result in results for line in result_section(result, root)]
        content = StringList(lines or [NO_RESULTS], self.name)
        self.state.nested_parse(content, self.content_offset, container, match_titles=True)
        return container.children


def result_section(result: dict, root: str | Path) -> list[str]:
    """Heading, one sentence about the run, and a table with a row per metric; the
    heading leads to the system's notebook.
    """
    title = result["name"].replace("_", " ").capitalize()
    notebook = next(Path(root, "chapters").glob(f"*/{result['name']}.ipynb"), None)
    if notebook:
        title = f"[{title}](/{notebook.relative_to(root).as_posix()})"
    versions = ", ".join(f"{name} {v}" for name, v in result["versions"].items())
    about = (
        f"{result['date']}, {result['device']}, {result['minutes']:.0f} minutes, "
        f"{len(result['seeds'])} seeds. {about_runs(result)}"
        f"Data: {result['data']}. Versions: {versions}."
    )
    head = ["Metric", "Unit", "Paper or theory", "This project"]
    rows = [
        [key.replace("_", " "), metric["unit"], *numbers(metric)]
        for key, metric in result["metrics"].items()
    ]
    table = [table_line(row) for row in [head, ["---"] * len(head), *rows]]
    return [f"## {title}", "", about, "", *table, ""]


def about_runs(result: dict) -> str:
    """A sentence on the runs that an execution took over from earlier ones, if any.

    >>> about_runs({"runs": {"count": 5, "reused": 2, "oldest": "2026-11-20"}})
    '2 of 5 runs come from earlier executions, the oldest from 2026-11-20. '
    """
    if not (runs := result.get("runs", {})).get("reused"):
        return ""
    return (
        f"{runs['reused']} of {runs['count']} runs come from earlier executions, "
        f"the oldest from {runs['oldest']}. "
    )


def numbers(metric: dict) -> tuple[str, str]:
    """The paper's number, and mean and spread over this project's seeds.

    >>> numbers({"paper": None, "mean": 0.5, "std": None})
    ('', '0.5')
    """
    paper = "" if metric["paper"] is None else f"{metric['paper']:.4g}"
    return paper, mean_and_spread(metric["mean"], metric["std"])


def mean_and_spread(mean: float, std: float | None) -> str:
    """Mean ± standard deviation, both with the digits that the deviation's first two
    digits justify.

    >>> mean_and_spread(0.97134, 0.0123), mean_and_spread(25.31, 0.0)
    ('0.971 ± 0.012', '25.31')
    """
    if not std:
        return f"{mean:.4g}"
    digits = max(0, 1 - int(f"{std:e}".split("e")[1]))
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def table_line(cells: list[str]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


class DeckList(SphinxDirective):
    """A list of links to the decks, which stand beside the book's pages in slides/."""

    def run(self) -> list[nodes.Node]:
        items = []
        for deck in slides.decks(Path(self.env.srcdir)):
            place = f"../slides/{deck.name}.html"
            link = nodes.reference("", deck.title, refuri=place, internal=True)
            items.append(nodes.list_item("", nodes.paragraph("", "", link)))
        return [nodes.bullet_list("", *items)] if items else []


def build_decks(app, exception) -> None:
    if exception is None and app.builder.name == "html":
        slides.build(Path(app.srcdir), Path(app.outdir))


def link_pdf(app, pagename, templatename, context, doctree) -> None:
    if pagename == app.config.root_doc and Path(app.outdir, pdf.NAME).exists():
        context["body"] = pdf.with_link(context["body"])


def setup(app) -> dict:
    app.add_directive("results-table", ResultsTable)
    app.add_directive("deck-list", DeckList)
    app.connect("config-inited", remove_old_api, priority=100)
    app.connect("env-get-outdated", lambda app, env, *found: PAGES & env.found_docs)
    # Before napoleon
    app.connect("autodoc-process-docstring", plain_to_rst, priority=100)
    app.connect("html-page-context", link_pdf)
    app.connect("build-finished", build_decks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
