"""What is worse than recorded, and the file that holds the record."""

import doctest
import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import record
from benchmarks.timing import Ratio
from tests.benchmarks.records import CASE, entry


@pytest.mark.parametrize(
    ("now", "then", "slack"),
    [
        (Ratio(1.25, 1.25, 1.25), Ratio(1.0, 1.0, 1.0), 0.25),  # the slack decides
        (Ratio(1.5, 1.25, 1.75), Ratio(1.0, 1.0, 1.0), 0.25),  # the quartiles of now
        (Ratio(1.5, 1.5, 1.5), Ratio(1.0, 0.75, 1.25), 0.25),  # those of the record
        (Ratio(2.5, 2.5, 2.5), Ratio(2.0, 2.0, 2.0), 0.25),  # a share of the record
    ],
)
def test_worse_is_above_the_record_by_more_than_the_spread(now, then, slack):
    assert now.median == then.median + record.spread(now, then, slack)
    above = Ratio(now.median + 0.01, now.low, now.high)
    assert not record.is_worse(now, then, slack)
    assert record.is_worse(above, then, slack)
    assert not record.is_worse(then, then, 0.0)


def test_a_slowdown_of_a_third_shows_and_another_processor_asks_for_more():
    then, now = Ratio(1.0, 0.95, 1.05), Ratio(1.3, 1.24, 1.37)
    assert record.is_worse(now, then, record.slack("PyTorch", []))
    assert record.is_worse(now, then, record.slack("d2l", ["another processor"]))
    assert not record.is_worse(now, then, record.slack("PyTorch", ["python 3.13"]))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "recorded.json"
    assert record.read(path) == {}
    record.write(path, {"b": entry(0.5), "a": entry()})
    assert record.read(path) == {"a": entry(), "b": entry(0.5)}
    words = json.loads(path.read_text())
    assert list(words) == ["a", "b"] and "goal" not in path.read_text()
    ratio = words["a"]["cases"][CASE]["PyTorch"]
    assert ratio == {"median": 1.0, "quartiles": [0.98, 1.02]}


def test_a_record_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "recorded.json"
    record.write(path, {"a": entry()})
    with pytest.raises(ValueError, match="JSON"):
        record.write(path, {"a": entry(float("nan"))})

    def full(self, text, encoding):
        self.touch()
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="no space"):
        record.write(path, {"a": entry(2.0)})
    assert record.read(path) == {"a": entry()}
    assert [file.name for file in tmp_path.iterdir()] == ["recorded.json"]


GOOD = json.dumps({"a": entry().to_json()})
BROKEN = [
    GOOD[: len(GOOD) // 2],
    "[1, 2]",
    '{"a": 1}',
    GOOD.replace("cases", "ratios"),
    GOOD.replace('"rounds"', '"circles"'),
    GOOD.replace('"median": 1.0', '"median": "fast"'),
    GOOD.replace('"median": 1.0', '"median": NaN'),
    GOOD.replace('"median": 1.0', '"median": 2.0'),  # not between its quartiles
    GOOD.replace("[0.98, 1.02]", "[0.98]"),
]


@pytest.mark.parametrize("text", BROKEN)
def test_an_unreadable_record_gives_a_clear_error(text, tmp_path, monkeypatch, capsys):
    path = tmp_path / "recorded.json"
    path.write_text(text)
    monkeypatch.setattr(record, "PATH", path)
    monkeypatch.setattr(bench, "run", pytest.fail)  # before anything is measured
    for arguments in ([], ["--record"]):
        assert bench.main(arguments) == 2
        error = capsys.readouterr().err
        assert "recorded.json cannot be read" in error
        assert "make bench RECORD=1" in error and "Traceback" not in error
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["python", "torch"])
def test_other_versions_are_another_setup(name):
    versions = record.setup()["versions"]
    then = entry(versions=versions | {name: "0.1"})
    assert record.differences(then) == [f"{name} {versions[name]}"]
    del then.versions[name]
    assert record.differences(then) == [f"{name} {versions[name]}"]


def test_doctests():
    ran = doctest.testmod(record)
    assert ran.failed == 0 and ran.attempted > 0
