"""Show a piece of the package in a notebook, so that the book never holds a copy that
can go stale.
"""

import functools
import inspect
import re
import textwrap
from pathlib import Path

from IPython.display import display
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

ORACLES = Path(__file__).resolve().parents[2] / "tests" / "oracles"

# Jupyter Book colours the class `highlight` itself. JupyterLab and Colab do not, so
# these rules, weaker than the book's, follow their light or dark theme. Every colour
# has a contrast of 4.5 or more on its page.
_STYLE = """<style>
.shown-source {--code: #1f2328; --keyword: #a6266e; --string: #0a5c36; --comment: #57606a; --name: #0550ae}
body[data-jp-theme-light="false"] .shown-source, html[theme="dark"] .shown-source, html[data-theme="dark"] .shown-source
{--code: #e6edf3; --keyword: #ff9bce; --string: #8ddb8c; --comment: #9ea7b3; --name: #8cc2ff}
.shown-source pre {color: var(--code); overflow-x: auto; line-height: 1.4}
.shown-source [class^="k"], .shown-source .ow {color: var(--keyword)}
.shown-source [class^="s"], .shown-source [class^="m"] {color: var(--string)}
.shown-source [class^="c"] {color: var(--comment); font-style: italic}
.shown-source .nc, .shown-source .nf, .shown-source .nd, .shown-source .fm {color: var(--name)}
</style>
"""


class Source:
    """Python source that a notebook shows highlighted, and everything else as plain
    text.
    """

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _STYLE + highlight(
            self.text, PythonLexer(), HtmlFormatter(cssclass="highlight shown-source")
        )


def show_source(obj, *more) -> None:
    """Display the source of functions, classes, methods or modules, each under the name
    of its file.

    Raises
    ------
    TypeError
        An object has no Python source: it is an instance, a built-in, or compiled.

    >>> from textwrap import shorten
    >>> show_source(shorten)  # doctest: +ELLIPSIS
    # textwrap.py
    def shorten(text, width, **kwargs):
        ...
    """
    texts, shown_file = [], None
    for each in (obj, *more):
        file, text = _file_and_source(each)
        texts.append(text if file == shown_file else f"# {file}\n{text}")
        shown_file = file
    display(Source("\n\n".join(texts)))


def show_oracle(name: str) -> None:
    """Display the same model in PyTorch, with which the tests compare ours: the file
    `tests/oracles/NAME.py` of the repository. PyTorch need not be installed.

    Raises
    ------
    TypeError, ValueError
        The name is not text, or is no plain name: letters, digits, underscores.
    FileNotFoundError
        There is no such file, as where the package was installed without the repository.

    >>> show_oracle("memory_networks")  # doctest: +ELLIPSIS
    # tests/oracles/memory_networks.py
    ...
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {type(name).__name__}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name must be letters, digits and underscores, got {name!r}")
    file = ORACLES / f"{name}.py"
    if not file.exists():
        there = ", ".join(sorted(path.stem for path in ORACLES.glob("*.py"))) or "none"
        raise FileNotFoundError(
            f"{file} is not there (only in a clone of the repository): {there} can be shown"
        )
    text = file.read_text(encoding="utf-8").rstrip()
    display(Source(f"# tests/oracles/{name}.py\n{text}"))


def _file_and_source(obj) -> tuple[str, str]:
    if isinstance(obj, functools.partial):
        raise TypeError(f"a partial has no source of its own: show {obj.func.__qualname__} instead")
    try:
        text = textwrap.dedent(inspect.getsource(obj)).rstrip()
    except (TypeError, OSError) as error:
        raise TypeError(f"{obj!r} has no Python source to show") from error
    module = obj.__name__ if inspect.ismodule(obj) else obj.__module__
    return module.replace(".", "/") + ".py", text
