"""What is where, which is bigger, who is what, and why: tasks 4 and 15-20, stories about things that hold still."""

from collections.abc import Callable
from itertools import combinations, product

import numpy as onp

from d2l_attention.datasets.babi.files import Question
from d2l_attention.datasets.babi.telling import Telling
from d2l_attention.datasets.babi.world import GO, PAST, PLACES

STEPS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}
SIDES = {
    "north": "above",
    "south": "below",
    "east": "to the right of",
    "west": "to the left of",
}
SQUARES = ("black square", "green square", "red square")
SHAPES = ("star", "gray circle", "green cross", *SQUARES)
FEARS = {"hare": "Hares", "fox": "Foxes", "owl": "Owls", "snake": "Snakes"}
A_KIND = {kind: f"an {kind}" if kind == "owl" else f"a {kind}" for kind in FEARS}
FEARFUL = ("Agnes", "Martha", "Clara", "Edith")
NAMES = ("Brian", "Julius", "Bernhard", "Olga", "Ruth")
KINDS = ("lion", "crow", "toad", "mule")
COLORS = ("white", "green", "black", "brown")
# How many of the five are of the kind asked for, and of the other kinds; and how often.
GROUPS = {(2, 2, 1): 0.6, (2, 1, 1, 1): 0.2, (4, 1): 0.1, (2, 3): 0.085, (5,): 0.015}
SMALL = ("marble", "bag of marbles")  # all of the large hold both
LARGE = ("bag", "drawer", "trunk", "crate")
ROOMS = {  # what drives one there, and to take what
    "tired": ("bedroom", "pillow"),
    "bored": ("garden", "ball"),
    "hungry": ("kitchen", "apple"),
    "thirsty": ("kitchen", "milk"),
}
DRIVEN = ("Paula", "Ivan", "Leila", "Oscar")


# -------------------------------------------------------------------------------- space
def tell_neighbours(random: onp.random.RandomState) -> list[Question]:
    """Task 4: three rooms in a row, told in two sentences; which is on which side?

    As in the published files, the question names the room that its sentence names last.
    """
    telling = Telling(random)
    (first, middle, last), side = (
        telling.shuffled(PLACES)[:3],
        telling.pick(list(STEPS)),
    )
    doors = telling.shuffled([(first, side, middle), (last, OPPOSITE[side], middle)])
    told = [_from_either(telling, *door) for door in doors]
    for room, way, other in told:
        telling.tell(f"The {room} is {way} of the {other}.")
    asked = random.randint(len(told))
    answer, way, other = told[asked]
    if telling.chance(0.5):
        question = f"What is {way} of the {other}?"
    else:
        question = f"What is the {other} {OPPOSITE[way]} of?"
    return [telling.ask(question, answer, (asked,))]


def _from_either(telling: Telling, first: str, side: str, second: str, share=2 / 3) -> tuple:
    """Return what lies on which side of what, from the first one's point of view as often as `share` says.

    The shares of tasks 4, 17 and 19 are those counted in the published files.
    """
    if telling.chance(share):
        return first, side, second
    return second, OPPOSITE[side], first


def tell_positions(random: onp.random.RandomState) -> list[Question]:
    """Task 17: two shapes placed by a third; eight times, is one of the two on that side of the other?"""
    telling = Telling(random)
    first, middle, last = telling.shuffled(SHAPES)[:3]
    one = telling.pick(list(STEPS))
    two = telling.pick(list(STEPS), OPPOSITE[one])  # else first and last would coincide
    steps = telling.shuffled([(middle, OPPOSITE[one], first), (middle, two, last)])
    for step in steps:
        a, side, b = _from_either(telling, *step)
        telling.tell(f"The {a} is {SIDES[side]} the {b}.")
    offset = onp.add(STEPS[one], STEPS[two])  # of the first, as seen from the last
    way = (0, 1) if steps[0][2] == first else (1, 0)
    return [_whether_beside(telling, first, last, offset, way) for _ in range(8)]


def _whether_beside(telling, first, last, offset, way) -> Question:
    """Ask for one side of four, that yes is as likely as no; the sentences run from who is asked about."""
    if telling.chance(0.5):
        first, last, offset, way = last, first, -offset, way[::-1]
    answer = telling.pick(("yes", "no"))
    true = {side: onp.dot(step, offset) > 0 for side, step in STEPS.items()}
    side = telling.pick([side for side in STEPS if true[side] == (answer == "yes")])
    question = f"Is the {first} {SIDES[side]} the {last}?"
    return telling.ask(question, answer, way)


def tell_path(random: onp.random.RandomState) -> list[Question]:
    """Task 19: a way from room to room to room, and three more rooms beside it; how to go from end to end?"""
    telling = Telling(random)
    rooms = telling.shuffled(PLACES)
    doors = _six_rooms(telling, rooms)
    while len(_spots(doors)) < len(rooms):  # two are in one spot
        doors = _six_rooms(telling, rooms)
    start, end = rooms[0], rooms[2]
    told = telling.shuffled(doors)
    for door in told:
        share = 4 / 7 if door in doors[:2] else 3 / 4
        first, way, second = _from_either(telling, *door, share)
        telling.tell(f"The {first} is {way} of the {second}.")
    (_, back, _), (_, ahead, _) = doors[:2]
    question = f"How do you go from the {start} to the {end}?"
    supporting = told.index(doors[0]), told.index(doors[1])
    return [telling.ask(question, f"{OPPOSITE[back][0]},{ahead[0]}", supporting)]


def _six_rooms(telling: Telling, rooms: list[str]) -> list[tuple[str, str, str]]:
    """Join two rooms to the second of three, and the others to any of the three: (room, on which side, of which)."""
    start, middle, end, *others = rooms
    back, ahead = telling.shuffled(STEPS)[:2]
    taken = [
        (middle, back),
        (middle, ahead),
        (start, OPPOSITE[back]),
        (end, OPPOSITE[ahead]),
    ]
    free = [wall for wall in product((start, middle, end), STEPS) if wall not in taken]
    walls = telling.shuffled(free)[: len(others)]
    beside = [(room, side, old) for room, (old, side) in zip(others, walls, strict=True)]
    return [(start, back, middle), (end, ahead, middle), *beside]


def _spots(doors: list[tuple[str, str, str]]) -> set[tuple[int, int]]:
    """Return the places that rooms take, counted from the middle one; each door joins a room to an earlier one."""
    spots = {doors[0][2]: (0, 0)}
    for room, side, old in doors:
        spots[room] = tuple(onp.add(spots[old], STEPS[side]).tolist())
    return set(spots.values())


# --------------------------------------------------------------------------------- size
def tell_sizes(random: onp.random.RandomState) -> list[Question]:
    """Task 18: five comparisons (or more, until two of them make a chain), and five questions about chains."""
    telling = Telling(random)
    sizes = [*SMALL, *telling.shuffled(LARGE)]
    told: list[tuple[str, str]] = []  # bigger, smaller
    while not (chains := _chains(told)):
        for _ in range(5):
            small, big = telling.pick(list(combinations(sizes, 2)))
            told.append((big, small))
            fits = f"The {small} fits inside the {big}."
            exceeds = f"The {big} is bigger than the {small}."
            telling.tell(telling.pick((fits, exceeds)))
    return [_which_is_bigger(telling, chains) for _ in range(5)]


def _chains(told: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """What two comparisons say together: {(bigger, smaller): their indices, of several the first}."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    numbered = list(enumerate(told))
    for (i, (big, middle)), (k, (again, small)) in product(numbered, numbered):
        if middle == again:
            found.setdefault((big, small), (i, k))
    return found


def _which_is_bigger(telling: Telling, chains) -> Question:
    (big, small), way = telling.pick(list(chains.items()))
    answer = telling.pick(("yes", "no"))
    if answer == "no":
        big, small, way = small, big, way[::-1]
    exceeds = f"Is the {big} bigger than the {small}?"
    fits = f"Does the {small} fit in the {big}?"
    return telling.ask(telling.pick((exceeds, fits)), answer, way)


# ---------------------------------------------------------------------- kinds and moods
def tell_fears(random: onp.random.RandomState) -> list[Question]:
    """Task 15: four kinds afraid of others, four animals, each of a kind told of before; what is one afraid of?"""
    telling = Telling(random)
    kinds, names = telling.shuffled(FEARS), telling.shuffled(FEARFUL)
    fear, kind_of, index = {}, {}, {}
    while kinds or names:
        if not fear or not names or (kinds and telling.chance(0.6)):
            kind = kinds.pop()
            fear[kind] = telling.pick(list(FEARS), kind)
            text = f"{FEARS[kind]} are afraid of {FEARS[fear[kind]].lower()}."
            index[kind] = telling.tell(text)
        else:
            name = names.pop()
            kind_of[name] = telling.pick(list(fear))
            index[name] = telling.tell(f"{name} is {A_KIND[kind_of[name]]}.")
    questions = []
    for name in (telling.pick(FEARFUL) for _ in range(4)):
        kind = kind_of[name]
        question, supporting = f"What is {name} afraid of?", (index[name], index[kind])
        questions.append(telling.ask(question, fear[kind], supporting))
    return questions


def tell_colors(random: onp.random.RandomState) -> list[Question]:
    """Task 16: five animals, each told to be of a kind, then of a color, but the last color is asked for."""
    telling = Telling(random)
    turns = _two_turns_each(telling)
    asked = turns.pop()
    names = [asked, *telling.shuffled([name for name in NAMES if name != asked])]
    sizes, kinds = telling.weighted(GROUPS), telling.shuffled(KINDS)
    members = [kinds[k] for k, size in enumerate(sizes) for _ in range(size)]
    kind_of = dict(zip(names, members, strict=True))
    color_of = {kind: telling.pick(COLORS) for kind in KINDS}
    is_a, colored = {}, {}  # which sentence tells an animal's kind, which its color
    for name in turns:
        kind = kind_of[name]
        if name in is_a:
            colored[name] = telling.tell(f"{name} is {color_of[kind]}.")
        else:
            is_a[name] = telling.tell(f"{name} is a {kind}.")
    kind = kind_of[asked]
    kin = max((name for name in colored if kind_of[name] == kind), key=is_a.get)
    supporting = is_a[asked], is_a[kin], colored[kin]
    return [telling.ask(f"What color is {asked}?", color_of[kind], supporting)]


def _two_turns_each(telling: Telling) -> list[str]:
    left = dict.fromkeys(NAMES, 2)
    turns = []
    while any(left.values()):
        name = telling.pick([name for name, count in left.items() if count])
        left[name] -= 1
        turns.append(name)
    return turns


def tell_motives(random: onp.random.RandomState) -> list[Question]:
    """Task 20: four people each feel something, go somewhere for it, take something there if it is not yet taken."""
    telling = Telling(random)
    mood = {person: telling.pick(list(ROOMS)) for person in DRIVEN}
    felt, went, taken, questions = {}, set(), set(), []
    while people := [p for p in DRIVEN if p not in went or mood[p] not in taken]:
        person = telling.pick(people)
        room, thing = ROOMS[mood[person]]
        if person not in felt:
            felt[person] = telling.tell(f"{person} is {mood[person]}.")
            question, answer = f"Where will {person} go?", room
        elif person not in went:
            went.add(person)
            telling.tell(f"{person} {telling.pick(GO)} the {room}.")
            question, answer = f"Why did {person} go to the {room}?", mood[person]
        else:
            taken.add(mood[person])
            telling.tell(f"{person} {telling.pick(PAST['get'])} the {thing} there.")
            question, answer = f"Why did {person} get the {thing}?", mood[person]
        questions.append(telling.ask(question, answer, (felt[person],)))
    return questions


TELLERS: dict[int, Callable[[onp.random.RandomState], list[Question]]] = {
    4: tell_neighbours,
    15: tell_fears,
    16: tell_colors,
    17: tell_positions,
    18: tell_sizes,
    19: tell_path,
    20: tell_motives,
}
