"""Print the built book as one PDF: python -m book.publishing.pdf [FOLDER OF THE BUILT BOOK]

The pages of the HTML book are put one after the other, in the order of _toc.yml, behind
a title page and a table of contents, and Chromium prints them. The first printing tells
on which page each heading stands, the second has the numbers in the table of contents.
Solutions of exercises, prose and code, stand at the end, and each exercise links to its own.
The front page of the HTML book then links to the PDF. The pages of the package's modules,
which _toc.yml does not name, are left out.
"""

import re
import sys
from io import BytesIO
from pathlib import Path
from posixpath import dirname, join, normpath

import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from book.publishing.browser import chromium, file_url
from book.publishing.contents import ROOT
from book.publishing.slides import HTML

NAME = "attention-in-deep-learning.pdf"
PLACE = re.compile(r"<!-- pdf -->.*?<!-- /pdf -->", re.DOTALL)
DROPPED = "a.headerlink, button, .toctree-wrapper, details.hide, .prev-next-area, script[src], a:has(.viewcode-link)"
SOLUTIONS = "solutions"
PAGE_WIDTH = 643  # CSS pixels between the margins: (210 - 2 * 20) mm


def toc_pages(root: Path) -> list[tuple[str | None, str]]:
    """(caption of the part that begins here or None, page without ending), in reading
    order.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text("utf-8"))
    pages: list[tuple[str | None, str]] = [(None, toc["root"])]
    for part in toc["parts"]:
        caption = part["caption"]
        for chapter in part["chapters"]:
            for entry in [chapter, *chapter.get("sections", [])]:
                pages.append((caption, entry["file"]))
                caption = None
    return pages


def article(root: Path, html: Path, page: str) -> Tag:
    """A page's article, its ids, links and images rewritten for the one long page."""
    soup = BeautifulSoup((html / f"{page}.html").read_text("utf-8"), "html.parser")
    found = soup.select_one("article.bd-article")
    mark_solutions(found)
    for element in found.select(DROPPED):
        element.decompose()
    for element in found.select("details"):
        element["open"] = ""
    for element in found.select("[id]"):
        # Scripts of live figures know their ids
        if not element.find_parent(class_="cell_output"):
            element["id"] = anchor(page, element["id"])
    for element in found.select("img[src]:not([src^='data:'])"):
        element["src"] = normpath(join(dirname(page), element["src"]))
    for element in found.select("a[href]"):
        href = relink(root, page, element["href"])
        if href:
            element["href"] = href
        else:
            element.unwrap()
    found.name, found["id"] = "section", anchor(page, "")
    return found


def mark_solutions(page: Tag) -> None:
    """Gives the folded solutions of a page's exercises, in prose or code, the class
    "solution", and unfolds them.
    """
    for exercises in page.select("section#exercises"):
        for folded in exercises.select("details:not(.hide), .cell.tag_hide-cell:not(.tag_claims)"):
            if folded.name == "details":
                folded.summary.decompose()
                folded.name = "div"
            for details in folded.select("details"):
                details.summary.decompose()
                details.unwrap()
            folded["class"] = [*folded.get("class", []), "solution"]


def solutions(articles: list[tuple[str | None, Tag]]) -> Tag | None:
    """Takes the solutions out of the pages, where links to them stay, and returns the last
    page of the book, which holds them; None where there are none.
    """
    soup = BeautifulSoup(
        f'<section id="{anchor(SOLUTIONS, "")}"><h1>Solutions</h1></section>', "html.parser"
    )
    for _, page in articles:
        found = page.select(".solution")
        if found:
            heading = soup.new_tag("section", id=anchor(SOLUTIONS, page["id"]))
            title = soup.new_tag("h2")
            title.string = page.h1.get_text(" ", strip=True)
            heading.append(title)
            soup.section.append(heading)
        for number, solution in enumerate(found, 1):
            name = exercise_name(solution)
            place = anchor(SOLUTIONS, f"{page['id']}{number}")
            link = soup.new_tag("p")
            link.append(soup.new_tag("a", href=f"#{place}"))
            link.a.string = f"Solution of {name}" if name else "Solution"
            solution.replace_with(link)
            answer = soup.new_tag("div", id=place)
            title = soup.new_tag("h3")
            title.string = name or "Solution"
            answer.extend([title, solution])
            heading.append(answer)
    return soup.section if soup.section.find("h2") else None


def exercise_name(solution: Tag) -> str:
    """The name in bold with which the exercise before a solution begins."""
    for paragraph in solution.find_all_previous("p"):
        first = next(iter(paragraph.contents), None)
        if isinstance(first, Tag) and first.name == "strong":
            return first.get_text().strip().removesuffix(".")
    return ""


def anchor(page: str, identifier: str) -> str:
    return f"{page}--{identifier}".replace("/", "-").replace(".", "-")


def relink(root: Path, page: str, href: str) -> str | None:
    """Where a link of ``page`` leads in the PDF; None for what is not part of it, such
    as a deck.
    """
    if re.match(r"[a-z]+:", href):
        return href
    target, _, identifier = href.partition("#")
    target = normpath(join(dirname(page), target)).removesuffix(".html") if target else page
    inside = any(target == other for _, other in toc_pages(root))
    return f"#{anchor(target, identifier)}" if inside else None


def contents(articles: list[tuple[str | None, Tag]], numbers: dict[str, int]) -> str:
    """The table of contents: parts, page titles and their sections, with page numbers
    once they are known.
    """
    lines = []
    for caption, page in articles:
        if caption:
            lines.append(f'<p class="part">{caption}</p>')
        for heading in page.select("h1, h2"):
            target = (page if heading.name == "h1" else heading.find_parent(id=True))["id"]
            text = heading.get_text(" ", strip=True)
            number = numbers.get(target, "")
            lines.append(
                f'<a class="{heading.name}" href="#{target}"><span>{text}</span><span>{number}</span></a>'
            )
    return '<nav class="contents"><h1>Contents</h1>' + "\n".join(lines) + "</nav>"


def long_page(root: Path, html: Path, numbers: dict[str, int]) -> str:
    """The whole book as one HTML page."""
    config = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    articles = [(caption, article(root, html, page)) for caption, page in toc_pages(root)]
    if answers := solutions(articles):
        articles.append((None, answers))
    template = (root / "book" / "publishing" / "templates" / "print.html").read_text("utf-8")
    for key, text in {
        "title": config["title"],
        "author": config["author"],
        "contents": contents(articles, numbers),
        "body": "\n".join(str(page) for _, page in articles),
    }.items():
        template = template.replace(f"{{{{ {key} }}}}", text)
    return template


def page_numbers(pdf: bytes) -> dict[str, int]:
    """Page number, from 1, of every named place in a PDF."""
    reader = PdfReader(BytesIO(pdf))
    return {
        name.removeprefix("/"): reader.get_destination_page_number(place) + 1
        for name, place in reader.named_destinations.items()
    }


def print_page(source: Path) -> bytes:
    """The PDF of an HTML file, after all equations are typeset."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": PAGE_WIDTH, "height": 900}, color_scheme="light")
        page.emulate_media(media="print")
        page.goto(file_url(source))
        page.wait_for_function("window.readyToPrint === true", timeout=120_000)
        return page.pdf(
            format="A4",
            prefer_css_page_size=True,
            print_background=True,
            outline=True,
            tagged=True,
        )


def build(root: Path, html: Path) -> Path:
    """Writes the PDF into the folder of the built book, links it from the front page,
    and returns its path.
    """
    source = html / "print.html"
    numbers: dict[str, int] = {}
    try:
        for _ in range(2):
            source.write_text(long_page(root, html, numbers), "utf-8")
            pdf = print_page(source)
            numbers = page_numbers(pdf)
    finally:
        source.unlink(missing_ok=True)
    (html / NAME).write_bytes(pdf)
    front = html / f"{toc_pages(root)[0][1]}.html"
    front.write_text(with_link(front.read_text("utf-8")), "utf-8")
    return html / NAME


def with_link(front_page: str) -> str:
    """The front page with a link to the PDF between the comments `<!-- pdf -->` and
    `<!-- /pdf -->`.
    """
    link = f'<!-- pdf --><p>The book is also <a href="../{NAME}">one PDF file</a>, to print or to read on the way.</p>'
    return PLACE.sub(link + "<!-- /pdf -->", front_page)


if __name__ == "__main__":
    print(build(ROOT, Path(*sys.argv[1:2] or [HTML])))
