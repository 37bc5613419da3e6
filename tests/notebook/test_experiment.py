"""Which settings are chosen at which scale, and that results are recorded only whole,
only finite, only at paper scale.
"""

import datetime
import importlib
import importlib.metadata
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from d2l_attention.notebook import experiment

METRICS = {"mse": {"values": [1.0, 2.0, 3.0], "unit": "1"}}
RUN = {
    "minutes": 12.345,
    "seeds": [0, 1, 2],
    "data": "generated",
    "device": "running on the CPU",
}


@pytest.fixture
def paper(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment, "SCALE", "paper")
    monkeypatch.setattr(experiment, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize(
    "value, expected", [(None, "quick"), ("quick", "quick"), ("paper", "paper")]
)
def test_the_environment_sets_the_scale(monkeypatch, value, expected):
    monkeypatch.delenv("D2L_ATTENTION_SCALE", raising=False)
    if value is not None:
        monkeypatch.setenv("D2L_ATTENTION_SCALE", value)
    monkeypatch.setattr(experiment, "SCALE", experiment.SCALE)  # as it was, afterwards
    importlib.reload(experiment)
    assert expected == experiment.SCALE


@pytest.mark.parametrize("value", ["", "Paper", "full"])
def test_another_scale_is_refused_on_import(monkeypatch, value):
    monkeypatch.setenv("D2L_ATTENTION_SCALE", value)
    with pytest.raises(ValueError, match="quick or paper"):
        importlib.reload(experiment)


@pytest.mark.parametrize("name, epochs", [("quick", 2), ("paper", 100)])
def test_choose_picks_the_settings_of_the_scale(monkeypatch, capsys, name, epochs):
    monkeypatch.setattr(experiment, "SCALE", name)
    settings = experiment.choose(quick={"epochs": 2}, paper={"epochs": 100})
    assert vars(settings) == {"epochs": epochs}
    assert capsys.readouterr() == ("", "")


def test_choose_refuses_settings_with_different_names():
    with pytest.raises(ValueError, match="batch, width"):
        experiment.choose(quick={"epochs": 2, "batch": 1}, paper={"epochs": 3, "width": 1})


def test_results_are_written_in_the_book_s_schema_and_read_back(paper):
    path = experiment.save_results("kernel_regression", METRICS, **RUN)
    assert path == paper / "kernel_regression.json"
    result = experiment.load_results("kernel_regression")
    assert list(result) == [
        "name",
        "date",
        "versions",
        "device",
        "minutes",
        "seeds",
        "data",
        "metrics",
    ]
    assert (
        result["versions"].keys() == {"python", "mxnet", "numpy"}
        and result["versions"]["mxnet"] == "1.9.1"
    )
    assert (result["name"], result["minutes"], result["seeds"]) == (
        "kernel_regression",
        12.35,
        [0, 1, 2],
    )
    assert result["metrics"]["mse"] == {
        "mean": 2,
        "std": 1,
        "values": [1, 2, 3],
        "unit": "1",
    }
    # No unfinished file is left
    assert [file.name for file in paper.iterdir()] == [path.name]


def test_a_single_value_has_no_spread(paper):
    experiment.save_results("x", {"count": {"values": [7], "unit": "parameters"}}, **RUN)
    assert experiment.load_results("x")["metrics"]["count"]["std"] is None


def test_the_number_of_a_paper_is_not_written(paper):
    """It stands in results/papers/; notebooks that still give it are understood."""
    experiment.save_results("x", {"mse": METRICS["mse"] | {"paper": 1.5}}, **RUN)
    assert "paper" not in experiment.load_results("x")["metrics"]["mse"]


def test_mxnet_and_numpy_numbers_are_plain_numbers_in_the_file(paper):
    from mxnet import np

    values = [np.array(0.5), np.array(0.25).asnumpy()[()], 1]
    experiment.save_results("x", {"mse": {"values": values, "unit": "1"}}, **RUN)
    assert json.loads((paper / "x.json").read_text())["metrics"]["mse"]["values"] == [
        0.5,
        0.25,
        1.0,
    ]


def test_quick_runs_write_nothing_but_check_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(experiment, "SCALE", "quick")
    monkeypatch.setattr(experiment, "RESULTS", tmp_path)
    assert experiment.save_results("x", METRICS, **RUN) is None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="name"):
        experiment.save_results("../x", METRICS, **RUN)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"name": "Kernel Regression"}, "name must be"),
        ({"name": "../outside"}, "name must be"),
        ({"metrics": {}}, "metrics must not be empty"),
        (
            {"metrics": {"mse": {"values": [1.0, 2.0, 3.0]}}},
            "must hold values and unit",
        ),
        (
            {"metrics": {"mse": {"values": [1.0], "unit": "1", "source": "x"}}},
            "must hold values and unit",
        ),
        (
            {"metrics": {"mse": {"values": [1.0, 2.0], "unit": "1"}}},
            "one value per seed",
        ),
        (
            {"metrics": {"mse": {"values": [], "unit": "1"}}},
            "one value per seed",
        ),
        (
            {"metrics": {"mse": {"values": [float("nan")], "unit": "1"}}},
            "must be finite",
        ),
        ({"minutes": float("nan")}, "minutes"),
        ({"minutes": -1}, "minutes"),
    ],
)
def test_bad_results_are_refused(paper, change, message):
    with pytest.raises(ValueError, match=message):
        experiment.save_results(**({"name": "x", "metrics": METRICS} | RUN | change))
    assert not paper.exists()


def test_missing_results_say_how_to_get_them(paper):
    with pytest.raises(FileNotFoundError, match="D2L_ATTENTION_SCALE=paper"):
        experiment.load_results("never_run")


# ---------------------------------------------------------------------------- many runs
def runs_of(*records, name="x", device=RUN["device"], reused=()):
    """Runs with these (key, date, minutes, error)."""
    fields = ("key", "date", "minutes", "error")
    records = [dict(zip(fields, record, strict=True)) for record in records]
    return SimpleNamespace(
        name=name,
        device=device,
        records={record["key"]: record | {"device": device} for record in records},
        reused=list(reused),
    )


TODAY = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
RUNS = runs_of(("b", "2026-11-22", 2.5, 0.5), ("a", "2026-11-20", 3.0, [0.25, 1]), reused=["a"])


def test_results_say_when_their_runs_were_measured(paper, capsys):
    experiment.save_results("x", METRICS, **RUN)
    plain = experiment.load_results("x")
    assert plain["date"] == TODAY and "runs" not in plain
    assert capsys.readouterr().out == ""
    experiment.save_results("x", METRICS, **RUN, runs=RUNS)
    result = experiment.load_results("x")
    assert result["date"] == "2026-11-22"
    assert result["runs"] == {"count": 2, "reused": 1, "oldest": "2026-11-20"}
    # 12.345 minutes of this execution, b's among them, and a's of an earlier one
    assert result["minutes"] == 15.35
    assert list(result)[-2:] == ["runs", "metrics"]
    assert capsys.readouterr().out == ("x: 1 of 2 runs reused, the oldest of 2026-11-20\n")


def test_the_record_holds_the_runs_of_this_execution_alone(paper, monkeypatch):
    paper.mkdir()
    (paper / "x.runs.jsonl").write_text('{"key": "old", "error": 1}\n')
    experiment.save_results("x", METRICS, **RUN, runs=RUNS)
    assert sorted(file.name for file in paper.iterdir()) == ["x.json", "x.runs.jsonl"]
    monkeypatch.setattr(experiment, "SCALE", "quick")
    runs = experiment.load_runs("x")
    assert list(runs) == ["b", "a"]
    assert runs["a"] == {
        "date": "2026-11-20",
        "minutes": 3.0,
        "error": [0.25, 1],
        "device": RUN["device"],
    }


def test_the_record_is_written_whole_or_not_at_all(paper, monkeypatch):
    experiment.save_results("x", METRICS, **RUN, runs=RUNS)
    before = {file: file.read_bytes() for file in paper.iterdir()}
    other = runs_of(("c", "2026-11-23", 1.0, 0.5))

    def stopped(self, text, **kwargs):
        with self.open("w") as file:
            file.write(text[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", stopped)
    with pytest.raises(KeyboardInterrupt):
        experiment.save_results("x", METRICS, **RUN, runs=other)
    assert {file: file.read_bytes() for file in paper.iterdir()} == before


def test_two_processes_may_write_one_file_at_the_same_time(tmp_path, monkeypatch):
    replace = Path.replace

    def after_another(unfinished, path):
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(os, "getpid", lambda: 1)
        experiment.write_whole(path, "another's")
        return replace(unfinished, path)

    monkeypatch.setattr(Path, "replace", after_another)
    experiment.write_whole(tmp_path / "x.json", "this one's")
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_text() == "this one's"


def test_quick_runs_leave_no_record_and_no_word(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(experiment, "SCALE", "quick")
    monkeypatch.setattr(experiment, "RESULTS", tmp_path)
    assert experiment.save_results("x", METRICS, **RUN, runs=RUNS) is None
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "runs, message",
    [
        (runs_of(), "at least one run"),
        (runs_of(("a", TODAY, 1.0, 0.5), name="y"), "must be those of x, .* of y"),
        (runs_of(("a", TODAY, 1.0, 0.5), device="running on GPU 0 of 1"), "GPU 0 of 1"),
    ],
)
def test_runs_of_something_else_are_refused_at_either_scale(monkeypatch, tmp_path, runs, message):
    monkeypatch.setattr(experiment, "RESULTS", tmp_path)
    for size in experiment.SCALES:
        monkeypatch.setattr(experiment, "SCALE", size)
        with pytest.raises(ValueError, match=message):
            experiment.save_results("x", METRICS, **RUN, runs=runs)
    assert list(tmp_path.iterdir()) == []


def test_results_do_not_depend_on_the_name_of_mxnet_s_build(monkeypatch):
    def unknown(name):
        raise importlib.metadata.PackageNotFoundError(name)  # as for mxnet-cu112

    monkeypatch.setattr(importlib.metadata, "version", unknown)
    assert experiment.versions()["mxnet"] == "1.9.1"


@pytest.mark.parametrize("line", ['{"key": "a", "err', "[1]", '{"error": 1}', "3"])
def test_a_damaged_record_is_refused(paper, line):
    paper.mkdir()
    (paper / "model.runs.jsonl").write_text('{"key": "b", "error": 1}\n' + line + "\n")
    with pytest.raises(ValueError, match=r"model.runs.jsonl, line 2"):
        experiment.load_runs("model")


def test_a_missing_record_says_how_to_get_it(paper):
    with pytest.raises(FileNotFoundError, match="no runs for 'model'"):
        experiment.load_runs("model")
    with pytest.raises(ValueError, match="name"):
        experiment.load_runs("../model")


@pytest.mark.parametrize(
    "path", sorted(experiment.RESULTS.glob("*.runs.jsonl")), ids=lambda path: path.name
)
def test_committed_records_are_read(path):
    runs = experiment.load_runs(path.name.removesuffix(".runs.jsonl"))
    assert runs and all("minutes" in run and len(run) > 1 for run in runs.values())
