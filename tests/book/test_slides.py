"""The decks in a browser: complete, in the notebooks' order, nothing outside a slide,
nothing from the network.
"""

import base64
import doctest
import re
import struct
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pypdf import PdfReader

from book.publishing import slide_layout, slide_role, slides
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
    page.set_default_timeout(120_000)  # a busy machine draws a long deck slowly
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
    assert [Path(name).stem for name in deck.notebooks] == re.findall(
        r'<section [^>]*id="(\w+)"', text
    )


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_a_printed_deck_has_a_page_a_slide(html, browser, deck):
    """Also where the reader forgets ?print-pdf, or prints on paper."""
    for query, paper in (("?print-pdf", {}), ("", {}), ("", {"format": "A4", "landscape": True})):
        page, problems = open_deck(browser, html / "slides" / f"{deck.name}.html", query)
        if query:
            page.wait_for_selector(".pdf-page")
        slides_of_deck = page.evaluate("Reveal.getTotalSlides()")
        own_size = not paper
        printed = page.pdf(print_background=True, prefer_css_page_size=own_size, **paper)
        pages = PdfReader(BytesIO(printed)).pages
        page.close()
        assert len(pages) == slides_of_deck, f"{query} {paper}"
        assert all(len(printed.extract_text().strip()) > 5 for printed in pages)
        assert problems == []


# Pictures fill their half of the slide, or what code and formulas above them leave of it.
SMALL = """() => [...Reveal.getCurrentSlide().querySelectorAll(".pictures img")]
  .filter((image) => image.offsetParent) // not what stands in for a live figure
  .map((image) => {
    const box = image.getBoundingClientRect();
    const shape = image.naturalWidth / image.naturalHeight;
    return Math.min(box.width, box.height * shape) / Reveal.getScale();
  })
  .filter((width) => width < 400)"""

# The smallest letters of words, code and tables, in the slide's own pixels.
LETTERS = """() => Math.min(...[...Reveal.getCurrentSlide().querySelectorAll("p, li, pre, td, th, h1, h2, h3")]
  .filter((e) => !e.closest("aside, .pictures") && e.textContent.trim())
  .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""

# The same for what code prints, and for tables.
PRINTED = """() => Math.min(...[...Reveal.getCurrentSlide().querySelectorAll(".output pre, td, th")]
  .filter((e) => !e.closest("aside, .pictures, .d2l-figure, .shown-source") && e.textContent.trim())
  .map((e) => parseFloat(getComputedStyle(e).fontSize)))"""


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_a_slide_can_be_read_from_the_last_row(html, browser, deck):
    page, _ = open_deck(browser, html / "slides" / f"{deck.name}.html")
    small, least, printed = {}, [], []
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(SHOW, number)
        if widths := page.evaluate(SMALL):
            small[number + 1] = widths
        least.append(page.evaluate(LETTERS) or 20)
        printed.append(page.evaluate(PRINTED) or 24)
    page.close()
    assert small == {}
    assert min(least) >= 20
    assert min(printed) >= 24  # numbers that are said, not code


def test_a_full_slide_is_noticed(html, browser):
    source = (html / "slides" / f"{NAMES[0]}.html").read_text("utf-8")
    full = html / "slides" / "full.html"
    for content in (
        "<p>line</p>" * 40,
        "<pre style='white-space: pre'>" + "long " * 90 + "</pre>",
    ):
        full.write_text(
            re.sub(
                r"(<section [^>]*id=\"\w+\">)",
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


# What the class need not see (STYLE, section 8), by what is searched
UNWANTED = {
    "code": r"^\s*(assert|import|from [\w.]+ import)\b.*",
    "output": r"\{['\"\w][^{}\n]*: .*",
    "anything": r"\S*\|[#█]+\s*\||\b[\w/]+\.(?:py|ipynb|jsonl?|npz|csv|js|css|md|yml)\b|\bnotebooks?\b"
    r"|\b(?:minutes?|hours?|CPU cores?|busy core)\b|\b\d+ seconds\b|\bfew seconds\b|\bruns in seconds\b",
}
SHOWN = """() => [...document.querySelectorAll(".slides section")].filter((s) => !s.querySelector("section"))
  .map((section) => {
    const copy = section.cloneNode(true);
    copy.querySelectorAll("aside, script, style, mjx-container, .fallback").forEach((e) => e.remove());
    const text = (selector) => [...copy.querySelectorAll(selector)].map((e) => e.textContent).join("\\n");
    const [title, words] = [text("h1, h2"), copy.textContent];
    const pictures = section.querySelectorAll("img, pre, canvas, mjx-container, .d2l-figure").length;
    return { code: text(".code"), output: text(".output"), anything: words, title, pictures };
  })"""


def unwanted(slide: dict[str, str]) -> list[str]:
    """What a slide shows and should not."""
    return [
        found[0].strip()
        for part, pattern in UNWANTED.items()
        for found in re.finditer(pattern, slide[part], re.MULTILINE | re.IGNORECASE)
    ]


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_slides_show_what_is_said(html, browser, deck):
    page, _ = open_deck(browser, html / "slides" / f"{deck.name}.html")
    shown = page.evaluate(SHOWN)
    page.close()
    found = {number: unwanted(slide) for number, slide in enumerate(shown, 1)}
    assert {number: words for number, words in found.items() if words} == {}


def says_nothing(slide: dict) -> bool:
    """Whether a slide is a title alone, or all but alone."""
    said = len(slide["anything"].split()) - len(slide["title"].split())
    return not slide["pictures"] and said < 8


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_every_slide_says_something(html, browser, deck):
    page, _ = open_deck(browser, html / "slides" / f"{deck.name}.html")
    shown = page.evaluate(SHOWN)
    page.close()
    titles = [slide["title"].strip("¶") for slide in shown if says_nothing(slide)]
    assert len(shown) >= 9 and titles == []


def test_a_title_alone_is_noticed():
    slide = {"title": "Memory networks", "anything": "Memory networks (2015)", "pictures": 0}
    assert says_nothing(slide) and not says_nothing(slide | {"pictures": 1})
    assert not says_nothing(
        slide | {"anything": "Memory networks hop, look again, hop once more, and answer"}
    )


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("code", "x = 1\n    assert x == 1"),
        ("code", "from mxnet import np"),
        ("output", "error: {'task 1': 0.2}"),
        ("output", "grains left: {0.02: 4.8}"),
        ("anything", "full, seed 0 |##########| 8/8 epochs"),
        ("anything", "written to results/digits.json"),
        ("anything", "*About a minute and a half on one CPU core*"),
        ("anything", "The data of this notebook"),
    ],
)
def test_what_does_not_belong_on_a_slide_is_noticed(part, text):
    nothing = dict.fromkeys(UNWANTED, "")
    assert len(unwanted(nothing | {part: text})) >= 1


@pytest.mark.parametrize(
    "text",
    ["a set {x_1, x_2}", "the second hop", "f(x): 0.3", "the important point", "at 10:30 in July"],
)
def test_what_belongs_on_a_slide_is_left_alone(text):
    assert unwanted(dict.fromkeys(UNWANTED, text)) == []


def test_the_teaching_guide_names_slides_that_exist():
    """In every table a time has its slides, and each deck opens at the number that it is given."""
    text = (ROOT / "book" / "teaching.md").read_text("utf-8")
    named = re.findall(r"\{slide\}`(\w+): (.+?)`", text)
    assert {name for name, _ in named} == set(NAMES) and len(named) > 25
    for deck in DECKS:
        places = slide_role.slide_places(deck)
        assert {title for name, title in named if name == deck.name} <= set(places)


@pytest.mark.parametrize("deck", DECKS, ids=NAMES)
def test_slides_have_the_numbers_that_the_teaching_guide_gives_them(html, browser, deck):
    page, _ = open_deck(browser, html / "slides" / f"{deck.name}.html")
    for title, (number, place) in slide_role.slide_places(deck).items():
        page.evaluate("(place) => { location.hash = place; }", place)
        page.wait_for_function(f"Reveal.getSlidePastCount() + 1 === {number}", timeout=5000)
        assert page.evaluate("Reveal.getSlidePastCount() + 1") == number
        heading = page.evaluate("Reveal.getCurrentSlide().querySelector('h1, h2, h3').textContent")
        assert re.sub(r"\W", "", heading) == re.sub(r"\W", "", title)
    page.close()


def deck_of(folder: Path, *cells) -> BeautifulSoup:
    """The page of a deck of one chapter with these cells."""
    (folder / "_toc.yml").write_text("chapters: [{file: chapters/01/index}]")
    (folder / "chapters" / "01").mkdir(parents=True)
    nbformat.write(new_notebook(cells=list(cells)), folder / "chapters" / "01" / "index.ipynb")
    (folder / "book" / "publishing").mkdir(parents=True)
    (folder / "book" / "publishing" / "templates").symlink_to(ROOT / "book/publishing/templates")
    (page,) = slides.build(folder, folder / "html")
    return BeautifulSoup(page.read_text("utf-8"), "html.parser")


def cell(text: str, kind: str = "-", *outputs, tags=(), **more):
    metadata = {"slideshow": {"slide_type": kind, **more}, "tags": list(tags)}
    if outputs:
        return new_code_cell(text, outputs=list(outputs), metadata=metadata)
    return new_markdown_cell(text, metadata=metadata)


def printed(text: str):
    return new_output("stream", name="stdout", text=text)


def picture(width: int = 576, height: int = 384):
    ihdr = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\0" * 40
    return new_output("display_data", {"image/png": base64.b64encode(ihdr).decode()})


def test_hidden_code_leaves_its_output(tmp_path):
    page = deck_of(
        tmp_path,
        cell("# Title", "slide"),
        cell("secret = 1", "-", printed("said"), tags=["hide-input"]),
        cell("secret = 2", "-", printed("said too"), hide_input=True),
    )
    assert "secret" not in page.select_one(".slides").get_text()
    assert [pre.get_text() for pre in page.select(".output pre")] == ["said", "said too"]


def test_a_fragment_waits_with_all_that_follows_it(tmp_path):
    page = deck_of(
        tmp_path,
        cell("## Guess\n\nWhich is steeper?", "slide"),
        cell("draw()", "fragment", printed("the first"), picture(), tags=["hide-input"]),
        cell("and why", "-"),
        cell("ask again", "fragment"),
        cell("said only", "notes"),
    )
    waiting = [
        (part["data-fragment-index"], part.get_text().strip())
        for part in page.select(".slides .fragment")
    ]
    assert sorted(waiting) == [("0", ""), ("0", "and why"), ("0", "the first"), ("1", "ask again")]
    assert not page.select_one(".fragment .fragment")
    assert "Which is steeper?" in page.select_one(".words .text:not(.fragment)").get_text()
    assert page.select_one(".pictures .fragment img") and page.select_one("section > aside.notes")


def test_progress_lines_stay_in_the_notebook(tmp_path):
    bar = "simple, seed 0 |##########| 8/8 epochs\n"
    page = deck_of(
        tmp_path,
        cell("# Title", "slide"),
        cell("fit()", "-", printed(f"{bar}error 0.1 | of | 2/3\n")),
        cell("fit()", "-", printed(bar)),
    )
    assert [pre.get_text().strip() for pre in page.select(".output")] == ["error 0.1 | of | 2/3"]


@pytest.mark.parametrize(
    ("words", "size", "beside"),
    [
        ("A sentence that is the point. " * 6, (576, 384), True),
        ("A sentence that is the point. " * 6, (576, 150), False),
        ("A word.", (576, 384), False),
        ("A sentence that is the point. " * 40, (576, 384), False),
        ("$$x$$ " + "A sentence that is the point. " * 6, (576, 384), False),
    ],
)
def test_a_picture_stands_where_it_is_larger(tmp_path, words, size, beside):
    page = deck_of(
        tmp_path,
        cell(f"## Finding\n\n{words}", "slide"),
        cell("plot()", "-", picture(*size), tags=["hide-input"]),
    )
    assert page.select_one(".pictures img")
    assert bool(page.select_one(".halves")) == beside


def test_docstrings_of_the_layout():
    assert doctest.testmod(slide_layout).failed == 0
