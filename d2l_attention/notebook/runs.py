"""Hours of runs that can be stopped and taken up again, or shared between processes.

At paper scale each run that `Runs.measure` has measured is kept in a file of its own,
outside git: `.runs/NAME/` in the repository's folder, or a folder that the environment
variable `D2L_ATTENTION_RUNS` names. The next execution reuses it as long as all that it
can depend on is the same: the package, the notebook's cells up to here, the versions of
Python, MXNet and NumPy, and the device (`d2l_attention.notebook.fingerprint`). To measure all runs
anew, remove the folder. One file a run, and not a line
in a common one, so that processes cannot disturb each other and damage stays where it
is.

What is published is another thing: `experiment.save_results` writes the runs of one execution
to `results/NAME.runs.jsonl`, the record of what stands in `results/NAME.json`, and says
how many of them were reused. Nothing reads that record in order to save a run.
"""

import datetime
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from d2l_attention.backend.devices import describe_device
from d2l_attention.notebook import experiment
from d2l_attention.notebook.fingerprint import fingerprint, package_code

ROOT = Path(__file__).resolve().parents[2]
# What a record says beside what it measured
STAMP = ("key", "date", "device", "minutes")
package_code()  # as it is now, and not when the first run is asked for


def folder() -> Path:
    """Return the folder of the kept runs; it need not exist yet. A relative
    `D2L_ATTENTION_RUNS` is taken from the repository's folder.
    """
    return ROOT / Path(os.environ.get("D2L_ATTENTION_RUNS") or ".runs").expanduser()


class Runs:
    """The runs of one system in one execution of its notebook.

    Parameters
    ----------
    name : str
        Name of the system, as its notebook's: lower-case letters, digits and
        underscores.
    device : mxnet.Context
        Where the runs compute.

    Attributes
    ----------
    records : dict
        {key: record} in the order of `measure`. A record is a dict: "key", "date" (of
        its measurement, UTC), "device" (a sentence), "minutes" (wall time), and the
        numbers by name.
    reused : list of str
        Keys of those that an earlier execution has measured; none at quick scale.

    Raises
    ------
    ValueError
        The name is not a plain name.

    Examples
    --------
    >>> import mxnet as mx
    >>> def run(seed):
    ...     return {"error": 0.25 + seed}
    >>> runs = Runs("example", device=mx.cpu())
    >>> [runs.measure(f"seed {seed}", run, seed) for seed in (0, 1)]
    [{'error': 0.25}, {'error': 1.25}]
    """

    def __init__(self, name: str, *, device):
        self.name, self.device = experiment.plain_name(name), describe_device(device)
        self.records: dict[str, dict] = {}
        self.reused: list[str] = []
        self._arguments: dict[str, tuple] = {}
        if experiment.SCALE == "paper":  # fails now, and not after the first hour
            (folder() / name).mkdir(parents=True, exist_ok=True)

    def measure(self, key: str, run: Callable[..., Mapping], *arguments) -> dict:
        """Return what `run(*arguments)` measures; at paper scale, call it only if no
        execution has done so before.

        Parameters
        ----------
        key : str
            Which of the system's runs this is: "task 1, seed 0".
        run : callable
            Returns numbers, or lists of numbers, by name. Whatever else it does is lost
            when the run is reused.
        arguments : numbers, strings, lists or dicts of them
            What it is called with.

        Returns
        -------
        dict
            The numbers by name, as they come back from JSON.

        Raises
        ------
        TypeError
            The arguments are not plain, or the run returns something else than plain
            numbers by name.
        ValueError
            Another run of this execution has the key, or a number is not finite, or has
            a name that a record uses itself (key, date, device, minutes).
        """
        if self._arguments.setdefault(key, arguments) != arguments:
            raise ValueError(f"key {key!r} must name one run, got other arguments")
        if key not in self.records:
            asked = fingerprint(self.device, self.name, key, list(arguments))
            path = self._path(key, asked)
            if record := _load(path, key, asked):
                self.reused.append(key)
            else:
                record = self._measure(key, run, arguments)
                _keep(path, asked, record)
            self.records[key] = record
            self._report(key)
        return {k: v for k, v in self.records[key].items() if k not in STAMP}

    def _measure(self, key: str, run: Callable, arguments: tuple) -> dict:
        started = time.perf_counter()
        numbers = _plain_numbers(key, run(*arguments))
        minutes = round((time.perf_counter() - started) / 60, 3)
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        stamp = (key, today, self.device, minutes)
        return dict(zip(STAMP, stamp, strict=True)) | numbers

    def _report(self, key: str) -> None:
        if experiment.SCALE == "paper":
            minutes, date = self.records[key]["minutes"], self.records[key]["date"]
            how = f"reused from {date}" if key in self.reused else "measured"
            print(f"{self.name}, {key}: {how}, {minutes:.1f} minutes", flush=True)

    def _path(self, key: str, asked: str) -> Path | None:
        """Where the run is kept; None at quick scale, at which none is."""
        if experiment.SCALE == "quick":
            return None
        readable = re.sub(r"\W+", "_", key)[:80]
        return folder() / self.name / f"{readable}.{asked[:16]}.json"


def _keep(path: Path | None, asked: str, record: dict) -> None:
    if path:
        text = json.dumps({"fingerprint": asked, "record": record})
        experiment.write_whole(path, text + "\n")


def _load(path: Path | None, key: str, asked: str) -> dict | None:
    """The record that a file keeps. A damaged file is ignored, with a warning: to
    measure once more is never wrong, to stop hours of other runs would be.
    """
    if path is None or not path.exists():
        return None
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        record = kept["record"]
        if (kept["fingerprint"], record["key"]) == (asked, key):
            return {name: record[name] for name in STAMP} | record
    except (OSError, ValueError, KeyError, TypeError):
        pass
    warnings.warn(
        f"{path} is damaged: the run {key!r} is measured again",
        RuntimeWarning,
        stacklevel=3,
    )
    return None


def _plain_numbers(key: str, measured: Mapping) -> dict:
    try:
        numbers = json.loads(json.dumps(dict(measured), allow_nan=False))
    except TypeError as error:
        raise TypeError(
            f"run {key!r} must return plain numbers by name, got {measured!r}"
        ) from error
    except ValueError as error:
        raise ValueError(f"run {key!r} must return finite numbers, got {measured!r}") from error
    if taken := sorted(numbers.keys() & set(STAMP)):
        raise ValueError(f"run {key!r} must not return {', '.join(taken)}: that is in its record")
    return numbers
