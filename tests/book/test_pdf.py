"""The printed book: every page of the table of contents, links that lead somewhere, page
numbers that are right, nothing cut off.
"""

import re
import subprocess
import sys

import pytest
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
    assert starts[-1] <= len(printed.pages) <= 400


def test_every_link_leads_somewhere(printed, places):
    annotations = [note.get_object() for page in printed.pages for note in page.annotations or []]
    links = [str(note["/Dest"]).removeprefix("/") for note in annotations if "/Dest" in note]
    assert len(links) > len(PAGES)
    assert not [name for name in links if name not in places]


def test_the_table_of_contents_has_the_numbers_of_the_pages(printed, places):
    text = "\n".join(page.extract_text() for page in printed.pages[1:6])
    titles = re.findall(r"^\s*(Notation|Preface|Results)\s+(\d+)\s*$", text, re.MULTILINE)
    assert dict(titles) == {
        name: str(places[pdf.anchor(f"book/{name.lower()}", "")])
        for name in ("Notation", "Preface", "Results")
    }


def test_the_front_page_leads_to_the_pdf(html, printed):
    assert pdf.NAME in (html / "book" / "index.html").read_text("utf-8")
    assert not (html / "print.html").exists()


def test_nothing_is_cut_off_in_print(html, browser, tmp_path):
    source = html / "print_test.html"
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
