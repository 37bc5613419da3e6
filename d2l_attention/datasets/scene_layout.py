"""Where the things of a picture stand, and what is asked about them (`datasets.scenes`).

Cells are pairs (row, column); `random` is the numpy.random.RandomState that all choices come from.
"""

from itertools import pairwise

from d2l_attention.datasets.scene_drawing import COLORS, SHAPES, SceneThing

RELATIONS = {
    "left of": (0, -1),
    "right of": (0, 1),
    "above": (-1, 0),
    "below": (1, 0),
}  # (rows, columns)
NUMBERS = ("one", "two", "three", "four", "five", "six")
NUMBERS += ("seven", "eight", "nine", "ten", "eleven", "twelve")
ATTEMPTS = 1000  # at laying out one picture


def lay_out(
    random, grid, relations, palette, kinds, distractors, questions
) -> tuple[tuple[SceneThing, ...], list[tuple]]:
    """One picture's things, and its questions as (text, answer, cells on the way); `distractors`
    is a number or, to draw one, a pair.
    """
    # In random order, because a path that is laid out last has less choice: place
    # must not tell the answer.
    answers = [palette[a] for a in random.permutation(len(palette))[:questions]]
    if isinstance(distractors, tuple):
        least, most = distractors
        distractors = random.randint(least, most + 1)
    paths = paths_for(random, grid, questions, relations, distractors)
    return fill(random, paths, answers, palette, kinds, relations, grid)


def paths_for(random, grid, questions, relations, distractors) -> list[list[tuple[int, int]]]:
    """Choose disjoint cells: for each question a path of 1 + relations neighbours, then single distractors."""
    lengths = [1 + relations] * questions + [1] * distractors
    if sum(lengths) > grid * grid:
        raise ValueError(
            f"distractors must leave room: {sum(lengths)} things do not fit {grid * grid} cells"
        )
    for _ in range(ATTEMPTS):
        taken, paths = set(), []
        for length in lengths:
            path = _walk(random, grid, length, taken)
            if path is None:
                break
            taken.update(path)
            paths.append(path)
        else:
            return paths
    raise ValueError(
        f"distractors must be fewer: no room found for {sum(lengths)} things in {grid * grid} cells"
    )


def _walk(random, grid, length, taken) -> list[tuple[int, int]] | None:
    """A random path over free cells, without crossing itself; None if it leads nowhere."""
    free = [
        (row, column) for row in range(grid) for column in range(grid) if (row, column) not in taken
    ]
    path = [free[random.randint(len(free))]]
    while len(path) < length:
        row, column = path[-1]
        near = [(row + down, column + right) for down, right in RELATIONS.values()]
        near = [cell for cell in near if cell in free and cell not in path]
        if not near:
            return None
        path.append(near[random.randint(len(near))])
    return path


def fill(
    random, paths, answers, palette, kinds, relations, grid
) -> tuple[tuple[SceneThing, ...], list[tuple]]:
    """Give every cell of the paths a thing, and ask about the first paths, whose last things have the answers."""
    shift = random.randint(len(palette))
    circle = {
        color: palette[(number + shift) % len(palette)] for number, color in enumerate(palette)
    }
    named = (
        [(circle[color], kinds[random.randint(len(kinds))]) for color in answers]
        if relations
        else []
    )
    things, asked = [], []
    for number, path in enumerate(paths):
        answer = answers[number] if number < len(answers) else None
        for step, (row, column) in enumerate(path):
            color = answer if step == relations else None
            first = step == 0 and number < len(named)
            kind = named[number] if first else _other(random, named, palette, kinds, color)
            things.append(SceneThing(row, column, *kind))
        if answer:
            cells = tuple(row * grid + column for row, column in path)
            asked.append((_ask(path, named[number] if named else None), answer, cells))
    return tuple(things), asked


def _other(random, named, palette, kinds, color) -> tuple[str, str]:
    """A kind of thing that no question names, of the given colour if there is one."""
    while True:
        chosen = color or palette[random.randint(len(palette))]
        kind = chosen, kinds[random.randint(len(kinds))]
        if kind not in named:
            return kind


def _ask(path, named) -> str:
    """The question about the end of a path: by place, or by the relations that lead there, last one first."""
    if named is None:
        row, column = path[-1]
        return f"what color is the shape in row {NUMBERS[row]} column {NUMBERS[column]}"
    words = {step: word for word, step in RELATIONS.items()}
    steps = [words[b[0] - a[0], b[1] - a[1]] for a, b in pairwise(path)]
    chain = " the shape ".join(reversed(steps))
    return f"what color is the shape {chain} the {named[0]} {named[1]}"


def exclusive_or(random, grid, colors, shapes) -> list[tuple]:
    """Four pictures of one layout as (things, question): as laid out, with the colours of two
    things exchanged, with the shapes of the two beside them exchanged, and with both.
    """
    word, places = two_pairs(random, grid)
    third, *two = (list(COLORS)[number] for number in random.permutation(colors)[:3])
    kinds = [SHAPES[number] for number in random.permutation(shapes)[:2]]
    shape = SHAPES[random.randint(shapes)]  # of both things that may be asked about
    text = f"what color is the shape {word} the {third} {kinds[0]}"
    four = []
    for named in (kinds, kinds[::-1]):
        for colored in (two, two[::-1]):
            scene = tuple(
                thing
                for (start, end), color, kind in zip(places, colored, named, strict=True)
                for thing in (SceneThing(*start, third, kind), SceneThing(*end, color, shape))
            )
            first = named.index(kinds[0])
            cells = tuple(row * grid + column for row, column in places[first])
            four.append((scene, (text, colored[first], cells)))
    return four


def two_pairs(random, grid) -> tuple[str, list[tuple]]:
    """Two pairs of neighbouring cells, in the same direction, that share no cell."""
    word = list(RELATIONS)[random.randint(len(RELATIONS))]
    down, right = RELATIONS[word]
    starts = [
        (row, column)
        for row in range(max(0, -down), grid - max(0, down))
        for column in range(max(0, -right), grid - max(0, right))
    ]
    while True:
        chosen = [starts[number] for number in random.permutation(len(starts))[:2]]
        pairs = [((row, column), (row + down, column + right)) for row, column in chosen]
        if len({cell for pair in pairs for cell in pair}) == 4:
            return word, pairs
