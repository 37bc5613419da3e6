"""A browser that opens figures on pages as the book has them, and listens for errors."""

import pytest

from book.publishing import live_figures
from tests.book.publishing import open_browser


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    """The folder with scripts and style sheets of all figures."""
    folder = tmp_path_factory.mktemp("static")
    live_figures.copy_assets(folder)
    return folder


@pytest.fixture
def visit(browser, static, tmp_path):
    """Open figures as a file:// page; afterwards there must be no console message,
    error or request.
    """
    contexts, problems = [], []

    def open_page(*figures, style="", head="", body="{}", **options):
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda request: problems.extend({request.url} - {page.url} - set(allowed(request.url))),
        )
        content = body.replace("{}", "<p>Text.</p>".join(figure.markup for figure in figures))
        file = tmp_path / f"page{len(contexts)}.html"
        text = (
            '<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<style>body {{ margin: 16px; font-family: sans-serif }} {style}</style>{head}</head>"
            f"<body>{content}</body></html>"
        )
        file.write_text(live_figures.with_scripts(text, static.as_uri()), encoding="utf-8")
        page.goto(file.as_uri())
        return page

    def allowed(url):
        return [url] if url.startswith(("file:", "data:")) else []

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
