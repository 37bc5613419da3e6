"""The benchmarks compare equal answers, and say and return what the record and the
goals ask for. No test here looks at a time that was really measured.
"""

import doctest
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as onp
import pytest

pytest.importorskip("torch", reason="PyTorch, with which the benchmarks compare, is not installed")
pytest.importorskip("d2l.mxnet")
# Where `python -m benchmarks` finds it
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import __main__ as bench
from benchmarks import attention, memory_networks, record, report, timing
from benchmarks.record import Entry
from benchmarks.timing import Ratio

MODULES = {"attention": attention, "memory_networks": memory_networks}
CASE = "a block, 2 x 3"


# ------------------------------------------------------------------------------- timing
def test_each_turn_is_preceded_by_a_call_that_does_not_count():
    calls, rounds = [], []
    functions = {name: lambda name=name: calls.append(name) for name in ("one", "two")}
    seconds = timing.measure(
        lambda: functions,
        rounds=5,
        repeats=3,
        after_round=lambda: rounds.append(len(calls)),
    )
    assert rounds == [8, 16, 24, 32, 40]
    assert {len(values) for values in seconds.values()} == {5}
    turns = [calls[i : i + 4] for i in range(0, len(calls), 4)]
    assert all(len(set(turn)) == 1 for turn in turns)
    assert all(first[0] != second[0] for first, second in zip(turns[::2], turns[1::2], strict=True))


def test_the_fastest_call_of_a_turn_counts_in_processor_time(monkeypatch):
    # A call that does not count, which no clock sees, then three that take 5, 2 and 4
    clock = iter([0.0, 5.0, 10.0, 12.0, 20.0, 24.0])
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    assert timing.measure(lambda: {"a": int}, rounds=1, repeats=3)["a"].tolist() == [2.0]


def test_contestants_are_made_anew_every_few_rounds():
    made, called = [], []

    def contest():
        made.append(len(called))
        number = len(made)
        return {"a": lambda: called.append(number)}

    seconds = timing.measure(contest, rounds=5, repeats=1, renew=2)
    assert made == [0, 4, 8] and called == [1] * 4 + [2] * 4 + [3] * 2
    assert len(seconds["a"]) == 5


def test_ratio_is_taken_within_rounds():
    # The second round was disturbed
    ours, theirs = onp.array([1.0, 10.0, 3.0]), onp.array([2.0, 20.0, 6.0])
    assert timing.ratio(ours, theirs) == (0.5, 0.5, 0.5)
    assert timing.ratio(onp.arange(1.0, 6), onp.ones(5)) == (3, 2, 4)


# ----------------------------------------------------------------------------- the rule
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


# ----------------------------------------------------------------------------- the file
def entry(median: float = 1.0, **changes) -> Entry:
    """An entry for the benchmark below, measured here."""
    cases = {CASE: {"PyTorch": Ratio(median, median - 0.02, median + 0.02)}}
    changes = {"cases": cases} | changes
    return Entry(**{"date": "2026-01-01", "rounds": 30} | record.setup() | changes)


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


def test_the_committed_record_has_every_case_and_no_other():
    recorded = record.read(record.PATH)
    assert list(recorded) == bench.names() == list(MODULES)
    for name, module in MODULES.items():
        assert list(recorded[name].cases) == list(module.cases())
        assert recorded[name].rounds >= bench.ROUNDS
        for ratios in recorded[name].cases.values():
            assert ratios.keys() == module.GOALS.keys()


# ------------------------------------------------------------------------ what is printed
def test_another_setup_is_named_and_allows_more(monkeypatch):
    then = entry(device="an abacus", versions=record.setup()["versions"])
    cases = {CASE: {"PyTorch": Ratio(1.4, 1.39, 1.41)}}
    (line,) = report.compare(cases, {"PyTorch": 2.0}, then)
    assert line.marks == [] and line.slack == record.OTHER_SETUP
    origin = report.origin(then, [line])
    assert "an abacus" in origin and record.setup()["device"] in origin
    assert "larger spread" in origin
    (line,) = report.compare(cases, {"PyTorch": 2.0}, entry())
    assert line.marks == [report.WORSE] and line.slack == record.SAME_SETUP
    assert "larger spread" not in report.origin(entry(), [line])


@pytest.mark.parametrize("name", ["python", "torch"])
def test_other_versions_are_another_setup(name):
    versions = record.setup()["versions"]
    then = entry(versions=versions | {name: "0.1"})
    assert record.differences(then) == [f"{name} {versions[name]}"]
    del then.versions[name]
    assert record.differences(then) == [f"{name} {versions[name]}"]


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


# ---------------------------------------------------------------------- the entry point
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


# ----------------------------------------------------------------------- the benchmarks
@pytest.mark.parametrize("module", [timing, record, report])
def test_doctests(module):
    ran = doctest.testmod(module, extraglobs={"onp": onp})
    assert ran.failed == 0 and ran.attempted > 0


def test_every_benchmark_is_found_and_is_named_as_a_model():
    package = Path(__file__).resolve().parents[2] / "d2l_attention"
    assert bench.names() == sorted(MODULES)
    for name in bench.names():
        assert (package / name).is_dir() or (package / "models" / f"{name}.py").is_file()


def test_a_run_has_a_ratio_for_each_peer_and_shares_of_the_parts(monkeypatch, capsys):
    monkeypatch.setattr(attention, "SHAPES", [(3, 5, 16)])
    ratios, parts = bench.run("attention", rounds=2)
    assert list(ratios) == list(parts) == list(attention.cases())
    for case, peers in ratios.items():
        assert list(peers) == ["d2l", "PyTorch", "PyTorch, no weights"]
        assert all(0 < r.low <= r.median <= r.high for r in peers.values())
        products = {attention.PRODUCTS} if case.startswith("Attention") else set()
        assert parts[case].keys() == products
        assert all(share > 0 for part in parts[case].values() for share in part.values())
    assert "/8 [" in capsys.readouterr().err  # four cases of two rounds
    assert list(bench.run("attention", rounds=1, only={case})[0]) == [case]


@pytest.mark.parametrize("case", attention.cases())
def test_the_sizes_that_are_measured_give_the_same_answers(case):
    assert {"ours", *attention.GOALS} <= attention.cases()[case]().keys()


def test_different_answers_are_refused():
    same, other = onp.ones(3), onp.array([1, 1, 1.001])
    attention.check_same({"ours": [same], "d2l": [same + 1e-7]})
    with pytest.raises(AssertionError, match="d2l differs"):
        attention.check_same({"ours": [same], "d2l": [other]})


def test_a_memory_network_learns_in_the_benchmark_what_its_peer_learns(monkeypatch):
    monkeypatch.setattr(memory_networks, "STEPS", 4)
    monkeypatch.setattr(memory_networks, "MEMORY", 8)
    ratios, parts = bench.run("memory_networks", rounds=1)
    (case,) = memory_networks.cases()
    assert ratios[case].keys() == {"PyTorch"} and parts == {case: {}}
