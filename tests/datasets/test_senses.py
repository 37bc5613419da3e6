"""Documents with ambiguous words: where these occur, what a document keeps to, seeds."""

import itertools
from collections import Counter

import numpy as onp
import pytest
from sklearn.linear_model import LogisticRegression

from d2l_attention.datasets.senses import AMBIGUOUS, PEOPLE, TOPICS, generate, one_of

DOCUMENTS = generate(3000, seed=0)


def words(document) -> list[str]:
    return " ".join(document.sentences).split()


def test_an_ambiguous_word_occurs_in_two_topics_alone():
    for word, topics in AMBIGUOUS.items():
        assert {document.topic for document in DOCUMENTS if word in words(document)} == set(topics)
        in_each = [sum(word in s.split() for s in TOPICS[topic].sentences) for topic in topics]
        assert min(in_each) >= 2


def test_all_topics_are_alike_frequent():
    counts = onp.array(list(Counter(document.topic for document in DOCUMENTS).values()))
    expected = len(DOCUMENTS) / len(TOPICS)
    assert len(counts) == len(TOPICS) and (abs(counts - expected) < 4 * expected**0.5).all()


def test_a_document_keeps_to_one_person():
    """Who is told of by name once, and then as she or he."""
    for document in DOCUMENTS:
        told = [
            word
            for word in words(document)
            if word in (*PEOPLE, *itertools.chain(*PEOPLE.values()))
        ]
        if told:
            (pronoun,) = (p for p, names in PEOPLE.items() if told[0] in names)
            assert set(told[1:]) <= {pronoun}


def test_sentences_of_a_document_differ_and_have_no_gap_left():
    for document in DOCUMENTS:
        assert 4 <= len(document.sentences) <= 6
        assert len(set(document.sentences)) == len(document.sentences)
        for sentence in document.sentences:
            assert sentence.endswith(" .") and "{" not in sentence


def test_every_gap_is_used_and_every_use_has_words():
    for topic in TOPICS.values():
        used = {part.split("}")[0] for s in topic.sentences for part in s.split("{")[1:]}
        assert used - {"who"} == set(topic.gaps)


def test_seeds_repeat_and_a_smaller_count_is_the_beginning():
    assert generate(10, seed=3) == generate(20, seed=3)[:10] != generate(10, seed=4)


def test_choices_are_all_alike_frequent():
    random, choices = onp.random.RandomState(0), ("river", "cave", "barn")
    counts = Counter(one_of(random, choices) for _ in range(3000))
    assert set(counts) == set(choices) and 900 < min(counts.values()) <= max(counts.values()) < 1100


def test_neighbours_tell_the_meaning_and_the_word_alone_does_not():
    """A bag of the other words in an ambiguous word's document names its topic, almost always."""
    vocabulary = sorted(
        {word for document in DOCUMENTS for word in words(document)} - set(AMBIGUOUS)
    )
    for word, topics in AMBIGUOUS.items():
        some = [document for document in DOCUMENTS if document.topic in topics]
        x = onp.array([[w in words(document) for w in vocabulary] for document in some[:300]])
        y = onp.array([document.topic == topics[0] for document in some[:300]])
        model = LogisticRegression().fit(x[:200], y[:200])
        assert model.score(x[200:], y[200:]) > 0.95, word


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"count": 0}, ValueError, "count must be at least 1"),
        ({"count": 1.5}, TypeError, "count must be an integer"),
        ({"length": (1, 3)}, ValueError, "length must be from 2 to 6, got 1"),
        ({"length": (4, 3)}, ValueError, "length must be from 4 to 6, got 3"),
        ({"length": (4, 7)}, ValueError, "length must be from 4 to 6, got 7"),
    ],
)
def test_wrong_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        generate(**{"count": 3, "seed": 0} | options)
