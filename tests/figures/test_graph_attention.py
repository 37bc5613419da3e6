"""The karate club that the reader changes: friendships are made and ended by pointer and keys."""

import pytest

from tests.figures.every_figure import shown

pytestmark = pytest.mark.plumbing  # it needs a browser
FIGURE = ".d2l-figure"


@pytest.fixture
def opened(visit):
    return visit(shown("graph_attention"))


def told(opened, name):
    return opened.locator(FIGURE).get_attribute(f"data-{name}")


def member(opened, number):
    return opened.locator(f".member[aria-label^='member {number},']")


def test_it_begins_with_the_club_and_a_member_with_one_friend(opened):
    assert told(opened, "friends") == "78" and told(opened, "member") == "11"
    assert told(opened, "side") == "instructor" and int(told(opened, "right")) > 30
    assert opened.locator(".bar").count() == 2  # himself and the instructor
    assert opened.locator("line.own").count() == 1


def test_without_friends_nearly_all_stay_where_they_were(opened):
    opened.get_by_role("button", name="No friends").click()
    assert told(opened, "friends") == "0" and int(told(opened, "right")) > 30
    assert opened.locator(".bar").count() == 1
    opened.get_by_role("button", name="All friends").click()
    assert told(opened, "friends") == "78"


def test_member_11_stays_although_his_only_friend_is_the_president(opened):
    opened.locator("input[value=link]").check()
    for number in (11, 0, 11, 33):  # part the first two, join the others
        member(opened, number).click()
    assert told(opened, "friends") == "78" and told(opened, "member") == "11"
    assert "member 33" in opened.locator(".bars").text_content()
    assert told(opened, "side") == "instructor"
    opened.locator("input[value=constant]").check()
    assert told(opened, "side") == "instructor"


def test_by_keyboard(opened):
    member(opened, 0).focus()
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Enter")
    assert told(opened, "member") == "1"
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press(" ")
    assert told(opened, "member") == "33" and told(opened, "side") == "officers"


def test_the_same_member_twice_makes_no_friend(opened):
    opened.locator("input[value=link]").check()
    member(opened, 5).click()
    member(opened, 5).click()
    assert told(opened, "friends") == "78"


def test_a_head_is_chosen_where_there_are_several(opened):
    head = opened.locator("input[value='2']")
    head.check()
    assert head.is_checked()
    opened.locator("input[value=constant]").check()
    assert head.is_disabled()
