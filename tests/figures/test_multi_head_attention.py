"""The live figure of multi-head attention: asking, changing the menu, switching heads off."""

import pytest

from d2l_attention.datasets import menus
from d2l_attention.figures import data
from tests.figures.every_figure import shown

browser = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=multi_head_attention]"


def told(page) -> dict:
    return page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")


def asked(page) -> list[str]:
    return [text.split(",")[0] for text in page.locator(".answers th").all_text_contents()]


def answers(page) -> list[str]:
    return page.locator(".answers td:last-child").all_text_contents()


def menu(page) -> list[str]:
    return page.locator(".panel [role=radiogroup] label:visible span").all_text_contents()[3:]


def maps(page) -> list[str]:
    return list(page.locator(".maps svg").evaluate_all(LABELS))


LABELS = "nodes => nodes.map((node) => node.getAttribute('aria-label'))"


def write(page, text):
    page.get_by_label("or type the menu").fill(text)
    page.get_by_label("or type the menu").press("Enter")


# -------------------------------------------------------------------------------- the networks
def test_what_is_said_of_the_networks():
    settings, _ = data.read("multi_head_attention")
    right = settings["right"]
    assert 0.7 < right["1"] < 0.785 and right["2"] > 0.98 and right["4"] > 0.98
    assert tuple(settings["names"]) == menus.NAMES


# ------------------------------------------------------------------------------------ the page
@browser
def test_two_heads_divide_the_work(visit):
    page = visit(shown("multi_head_attention"))
    assert asked(page) == ["tea", "cake", "soup", "juice"]
    assert answers(page) == ["yes, right", "no, right", "no, right", "yes, right"]
    assert page.locator(".verdict").text_content() == "4 of 4 answers are right."
    roles = []
    for label in maps(page):
        most = [part.split(": ")[-1].split(",")[0] for part in label.split("; ")]
        roles.append("stays" if set(most) == {"coffee"} else "walks" * (most == asked(page)))
    assert sorted(roles) == ["stays", "walks"]


@browser
def test_one_head_cannot_compare(visit):
    """Of two menus with the prices exchanged, one is answered wrongly for some pair."""
    page = visit(shown("multi_head_attention"))
    page.get_by_role("radio", name="1 head", exact=True).check()
    assert len(maps(page)) == 1
    wrong = 0
    for text in (
        "tea 4, coffee 4.4",
        "tea 4.4, coffee 4",
        "tea 6.2, coffee 6",
        "tea 6, coffee 6.2",
    ):
        write(page, text)
        wrong += sum("wrong" in answer for answer in answers(page))
    assert wrong >= 1


@browser
def test_a_head_is_switched_off_and_on(visit):
    page = visit(shown("multi_head_attention"))
    button = page.get_by_role("button", name="Head 1: on")
    before = told(page)["yes"]
    button.press("Enter")
    off = page.get_by_role("button", name="Head 1: off")
    assert off.get_attribute("aria-pressed") == "false" and told(page)["off"] == "0"
    assert told(page)["yes"] != before and "wrong" in " ".join(answers(page))
    off.click()
    assert told(page)["off"] == "" and told(page)["yes"] == before
    page.get_by_role("radio", name="4 heads").check()
    assert len(maps(page)) == 4


@browser
def test_change_the_menu_by_tapping(visit):
    page = visit(shown("multi_head_attention"))
    page.get_by_role("radio", name="tea 2.0").check()
    assert asked(page) == ["coffee", "cake", "soup", "juice"]
    page.get_by_label("Its price").fill("9")
    assert menu(page)[0] == "tea 9.0" and answers(page) == ["yes, right"] * 4
    page.get_by_role("button", name="Other order").click()
    assert menu(page)[-1] == "tea 9.0" and answers(page) == ["yes, right"] * 4
    page.get_by_role("button", name="Remove tea").click()
    assert len(menu(page)) == 4 and asked(page)[0] == "cake"
    page.get_by_role("button", name="+ pie").click()
    assert menu(page)[-1].startswith("pie ")
    for name in ("tea", "milk"):
        page.get_by_role("button", name=f"+ {name}").click()
    assert len(menu(page)) == 7
    assert page.get_by_role("button", name="+ rice").is_disabled()
    page.get_by_role("button", name="Reset").click()
    assert len(menu(page)) == 5


@browser
def test_a_menu_that_is_typed(visit):
    page = visit(shown("multi_head_attention"))
    write(page, "Rice 1, pasta 2.5, ice 0")
    assert menu(page) == ["rice 1.0", "pasta 2.5", "ice 0.0"] and asked(page) == ["pasta", "ice"]
    for text, problem in (
        ("rice", "a name and a price for each line"),
        ("rice 1, stew 2", "\u201cstew\u201d is not known; known are tea, coffee"),
        ("rice 1, pasta 11", "price of pasta must be from 0 to 10"),
        ("rice 1, rice 2", "Each name may stand once"),
        ("rice 1", "has 2 to 7 lines"),
    ):
        write(page, text)
        assert problem in page.locator(".complaint").text_content()
        assert len(menu(page)) == 3
    write(page, "rice 1, pasta 1")
    assert answers(page)[0].endswith("they cost the same")
    assert page.locator(".complaint").text_content() == ""
