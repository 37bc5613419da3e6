"""The printed book: every page of the table of contents, links that lead somewhere, page
numbers that are right, nothing cut off.
"""

import re
import subprocess
import sys

import nbformat
import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from book.publishing import pdf
from tests.book.publishing import ROOT, listen, math_errors

pytestmark = pytest.mark.plumbing
PAGES = [page for _, page in pdf.toc_pages(ROOT)]


@pytest.fixture(scope="module")
def printed(html, browser) -> PdfReader:
    command = [sys.executable, "-m", "book.publishing.pdf", html]
    subprocess.run(command, cwd=ROOT, check=True)
    return PdfReader(html / pdf.NAME)


@pytest.fixture(scope="module")
def places(html, printed) -> dict[str, int]:
    return pdf.page_numbers((html / pdf.NAME).read_bytes())


def test_every_page_of_the_book_begins_on_a_page_of_its_own_in_order(printed, places):
    starts = [places[pdf.anchor(page, "")] for page in PAGES]
    assert starts == sorted(set(starts))
    assert starts[-1] <= len(printed.pages) <= 20 * len(PAGES)


def test_every_link_leads_somewhere(printed, places):
    annotations = [note.get_object() for page in printed.pages for note in page.annotations or []]
    links = [str(note["/Dest"]).removeprefix("/") for note in annotations if "/Dest" in note]
    assert len(links) > len(PAGES)
    assert not [name for name in links if name not in places]


def test_the_table_of_contents_has_the_numbers_of_the_pages(printed, places):
    contents = printed.pages[1 : min(places.values()) - 1]
    text = "\n".join(page.extract_text() for page in contents)
    assert re.search(r"^\s*Solutions\s+\d+\s*$", text, re.MULTILINE)
    titles = re.findall(r"^\s*(Notation|Preface|Results)\s+(\d+)\s*$", text, re.MULTILINE)
    assert dict(titles) == {
        name: str(places[pdf.anchor(f"book/{name.lower()}", "")])
        for name in ("Notation", "Preface", "Results")
    }


def test_the_front_page_leads_to_the_pdf(html, printed):
    assert pdf.NAME in (html / "book" / "index.html").read_text("utf-8")
    assert not (html / "print.html").exists()


def exercises_and_solutions() -> tuple[list[str], int]:
    """The names of all exercises of the notebooks, and the number of their solutions."""
    names, number = [], 0
    for path in (ROOT / f"{page}.ipynb" for page in PAGES):
        if not path.is_file():
            continue
        cells = nbformat.read(path, as_version=4).cells
        first = next(
            (n for n, cell in enumerate(cells) if "## Exercises" in cell.source), len(cells)
        )
        for cell in cells[first:]:
            tags = cell.metadata.get("tags", [])
            names += re.findall(r"^\*\*(.+?)\.?\*\* ★", cell.source, re.MULTILINE)
            number += cell.source.count("<details")
            number += "hide-cell" in tags and "claims" not in tags
    return names, number


def test_all_solutions_stand_at_the_end_and_none_beside_its_exercise(html):
    names, number = exercises_and_solutions()
    book = BeautifulSoup(pdf.long_page(ROOT, html, {}), "html.parser")
    last = book.select("body > section")[-1]
    assert last.h1.get_text() == "Solutions"
    assert len(book.select(".solution")) == len(last.select(".solution")) == number > 10
    assert {heading.get_text() for heading in last.select("h3")} == set(names)
    assert all(len(solution.get_text().strip()) > 20 for solution in last.select(".solution"))
    assert last.select(".solution .cell_input pre") and last.select(
        ".solution mjx-container, .solution .math"
    )
    links = [link["href"][1:] for link in book.select("a[href^='#solutions--']")]
    assert links and all(book.find(id=link) for link in links)


def test_nothing_is_cut_off_in_print(html, browser, tmp_path):
    source = html / "print_test.htm"  # no page of the book, which other tests read meanwhile
    source.write_text(pdf.long_page(ROOT, html, {}), "utf-8")
    page = browser.new_page(viewport={"width": pdf.PAGE_WIDTH, "height": 900})
    page.emulate_media(media="print")
    problems = listen(page)
    page.goto(source.as_uri())
    page.wait_for_function("window.readyToPrint === true", timeout=120_000)
    wide = page.evaluate(
        """() => [...document.querySelectorAll("pre, table, img, svg, mjx-container, dt")]
          .filter((e) => e.getBoundingClientRect().right > document.body.clientWidth + 2
            || (e.tagName === "PRE" && e.scrollWidth > e.clientWidth + 1))
          .map((e) => `${e.tagName}: ${e.textContent.slice(0, 60)}`)"""
    )
    assert math_errors(page) == []
    page.close()
    source.unlink()
    assert wide == [] and problems == []
