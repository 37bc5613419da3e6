"""`python -m benchmarks`: what it measures again, its exit code, and what it writes."""

from types import SimpleNamespace

import pytest

from benchmarks import __main__ as bench
from benchmarks import record
from benchmarks.timing import Ratio
from tests.benchmarks.records import CASE, entry


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Two benchmarks of one case whose ratios are what `fake.ratios` says, and a record
    of its own.
    """
    case = SimpleNamespace(ratios={"first": 1.0, "second": 1.0}, ran=[])

    def run(name, rounds, only=None):
        assert only is None or only == {CASE}
        case.ran.append((name, rounds))
        ratio = case.ratios[name]
        if isinstance(ratio, list):
            ratio = ratio.pop(0)
        if isinstance(ratio, Exception):
            raise ratio
        return {CASE: {"PyTorch": Ratio(ratio, ratio - 0.02, ratio + 0.02)}}, {}

    module = SimpleNamespace(GOALS={"PyTorch": 1.5})
    monkeypatch.setattr(bench, "names", lambda: ["first", "second"])
    monkeypatch.setattr(bench, "run", run)
    monkeypatch.setattr(bench, "import_module", lambda name: module)
    monkeypatch.setattr(record, "PATH", tmp_path / "recorded.json")
    return case


def test_nothing_recorded_does_not_fail(fake, capsys):
    fake.ratios["second"] = 9.0
    assert bench.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count("not recorded yet: make bench RECORD=1") == 2
    assert "goal missed" in printed and not record.PATH.exists()


@pytest.mark.parametrize(("ratio", "code"), [(0.5, 0), (1.19, 0), (1.21, 1), (1.6, 1)])
def test_the_exit_code_tells_whether_a_ratio_is_worse_than_recorded(fake, ratio, code, capsys):
    record.write(record.PATH, {"first": entry(), "second": entry()})
    fake.ratios["first"] = ratio
    assert bench.main([]) == code
    missed = int(ratio > 1.5)
    summary = f"of 1 ratios: {code} worse than recorded, {missed} goal missed"
    assert summary in capsys.readouterr().out
    assert bench.main(["second", "second"]) == 0
    looks = [("first", 30)] * (1 + code)  # what is worse is measured again
    assert fake.ran == [*looks, ("second", 30), ("second", 30)]


@pytest.mark.parametrize(("looks", "code"), [([1.6, 1.0], 0), ([1.6, 1.3], 1), ([1.3, 1.6], 1)])
def test_of_two_looks_the_better_counts(fake, looks, code, capsys):
    record.write(record.PATH, {"first": entry()})
    best = min(looks)
    fake.ratios["first"] = looks
    assert bench.main(["first"]) == code and looks == []
    assert f"{best:.2f} ({best - 0.02:.2f} to" in capsys.readouterr().out


def test_a_missed_goal_does_not_fail(fake):
    record.write(record.PATH, {"first": entry(9.0)})
    fake.ratios["first"] = 9.0
    assert bench.main(["first"]) == 0


def test_other_answers_are_the_worst_and_the_rest_is_measured(fake, capsys):
    record.write(record.PATH, {"first": entry(), "second": entry()})
    before = record.PATH.read_text()
    fake.ratios = {"first": AssertionError("PyTorch differs"), "second": 9.0}
    for arguments in ([], ["--record"]):
        assert bench.main(arguments) == 2
        printed = capsys.readouterr()
        assert "first: the answers are not the same\nPyTorch differs" in printed.err
        assert "worse than recorded" in printed.out
    assert record.PATH.read_text() == before


def test_recording_keeps_what_is_not_measured_and_drops_what_is_no_more(fake):
    old = {"first": entry(2.0), "second": entry(2.0), "third": entry(2.0)}
    record.write(record.PATH, old)
    fake.ratios["first"] = 3.0
    assert bench.main(["first", "--record"]) == 0
    recorded = record.read(record.PATH)
    assert list(recorded) == ["first", "second"]
    assert recorded["first"].cases[CASE]["PyTorch"] == (3.0, 2.98, 3.02)
    assert recorded["second"] == old["second"]
    assert fake.ran == [("first", 30)]  # a record gets no second look


def test_a_copy_is_written_where_it_is_asked_for(fake, tmp_path):
    file = tmp_path / "speed.json"
    assert bench.main(["first", "--rounds", "3", "--output", str(file)]) == 0
    (copied,) = record.read(file).values()
    assert copied.rounds == 3 and not record.PATH.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["thrid"], "no benchmark thrid; there are first, second"),
        (["--rounds", "0"], "--rounds must be at least 1, got 0"),
        (["--rounds", "many"], "invalid int value: 'many'"),
        (["--record", "--rounds", "29"], "--record needs 30 rounds or more, got 29"),
        (["--output", "/nowhere/at/all.json"], "no folder"),
        (["--output", "/"], "must be a file"),
    ],
)
def test_wrong_arguments_are_refused(fake, arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments)
    assert stopped.value.code == 2 and fake.ran == []
    assert message in capsys.readouterr().err
