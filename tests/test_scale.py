"""Which settings are chosen at which scale, and that results are recorded only whole,
only finite, only at paper scale.
"""

import importlib
import json

import pytest

from d2l_attention import scale

METRICS = {"mse": {"values": [1.0, 2.0, 3.0], "paper": 1.5, "unit": "1"}}
RUN = {
    "minutes": 12.345,
    "seeds": [0, 1, 2],
    "data": "generated",
    "device": "running on the CPU",
}


@pytest.fixture
def paper(monkeypatch, tmp_path):
    monkeypatch.setattr(scale, "SCALE", "paper")
    monkeypatch.setattr(scale, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.mark.parametrize(
    "value, expected", [(None, "quick"), ("quick", "quick"), ("paper", "paper")]
)
def test_the_environment_sets_the_scale(monkeypatch, value, expected):
    monkeypatch.delenv("D2L_ATTENTION_SCALE", raising=False)
    if value is not None:
        monkeypatch.setenv("D2L_ATTENTION_SCALE", value)
    assert scale._read_scale() == expected


@pytest.mark.parametrize("value", ["", "Paper", "full"])
def test_another_scale_is_refused_on_import(monkeypatch, value):
    monkeypatch.setenv("D2L_ATTENTION_SCALE", value)
    with pytest.raises(ValueError, match="quick or paper"):
        importlib.reload(scale)


@pytest.mark.parametrize("name, epochs", [("quick", 2), ("paper", 100)])
def test_choose_picks_the_settings_of_the_scale(monkeypatch, capsys, name, epochs):
    monkeypatch.setattr(scale, "SCALE", name)
    settings = scale.choose(quick={"epochs": 2}, paper={"epochs": 100})
    assert vars(settings) == {"epochs": epochs}
    assert capsys.readouterr() == ("", "")


def test_choose_refuses_settings_with_different_names():
    with pytest.raises(ValueError, match="batch, width"):
        scale.choose(quick={"epochs": 2, "batch": 1}, paper={"epochs": 3, "width": 1})


def test_results_are_written_in_the_book_s_schema_and_read_back(paper):
    path = scale.save_results("kernel_regression", METRICS, **RUN)
    assert path == paper / "kernel_regression.json"
    result = scale.load_results("kernel_regression")
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
        "paper": 1.5,
        "unit": "1",
    }
    # No unfinished file is left
    assert [file.name for file in paper.iterdir()] == [path.name]


def test_a_single_value_has_no_spread(paper):
    scale.save_results(
        "x", {"count": {"values": [7], "paper": None, "unit": "parameters"}}, **RUN
    )
    assert scale.load_results("x")["metrics"]["count"]["std"] is None


def test_mxnet_and_numpy_numbers_are_plain_numbers_in_the_file(paper):
    from mxnet import np

    values = [np.array(0.5), np.array(0.25).asnumpy()[()], 1]
    scale.save_results(
        "x", {"mse": {"values": values, "paper": None, "unit": "1"}}, **RUN
    )
    assert json.loads((paper / "x.json").read_text())["metrics"]["mse"]["values"] == [
        0.5,
        0.25,
        1.0,
    ]


def test_quick_runs_write_nothing_but_check_all_the_same(monkeypatch, tmp_path):
    monkeypatch.setattr(scale, "SCALE", "quick")
    monkeypatch.setattr(scale, "RESULTS", tmp_path)
    assert scale.save_results("x", METRICS, **RUN) is None
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="name"):
        scale.save_results("../x", METRICS, **RUN)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"name": "Kernel Regression"}, "name must be"),
        ({"name": "../outside"}, "name must be"),
        ({"metrics": {}}, "metrics must not be empty"),
        (
            {"metrics": {"mse": {"values": [1.0, 2.0, 3.0]}}},
            "must hold values, paper and unit",
        ),
        (
            {"metrics": {"mse": {"values": [1.0, 2.0], "paper": None, "unit": "1"}}},
            "one value per seed",
        ),
        (
            {"metrics": {"mse": {"values": [], "paper": None, "unit": "1"}}},
            "one value per seed",
        ),
        (
            {
                "metrics": {
                    "mse": {"values": [float("nan")], "paper": None, "unit": "1"}
                }
            },
            "must be finite",
        ),
        (
            {"metrics": {"mse": {"values": [1.0], "paper": float("inf"), "unit": "1"}}},
            "must be finite",
        ),
        ({"minutes": float("nan")}, "minutes"),
        ({"minutes": -1}, "minutes"),
    ],
)
def test_bad_results_are_refused(paper, change, message):
    with pytest.raises(ValueError, match=message):
        scale.save_results(**({"name": "x", "metrics": METRICS} | RUN | change))
    assert not paper.exists()


def test_missing_results_say_how_to_get_them(paper):
    with pytest.raises(FileNotFoundError, match="D2L_ATTENTION_SCALE=paper"):
        scale.load_results("never_run")


# ---------------------------------------------------------------------------- many runs
def count(calls, **measured):
    """A run that counts how often it is run."""

    def run():
        calls.append(1)
        return measured

    return run


def test_a_run_that_has_been_recorded_is_not_run_again(paper):
    calls = []
    for _ in range(3):
        assert scale.remember("model", "task 1, seed 0", count(calls, error=0.25)) == {
            "error": 0.25
        }
    assert scale.remember("model", "task 1, seed 1", count(calls, error=0.5)) == {
        "error": 0.5
    }
    assert len(calls) == 2
    assert len((paper / "model.runs.jsonl").read_text().splitlines()) == 2


def test_an_interrupted_run_leaves_no_record(paper):
    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scale.remember("model", "a", broken)
    with pytest.raises(ValueError):
        scale.remember("model", "a", lambda: {"loss": float("nan")})
    calls = []
    assert (
        scale.remember("model", "a", count(calls, loss=1.0)) == {"loss": 1.0} and calls
    )


def test_quick_runs_are_always_run_and_never_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(scale, "SCALE", "quick")
    monkeypatch.setattr(scale, "RESULTS", tmp_path)
    calls = []
    for _ in range(2):
        assert scale.remember("model", "a", count(calls, error=1)) == {"error": 1}
    assert len(calls) == 2 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("line", ['{"key": "a", "err', "[1]", '{"error": 1}', "3"])
def test_a_damaged_record_is_refused(paper, line):
    paper.mkdir()
    (paper / "model.runs.jsonl").write_text('{"key": "b", "error": 1}\n' + line + "\n")
    with pytest.raises(ValueError, match=r"model.runs.jsonl, line 2"):
        scale.remember("model", "a", lambda: {"error": 1})


def test_names_of_runs_are_plain(paper):
    with pytest.raises(ValueError, match="name"):
        scale.remember("../model", "a", lambda: {})
    with pytest.raises(ValueError, match="name"):
        scale.load_runs("../model")


def test_kept_runs_are_loaded_in_their_order_at_either_scale(paper, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no runs for 'model'"):
        scale.load_runs("model")
    for key, error in (("b", 0.5), ("a", [0.25, 0.75])):
        scale.remember("model", key, lambda error=error: {"error": error})
    monkeypatch.setattr(scale, "SCALE", "quick")
    runs = scale.load_runs("model")
    assert runs == {"b": {"error": 0.5}, "a": {"error": [0.25, 0.75]}}
    assert list(runs) == ["b", "a"]
