"""The live figure of neural Turing machines: setting bits, and stepping through their copy."""

import pytest

from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=neural_turing_machine]"


def state(page):
    return page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")


def press(page, words):
    page.get_by_role("button", name=words, exact=True).click()


def test_it_copies_whatever_bits_are_set(visit):
    page = visit(shown("neural_turing_machine"))
    for words in ("column 1, bit 2", "column 3, bit 1", "column 2, bit 4"):
        press(page, words)
        pressed = page.get_by_role("button", name=words, exact=True).get_attribute("aria-pressed")
        assert pressed in ("true", "false") and state(page)["wrong"] == "0"
    page.get_by_role("radio", name="three times").check()
    assert page.locator(".bits button").count() == 12 and state(page)["wrong"] == "0"


def test_steps_are_said_and_stay_within_the_sequence(visit):
    page = visit(shown("neural_turing_machine"))
    assert state(page)["doing"] == "hears the second mark"
    press(page, "Step")
    assert "It says column 1." in page.locator(".said").text_content()
    page.get_by_label("Step", exact=True).press("End")
    assert state(page)["doing"] == "says the end"
    press(page, "Step")
    assert state(page)["doing"] == "says the end"
    page.get_by_label("Step", exact=True).press("Home")
    press(page, "Back")
    assert state(page) | {"step": "0", "doing": "hears the start"} == state(page)


def test_columns_are_added_and_removed_within_limits(visit):
    page = visit(shown("neural_turing_machine"))
    for _ in range(4):
        press(page, "Add a column")
    assert page.locator(".bits button").count() == 5 * 4 and state(page)["wrong"] == "0"
    for _ in range(7):
        press(page, "Remove one")
    assert page.locator(".bits button").count() == 4
