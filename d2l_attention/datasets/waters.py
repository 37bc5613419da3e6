"""Landscapes in which only context tells sea from lake: a boat sails on a sea, a duck on a lake.

    sky  sky  sky  sky          sky  sky  sky  sky
    land sea  sea  land         land lake lake land
    sea  boat sea  rock         lake duck lake rock
    sea  sea  sea  sea          lake lake lake lake

Both waters are drawn by the same waves. Boat and duck have the same place, height and width, and as
many pixels of each ink; so neither a patch of water, nor its place, nor how much there is of any
color says which water it is. Pictures come in pairs: the second one is the first with ducks instead
of boats, or the other way round, and not one other pixel differs. Whatever does not see the animal
or the vessel therefore gives the same answer to both, and is right about exactly one of them.

As in CamVid, pixels beside an object are *void*: the waters within `MARGIN` pixels of boat or duck
have no label, are not trained on and not judged. So a network that sees less than that never has
boat or duck in sight where it is asked about water.
"""

from dataclasses import dataclass

import numpy as onp
from scipy.ndimage import gaussian_filter, maximum_filter

from d2l_attention.backend.checks import check_integer, check_share, check_sizes

__all__ = [
    "CLASSES",
    "MARGIN",
    "PALETTE",
    "VOID",
    "Landscapes",
    "generate",
    "stamp",
]

CLASSES = ("sky", "land", "tree", "rock", "boat", "duck", "sea", "lake")
SKY, LAND, TREE, ROCK, BOAT, DUCK, SEA, LAKE = range(len(CLASSES))
VOID = 255
MARGIN = 4  # pixels around boat and duck
PALETTE = onp.array(  # how labels are drawn; void is grey
    [[150, 200, 235], [120, 155, 60], [25, 85, 40], [120, 110, 105],
     [240, 120, 30], [250, 215, 60], [0, 60, 160], [60, 175, 170]], "uint8")  # fmt: skip

SPRITES = {  # five rows, seven columns; inks W and B: 6 pixels of one, 12 of the other
    BOAT: ("...W...", "...WW..", "...WWW.", "BBBBBBB", ".BBBBB."),
    DUCK: (".WW....", "WWW....", ".W.....", ".BBBBBB", ".BBBBBB"),
    ROCK: (".......", ".......", "..RR...", ".RRRR..", "RRRRRRR"),
    TREE: ("..TTT..", ".TTTTT.", ".TTTTT.", "...S...", "...S..."),
}
INKS = {
    "W": (0.95, 0.95, 0.93), "B": (0.5, 0.28, 0.16), "R": (0.46, 0.44, 0.43),
    "T": (0.1, 0.34, 0.15), "S": (0.36, 0.25, 0.16),
}  # fmt: skip
SKIES = (0.62, 0.76, 0.93)
GRASS = (0.52, 0.62, 0.3)
WATER = (0.2, 0.44, 0.6)


@dataclass(frozen=True)
class Landscapes:
    """N pictures (N, 3, H, W), uint8, and the label of each pixel (N, H, W), uint8: a number of
    `CLASSES`, or `VOID`. Of a pair, one stands in the first half, and the other in the second.
    """

    pictures: onp.ndarray
    labels: onp.ndarray

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Layout:
    """What is where before anything is drawn: rows and columns count from the top left.

    Attributes
    ----------
    horizon : (W,) int
        The first row of water in each column.
    coast : (W,) int
        The first row of land, which is at most `horizon`: between them there is land.
    things : tuple of (class, row, column, mirrored)
        The top left corner of each sprite; BOAT stands for boat or duck.
    """

    horizon: onp.ndarray
    coast: onp.ndarray
    things: tuple[tuple[int, int, int, bool], ...]


def generate(count: int, *, seed: int, height: int = 32, width: int = 48, noise: float = 0.04,
             cues: tuple[int, int] = (1, 2)) -> Landscapes:  # fmt: skip
    """Draw pairs of landscapes that differ in boats and ducks alone.

    Parameters
    ----------
    count : int
        Pictures N, an even number.
    seed : int
        The same seed gives the same pictures, on every version of NumPy.
    height, width : int
        Pixels, at least 24 each.
    noise : float
        Standard deviation of the pixels' noise, where 1 is the range from black to white.
    cues : pair of int
        How many boats or ducks there are, at least and at most (no more than 3); (0, 0) for a
        water about which nothing can be known.

    Raises
    ------
    TypeError, ValueError
        An argument is out of range.

    >>> drawn = generate(2, seed=0)
    >>> drawn.pictures.shape, drawn.labels.shape
    ((2, 3, 32, 48), (2, 32, 48))
    >>> [sorted({CLASSES[k] for k in onp.unique(each) if k != VOID}) for each in drawn.labels]
    [['boat', 'land', 'rock', 'sea', 'sky'], ['duck', 'lake', 'land', 'rock', 'sky']]
    """
    check_sizes(count=count)
    if count % 2:
        raise ValueError(f"count must be even, since pictures come in pairs, got {count}")
    check_share(noise=noise)
    least = check_integer("cues, the least,", cues[0], 0)
    check_integer("cues, the most,", cues[1], least, 4)
    random = onp.random.RandomState(seed)
    pictures, labels = [], []
    for _ in range(count // 2):
        plan = _layout(random, height, width, random.randint(cues[0], cues[1] + 1))
        state = random.get_state()
        for cue in (BOAT, DUCK):  # the same grain, waves and light for both
            random.set_state(state)
            picture, label = _draw(plan, cue, height=height, noise=noise, random=random)
            pictures.append(picture)
            labels.append(label)
    order = [*range(0, count, 2), *range(1, count, 2)]
    return Landscapes(onp.stack(pictures)[order], onp.stack(labels)[order])


def _layout(random: onp.random.RandomState, height: int, width: int, cues: int) -> Layout:
    """Hills, water, trees on the hills; on the water rocks, and boats or ducks."""
    for name, value in (("height", height), ("width", width)):
        check_integer(name, value, 24)
    middle = random.uniform(0.3, 0.42) * height
    horizon = onp.full(width, int(middle))
    hills = middle - _hills(random, width) * random.uniform(0.1, 0.22) * height
    coast = onp.minimum(hills.round().astype(int), horizon)
    kinds = [BOAT] * cues + [ROCK] * random.randint(1, 3)
    places = _apart(random, kinds, int(middle) + 1, height - 5, width - 7)
    things = [(*place, bool(random.randint(2))) for place in places]
    hidden = onp.flatnonzero(horizon - coast > 3)[:-7]
    for column in random.permutation(hidden)[: random.randint(1, 3)]:
        row = int(coast[column : column + 7].max()) - 3
        things.append((TREE, max(row, 0), int(column), False))
    return Layout(horizon, coast, tuple(things))


def _hills(random, width) -> onp.ndarray:
    """A smooth line from 0 to 1."""
    line = gaussian_filter(random.normal(size=width), width / 10, mode="wrap")
    return (line - line.min()) / onp.ptp(line)


def _apart(random, kinds, top, bottom, right) -> list[tuple[int, int, int]]:
    """Places for things of five rows and seven columns that do not touch; some may find none."""
    found = []
    for kind in kinds:
        for _ in range(50):
            row, column = random.randint(top, bottom + 1), random.randint(0, right + 1)
            if all(abs(row - r) > 5 or abs(column - c) > 7 for _, r, c in found):
                found.append((kind, int(row), int(column)))
                break
    return found


def _draw(plan: Layout, cue: int, *, height: int, noise: float, random: onp.random.RandomState
          ) -> tuple[onp.ndarray, onp.ndarray]:  # fmt: skip
    """With boats or with ducks, by `cue`: picture (3, H, W), labels (H, W), both uint8."""
    rows, width = onp.arange(height)[:, None], len(plan.horizon)
    water = rows >= plan.horizon
    land = (rows >= plan.coast) & ~water
    light = random.uniform(-0.06, 0.06, (3, 1))  # of sky, land and water
    canvas = onp.array(SKIES)[:, None, None] + light[0] - 0.006 * (height - rows)[None]
    canvas = onp.where(land, onp.array(GRASS)[:, None, None] + light[1], canvas)
    canvas = onp.where(water, onp.array(WATER)[:, None, None] + light[2], canvas)
    canvas = canvas + water * _waves(random, height, width)
    labels = onp.where(water, {BOAT: SEA, DUCK: LAKE}[cue], onp.where(land, LAND, SKY))
    objects = onp.zeros((height, width), bool)
    for kind, row, column, mirrored in plan.things:
        kind = cue if kind == BOAT else kind
        sprite = onp.array([list(line) for line in SPRITES[kind]])[:, :: -1 if mirrored else 1]
        box = (slice(row, row + sprite.shape[0]), slice(column, column + sprite.shape[1]))
        for ink, color in INKS.items():
            canvas[:, box[0], box[1]][:, sprite == ink] = onp.array(color)[:, None]
        labels[box][sprite != "."] = kind
        if kind == cue:
            objects[box] = True
    near = maximum_filter(objects, 2 * MARGIN + 1) & onp.isin(labels, (SEA, LAKE))
    canvas = canvas + noise * random.normal(size=canvas.shape)
    picture = (onp.clip(canvas, 0, 1) * 255).round().astype("uint8")
    return picture, onp.where(near, VOID, labels).astype("uint8")


def stamp(picture: onp.ndarray, kind: int, row: int, column: int) -> None:
    """Paint a boat, a duck, a rock or a tree into a picture (3, H, W), uint8, in place.

    Parameters
    ----------
    kind : int
        `BOAT`, `DUCK`, `ROCK` or `TREE`, as in `CLASSES`.
    row, column : int
        The top left corner of its five rows and seven columns.

    Raises
    ------
    ValueError
        It does not lie in the picture, or is nothing that can be painted.

    >>> picture = onp.zeros((3, 5, 7), "uint8")
    >>> stamp(picture, CLASSES.index("boat"), 0, 0)
    >>> "".join(" #"[int(value > 0)] for value in picture[0, 2])
    '   ### '
    """
    if kind not in SPRITES:
        raise ValueError(f"kind must be one of {', '.join(map(str, SPRITES))}, got {kind!r}")
    check_integer("row", row, 0, picture.shape[1] - 4)
    check_integer("column", column, 0, picture.shape[2] - 6)
    for down, line in enumerate(SPRITES[kind]):
        for right, ink in enumerate(line):
            if ink != ".":
                picture[:, row + down, column + right] = ink_of(ink)


def ink_of(letter: str) -> list[int]:
    """The color of a letter in `SPRITES`, three numbers from 0 to 255.

    >>> ink_of("W")
    [242, 242, 237]
    """
    return [round(255 * value) for value in INKS[letter]]


def _waves(random, height, width) -> onp.ndarray:
    """Crests that run along the rows, of the same kind on both waters: (H, W)."""
    waves = gaussian_filter(random.normal(size=(height, width)), (0.6, 2.0), mode="wrap")
    return 0.06 * waves / waves.std()
