"""People who walk about and carry things: the simulator behind tasks 1-3 and 5-8.

The simulator knows where everybody and everything is. Beside that it keeps what its
sentences have told, with their numbers, and only from this does `carrying` take answers
and supporting sentences.
"""

from dataclasses import dataclass, field

import numpy as onp

from d2l_attention.datasets.babi.telling import PACE, Telling

PEOPLE = ("Mary", "John", "Fred", "Sam")
PLACES = ("kitchen", "office", "bathroom", "bedroom", "hallway", "den")
THINGS = ("milk", "apple", "book")
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
ARTICLE = {"apple": "an", "book": "a"}  # of what is new; nobody says "a milk"


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
