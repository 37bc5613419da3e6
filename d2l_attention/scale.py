"""One code path, two sizes: `quick` for a reader (a minute or two), `paper` for the
paper's own setting.

The environment variable `D2L_ATTENTION_SCALE` picks the size; a notebook holds both in
one call of `choose`. A paper-scale run records what it measured in `results/NAME.json`,
which the book's tables read.
"""

import datetime
import json
import math
import os
import platform
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

SCALES = ("quick", "paper")
RESULTS = Path(__file__).resolve().parents[1] / "results"


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
            "quick and paper must hold the same names; "
            f"only one of them has {', '.join(different)}"
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
) -> Path | None:
    """Write what a paper-scale run measured to `results/NAME.json`; at quick scale only
    check the arguments.

    Parameters
    ----------
    name : str
        Name of the system, as its notebook's: lower-case letters, digits and
        underscores.
    metrics : mapping
        `{KEY: {"values": [one per seed], "paper": the paper's number or None, "unit":
        "..."}}`. A value that no seed moves (a count, an exact solution) stands alone
        in its list. Mean and sample standard deviation (None for a single value) are
        added.
    minutes, seeds, data, device : float, list of int, str, str
        Wall time of the run, its seeds, the data set and `runtime.describe_device`'s
        sentence.

    Returns
    -------
    pathlib.Path or None
        The file that was written, whole or not at all; None at quick scale.

    Raises
    ------
    ValueError
        The name is not a plain name, a number is not finite, or a metric's values do
        not match the seeds.
    """
    _plain_name(name)
    if not (math.isfinite(minutes) and minutes >= 0):
        raise ValueError(f"minutes must be finite and not negative, got {minutes}")
    if not metrics:
        raise ValueError("metrics must not be empty")
    result = {
        "name": name,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "versions": {"python": platform.python_version()}
        | {p: version(p) for p in ("mxnet", "numpy")},
        "device": device,
        "minutes": round(float(minutes), 2),
        "seeds": [int(seed) for seed in seeds],
        "data": data,
        "metrics": {
            key: _summary(key, metric, len(seeds)) for key, metric in metrics.items()
        },
    }
    return _write(name, result) if SCALE == "paper" else None


def remember(name: str, key: str, run: Callable[[], Mapping]) -> dict:
    """Return what one of a system's many runs measured; at paper scale run it only if
    it never ran before.

    Hours of runs can so be stopped and taken up again, or be shared between processes.
    What a run measured is one line of `results/NAME.runs.jsonl`; delete the file to
    measure anew. At quick scale nothing is read or kept.

    Parameters
    ----------
    name, key : str
        System, and which of its runs.
    run : callable
        Trains and returns numbers (or lists of numbers) by name.

    Raises
    ------
    ValueError
        A line of the file cannot be read.
    """
    if SCALE == "quick":
        return dict(run())
    path = RESULTS / f"{_plain_name(name)}.runs.jsonl"
    known = _read_runs(path)
    if key not in known:
        known[key] = dict(run())
        line = json.dumps({"key": key, **known[key]}, allow_nan=False) + "\n"
        RESULTS.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    return known[key]


def load_runs(name: str) -> dict[str, dict]:
    """Return what `remember` has kept of a system's runs: {key: numbers by name}, in
    the order in which they ran.

    Raises
    ------
    FileNotFoundError
        No run of this system has been recorded.
    ValueError
        A line of the file cannot be read.
    """
    path = RESULTS / f"{_plain_name(name)}.runs.jsonl"
    if not path.is_file():
        raise FileNotFoundError(
            f"no runs for {name!r} ({path}): run its notebook with "
            "D2L_ATTENTION_SCALE=paper to record them"
        )
    return _read_runs(path)


def _read_runs(path: Path) -> dict[str, dict]:
    if not path.is_file():
        return {}
    runs = {}
    for number, line in enumerate(
        path.read_text(encoding="utf-8").splitlines(), start=1
    ):
        try:
            measured = json.loads(line)
            runs.setdefault(measured.pop("key"), measured)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} is not a run's record: delete that line"
            ) from error
    return runs


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ValueError(
            f"name must be lower-case letters, digits and underscores, got {name!r}"
        )
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
    if metric.keys() != {"values", "paper", "unit"}:
        raise ValueError(
            f"metric {key!r} must hold values, paper and unit, got {', '.join(metric)}"
        )
    values = [float(value) for value in metric["values"]]
    if len(values) not in (1, seeds):
        raise ValueError(
            f"metric {key!r} must have one value per seed ({seeds}) "
            f"or a single one, got {len(values)}"
        )
    paper = None if metric["paper"] is None else float(metric["paper"])
    if not all(map(math.isfinite, values if paper is None else [*values, paper])):
        raise ValueError(
            f"metric {key!r} must be finite, got values {values}, paper {paper}"
        )
    std = statistics.stdev(values) if len(values) > 1 else None
    return {
        "mean": statistics.fmean(values),
        "std": std,
        "values": values,
        "paper": paper,
        "unit": metric["unit"],
    }


def _write(name: str, result: dict) -> Path:
    RESULTS.mkdir(exist_ok=True)
    path, unfinished = RESULTS / f"{name}.json", RESULTS / f".{name}.json.part"
    unfinished.write_text(
        json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    return unfinished.replace(path)
