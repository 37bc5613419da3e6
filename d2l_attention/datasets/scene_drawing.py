"""Things on a grid, drawn in pixels: size, place within the cell, shade and noise differ from thing to thing."""

from dataclasses import dataclass

import numpy as onp
from scipy.ndimage import gaussian_filter, shift

__all__ = ["COLORS", "PAPER", "SHAPES", "SceneThing", "draw"]

# Colour-blind readers can tell these apart (after Okabe and Ito, 2008), in this order
# of preference.
COLORS = {
    "red": (0.84, 0.25, 0.0),
    "blue": (0.0, 0.37, 0.75),
    "yellow": (0.94, 0.86, 0.2),
    "green": (0.0, 0.6, 0.4),
    "pink": (0.85, 0.5, 0.7),
    "black": (0.1, 0.1, 0.1),
}
SHAPES = ("square", "circle", "triangle", "cross")
PAPER = 0.93  # the background's grey
TABLE = (0.66, 0.58, 0.49)  # what lit things lie on
LAMP = onp.array([-0.5, -0.6, 0.62])  # where the light comes from: left, above, and from the reader


@dataclass(frozen=True)
class SceneThing:
    """A shape of some colour in a cell of the grid; rows and columns count from 0 at the top left."""

    row: int
    column: int
    color: str
    shape: str


def draw(
    things: tuple[SceneThing, ...],
    *,
    grid: int,
    cell: int,
    noise: float,
    random: onp.random.RandomState,
    lit: bool = False,
) -> onp.ndarray:
    """Draw things on grey paper: (3, grid * cell, grid * cell), uint8.

    Radius, place, and shade vary; a thing never leaves its cell. Edges are smoothed
    over one pixel.

    Parameters
    ----------
    things : tuple of SceneThing
    grid, cell : int
        Cells along a side, and pixels along the side of a cell.
    noise : float
        Standard deviation of the pixels' noise, where 1 is the range from black to white.
    random : numpy.random.RandomState
        The source of all that varies.
    lit : bool
        Whether the things are solids on a table under a lamp, as a photograph would show them,
        with shadows that may fall on the next cell.

    Raises
    ------
    ValueError
        A thing is of no colour or shape known here, or not on the grid.

    >>> ball = SceneThing(0, 1, "blue", "circle")
    >>> picture = draw((ball,), grid=2, cell=7, noise=0, random=onp.random.RandomState(0))
    >>> "".join(" #"[int(value < 150)] for value in picture[0, 3])
    '        ######'
    """
    inks = onp.zeros((3, grid * cell, grid * cell))
    outside = onp.full(inks.shape[1:], float(cell))  # of the nearest thing, in pixels
    for thing in things:
        _check(thing, grid)
        rows, columns = (slice(at * cell, (at + 1) * cell) for at in (thing.row, thing.column))
        ink, outside[rows, columns] = _thing(thing, cell, random)
        inks[:, rows, columns] = ink[:, None, None]
    cover = onp.clip(0.5 - outside, 0, 1)
    ground = onp.full(inks.shape, PAPER)
    if lit:
        ground = _table(cover, cell, random)
        inks = _shade(inks, outside, 0.42 * cell)
    canvas = ground + cover * (inks - ground)
    canvas += noise * random.normal(size=canvas.shape)
    return (onp.clip(canvas, 0, 1) * 255).round().astype("uint8")


def _check(thing, grid) -> None:
    known = thing.color in COLORS and thing.shape in SHAPES
    if not (known and 0 <= thing.row < grid and 0 <= thing.column < grid):
        raise ValueError(f"things must be drawable on the grid, got {thing}")


def _thing(thing, cell, random) -> tuple[onp.ndarray, onp.ndarray]:
    """A thing's ink (3,), and how far each pixel of its cell is outside of it (cell, cell)."""
    ink = onp.clip(onp.array(COLORS[thing.color]) + random.uniform(-0.06, 0.06, size=3), 0, 1)
    radius = random.uniform(0.34, 0.42) * cell
    slack = cell / 2 - radius
    center = cell / 2 + random.uniform(-slack, slack, size=2)
    y, x = (onp.arange(cell) + 0.5 - place for place in center)
    return ink, _outside(thing.shape, x[None, :], y[:, None], radius)


def _table(cover, cell, random) -> onp.ndarray:
    """A wooden table, lighter where the lamp is, with soft shadows beside what covers it."""
    grain = gaussian_filter(random.normal(size=cover.shape), (0.15 * cell, 2 * cell), mode="wrap")
    down, right = onp.indices(cover.shape) / len(cover)
    light = 1.15 - 0.2 * (down + right) + 0.06 * grain / grain.std()
    fallen = shift(cover, (round(0.12 * cell), round(0.1 * cell)), order=0)
    shadow = 1 - 0.6 * gaussian_filter(fallen, 0.08 * cell)
    return onp.array(TABLE)[:, None, None] * light * shadow


def _shade(inks, outside, bevel) -> onp.ndarray:
    """Light solids whose edges are round: a circle becomes a ball, a square a cushion."""
    depth = onp.clip(-outside / bevel, 0, 1)
    down, right = onp.gradient(bevel * onp.sqrt(1 - (1 - depth) ** 2))
    normal = onp.stack([-right, -down, onp.ones_like(down)])
    facing = onp.tensordot(LAMP / onp.linalg.norm(LAMP), normal, axes=1)
    facing = onp.clip(facing / onp.linalg.norm(normal, axis=0), 0, 1)
    return inks * (0.45 + 0.7 * facing) + 0.5 * facing**24


def _outside(shape: str, x: onp.ndarray, y: onp.ndarray, radius: float) -> onp.ndarray:
    """How far a point is outside of a shape, in pixels; negative inside. y points down."""
    if shape == "circle":
        return onp.hypot(x, y) - radius
    if shape == "square":
        return onp.maximum(abs(x), abs(y)) - 0.85 * radius
    if shape == "cross":
        thin, wide = onp.minimum(abs(x), abs(y)), onp.maximum(abs(x), abs(y))
        return onp.maximum(thin - 0.3 * radius, wide - radius)
    y = y - 0.25 * radius  # an upright triangle, moved down so that its box is centred
    return onp.maximum(y - 0.6 * radius, abs(x) * 0.866 - y * 0.5 - 0.6 * radius)
