"""`figure("NAME")`: a live figure as the output of a notebook's cell.

What is committed is a division with the figure's name and a picture, which shows where scripts do
not run: on GitHub, in print, in an untrusted notebook. Pages and decks load the scripts that put
the live figure in its place (book/publishing/live_figures.py). In Jupyter and Colab there is no such
page, so there the output carries them itself, unless D2L_ATTENTION_FIGURES=page, which `make
execute` and the tests set: then a change of a script or of trained weights changes no notebook.
"""

from __future__ import annotations

import base64
import html
import importlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "MODE", "Contents", "LiveFigure", "assets", "figure", "names", "picture"]

FOLDER = Path(__file__).parent  # where scripts and style sheets are
MODE = "D2L_ATTENTION_FIGURES"


@dataclass(frozen=True)
class Contents:
    """What a figure's module makes of the arguments of `figure`.

    Attributes
    ----------
    picture : bytes
        A PNG, twice as wide as it is shown (at most 576 pixels), and legible at 390 pixels.
    label : str
        What the picture shows, in words.
    data : dict or None
        What the script computes with, if that depends on the notebook; small, and written into its
        output. None for a figure with trained weights, which are in data/NAME.js.
    """

    picture: bytes
    label: str
    data: dict | None = None


class LiveFigure:
    """The output of a cell; `markup` is what is committed."""

    def __init__(self, name: str, identifier: str, contents: Contents):
        self.name, self.label = name, contents.label
        data = json.dumps(contents.data, separators=(",", ":"), allow_nan=False)
        data = f' data-weights="{html.escape(data)}"' if contents.data else ""
        picture = base64.b64encode(contents.picture).decode()
        self.markup = (
            f'<div class="d2l-figure" id="{identifier}" data-figure="{name}"{data}>'
            f'<img alt="{html.escape(contents.label)}" src="data:image/png;base64,{picture}"></div>'
        )

    def __repr__(self) -> str:
        return f"Live figure: {self.label}"

    def _repr_html_(self) -> str:
        mode = os.environ.get(MODE, "")
        if mode not in ("", "page"):
            raise ValueError(f"{MODE} must be page, or not set, got {mode!r}")
        return self.markup if mode else self.markup + inlined(self.name)


def figure(name: str, *, identifier: str | None = None, **arguments) -> LiveFigure:
    """Show a live figure of the book.

    Parameters
    ----------
    name : str
        The name of its system, such as "kernel_regression".
    identifier : str, optional
        The HTML id, different for each figure on a page: a letter, then letters, digits, "-" or
        "_"; the name, with hyphens, if not given.
    arguments
        What the figure takes, by keyword: `d2l_attention.figures.NAME.contents` says what.

    Raises
    ------
    TypeError, ValueError
        There is no such figure, or an argument is of the wrong kind or value; the message names it.

    >>> figure("kernel_regression", x=[0, 1, 2], y=[1, 3, 2], query=1, bandwidth=0.5)
    Live figure: Nadaraya-Watson estimate of 3 points, gaussian kernel, bandwidth 0.5: 2.68 at x = 1.00.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names())}, got {name!r}")
    identifier = name.replace("_", "-") if identifier is None else identifier
    if not isinstance(identifier, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", identifier):
        raise ValueError(
            f"identifier must be a letter, then letters, digits, '-' or '_', got {identifier!r}"
        )
    module = importlib.import_module(f"d2l_attention.figures.{name}")
    return LiveFigure(name, identifier, module.contents(**arguments))


def names() -> list[str]:
    """The figures that there are: each has a script of its name."""
    return sorted(path.stem for path in FOLDER.glob("*.js") if path.stem != "kit")


def picture(name: str) -> bytes:
    """The picture that `make execute FIGURES=1` took of a figure without arguments."""
    return (FOLDER / "pictures" / f"{name}.png").read_bytes()


def assets(name: str) -> list[str]:
    """The files that a figure needs, relative to `FOLDER`, in the order in which a page loads them."""
    candidates = ("kit.css", f"{name}.css", "kit.js", f"data/{name}.js", f"{name}.js")
    return [candidate for candidate in candidates if (FOLDER / candidate).exists()]


def inlined(name: str) -> str:
    """The same files as elements, for an output that has no page around it."""
    parts = []
    for asset in assets(name):
        element = "style" if asset.endswith(".css") else "script"
        parts.append(f"\n<{element}>\n{(FOLDER / asset).read_text('utf-8')}</{element}>")
    return "".join(parts)
