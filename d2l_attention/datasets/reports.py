"""Little reports of who did what, where; and four tasks about them, with labels that cost nothing.

    David Crane watered the plant each day in Rose Hill .    he dug a hole beside the tree .
    B-PER I-PER O       O   O     O    O   O  B-LOC I-LOC O

The topics, and the five words with two meanings, are those of `senses`. New are names, most of which are
words of other sentences as well: *Crane* is a person, a town's half, a bird or a machine. What is told of
in a report stays the same throughout, so that what is hidden in one sentence may stand in another one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_sizes
from d2l_attention.datasets.labelled_texts import Labelled, Sentence
from d2l_attention.datasets.senses import AMBIGUOUS, PEOPLE, TOPICS, one_of
from d2l_attention.datasets.spans import Answer, Question

SURNAMES = (
    "Ball", "Box", "Bush", "Coach", "Crane", "Flower", "Fox", "Hook", "Plant", "Rock", "Root", "Rose",
    "Snow", "Spring", "Stone", "Wheat", "Baker", "Carter", "Cooper", "Miller", "Parker", "Taylor",
    "Turner", "Walker",
)  # fmt: skip
TOWNS = (
    "Bath", "Derby", "Dover", "Leeds", "Oxford", "York", "Crane River", "Fox Hill", "Rock River",
    "Rose Hill", "Snow River", "Stone Hill",
)  # fmt: skip
# each ambiguous word has one meaning in these topics, and one elsewhere
NATURE = ("river", "cave", "garden", "barn")
ANIMALS = {
    "river": ("fish", "trout", "frog", "eel", "crane"),
    "cave": ("bat",),
    "barn": ("mouse", "cat", "dog", "owl", "fox"),
    "garden": ("bee",),
}
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ANI", "I-ANI")
QUESTIONS = ("who", "where", "what")
KINDS = {"PER": "person", "LOC": "place", "ANI": "animal"}


def generate(count: int, *, seed: int, length: tuple[int, int] = (3, 5)) -> list[tuple[str, ...]]:
    """Generate reports without any label, as texts to be read: their sentences.

    Parameters
    ----------
    count : int
    seed : int
        On which the reports depend; the first of many are what a smaller count gives.
    length : (int, int)
        Fewest and most sentences, from 2 to 6.

    Raises
    ------
    TypeError, ValueError
        A number is not whole or out of range.

    >>> for report in generate(2, seed=0, length=(2, 2)):
    ...     print(" | ".join(report))
    the plant grew a new bud . | Jane Coach watered the plant each evening near Fox Hill .
    the cat chased the mouse near Rock River . | the mouse hid in the straw from the cat .
    """
    check_sizes(count=count)
    fewest = check_integer("length", length[0], 2, 7)
    most = check_integer("length", length[1], fewest, 7)
    random = onp.random.RandomState(seed)
    found = []
    for _ in range(count):
        topic = one_of(random, tuple(TOPICS))
        told = _report(random, topic, random.randint(fewest, most + 1), places=0.4)
        found.append(tuple(sentence.text for sentence in told))
    return found


def about_nature(count: int, *, seed: int) -> list[Labelled]:
    """Texts of two sentences; 1 if they are about a river, a cave, a garden or a barn, else 0.

    *Bank*, *bat*, *crane*, *plant* and *mouse* occur in texts of both kinds.

    >>> [(text, _, label)] = about_nature(1, seed=0)
    >>> print(label, text)
    0 Frank Coach paid the debt with a dollar . Frank saved a dollar each week .
    """
    check_sizes(count=count)
    random, found = onp.random.RandomState(seed), []
    for _ in range(count):
        label = int(random.rand() < 0.5)
        topic = one_of(random, [topic for topic in TOPICS if (topic in NATURE) == label])
        found.append(Labelled(_text(_report(random, topic, 2)), None, label))
    return found


def same_sense(count: int, *, seed: int) -> list[Labelled]:
    """Pairs of texts that share an ambiguous word; 1 if it has the same meaning in both, else 0.

    As words in context of Pilehvar and Camacho-Collados (2019), but of texts of two sentences.

    >>> [(first, second, label)] = same_sense(1, seed=0)
    >>> print(first, second, label, sep=" | ")
    Frank Hook watched the eel under the water . Frank went to the bank . | the bank kept the note in the safe . the clerk counted the note twice . | 0
    """
    check_sizes(count=count)
    random, found = onp.random.RandomState(seed), []
    for _ in range(count):
        label = int(random.rand() < 0.5)
        word = one_of(random, tuple(AMBIGUOUS))
        one = random.randint(2)
        topics = AMBIGUOUS[word][one], AMBIGUOUS[word][one if label else 1 - one]
        found.append(Labelled(*(_with(random, word, topic) for topic in topics), label))
    return found


def entities(count: int, *, seed: int) -> list[Sentence]:
    """Sentences whose words have the tags of persons, places and animals.

    >>> print(*("/".join(pair) for pair in zip(*entities(1, seed=1)[0])))
    Peter/B-PER Plant/I-PER dug/O a/O hole/O beside/O the/O apple/O in/O Rose/B-LOC Hill/I-LOC ./O
    """
    check_sizes(count=count)
    random, found = onp.random.RandomState(seed), []
    for _ in range(count):
        (sentence, *_) = _report(random, one_of(random, tuple(TOPICS)), 2, places=0.6)
        found.append(sentence)
    return found


def questions(count: int, *, seed: int, sentences: int = 1) -> list[Question]:
    """Questions about a text of some sentences, each about another person, elsewhere.

    Who and what stand in the question's place in the sentence that answers it: *Anna Rose fed the what
    in the barn ?* Where asks for the town in which somebody was.

    >>> [question] = questions(1, seed=0)
    >>> print(question.text, question.question, question.answers[0].text, sep=" | ")
    Frank Stone sat down at the screen in Leeds . | where was Frank Stone ? | Leeds
    """
    check_sizes(count=count)
    check_integer("sentences", sentences, 1, len(TOPICS) + 1)
    random, found = onp.random.RandomState(seed), []
    while len(found) < count:
        found.append(_question(random, sentences))
    return found


# ----------------------------------------------------------------------------- parts of the reports
def _report(random, topic: str, length: int, *, places: float = 0.0) -> list[Sentence]:
    """Sentences of one topic about one person in one town; it is named in a share of them."""
    pronoun = one_of(random, tuple(PEOPLE))
    name, town = _name(random, pronoun), one_of(random, TOWNS)
    told = TOPICS[topic]
    words = {gap: one_of(random, choices) for gap, choices in told.gaps.items()}
    found, who = [], name
    for number in random.permutation(len(told.sentences))[:length]:
        template = told.sentences[number]
        place = town if random.rand() < places else ""
        found.append(_sentence(random, template, topic, who, words, place))
        if "{who}" in template:  # first by both names
            who = (pronoun, pronoun, name.split()[0], name)[random.randint(4)]
    return found


def _sentence(random, template: str, topic: str, who: str, words: dict, place: str) -> Sentence:
    """A template with its gaps filled, and tags; the place behind, or in front."""
    if place:
        before, near = random.rand() < 0.3, ("in", "near")[random.randint(2)]
        where = f"{near} {{town}}"
        template = f"{where} {template}" if before else f"{template[:-2]} {where} ."
    found: list[tuple[str, str]] = []
    for piece in template.split():
        if piece == "{who}" and who not in PEOPLE:
            found += _entity(who, "PER")
        elif piece == "{town}":
            found += _entity(place, "LOC")
        else:
            word = piece.format(who=who, **words)
            found.append((word, "B-ANI" if word in ANIMALS.get(topic, ()) else "O"))
    return Sentence(*map(tuple, zip(*found, strict=True)))


def _entity(words: str, kind: str) -> list[tuple[str, str]]:
    return [(word, f"{'I' if k else 'B'}-{kind}") for k, word in enumerate(words.split())]


def _name(random, pronoun: str) -> str:
    return f"{one_of(random, PEOPLE[pronoun])} {one_of(random, SURNAMES)}"


def _with(random, word: str, topic: str) -> str:
    """A text of two sentences about a topic in which the word occurs."""
    while True:
        report = _report(random, topic, 2)
        if any(word in sentence.words for sentence in report):
            return _text(report)


def _different_names(random, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        name = _name(random, one_of(random, tuple(PEOPLE)))
        names += [name] if name not in names else []
    return names


def _words(report: Sequence[Sentence]) -> list[str]:
    return [word for sentence in report for word in sentence.words]


def _text(report: Sequence[Sentence]) -> str:
    return " ".join(sentence.text for sentence in report)


class _Told(NamedTuple):
    """One sentence of a text about several people, and what it was made of."""

    sentence: Sentence
    template: str
    who: str
    words: dict
    town: str


def _people(random, count: int) -> list[_Told]:
    """What so many people did, each in another town and of another topic; each sentence has a gap."""
    topics = [tuple(TOPICS)[k] for k in random.permutation(len(TOPICS))[:count]]
    towns = [TOWNS[k] for k in random.permutation(len(TOWNS))[:count]]
    found = []
    for topic, who, town in zip(topics, _different_names(random, count), towns, strict=True):
        told = TOPICS[topic]
        possible = [s for s in told.sentences if s.startswith("{who}") and s.count("{") > 1]
        template = one_of(random, possible)
        words = {gap: one_of(random, choices) for gap, choices in told.gaps.items()}
        sentence = _sentence(random, template, topic, who, words, town)
        found.append(_Told(sentence, template, who, words, town))
    return found


def _question(random, count: int) -> Question:
    """Sentences of as many persons, towns and topics, and a question about one of them."""
    told = _people(random, count)
    asked = random.randint(count)
    said = [each.sentence for each in told]
    question, answer = _asked(random, one_of(random, QUESTIONS), *told[asked][1:])
    place = _place(said[asked].words, answer.split())
    before = [*_words(said[:asked]), *said[asked].words[:place]]
    return Question(question, _text(said), (Answer(sum(len(w) + 1 for w in before), answer),))


def _asked(random, kind: str, template: str, who: str, words: dict, town: str) -> tuple[str, str]:
    """A question about a sentence, and its answer."""
    if kind == "where":
        return f"where was {who} ?", town
    template = f"{template[:-1]}?"
    if kind == "who":
        return template.format(who="who", **words), who
    gap = one_of(random, [gap for gap in words if f"{{{gap}}}" in template])
    return template.format(who=who, **words | {gap: "what"}), words[gap]


def _place(words: Sequence[str], part: Sequence[str]) -> int:
    """Where the part stands last in the words: a name may hold the word that is asked for."""
    starts = range(len(words) - len(part), -1, -1)
    return next(k for k in starts if list(words[k : k + len(part)]) == list(part))
