"""The book as readers see it: it builds without a warning, and its pages are looked at
in a browser.
"""

import doctest
import re
from pathlib import Path

import nbformat
import pytest

from book.publishing import address, generated_pages, slides, tables
from book.publishing.contents import toc_notebooks
from tests.book.publishing import (
    GONE,
    REPOSITORY,
    ROOT,
    build_book,
    copy_sources,
    listen,
    math_errors,
    serve,
    wait_until_typeset,
)

pytestmark = pytest.mark.plumbing
WIDTHS = {"desktop": 1400, "phone": 390}

# What sticks out: the page scrolls sideways, or a box hides content on a side where no
# scrolling reaches it.
OVERFLOW = """() => {
  const problems = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) problems.push(`page is ${page.scrollWidth} px wide`);
  for (const box of document.querySelectorAll("div.math")) {
    const left = box.getBoundingClientRect().left;
    const equation = box.querySelector("mjx-container");
    if (equation && equation.getBoundingClientRect().left < left - 1) problems.push("equation cut off at the left");
    if (box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "auto")
      problems.push("equation cut off at the right");
  }
  return problems;
}"""

CODE = ".cell_input pre, .shown-source pre"

SILENT_IMAGES = """() => [...document.querySelectorAll("article img")]
  .filter((image) => !image.alt.trim()).map((image) => `no alt text: ${image.src.slice(-60)}`)"""

STRETCHED_IMAGES = """() => [...document.querySelectorAll("article img")]
  .filter((image) => image.clientHeight > 0)
  .map((image) => [image, image.clientWidth / image.clientHeight / (image.naturalWidth / image.naturalHeight)])
  .filter(([, ratio]) => Math.abs(ratio - 1) > 0.02)
  .map(([image, ratio]) => `${ratio.toFixed(2)} times as wide as it should be: ${image.src.slice(-60)}`)"""
# Either its script runs, or its picture shows
FIGURES = """() => [...document.querySelectorAll(".d2l-figure")]
  .filter((figure) => !figure.querySelector(".live")?.clientHeight || figure.querySelector("img").clientHeight)
  .map((figure) => `not live, or its picture beside it: ${figure.id}`)"""
DARK_IMAGES = """() => [...document.querySelectorAll("article img")]
  .map((image) => [image, getComputedStyle(image)])
  .filter(([, style]) => /brightness/.test(style.filter) || style.padding !== "0px")
  .map(([image]) => `dimmed or framed: ${image.src.slice(-60)}`)"""
# Figures are drawn on white: turned round, but for photographs, which have a file of their own
WHITE_IMAGES = """() => [...document.querySelectorAll("article .cell_output img")]
  .filter((image) => image.clientHeight > 0 && !image.matches(".only-dark"))
  .filter((image) => !/invert/.test(getComputedStyle(image).filter))
  .map((image) => `white in the dark: ${image.src.slice(-60)}`)"""


@pytest.fixture(scope="module")
def site(html):
    with serve(html) as url:
        yield url


def pages(html: Path, *but: str) -> list[str]:
    """All pages but the decks, the redirect of the root and those of these folders."""
    found = sorted(path.relative_to(html).as_posix() for path in html.rglob("*.html"))
    left_out = ("slides/", "_static/", *but)
    return [name for name in found if not name.startswith(left_out) and name != "index.html"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages(html, site, browser, width, scheme):
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme
    )
    page = context.new_page()
    problems = listen(page)
    found = {}
    # The pages of modules are many and alike: where they are narrow will do
    alike = () if (width, scheme) == ("phone", "light") else ("_modules/", "book/api/")
    for name in pages(html, *alike):
        page.goto(f"{site}/{name}")
        wait_until_typeset(page)
        problems += page.evaluate(OVERFLOW) + page.evaluate(SILENT_IMAGES) + math_errors(page)
        problems += page.evaluate(STRETCHED_IMAGES) + page.evaluate(FIGURES)
        for look in (DARK_IMAGES, WHITE_IMAGES) if scheme == "dark" else ():
            problems += page.evaluate(look)
        if problems:
            found[name] = list(problems)
            problems.clear()
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
    context.close()
    assert not found


def test_pages_open_without_a_server(html, browser):
    page = browser.new_page()
    problems = listen(page)
    for name in toc_notebooks(ROOT):
        page.goto((html / name).with_suffix(".html").as_uri())
        wait_until_typeset(page)
        assert page.locator("mjx-container").count() or "$" not in (ROOT / name).read_text("utf-8")
    page.close()
    # sphinx-book-theme 1.1 (Python 3.10) asks for its icons' fonts twice; from a file,
    # the first way is refused.
    expected = ("fontawesome", "ERR_FAILED")
    assert [problem for problem in problems if not any(word in problem for word in expected)] == []


def test_every_equation_is_typeset(html, site, browser):
    page = browser.new_page()
    for name in toc_notebooks(ROOT):
        page.goto(f"{site}/{name.removesuffix('.ipynb')}.html")
        wait_until_typeset(page)
        written = page.evaluate("document.querySelectorAll('article .math').length")
        typeset = page.evaluate("document.querySelectorAll('article .math mjx-container').length")
        assert typeset == written, name
    page.close()


def test_code_fits_the_column_of_a_wide_screen(html, site, browser):
    page = browser.new_page(viewport={"width": WIDTHS["desktop"], "height": 900})
    unfold = "e => e.forEach((details) => { details.open = true; })"
    wide = (
        "e => e.filter((pre) => pre.scrollWidth > pre.clientWidth + 1).map((pre) => pre.innerText)"
    )
    for name in toc_notebooks(ROOT):
        page.goto(f"{site}/{name.removesuffix('.ipynb')}.html")
        page.locator("details").evaluate_all(unfold)
        assert page.locator(CODE).evaluate_all(wide) == [], name
    page.close()


# On a phone: is each cell below its row's heading shown with its column's title, and does the
# table fit? Elsewhere a row is a line.
STACKED = """() => [...document.querySelectorAll("article table.stacks")].flatMap((table) => {
  const heads = [...table.querySelectorAll("thead :is(th, td)")].map((head) => head.innerText.trim());
  const cells = [...table.querySelectorAll("td:not(:first-child)")].filter((cell) => cell.offsetParent && cell.closest("tbody"));
  const titled = cells.filter((cell) => getComputedStyle(cell, "::before").content.includes(cell.dataset.title));
  return [[table.scrollWidth <= table.parentElement.clientWidth, cells.length > 0 && titled.length === cells.length, heads.length > 2]];
})"""
SIDEWAYS = """() => [...document.querySelectorAll("article .pst-scrollable-table-container")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.innerText.slice(0, 60))"""


def test_wide_tables_stack_on_a_phone(html, site, browser):
    page = browser.new_page(viewport={"width": WIDTHS["phone"], "height": 900})
    seen = 0
    for name in pages(html, "_modules/", "book/api/"):
        page.goto(f"{site}/{name}")
        wait_until_typeset(page)
        stacked = page.evaluate(STACKED)
        assert all(map(all, stacked)), name
        assert page.evaluate(SIDEWAYS) == [], name
        seen += len(stacked)
    assert seen > 10
    # A browser says that it is still a table, with its heads; where there is room it is one
    page.goto(f"{site}/book/results.html")
    told = page.locator("article").aria_snapshot()
    assert "- table" in told and "columnheader" in told and "cell" in told
    assert page.get_by_role("table").first.get_by_role("columnheader").count() > 3
    page.set_viewport_size({"width": WIDTHS["desktop"], "height": 900})
    row = page.locator("table.ledger tbody tr").first.locator("td")
    assert len({cell.bounding_box()["y"] for cell in row.all()}) == 1
    page.close()


def test_search_finds_bandwidth(site, browser):
    page = browser.new_page()
    page.goto(f"{site}/search.html?q=bandwidth")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    links = page.locator("#search-results li a").evaluate_all(
        "links => links.map((link) => link.href)"
    )
    page.close()
    assert any("chapters/01_nadaraya_watson" in link for link in links)


def test_code_can_be_copied(html, site, browser):
    page = browser.new_page()
    page.goto(f"{site}/book/notation.html")
    page.wait_for_selector("button.copybtn", state="attached", timeout=20_000)
    page.close()


def test_internal_links_lead_somewhere(html):
    dead = []
    for name in pages(html):
        text = (html / name).read_text("utf-8")
        for link in re.findall(r'<a [^>]*href="([^"]+)"', text):
            target, _, _ = link.partition("#")
            if (
                target
                and not re.match(r"[a-z]+:", target)
                and not (html / name).parent.joinpath(target).exists()
            ):
                dead.append(f"{name} -> {link}")
    assert not dead


def test_without_an_address_no_page_leads_to_a_repository(html):
    if address.current(ROOT):
        pytest.skip("the repository's address is set")
    for name in pages(html):
        hrefs = re.findall(r'href="([^"]*)"', (html / name).read_text("utf-8"))
        found = [h for h in hrefs if re.search(rf"//({REPOSITORY}|colab\.|mybinder\.)", h)]
        assert not found, name


def test_with_an_address_every_notebook_has_its_colab_and_binder_links(tmp_path):
    root = copy_sources(tmp_path / "copy")
    address.write(root, "owner/attention-book")
    html = build_book(root, tmp_path)
    for name in toc_notebooks(root):
        text = (html / name).with_suffix(".html").read_text("utf-8")
        assert (
            f'"https://colab.research.google.com/github/owner/attention-book/blob/main/{name}"'
            in text
        )
        assert (
            f'"https://mybinder.org/v2/gh/owner/attention-book/main?urlpath=lab/tree/{name}"'
            in text
        )
    front = (html / "book" / "how_to_run.html").read_text("utf-8")
    assert "git clone --branch main https://github.com/owner/attention-book" in re.sub(
        r"<[^>]+>", "", front
    )


def test_pages_show_all_that_is_said_but_not_the_setup_cell(html):
    for name in toc_notebooks(ROOT):
        text = (html / name).with_suffix(".html").read_text("utf-8")
        assert "google.colab" not in text
        for cell in nbformat.read(
            ROOT / name, as_version=4
        ).cells:  # a lecturer's notes are prose for readers
            if cell.metadata.get("slideshow", {}).get("slide_type") == "notes":
                assert re.search(r"[\w ]{5,}", cell.source)[0] in text


def test_docstring_examples():
    for module in (generated_pages, tables):
        ran = doctest.testmod(module)
        assert ran.attempted > 1 and ran.failed == 0


def test_every_public_module_is_in_the_reference(html):
    modules = [
        ".".join(path.with_suffix("").relative_to(ROOT).parts).removesuffix(".__init__")
        for path in (ROOT / "d2l_attention").rglob("*.py")
        if path.name != "__main__.py"  # a program has no public names
    ]
    assert {"d2l_attention", "d2l_attention.models"} <= set(modules)
    for name in modules:
        page = (html / "book" / "api" / f"{name}.html").read_text("utf-8")
        assert f'id="module-{name}"' in page


def test_the_reference_has_one_sentence_and_a_link_for_each_module(site, browser):
    page = browser.new_page()
    page.goto(f"{site}/book/api.html")
    for name in ("d2l_attention", "datasets", "shapes"):
        row = page.locator("article tr", has=page.get_by_role("link", name=name, exact=True))
        says = row.locator("td").nth(1).inner_text()
        row.get_by_role("link").click()
    assert re.fullmatch(r"\w[^\n]+\.", says.strip())
    module = "d2l_attention.datasets.shapes"
    assert f"/book/api/{module}.html" in page.url
    assert page.locator("article dt.sig").count() and page.title().startswith(module)
    page.close()


def test_the_reference_has_no_page_of_a_module_that_is_gone(html):
    assert not (html / "book" / "api" / f"{GONE}.html").exists()


def test_decks_are_built_with_the_book(html):
    for deck in slides.decks(ROOT):
        assert (html / "slides" / f"{deck.name}.html").is_file()
