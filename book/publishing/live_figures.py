"""Sphinx extension: the scripts of live figures, on the pages that hold one.

A notebook's output has a division that names its figure and a picture (`d2l_attention.figures`).
Here the page gets the kit, the trained weights and the figure's own script, as plain files that also
work from file://. The decks get the same from `with_scripts`.
"""

import re
import shutil
from pathlib import Path

from d2l_attention.figures import page

STATIC = "figures"  # the folder within _static
NAMED = re.compile(r'class="d2l-figure"[^>]* data-figure="(\w+)"')


def assets(html: str) -> list[str]:
    """Files that a page's figures need, each once, in the order in which to load them.

    Raises ValueError for a figure that the package does not have.
    """
    found = list(dict.fromkeys(NAMED.findall(html)))
    if unknown := set(found) - set(page.names()):
        raise ValueError(f"there is no live figure {', '.join(sorted(unknown))}")
    return list(dict.fromkeys(asset for name in found for asset in page.assets(name)))


def with_scripts(html: str, static: str) -> str:
    """A whole page, such as a deck, with the scripts of its figures before the end of its head.

    >>> with_scripts("<head></head>no figure", "_static/figures")
    '<head></head>no figure'
    """
    elements = [
        f'<link rel="stylesheet" href="{static}/{asset}">'
        if asset.endswith(".css")
        else f'<script defer src="{static}/{asset}"></script>'
        for asset in assets(html)
    ]
    return html.replace("</head>", "\n".join([*elements, "</head>"]), 1) if elements else html


def copy_assets(target: Path) -> None:
    """Copy scripts, style sheets and trained weights of all figures into a folder."""
    for asset in dict.fromkeys(asset for name in page.names() for asset in page.assets(name)):
        (target / asset).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page.FOLDER / asset, target / asset)


def add_to_page(app, pagename, templatename, context, doctree) -> None:
    for asset in assets(context.get("body", "")):
        if asset.endswith(".css"):
            app.add_css_file(f"{STATIC}/{asset}")
        else:
            app.add_js_file(f"{STATIC}/{asset}", loading_method="defer")


def copy_at_first(app) -> None:
    """Before pages are written, because their addresses carry the files' checksums."""
    if app.builder.format == "html":
        copy_assets(Path(app.outdir, "_static", STATIC))


def setup(app) -> dict:
    app.connect("builder-inited", copy_at_first)
    app.connect("html-page-context", add_to_page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
