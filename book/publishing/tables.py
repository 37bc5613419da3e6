"""Sphinx extension: tables on a phone.

A table that is wider than a phone is shown there as blocks, one a row: the first cell is the
heading, and below it each cell stands with the title of its column. What is wide is decided
here, when a page is written; tables.css does the rest, below a width of 576 px. Elsewhere
nothing changes. As a browser no longer takes blocks for a table, roles say that it is one.
"""

import re

from bs4 import BeautifulSoup, Tag

from d2l_attention.notebook.ledger.tables import OURS

TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
TEX = re.compile(r"\\[()]|[{}$_^]|\\[a-zA-Z]+\*?|\\.")
LINE = 40  # letters of a row that a phone shows in one line, about
COLUMNS = 5  # so many columns never have room
NUMBERS = 9  # letters of a cell that has room beside three others
ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "th": "columnheader", "td": "cell"}


def mark_tables(app, pagename, templatename, context, doctree) -> None:
    """Marks the tables of a page."""
    if "<table" in context.get("body", ""):
        context["body"] = TABLE.sub(lambda found: mark_table(found[0]), context["body"])


def mark_table(html: str) -> str:
    """A table in HTML; marked if it is the ledger's, or has no room on a phone.

    >>> row = "<thead><tr><th>metric</th><th>paper</th><th>ours, at paper scale</th></tr></thead>"
    >>> cells = "<tbody><tr><td>error</td><td>8.3%</td><td>8.6%</td></tr></tbody>"
    >>> marked = mark_table(f'<table class="table">{row}{cells}</table>')
    >>> marked.startswith('<table class="table ledger stacks" role="table">')
    True
    >>> '<td data-title="ours, at paper scale" role="cell">8.6%' in marked
    True
    >>> mark_table("<table><thead><tr><th>a</th></tr></thead><tr><td>1</td></tr></table>")
    '<table><thead><tr><th>a</th></tr></thead><tr><td>1</td></tr></table>'
    """
    table = BeautifulSoup(html, "html.parser").table
    heads = table.select("thead > tr > th")
    rows = [row.find_all("td", recursive=False) for row in table.select("tr") if row.td]
    if not heads or not rows or any(len(row) != len(heads) for row in rows):
        return html
    titles = [plain(head) for head in heads]
    kinds = kinds_of(titles, [[plain(cell) for cell in row] for row in rows])
    if not kinds:
        return html
    table["class"] = [*table.get("class", []), *kinds]
    table["role"] = "table"
    for row in rows:
        for title, cell in zip(titles, row, strict=True):
            cell["data-title"] = title
        if titles[0] and re.fullmatch(r"[\d–-]+", plain(row[0])):
            row[0]["data-heading"] = titles[0]  # a number alone is no heading
    for part in table.find_all(list(ROLES)):
        part["role"] = ROLES[part.name]
    return str(table)


def kinds_of(titles: list[str], rows: list[list[str]]) -> list[str]:
    """The classes of a table, by the texts of its heads and cells.

    >>> kinds_of(["task", "1k single: paper", "1k single: ours"], [["1", "0.0", "0.2"]])
    ['ledger-tasks', 'stacks', 'numbers']
    >>> kinds_of(["points", "pointer network: ours"], [["10", "39.7"]])  # has room
    ['ledger-tasks']
    >>> kinds_of(["symbol", "meaning", "in the code"], [["B", "batch size", "batch_size"]])
    []
    """
    kinds = []
    if OURS in titles:
        kinds = ["ledger"]
    elif any(title.endswith((": ours", ": paper")) for title in titles):
        kinds = ["ledger-tasks"]
    widest = max(len("".join(row)) for row in [titles, *rows])
    if len(titles) > 2 and (kinds or len(titles) >= COLUMNS or widest > LINE):
        kinds.append("stacks")
        short = all(len(text) <= NUMBERS for row in rows for text in row[1:])
        kinds += ["numbers"] if short and "ledger" not in kinds else []
    return kinds


def plain(part: Tag) -> str:
    r"""The text of a cell; of a formula its letters, more or less.

    >>> plain(BeautifulSoup(r"<td>Score \(a(q, k)\)</td>", "html.parser"))
    'Score a(q, k)'
    """
    return " ".join(TEX.sub("", part.get_text()).split())


def setup(app) -> dict:
    app.add_css_file("tables.css")
    app.connect("html-page-context", mark_tables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
