"""Things on a grid, drawn in pixels: size, place within the cell, shade and noise differ from thing to thing."""

from dataclasses import dataclass

import numpy as onp

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

    Raises
    ------
    ValueError
        A thing is of no colour or shape known here, or not on the grid.

    >>> ball = SceneThing(0, 1, "blue", "circle")
    >>> picture = draw((ball,), grid=2, cell=7, noise=0, random=onp.random.RandomState(0))
    >>> "".join(" #"[int(value < 150)] for value in picture[0, 3])
    '        ######'
    """
    canvas = onp.full((3, grid * cell, grid * cell), PAPER)
    for thing in things:
        known = thing.color in COLORS and thing.shape in SHAPES
        if not (known and 0 <= thing.row < grid and 0 <= thing.column < grid):
            raise ValueError(f"things must be drawable on the grid, got {thing}")
        ink = onp.clip(onp.array(COLORS[thing.color]) + random.uniform(-0.06, 0.06, size=3), 0, 1)
        radius = random.uniform(0.34, 0.42) * cell
        slack = cell / 2 - radius
        center = cell / 2 + random.uniform(-slack, slack, size=2)
        y, x = (onp.arange(cell) + 0.5 - place for place in center)
        cover = onp.clip(0.5 - _outside(thing.shape, x[None, :], y[:, None], radius), 0, 1)
        rows = slice(thing.row * cell, (thing.row + 1) * cell)
        columns = slice(thing.column * cell, (thing.column + 1) * cell)
        patch = canvas[:, rows, columns]
        canvas[:, rows, columns] = patch + cover * (ink[:, None, None] - patch)
    canvas += noise * random.normal(size=canvas.shape)
    return (onp.clip(canvas, 0, 1) * 255).round().astype("uint8")


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
