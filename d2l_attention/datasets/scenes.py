"""Pictures of coloured shapes on a grid, and questions about them that need one hop or two.

    what color is the shape in row two column four                            one hop: a place
    what color is the shape left of the red square                            two: the red square, its neighbour
    what color is the shape above the shape left of the red square            a longer way, past a third thing

"Left of", "right of", "above" and "below" mean the cell next door. The thing that a
question names by colour and shape is the only one of its kind in the picture, so that
no question is ambiguous.

Neither half of the task gives the answer away:

- each picture comes with one question per colour that may be the answer, so the picture
  alone says nothing;
- the colour of the thing that a picture's questions name is the answer's, shifted
  around the circle of colours by
  the same random step, so each wording has each colour as its answer equally often.
"""

from dataclasses import dataclass

import numpy as onp

from d2l_attention.datasets.scene_drawing import COLORS, SHAPES, SceneThing, draw
from d2l_attention.datasets.scene_layout import NUMBERS, RELATIONS, exclusive_or, lay_out

__all__ = [
    "COLORS",
    "RELATIONS",
    "SHAPES",
    "SceneQuestion",
    "SceneThing",
    "Scenes",
    "draw",
    "exchanges",
    "generate",
]


@dataclass(frozen=True)
class SceneQuestion:
    """A question about a picture.

    Attributes
    ----------
    picture : int
        Which one.
    text, answer : str
        Lower-case words without punctuation; the answer is one of them.
    path : tuple of int
        The cells (row * grid + column) on the way from the thing that is named to the
        one that is asked about, which holds the answer.
    """

    picture: int
    text: str
    answer: str
    path: tuple[int, ...]


@dataclass(frozen=True)
class Scenes:
    """N pictures of grid x grid cells, what is in them, and questions about them.

    Attributes
    ----------
    pictures : (N, 3, H, W) uint8
        Red, green and blue; H = W = grid * pixels of a cell.
    things : tuple of tuples of SceneThing
        What each picture shows, in no particular order.
    questions : tuple of SceneQuestion
        Picture by picture.
    grid : int
        Cells along a side.
    """

    pictures: onp.ndarray
    things: tuple[tuple[SceneThing, ...], ...]
    questions: tuple[SceneQuestion, ...]
    grid: int

    def names(self, *, colors: int = 4, shapes: int = 3) -> onp.ndarray:
        """Say which of the first colours and shapes stand in each cell: (N, grid * grid, colors + shapes), 0 or 1."""
        if not (1 <= colors <= len(COLORS) and 1 <= shapes <= len(SHAPES)):
            raise ValueError(
                f"colors must be from 1 to {len(COLORS)} and shapes from 1 to "
                f"{len(SHAPES)}, got {colors} and {shapes}"
            )
        found = onp.zeros(
            (len(self.things), self.grid, self.grid, len(COLORS) + len(SHAPES)), "uint8"
        )
        for cells, scene in zip(found, self.things, strict=True):
            for thing in scene:
                color, shape = list(COLORS).index(thing.color), SHAPES.index(thing.shape)
                cells[thing.row, thing.column, [color, len(COLORS) + shape]] = 1
        kept = [*range(colors), *range(len(COLORS), len(COLORS) + shapes)]
        return found[..., kept].reshape(len(found), -1, len(kept))


def generate(
    count: int,
    *,
    seed: int,
    relations: int = 1,
    grid: int = 5,
    cell: int = 8,
    colors: int = 4,
    shapes: int = 3,
    distractors: int | tuple[int, int] = 3,
    questions: int | None = None,
    noise: float = 0.05,
    lit: bool = False,
) -> Scenes:
    """Draw pictures and ask questions about them, one per colour that may be the answer.

    Parameters
    ----------
    count : int
        Pictures N.
    seed : int
        The same seed gives the same scenes, on every version of NumPy.
    relations : int
        0, 1 or 2 steps from the thing that the question names to the one it asks about;
        0 names a place instead.
    grid, cell : int
        Cells along a side (at most 12), and pixels along the side of a cell (at least
        6).
    colors, shapes : int
        How many of `COLORS` and of `SHAPES` occur, at least 2 each.
    distractors : int or pair of int
        Things that no question of the picture is about; of a pair (least, most), every
        picture draws a number.
    questions : int, optional
        Questions per picture, each with another answer; by default one per colour. With
        fewer, the colours that a picture shows do hint at the answer: simple pictures
        to begin with, not to be tested on.
    noise : float
        Standard deviation of the pixels' noise, where 1 is the range from black to
        white.
    lit : bool
        Whether things are solids on a table under a lamp, and not flat shapes on paper.

    Raises
    ------
    ValueError
        An argument is out of range, or the things have no room on the grid.

    Examples
    --------
    >>> scenes = generate(2, seed=0)
    >>> scenes.pictures.shape, len(scenes.things[0]), len(scenes.questions)
    ((2, 3, 40, 40), 11, 8)
    >>> scenes.questions[1].text, scenes.questions[1].answer, scenes.questions[1].path
    ('what color is the shape right of the yellow triangle', 'yellow', (13, 14))
    """
    questions = colors if questions is None else questions
    least, most = distractors if isinstance(distractors, tuple) else (distractors, distractors)
    _check(count, relations, grid, cell, colors, shapes, least, most, questions, noise)
    random = onp.random.RandomState([seed, relations])
    palette, kinds = list(COLORS)[:colors], SHAPES[:shapes]
    pictures = onp.empty((count, 3, grid * cell, grid * cell), "uint8")
    things, asked = [], []
    for number in range(count):
        more = (least, most) if least < most else least
        scene, texts = lay_out(random, grid, relations, palette, kinds, more, questions)
        pictures[number] = draw(scene, grid=grid, cell=cell, noise=noise, random=random, lit=lit)
        things.append(scene)
        asked += [SceneQuestion(number, *one) for one in texts]
    return Scenes(pictures, tuple(things), tuple(asked), grid)


def exchanges(
    count: int,
    *,
    seed: int,
    grid: int = 5,
    cell: int = 8,
    colors: int = 4,
    shapes: int = 3,
    noise: float = 0.05,
) -> Scenes:
    """Draw pictures in fours, about which one question has the answers of an exclusive or.

    A picture shows two things A and B, of two colours, and next to each, in the same direction,
    one of two things of a third colour and of two shapes. The question names one of the latter by
    its shape, and so asks for the colour of A or of B. The four pictures are: as laid out, with
    the colours of A and B exchanged, with the two shapes exchanged, and with both. An exchange
    changes the answer, and two take it back.

    Parameters
    ----------
    count : int
        Fours; there are 4 * count pictures, with a question each.
    seed, grid, cell, colors, shapes, noise
        As in `generate`; at least 3 colours.

    >>> four = exchanges(1, seed=2)
    >>> {question.text for question in four.questions}
    {'what color is the shape above the green triangle'}
    >>> [question.answer for question in four.questions]
    ['red', 'yellow', 'yellow', 'red']
    """
    _check(count, 1, grid, cell, colors, shapes, 0, 0, 1, noise)
    if colors < 3 or grid < 3:
        raise ValueError(f"colors and grid must be at least 3, got {colors} and {grid}")
    random = onp.random.RandomState([seed, 3])
    pictures, things, asked = [], [], []
    for _ in range(count):
        for scene, (text, answer, cells) in exclusive_or(random, grid, colors, shapes):
            asked.append(SceneQuestion(len(pictures), text, answer, cells))
            pictures.append(draw(scene, grid=grid, cell=cell, noise=noise, random=random))
            things.append(scene)
    return Scenes(onp.stack(pictures), tuple(things), tuple(asked), grid)


def _check(count, relations, grid, cell, colors, shapes, least, most, questions, noise) -> None:
    bounds = {
        "count": (count, 1, None),
        "relations": (relations, 0, 2),
        "grid": (grid, 2, len(NUMBERS)),
        "cell": (cell, 6, None),
        "colors": (colors, 2, len(COLORS)),
        "shapes": (shapes, 2, len(SHAPES)),
        "distractors": (most, 0, None),
        "distractors, the least,": (least, 0, most),
        "questions": (questions, 1, colors),
    }
    for name, (value, low, high) in bounds.items():
        whole = isinstance(value, int | onp.integer) and not isinstance(value, bool)
        if not whole or value < low or (high is not None and value > high):
            allowed = f"at least {low}" if high is None else f"from {low} to {high}"
            raise ValueError(f"{name} must be a whole number, {allowed}, got {value!r}")
    if not 0 <= noise < 1:
        raise ValueError(f"noise must be in [0, 1), got {noise!r}")
