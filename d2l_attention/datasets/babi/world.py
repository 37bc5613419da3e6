"""People who walk about and carry things: the simulator behind tasks 1-3 and 5-8.

The simulator knows where everybody and everything is. Beside that it keeps what its
sentences have told, with their numbers, and only from this are answers and supporting
sentences taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as onp

from d2l_attention.datasets.babi.files import Question
from d2l_attention.datasets.babi.telling import PACE, Answerable, Telling, ask_in_turn

PEOPLE = ("Mary", "John", "Fred", "Sam")
PLACES = ("kitchen", "office", "bathroom", "bedroom", "hallway", "den")
THINGS = ("milk", "apple", "book")
NUMBERS = ("none", "one", "two", "three")
GO = ("went to", "went back to", "travelled to", "journeyed to", "moved to")
PAST = {
    "go": GO,
    "get": ("got", "took", "picked up", "grabbed"),
    "drop": ("dropped", "left", "discarded", "put down"),
    "give": ("gave", "handed", "passed"),
}
PRESENT = {
    "go": ("walks into", "goes to"),
    "get": ("picks up",),
    "drop": ("drops",),
}
GIFTS = {  # a question, what it asks for, and how often it is asked
    "What did {giver} give to {receiver}?": ("thing", 2),
    "Who did {giver} give the {thing} to?": ("receiver", 1),
    "Who gave the {thing} to {receiver}?": ("giver", 1),
    "Who gave the {thing}?": ("giver", 1),
    "Who received the {thing}?": ("receiver", 1),
}
ARTICLE = {"apple": "an", "book": "a"}  # of what is new; nobody says "a milk"
EARLIER = 0.5  # how often task 3 names a place the thing has left, if there is one


@dataclass(frozen=True)
class Habits:
    """How a world's people act, and how its sentences are worded.

    Attributes
    ----------
    get, drop, give : float
        How often a person takes, puts down or hands over a thing when possible, for
        each walk.
    get_there, drop_there : float
        How often the sentence ends in "there".
    present : float
        Share of the stories told in the present tense.
    people : tuple of str
    """

    get: float = 1.2
    drop: float = 1.2
    give: float = 0.0
    get_there: float = 1.0
    drop_there: float = 0.2
    present: float = 0.0
    people: tuple[str, ...] = PEOPLE


@dataclass
class Thing:
    """Where a thing is, and what has been told of it.

    Attributes
    ----------
    place, holder : str or None
        Where it lies, or who holds it.
    touched : tuple (index, person, (place, index) or None), or None
        The last time it changed hands: who did it, and where the story had put that
        person by then.
    carried : list of (place, index)
        Where the last person to take it has carried it, with the sentences that tell
        so.
    """

    place: str | None
    holder: str | None = None
    touched: tuple | None = None
    carried: list[tuple[str, int]] = field(default_factory=list)


class World(Telling):
    """Four people, six places and three things; each sentence tells what one person does.

    >>> world = World(onp.random.RandomState(1), Habits())
    >>> for _ in range(4):
    ...     world.act()
    >>> print(*world.story, sep="\\n")
    Mary moved to the hallway.
    John picked up the apple there.
    John journeyed to the den.
    John picked up the book there.
    """

    def __init__(self, random: onp.random.RandomState, habits: Habits):
        super().__init__(random)
        self.habits = habits
        self.people = habits.people
        self.place = {person: self.pick(PLACES) for person in self.people}
        self.told: dict[str, tuple[str, int]] = {}  # person: (place, index)
        self.things = {name: Thing(self.pick(PLACES)) for name in THINGS}
        # person: {thing: sentences in which it came or went}, in the order they first
        # came
        self.changes: dict[str, dict[str, list[int]]] = {p: {} for p in self.people}
        self.gifts: list[tuple[str, str, str, int]] = []  # the last one is an index
        self.verbs = PRESENT if self.chance(habits.present) else PAST

    def proceed(self) -> None:
        """Tell what happens next."""
        for _ in range(PACE):
            self.act()

    def act(self) -> None:
        """Let somebody do something, one of all acts that are possible now."""
        weights = {}
        for person in self.people:
            for act in self.possible(person):
                weights[person, act] = 1.0 if act == "go" else getattr(self.habits, act)
        person, act = self.weighted(weights)
        if act == "go":
            self.go(person)
        elif act == "get":
            self.get(person, self.pick(self.seen(person)))
        elif act == "drop":
            self.drop(person, self.pick(self.held(person)))
        else:
            receiver = self.pick(self.near(person))
            self.give(person, self.pick(self.held(person)), receiver)

    def possible(self, person: str) -> list[str]:
        """Return the acts that a person could do now."""
        held = self.held(person)
        give = held and self.near(person)
        able = {"go": True, "get": self.seen(person), "drop": held, "give": give}
        return [act for act, possible in able.items() if possible]

    def held(self, person: str) -> list[str]:
        """Return the things in a person's hands."""
        return [name for name, thing in self.things.items() if thing.holder == person]

    def seen(self, person: str) -> list[str]:
        """Return the things that lie where a person is."""
        place = self.place[person]
        return [name for name, thing in self.things.items() if thing.place == place]

    def near(self, person: str) -> list[str]:
        """Return who else is where a person is."""
        place = self.place[person]
        return [p for p in self.people if p != person and self.place[p] == place]

    def go(self, person: str) -> None:
        """Walk to another place, with everything in hand."""
        place = self.pick(PLACES, self.place[person])
        index = self.tell(f"{person} {self.verb('go')} the {place}.")
        self.place[person], self.told[person] = place, (place, index)
        for thing in self.things.values():
            if thing.holder == person:
                thing.carried.append((place, index))

    def get(self, person: str, name: str) -> None:
        """Take a thing that lies here."""
        thing, article = self.things[name], "the"
        if self.verbs is PRESENT and not thing.touched and self.chance(0.5):
            article = ARTICLE.get(name, "the")
        there = " there" if self.chance(self.habits.get_there) else ""
        index = self.tell(f"{person} {self.verb('get')} {article} {name}{there}.")
        thing.place, thing.holder, thing.carried = None, person, []
        self._touch(person, name, index)

    def drop(self, person: str, name: str) -> None:
        """Put down a thing."""
        there = " there" if self.chance(self.habits.drop_there) else ""
        index = self.tell(f"{person} {self.verb('drop')} the {name}{there}.")
        self.things[name].place, self.things[name].holder = self.place[person], None
        self._touch(person, name, index)

    def give(self, person: str, name: str, receiver: str) -> None:
        """Hand a thing to somebody who is here too."""
        index = self.tell(f"{person} {self.verb('give')} the {name} to {receiver}.")
        self.things[name].holder, self.things[name].carried = receiver, []
        self.gifts.append((person, name, receiver, index))
        self._touch(person, name, index)
        self.changes[receiver].setdefault(name, []).append(index)

    def _touch(self, person: str, name: str, index: int) -> None:
        self.things[name].touched = index, person, self.told.get(person)
        self.changes[person].setdefault(name, []).append(index)

    def verb(self, act: str) -> str:
        """Return a verb for an act, in the tense of the story."""
        return self.pick(self.verbs[act])


def where_people(world: World) -> list[Answerable]:
    """Task 1: where is somebody?"""
    found = []
    for person, (place, index) in world.told.items():
        found.append(Answerable(f"Where is {person}?", place, (index,)))
    return found


def where_things(world: World) -> list[Answerable]:
    """Task 2: where is a thing? It lies where it was put, or its holder has carried it."""
    found = []
    for name, thing in world.things.items():
        if not thing.touched:
            continue
        index, _, told = thing.touched
        if thing.holder:
            told = world.told.get(thing.holder)
            told = told if told and told[1] > index else None
        if told:
            question, (place, moved) = f"Where is the {name}?", told
            found.append(Answerable(question, place, (index, moved), clue=index))
    return found


def where_things_were(world: World) -> list[Answerable]:
    """Task 3: where was a thing before somebody carried it on to a place?"""
    found = []
    for name, thing in world.things.items():
        steps = {after[0]: (before, after) for before, after in pairwise(thing.carried)}
        if not steps:
            continue
        here = thing.carried[-1][0]
        others = [place for place in steps if place != here]
        place = world.pick(others) if others and world.chance(EARLIER) else here
        before, after = steps[place]
        question = f"Where was the {name} before the {place}?"
        supporting = thing.touched[0], after[1], before[1]
        found.append(Answerable(question, before[0], supporting, clue=supporting[0]))
    return found


def who_gave(world: World) -> list[Answerable]:
    """Task 5: who gave what to whom, the last time?"""
    question = world.weighted({asked: often for asked, (_, often) in GIFTS.items()})
    found = {}
    for giver, thing, receiver, index in world.gifts:
        gift = {"giver": giver, "thing": thing, "receiver": receiver}
        asked = question.format(**gift)  # the answers of earlier gifts are replaced
        found[asked] = Answerable(asked, gift[GIFTS[question][0]], (index,))
    return list(found.values())


def whether_there(world: World) -> list[Answerable]:
    """Task 6: is somebody in a place? One half yes, one half no."""
    found = []
    for person, (place, index) in world.told.items():
        asked, answer = world.yes_or_no(place, PLACES)
        found.append(Answerable(f"Is {person} in the {asked}?", answer, (index,)))
    return found


def how_many(world: World) -> list[Answerable]:
    """Task 7: how many things does somebody hold? It rests on all that came or went, in the story's order.

    Only what a person does is a clue: who was but given something is not asked about.
    """
    found = []
    for person, changes in world.changes.items():
        if changes:
            held = sum(world.things[name].holder == person for name in changes)
            supporting = tuple(sorted(chain(*changes.values())))
            question = f"How many objects is {person} carrying?"
            acts = [k for k in supporting if world.story[k].startswith(f"{person} ")]
            found += _by_each_clue(question, NUMBERS[held], supporting, acts)
    return found


def which_things(world: World) -> list[Answerable]:
    """Task 8: what does somebody hold? Things in the order they first came, and so the sentences they rest on."""
    found = []
    for person, changes in world.changes.items():
        if changes:
            held = [name for name in changes if world.things[name].holder == person]
            supporting = tuple(chain(*changes.values()))
            question = f"What is {person} carrying?"
            answer = ",".join(held) or "nothing"
            found += _by_each_clue(question, answer, supporting, supporting)
    return found


def _by_each_clue(question, answer, supporting, clues) -> list[Answerable]:
    """Return the question for each clue: who has done more of late is asked about more often."""
    return [Answerable(question, answer, supporting, clue) for clue in clues]


def teller(habits: Habits, answerable: Callable, recency: float = 1.0) -> Callable:
    """Return a function that tells a story of a world with such habits: RandomState -> questions."""

    def tell(random: onp.random.RandomState) -> Iterator[Question]:
        world = World(random, habits)
        return ask_in_turn(world, world.proceed, lambda: answerable(world), recency)

    return tell


# The habits are such that stories are as long as the published ones, and their acts as
# frequent.
TELLERS = {
    1: teller(Habits(get=0, drop=0, present=0.25), where_people, recency=0.9),
    2: teller(
        Habits(get_there=0.5, present=0.25, people=("Joe", "Mary", "Fred", "Sam")),
        where_things,
    ),
    3: teller(Habits(get_there=0.2), where_things_were),
    5: teller(Habits(give=5.0), who_gave),
    6: teller(Habits(), whether_there),
    7: teller(Habits(drop=1.4, give=5.0), how_many),
    8: teller(Habits(), which_things),
}
