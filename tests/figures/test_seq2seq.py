"""The live figure of sequence to sequence: what it is trained on, and translating and changing a
sentence.
"""

import pytest

from d2l_attention.datasets.translation import Pair, english, german, lexicon
from d2l_attention.datasets.translation.tree import Clause, NounPhrase, Property, Sentence
from d2l_attention.figures import data, seq2seq
from tests.figures.every_figure import shown

browser = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=seq2seq]"


# ------------------------------------------------------------------------------------ sentences
def test_new_sentences_are_not_trained_on():
    training, test = seq2seq.split()
    trained = {pair.source for pair in training}
    assert len(training) == seq2seq.PAIRS
    assert not trained & {english for english, _ in seq2seq.READY.values()}
    for (fewest, most), pairs in test.items():
        assert len(pairs) == seq2seq.TEST and not trained & {pair.source for pair in pairs}
        assert {len(pair.source.split()) for pair in pairs} == set(range(fewest, most + 1))


def test_generated_sentences_have_known_words_only_and_leave_the_lexicon_alone():
    before = len(lexicon.NOUNS), dict(lexicon.PREPOSITIONS)
    settings, _ = data.read("seq2seq")
    for pair in seq2seq.sentences(200, words=(5, seq2seq.LONGEST), seed=3):
        assert set(pair.source.split()) <= set(settings["words"]["english"])
        assert set(pair.target.split()) <= set(settings["words"]["german"])
    assert (len(lexicon.NOUNS), dict(lexicon.PREPOSITIONS)) == before


def test_all_words_but_marks_of_padding_are_offered():
    settings, _ = data.read("seq2seq")
    offered = [word for words in settings["offered"].values() for word in words]
    assert sorted(offered) == sorted(settings["words"]["english"][4:])


def test_the_right_translations_are_the_grammar_s():
    """Written by hand in the figure, and here by the trees that `generate` grows."""

    def the(noun, *properties, determiner="the", place=None):
        (found,) = [each for each in lexicon.NOUNS if each.english == noun]
        return NounPhrase(found, determiner, properties=list(map(said, properties)), place=place)

    def said(adjective):
        return Property(*(each for each in lexicon.ADJECTIVES if each.english == adjective))

    def does(subject, verb, thing=None, **options):
        (found,) = [each for each in lexicon.VERBS if each.english[0] == verb]
        return Clause(subject, found, thing, **options)

    woman = the("woman", "young", place=("with", the("dog", "black")))
    clauses = {
        "round table": [("", Clause(the("table"), is_=said("round")))],
        "old door": [("", does(the("man"), "opens", the("door", "old")))],
        "red book": [
            ("", does(the("child"), "carries", the("book", "small", "red"), auxiliary="can"))
        ],
        "because": [
            ("", does(the("woman"), "laughs")),
            ("because", Clause(the("dog"), is_=said("old"))),
        ],
        "longer": [("", does(woman, "buys", the("table", "round", determiner="a")))],
    }
    for name, told in clauses.items():
        written = [" ".join(language.write(Sentence(told))) for language in (english, german)]
        assert Pair(*written) == seq2seq.READY[name], name
    assert set(clauses) == set(seq2seq.READY)


def test_attention_is_what_longer_sentences_need():
    settings, _ = data.read("seq2seq")
    (short, trained, longer) = settings["right"]["dot"]
    with_attention, without = (settings["right"][kind] for kind in seq2seq.KINDS)
    assert with_attention[short] > 0.95 and without[short] > 0.9
    assert with_attention[trained] > without[trained] + 0.1
    assert with_attention[longer] > without[longer] + 0.1


# ------------------------------------------------------------------------------------ the page
def words(page, column):
    return page.locator(f".{column} label:visible span:first-of-type").all_text_contents()


def weights(page):
    return [float(text) for text in page.locator(".number.weight").all_text_contents()]


def translation(page):
    return page.locator(FIGURE).get_attribute("data-translation")


def tap(page, *offered):
    for word in offered:
        page.locator(".offered").get_by_role("button", name=word, exact=True).click()


@browser
def test_ready_sentences(visit):
    page = visit(shown("seq2seq"))
    for name, (source, target) in seq2seq.READY.items():
        page.get_by_role("radio", name=name, exact=True).check()
        assert words(page, "english") == source.split()
        assert sum(weights(page)) == pytest.approx(1, abs=0.05)
        said = page.locator(".truth").text_content()
        assert said == "That is right." or said == f"Right is {target}"
        assert (said == "That is right.") == (translation(page) == target)
    page.get_by_role("radio", name="round table").check()
    assert words(page, "german") == ["der", "Tisch", "ist", "rund", ".", "(end)"]
    assert page.locator(".bar.first span").first.text_content() == "der"


@browser
def test_another_gender(visit):
    """The lamp is feminine, the book neuter."""
    page = visit(shown("seq2seq"))
    for noun, expected in (("lamp", "die Lampe ist rund ."), ("book", "das Buch ist rund .")):
        tap(page, noun)
        assert translation(page) == expected
    assert page.locator(".truth").count() == 0


@browser
def test_word_by_word(visit):
    page = visit(shown("seq2seq"))
    page.get_by_role("button", name="Word by word").click()
    assert words(page, "german") == [] and weights(page) == []
    for count in range(1, 7):
        page.get_by_role("button", name="Next word").press("Enter")
        assert len(words(page, "german")) == count and sum(weights(page)) > 0.9
        label = page.locator(".lines").get_attribute("aria-label")
        assert words(page, "german")[-1] in label
    assert page.get_by_role("button", name="Word by word").count() == 1
    page.get_by_role("button", name="Word by word").click()
    page.get_by_role("button", name="All words").click()
    assert len(words(page, "german")) == 6


@browser
def test_look_at_another_word_with_the_keyboard(visit):
    page = visit(shown("seq2seq"))
    page.locator(".german input").first.focus()
    page.keyboard.press("ArrowDown")
    assert "\u201cTisch\u201d looks most at \u201ctable\u201d" in page.locator(
        ".lines"
    ).get_attribute("aria-label")
    assert max(weights(page)) == weights(page)[1]


@browser
def test_without_attention(visit):
    page = visit(shown("seq2seq"))
    page.get_by_role("radio", name="because", exact=True).check()
    page.get_by_role("radio", name="without", exact=True).check()
    assert weights(page) == [] and page.locator(".lines path").count() == 1
    assert "only the state" in page.locator(".note").text_content()
    assert words(page, "english") == seq2seq.READY["because"][0].split()


@browser
def test_write_a_sentence(visit):
    page = visit(shown("seq2seq"))
    page.get_by_role("button", name="Remove all").click()
    assert page.locator(".translation").text_content() == "The sentence is empty: tap a word."
    assert words(page, "english") == words(page, "german") == []
    tap(page, "the", "dog", "sleeps", ".")
    assert words(page, "english") == ["the", "dog", "sleeps", "."]
    assert translation(page) == "der Hund schl\u00e4ft ."
    page.locator(".english input").nth(1).check()
    page.get_by_role("radio", name="goes before it").check()
    tap(page, "black")
    assert words(page, "english") == ["the", "black", "dog", "sleeps", "."]
    page.get_by_role("button", name="Remove \u201cblack\u201d").click()
    assert words(page, "english") == ["the", "dog", "sleeps", "."]
    page.get_by_role("radio", name="replaces it").check()
    tap(page, "woman")
    assert words(page, "english") == ["the", "woman", "sleeps", "."]


@browser
def test_a_sentence_is_not_longer_than_it_may_be(visit):
    page = visit(shown("seq2seq"))
    page.get_by_role("radio", name="goes behind it").check()
    tap(page, *["very"] * 10)
    assert len(words(page, "english")) == seq2seq.LONGEST
    assert "at most 14 words" in page.locator(".complaint").text_content()
