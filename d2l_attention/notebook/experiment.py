"""One code path, two sizes: `quick` for a reader (a minute or two), `paper` for the
paper's own setting.

The environment variable `D2L_ATTENTION_SCALE` picks the size; a notebook holds both in
one call of `choose`. A paper-scale run records what it measured in `results/NAME.json`,
which the book's tables read. Where that takes many runs, `d2l_attention.notebook.runs` measures
them and keeps them for the next time.
"""

import datetime
import json
import math
import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as onp

if TYPE_CHECKING:
    from d2l_attention.notebook.runs import Runs

SCALES = ("quick", "paper")
RESULTS = Path(__file__).resolve().parents[2] / "results"


def _read_scale() -> str:
    scale = os.environ.get("D2L_ATTENTION_SCALE", "quick")
    if scale not in SCALES:
        raise ValueError(f"D2L_ATTENTION_SCALE must be quick or paper, got {scale!r}")
    return scale


SCALE: str = _read_scale()


def choose(*, quick: Mapping, paper: Mapping) -> SimpleNamespace:
    """Return the settings of the current scale, as attributes.

    Raises
    ------
    ValueError
        The two do not hold the same names.

    >>> settings = choose(quick={"epochs": 5}, paper={"epochs": 100})
    >>> settings.epochs in (5, 100)
    True
    """
    if different := sorted(quick.keys() ^ paper.keys()):
        raise ValueError(
            f"quick and paper must hold the same names; only one of them has {', '.join(different)}"
        )
    return SimpleNamespace(**{"quick": quick, "paper": paper}[SCALE])


def save_results(
    name: str,
    metrics: Mapping[str, Mapping],
    *,
    minutes: float,
    seeds: Sequence[int],
    data: str,
    device: str,
    runs: "Runs | None" = None,
) -> Path | None:
    """Write what a paper-scale execution measured to `results/NAME.json`, and its runs
    to `results/NAME.runs.jsonl`; at quick scale only check the arguments.

    Parameters
    ----------
    name : str
        Name of the system, as its notebook's: lower-case letters, digits and
        underscores.
    metrics : mapping
        `{KEY: {"values": [one per seed], "unit": "..."}}`. A value that no seed moves (a
        count, an exact solution) stands alone in its list. Mean and sample standard
        deviation (None for a single value) are added. What a paper reports stands in
        `results/papers/NAME.json`; a metric's `"paper"` is not written.
    minutes, seeds, data, device : float, list of int, str, str
        Wall time of this execution, its seeds, the data set and
        `devices.describe_device`'s sentence.
    runs : Runs, optional
        The runs that the metrics come from. Then the date is that of the newest run,
        the minutes of reused runs are added, the file says how many runs there are, how
        many of them were reused and the date of the oldest, and a line is printed.

    Returns
    -------
    pathlib.Path or None
        The file that was written, whole or not at all; None at quick scale.

    Raises
    ------
    ValueError
        The name is not a plain name, a number is not finite, a metric's values do not
        match the seeds, or the runs are none, or of another system or device.
    """
    plain_name(name)
    if not (math.isfinite(minutes) and minutes >= 0):
        raise ValueError(f"minutes must be finite and not negative, got {minutes}")
    if not metrics:
        raise ValueError("metrics must not be empty")
    result = {
        "name": name,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": versions(),
        "device": device,
        "minutes": round(float(minutes), 2),
        "seeds": [int(seed) for seed in seeds],
        "data": data,
    }
    result |= _of_runs(result, runs) if runs is not None else {}
    result["metrics"] = {key: _summary(key, metric, len(seeds)) for key, metric in metrics.items()}
    return _record(result, runs) if SCALE == "paper" else None


def _of_runs(result: dict, runs: "Runs") -> dict:
    """What a result says otherwise, or says too, because of its runs."""
    if (runs.name, runs.device) != (result["name"], result["device"]):
        raise ValueError(
            f"runs must be those of {result['name']}, {result['device']}, "
            f"got those of {runs.name}, {runs.device}"
        )
    if not runs.records:
        raise ValueError("runs must hold at least one run")
    dates = [record["date"] for record in runs.records.values()]
    earlier = sum(runs.records[key]["minutes"] for key in runs.reused)
    return {
        "date": max(dates),
        "minutes": round(result["minutes"] + earlier, 2),
        "runs": {
            "count": len(dates),
            "reused": len(runs.reused),
            "oldest": min(dates),
        },
    }


def _record(result: dict, runs: "Runs | None") -> Path:
    RESULTS.mkdir(exist_ok=True)
    name = result["name"]
    if runs is not None:
        lines = [json.dumps(record) + "\n" for record in runs.records.values()]
        write_whole(RESULTS / f"{name}.runs.jsonl", "".join(lines))
        count = "{reused} of {count} runs reused, the oldest of {oldest}"
        print(f"{name}: {count.format(**result['runs'])}")
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    return write_whole(RESULTS / f"{name}.json", text)


def versions() -> dict[str, str]:
    """Return the versions of Python, MXNet and NumPy, by their names in lower case."""
    import mxnet as mx  # its CUDA build has another name, so its metadata do not help

    return {
        "python": platform.python_version(),
        "mxnet": mx.__version__,
        "numpy": onp.__version__,
    }


def write_whole(path: Path, text: str) -> Path:
    """Write a text file whole or not at all, whatever stops the process, and whoever
    writes it at the same time.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        return unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def load_runs(name: str) -> dict[str, dict]:
    """Return the runs behind `results/NAME.json`, from `results/NAME.runs.jsonl`: {key:
    numbers by name, and date, device and minutes}, in the order in which they ran.

    Raises
    ------
    FileNotFoundError
        No run of this system has been recorded.
    ValueError
        A line of the file cannot be read.
    """
    path = RESULTS / f"{plain_name(name)}.runs.jsonl"
    if not path.is_file():
        raise FileNotFoundError(
            f"no runs for {name!r} ({path}): run its notebook with "
            "D2L_ATTENTION_SCALE=paper to record them"
        )
    runs = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
            runs[record.pop("key")] = record
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} is not a run's record: take the file from git "
                "again, or record the runs anew"
            ) from error
    return runs


def plain_name(name: str) -> str:
    """Return a system's name.

    Raises
    ------
    ValueError
        It is not lower-case letters, digits and underscores.
    """
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(f"name must be lower-case letters, digits and underscores, got {name!r}")
    return name


def load_results(name: str) -> dict:
    """Return what `results/NAME.json` holds.

    Raises
    ------
    FileNotFoundError
        No paper-scale run of this system has been recorded.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"no results for {name!r} ({path}): run its notebook with "
            "D2L_ATTENTION_SCALE=paper to record them"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def _summary(key: str, metric: Mapping, seeds: int) -> dict:
    if metric.keys() - {"paper"} != {"values", "unit"}:
        raise ValueError(f"metric {key!r} must hold values and unit, got {', '.join(metric)}")
    values = [float(value) for value in metric["values"]]
    if len(values) not in (1, seeds):
        raise ValueError(
            f"metric {key!r} must have one value per seed ({seeds}) "
            f"or a single one, got {len(values)}"
        )
    if not all(map(math.isfinite, values)):
        raise ValueError(f"metric {key!r} must be finite, got values {values}")
    std = statistics.stdev(values) if len(values) > 1 else None
    return {
        "mean": statistics.fmean(values),
        "std": std,
        "values": values,
        "unit": metric["unit"],
    }
