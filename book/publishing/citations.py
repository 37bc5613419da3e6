"""Sphinx extension: the list of references has the labels that the text cites by.

The text says *Fan and Gijbels [1996]* or *[Vaswani et al., 2017]*, so the list says
*[Fan and Gijbels, 1996]* and *[Vaswani et al., 2017]*, where a numbered one would not be
found again.
"""

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


class AuthorYearLabels(BaseLabelStyle):
    """Labels as sphinxcontrib.bibtex writes them in the text."""

    def format_labels(self, sorted_entries):
        for entry in sorted_entries:
            people = entry.persons.get("author") or entry.persons["editor"]
            surnames = [
                " ".join(name.render_as("text") for name in person.rich_last_names)
                for person in people
            ]
            yield label(surnames, entry.fields["year"])


class AuthorYearList(PlainStyle):
    default_label_style = AuthorYearLabels


def setup(app) -> dict:
    register_plugin("pybtex.style.formatting", STYLE, AuthorYearList, force=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
