"""What holds for all live figures: they compute what MXNet does, and work wherever the book is read."""

import base64
import io
import re

import numpy as onp
import pytest
from PIL import Image

from d2l_attention.figures import data, page
from tests.figures.every_figure import CASES, shown

every_figure = pytest.mark.parametrize("name", list(CASES))
trained = pytest.mark.parametrize("name", [n for n in CASES if n != "kernel_regression"])
browser = pytest.mark.plumbing  # it needs a browser
THEMES = {"light": ("#ffffff", "#222832"), "dark": ("#121212", "#ced6dd")}
LIVE = ".d2l-figure[data-ready] .live"


def test_every_figure_is_tested():
    assert set(CASES) == set(page.names())


# ------------------------------------------------------------------------------ what is computed
@browser
@every_figure
def test_compute_equals_mxnet(visit, name):
    states = CASES[name].states()
    assert len(states) == 100
    found = visit(shown(name)).evaluate(
        """([name, states]) => {
            const { weights } = document.querySelector(".d2l-figure").dataset;
            const network = weights ? JSON.parse(weights) : D2L.networks[name];
            return states.map((state) => D2L.figures[name].compute(network, state));
        }""",
        [name, states],
    )
    for result, expected in zip(found, CASES[name].answers(states), strict=True):
        assert set(expected) == set(result)
        for key, value in expected.items():
            if value is None:
                assert result[key] is None
            else:
                onp.testing.assert_allclose(result[key], value, atol=1e-4, rtol=0, err_msg=key)


# --------------------------------------------------------------------------- what a page carries
@trained
def test_weights_are_small_and_in_half_precision(name):
    settings, arrays = data.read(name)
    text = (page.FOLDER / "data" / f"{name}.js").read_text("utf-8")
    assert len(text) <= data.LARGEST
    assert text == data.script(name, settings, arrays)  # as `write` would write what it has read


@every_figure
def test_committed_output_has_a_picture_and_no_script(name):
    figure = shown(name)
    assert not re.search(r"https?://|<script|<style|float16", figure.markup)
    assert len(figure.markup) < 150_000
    contents = re.search(r'base64,([^"]*)"', figure.markup)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(contents)))
    assert picture.format == "PNG" and 700 <= picture.width <= 1152
    assert len(figure.label) > 40 and repr(figure) == f"Live figure: {figure.label}"


def test_figure_refuses_what_it_does_not_know(monkeypatch):
    with pytest.raises(ValueError, match=f"name must be one of {', '.join(sorted(CASES))}, got"):
        page.figure("kernel")
    with pytest.raises(ValueError, match="identifier must be a letter"):
        page.figure("memory_networks", identifier="1")
    with pytest.raises(TypeError, match="story"):
        page.figure("memory_networks", story=[])
    monkeypatch.setenv(page.MODE, "book")
    with pytest.raises(ValueError, match="D2L_ATTENTION_FIGURES must be page"):
        shown("memory_networks")._repr_html_()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"W": onp.full((1, 2), 1e6)}, "W must be finite"),
        ({"W": onp.ones((1, 2, 3))}, "W must be finite, with one or two axes"),
        ({"W": onp.ones((1000, 1000))}, "arrays must fit 600000 bytes"),
    ],
)
def test_weights_that_a_page_cannot_have(arrays, words):
    with pytest.raises(ValueError, match=words):
        data.script("some", {}, arrays)


# ------------------------------------------------------------------------------ where it is read
@browser
@every_figure
def test_without_scripts_and_in_print_there_is_a_picture(visit, name):
    still = visit(shown(name), java_script_enabled=False, viewport={"width": 390, "height": 844})
    assert still.locator(".d2l-figure > img").is_visible()
    assert still.locator(".d2l-figure > img").bounding_box()["width"] <= 390
    printed = visit(shown(name))
    assert not printed.locator(".d2l-figure > img").is_visible()
    printed.emulate_media(media="print")
    assert printed.locator(".d2l-figure > img").is_visible()
    assert not printed.locator(LIVE).is_visible()


@browser
@every_figure
@pytest.mark.parametrize("theme", THEMES)
def test_fits_a_phone_and_can_be_read(visit, name, theme):
    background, color = THEMES[theme]
    style = f"body {{ background: {background}; color: {color} }}"
    for width in (390, 320):
        opened = visit(shown(name), style=style, viewport={"width": width, "height": 844})
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        texts = opened.locator(LIVE).evaluate(TEXTS)
        assert len(texts) > 10
        for text, size, ratio in texts:
            assert size >= 11 and ratio >= 4.5, (text, size, ratio)


# Of each element with a text of its own: the text, its size, and its contrast with the page, or the
# colour that a weight of one has
TEXTS = """live => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const light = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const page = getComputedStyle(document.body).backgroundColor;
    const ground = (node) => {
        const tag = node.closest(".tag")?.querySelector("rect");
        if (tag) return getComputedStyle(tag).fill;
        if (!node.closest(".weight:not(.none)")) return "transparent";
        return getComputedStyle(node.closest(".weight")).backgroundImage.match(/(color|rgba?)\\([^)]*\\)/)[0];
    };
    const own = (node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const seen = [...live.querySelectorAll("*")].filter((node) => own(node) && node.checkVisibility());
    return seen.map((node) => {
        const style = getComputedStyle(node), colour = node instanceof SVGElement ? style.fill : style.color;
        const [a, b] = [light(page, ground(node), colour), light(page, ground(node))].sort((p, q) => q - p);
        return [node.textContent, parseFloat(style.fontSize), (a + 0.05) / (b + 0.05)];
    });
}"""


@browser
@every_figure
def test_every_control_is_reached_by_tab_and_shows_it(visit, name):
    opened = visit(shown(name))
    controls = opened.locator(LIVE).evaluate(
        """live => {
            const groups = new Set(), tabbed = "button, input, select, [tabindex='0']";
            return [...live.querySelectorAll(tabbed)].filter((node) => node.tabIndex === 0 &&
                !(node.type === "radio" && (groups.size === groups.add(node.name).size))).length;
        }"""
    )
    reached = set()
    for number in range(controls):
        opened.keyboard.press("Tab")
        found = opened.evaluate(FOCUS)
        assert found["live"] and found["visible"], found
        reached.add(number)
    opened.keyboard.press("Tab")
    assert not opened.evaluate(FOCUS)["live"] and len(reached) == controls > 3


FOCUS = """() => {
    const node = document.activeElement;
    const marked = [node, node.parentNode, node.querySelector?.(".halo")].filter(Boolean);
    const visible = marked.some((one) => {
        const style = getComputedStyle(one);
        return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2)
            || (one.matches?.(".halo") && style.strokeWidth === "2px" && style.stroke !== "none");
    });
    return { live: Boolean(node.closest(".live")), visible, node: node.outerHTML.slice(0, 200) };
}"""


@browser
@every_figure
def test_keys_do_not_turn_slides(visit, name):
    listener = "<script>document.addEventListener('keydown', () => { document.body.dataset.turned = '' })</script>"
    opened = visit(shown(name), head=listener)
    pressed = opened.locator(LIVE).evaluate(
        """live => {
            const nodes = [...live.querySelectorAll("button, input, [tabindex='0']")];
            const press = (key) => (node) => node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            for (const key of ["ArrowUp", "ArrowRight", "PageDown", "End", " "]) nodes.forEach(press(key));
            return nodes.length;
        }"""
    )
    assert pressed > 5
    assert opened.locator("body[data-turned]").count() == 0


@browser
@every_figure
def test_carries_its_scripts_where_there_is_no_page(visit, name, monkeypatch):
    monkeypatch.delenv(page.MODE)
    output = shown(name)._repr_html_()
    assert "</script>" in output
    opened = visit()
    opened.set_content(
        f"<!DOCTYPE html><body>{output}{shown(name, identifier='second')._repr_html_()}"
    )
    assert opened.locator(LIVE).count() == 2


@browser
@every_figure
def test_says_what_is_wrong_in_its_place(visit, name):
    opened = visit(shown(name))
    opened.evaluate(
        """name => {
            const root = document.querySelector(".d2l-figure");
            root.querySelector(".live").remove();
            delete root.dataset.ready;
            delete D2L.networks[name];
            if (root.dataset.weights) root.dataset.weights = "[1";
            D2L.addFigure(name, D2L.figures[name]);
        }""",
        name,
    )
    said = opened.locator(".d2l-figure > .problem")
    assert said.count() == 1 and said.text_content().startswith("The live figure cannot run: ")
    assert opened.locator(".d2l-figure > img").is_visible() and opened.locator(".live").count() == 0
