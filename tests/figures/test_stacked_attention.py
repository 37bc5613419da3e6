"""The live figure of stacked attention: painting a scene, and exchanging colors and shapes in it."""

import pytest

from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=stacked_attention]"
BLUE, YELLOW, SQUARE, CIRCLE = (6, 17, 7, 18)  # cells of the first scene


def answer(page):
    found = page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")
    return found["answer"], found["right"]


def exchange(page, tool, *cells):
    page.get_by_role("radio", name=tool).check()
    for cell in cells:
        page.locator(".cells button").nth(cell).click()


def test_an_exclusive_or(visit):
    """Either exchange changes the answer, and both together do not."""
    page = visit(shown("stacked_attention"))
    assert answer(page) == ("blue", "blue")
    exchange(page, "swap colors", BLUE, YELLOW)
    assert answer(page) == ("yellow", "yellow")
    exchange(page, "swap shapes", SQUARE, CIRCLE)
    assert answer(page) == ("blue", "blue")
    exchange(page, "swap colors", BLUE, YELLOW)
    assert answer(page) == ("yellow", "yellow")
    assert page.locator(".chosen").count() == 0


def test_the_first_hop_finds_what_is_named_and_the_second_its_neighbour(visit):
    page = visit(shown("stacked_attention"))
    first, second = (
        page.get_by_role("img", name=f"hop {k}").get_attribute("aria-label") for k in (1, 2)
    )
    assert first.endswith("row 2, column 3, red square")
    assert second.endswith("row 2, column 2, blue circle")


def test_paint_with_the_keyboard(visit):
    page = visit(shown("stacked_attention"))
    page.get_by_role("radio", name="empty").check()
    assert "there is no red square" in page.locator(".truth").text_content()
    page.get_by_role("radio", name="red square", exact=True).check()
    page.locator(".cells button").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    cell = page.locator(".cells button").nth(6)
    assert cell.get_attribute("aria-label") == "row 2, column 2: red square"
    assert "nothing is left of the red square" in page.locator(".truth").text_content()
    page.get_by_role("radio", name="green triangle", exact=True).check()
    page.locator(".cells button").nth(5).press("Space")
    assert answer(page) == ("green", "green")
    assert page.locator(".truth").text_content() == "It is green. The network is right."
    page.get_by_role("radio", name="red square", exact=True).check()
    page.locator(".cells button").nth(20).click()
    assert "there are 2 red squares" in page.locator(".truth").text_content()
    page.get_by_role("radio", name="clear it").check()
    page.locator(".cells button").nth(20).click()
    assert answer(page)[1] == "green"


@pytest.mark.parametrize("scene", ["two pairs", "crowded"])
def test_other_questions(visit, scene):
    page = visit(shown("stacked_attention"))
    page.get_by_role("radio", name=scene).check()
    asked = {"two pairs": [("right of", "blue", "red"), ("left of", "red", "blue")]}
    asked["crowded"] = [("above", "green", "yellow"), ("right of", "yellow", "green")]
    for relation, color, expected in asked[scene]:
        page.get_by_role("radio", name=relation, exact=True).check()
        page.get_by_role("radio", name=f"the {color}").check()
        shape = "square" if color == "red" else "circle"
        page.get_by_role("radio", name=shape, exact=True).check()
        assert answer(page) == (expected, expected)
