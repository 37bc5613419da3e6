"""The figure of kernel regression on pages of all kinds: books, notebooks, decks and print, phones and dark themes."""

import re

import pytest

from d2l_attention.figures import page as figure_page
from tests.figures.kernel_regression_numbers import (
    FIGURE,
    assert_agrees,
    drag,
    figure,
    nadaraya_watson,
    state,
)

pytestmark = pytest.mark.plumbing  # it needs a browser


def test_two_figures_on_a_page(visit):
    page = visit(figure(), figure(kernel="boxcar", identifier="second"))
    assert page.locator(f"{FIGURE}[data-ready]").count() == 2
    first = assert_agrees(page, 0)
    drag(page, 0.5, 0.8, index=1)
    page.locator("#second input[value=epanechnikov]").check()
    assert state(page, 0) == first
    assert assert_agrees(page, 1)["kernel"] == "epanechnikov"
    identifiers = page.evaluate("[...document.querySelectorAll('[id]')].map(node => node.id)")
    assert len(identifiers) == len(set(identifiers)) == 4
    assert page.locator("#kernel-regression input[value=gaussian]").is_checked()


def test_the_script_is_idempotent_and_leaves_one_global_name(visit):
    clean = visit().evaluate("Object.getOwnPropertyNames(window)")
    page = visit(figure(identifier="d2l"))
    names = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    assert names - set(clean) == {"D2L"}
    for script in ("kit.js", "kernel_regression.js"):
        page.evaluate((figure_page.FOLDER / script).read_text(encoding="utf-8"))
    assert page.locator(".live").count() == 1


def test_inserted_later_as_a_notebook_does(visit, monkeypatch):
    monkeypatch.delenv(figure_page.MODE)
    page = visit(body="<main></main>")
    page.evaluate(
        """text => {
            const main = document.querySelector("main");
            main.innerHTML = text; // its scripts do not run
            for (const old of main.querySelectorAll("script")) {
                const script = document.createElement("script");
                script.textContent = old.textContent;
                old.replaceWith(script);
            }
        }""",
        figure()._repr_html_(),
    )
    drag(page, 0.4, 0.7)
    assert assert_agrees(page)["query"] > 2.5


@pytest.mark.parametrize("script", [False, True])
def test_static_picture_without_scripts_and_in_print(visit, script):
    page = visit(figure(), java_script_enabled=script)
    picture = page.locator(f"{FIGURE} > img")
    assert picture.is_visible() == (not script)
    if script:
        page.emulate_media(media="print")
        assert not page.locator(".live").is_visible()
        assert picture.evaluate("image => image.naturalWidth") == 768
    assert picture.is_visible() and picture.bounding_box()["width"] > 400
    estimate = nadaraya_watson(2, "gaussian", 0.5)[1]
    assert picture.get_attribute("alt").endswith(f"{estimate:.2f} at x = 2.00.")


@pytest.mark.parametrize("width", [320, 390, 700, 1400])
def test_fits_the_page_with_readable_text(visit, width):
    page = visit(figure(query=-0.2), viewport={"width": width, "height": 844})
    for query in ("Home", "End"):
        page.locator(".grip").press(query)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = page.evaluate(
            """() => {
                const plot = document.querySelector(".plot").getBoundingClientRect();
                return [...document.querySelectorAll(".plot text, .plot rect")].filter((text) => text.getClientRects().length)
                    .map((text) => text.getBoundingClientRect())
                    .map((box) => Math.min(box.left - plot.left, plot.right - box.right, box.top - plot.top + 3));
            }"""
        )
        assert min(boxes) >= -0.5, "a text or its tag is cut off at the edge of the picture"
    sizes = page.evaluate(
        "[...document.querySelectorAll('.live text, .live span, .live label, .live output, .live .hint, .live button')]"
        ".map(node => parseFloat(getComputedStyle(node).fontSize))"
    )
    assert min(sizes) >= 11
    ratio = page.evaluate(
        "(p => p.viewBox.baseVal.width / p.clientWidth)(document.querySelector('.plot'))"
    )
    # So that a font size is what the reader sees
    assert ratio == pytest.approx(1, abs=0.01)


def test_follows_a_change_of_width(visit):
    page = visit(figure())
    wide = page.locator(".plot").bounding_box()["width"]
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('.plot').getBoundingClientRect().width < 370")
    assert wide > 500
    x = drag(page, 0.4, 0.7)
    line = page.locator(".query").bounding_box()
    assert abs(line["x"] + line["width"] / 2 - x) < 1.5


def test_in_a_hidden_part_of_the_page(visit):
    page = visit(figure(), body="<main style='display: none'>{}</main>")
    assert state(page)["estimate"] == pytest.approx(
        nadaraya_watson(2, "gaussian", 0.5)[1], abs=1e-6
    )
    page.evaluate("document.querySelector('main').style.display = 'block'")
    page.wait_for_selector(".plot .curve[d^=M]")
    drag(page, 0.4, 0.7)
    assert assert_agrees(page)["query"] > 2.5


def test_in_a_scaled_deck(visit):
    """Slides are scaled, and turn at arrow keys unless the figure keeps them to
    itself.
    """
    listener = "<script>document.addEventListener('keydown', () => { document.body.dataset.turned = '' })</script>"
    page = visit(
        figure(),
        head=listener,
        style="main { transform: scale(0.6); transform-origin: 30px 20px }",
        body="<main>{}</main>",
    )
    x = drag(page, 0.4, 0.7)
    line = page.locator(".query").bounding_box()
    assert abs(line["x"] + line["width"] / 2 - x) < 1.5
    before = assert_agrees(page)["query"]
    page.keyboard.press("ArrowRight")
    assert state(page)["query"] > before
    assert page.locator("body[data-turned]").count() == 0
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.locator("body[data-turned]").count() == 1


CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const paint = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    };
    const light = (...colours) => { const [r, g, b] = paint(...colours); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const page = getComputedStyle(document.body).backgroundColor;
    const ratio = (colour, ground) => {
        const [a, b] = [light(page, ground, colour), light(page, ground)].sort((p, q) => q - p);
        return (a + 0.05) / (b + 0.05);
    };
    const style = (selector, name) => getComputedStyle(document.querySelector(".live").querySelector(selector))[name];
    return {
        text: [ratio(style(".plot text", "fill"), page), ratio(style(".legend", "color"), page), ratio(style(".hint", "color"), page),
            ratio(style(".ends", "color"), page), ratio(style(".reading.estimate b", "color"), page), ratio(style("button", "color"), page),
            ratio(style(".kernels span", "color"), page), ratio(style(".nobody", "fill"), page),
            ratio(style(".tag.x text", "fill"), style(".tag.x rect", "fill")),
            ratio(style(".tag.y text", "fill"), style(".tag.y rect", "fill"))],
        shape: [ratio(style(".plot .curve", "stroke"), page), ratio(style(".plot .truth", "stroke"), page), ratio(style(".stem", "stroke"), page),
            ratio(style(".plot .mass", "stroke"), page), ratio(style(".query", "stroke"), page), ratio(style("button", "borderTopColor"), page)],
    };
}"""


@pytest.mark.parametrize(
    ("background", "colour"),
    [
        ("#ffffff", "#222832"),
        ("#121212", "#ced6dd"),
        ("#111111", "#ffffff"),
        ("#383838", "#d5d5d5"),
    ],
    ids=["light", "book dark", "JupyterLab dark", "Colab dark"],
)
def test_contrast(visit, background, colour):
    page = visit(figure(), style=f"body {{ background: {background}; color: {colour} }}")
    ratios = page.evaluate(CONTRAST)
    assert min(ratios["text"]) >= 4.5
    assert min(ratios["shape"]) >= 3


def test_dark_page_without_a_light_card(visit):
    card = 'html[data-theme="dark"] div.cell_output .text_html { background-color: #ced6dd; color: #222832 }'
    page = visit(
        figure(),
        style=f"body {{ background: #121212; color: #ced6dd; --pst-color-text-base: #ced6dd }} {card}",
        head="<script>document.documentElement.dataset.theme = 'dark'</script>",
        body='<div class="cell_output"><div class="text_html">{}</div></div>',
    )
    assert min(page.evaluate(CONTRAST)["shape"]) >= 3
    assert (
        page.locator(".text_html").evaluate("n => getComputedStyle(n).backgroundColor")
        == "rgba(0, 0, 0, 0)"
    )


def test_reduced_motion(visit):
    for choice, expected in (("reduce", "0s"), ("no-preference", "0.15s")):
        page = visit(figure(), reduced_motion=choice)
        assert (
            page.locator(".grip .halo").evaluate(
                "node => getComputedStyle(node).transitionDuration"
            )
            == expected
        )


def test_roles_and_names(visit):
    page = visit(figure())
    tree = page.locator(FIGURE).aria_snapshot()
    for line in (
        'slider "query x"',
        'slider "Bandwidth h"',
        'radiogroup "Kernel"',
        'button "Reset"',
        'radio "Gaussian" [checked]',
    ):
        assert line in tree
    assert re.search(
        r'img "Nadaraya-Watson regression of 50 points, gaussian kernel, bandwidth 0.50: x = 2.00, ',
        tree,
    )
