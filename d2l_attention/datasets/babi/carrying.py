"""Who is where, and who has what: the questions of tasks 1-3 and 5-8, asked of a world of people who carry things."""

from collections.abc import Callable, Iterator
from itertools import chain, pairwise

import numpy as onp

from d2l_attention.datasets.babi.files import Question
from d2l_attention.datasets.babi.telling import Answerable, ask_in_turn
from d2l_attention.datasets.babi.world import PLACES, Habits, World

NUMBERS = ("none", "one", "two", "three")
GIFTS = {  # a question, what it asks for, and how often it is asked
    "What did {giver} give to {receiver}?": ("thing", 2),
    "Who did {giver} give the {thing} to?": ("receiver", 1),
    "Who gave the {thing} to {receiver}?": ("giver", 1),
    "Who gave the {thing}?": ("giver", 1),
    "Who received the {thing}?": ("receiver", 1),
}
EARLIER = 0.5  # how often task 3 names a place the thing has left, if there is one


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
