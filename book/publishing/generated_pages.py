"""Sphinx extension: the parts of the book that are written by the project itself.

- The reference in book/api/, one page a module, which sphinx.ext.autosummary makes from
  the docstrings for the tables in book/api.md.
- ``{results-table}``: what paper-scale runs measured beside what is published, from results/
  through d2l_attention.notebook.ledger, which makes the tables of the notebooks, too.
- ``{system-map}``: the map of all systems on the front page (book/publishing/systems.py).
- ``{deck-list}``: the slide decks, from the notebooks in _toc.yml; the decks are built
  together with the book.
- A link to the PDF on the front page, once book/publishing/pdf.py has made it.
"""

import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book.publishing import pdf, slides, systems
from d2l_attention.notebook.ledger.tables import Ledger

# Read in every build: what they show may have changed
PAGES = {"book/api", "book/decks", "book/index", "book/results"}
STYLES = ("ledger.css", "systems.css")
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
    """A section per system: what its paper-scale run measured, beside what is published."""

    def run(self) -> list[nodes.Node]:
        root, container = Path(self.env.srcdir), nodes.container()
        known = systems.load(root)
        measured = [
            system for system in known if (root / "results" / f"{system.name}.json").is_file()
        ]
        lines = [line for system in measured for line in result_section(system, root)]
        content = StringList(lines or [NO_RESULTS], self.name)
        self.state.nested_parse(content, self.content_offset, container, match_titles=True)
        return container.children


def result_section(system: systems.System, root: str | Path) -> list[str]:
    """Heading, the ledger's table with its sentences, and the tables of many tasks, in
    Markdown; the heading leads to the system's notebook.
    """
    ledger = Ledger(system.name, root)
    title = f"[{system.title}](/{system.notebook})" if system.notebook else system.title
    lines = [f"## {title}", "", *ledger.table().markdown().split("\n")]
    for name, table in ledger.tables.items():
        lines += ["", f"### {table['label']}", "", *ledger.pivot(name).markdown().split("\n")]
    return [*lines, ""]


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
    app.add_directive("system-map", systems.SystemMap)
    for style in STYLES:
        app.add_css_file(style)
    app.connect("config-inited", remove_old_api, priority=100)
    app.connect("env-get-outdated", lambda app, env, *found: PAGES & env.found_docs)
    # Before napoleon
    app.connect("autodoc-process-docstring", plain_to_rst, priority=100)
    app.connect("html-page-context", link_pdf)
    app.connect("build-finished", build_decks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
