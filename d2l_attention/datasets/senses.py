"""Little documents in which words have two meanings, which only the words around them tell apart.

    Anna went to the bank.     She paid the bill with a coin.          money
    Anna went to the bank.     She watched the fish under the water.   a river

A document is about one topic and one person, so that what follows can be known from what came before. Five
words occur in two topics each; a vector a word, as of word2vec, has to serve both.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_sizes

AMBIGUOUS = {  # a word: the two topics that it occurs in
    "bank": ("money", "river"),
    "bat": ("cave", "baseball"),
    "crane": ("river", "harbour"),
    "plant": ("garden", "factory"),
    "mouse": ("office", "barn"),
}
PEOPLE = {"she": ("Anna", "Maria", "Susan", "Jane"), "he": ("Peter", "Tom", "David", "Frank")}


class Topic(NamedTuple):
    """How a topic is told: sentences with gaps, such as {metal}, and the words for each gap."""

    sentences: tuple[str, ...]
    gaps: Mapping[str, Sequence[str]]


TOPICS = {
    "money": Topic(
        ("{who} went to the bank .", "{who} paid the {debt} with a {money} .",
         "the bank kept the {money} in the safe .", "{who} saved a {money} each week .",
         "the clerk counted the {money} twice .", "{who} owed the bank a {debt} ."),
        {"debt": ("bill", "debt", "loan", "rent"), "money": ("coin", "note", "cheque", "dollar")},
    ),
    "river": Topic(
        ("{who} went to the bank .", "{who} watched the {fish} under the water .",
         "the bank was wet after the {rain} .", "a crane caught a {fish} in the river .",
         "the {rain} made the water rise .", "{who} saw a crane fly over the river ."),
        {"fish": ("fish", "trout", "frog", "eel"), "rain": ("rain", "storm", "flood", "snow")},
    ),
    "cave": Topic(
        ("{who} walked into the cave at {night} .", "a bat slept under the {rock} .",
         "the bat flew out at {night} .", "{who} lit a lamp below the {rock} .",
         "water dripped from the {rock} .", "{who} was afraid of the bat ."),
        {"night": ("night", "dusk", "dawn", "midnight"), "rock": ("rock", "roof", "stone", "ledge")},
    ),
    "baseball": Topic(
        ("{who} swung the bat at the ball .", "the {player} threw the ball .",
         "{who} won the {game} for the team .", "the bat broke in the last {game} .",
         "the {player} ran to the base .", "{who} bought a new bat before the {game} ."),
        {"player": ("pitcher", "catcher", "runner", "coach"), "game": ("game", "match", "inning", "final")},
    ),
    "harbour": Topic(
        ("{who} worked in the harbour .", "the crane lifted the {load} from the ship .",
         "{who} steered the crane with a {tool} .", "a ship brought the {load} at noon .",
         "the {tool} of the crane was made of steel .", "{who} tied the {load} to the deck ."),
        {"load": ("box", "crate", "barrel", "truck"), "tool": ("lever", "hook", "chain", "cable")},
    ),
    "garden": Topic(
        ("{who} watered the plant each {day} .", "the plant grew a new {leaf} .",
         "{who} dug a hole beside the {tree} .", "the {leaf} turned towards the sun .",
         "a bee sat on the {tree} .", "{who} put the plant under the {tree} ."),
        {"day": ("morning", "evening", "sunday", "spring"), "leaf": ("leaf", "flower", "root", "bud"),
         "tree": ("rose", "tree", "bush", "apple")},
    ),
    "factory": Topic(
        ("{who} worked at the plant .", "the plant made a thousand {car} parts a day .",
         "the {boss} closed the gate of the plant .", "{who} repaired the {machine} .",
         "the {machine} was loud and hot .", "{who} asked the {boss} for work ."),
        {"car": ("car", "engine", "bicycle", "radio"), "boss": ("boss", "owner", "foreman", "guard"),
         "machine": ("machine", "motor", "press", "furnace")},
    ),
    "office": Topic(
        ("{who} sat down at the {computer} .", "{who} moved the mouse over the desk .",
         "the mouse lay beside the {computer} .", "{who} wrote the {text} and saved it .",
         "the {computer} lost the {text} .", "{who} printed the {text} with one click ."),
        {"computer": ("computer", "screen", "keyboard", "printer"),
         "text": ("letter", "report", "program", "table")},
    ),
    "barn": Topic(
        ("{who} cleaned the barn .", "a mouse ate the {grain} .", "the {cat} chased the mouse .",
         "{who} fed the {cat} in the barn .", "the mouse hid in the straw from the {cat} .",
         "{who} carried the {grain} to the barn ."),
        {"grain": ("corn", "cheese", "wheat", "bread"), "cat": ("cat", "dog", "owl", "fox")},
    ),
}  # fmt: skip
SHORTEST, LONGEST = 2, 6  # sentences


class Document(NamedTuple):
    """A topic, and what is told of it."""

    topic: str
    sentences: tuple[str, ...]


def generate(count: int, *, seed: int, length: tuple[int, int] = (4, 6)) -> list[Document]:
    """Generate documents, all topics alike.

    Parameters
    ----------
    count : int
    seed : int
        On which the documents depend; the first of many are what a smaller count gives.
    length : (int, int)
        Fewest and most sentences, from 2 to 6.

    Raises
    ------
    TypeError, ValueError
        A number is not whole or out of range.

    >>> for document in generate(2, seed=0, length=(3, 3)):
    ...     print(document.topic, *document.sentences, sep=" | ")
    garden | Jane watered the plant each evening . | she dug a hole beside the rose . | the plant grew a new leaf .
    river | Jane saw a crane fly over the river . | the bank was wet after the snow . | a crane caught a fish in the river .
    """
    check_sizes(count=count)
    fewest = check_integer("length", length[0], SHORTEST, LONGEST + 1)
    most = check_integer("length", length[1], fewest, LONGEST + 1)
    random = onp.random.RandomState(seed)
    return [_document(random, random.randint(fewest, most + 1)) for _ in range(count)]


def one_of(random: onp.random.RandomState, choices: Sequence):
    """Draw one of the choices, all alike.

    >>> one_of(onp.random.RandomState(0), ("river", "cave"))
    'river'
    """
    return choices[random.randint(len(choices))]


def _document(random: onp.random.RandomState, length: int) -> Document:
    topic = one_of(random, tuple(TOPICS))
    pronoun = one_of(random, tuple(PEOPLE))
    name, told = one_of(random, PEOPLE[pronoun]), TOPICS[topic]
    sentences, who = [], name  # by name first
    for number in random.permutation(len(told.sentences))[:length]:
        sentence = told.sentences[number]
        words = {gap: one_of(random, choices) for gap, choices in told.gaps.items()}
        sentences.append(sentence.format(who=who, **words))
        who = pronoun if "{who}" in sentence else who
    return Document(topic, tuple(sentences))
