"""Sphinx extension: pages that need no network.

MathJax is copied from the installed package ``sphinx-mathjax-offline`` (only the files
that pages load), the script of thebe, which points at a public server, is dropped, and
launch buttons appear only when `_config.yml` knows the repository's address.
"""

import importlib.util
import shutil
from pathlib import Path

from docutils import nodes

MATHJAX_FILES = ("tex-chtml-full.js", "output/chtml/fonts/woff-v2")


def mathjax_folder() -> Path:
    """The folder of MathJax 3 inside the installed package (its name has hyphens: no
    import statement reaches it).
    """
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "sphinx-mathjax-offline is not installed: run `make book`, or install the lock"
        )
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(target: Path) -> None:
    """Copies the component and the fonts that a page loads, 2 MB of the package's 24,
    into ``target``.
    """
    for name in MATHJAX_FILES:
        source = mathjax_folder() / name
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target / name, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target / name)


def use_local_mathjax(app, config) -> None:
    config.mathjax_path = f"mathjax/{MATHJAX_FILES[0]}"
    config.mathjax_options = {"defer": "defer"}


def hide_launch_buttons(app, config) -> None:
    """Without an address the theme would fail on the buttons, and any link would be a
    guess.
    """
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = {}


def drop_thebe(app, pagename, templatename, context, doctree) -> None:
    """Jupyter Book always loads sphinx-thebe, whose scripts throw an error without
    their public server.
    """
    for kind in ("script_files", "css_files"):
        kept = [asset for asset in context.get(kind, []) if "thebe" not in _description(asset)]
        if kind in context:
            context[kind] = kept


def _description(asset) -> str:
    """File name and attributes (an inline script's body among them) of a script or
    style sheet, as one string.
    """
    return f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', '')}"


def keep_numbers(app, doctree) -> None:
    """Sphinx puts formulas of several lines into an environment of its own, `split`, in which a
    number (\\tag) is an error: those that have a number stay as they are written.
    """
    for formula in doctree.findall(nodes.math_block):
        text = formula.astext()
        if r"\tag" in text and r"\\" in text and not formula.get("nowrap"):
            formula["nowrap"] = True
            formula.clear()
            formula += nodes.Text(rf"\[{text}\]")


def copy_when_built(app, exception) -> None:
    if exception is None and app.builder.format == "html":
        copy_mathjax(Path(app.outdir, "_static", "mathjax"))


def setup(app) -> dict:
    app.connect("config-inited", use_local_mathjax)
    app.connect("config-inited", hide_launch_buttons)
    app.connect("doctree-read", keep_numbers)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_when_built)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
