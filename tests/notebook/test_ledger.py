"""The ledger: what is published is checked strictly, and each number of a table comes from a
file.
"""

import copy
import json
import re
from collections import Counter

import pytest
from pybtex.database import parse_file

from d2l_attention.datasets import babi, cache
from d2l_attention.notebook import experiment, ledger
from d2l_attention.notebook.ledger import bibliography, schema
from d2l_attention.notebook.ledger.words import Table, say, with_spread

ROOT = experiment.RESULTS.parent
PAPERS = sorted(path.stem for path in (ROOT / "results" / "papers").glob("*.json"))
every_system = pytest.mark.parametrize("name", PAPERS)

PUBLISHED = {
    "name": "x",
    "about": ["Ours has two seeds."],
    "here": ["This notebook has one."],
    "metrics": {
        "error_one": {
            "label": "error: one hop",
            "unit": "%",
            "decimals": 1,
            "paper": {"value": 62.0, "source": "sukhbaatar2015", "where": "table 1, column 9"},
            "chance": {"cell": "errors/1k/2"},
            "fails_if": "below 40",
            "differs": "paper: joint",
        },
        "mean_1k": {"label": "mean error", "unit": "%", "decimals": 1, "mean_of": "errors/1k"},
        "slope": {
            "label": "slope",
            "unit": "",
            "decimals": 2,
            "paper": {"value": "-4/5", "source": "stone1982"},
            "spread": "slope_band",
            "fails_if": "outside -0.83 to -0.77",
        },
        "ratio": {"label": "ratio", "unit": "times", "decimals": 1, "statistic": "median"},
        "shapes": {
            "label": "SHAPES",
            "unit": "%",
            "decimals": 1,
            "chance": {"what": "the majority", "measured": "majority"},
        },
    },
    "tables": {
        "errors": {
            "label": "Errors",
            "unit": "%",
            "decimals": 1,
            "row": "task",
            "limit": 5.0,
            "chance": "the most frequent answer",
            "variants": {
                "1k": {
                    "label": "1k",
                    "about": "1,000 questions",
                    "measured": "error_1k_task_{row}",
                    "chance": "chance",
                    "paper": {"column": "paper", "source": "sukhbaatar2015", "where": "table 1"},
                    "open": {"column": "again", "source": "khuc2016"},
                },
                "10k": {
                    "label": "10k",
                    "paper": {"column": "more", "source": "sukhbaatar2015"},
                },
            },
            "columns": ["task", "name", "chance", "paper", "again", "more"],
            "values": [
                [1, "one fact", 81.3, 0.0, 0.1, 0.0],
                [2, "two facts", 80.0, 8.3, 8.2, 0.3],
                [3, "three facts", 79.0, 40.3, None, 2.1],
            ],
        }
    },
}
MEASURED = {
    "error_one": [0.64, 0.66],
    "mean_1k": [0.043],
    "error_1k_task_1": [0.001],
    "error_1k_task_2": [0.085],
    "slope": [-0.8023],
    "slope_band": [0.0105],
    "ratio": [0.7, 1.0, 5.8],
    "shapes": [0.62, 0.64],
    "majority": [0.634],
}


@pytest.fixture
def made(tmp_path):
    """Writes a ledger's two files into a folder, and reads them."""

    def make(published=PUBLISHED, measured=MEASURED):
        (tmp_path / "results" / "papers").mkdir(parents=True, exist_ok=True)
        (tmp_path / "book").mkdir(exist_ok=True)
        text = (ROOT / "book" / "references.bib").read_text("utf-8")
        (tmp_path / "book" / "references.bib").write_text(text, "utf-8")
        (tmp_path / "results" / "papers" / "x.json").write_text(json.dumps(published))
        if measured is not None:
            # As files were written before: with a paper's number, which nobody reads
            metrics = {k: {"values": v, "paper": 99.0, "unit": "1"} for k, v in measured.items()}
            run = {
                "name": "x",
                "date": "2026-11-24",
                "versions": {"python": "3.11.7", "mxnet": "1.9.1"},
                "device": "running on the CPU",
                "minutes": 12.4,
                "seeds": [0, 1],
                "data": "generated",
                "metrics": metrics,
            }
            (tmp_path / "results" / "x.json").write_text(json.dumps(run))
        else:
            (tmp_path / "results" / "x.json").unlink(missing_ok=True)
        return ledger.Ledger("x", tmp_path)

    return make


# ------------------------------------------------------------------------------------- the table
def test_a_row_has_the_paper_ours_this_notebook_chance_and_what_would_be_a_failure(made):
    table = made().table({"error_one": [0.5, 0.7], "slope": -0.81})
    error, mean, slope, ratio, shapes = table.rows
    assert error == {
        "metric": "error: one hop",
        "paper": "62.0%",
        "best open code": "",
        "ours, at paper scale": "65.0% ± 1.4",
        "this notebook": "60.0% ± 14.1",
        "chance": "80.0%",
        "fails if": "below 40%",
        "what differs": "paper: joint",
    }
    # Over tasks 1 and 2, which were measured
    assert (mean["paper"], mean["best open code"], mean["chance"]) == ("4.2%", "4.2%", "80.7%")
    assert (slope["paper"], slope["ours, at paper scale"]) == ("-0.80", "-0.80 ± 0.01")
    assert slope["this notebook"] == "-0.81"
    assert (ratio["metric"], ratio["ours, at paper scale"]) == ("ratio, times", "1.0 (0.7 to 5.8)")
    assert shapes["chance"] == "63.4%"


def test_columns_that_nobody_fills_are_left_out(made):
    assert "this notebook" in made().table({"slope": -0.8}).columns
    assert "this notebook" not in made().table().columns
    assert "ours, at paper scale" not in made(measured=None).table().columns


def test_below_the_table_stand_the_sources_and_the_protocol(made):
    origin, protocol, about = made().table({"slope": -0.8}).sentences
    assert origin == (
        "Paper: [Sukhbaatar et al. (2015)](https://arxiv.org/abs/1503.08895), table 1; "
        "[Stone (1982)](https://doi.org/10.1214/aos/1176345969). "
        "Best open code: [Khuc (2016)](https://github.com/vinhkhuc/MemN2N-babi-python). "
        "Chance: the most frequent answer; the majority."
    )
    assert protocol.startswith(
        "Ours, at paper scale: generated; 2 seeds; 12 minutes, running on the CPU, 2026-11-24, "
        "Python 3.11.7, MXNet 1.9.1; `make results NAME=x` repeats it. "
    )
    assert about == "Ours has two seeds. This notebook has one."
    assert made().table().sentences[2] == "Ours has two seeds."
    assert "No run at paper scale" in made(measured=None).table().sentences[1]


def test_a_table_is_markdown_and_plain_lines(made):
    table = made().table()
    first, rule, row, *_ = table._repr_markdown_().splitlines()
    assert first == (
        "| metric | paper | best open code | ours, at paper scale | chance | fails if | what differs |"
    )
    assert rule == "|" + " --- |" * 7
    assert row.startswith("| error: one hop | 62.0% |  | 65.0% ± 1.4 | 80.0% | below 40% |")
    assert repr(table).splitlines()[0] == (
        "error: one hop: paper 62.0%; ours, at paper scale 65.0% ± 1.4; chance 80.0%; "
        "fails if below 40%; what differs paper: joint"
    )
    assert "](" not in repr(table) and "`" not in repr(table)
    assert "| a \\| b |" in Table([{"metric": "a | b"}]).markdown()


def test_a_failure_says_so(made):
    good = made()
    assert good.failures() == []
    bad = made(measured=MEASURED | {"error_one": [0.2, 0.4], "slope": [-0.7]})
    assert bad.failures() == ["error_one", "slope"]
    assert bad.table().rows[0]["ours, at paper scale"] == "30.0% ± 14.1 (**fails**)"


def test_this_notebook_may_give_only_what_is_published(made):
    with pytest.raises(ValueError, match=r"this_notebook .*papers/x.json, got nothing"):
        made().table({"nothing": 1.0})


def test_what_was_measured_and_is_not_declared_is_found(made):
    assert made().undeclared() == []
    assert made(measured=MEASURED | {"new": [1.0]}).undeclared() == ["new"]


@pytest.mark.parametrize(
    "given, value, said",
    [
        ({"decimals": 1, "unit": "%"}, 12.950000000000001, "13.0%"),
        ({"decimals": 1, "unit": "%"}, 12.949999999999999, "13.0%"),
        ({"decimals": 2, "unit": ""}, -0.8049, "-0.80"),
        ({"decimals": 2, "unit": ""}, -0.001, "0.00"),
        ({"decimals": 4, "unit": ""}, 0.005536, "0.0055"),
    ],
)
def test_numbers_have_a_decimal_point_and_their_digits(given, value, said):
    assert say(given, value) == said


def test_a_single_value_has_no_spread():
    assert with_spread({"decimals": 1, "unit": "%"}, [0.5]) == "50.0%"


# ------------------------------------------------------------------------------------- the pivot
def test_a_pivot_has_a_row_a_task_and_ends_with_means_and_failed_tasks(made):
    table = made().pivot()
    assert table.columns == ["task", "chance", "1k: paper", "1k: open code", "1k: ours", "10k"]
    assert table.rows[1] == {
        "task": "2 two facts",
        "chance": "80.0",
        "1k: paper": "8.3",
        "1k: open code": "8.2",
        "1k: ours": "8.5",
        "10k": "0.3",
    }
    assert "1k: ours" not in table.rows[2] and "1k: open code" not in table.rows[2]
    mean, above = table.rows[3:]
    assert (mean["1k: paper"], mean["1k: ours"], mean["10k"]) == ("4.2", "4.3", "0.8")
    assert (above["task"], above["1k: paper"], above["10k"]) == ("**above 5.0%**", "1", "0")
    said = table.sentences[0]
    assert "*1k*: 1,000 questions." in said and "1k is without task 3" in said
    assert "Sukhbaatar" in table.sentences[1]


def test_a_pivot_of_chosen_variants(made):
    assert made().pivot("errors", ["10k"]).columns == ["task", "10k"]
    with pytest.raises(ValueError, match="table must be one of errors"):
        made().pivot("other")
    with pytest.raises(ValueError, match="variants must be of 1k, 10k, got 2k"):
        made().pivot(variants=["2k"])


def test_plots_read_the_papers_numbers_in_the_unit_of_the_results(made):
    found = made().paper()
    assert found == pytest.approx(
        {
            "error_1k_task_1": 0.0,
            "error_1k_task_2": 0.083,
            "error_1k_task_3": 0.403,
            "error_one": 0.62,
            "mean_1k": 0.0415,
            "slope": -0.8,
        }
    )
    assert ledger.column("memory_networks", "1k_single", "open")[3] == 41.8
    assert len(ledger.column("memory_networks", "1k_single", "ours")) == 20
    assert ledger.column("memory_networks", "1k_joint_sentinel") == {}
    with pytest.raises(ValueError, match="variant must be one of 1k_single"):
        ledger.column("memory_networks", "2k")
    with pytest.raises(ValueError, match="side must be"):
        ledger.column("memory_networks", "10k", "theirs")


# ------------------------------------------------------------------------------------ the schema
def test_a_missing_file_and_a_wrong_name_are_refused(made):
    with pytest.raises(FileNotFoundError, match="nothing published is recorded for 'never'"):
        ledger.load("never")
    with pytest.raises(ValueError, match="lower-case"):
        ledger.load("../x")
    with pytest.raises(ValueError, match=r"x.json: name must be 'x', got 'y'"):
        made(PUBLISHED | {"name": "y"})


METRIC, TABLE = ("metrics", "error_one"), ("tables", "errors")
VARIANT = (*TABLE, "variants", "1k")
MISSING = object()


@pytest.mark.parametrize(
    "place, value, message",
    [
        (("metrics",), MISSING, "x.json: metrics is missing"),
        (("extra",), 1, "x.json: 'extra' is none of name, metrics"),
        ((*METRIC, "unit"), MISSING, "metrics: error_one: unit is missing"),
        ((*METRIC, "label"), 3, "error_one: label must be text, got 3"),
        ((*METRIC, "decimals"), 0, "error_one: decimals must be 1 or more, got 0"),
        ((*METRIC, "decimals"), True, "decimals must be a whole number, got True"),
        ((*METRIC, "papers"), {}, "error_one: 'papers' is none of"),
        ((*METRIC, "paper", "value"), "4/0", "paper: value must be a finite number or a frac"),
        ((*METRIC, "paper", "value"), float("nan"), "paper: value must be a finite number"),
        ((*METRIC, "paper", "source"), "nobody2020", "source 'nobody2020' is not in book/ref"),
        ((*METRIC, "paper"), {"value": 1.0}, "error_one: paper: source is missing"),
        ((*METRIC, "chance"), {"what": "?"}, "chance: either value or measured"),
        ((*METRIC, "chance"), {"value": 1.0}, "chance: what is missing"),
        ((*METRIC, "chance", "cell"), "errors/1k/9", "chance: cell: no row '9'"),
        ((*METRIC, "chance", "cell"), "errors/2k/1", "'errors/2k' is no variant of a table"),
        ((*METRIC, "chance", "cell"), "errors/10k/1", "chance: cell: its variant has no chance"),
        ((*METRIC, "fails_if"), "> 40", 'fails_if must be like "above 20"'),
        ((*METRIC, "statistic"), "mode", "statistic must be mean or median, got 'mode'"),
        (("metrics", "mean_1k", "mean_of"), "errors/2k", "mean_of: 'errors/2k' is no variant"),
        (
            ("metrics", "mean_1k", "paper"),
            {"value": 1.0, "source": "stone1982"},
            "mean_of says what paper is: leave it out",
        ),
        ((*TABLE, "columns"), ["name", "task"], "errors: the first of columns must be 'task'"),
        ((*TABLE, "columns", 3), "chance", "errors: columns must differ"),
        ((*TABLE, "values", 0), [1, "one"], r"values: \[1, 'one'\] must have 6 entries"),
        ((*TABLE, "values", 0, 3), "0.0", "values: paper of 1 is '0.0'"),
        ((*TABLE, "values", 0, 1), 5, "values: name of 1 is 5"),
        ((*TABLE, "values", 1, 0), 1, "values: a row is there twice"),
        ((*VARIANT, "measured"), "error", "variants: 1k: measured must hold {row}"),
        ((*VARIANT, "chance"), "luck", "'luck' is none of columns: task, name"),
        ((*VARIANT, "paper", "column"), "papr", "'papr' is none of columns"),
        ((*VARIANT, "open", "source"), "nobody", "1k: open: source 'nobody' is not in"),
    ],
)
def test_what_is_published_is_checked_strictly(made, place, value, message):
    published = copy.deepcopy(PUBLISHED)
    *path, last = place
    inner = published
    for step in path:
        inner = inner[step]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    with pytest.raises(ValueError, match=message):
        made(published)


@pytest.mark.parametrize(
    "rule, good, bad",
    [
        ("above 20", 20.0, 20.1),
        ("below 0.5", 0.5, 0.49),
        ("outside -0.83 to -0.77", -0.8, -0.76),
    ],
)
def test_a_rule_has_a_limit_and_a_direction(rule, good, bad):
    assert not schema.fails(rule, good) and schema.fails(rule, bad)


# --------------------------------------------------------------------------- the committed files
def test_every_system_that_was_measured_has_its_published_numbers():
    measured = {path.stem for path in experiment.RESULTS.glob("*.json")}
    assert measured and measured == set(PAPERS)


@every_system
def test_ours_does_not_fail_by_its_own_rule(name):
    read = ledger.Ledger(name)
    assert read.failures() == []
    rules = [key for key, metric in read.published["metrics"].items() if "fails_if" in metric]
    assert len(set(rules) & set(read.measured)) >= 3


@every_system
def test_all_that_was_measured_is_shown(name):
    assert ledger.Ledger(name).undeclared() == []


@every_system
def test_a_guess_fails_but_where_the_claim_is_that_something_does_not_work(name):
    """One hop, one head, no positions, no context, or sentences without a place for nothing, are
    meant to do badly, and a network no better than the kernel estimate.
    """
    read = ledger.Ledger(name)
    passed = []
    for key in read.published["metrics"]:
        metric = read.metric(key)
        value = metric.get("chance", {}).get("value")
        if "fails_if" not in metric or value is None:
            continue
        if not schema.fails(metric["fails_if"], schema.number(value)):
            passed.append(key)
    expected = {
        "bert": [],
        "bert_fine_tuning": [],
        "deep_sets": [
            "digit_sum_accuracy_100_gru",
            "digit_sum_accuracy_100_lstm",
            "outlier_accuracy_alone",
        ],
        "gpt": ["bank_forward"],
        "kernel_regression": ["network_over_kernel_error_50", "network_over_kernel_error_800"],
        "memory_networks": ["error_task_2_1_hops", "error_task_6_sentences"],
        "multi_head_attention": ["accuracy_average", "accuracy_1_heads", "accuracy_positions_none"],
        "neural_turing_machine": ["bit_error_20_lstm"],
        "pointer_networks": [],
        "segmentation": ["waters_generated_pixel"],
        "seq2seq": [],
        "stacked_attention": ["accuracy_1_hop"],
        "transformer": [],
    }
    assert passed == expected[name]


def test_no_result_holds_a_number_of_a_paper():
    for path in experiment.RESULTS.glob("*.json"):
        result = json.loads(path.read_text("utf-8"))
        left = [key for key, metric in result["metrics"].items() if "paper" in metric]
        assert left == [], path.name


def test_the_means_of_the_paper_are_those_that_it_prints():
    """Sukhbaatar et al. (2015), last but one line of table 1 and of the appendix; and those of
    the code that was run again.
    """
    printed = {"1k_single": 13.9, "1k_joint": 12.4, "10k": 4.2}
    for variant, mean in printed.items():
        values = ledger.column("memory_networks", variant).values()
        assert len(values) == 20 and sum(values) / 20 == pytest.approx(mean, abs=0.06)
    for variant, mean in {"1k_single": 13.8, "1k_joint": 12.4}.items():
        values = ledger.column("memory_networks", variant, "open").values()
        assert sum(values) / 20 == pytest.approx(mean, abs=0.06)


def test_task_names_are_those_of_the_data():
    rows = ledger.load("memory_networks")["tables"]["errors"]["values"]
    assert {row[0]: row[1] for row in rows} == babi.TASKS


@pytest.mark.parametrize("size, column", [("1k", "1k_single"), ("10k", "10k")])
def test_chance_is_the_error_of_the_most_frequent_answer(size, column, real_data, monkeypatch):
    def refuse(*args, **more):
        raise ConnectionError("tests never download")

    monkeypatch.setattr(cache, "fetch", refuse)
    for task, chance in ledger.column("memory_networks", column, "chance").items():
        try:
            asked = {split: babi.load(task, split, size=size) for split in ("train", "test")}
        except ConnectionError:
            pytest.skip(f"the cache has not all of task {task}, size {size}")
        training, test = ([q.answer for q in asked[split]] for split in ("train", "test"))
        given = Counter(training).most_common(1)[0][0]
        error = 100 * sum(answer != given for answer in test) / len(test)
        assert error == pytest.approx(chance, abs=0.051), task


# -------------------------------------------------------------------------------- the sources
def test_sources_are_called_as_in_the_bibliography():
    path = ROOT / "book" / "references.bib"
    found, entries = bibliography.read(path), parse_file(path).entries
    assert list(found) == list(entries)
    for key, (name, address) in found.items():
        persons = entries[key].persons["author"]
        last = persons[0].last_names
        plain = re.sub(r"\W", "", bibliography.plain(" ".join(persons[0].prelast_names + last)))
        assert re.sub(r"\W", "", name).startswith(plain), key
        assert f"({entries[key].fields['year']})" in name
        assert (" and " in name) == (len(persons) == 2) and ("et al." in name) == (len(persons) > 2)
        assert address == "" or address.startswith("https://"), key
