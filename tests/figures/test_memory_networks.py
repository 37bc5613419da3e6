"""The live figure of memory networks: the tutorial's stories, and writing one."""

import pytest

from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=memory_networks]"


def story(page):
    return page.locator("tbody tr:not(.sentinel) th").all_text_contents()


def answer(page):
    found = page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")
    assert page.locator(".bar.first span").first.text_content() == found["answer"]
    return found["answer"], float(found["probability"])


def weights(page, hop):
    """The weights of a hop, the sentinel's first, as they are shown."""
    return [
        float(text) for text in page.locator(f"tbody td:nth-child({hop + 2})").all_text_contents()
    ]


def test_the_stories_of_the_tutorial(visit):
    page = visit(shown("memory_networks"))
    for name, expected in (
        ("Joe", "office"),
        ("Sam", "bedroom"),
        ("Mary", "hallway"),
        ("Brian", "white"),
    ):
        page.get_by_role("radio", name=name, exact=True).check()
        found, probability = answer(page)
        assert found == expected and probability > 0.5, name
        for hop in (1, 2, 3):
            assert sum(weights(page, hop)) == pytest.approx(1, abs=0.03)
    page.get_by_role("radio", name="Joe", exact=True).check()
    assert max(weights(page, hop)[5] for hop in (1, 2)) > 0.5  # Joe left the milk


def test_the_answer_to_the_question_asked_first(visit):
    """Joe went to the bathroom, before he left the milk."""
    page = visit(shown("memory_networks"))
    handle = page.locator(".handle").last
    handle.focus()
    page.keyboard.press("ArrowUp")
    assert story(page)[-2:] == ["Joe went to the bathroom.", "Joe left the milk."]
    assert "is now sentence 5 of 6" in page.locator(".moved").text_content()
    assert page.locator(".handle").nth(4).evaluate("node => node === document.activeElement")
    assert answer(page)[0] == "bathroom"
    page.keyboard.press("ArrowDown")
    assert answer(page)[0] == "office"


def test_drag_a_sentence(visit):
    page = visit(shown("memory_networks"))
    before = story(page)
    boxes = [handle.bounding_box() for handle in page.locator(".handle").all()]
    middle = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    page.mouse.move(*middle[0])
    page.mouse.down()
    page.mouse.move(*middle[3], steps=6)
    page.mouse.up()
    assert story(page) == [*before[1:4], before[0], *before[4:]]


def test_write_remove_and_ask(visit):
    page = visit(shown("memory_networks"))
    for word in ("Joe", "went to the", "den"):
        page.locator(".writer").get_by_role("button", name=word, exact=True).click()
    page.get_by_role("button", name="Add", exact=True).click()
    assert story(page)[-1] == "Joe went to the den."
    page.get_by_role("button", name="Where is Joe?").click()
    assert answer(page)[0] == "den"
    page.get_by_label("Add a sentence").fill("joe travelled to the hallway")
    page.keyboard.press("Enter")
    assert story(page)[-1] == "Joe travelled to the hallway." and answer(page)[0] == "hallway"
    page.locator(".remove").last.press("Enter")
    assert len(story(page)) == 7 and answer(page)[0] == "den"
    for _ in range(7):
        page.locator(".remove").first.press("Enter")
    assert story(page) == [] and weights(page, 1) == [1]


def test_words_that_the_network_has_never_read(visit):
    page = visit(shown("memory_networks"))
    before = answer(page)
    page.get_by_label("Add a sentence").fill("Joe ate the banana")
    page.get_by_role("button", name="Add", exact=True).click()
    said = page.locator(".writer .complaint")
    assert "never read \u201cate\u201d, \u201cbanana\u201d" in said.text_content()
    assert "milk" in said.text_content() and len(story(page)) == 6
    page.get_by_label("Question").fill("Where is the banana?")
    assert "\u201cbanana\u201d" in page.locator("[id$=question-problem]").text_content()
    assert answer(page) == before
    page.get_by_label("Question").fill("Where is Fred?")
    assert page.locator("[id$=question-problem]").text_content() == ""
    assert answer(page)[0] == "kitchen"
