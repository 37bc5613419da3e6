"""The live figure of the Transformer: asking a word, heads, the beam's tree, and changing a sentence."""

import pytest

from d2l_attention.figures import data, seq2seq, transformer
from tests.figures.every_figure import shown

browser = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=transformer]"


def test_it_translates_what_it_was_trained_for():
    settings, _ = data.read("transformer")
    short, trained, _ = settings["right"].values()
    assert short > 0.9 and trained > 0.7


def test_a_wider_beam_finds_nothing_worse():
    model, settings = transformer.network()
    texts = [pair.source for pair in seq2seq.sentences(20, words=(6, 9), seed=5)]
    greedy, wide = (transformer.translate(model, settings["words"], texts, beam) for beam in (1, 5))
    per_word = [[e.score / (len(e.symbols) + 1) for e in found] for found in (greedy, wide)]
    assert sum(per_word[1]) >= sum(per_word[0]) - 1e-6


# ------------------------------------------------------------------------------------ the page
def words(page, column):
    return page.locator(f".{column} label:visible span:first-of-type").all_text_contents()


def weights(page, column):
    """Of each visible word that has them, one number a layer."""
    rows = page.locator(f".{column} label:visible").all()
    found = [row.locator(".weight").all_text_contents() for row in rows]
    return [[float(text) for text in row] for row in found if row]


def translation(page):
    return page.locator(FIGURE).get_attribute("data-translation")


def tap(page, *offered):
    for word in offered:
        page.locator(".offered").get_by_role("button", name=word, exact=True).click()


@browser
def test_ready_sentences(visit):
    page = visit(shown("transformer"))
    for name, (source, target) in seq2seq.READY.items():
        page.get_by_role("radio", name=name, exact=True).check()
        assert words(page, "english") == source.split()
        assert words(page, "german") == ["(start)", *translation(page).split(), "(end)"]
        said = page.locator(".translation").text_content()
        assert said.endswith("that is right." if translation(page) == target else target)


@browser
def test_a_german_word_asks_both_sides(visit):
    page = visit(shown("transformer"))
    assert "\u201cder\u201d is written" in page.locator(".question").text_content()
    page.locator(".german input").nth(2).check()
    assert "\u201cTisch\u201d is written" in page.locator(".question").text_content()
    for column, count in (("english", 5), ("german", 2)):  # (start) and der are there already
        found = weights(page, column)
        assert len(found) == count and all(len(row) == 2 for row in found)
        for layer in (0, 1):
            assert sum(row[layer] for row in found) == pytest.approx(1, abs=0.05)


@browser
def test_an_english_word_asks_english_words_alone(visit):
    page = visit(shown("transformer"))
    page.locator(".english input").nth(1).check()
    assert "\u201ctable\u201d is read" in page.locator(".question").text_content()
    assert len(weights(page, "english")) == 5 and weights(page, "german") == []


@browser
def test_a_mouse_asks_for_a_while(visit):
    page = visit(shown("transformer"))
    before = page.locator(".question").text_content()
    page.locator(".english label:visible").nth(3).hover()
    assert "\u201cround\u201d is read" in page.locator(".question").text_content()
    page.mouse.move(0, 0)
    assert page.locator(".question").text_content() == before


@browser
def test_heads(visit):
    page = visit(shown("transformer"))
    mean = weights(page, "english")
    heads = []
    for head in "1234":
        page.get_by_role("radiogroup", name="Head").get_by_role("radio", name=head).check()
        heads.append(weights(page, "english"))
    for place, row in enumerate(mean):
        for layer, value in enumerate(row):
            assert value == pytest.approx(sum(h[place][layer] for h in heads) / 4, abs=0.011)
    assert any(head != heads[0] for head in heads[1:])


@browser
def test_the_tree_has_a_branch_for_each_hypothesis(visit):
    page = visit(shown("transformer"))
    for name, beam in (("greedy", 1), ("beam of 3", 3)):
        page.get_by_role("radio", name=name, exact=True).check()
        label = page.locator(".tree").get_attribute("aria-label")
        assert f"{beam} at a time" in label and "der Tisch ist rund" in label
        count = int(label.split()[3])
        assert page.locator(".tree path").count() >= count >= 5 * min(beam, 2)
        won = page.locator(".tree text.won").all_text_contents()
        assert " ".join(won).startswith("der Tisch ist rund .")


@browser
def test_write_a_sentence(visit):
    page = visit(shown("transformer"))
    page.locator(".english input").nth(1).check()
    tap(page, "lamp")
    assert words(page, "english") == ["the", "lamp", "is", "round", "."]
    assert translation(page) == "die Lampe ist rund ."
    for _ in range(5):
        page.get_by_role("button", name="Remove").click()
    assert page.locator(".translation").text_content() == "The sentence is empty: tap a word."
    assert words(page, "english") == words(page, "german") == []
    page.get_by_role("radio", name="goes behind it").check()
    tap(page, "the", "dog", "sleeps", ".")
    assert words(page, "english") == ["the", "dog", "sleeps", "."]
    tap(page, *["very"] * 12)
    assert len(words(page, "english")) == seq2seq.LONGEST
    assert "at most 14 words" in page.locator(".complaint").text_content()
