"""axe-core finds nothing to object to, on all pages and decks, in both themes and two widths;
what scrolls says so; links say where they lead.
"""

import re
from importlib.resources import files

import axe_playwright_python
import pytest
from bs4 import BeautifulSoup

from book.publishing import slides
from tests.book.publishing import ROOT, serve, wait_until_typeset
from tests.book.test_book import pages
from tests.book.test_slides import SHOW

pytestmark = pytest.mark.plumbing
AXE = (files(axe_playwright_python) / "axe.min.js").read_text("utf-8")
# What a page holds has the same colours at all widths, and the same places in both themes. What
# stands around it has not, and is the same on all pages: a few stand for all.
LOOKS = [(1280, "light", "all"), (390, "dark", "all"), (1280, "dark", "few"), (390, "light", "few")]
FEW = ["book/index.html", "book/results.html", "chapters/01_nadaraya_watson/kernel_regression.html"]
DECKS = [f"slides/{deck.name}.html" for deck in slides.decks(ROOT)]
# The pages of the package's modules are made by one template: these stand for all
MODULES = ["book/api/d2l_attention.attention.pooling.html"]
TOO_SHORT = re.compile(
    r"(?i)(click )?(here|this|link|next|more|previous|the next one|the last one|page|see|slides?)\.?"
)

# What is checked is what WCAG 2.1 AA demands, and the best practices of axe but one: it
# does not read MathML, and takes a column's head that is a formula for an empty one.
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "empty-table-header": { enabled: false } } });
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.length} x ${nodes[0].html.slice(0, 160)} ${nodes[0].failureSummary.slice(0, 300)}`);
}"""

# Boxes whose content goes on where it is not seen, and which do not show it.
CUT = """() => [...document.querySelectorAll("article :is(pre, table, div.math, .pst-scrollable-table-container, .text_html)")]
  .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible")
  .filter((e) => !e.matches(".more-right[tabindex='0']"))
  .map((e) => `${e.tagName} ${e.className}: ${e.textContent.trim().slice(0, 50)}`)"""

STOPS = "() => document.querySelectorAll(\"mjx-container[tabindex='0']\").length"


@pytest.fixture(scope="module")
def site(html):
    with serve(html) as url:
        yield url


def every_page(html) -> list[str]:
    return [*pages(html, "_modules/", "book/api/"), *MODULES]


@pytest.mark.parametrize(("width", "scheme", "which"), LOOKS)
def test_axe_finds_no_violation_on_any_page(html, site, browser, width, scheme, which):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(120_000)
    page = context.new_page()
    found, cut, stops = {}, {}, {}
    for name in every_page(html) if which == "all" else [*FEW, *MODULES]:
        page.goto(f"{site}/{name}")
        wait_until_typeset(page)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        page.evaluate(AXE)
        found[name], cut[name], stops[name] = (page.evaluate(do) for do in (RUN, CUT, STOPS))
    context.close()
    assert {name: problems for name, problems in found.items() if problems} == {}
    assert {name: boxes for name, boxes in cut.items() if boxes} == {}
    assert not any(stops.values()), "formulas are no stops of the Tab key"


# What a deck's style sheets make depend on the theme of the reader's system
THEMES = """() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
  .map((rule) => rule.media?.mediaText ?? "").filter((media) => media.includes("color-scheme"))"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", DECKS)
def test_axe_finds_no_violation_on_any_deck(site, browser, name, width):
    """A phone gets reveal.js's scrolling view. Decks look the same in both themes."""
    page = browser.new_page(viewport={"width": width, "height": 720})
    page.set_default_timeout(120_000)
    page.goto(f"{site}/{name}")
    wait_until_typeset(page)
    page.wait_for_function("window.Reveal?.isReady()")
    page.evaluate(AXE)
    found = {}
    for number in range(page.evaluate("Reveal.getTotalSlides()") if width > 435 else 1):
        page.evaluate(SHOW, number)
        if problems := page.evaluate(RUN):
            found[number + 1] = problems
    themes = page.evaluate(THEMES)
    page.close()
    assert found == {} and themes == []


def test_links_say_where_they_lead(html):
    unclear = [
        f"{name}: {link.get_text(' ', strip=True)} -> {link['href']}"
        for name in every_page(html)
        for link in BeautifulSoup((html / name).read_text("utf-8"), "html.parser").select(
            "article a[href]"
        )
        if TOO_SHORT.fullmatch(link.get_text(" ", strip=True))
    ]
    assert unclear == []


def test_citations_and_list_have_the_same_labels(html):
    listed = BeautifulSoup((html / "book/references.html").read_text("utf-8"), "html.parser")
    boxes = listed.select("div.citation > span.label")
    labels = {box.get_text().strip("[] \n").replace("\xa0", " ") for box in boxes}
    assert {"Nadaraya, 1964", "Fan and Gijbels, 1996", "Vaswani et al., 2017"} <= labels
    cited = set()
    for name in every_page(html):
        page = BeautifulSoup((html / name).read_text("utf-8"), "html.parser")
        for link in page.select("article a[href*='references.html#']"):
            text = link.get_text().replace("\xa0", " ")
            if re.fullmatch(r"\d{4}\w?", text):  # Nadaraya [1964]
                before = str(link.find_parent(class_="bibtex-citation") or link.previous_sibling)
                text = f"{before.rstrip(' [').split()[-1]}, {text}" if "<" not in before else ""
            cited.add(text)
    assert len(cited) > 10
    assert {text for text in cited if re.search(r", \d{4}", text)} <= labels


def test_reading_on_from_the_introduction_leads_to_section_1(html):
    page = BeautifulSoup((html / "book/introduction.html").read_text("utf-8"), "html.parser")
    following = page.select_one("a.right-next")
    assert following["href"] == "../chapters/01_nadaraya_watson/index.html"
