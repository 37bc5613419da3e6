"""The live figure of deep sets: adding, taking away and shuffling digits."""

import itertools

import pytest

from d2l_attention.figures import data, deep_sets
from tests.figures.every_figure import shown

browser = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=deep_sets]"


def told(page) -> dict:
    return page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")


def write(page, text):
    page.get_by_label("or type the digits").fill(text)
    page.get_by_label("or type the digits").press("Enter")


# -------------------------------------------------------------------------------- the networks
def test_the_deep_set_is_right_and_does_not_see_the_order_the_lstm_does():
    models = deep_sets.network()
    orders = list(itertools.permutations([9, 0, 4, 7]))
    found = [deep_sets.answers(models, list(order)) for order in orders]
    assert all(abs(each["sum"] - 20) < 0.1 for each in found)
    assert max(e["sum"] for e in found) - min(e["sum"] for e in found) < 1e-4
    assert max(e["lstm"] for e in found) - min(e["lstm"] for e in found) > 1e-3
    many = [9] * deep_sets.MOST
    assert round(deep_sets.answers(models, many)["sum"]) == 9 * deep_sets.MOST
    assert deep_sets.answers(models, many)["lstm"] < 8 * deep_sets.MOST
    assert abs(deep_sets.answers(models, [])["sum"]) < 0.2
    assert data.read("deep_sets")[0]["most"] == deep_sets.MOST


# ------------------------------------------------------------------------------------ the page
@browser
def test_digits_are_added_taken_away_and_typed(visit):
    page = visit(shown("deep_sets"))
    assert told(page)["digits"] == "3 1 4 1 5 9" and round(float(told(page)["sum"])) == 23
    page.get_by_label("Add 7", exact=True).click()
    assert told(page)["digits"] == "3 1 4 1 5 9 7"
    page.locator(".table button").nth(1).click()
    assert told(page)["digits"] == "3 4 1 5 9 7"
    write(page, "2, 2 8")
    assert told(page)["digits"] == "2 2 8" and round(float(told(page)["sum"])) == 12
    write(page, "x")
    assert "Write digits" in page.locator(".complaint").text_content()
    page.get_by_role("button", name="Take all away").click()
    assert "empty set" in page.locator(".verdict").text_content()


@browser
def test_a_shuffle_moves_the_lstm_alone(visit):
    page = visit(shown("deep_sets"))
    write(page, "0 9 0 9 3 8 1 7")
    before = told(page)
    answers = set()
    for _ in range(6):
        page.get_by_role("button", name="Shuffle").click()
        after = told(page)
        assert sorted(after["digits"]) == sorted(before["digits"]) and after["sum"] == before["sum"]
        answers.add(after["lstm"])
    assert len(answers | {before["lstm"]}) > 1
