"""The interactive figure, in a browser: every number it shows is compared with an
independent NumPy estimate.
"""

import doctest
import html
import json
import re
from pathlib import Path

import numpy
import pytest

from d2l_attention import interactive
from d2l_attention.figures.kernel_regression import kernel_regression_figure
from tests.book.publishing import open_browser

KERNELS = ("gaussian", "boxcar", "triangular", "epanechnikov")
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
FIGURE = ".d2l-kernel-regression"


def truth(x):
    return 2 * numpy.sin(x) + x**0.8


def points():
    generator = numpy.random.default_rng(7)
    x = generator.uniform(0, 5, 50)
    return x, truth(x) + generator.normal(0, 0.5, 50)


def nadaraya_watson(query, kernel, bandwidth, data=None):
    """Weights and estimate, written as the definition says; None where no kernel
    reaches a point.
    """
    x, y = points() if data is None else data
    u = abs(query - x) / bandwidth
    weights = {
        "gaussian": numpy.exp(-(u**2) / 2 + u.min() ** 2 / 2),
        "boxcar": numpy.where(u < 1, 1.0, 0.0),
        "triangular": numpy.where(u < 1, 1 - u, 0.0),
        "epanechnikov": numpy.where(u < 1, 1 - u**2, 0.0),
    }[kernel]
    if weights.sum() == 0:
        return weights, None
    weights = weights / weights.sum()
    return weights, float(weights @ y)


def figure(**arguments):
    return kernel_regression_figure(
        *points(), **{"truth": truth, "query": 2, "bandwidth": 0.5, **arguments}
    )


# -------------------------------------------------------------------- without a browser
def test_doctest():
    assert doctest.testmod(interactive).failed == 0


def test_html_is_deterministic_small_and_self_contained():
    text = figure().data
    assert text == figure().data
    assert len(text) < 64_000
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL).group(1)
    assert len(script.strip().splitlines()) < 250
    assert "//www.w3.org/2000/svg" in script
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", text)


def test_a_difference_in_the_last_bit_does_not_change_the_html():
    x, y = points()
    other = kernel_regression_figure(
        numpy.nextafter(x, 9),
        numpy.nextafter(y, 9),
        truth=truth,
        query=2,
        bandwidth=0.5,
    )
    assert other.data == figure().data


def test_payload_holds_the_points():
    payload = json.loads(html.unescape(re.search(r'data-figure="([^"]*)"', figure().data).group(1)))
    numpy.testing.assert_allclose([payload["x"], payload["y"]], points(), rtol=1e-11)
    # The power of a negative number: a gap
    assert next(value for _, value in payload["truth"]) is None


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("bandwidth", [0.03, 0.5, 40])
def test_static_estimate(kernel, bandwidth):
    queries = numpy.linspace(-0.3, 5.3, 57)
    weights, estimates = interactive._estimate(queries, *points(), bandwidth, kernel)
    for query, row, estimate in zip(queries, weights, estimates, strict=True):
        expected_weights, expected = nadaraya_watson(query, kernel, bandwidth)
        numpy.testing.assert_allclose(row, expected_weights, atol=1e-12)
        numpy.testing.assert_allclose(
            estimate, numpy.nan if expected is None else expected, atol=1e-12
        )


@pytest.mark.parametrize("kernel", KERNELS)
def test_weights_are_those_of_the_package(kernel):
    attention = pytest.importorskip("d2l_attention.attention")
    from mxnet import np

    x, y = points()
    # The last one is out of every compact kernel's reach
    queries = numpy.array([0.4, 2.0, 4.9, 9.0])
    score = getattr(attention, f"{kernel.capitalize()}Score")(bandwidth=0.7)
    score.initialize()
    scores = score(np.array(queries).reshape(1, -1, 1), np.array(x).reshape(1, -1, 1))
    weights = attention.masked_softmax(scores).asnumpy()[0]
    numpy.testing.assert_allclose(
        weights, interactive._estimate(queries, x, y, 0.7, kernel)[0], atol=2e-6
    )
    assert (weights[-1].sum() == 0) == (kernel != "gaussian")


def test_plain_text_says_what_the_figure_shows():
    estimate = nadaraya_watson(2, "gaussian", 0.5)[1]
    assert repr(figure()) == (
        "Interactive figure: Nadaraya-Watson estimate of 50 points, gaussian kernel, bandwidth 0.5: "
        f"{estimate:.2f} at x = 2.00."
    )
    assert "no neighbour within the bandwidth at x = 7.00" in repr(figure(query=7, kernel="boxcar"))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"x": [[0, 1]]}, ValueError, "x must have one axis"),
        (
            {"x": [0, 1, 2], "y": [1, 2]},
            ValueError,
            "x and y must have the same length",
        ),
        ({"x": [0], "y": [1]}, ValueError, "x must hold 2 to 1000 points"),
        (
            {"x": range(1001), "y": range(1001)},
            ValueError,
            "x must hold 2 to 1000 points",
        ),
        ({"x": [1, 1], "y": [1, 2]}, ValueError, "x must hold at least two different"),
        ({"y": [1, float("nan"), 2]}, ValueError, "y must be finite"),
        ({"y": ["a", "b", "c"]}, TypeError, "y must be an array of numbers"),
        ({"x": None}, ValueError, "x must have one axis"),
        ({"x": [[0, 1], [2]]}, TypeError, "x must be an array of numbers"),
        ({"truth": 3}, TypeError, "truth must be a function"),
        ({"truth": lambda x: 1.0}, ValueError, "truth must map"),
        (
            {"truth": lambda x: x * numpy.nan},
            ValueError,
            "truth must be finite somewhere",
        ),
        ({"query": "2"}, TypeError, "query must be a number"),
        ({"query": float("inf")}, ValueError, "query must be finite"),
        ({"bandwidth": 0}, ValueError, "bandwidth must be positive"),
        ({"bandwidth": -1}, ValueError, "bandwidth must be positive"),
        ({"bandwidth": [1, 2]}, TypeError, "bandwidth must be a number"),
        ({"bandwidth": True}, TypeError, "bandwidth must be a number"),
        ({"kernel": "cosine"}, ValueError, "kernel must be one of gaussian"),
        ({"kernel": ["boxcar"]}, ValueError, "kernel must be one of gaussian"),
        ({"identifier": '"><script>'}, ValueError, "identifier must be"),
        ({"identifier": 3}, ValueError, "identifier must be"),
    ],
)
def test_bad_arguments(arguments, error, words):
    arguments = {"x": [0, 1, 2], "y": [1, 3, 2], **arguments}
    with pytest.raises(error, match=words):
        kernel_regression_figure(arguments.pop("x"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
@pytest.mark.parametrize("shift", [0, 1e9])
def test_any_scale(scale, shift):
    if scale < 1e-3 and shift:
        pytest.skip("below the resolution of the numbers")
    x = [shift, shift + scale, shift + 2 * scale]
    text = kernel_regression_figure(x, [shift + scale] * 3).data
    payload = json.loads(html.unescape(re.search(r'data-figure="([^"]*)"', text).group(1)))
    assert 2 <= len(payload["xticks"]) <= 7
    assert x[0] - scale / 4 < payload["low"] < x[0] and x[2] < payload["high"] < x[2] + scale / 4
    assert payload["bottom"] < x[1] < payload["top"]


# ----------------------------------------------------------------------- with a browser
@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture
def visit(browser, tmp_path):
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
        content = body.replace("{}", "<p>Text.</p>".join(figure.data for figure in figures))
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(
            '<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<style>body {{ margin: 16px; font-family: sans-serif }} {style}</style>{head}</head>"
            f"<body>{content}</body></html>",
            encoding="utf-8",
        )
        page.goto(file.as_uri())
        return page

    def allowed(url):
        return [url] if url.startswith(("file:", "data:")) else []

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def state(page, index=0):
    values = page.locator(FIGURE).nth(index).evaluate("figure => ({...figure.dataset})")
    numbers = ("query", "bandwidth", "estimate", "effective", "largest")
    return {
        key: float(value) if key in numbers and value != "none" else value
        for key, value in values.items()
    }


def assert_agrees(page, index=0, data=None):
    """All the figure's numbers, hidden and shown, are those of NumPy for the query,
    kernel and bandwidth it names.
    """
    now = state(page, index)
    weights, estimate = nadaraya_watson(now["query"], now["kernel"], now["bandwidth"], data)
    node = page.locator(FIGURE).nth(index)
    assert now["largest"] == pytest.approx(weights.max(), abs=1e-6)
    if estimate is None:
        assert (now["estimate"], now["effective"]) == ("none", 0)
        assert node.locator(".reading.estimate b").text_content() == "none"
    else:
        assert now["estimate"] == pytest.approx(estimate, abs=1e-6)
        assert now["effective"] == pytest.approx(1 / (weights**2).sum(), rel=1e-6)
        shown = node.locator(".reading.estimate b").text_content().replace("\u2212", "-")
        assert float(shown) == pytest.approx(
            estimate, abs=0.501 * 0.1 ** len(shown.partition(".")[2])
        )
    return now


def drag(page, start, end, index=0):
    """Drag with the mouse between two fractions of the picture's width."""
    box = page.locator(f"{FIGURE} .plot").nth(index).bounding_box()
    y = box["y"] + 0.3 * box["height"]
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=4)
    page.mouse.up()
    return box["x"] + end * box["width"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_drag_moves_the_estimate(visit, kernel):
    page = visit(figure(kernel=kernel))
    before = assert_agrees(page)
    assert (before["query"], before["bandwidth"], before["kernel"]) == (2, 0.5, kernel)
    x = drag(page, 0.4, 0.75)
    after = assert_agrees(page)
    assert after["query"] > 2.5 and after["estimate"] != before["estimate"]
    line = page.locator(".query").bounding_box()
    assert abs(line["x"] + line["width"] / 2 - x) < 1.5  # the line is under the pointer
    page.mouse.move(x - 200, 300)
    assert state(page) == after  # let go is let go


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_bandwidth_and_kernel(visit, kernel):
    page = visit(figure())
    page.check(f"input[value={kernel}]")
    for exponent in (-2, -1.3, -0.7, -0.3, 0, 0.6, 1.7):
        page.locator(".bandwidth").fill(str(exponent))
        for end in (0.2, 0.5, 0.9):
            drag(page, 0.5, end)
            assert assert_agrees(page)["kernel"] == kernel
        assert state(page)["bandwidth"] == pytest.approx(10**exponent, rel=0.05)
        assert float(page.locator("output").text_content()) == state(page)["bandwidth"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_limits_of_the_bandwidth(visit, kernel):
    x, y = points()
    # At a point, so that compact kernels reach one
    page = visit(figure(kernel=kernel, query=x[3]))
    page.locator(".bandwidth").focus()
    page.keyboard.press("End")
    assert assert_agrees(page)["estimate"] == pytest.approx(y.mean(), abs=0.02)
    page.keyboard.press("Home")
    assert assert_agrees(page)["estimate"] == pytest.approx(y[3], abs=0.02)
    page.click("text=Reset")
    assert state(page)["bandwidth"] == 0.5 and state(page)["query"] == pytest.approx(x[3], abs=1e-9)


def test_keyboard(visit):
    page = visit(figure())
    page.keyboard.press("Tab")
    grip = page.get_by_role("slider", name="query x")
    assert grip.evaluate("node => node === document.activeElement")
    # Focus is visible
    assert grip.locator(".halo").evaluate("node => getComputedStyle(node).strokeWidth") == "2px"
    expected = 2.0
    for key, step in (
        ("ArrowRight", 0.05),
        ("ArrowUp", 0.05),
        ("PageUp", 0.5),
        ("ArrowLeft", -0.05),
        ("PageDown", -0.5),
    ):
        page.keyboard.press(key)
        expected += step
        assert assert_agrees(page)["query"] == pytest.approx(expected, abs=1e-9)
        assert float(grip.get_attribute("aria-valuenow")) == pytest.approx(expected, abs=1e-9)
    estimate = nadaraya_watson(expected, "gaussian", 0.5)[1]
    assert grip.get_attribute("aria-valuetext") == f"x = {expected:.2f}, estimate {estimate:.2f}"
    page.keyboard.press("Shift+ArrowRight")
    assert state(page)["query"] == pytest.approx(expected + 0.01, abs=1e-9)
    page.keyboard.press("End")
    assert state(page)["query"] == pytest.approx(
        float(grip.get_attribute("aria-valuemax")), abs=0.005
    )
    page.keyboard.press("Home")
    assert state(page)["query"] == pytest.approx(
        float(grip.get_attribute("aria-valuemin")), abs=0.005
    )
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert assert_agrees(page)["bandwidth"] == 0.56
    assert page.locator(".bandwidth").get_attribute("aria-valuetext") == "0.56"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert assert_agrees(page)["kernel"] == "boxcar"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert [state(page)[key] for key in ("query", "bandwidth", "kernel")] == [
        2,
        0.5,
        "gaussian",
    ]


def touch(page, path):
    """A finger that goes down at the first point of the path, moves along it and
    lifts.
    """
    session = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(path):
        kind = "touchMove" if number else "touchStart"
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y}]},
        )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_touch_drags_sideways_and_scrolls_upwards(visit):
    page = visit(figure(), body="{}<div style='height: 2000px'></div>", **PHONE)
    box = page.locator(".plot").bounding_box()
    y = box["y"] + 100
    touch(page, [(150 + 10 * k, y) for k in range(13)])
    after = assert_agrees(page)
    assert after["query"] > 3 and page.evaluate("scrollY") == 0
    touch(page, [(100, y + 200 - 20 * k) for k in range(12)])
    page.wait_for_function("scrollY > 50")
    assert state(page) == after
    page.evaluate("scrollTo(0, 0)")
    page.touchscreen.tap(100, y)
    assert assert_agrees(page)["query"] < 1.5


def test_tap_on_the_controls(visit):
    page = visit(figure(), **PHONE)
    page.tap("input[value=triangular]")
    assert assert_agrees(page)["kernel"] == "triangular"
    for selector in (".kernels label", "button", ".bandwidth"):
        assert page.locator(selector).first.bounding_box()["height"] >= 28
    assert page.locator(".grip .halo").bounding_box()["width"] >= 40


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_far_from_every_point(visit, kernel):
    page = visit(figure(query=9, kernel=kernel))
    assert assert_agrees(page)["estimate"] == "none"
    assert page.locator(".nobody").all_text_contents() == [
        "no neighbour",
        "within the bandwidth",
    ]
    assert page.locator(".nobody").first.is_visible()
    assert "no neighbour" in page.locator(".grip").get_attribute("aria-valuetext")
    for part in (".dot", ".level", ".tag.y"):
        assert not page.locator(part).last.is_visible()
    radii = page.locator(".plot .mass").evaluate_all(
        "nodes => nodes.map(node => node.r.baseVal.value)"
    )
    assert radii == [0] * 50
    page.check("input[value=gaussian]")
    assert assert_agrees(page)["estimate"] != "none"  # a Gaussian always has neighbours
    assert not page.locator(".nobody").first.is_visible() and page.locator(".dot").is_visible()


def test_gaussian_far_away_does_not_underflow(visit):
    page = visit(figure(query=30, bandwidth=0.1))
    # The plain formula divides zero by zero
    assert numpy.exp(-(((30 - 5) / 0.1) ** 2) / 2) == 0
    assert assert_agrees(page)["estimate"] == pytest.approx(points()[1][points()[0].argmax()])


def test_curve_has_a_gap_where_there_is_no_estimate(visit):
    page = visit(
        kernel_regression_figure([0, 1, 9, 10], [1, 2, 3, 4], bandwidth=1.5, kernel="boxcar")
    )
    curve = page.locator(".plot .curve").get_attribute("d")
    pieces = [
        [tuple(map(float, pair.split(","))) for pair in piece.split("L")]
        for piece in curve.split("M")[1:]
    ]
    assert len(pieces) == 2
    line = page.locator(".plot .base")
    left, right = (float(line.get_attribute(name)) for name in ("x1", "x2"))
    at = [-0.6 + (x - left) / (right - left) * 11.2 for x in (pieces[0][-1][0], pieces[1][0][0])]
    assert at == pytest.approx([2.5, 7.5], abs=0.05)


def test_areas_and_stems_show_the_weights(visit):
    page = visit(figure(kernel="triangular"))
    weights = nadaraya_watson(2, "triangular", 0.5)[0]
    radii = numpy.array(
        page.locator(".plot .mass").evaluate_all("nodes => nodes.map(n => n.r.baseVal.value)")
    )
    numpy.testing.assert_allclose(radii**2 / (radii**2).sum(), weights, atol=1e-5)
    heights = page.locator(".stem").evaluate_all(
        "nodes => nodes.map(n => n.y1.baseVal.value - n.y2.baseVal.value)"
    )
    heights = numpy.array(heights)
    numpy.testing.assert_allclose(heights / heights.sum(), weights, atol=1e-5)


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


def test_the_script_is_idempotent_and_leaves_no_global_name(visit):
    clean = visit().evaluate("Object.getOwnPropertyNames(window)")
    page = visit(figure(identifier="d2l"))
    names = set(page.evaluate("Object.getOwnPropertyNames(window)"))
    assert names - set(clean) == set()
    source = Path(interactive.__file__).with_name("interactive.js").read_text(encoding="utf-8")
    page.evaluate(source)
    assert page.locator(".live").count() == 1


def test_inserted_later_as_a_notebook_does(visit):
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
        figure().data,
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
        assert picture.evaluate("image => image.naturalWidth") == 520
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
