"""Who is where, told in other ways: by "is", "is not" and "either", pronouns, two at once, out of order (tasks 9-14)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as onp

from d2l_attention.datasets.babi.files import Question
from d2l_attention.datasets.babi.telling import PACE, Answerable, Telling, ask_in_turn
from d2l_attention.datasets.babi.world import GO, PLACES

PRONOUN = {"Mary": "she", "Ruth": "she", "John": "he", "Fred": "he"}
PEOPLE = tuple(PRONOUN)
LATER = ("Then", "Afterwards", "After that", "Following that")
TOWN = ("office", "kitchen", "bedroom", "library", "market", "station")  # tasks 10, 14
TIMES = ("yesterday", "this morning", "this afternoon", "this evening")
MAYBE = 0.58  # share of the questions after "either" that ask for one of its two places


class Walks(Telling):
    """Four people who walk about; `facts` holds what was told last of each.

    Attributes
    ----------
    place : dict
        Where each person really is.
    facts : dict of person: (kind, places, supporting)
        "in" one place, or in "either" of two, or "not" in one; and the sentences that
        say so.
    """

    def __init__(self, random: onp.random.RandomState, places=PLACES):
        super().__init__(random)
        self.places = places
        self.place = {person: self.pick(places) for person in PEOPLE}
        self.facts: dict[str, tuple[str, tuple[str, ...], tuple[int, ...]]] = {}

    def elsewhere(self, *people: str) -> str:
        """Move people to a place where none of them is, without a word."""
        place = self.pick(self.places, *(self.place[person] for person in people))
        self.place.update(dict.fromkeys(people, place))
        return place

    def go(self, *people: str) -> None:
        """Tell that people go somewhere together."""
        place = self.elsewhere(*people)
        index = self.tell(f"{' and '.join(people)} {self.pick(GO)} the {place}.")
        self.facts |= dict.fromkeys(people, ("in", (place,), (index,)))

    def go_on(self, *people: str) -> None:
        """Tell that the people of the last sentence, named by a pronoun, go somewhere else."""
        place = self.elsewhere(*people)
        pronoun = "they" if len(people) > 1 else PRONOUN[people[0]]
        index = self.tell(f"{self.pick(LATER)} {pronoun} {self.pick(GO)} the {place}.")
        self.facts |= dict.fromkeys(people, ("in", (place,), (index - 1, index)))

    def state(self, kind: str) -> None:
        """Tell of a person: goes somewhere, is "in" a place, is "not", is in "either" of two."""
        person = self.pick(PEOPLE)
        if kind == "go":
            return self.go(person)
        old, new = self.place[person], self.elsewhere(person)
        if kind == "in":
            text, places = f"in the {new}", (new,)
        elif kind == "not":
            text, places = f"{self.pick(('not', 'no longer'))} in the {old}", (old,)
        else:
            places = tuple(self.shuffled((new, self.pick(self.places, new))))
            text = "either in the {} or the {}".format(*places)
        self.facts[person] = kind, places, (self.tell(f"{person} is {text}."),)

    def where(self) -> list[Answerable]:
        """Tasks 11-13: where is somebody?"""
        return [
            Answerable(f"Where is {person}?", places[0], supporting)
            for person, (_, places, supporting) in self.facts.items()
        ]

    def whether(self) -> list[Answerable]:
        """Tasks 9 and 10: is somebody in a place? Yes, no, or maybe."""
        found = []
        for person, (kind, places, supporting) in self.facts.items():
            if kind == "in":
                place, answer = self.yes_or_no(places[0], self.places)
            elif kind == "not":
                place, answer = places[0], "no"
            elif self.chance(MAYBE):
                place, answer = self.pick(places), "maybe"
            else:
                place, answer = self.pick(self.places, *places), "no"
            found.append(Answerable(f"Is {person} in the {place}?", answer, supporting))
        return found


def tell_states(other: str, places: tuple[str, ...]) -> Callable:
    """Tasks 9 and 10: half the sentences tell of walks, a quarter of places, a quarter otherwise."""

    def tell(random: onp.random.RandomState) -> Iterator[Question]:
        walks = Walks(random, places)

        def proceed():
            for _ in range(PACE):
                walks.state(walks.weighted({"go": 0.5, "in": 0.25, other: 0.25}))

        return ask_in_turn(walks, proceed, walks.whether, recency=0.9)

    return tell


def tell_walks(together: int, pronouns: bool, recency: float) -> Callable:
    """Tasks 11-13: people go alone or in pairs, and on from there, or the next ones go."""

    def tell(random: onp.random.RandomState) -> Iterator[Question]:
        walks = Walks(random)

        def proceed():
            people = walks.shuffled(PEOPLE)[:together]
            walks.go(*people)
            if pronouns:
                walks.go_on(*people)
            else:
                walks.go(*walks.shuffled(PEOPLE)[:together])

        return ask_in_turn(walks, proceed, walks.where, recency)

    return tell


class AllToldError(Exception):
    """A story has no more to tell."""


class Days(Telling):
    """Task 14: where four people were at four times, not quite told in the order of the times.

    A person's stays come one after the other, but what comes between two questions is
    shuffled in the end.

    >>> days = Days(onp.random.RandomState(3))
    >>> days.proceed()
    >>> print(*days.story, sep="\\n")
    Yesterday Ruth went to the office.
    This morning Ruth travelled to the kitchen.
    >>> days.ask("Where was Ruth before the kitchen?", "office", (1, 0)).supporting
    (0, 1)
    """

    def __init__(self, random: onp.random.RandomState):
        super().__init__(random)
        self.moved: dict[int, int] = {}  # where a sentence was told, where it stands
        self.left: dict[str, list[tuple[int, str]]] = {}  # (time, place), to be told
        self.stays: dict[str, dict[int, tuple[str, int]]] = {p: {} for p in PEOPLE}
        for person in PEOPLE:
            stays = [(0, self.pick(TOWN))]
            while len(stays) < len(TIMES):
                stays.append((len(stays), self.pick(TOWN, stays[-1][1])))
            self.left[person] = stays

    def ask(self, question: str, answer: str, supporting: Sequence[int]) -> Question:
        """Move each sentence since the last question to another place, and ask."""
        places = range(len(self.moved), len(self.story))
        told = self.shuffled(places)
        while any(old == new for old, new in zip(told, places, strict=True)):
            told = self.shuffled(places)
        self.story[len(self.moved) :] = [self.story[old] for old in told]
        self.moved |= dict(zip(told, places, strict=True))
        return super().ask(question, answer, [self.moved[k] for k in supporting])

    def proceed(self) -> None:
        """Tell of two stays, or raise AllToldError."""
        for _ in range(PACE):
            people = [person for person, left in self.left.items() if left]
            if not people:
                raise AllToldError
            person = self.pick(people)
            time, place = self.left[person].pop(0)
            walk = f"{person} {self.pick(GO)} the {place}"
            when = TIMES[time]
            first, last = f"{when.capitalize()} {walk}.", f"{walk} {when}."
            self.stays[person][time] = place, self.tell(self.pick((first, last)))

    def where_before(self) -> list[Answerable]:
        """Where was somebody before a place that is told of once?"""
        found = []
        for person, stays in self.stays.items():
            told = [stays[time] for time in sorted(stays)]
            for (before, came), (after, went) in pairwise(told):
                if before != after and [place for place, _ in told].count(after) == 1:
                    question = f"Where was {person} before the {after}?"
                    found.append(Answerable(question, before, (went, came)))
        return found


def tell_days(random: onp.random.RandomState) -> list[Question]:
    """Task 14: where was somebody before?"""
    while True:
        days = Days(random)
        try:
            return list(ask_in_turn(days, days.proceed, days.where_before, recency=0.8))
        except AllToldError:  # before five questions were asked, which is rare
            continue


TELLERS = {
    9: tell_states("not", PLACES),
    10: tell_states("either", TOWN),
    11: tell_walks(1, pronouns=True, recency=0.85),
    12: tell_walks(2, pronouns=False, recency=0.6),
    13: tell_walks(2, pronouns=True, recency=0.4),
    14: tell_days,
}
