"""How the parts of a network hang together, drawn as boxes and arrows."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as onp
from matplotlib.axes import Axes
from matplotlib.text import Text

from d2l_attention.notebook.style import COLORS

__all__ = ["diagram"]

MIDDLE = {"ha": "center", "va": "center"}


def diagram(
    boxes: dict[str, tuple[float, float, str]],
    arrows: Sequence[tuple[str, str, str]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the parts of a network hang together: boxes, and arrows between them.

    Parameters
    ----------
    boxes : dict of name: (x, y, text)
        Where the middle of a box is, x to the right and y upwards, and what is in it.
    arrows : sequence of (from, to, text)
        Names of two boxes, and what goes from one to the other; may be "".

    Raises
    ------
    ValueError
        There are no boxes, or an arrow names a box that is not there.

    >>> ax = diagram({"q": (0, 0, "question"), "a": (0, 1, "answer")}, [("q", "a", "$u$")])
    >>> [text.get_text() for text in ax.texts if text.get_text()]
    ['question', 'answer', '$u$']
    """
    if not boxes:
        raise ValueError("boxes must not be empty")
    for name in (name for arrow in arrows for name in arrow[:2]):
        if name not in boxes:
            raise ValueError(f"arrows must join boxes, and there is no box {name!r}")
    ax = plt.gca() if ax is None else ax
    frame = {"boxstyle": "round,pad=0.4", "fc": "white", "ec": COLORS["blue"]}
    drawn = {
        name: ax.text(x, y, text, bbox=frame, **MIDDLE) for name, (x, y, text) in boxes.items()
    }
    ax.set_axis_off()
    x, y = onp.array([place for *place, _ in boxes.values()]).T
    ax.set(xlim=(x.min() - 0.5, x.max() + 0.5), ylim=(y.min() - 0.5, y.max() + 0.5))
    ax.figure.canvas.draw()  # only now do the boxes know how large they are
    for start, end, text in arrows:
        _arrow(ax, drawn[start], drawn[end], text)
    return ax


def _arrow(ax: Axes, start: Text, end: Text, text: str) -> None:
    """Draw an arrow from box to box, and a text across it, or beside it if it is upright."""
    ends = [onp.array(box.get_position(), float) for box in (start, end)]
    frames = {"patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch()}
    ax.annotate("", ends[1], ends[0], arrowprops={"arrowstyle": "-|>", "fc": "black"} | frames)
    beside = {"ha": "left", "va": "center", "xytext": (6, 0)}
    across = MIDDLE | {"xytext": (0, 0), "backgroundcolor": "white"}
    style = beside if ends[0][0] == ends[1][0] else across
    ax.annotate(text, onp.mean(ends, axis=0), textcoords="offset points", **style)
