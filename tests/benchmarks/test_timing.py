"""What is timed, and in which order. No test here looks at a time that was really measured."""

import doctest

import numpy as onp

from benchmarks import timing


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


def test_doctests():
    ran = doctest.testmod(timing, extraglobs={"onp": onp})
    assert ran.failed == 0 and ran.attempted > 0
