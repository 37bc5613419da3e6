"""The speed benchmark runs, compares equal answers, and writes what it promises. No
test here looks at a time.
"""

import json
import sys
from pathlib import Path

import numpy as onp
import pytest

pytest.importorskip(
    "torch", reason="PyTorch, with which the benchmark compares, is not installed"
)
pytest.importorskip("d2l.mxnet")
# Where `python -m benchmarks.attention` finds it
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import attention, memory_networks, timing

PEERS = {"d2l", "PyTorch", "PyTorch, no weights"}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(attention, "SHAPES", [(3, 5, 16)])


def test_results_are_written(small, tmp_path, capsys):
    file = tmp_path / "speed.json"
    code = attention.main(["--rounds", "2", "--output", str(file)])
    results = json.loads(file.read_text())
    assert [(r["name"], r["shape"], r["masked"]) for r in results] == [
        (name, [3, 5, 16], masked)
        for name in ("Attention", "MultiHeadAttention")
        for masked in (False, True)
    ]
    for result in results:
        assert set(result) == {"name", "shape", "masked", "ratios", "spread", "floor"}
        assert set(result["floor"]) == (
            PEERS if result["name"] == "Attention" else set()
        )
        assert all(floor > 0 for floor in result["floor"].values())
        assert set(result["ratios"]) == set(result["spread"]) == PEERS
        for peer in PEERS:
            low, high = result["spread"][peer]
            assert 0 < low <= result["ratios"][peer] <= high
    above = sum(
        r["ratios"][peer] > attention.BOUNDS[peer] for r in results for peer in PEERS
    )
    assert code == (above > 0)
    printed = capsys.readouterr().out
    assert printed.count("*") == above + 1 and f"{above} of 12 ratios" in printed


@pytest.mark.parametrize(("bound", "code"), [(1e9, 0), (0.0, 1)])
def test_exit_code_tells_whether_a_bound_is_broken(bound, code, small, monkeypatch):
    monkeypatch.setattr(attention, "BOUNDS", dict.fromkeys(PEERS, bound))
    assert attention.main(["--rounds", "1"]) == code


@pytest.mark.parametrize("name", attention.SYSTEMS)
@pytest.mark.parametrize("masked", [False, True])
def test_the_shapes_that_are_measured_give_the_same_answers(name, masked):
    for shape in attention.SHAPES:
        # Raises AssertionError otherwise
        attention.compare(name, shape, masked, rounds=1)


def test_different_answers_are_refused():
    same, other = onp.ones(3), onp.array([1, 1, 1.001])
    attention.check_same({"ours": [same], "d2l": [same + 1e-7]}, "test")
    with pytest.raises(AssertionError, match="d2l differs"):
        attention.check_same({"ours": [same], "d2l": [other]}, "test")


def test_each_turn_is_preceded_by_an_untimed_call():
    calls = []
    functions = {name: lambda name=name: calls.append(name) for name in ("one", "two")}
    seconds = timing.measure(functions, rounds=5, repeats=3)
    assert len(calls) == 5 * 2 * 4 and {len(values) for values in seconds.values()} == {
        5
    }
    turns = [calls[i : i + 4] for i in range(0, len(calls), 4)]
    assert all(len(set(turn)) == 1 for turn in turns)
    assert all(
        first[0] != second[0]
        for first, second in zip(turns[::2], turns[1::2], strict=True)
    )


def test_ratio_is_taken_within_rounds():
    # The second round was disturbed
    ours, theirs = (onp.array([1.0, 10.0, 3.0]), onp.array([2.0, 20.0, 6.0]))
    assert timing.ratio(ours, theirs) == (0.5, [0.5, 0.5])


def test_a_memory_network_learns_in_the_benchmark_what_its_peer_learns(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(memory_networks, "STEPS", 4)
    monkeypatch.setattr(memory_networks, "MEMORY", 8)
    file = tmp_path / "speed.json"
    code = memory_networks.main(["--rounds", "1", "--output", str(file)])
    result = json.loads(file.read_text())
    low, high = result["spread"]
    assert 0 < low <= result["ratio"] <= high
    assert (
        code
        == (result["ratio"] > memory_networks.BOUND)
        == ("*" in capsys.readouterr().out)
    )
