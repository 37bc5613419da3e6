"""The benchmarks compare equal answers, and each has a record."""

import numpy as onp
import pytest

from tests.book.publishing import ROOT

pytest.importorskip("torch", reason="PyTorch, with which the benchmarks compare, is not installed")
pytest.importorskip("d2l.mxnet")

from benchmarks import __main__ as bench
from benchmarks import (
    attention,
    bert,
    gpt,
    memory_networks,
    neural_turing_machine,
    pointer_networks,
    record,
    seq2seq,
    transformer,
)

MODULES = {
    "attention": attention,
    "memory_networks": memory_networks,
    "neural_turing_machine": neural_turing_machine,
    "pointer_networks": pointer_networks,
    "seq2seq": seq2seq,
    "transformer": transformer,
}
UNRECORDED = {"bert": bert, "gpt": gpt}  # until an idle machine has recorded them


def test_the_committed_record_has_every_case_and_no_other():
    recorded = record.read(record.PATH)
    assert list(recorded) == list(MODULES)
    for name, module in MODULES.items():
        assert list(recorded[name].cases) == list(module.cases())
        assert recorded[name].rounds >= bench.ROUNDS
        for ratios in recorded[name].cases.values():
            assert ratios.keys() == module.GOALS.keys()


def test_every_benchmark_is_found_and_has_the_name_of_what_it_measures():
    package = ROOT / "d2l_attention"
    assert bench.names() == sorted(MODULES | UNRECORDED)
    for name in bench.names():
        assert (package / "models" / f"{name}.py").is_file() or (package / name).is_dir()


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


@pytest.mark.parametrize("case", pointer_networks.cases())
def test_a_pointer_network_learns_and_writes_in_the_benchmark_what_its_peer_does(case, monkeypatch):
    monkeypatch.setattr(pointer_networks, "STEPS", 2)
    monkeypatch.setattr(pointer_networks, "BATCH", 8)
    assert pointer_networks.cases()[case]().keys() == {"ours", "PyTorch"}


def test_a_peer_that_writes_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(pointer_networks, "greedy", lambda *given: [()])
    monkeypatch.setattr(pointer_networks, "BATCH", 8)
    with pytest.raises(AssertionError):
        pointer_networks.write()


@pytest.mark.parametrize("case", seq2seq.cases())
def test_a_translator_learns_and_writes_in_the_benchmark_what_its_peer_does(case, monkeypatch):
    monkeypatch.setattr(seq2seq, "STEPS", 2)
    monkeypatch.setattr(seq2seq, "BATCH", 8)
    assert seq2seq.cases()[case]().keys() == {"ours", "PyTorch"}


def test_a_translation_that_is_another_is_refused(monkeypatch):
    monkeypatch.setattr(seq2seq, "greedy", lambda *given: [()])
    monkeypatch.setattr(seq2seq, "BATCH", 8)
    with pytest.raises(AssertionError):
        seq2seq.write()


@pytest.mark.parametrize("case", neural_turing_machine.cases())
def test_a_turing_machine_learns_in_the_benchmark_what_its_peer_learns(case, monkeypatch):
    monkeypatch.setattr(neural_turing_machine, "STEPS", 2)
    monkeypatch.setattr(neural_turing_machine, "BATCH", 4)
    assert neural_turing_machine.cases()[case]().keys() == {"ours", "PyTorch"}


def test_a_turing_machine_that_learns_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(neural_turing_machine, "STEPS", 1)
    monkeypatch.setattr(neural_turing_machine, "torch_epoch", lambda *given, **options: lambda: 0.0)
    with pytest.raises(AssertionError):
        neural_turing_machine.contest("feed-forward")


def test_the_transformers_layers_and_steps_give_the_same_answers(monkeypatch):
    monkeypatch.setattr(transformer, "WIDTHS", (16,))
    monkeypatch.setattr(transformer, "WORDS", 50)
    ratios, parts = bench.run("transformer", rounds=1)
    assert list(ratios) == ["encoder layer, 16", "decoder layer, 16", "training step, 16"]
    assert all(peers.keys() == transformer.GOALS.keys() for peers in ratios.values())
    assert parts["encoder layer, 16"].keys() == {transformer.PRODUCTS, transformer.D2L}


def test_bert_learns_in_the_benchmark_what_its_peer_learns(monkeypatch):
    for name, value in {"WIDTH": 16, "WORDS": 60, "BATCH": 4, "ITEMS": 20, "STEPS": 2}.items():
        monkeypatch.setattr(bert, name, value)
    ratios, _ = bench.run("bert", rounds=1)
    assert [peers.keys() for peers in ratios.values()] == [bert.GOALS.keys()]


@pytest.mark.parametrize("contest", gpt.cases().values(), ids=gpt.cases())
def test_a_gpt_learns_and_writes_in_the_benchmark_what_its_peer_does(contest, monkeypatch):
    monkeypatch.setattr(gpt, "WIDTH", 32)
    monkeypatch.setattr(gpt, "WRITTEN", 8)
    assert contest().keys() == {"ours", "PyTorch"}


def test_a_gpt_that_writes_something_else_is_refused(monkeypatch):
    monkeypatch.setattr(gpt, "WIDTH", 32)
    monkeypatch.setattr(gpt, "greedy", lambda *given: [()])
    with pytest.raises(AssertionError):
        gpt.write()
