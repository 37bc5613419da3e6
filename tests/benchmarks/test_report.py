"""What the benchmarks print beside the record and the goals."""

import doctest

import pytest

from benchmarks import record, report
from benchmarks.timing import Ratio
from tests.benchmarks.records import CASE, entry


def comparison(now: float, then: float | None, goal: float = 10.0, width: float = 0.0):
    return report.Comparison(
        CASE,
        "PyTorch",
        Ratio(now, now, now + width),
        then and Ratio(then, then, then),
        goal=goal,
        slack=0.2,
    )


@pytest.mark.parametrize(
    ("numbers", "marks"),
    [
        ({"now": 1.0, "then": 1.0}, []),
        ({"now": 0.5, "then": 1.0}, []),
        ({"now": 1.19, "then": 1.0}, []),
        ({"now": 1.21, "then": 1.0}, ["worse than recorded"]),
        ({"now": 1.0, "then": 1.0, "goal": 1.0}, []),
        ({"now": 1.0, "then": 1.0, "goal": 0.99}, ["goal missed"]),
        ({"now": 1.0, "then": None, "goal": 0.5}, ["not recorded yet", "goal missed"]),
        ({"now": 1.0, "then": 1.0, "width": 0.31}, ["too unsteady to compare"]),
        ({"now": 2.0, "then": 1.0, "width": 0.7}, ["worse than recorded"]),
    ],
)
def test_marks(numbers, marks):
    line = comparison(**numbers)
    assert line.marks == marks and all(mark in line.row for mark in marks)


def test_a_row_shows_median_quartiles_record_spread_and_goal():
    row = report.Comparison(
        CASE, "d2l", Ratio(1.1, 1.0, 1.3), Ratio(0.9, 0.8, 1), goal=1.0, slack=0.2
    ).row
    for words in ("d2l", "1.10 (1.00 to 1.30)", "0.90 + 0.30", "1.0", "goal missed"):
        assert words in row


def test_other_versions_are_named_and_allow_more():
    versions = record.setup()["versions"] | {"python": "2.7"}
    then = entry(device=record.setup()["device"], versions=versions)
    cases = {CASE: {"PyTorch": Ratio(1.4, 1.39, 1.41)}}
    (line,) = report.compare(cases, {"PyTorch": 2.0}, then)
    assert line.marks == [] and line.slack == record.OTHER_SETUP
    assert "larger spread" in report.origin(then, [line])
    (line,) = report.compare(cases, {"PyTorch": 2.0}, entry())
    assert line.marks == [report.WORSE] and line.slack == record.SAME_SETUP
    assert "larger spread" not in report.origin(entry(), [line])


def test_on_another_processor_only_peers_in_mxnet_are_compared():
    numbers = {"PyTorch": Ratio(9.0, 8.9, 9.1), "d2l": Ratio(1.3, 1.29, 1.31)}
    then = {CASE: {peer: Ratio(1.0, 0.99, 1.01) for peer in numbers}}
    then = entry(cases=then, device="an abacus", versions=record.setup()["versions"])
    goals = {"PyTorch": 2.0, "d2l": 2.0}
    theirs, ours = report.compare({CASE: numbers}, goals, then)
    assert theirs.marks == [report.ELSEWHERE, report.MISSED] and ours.marks == [report.WORSE]
    assert "1.00 " in theirs.row and "inf" not in theirs.row
    origin = report.origin(then, [theirs, ours])
    assert "an abacus" in origin and record.setup()["device"] in origin
    assert report.summary([theirs, ours]).endswith("1 recorded on another processor")


def test_other_cases_than_the_recorded_are_named():
    now = {CASE: {"PyTorch": Ratio(9.0, 9.0, 9.0)}}
    then = entry(cases={"an old case": {"PyTorch": Ratio(1.0, 1.0, 1.0)}})
    lines = report.compare(now, {"PyTorch": 2.0}, then)
    assert lines[0].marks == ["not recorded yet", "goal missed"]
    origin = report.origin(then, lines)
    assert f"not recorded yet: {CASE}" in origin
    assert "no case any more: an old case" in origin
    assert "the cases are not the recorded ones: make bench RECORD=1" in origin
    assert "the cases" not in report.origin(entry(), lines)


def test_the_table_has_the_parts_of_ours_below_the_ratios():
    lines = [comparison(1.0, 1.0), comparison(2.0, 1.0)]
    parts = {CASE: {"the products alone": {"PyTorch": 0.7}}}
    header, heading, *rows, part = report.table(lines, parts).splitlines()
    assert all(word in header for word in ("now", "recorded", "goal"))
    assert heading == CASE and rows == [line.row for line in lines]
    assert part.strip() == "the products alone: 0.70 / PyTorch"
    assert report.summary(lines) == "of 2 ratios: 1 worse than recorded, 0 goal missed"


def test_doctests():
    ran = doctest.testmod(report)
    assert ran.failed == 0 and ran.attempted > 0
