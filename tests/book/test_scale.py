"""The page on scale: its numbers are measured, its scripts have the form that bash and Kubernetes ask for."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
import yaml

from book.publishing import scale
from d2l_attention.distributed import launch
from tests.book.publishing import ROOT

PAGE = (ROOT / "book" / "scale.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = [block for kind, block in BLOCKS if kind == "bash" and block.startswith("#!/bin/bash")]
(MANIFESTS,) = [block for kind, block in BLOCKS if kind == "yaml"]
VARIABLES = {"DMLC_ROLE"} | {
    name for name in launch.environment(1, 1, 1) if name.startswith("DMLC_")
}


def made(*speeds: tuple) -> dict:
    """Results of as many rounds as there are tuples of words a second."""
    rounds = []
    for of_round in speeds:
        for name, words in zip(scale.ARRANGEMENTS, of_round, strict=True):
            memory = [100.0, 120.0][: max(1, scale.ARRANGEMENTS[name])]
            rounds.append(
                {"batch": 32, "arrangement": name, "words_per_second": words, "memory": memory}
            )
    machine = {"processor": "a processor", "cores": 2, "python": "3.12", "threads": "1"}
    return {"command": scale.COMMAND, "date": "2026-11-27", "machine": machine, "rounds": rounds}


def test_ratios_are_taken_within_a_round():
    """A machine that is twice as slow in one round changes none of them."""
    rows = scale.summary(made((100.0, 80.0, 150.0), (50.0, 40.0, 75.0), (100.0, 90.0, 140.0)))
    assert [row["ratio"] for row in rows] == [(1, 1, 1), (0.8, 0.8, 0.9), (1.5, 1.4, 1.5)]
    assert [row["memory"] for row in rows] == [100, 100, 120]


def test_the_table_and_the_figure_say_the_same():
    results = made((100.0, 80.0, 150.0), (100.0, 90.0, 140.0), (100.0, 85.0, 145.0))
    lines = scale.table(results).splitlines()
    assert "| 2 workers | 32 | 145 | 1.45 (1.40 to 1.50) | 120 MB |" in lines
    assert lines[-1].startswith("Medians of 3 rounds") and "a processor, 2 cores" in lines[-1]
    svg = ET.fromstring(scale.picture(results))
    texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:6] == ["batch 32, alone, no store", "1.00", "batch 32, 1 worker", "0.85",
                         "batch 32, 2 workers", "1.45"]  # fmt: skip
    assert "2 workers: 1.45" in svg.attrib["aria-label"]


def test_what_was_measured_has_all_rounds():
    results = scale.load(ROOT)
    if results is None:
        pytest.skip(f"{scale.RESULTS} is not there: {scale.COMMAND} writes it")
    keys = [(row["batch"], row["arrangement"]) for row in scale.summary(results)]
    assert keys == [(batch, name) for batch in scale.BATCHES for name in scale.ARRANGEMENTS]
    assert len(results["rounds"]) == scale.ROUNDS * len(keys)


def test_nothing_is_shown_where_nothing_was_measured(tmp_path):
    assert scale.load(tmp_path) is None
    (tmp_path / "results").mkdir()
    (tmp_path / scale.RESULTS).write_text(json.dumps(made((1.0, 1.0, 1.0))))
    assert scale.load(tmp_path)["date"] == "2026-11-27"


# ------------------------------------------------------------------------------------ its scripts
def test_there_are_two_scripts():
    assert len(SCRIPTS) == 2 and "ssh " in SCRIPTS[0] and "srun " in SCRIPTS[1]


@pytest.mark.parametrize("script", SCRIPTS, ids=["ssh", "slurm"])
def test_bash_can_read_them(script):
    subprocess.run([shutil.which("bash"), "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("text", [*SCRIPTS, MANIFESTS], ids=["ssh", "slurm", "kubernetes"])
def test_they_set_what_a_process_must_know(text):
    """Slurm's nodes find their own address."""
    needed = VARIABLES - ({"DMLC_NODE_HOST"} if "srun" in text else set())
    assert needed <= set(re.findall(r"DMLC_\w+", text))


def test_the_page_names_all_variables():
    table = set(re.findall(r"^\| .*", PAGE.partition("On a cluster")[2], re.MULTILINE))
    assert set(re.findall(r"DMLC_\w+", "\n".join(table))) >= VARIABLES


def test_the_manifests_fit_together():
    service, config, job = yaml.safe_load_all(MANIFESTS)
    assert [each["kind"] for each in (service, config, job)] == ["Service", "ConfigMap", "Job"]
    assert config["data"]["DMLC_PS_ROOT_URI"] == service["metadata"]["name"]
    assert int(config["data"]["DMLC_PS_ROOT_PORT"]) == service["spec"]["ports"][0]["port"]
    assert service["spec"]["clusterIP"] == "None"
    workers = job["spec"]["completions"]
    assert (
        str(workers) == config["data"]["DMLC_NUM_WORKER"] and workers == job["spec"]["parallelism"]
    )
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]
    assert all(isinstance(value, str) for value in config["data"].values())
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"]]
