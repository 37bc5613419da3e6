"""Where the parts of a slide stand: words beside their picture, code above both.

A deck's template writes the parts of a slide one below the other, as a notebook has them.
`arrange` gives a picture the room in which it can be read: below the words, or in the
wider half beside them, wherever it is larger. What is wide by nature (code, displayed
formulas, tables) stays above both.
"""

import base64
import re
import struct

from bs4 import BeautifulSoup, Tag

PICTURE = "img, svg, canvas"
WIDTH, HEIGHT, WIDE_HALF, GAP = 1168, 570, 680, 32  # of what is below a heading; deck.css
LIVE = ".d2l-figure"  # a picture that can be played with


def arrange(page: str) -> str:
    """A deck's page with all its slides arranged."""
    soup = BeautifulSoup(page, "html.parser")
    for number, section in enumerate(soup.select(".slides section:not(:has(section))"), 1):
        arrange_slide(soup, section)
        section.insert(0, soup.new_tag("span", id=f"slide-{number}"))  # deck.html#slide-3
    return str(soup)


def arrange_slide(soup: BeautifulSoup, section: Tag) -> None:
    """Puts the parts of one slide in their places."""
    unwrap_fragments(section)
    parts = [part for part in section.find_all("div", recursive=False) if not is_heading(part)]
    pictures = [part for part in parts if is_picture(part)]
    words = [part for part in parts if part not in pictures]
    if section.select_one("h1"):
        section["class"] = [*section.get("class", []), "title"]
    if not pictures:
        return
    wide = max((n for n, part in enumerate(words, 1) if is_wide(part)), default=0)
    above, words = words[:wide], words[wide:]
    room = soup.new_tag("div", attrs={"class": "pictures"})
    if larger_beside(above, words, pictures):
        halves = soup.new_tag("div", attrs={"class": "halves"})
        column = soup.new_tag("div", attrs={"class": "words"})
        column.extend(words)
        halves.extend([column, room])
        section.append(halves)
    else:
        section.append(room)
    room.extend(pictures)
    section.extend(section.find_all("aside"))


def unwrap_fragments(section: Tag) -> None:
    """What a fragment wraps may go to both halves: its parts become fragments that appear
    together.
    """
    for number, fragment in enumerate(section.select(":scope > .fragment")):
        for part in fragment.find_all("div", recursive=False):
            part["class"] = [*part["class"], "fragment"]
            part["data-fragment-index"] = number
        fragment.unwrap()


def is_heading(part: Tag) -> bool:
    return "heading" in part["class"]


def is_picture(part: Tag) -> bool:
    return "output" in part["class"] and part.select_one(PICTURE) is not None


def is_wide(part: Tag) -> bool:
    """Code, a displayed formula, a table."""
    return "code" in part["class"] or bool(part.find("table")) or "$$" in part.get_text()


def larger_beside(above: list[Tag], words: list[Tag], pictures: list[Tag]) -> bool:
    """Whether the pictures are larger beside the words than below them."""
    left = HEIGHT - sum(height(part, WIDTH) for part in above)
    needed = sum(height(part, WIDTH - WIDE_HALF - GAP) for part in words)
    shape = aspect(pictures)
    if not words or shape is None or needed > left:
        return False
    below = left - sum(height(part, WIDTH) for part in words)
    return min(WIDE_HALF, shape * left) > min(WIDTH, shape * below)


def height(part: Tag, width: int) -> int:
    """About how high a part is that is so wide, in pixels."""
    letter, line = 15, 38
    if part.name == "pre" or part.find("pre"):
        letter, line = (13, 30) if "code" in part.get("class", []) else (15, 36)
    rows = part.find_all("tr") or re.split(r"\n+", part.get_text().strip())
    lines = sum(max(1, -(-len(getattr(row, "text", row)) * letter // width)) for row in rows)
    return lines * line + 70 * part.get_text().count("$$") // 2 + 20


def aspect(pictures: list[Tag]) -> float | None:
    """Width by height of PNG pictures below one another; None where one is alive or drawn
    otherwise.
    """
    shapes = [png_size(part.img["src"]) if part.img else None for part in pictures]
    if None in shapes or any(part.select_one(LIVE) for part in pictures):
        return None
    return 1 / sum(high / wide for wide, high in shapes)


def png_size(source: str) -> tuple[int, int] | None:
    """Width and height in a data URI of a PNG."""
    kind, _, data = source.partition("base64,")
    if "image/png" not in kind:
        return None
    return struct.unpack(">II", base64.b64decode(data[:64])[16:24])
