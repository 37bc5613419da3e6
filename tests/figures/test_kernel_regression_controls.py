"""The figure of kernel regression in a browser: every number that it shows after a drag, a key or a touch is
compared with an independent NumPy estimate.
"""

import numpy
import pytest

from d2l_attention.figures import figure as live_figure
from tests.figures.kernel_regression_numbers import (
    KERNELS,
    assert_agrees,
    drag,
    figure,
    leave_one_out,
    nadaraya_watson,
    points,
    state,
)

pytestmark = pytest.mark.plumbing  # it needs a browser


PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


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
        assert float(page.locator("output[for]").text_content()) == state(page)["bandwidth"]


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


@pytest.mark.parametrize("kernel", KERNELS)
def test_leave_one_out_error_above_the_slider(visit, kernel):
    """A dot on the curve of errors, over the slider's thumb; no dot where the error is infinite."""
    page = visit(figure(kernel=kernel))
    lowest, highest = (
        float(page.locator(".bandwidth").get_attribute(end)) for end in ("min", "max")
    )
    for exponent in (-2, -0.3, 0.6):
        page.locator(".bandwidth").fill(str(exponent))
        error = assert_agrees(page)["error"]
        dots = page.locator(".errors .now")
        if numpy.isinf(error):
            assert dots.count() == 0 and page.locator("output.error").text_content() == "\u221e"
            assert "no neighbour" in page.locator(".errors").text_content()
            continue
        assert float(page.locator("output.error").text_content()) == pytest.approx(error, rel=5e-3)
        slider, dot = page.locator(".bandwidth").bounding_box(), dots.bounding_box()
        share = (numpy.log10(state(page)["bandwidth"]) - lowest) / (highest - lowest)
        thumb = slider["x"] + 11 + share * (slider["width"] - 22)
        assert dot["x"] + dot["width"] / 2 == pytest.approx(thumb, abs=1)
        assert distance_to_curve(page) < 1
    assert (kernel == "gaussian") == numpy.isfinite(leave_one_out(kernel, 0.01))


def distance_to_curve(page):
    """From the dot to the curve of errors, in pixels."""
    return page.evaluate("""() => {
        const curve = document.querySelector(".errors .line"), dot = document.querySelector(".errors .now");
        const length = curve.getTotalLength();
        const points = Array.from({ length: 2001 }, (_, k) => curve.getPointAtLength((k / 2000) * length));
        return Math.min(...points.map((p) => Math.hypot(p.x - dot.cx.baseVal.value, p.y - dot.cy.baseVal.value)));
    }""")


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_sliders_end_is_the_nearest_neighbour_for_the_gaussian_alone(visit, kernel):
    page = visit(figure(kernel=kernel))
    x, y = points()
    page.locator(".bandwidth").press("Home")
    page.locator(".grip").press("Home")
    for _ in range(20):  # over the whole interval
        page.locator(".grip").press("PageUp")
        now = assert_agrees(page)
        nearest = y[abs(x - now["query"]).argmin()]
        is_nearest = now["estimate"] != "none" and abs(now["estimate"] - nearest) < 0.02
        assert is_nearest or kernel != "gaussian"
    words = page.locator(".ends span").first.text_content()
    assert words == ("nearest neighbour" if kernel == "gaussian" else "no neighbours")


def test_the_question_comes_first_and_is_not_answered(visit):
    page = visit(figure())
    prompt = page.locator(".prompt")
    assert "Predict first" in prompt.text_content()
    assert prompt.get_by_role("radio").count() == 3
    assert not prompt.get_by_role("status").is_visible()
    before = state(page)
    prompt.get_by_role("radio").first.check()
    assert "find out" in prompt.get_by_role("status").text_content()
    assert state(page) == before


def test_keyboard(visit):
    page = visit(figure())
    page.keyboard.press("Tab")  # the question to be answered first
    assert page.evaluate("document.activeElement.value") == "mean"
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
        live_figure(
            "kernel_regression", x=[0, 1, 9, 10], y=[1, 2, 3, 4], bandwidth=1.5, kernel="boxcar"
        )
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
