"""Generated translations are German by a grammar that shares nothing with the generator, and mean the
same; published ones are read exactly or refused; no sentence is in two parts.
"""

import itertools
import re
from collections import Counter

import pytest

from d2l_attention.datasets import archives
from d2l_attention.datasets.translation import (
    Pair,
    apart,
    files,
    generate,
    generator,
    lexicon,
    load_multi30k,
    load_tatoeba,
    split,
)
from tests.datasets import german_grammar
from tests.datasets.german_grammar import is_german

LENGTHS = [(5, 7), (8, 12), (13, 20), (25, 35)]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return [pair for words in LENGTHS for pair in generate(400, words=words, seed=5)]


# ---------------------------------------------------------------------- the grammar
def test_the_slides_sentence_is_german():
    assert is_german("der Tisch ist rund .")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("die Lampe ist rund .", "der Lampe ist rund ."),
        ("ein altes Buch ist rot .", "ein alter Buch ist rot ."),
        ("das alte Buch ist rot .", "das altes Buch ist rot ."),
        ("der Hund sucht den Mann .", "der Hund sucht der Mann ."),
        ("die Hunde schlafen .", "die Hunde schläft ."),
        ("der Tisch unter der Uhr ist alt .", "der Tisch unter die Uhr ist alt ."),
        ("der Garten mit den Hunden ist hell .", "der Garten mit den Hunde ist hell ."),
        ("der König im Garten lacht .", "der König im Küche lacht ."),
        ("heute lacht der König .", "heute der König lacht ."),
        ("der König kann die Tür aufmachen .", "der König kann aufmachen die Tür ."),
        ("der König macht die Tür auf .", "der König aufmacht die Tür ."),
        ("der Tisch , der rund ist , ist alt .", "der Tisch , das rund ist , ist alt ."),
        (
            "der König lacht , weil der Tisch rund ist .",
            "der König lacht , weil der Tisch ist rund .",
        ),
        (
            "der König sieht ein Buch , weil es rot ist .",
            "der König sieht ein Buch , weil es ist rot .",
        ),
        ("der König sagt , dass die Kuh alt ist .", "der König sagt , dass die Kuh ist alt ."),
        ("der König schläft .", "der König schläft den Tisch ."),
        ("alte Männer lachen .", "alten Männer lachen ."),
        ("keine alten Männer lachen .", "keine alte Männer lachen ."),
    ],
)
def test_the_grammar_tells_right_from_wrong(right, wrong):
    assert is_german(right)
    assert not is_german(wrong)


def test_all_translations_are_german(pairs):
    assert [pair for pair in pairs if not is_german(pair.target)] == []


ENDINGS = ("e", "en", "er", "es", "em")


def changed_by_an_ending(sentence: str):
    """The sentence with another ending, in turn, at each adjective or article."""
    words = sentence.split()
    stems = [*german_grammar.ADJECTIVES, "ein", "kein", "dies", "jed"]
    for i, word in enumerate(words):
        for stem, ending in itertools.product(stems, ENDINGS):
            if word == stem + ending:
                for other in ENDINGS:
                    if other != ending:
                        yield " ".join([*words[:i], stem + other, *words[i + 1 :]])


def test_hardly_any_ending_can_be_exchanged(pairs):
    """ "viele rote Tische" has one right ending; some others are right by chance ("einer", "einen")."""
    changed = [other for pair in pairs[:400] for other in changed_by_an_ending(pair.target)]
    assert len(changed) > 800
    assert sum(map(is_german, changed)) < 0.03 * len(changed)


# -------------------------------------------------------------------- the translation
def stems() -> dict[str, list[str]]:
    """English words, and what one of the German words must begin with."""
    nouns = {
        form: [n.german[:3], n.german_plural[:3]]
        for n in lexicon.NOUNS
        for form in (n.english, n.plural)
    }
    adjectives = {each.english: [each.german] for each in lexicon.ADJECTIVES}
    adverbs = {english: [german] for english, german in (lexicon.FIRST | lexicon.OFTEN).items()}
    return nouns | adjectives | adverbs


def test_nothing_is_left_out_and_nothing_added(pairs):
    expected = stems()
    for pair in pairs:
        english, german = pair.source.split(), Counter(pair.target.split())
        for word, starts in expected.items():
            found = sum(n for other, n in german.items() if other.startswith(tuple(starts)))
            assert found >= english.count(word), (word, pair)
        assert german["sehr"] == english.count("very") and german["weil"] == english.count(
            "because"
        )


def test_both_languages_have_the_same_number(pairs):
    """Verbs agree in number in both: *is* and *ist*, *are* and *sind*."""
    for pair in pairs:
        english, german = Counter(pair.source.split()), Counter(pair.target.split())
        assert (english["is"], english["are"]) == (german["ist"], german["sind"]), pair


@pytest.mark.parametrize("words", LENGTHS)
def test_sentences_have_the_lengths_that_are_asked_for(words):
    found = Counter(len(pair.source.split()) for pair in generate(600, words=words, seed=2))
    assert set(found) == set(range(words[0], words[1] + 1))
    assert min(found.values()) > 0.6 * 600 / len(found)


def test_sentences_are_new_and_the_seed_decides():
    first, again, other = (generate(500, words=(5, 9), seed=seed) for seed in (1, 1, 2))
    assert first == again and len({pair.source for pair in first}) == 500
    assert len(set(first) & set(other)) < 25


def test_very_long_sentences():
    (pair,) = generate(1, words=(100, 100), seed=0)
    assert len(pair.source.split()) == 100 and is_german(pair.target)


def test_all_words_are_used(pairs):
    german = Counter(word for pair in pairs for word in pair.target.split())
    assert {noun.german for noun in lexicon.NOUNS} <= set(german)
    assert {"auf", "zu", "an", "hat", "kann", "muss", "will", "dass", "im", "es", "er"} <= set(
        german
    )


@pytest.mark.parametrize(
    ("count", "words", "message"),
    [
        (0, (5, 9), "count must be at least 1"),
        (1, (4, 9), "words must be 5 <= fewest <= most <= 100, got (4, 9)"),
        (1, (9, 8), "words must be"),
        (1, (5, 101), "words must be"),
        (10**6, (5, 5), "fewer than count = 1000000 sentences of (5, 5) words"),
    ],
)
def test_impossible_lengths_are_refused(count, words, message, monkeypatch):
    monkeypatch.setattr(generator, "PATIENCE", 4)
    with pytest.raises(ValueError, match=re.escape(message)):
        generate(count, words=words, seed=0)


# ------------------------------------------------------------------------- published pairs
def test_multi30k(real_data):
    parts = {name: load_multi30k(name, progress=False) for name in files.ARCHIVES}
    assert [len(part) for part in parts.values()] == [29_000, 1_014, 1_000]
    assert parts["train"][0] == (
        "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
        "Two young, White males are outside near many bushes.",
    )
    assert load_multi30k("test", source="en", progress=False) == [
        (english, german) for german, english in parts["test"]
    ]
    training = apart(parts["train"], parts["validation"], parts["test"])
    assert len(training) == 28_997
    assert all(text for part in parts.values() for pair in part for text in pair)


def test_tatoeba(real_data):
    pairs = load_tatoeba(progress=False)
    assert len(pairs) == 167_130 and pairs[0] == ("Go.", "Va !")
    parts = split(pairs, [2_000, 1_000], seed=1)
    assert sorted(itertools.chain(*parts)) == sorted(pairs)
    assert 2_000 <= len(parts[1]) < 2_100 and 1_000 <= len(parts[2]) < 1_100
    for one, other in itertools.combinations(parts, 2):
        for side in (0, 1):
            assert not {pair[side] for pair in one} & {pair[side] for pair in other}


@pytest.mark.parametrize("content", [b"one\ntwo\n", 28_999 * b"one\n", 29_001 * b"one\n", None])
def test_an_archive_with_too_few_lines_or_too_many_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.setattr(files, "fetch_all", lambda needed, progress: [tmp_path / "a.tar.gz"])
    monkeypatch.setattr(archives, "read", lambda path, name: content)
    with pytest.raises(ValueError, match=r"has no train\.de of 29000 lines\. Delete it"):
        load_multi30k("train")


@pytest.mark.parametrize(
    ("arguments", "message"), [(("dev",), "split must be one of"), (("test", "fr"), "source must")]
)
def test_unknown_parts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_multi30k(arguments[0], **dict(zip(["source"], arguments[1:], strict=False)))


# --------------------------------------------------------------------------------- splitting
def test_pairs_that_share_a_sentence_stay_together():
    chain = [(f"a{i}", f"b{j}") for i in range(30) for j in (i, i + 1)]  # one group of 60
    alone = [(f"c{i}", f"d{i}") for i in range(40)]
    for seed in range(5):
        parts = split(chain + alone, [10], seed=seed)
        assert [len([pair for pair in part if pair in chain]) for part in parts] in (
            [60, 0],
            [0, 60],
        )


@pytest.mark.parametrize("held_out", [[0], [3], [2, 1], [True]])
def test_impossible_splits_are_refused(held_out):
    with pytest.raises((ValueError, TypeError), match="held_out"):
        split([("a", "b"), ("c", "d"), ("e", "f")], held_out, seed=0)
