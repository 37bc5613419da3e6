"""Little reports and their four tasks: labels are right, words alone do not give them away, seeds."""

from collections import Counter, defaultdict

import numpy as onp
import pytest

from d2l_attention.datasets import reports
from d2l_attention.datasets.reports import (
    ANIMALS,
    NATURE,
    TAGS,
    TOWNS,
    about_nature,
    entities,
    generate,
    questions,
    same_sense,
)
from d2l_attention.datasets.senses import AMBIGUOUS, PEOPLE, TOPICS
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.notebook import pretrained

NAMES = {name for names in PEOPLE.values() for name in names}
TASKS = (about_nature, same_sense, entities, questions)


def test_an_ambiguous_word_has_one_meaning_in_nature():
    for topics in AMBIGUOUS.values():
        assert sum(topic in NATURE for topic in topics) == 1
    assert set(NATURE) < set(TOPICS) and set(ANIMALS) <= set(TOPICS)


def test_reports_are_whole_and_about_one_person():
    for report in generate(1000, seed=0):
        assert 3 <= len(report) <= 5 and len(set(report)) == len(report)
        for sentence in report:
            assert sentence.endswith(" .") and "{" not in sentence and "  " not in sentence
        assert len({word for sentence in report for word in sentence.split() if word in NAMES}) <= 1


def test_the_pieces_of_the_published_network_are_those_of_the_reports():
    """Its weights belong to these texts: whoever changes them must pre-train anew."""
    made = pretrained.report_vocabulary()
    read = WordPiece.read(pretrained.of_reports().vocabulary)
    assert made.pieces(range(len(made))) == read.pieces(range(len(read)))


def words_of(text: str) -> set[str]:
    return set(text.split())


def test_nature_is_told_of_with_words_of_both_kinds():
    found = about_nature(2000, seed=0)
    assert 0.45 < onp.mean([example.label for example in found]) < 0.55
    for word in AMBIGUOUS:
        labels = Counter(e.label for e in found if word in words_of(e.first))
        assert min(labels[0], labels[1]) > 20, word
    topics = {topic: {w for s in TOPICS[topic].sentences for w in s.split()} for topic in TOPICS}
    only = {label: set.union(*(topics[t] for t in topics if (t in NATURE) == label))
            for label in (True, False)}  # fmt: skip
    for example in found:
        own = only[True] - only[False] if example.label else only[False] - only[True]
        other = only[False] - only[True] if example.label else only[True] - only[False]
        words = words_of(example.first)
        assert not words & {w for w in other if "{" not in w and w[0].islower()} or words & own


def test_a_pair_shares_a_word_whatever_its_meaning():
    found = same_sense(2000, seed=0)
    assert 0.45 < onp.mean([example.label for example in found]) < 0.55
    for first, second, _ in found:
        assert words_of(first) & words_of(second) & set(AMBIGUOUS)
    bag = defaultdict(list)  # one text alone says nothing about the label
    for first, _, label in found:
        for word in words_of(first):
            bag[word].append(label)
    often = {word: onp.mean(labels) for word, labels in bag.items() if len(labels) > 150}
    assert len(often) > 10 and all(0.35 < share < 0.65 for share in often.values())


def test_tags_are_right_and_names_are_also_other_words():
    found = entities(3000, seed=0)
    kinds = defaultdict(set)
    for words, tags in found:
        assert len(words) == len(tags) and set(tags) <= set(TAGS)
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            kinds[word.lower()].add(tag[2:])
            if tag == "B-PER":
                assert word in NAMES and tags[place + 1] == "I-PER"
            if tag == "I-LOC":
                assert f"{words[place - 1]} {word}" in TOWNS
            assert tag[0] != "I" or tags[place - 1][2:] == tag[2:]
    for word, wanted in (("crane", {"PER", "LOC", "ANI", ""}), ("fox", {"PER", "LOC", "ANI"}),
                         ("rose", {"PER", "LOC", ""}), ("bat", {"ANI", ""})):  # fmt: skip
        assert wanted <= kinds[word], word


def test_a_question_has_one_answer():
    asked = Counter()
    for question in questions(600, seed=0) + questions(600, seed=1, sentences=3):
        ((start, text),) = question.answers
        assert question.text[start : start + len(text)] == text
        kind = next(k for k in ("where", "who", "what") if k in question.question.split())
        asked[kind] += 1
        if kind == "where":
            name = question.question.removeprefix("where was ").removesuffix(" ?")
            (said,) = [s for s in question.text.split(" .") if name in s]
            assert text in TOWNS and text in said
        else:
            told = question.question.replace(kind, text).removesuffix(" ?")
            assert question.text.count(told) == 1
    assert min(asked.values()) > 250


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_seeds_repeat_and_a_smaller_count_is_the_beginning(task):
    assert task(5, seed=3) == task(9, seed=3)[:5] != task(5, seed=4)


def test_reports_repeat():
    assert generate(5, seed=3) == generate(9, seed=3)[:5] != generate(5, seed=4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: generate(0, seed=0), ValueError, "count must be at least 1"),
        (
            lambda: generate(2, seed=0, length=(1, 3)),
            ValueError,
            "length must be from 2 to 6, got 1",
        ),
        (
            lambda: generate(2, seed=0, length=(4, 7)),
            ValueError,
            "length must be from 4 to 6, got 7",
        ),
        *(
            (lambda task=task: task(1.5, seed=0), TypeError, "count must be an integer")
            for task in TASKS
        ),
        (lambda: questions(1, seed=0, sentences=0), ValueError, "sentences must be from 1 to 9"),
        (
            lambda: reports.questions(1, seed=0, sentences=10),
            ValueError,
            "sentences must be from 1 to 9, got 10",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
