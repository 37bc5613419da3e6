"""What gives pages and decks the scripts of their figures."""

import doctest
from types import SimpleNamespace

import pytest

from book.publishing import live_figures
from d2l_attention.figures import page
from tests.figures.every_figure import shown


def test_doctest():
    result = doctest.testmod(live_figures)
    assert result.attempted and not result.failed


def test_a_page_gets_the_files_of_its_figures_once_and_in_order():
    body = shown("kernel_regression").markup + shown("memory_networks").markup * 2
    found = live_figures.assets(body)
    assert len(found) == len(set(found)) and found[0] == "kit.css"
    scripts = [asset for asset in found if asset.endswith(".js")]
    assert scripts == [
        "kit.js",
        "kernel_regression.js",
        "data/memory_networks.js",
        "memory_networks.js",
    ]
    assert live_figures.assets("<p>kernel_regression</p>") == []


def test_a_deck_gets_them_before_the_end_of_its_head():
    deck = live_figures.with_scripts(
        f"<head></head>{shown('stacked_attention').markup}", "../_static/figures"
    )
    head = deck.partition("</head>")[0]
    assert '<script defer src="../_static/figures/data/stacked_attention.js"></script>' in head
    assert '<link rel="stylesheet" href="../_static/figures/stacked_attention.css">' in head


def test_a_figure_that_is_gone_fails_the_build():
    body = shown("kernel_regression").markup.replace('"kernel_regression"', '"gone"')
    with pytest.raises(ValueError, match="there is no live figure gone"):
        live_figures.assets(body)


def test_sphinx_pages(tmp_path):
    added = []
    app = SimpleNamespace(
        outdir=tmp_path,
        builder=SimpleNamespace(format="html"),
        add_css_file=added.append,
        add_js_file=lambda name, loading_method: added.append((name, loading_method)),
    )
    live_figures.copy_at_first(app)
    live_figures.add_to_page(app, "page", "", {"body": "no figure"}, None)
    assert added == []
    live_figures.add_to_page(app, "page", "", {"body": shown("kernel_regression").markup}, None)
    assert added[0] == "figures/kit.css" and ("figures/kit.js", "defer") in added
    for name in page.names():
        for asset in page.assets(name):
            assert (tmp_path / "_static" / "figures" / asset).read_bytes()
