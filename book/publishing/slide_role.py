"""Sphinx extension: a page names slides by their titles, and gets their numbers.

In Markdown, {slide}`01_nadaraya_watson: Regression problem` becomes a link to that slide with
its present number, "2 Regression problem". A title that no slide of the deck has is a
warning, so a page cannot go on naming a slide that has been renamed or taken out.
"""

import difflib
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxRole
from sphinx.util.logging import getLogger

from book.publishing import slides

logger = getLogger(__name__)


def slide_places(deck: slides.Deck) -> dict[str, tuple[int, str]]:
    """Title -> (number from 1, fragment of the deck's address) of a deck's slides; of two with
    the same title the first.
    """
    places = {}
    opening = [
        cell
        for cell in slides.combine(deck).cells
        if slides.slide_type(cell) in ("slide", "subslide")
    ]
    for number, cell in enumerate(opening, 1):
        heading = re.match(r"#+ +(.+)", cell.source)
        if heading:
            places.setdefault(heading[1].strip(), (number, f"#slide-{number}"))
    return places


class SlideRole(SphinxRole):
    def run(self):
        name, _, title = (part.strip() for part in self.text.partition(":"))
        deck = next(
            (deck for deck in slides.decks(Path(self.env.srcdir)) if deck.name == name), None
        )
        places = slide_places(deck) if deck else {}
        if title not in places:
            near = difflib.get_close_matches(title, places, n=2, cutoff=0.3)
            problem = f"no slide of the deck {name!r} has the title {title!r}"
            hint = f"; near are {near}" if near else ""
            logger.warning(problem + hint, location=self.get_location())
            return [nodes.Text(title)], []
        number, place = places[title]
        depth = "../" * self.env.docname.count("/")
        target = f"{depth}slides/{name}.html{place}"
        return [nodes.reference("", f"{number} {title}", refuri=target, internal=True)], []


def outdated(app, env, added, changed, removed):
    """Pages that name slides are read again in every build, as decks are made anew."""
    return [name for name in env.found_docs if name == "book/teaching"]


def setup(app) -> dict:
    app.add_role("slide", SlideRole())
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
