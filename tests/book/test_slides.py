"""The decks in a browser: complete, in the notebooks' order, nothing outside a slide,
nothing from the network.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from book.publishing import slides
from tests.book.publishing import ROOT, listen, math_errors, wait_until_typeset

pytestmark = pytest.mark.plumbing
DECKS = slides.decks(ROOT)
NAMES = [deck.name for deck in DECKS]

# The text and the pictures of the present slide that stick out of it; an empty list is
# what we want.
OVERFLOW = """() => {
  const slide = document.querySelector(".reveal .slides").getBoundingClientRect();
  const present = Reveal.getCurrentSlide();
  const outside = (box) => box.width > 0 && box.height > 0 &&
    (box.left < slide.left - 1 || box.top < slide.top - 1 || box.right > slide.right + 1 || box.bottom > slide.bottom + 1);
  const skipped = "aside, script, style, mjx-assistive-mml, svg *";
  const problems = [];
  for (const element of present.querySelectorAll("img, svg, pre, table, canvas, input, mjx-math")) {
    if (!element.closest(skipped) && outside(element.getBoundingClientRect())) problems.push(element.tagName);
  }
  const walker = document.createTreeWalker(present, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || node.parentElement.closest(skipped)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    if ([...range.getClientRects()].some(outside)) problems.push(node.data.trim().slice(0, 60));
  }
  return problems;
}"""

SHOW = """(number) => {
  const place = Reveal.getIndices(Reveal.getSlides()[number]);
  Reveal.slide(place.h, place.v, 999);
}"""


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("decks")
    slides.build(ROOT, folder)
    return folder


def open_deck(browser, path: Path, query: str = ""):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    problems = listen(page)
    page.goto(path.as_uri() + query)
    wait_until_typeset(page)
    page.wait_for_function("window.Reveal?.isReady()")
    return page, problems


def overflowing(page) -> dict[int, list[str]]:
    """What sticks out, by slide number from 1, with all fragments shown."""
    found = {}
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(SHOW, number)
        if problems := page.evaluate(OVERFLOW):
            found[number + 1] = problems
    return found


def headings(notebooks: list[str]) -> list[str]:
    """The headings in the slide cells, in the order in which the deck must have them."""
    cells = [
        cell
        for name in notebooks
        for cell in slides.slide_cells(nbformat.read(ROOT / name, as_version=4))
    ]
    shown = [
        c.source
        for c in cells
        if c.cell_type == "markdown" and c.metadata.slideshow.slide_type != "notes"
    ]
    return [
        found[1]
        for source in shown
        for found in re.finditer(r"^#{1,3} +(.+?)\s*$", source, re.MULTILINE)
    ]


def test_there_is_a_deck_for_the_introduction_and_for_every_chapter():
    chapters = sorted(
        path.name for path in (ROOT / "chapters").iterdir() if any(path.glob("*.ipynb"))
    )
    assert ["introduction", *chapters] == NAMES
    assert all(Path(deck.notebooks[0]).stem in ("index", deck.name) for deck in DECKS)


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_deck(html, browser, deck):
    page, problems = open_deck(browser, html / "slides" / f"{deck.name}.html")
    assert overflowing(page) == {}
    assert math_errors(page) == []
    silent = page.evaluate(
        "[...document.querySelectorAll('img')].filter((image) => !image.alt.trim()).length"
    )
    assert silent == 0, "images without alt text"
    assert page.locator("aside.notes:visible").count() == 0
    assert "In [" not in page.inner_text("body")
    page.close()
    assert problems == []


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_order(html, deck):
    text = (html / "slides" / f"{deck.name}.html").read_text("utf-8")
    shown = re.findall(r'<h[123] id="[^"]*">(.*?)<a class="anchor-link"', text)
    plain = [
        re.sub(r"[^\w]+", " ", re.sub(r"<[^>]+>|&\w+;", "", heading)).strip() for heading in shown
    ]
    written = [re.sub(r"[^\w]+", " ", heading).strip() for heading in headings(deck.notebooks)]
    assert plain == written
    assert [Path(name).stem for name in deck.notebooks] == re.findall(r'<section id="(\w+)">', text)


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_every_slide_prints(html, browser, deck):
    page, problems = open_deck(browser, html / "slides" / f"{deck.name}.html", "?print-pdf")
    page.wait_for_selector(".pdf-page")
    assert page.locator(".pdf-page").count() == page.evaluate("Reveal.getTotalSlides()")
    page.close()
    assert problems == []


def test_a_full_slide_is_noticed(html, browser):
    source = (html / "slides" / f"{NAMES[0]}.html").read_text("utf-8")
    full = html / "slides" / "full.html"
    for content in (
        "<p>line</p>" * 40,
        "<pre style='white-space: pre'>" + "long " * 90 + "</pre>",
    ):
        full.write_text(
            re.sub(
                r"(<section id=\"\w+\">)",
                lambda found, text=content: found[1] + text,
                source,
                count=1,
            ),
            "utf-8",
        )
        page, _ = open_deck(browser, full)
        assert 1 in overflowing(page)
        page.close()


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("index.ipynb", "../chapters/01/index.html"),
        ("index.ipynb#proof", "../chapters/01/index.html#proof"),
        ("a-b.ipynb#sec-1.2", "../chapters/01/a-b.html#sec-1.2"),
        ('a.ipynb#sec-1.2 "a title (1)"', '../chapters/01/a.html#sec-1.2 "a title (1)"'),
        ("a.ipynb 'a title'", "../chapters/01/a.html 'a title'"),
        ("../../book/notation.md", "../chapters/01/../../book/notation.html"),
        *((same, same) for same in ("https://example.org/c.ipynb", "#proof", "a.png", "/a.ipynb")),
    ],
)
def test_links_of_a_slide_lead_to_the_book(link, wanted):
    text = "see [a]({}) and [b](https://example.org)"
    assert slides.relink(text.format(link), Path("chapters/01")) == text.format(wanted)


@pytest.fixture
def book(tmp_path):
    """Writes a book of one chapter whose notebooks have cells of these slide types."""

    def write(**notebooks: list[str]) -> Path:
        files = [f"{{file: chapters/01/{name}}}" for name in notebooks]
        (tmp_path / "_toc.yml").write_text(f"chapters: [{', '.join(files)}]")
        (tmp_path / "chapters" / "01").mkdir(parents=True)
        for name, types in notebooks.items():
            cells = [
                new_markdown_cell(f"{name} {kind}", metadata={"slideshow": {"slide_type": kind}})
                for kind in types
            ]
            nbformat.write(
                new_notebook(cells=cells), tmp_path / "chapters" / "01" / f"{name}.ipynb"
            )
        return tmp_path

    return write


def test_a_notebook_with_notes_alone_has_no_slides(book):
    (deck,) = slides.decks(book(index=["slide", "notes"], a=["notes", "skip"], b=["notes", "-"]))
    assert [Path(name).stem for name in deck.notebooks] == ["index", "b"]
    cells = slides.combine(deck).cells
    assert [cell.metadata.get("anchor") for cell in cells] == ["index", None, None, "b"]
    assert cells[-1].metadata.slideshow.slide_type == "slide"


def test_a_chapter_with_notes_alone_has_no_deck(book):
    assert slides.decks(book(index=["notes"])) == []
