"""The record of what was measured before, and when a ratio is worse than it.

**The rule.** A ratio is worse than recorded if now's median exceeds the recorded median
by more than its spread. The spread is the largest of

- the distance of the quartiles now,
- the distance of the quartiles in the record, and
- a slack, as a share of the recorded median.

The quartiles are there because a busy machine, or another one, widens them, and a
difference has to be larger there before it means something. But they only show how the
rounds of one run differ. Runs of the same code differ, too, by up to 16% where we looked:
hence a slack of `SAME_SETUP`, which still shows a slowdown of 30%. Releases favour one
library over another in all rounds alike. Where versions are not those of the record, the
slack is therefore `OTHER_SETUP`, and `SAME_LIBRARY` against a peer that computes in
MXNet, as we do, and gains or loses with us: also on another processor.

On another processor, a ratio to a peer that does not compute in MXNet is said, and not
compared. On one that has instructions for matrices which MXNet does not know, the
products alone, in which no line of ours takes part, took 4.1 times as long as all that
PyTorch does; on the recorded one our whole took 1.3 times as long. Who has to see changes
on another machine records there first, and compares then.

With hundreds of ratios even a rare accident happens in every other run. A case with a
ratio that is worse is therefore set up and measured a second time, and the better of the
two ratios counts: a real slowdown is there both times.

The file holds, for each benchmark, {"date", "device", "versions", "rounds", "cases":
{case: {peer: {"median", "quartiles": [lower, upper]}}}}. Goals are not in it; they are
what we want, and stand in the code.
"""

import datetime
import json
import math
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.timing import Ratio

PATH = Path(__file__).with_name("recorded.json")
SAME_SETUP, SAME_LIBRARY, OTHER_SETUP = 0.2, 0.25, 0.5
MXNET_PEERS = {"d2l"}


class RecordError(Exception):
    """The record cannot be read. The text says why, and what to do."""


# ----------------------------------------------------------------------------- the rule
def spread(now: Ratio, then: Ratio, slack: float) -> float:
    """How far above the recorded ratio the ratio of now may be.

    >>> spread(Ratio(1.0, 0.75, 1.25), Ratio(1.0, 0.9, 1.1), slack=0.15)  # a busy machine
    0.5
    """
    return max(now.width, then.width, slack * then.median)


def is_worse(now: Ratio, then: Ratio, slack: float) -> bool:
    """Whether a ratio is worse than the recorded one by more than its spread.

    >>> then = Ratio(1.0, 0.98, 1.02)
    >>> [is_worse(Ratio(now, now, now), then, 0.25) for now in (1.25, 1.26)]
    [False, True]
    """
    return now.median - then.median > spread(now, then, slack)


def slack(peer: str, differences: list[str], *, other_processor: bool = False) -> float:
    """The slack against a peer, given what differs from the record's setup; infinite where
    the two cannot be compared.

    >>> slack("PyTorch", []), slack("PyTorch", ["python 3.13"]), slack("d2l", ["python 3.13"])
    (0.2, 0.5, 0.25)
    >>> slack("PyTorch", ["an abacus"], other_processor=True)
    inf
    """
    if not differences:
        return SAME_SETUP
    if peer in MXNET_PEERS:
        return SAME_LIBRARY
    return math.inf if other_processor else OTHER_SETUP


# ---------------------------------------------------------------------------- the setup
def setup() -> dict:
    """{"device": the processor in words, "versions": {package: version}}."""
    packages = {
        # 2.13.0+cpu and 2.13.0+cu126 compute the same on a processor
        name: version(name).partition("+")[0]
        for name in ("mxnet", "d2l", "torch", "numpy")
    }
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "device": f"{_processor()}, one thread",
        "versions": {"python": python} | packages,
    }


def differences(then: "Entry") -> list[str]:
    """What is not here as it was when `then` was measured, in words."""
    now = setup()
    device = [] if then.device == now["device"] else [now["device"]]
    return device + [
        f"{name} {number}"
        for name, number in now["versions"].items()
        if then.versions.get(name) != number
    ]


def is_other_processor(then: "Entry") -> bool:
    """Whether `then` was measured on another kind of processor."""
    return then.device != setup()["device"]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^(model name|cpu family|model)\s*: (.*)$", text, re.M))
    if len(fields) < 3:  # no x86
        return platform.machine()
    return f"{fields['model name']} (family {fields['cpu family']}, model {fields['model']})"


# ----------------------------------------------------------------------------- the file
@dataclass(frozen=True)
class Entry:
    """What was measured of one benchmark, where and when: `cases` are {case: {peer: ratio}}."""

    date: str
    device: str
    versions: dict[str, str]
    rounds: int
    cases: dict[str, dict[str, Ratio]]

    def to_json(self) -> dict:
        """The entry in the words of the file."""
        cases = {
            case: {peer: _to_json(ratio) for peer, ratio in ratios.items()}
            for case, ratios in self.cases.items()
        }
        return vars(self) | {"cases": cases}

    @classmethod
    def from_json(cls, words: Mapping) -> "Entry":
        """The entry that the file's words describe; ValueError, TypeError or the like if they do not."""
        cases = {
            case: {peer: _from_json(ratio) for peer, ratio in ratios.items()}
            for case, ratios in words["cases"].items()
        }
        return cls(**words | {"versions": dict(words["versions"]), "cases": cases})


def new_entry(cases: dict[str, dict[str, Ratio]], *, rounds: int) -> Entry:
    """The entry for ratios that were measured here and today."""
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return Entry(date=today, **setup(), rounds=rounds, cases=cases)


def read(path: Path) -> dict[str, Entry]:
    """{benchmark: what is recorded of it}; empty if there is no such file.

    Raises
    ------
    RecordError
        The file is not what `write` writes.
    """
    if not path.exists():
        return {}
    try:
        words = json.loads(path.read_text("utf-8"))
        return {name: Entry.from_json(entry) for name, entry in words.items()}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise RecordError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}); take it back "
            "from git, or delete it and measure anew with make bench RECORD=1"
        ) from error


def write(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write a file, whole or not at all."""
    words = {name: entries[name].to_json() for name in sorted(entries)}
    text = json.dumps(words, indent=2, allow_nan=False) + "\n"
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_text(text, "utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _to_json(ratio: Ratio) -> dict:
    median, low, high = (round(number, 3) for number in ratio)
    return {"median": median, "quartiles": [low, high]}


def _from_json(words: Mapping) -> Ratio:
    low, high = words["quartiles"]
    ratio = Ratio(words["median"], low, high)
    if not 0 < ratio.low <= ratio.median <= ratio.high < math.inf:
        raise ValueError(f"{words} is no median with its quartiles")
    return ratio
