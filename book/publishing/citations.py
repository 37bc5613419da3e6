"""Sphinx extension: the list of references has the labels that the text cites by.

The text says *Fan and Gijbels [1996]* or *[Vaswani et al., 2017]*, so the list says
*[Fan and Gijbels, 1996]* and *[Vaswani et al., 2017]*, where a numbered one would not be
found again. Works of the same people and year get letters, in both places.
"""

import re
from collections import defaultdict

from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle

STYLE = "author_year_list"


def label(surnames: list[str], year: str) -> str:
    """
    >>> label(["Watson"], "1964"), label(["Fan", "Gijbels"], "1996")
    ('Watson, 1964', 'Fan and Gijbels, 1996')
    >>> label(["Vaswani", "Shazeer", "Parmar"], "2017")
    'Vaswani et al., 2017'
    """
    names = " and ".join(surnames) if len(surnames) < 3 else f"{surnames[0]} et al."
    return f"{names}, {year}"


def entry_label(entry) -> str:
    people = entry.persons.get("author") or entry.persons["editor"]
    surnames = [
        " ".join(name.render_as("text") for name in person.rich_last_names) for person in people
    ]
    return label(surnames, entry.fields["year"])


def tell_apart(entries: dict) -> None:
    """Adds letters to the years of entries that would have the same label, in their order."""
    alike = defaultdict(list)
    for entry in entries.values():
        alike[entry_label(entry)].append(entry)
    for group in alike.values():
        for letter, entry in zip("abcdefgh", group, strict=False):
            entry.fields["year"] += letter if len(group) > 1 else ""


class AuthorYearLabels(BaseLabelStyle):
    """Labels as sphinxcontrib.bibtex writes them in the text."""

    def format_labels(self, sorted_entries):
        return map(entry_label, sorted_entries)


class AuthorYearList(PlainStyle):
    default_label_style = AuthorYearLabels


def tell_works_apart(app) -> None:
    tell_apart(app.env.get_domain("cite").bibdata.data.entries)


def plain_roles(app, pagename, templatename, context, doctree) -> None:
    """The list's roles are deprecated, and its entries stand beside other things than entries."""
    if "citation-list" in context.get("body", ""):
        context["body"] = re.sub(r' role="(?:doc-biblioentry|list)"', "", context["body"])


def setup(app) -> dict:
    register_plugin("pybtex.style.formatting", STYLE, AuthorYearList, force=True)
    app.connect("builder-inited", tell_works_apart)
    app.connect("html-page-context", plain_roles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
