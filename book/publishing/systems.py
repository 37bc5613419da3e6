"""The systems of the tutorial, from book/systems.yml, and the map of them on the front page.

``{system-map}`` draws a card for each system: its title, which leads to its notebook once that
is written, the term of the equation that it changes, and what the term becomes.
"""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

FILE = Path("book", "systems.yml")
STATUSES = ("written", "coming")
# The equation once more, small, in every card; the term that a system changes stands out
STRIP = ("rho", "(", "sum", "alpha", "(x, ", "q", ") ", "phi", "(x))")


@dataclass(frozen=True)
class System:
    """One entry of the file, whose head says what the fields mean."""

    name: str
    title: str
    changes: str
    formula: str
    paper: list[str] | str
    status: str
    sentence: str
    notebook: str | None = None


@dataclass(frozen=True)
class Section:
    """A section of the book: its folder, title and systems."""

    folder: str
    title: str
    systems: list[System] = field(default_factory=list)


@dataclass(frozen=True)
class Systems:
    """What the file holds: equation, terms, sections."""

    equation: str
    terms: dict[str, dict[str, str]]
    sections: list[Section]

    def __iter__(self):
        return (system for section in self.sections for system in section.systems)

    def written(self) -> list[System]:
        return [system for system in self if system.status == "written"]


def load(root: str | Path) -> Systems:
    """The systems of a book's folder; ValueError if an entry is not as the file's head says."""
    given = yaml.safe_load(Path(root, FILE).read_text("utf-8"))
    sections = []
    for section in given["sections"]:
        entries = [
            _system(entry, section["folder"], given["terms"]) for entry in section["systems"]
        ]
        sections.append(Section(section["folder"], section["title"], entries))
    systems = Systems(given["equation"], given["terms"], sections)
    names = [system.name for system in systems]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{FILE.name}: {', '.join(sorted(repeated))} is there twice")
    return systems


def _system(entry: dict, folder: str, terms: dict) -> System:
    place = f"{FILE.name}: {entry.get('name', entry)}"
    try:
        system = System(**entry)
    except TypeError as error:
        raise ValueError(f"{place}: {error}".replace("System.__init__() ", "")) from None
    expected = f"chapters/{folder}/{system.name}.ipynb" if system.status == "written" else None
    for is_so, otherwise in (
        (system.changes in terms, f"changes must be one of {', '.join(terms)}"),
        (system.status in STATUSES, f"status must be one of {', '.join(STATUSES)}"),
        (system.notebook == expected, f"notebook must be {expected}, got {system.notebook}"),
    ):
        if not is_so:
            raise ValueError(f"{place}: {otherwise}")
    return system


def marked(systems: Systems) -> str:
    r"""The equation in LaTeX, each term with its word, and of a class of its own.

    >>> terms = {"phi": {"latex": r"\phi", "word": "value"}}
    >>> print(marked(Systems("a <phi>", terms, [])))
    a \class{term-phi}{\underset{\textsf{value}}{\phi}}
    """
    text = systems.equation
    for key, term in systems.terms.items():
        side = "overset" if key == "q" else "underset"  # the query stands between others
        said = rf"\{side}{{\textsf{{{term['word']}}}}}{{{term['latex']}}}"
        text = text.replace(f"<{key}>", rf"\class{{term-{key}}}{{{said}}}")
    return text


class SystemMap(SphinxDirective):
    """The equation with its terms marked, and below it a card for each system."""

    def run(self) -> list[nodes.Node]:
        systems = load(self.env.srcdir)
        whole = nodes.container(classes=["system-map"])
        whole += self.parsed([f"$$\n{marked(systems)}\n$$"])
        whole += legend(systems)
        for section in systems.sections:
            whole += self.section(section, systems.terms)
        return [whole]

    def section(self, section: Section, terms: dict) -> nodes.Node:
        part = nodes.container(classes=["system-section"])
        index = Path("chapters", section.folder, "index.ipynb")
        exists = Path(self.env.srcdir, index).is_file()
        part += self.title(
            section.title, index.as_posix() if exists else None, "system-section-title"
        )
        cards = nodes.bullet_list(classes=["systems"])
        for system in section.systems:
            cards += self.card(system, terms)
        part += cards
        return part

    def card(self, system: System, terms: dict) -> nodes.Node:
        classes = ["system", system.status, f"changes-{system.changes}"]
        paper = system.paper
        cited = paper if isinstance(paper, str) else f"{{cite:t}}`{','.join(paper)}`"
        card = nodes.list_item(classes=classes)
        card += self.title(system.title, system.notebook, "system-title")
        card += nodes.raw("", strip(system, terms), format="html")
        card += self.line(f"${system.formula}$", "system-formula")
        card += self.line(system.sentence, "system-sentence")
        card += self.line(cited, "system-paper")
        if system.status == "coming":
            card += nodes.paragraph("", "coming", classes=["system-status"])
        return card

    def title(self, text: str, page: str | None, name: str) -> nodes.Node:
        """A paragraph that leads to a page, if there is one."""
        if page is None:  # not Markdown, in which "2. Pooling" begins a list
            return nodes.paragraph("", text, classes=[name])
        return self.line(f"[{text}](/{page})", name)

    def line(self, text: str, name: str) -> nodes.Node:
        """A paragraph of Markdown with a class of its own."""
        paragraph = self.parsed([text])[0]
        paragraph["classes"].append(name)
        return paragraph

    def parsed(self, lines: list[str]) -> list[nodes.Node]:
        container = nodes.container()
        content = StringList([part for line in lines for part in line.split("\n")], self.name)
        self.state.nested_parse(content, self.content_offset, container)
        return container.children


def strip(system: System, terms: dict) -> str:
    """The small equation of a card, with the changed term framed; read out in words.

    >>> from types import SimpleNamespace
    >>> terms = {name: {"letter": name, "word": "w"} for name in ("rho", "sum", "alpha", "q", "phi")}
    >>> "<b>q</b>" in strip(SimpleNamespace(changes="q"), terms)
    True
    """
    changed = terms[system.changes]
    signs = [terms[sign]["letter"] if sign in terms else sign for sign in STRIP]
    parts = [
        f"<b>{escape(text)}</b>" if sign == system.changes else escape(text)
        for sign, text in zip(STRIP, signs, strict=True)
    ]
    words = f"changes {changed['letter']}, the {changed['word']}"
    return (
        f'<p class="system-term"><span class="system-equation" aria-hidden="true">{"".join(parts)}'
        f'</span> <span class="system-word"><span class="visually-hidden">{escape(words)}</span>'
        f'<span aria-hidden="true">{escape(changed["word"])}</span></span></p>'
    )


def legend(systems: Systems) -> nodes.Node:
    """What each term is, and how many systems change it."""
    items = []
    for key, term in systems.terms.items():
        count = sum(system.changes == key for system in systems)
        items.append(
            f'<li class="changes-{key}"><span class="system-letter">{escape(term["letter"])}</span> '
            f"<strong>{escape(term['word'])}</strong> <span>{escape(term['says'])}; "
            f"{count}&nbsp;systems</span></li>"
        )
    return nodes.raw("", f'<ul class="system-legend">{"".join(items)}</ul>', format="html")
