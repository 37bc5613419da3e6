"""The live figure of fine-tuning: ready and own questions, each by itself, two people, exchanged words."""

import re

import pytest

from d2l_attention.figures import bert_fine_tuning, data
from tests.figures.every_figure import shown

browser = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=bert_fine_tuning]"
READY = bert_fine_tuning.READY


def test_it_answers_what_it_was_trained_for_and_not_more():
    settings, _ = data.read("bert_fine_tuning")
    one, two = settings["right"]
    assert one > 0.95 and two < 0.7


def test_each_offered_word_is_one_piece():
    settings, _ = data.read("bert_fine_tuning")
    words = [word for words in settings["offered"].values() for word in words]
    assert len(words) > 200 and {word.lower() for word in words} <= set(settings["pieces"])


def test_ready_texts_are_those_of_the_page():
    settings, _ = data.read("bert_fine_tuning")
    assert list(settings["ready"]) == list(READY)
    for name, ready in READY.items():
        stored = settings["ready"][name]
        assert (stored["text"], stored["told"]) == (ready["text"], ready["told"])
        assert {kind: tuple(q) for kind, q in stored["questions"].items()} == ready["questions"]
        assert all(answer in ready["text"] for _, answer in ready["questions"].values())


# ------------------------------------------------------------------------------------ the page
def choose(page, text, kind):
    page.get_by_role("radiogroup", name="Text").get_by_role("radio", name=text, exact=True).check()
    page.get_by_role("radiogroup", name="Ask").locator(f"input[value={kind}]").check()


def answer(page):
    return page.locator(FIGURE).get_attribute("data-answer")


def words(page, kind=""):
    return page.locator(f".text label{kind}:visible > span:first-of-type").all_text_contents()


@browser
def test_ready_questions_are_answered(visit):
    page = visit(shown("bert_fine_tuning"))
    for name, ready in READY.items():
        for kind, (question, right) in ready["questions"].items():
            choose(page, name, kind)
            said = page.locator(".answer").text_content()
            assert words(page) == ready["text"].split()
            assert " ".join(words(page, ".best")) == answer(page) in ready["text"]
            assert page.get_by_label("The question").input_value() == question
            if name != "two people" and right:
                assert answer(page) == right and said.endswith("that is right")


@browser
def test_what_the_text_does_not_say_is_answered_too(visit):
    page = visit(shown("bert_fine_tuning"))
    for name in READY:
        choose(page, name, "nobody")
        assert answer(page) and "the text does not say" in page.locator(".answer").text_content()
        assert "put its weight somewhere" in page.locator(".story").text_content()
    choose(page, "no town", "where")
    assert "the text does not say" in page.locator(".answer").text_content()


@browser
def test_each_by_itself_may_end_before_it_starts(visit):
    page = visit(shown("bert_fine_tuning"))
    choose(page, "an inning", "where")
    assert sorted(words(page, ".alone")) == ["Derby", "inning"] and words(page, ".best") == [
        "Derby"
    ]
    assert "an end before its start is no answer" in page.locator(".told p").text_content()
    choose(page, "an inning", "who")
    assert words(page, ".alone") == words(page, ".best") == ["David", "Ball"]
    assert page.locator(".told p").text_content().endswith("the same span.")


@browser
def test_two_people_are_confused(visit):
    page = visit(shown("bert_fine_tuning"))
    choose(page, "two people", "who")
    assert answer(page) == "Tom Snow"
    assert page.locator(".answer").text_content().endswith("right is Susan Baker")
    values = [float(text) for text in page.locator(".bars .weight").all_text_contents()]
    assert values == sorted(values, reverse=True) and values[1] > 0.1


@browser
def test_bars_and_numbers_of_a_word(visit):
    page = visit(shown("bert_fine_tuning"))
    labels = [
        node.get_attribute("aria-label") for node in page.locator(".text input:visible").all()
    ]
    pairs = [[float(n) for n in re.findall(r"\d\.\d\d", label)] for label in labels]
    assert [sum(column) for column in zip(*pairs, strict=True)] == pytest.approx([1, 1], abs=0.05)
    page.locator(".text label:visible").nth(3).hover()
    assert (
        page.locator(".looked")
        .text_content()
        .startswith("At \u201cStone\u201d the answer starts with")
    )
    page.mouse.move(0, 0)
    assert page.locator(".looked").text_content().startswith("At \u201cYork\u201d")
    page.locator(".text input").nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".looked").text_content().startswith("At \u201cTom\u201d")


@browser
def test_exchange_words_and_write_a_question(visit):
    page = visit(shown("bert_fine_tuning"))
    page.get_by_label("Exchange a word").select_option("Leeds")
    assert answer(page) == "Leeds" and "right" not in page.locator(".answer").text_content()
    page.get_by_label("The question").fill("who fed the owl ?")
    assert answer(page) == "Tom Stone"
    page.get_by_label("The question").fill("who fed the kangaroo ?")
    assert "##" in page.locator(".complaint").text_content()
    page.get_by_label("The question").fill("who " * 40)
    assert "It has room for" in page.locator(".complaint").text_content()
    page.get_by_label("The question").fill("")
    assert answer(page) and page.locator(".complaint").text_content() == ""
