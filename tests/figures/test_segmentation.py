"""The live figure of segmentation: a boat for the duck makes it sea, by mouse and by keyboard."""

import pytest

from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=segmentation]"
PICTURE = ".landscape canvas"


def sea(page):
    """The answer at the cross, and the share of the water that is called sea."""
    found = page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")
    return found["answer"], float(found["sea"])


def tap(page, tool, row, column):
    page.get_by_role("radio", name=tool).check()
    box = page.locator(PICTURE).bounding_box()
    place = {"x": (column + 0.5) * box["width"] / 48, "y": (row + 0.5) * box["height"] / 32}
    page.locator(PICTURE).click(position=place)


def label(page):
    return page.locator(PICTURE).get_attribute("aria-label")


def test_a_boat_for_the_duck_makes_it_sea(visit):
    page = visit(shown("segmentation"))
    answer, share = sea(page)
    assert answer == "lake" and share < 0.1
    tap(page, "clear it", 20, 36)
    assert "neither boat nor duck" in label(page)
    tap(page, "paint a boat", 18, 20)
    assert "a boat at row 19, column 21" in label(page)
    answer, share = sea(page)
    assert answer == "sea" and share > 0.9
    assert page.locator(".said").text_content().startswith("Of the water, ")


def test_ask_another_pixel(visit):
    page = visit(shown("segmentation"))
    tap(page, "ask a pixel", 3, 40)
    assert sea(page)[0] == "sky"
    assert "The cross is at row 4, column 41: sky" in label(page)
    tap(page, "ask a pixel", 21, 36)
    assert sea(page)[0] == "duck"


def test_a_head_of_the_water_looks_at_the_duck(visit):
    """The largest weight of some head lies on one of the squares of the duck."""
    page = visit(shown("segmentation"))
    heads = page.get_by_role("img", name="head")
    told = [heads.nth(k).get_attribute("aria-label") for k in range(heads.count())]
    assert len(told) == 4
    squares = [f"rows {r} to {r + 3}, columns {c} to {c + 3}" for r in (17, 21) for c in (33, 37)]
    assert any(one.endswith(square) for one in told for square in squares), told


def test_by_the_keyboard(visit):
    page = visit(shown("segmentation"))
    page.get_by_role("radio", name="neither").check()
    page.get_by_role("radio", name="paint a boat").check()
    page.locator(PICTURE).focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert "a boat at row 20, column 18" in label(page)
    assert sea(page)[1] > 0.9
    page.get_by_role("radio", name="clear it").check()
    page.locator(PICTURE).press("Space")
    assert "neither boat nor duck" in label(page)


def test_what_is_painted_stays_in_the_picture(visit):
    page = visit(shown("segmentation"))
    for row, column in ((0, 0), (31, 47)):
        tap(page, "paint a duck", row, column)
    assert "a duck at row 3, column 4" in label(page)
    assert "a duck at row 30, column 45" in label(page)


@pytest.mark.parametrize("scene", ["a duck", "a boat", "both", "neither"])
def test_every_scene_opens(visit, scene):
    page = visit(shown("segmentation"))
    page.get_by_role("radio", name=scene, exact=True).check()
    answer, share = sea(page)
    if scene in ("a duck", "a boat"):
        assert (answer, share > 0.5) == {"a duck": ("lake", False), "a boat": ("sea", True)}[scene]
