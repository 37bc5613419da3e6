"""The live figure of pointer networks: exact answers, moving, adding and removing points."""

import re

import numpy as onp
import pytest

from d2l_attention.datasets import pointing
from d2l_attention.datasets.point_sets import convex_hull, shortest_tours, tour_length, uniform
from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = "[data-figure=pointer_networks]"


def told(page) -> dict:
    return page.locator(FIGURE).evaluate("figure => ({...figure.dataset})")


def verdict(page) -> str:
    return page.locator(".verdict").text_content()


def exact(page, name: str, points) -> list[int]:
    call = "([name, points]) => D2L.figures.pointer_networks[name](points)"
    return page.evaluate(call, [name, points.tolist()])


@pytest.mark.parametrize("n", [3, 4, 7, 10])
def test_the_exact_answers_are_exact(visit, n):
    page = visit(shown("pointer_networks"))
    for points in pointing.left_to_right(uniform(10, n, seed=n)).astype("float64"):
        assert exact(page, "hull", points) == convex_hull(points)
        tour = exact(page, "tour", points)
        (shortest,) = shortest_tours(points[None])
        assert sorted(tour) == list(range(n))
        assert tour_length(points, tour) == pytest.approx(tour_length(points, shortest))


def test_points_on_a_line_have_no_hull(visit):
    page = visit(shown("pointer_networks"))
    line = onp.linspace(0, 1, 5)[:, None] * [[1.0, 1.0]]
    assert len(exact(page, "hull", line)) == 2


def test_the_hull_that_is_shown_first(visit):
    page = visit(shown("pointer_networks"))
    found = told(page)
    assert found["task"] == "hull" and found["answer"].split()[0] == "1"
    assert verdict(page).startswith(f"The network says {found['answer'].replace(' ', ', ')}.")
    assert ("That is the hull" in verdict(page)) == (found["answer"] == found["exact"])


def test_a_tour_visits_every_point(visit):
    page = visit(shown("pointer_networks"))
    page.get_by_role("radio", name="shortest tour").check()
    assert sorted(told(page)["answer"].split()) == [str(i) for i in range(1, 9)]
    lengths = [float(number) for number in re.findall(r"\d\.\d+", verdict(page))]
    assert len(lengths) == 2 and lengths[0] >= lengths[1] - 1e-3 > 1


def test_keys_move_a_point_and_numbers_go_from_left_to_right(visit):
    page = visit(shown("pointer_networks"))
    grip = page.locator(".grip").first
    assert grip.locator("text").text_content() == "1"
    grip.focus()
    for _ in range(15):
        page.keyboard.press("ArrowRight")
    assert grip.locator("text").text_content() == "2"
    assert "x 0.23" in grip.get_attribute("aria-label")
    assert grip.evaluate("node => node === document.activeElement")


def test_drag_a_corner_inwards(visit):
    page = visit(shown("pointer_networks"))
    before = told(page)["exact"]
    grip = page.locator(".grip").nth(3)  # the lowest point
    box = grip.locator(".knob").bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + 3, box["y"] - 120, steps=4)
    page.mouse.up()
    assert told(page)["exact"] != before and "4" in before.split()
    assert "4" not in told(page)["exact"].split()


def test_add_and_remove_points_between_three_and_ten(visit):
    page = visit(shown("pointer_networks"))
    more, fewer = (page.get_by_role("button", name=name) for name in ("Add a point", "Remove one"))
    for count in (9, 10):
        more.click()
        assert page.locator(".grip").count() == count
    assert more.is_disabled()
    for _ in range(7):
        fewer.click()
    assert page.locator(".grip").count() == 3 and fewer.is_disabled()
    assert sorted(told(page)["exact"].split()) == ["1", "2", "3"]
    page.get_by_role("button", name="Reset").click()
    assert page.locator(".grip").count() == 8


def test_equal_points_have_no_right_answer(visit):
    page = visit(shown("pointer_networks"))
    first, second = page.locator(".grip").nth(0), page.locator(".grip").nth(1)
    for grip in (first, second):  # both into the corner at the lower left
        grip.focus()
        for key in ("ArrowLeft", "ArrowDown"):
            for _ in range(100):
                page.keyboard.press(key)
    assert verdict(page) == "Two points are the same: there is no right answer."


def test_a_step_shows_its_weights(visit):
    page = visit(shown("pointer_networks"))
    slider = page.get_by_label("Step")
    slider.focus()
    page.keyboard.press("Home")
    assert told(page)["step"] == "1"
    assert (
        page.locator(".bar.first span").first.text_content() == f"point {told(page)['answer'][0]}"
    )
    page.keyboard.press("End")
    assert page.locator(".bar.first span").first.text_content() == "end"
    radii = [
        float(r)
        for r in page.locator(".mass").evaluate_all("all => all.map(c => c.getAttribute('r'))")
        if r
    ]
    assert sum(r * r for r in radii[-8:]) / 26**2 <= 1.0001
