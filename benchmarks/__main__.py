"""Measure benchmarks, print their ratios beside the record and the goals, or record them.

The exit code is 0, 1 if a ratio is worse than recorded by more than its spread (the
rule stands in record.py), or 2 if something could not be measured or compared. A goal
that is missed, or a ratio that is not recorded yet, is said and does not matter.
"""

import argparse
import pkgutil
import sys
from collections.abc import Container
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

import benchmarks
from benchmarks import record, report
from benchmarks.timing import measure, ratio

ROUNDS = 30
SHARED = {"__main__", "record", "report", "timing", "training"}  # all other modules are benchmarks


def names() -> list[str]:
    """The benchmarks there are."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [name for name in found if name not in SHARED]


def run(name: str, rounds: int, only: Container[str] | None = None) -> tuple:
    """Measure a benchmark, or some of its cases: ratios {case: {peer: ratio}}, and parts
    of ours {case: {part: {peer: the part's time / the peer's}}}.

    Raises AssertionError if contestants give different answers.
    """
    module, ratios, parts = import_module(f"benchmarks.{name}"), {}, {}
    cases = {c: f for c, f in module.cases().items() if only is None or c in only}
    with tqdm(total=len(cases) * rounds, unit="round", mininterval=1, leave=False) as line:
        for case, contest in cases.items():
            line.set_description(case)
            seconds = measure(contest, rounds=rounds, after_round=line.update)
            peers = {peer: seconds[peer] for peer in module.GOALS}
            ratios[case] = {p: ratio(seconds["ours"], s) for p, s in peers.items()}
            parts[case] = {
                part: {p: ratio(seconds[part], s).median for p, s in peers.items()}
                for part in seconds
                if part not in {"ours", *peers}
            }
    return ratios, parts


def look_again(name: str, rounds: int, ratios: dict, then: record.Entry) -> dict:
    """The ratios after a second measurement of the cases that are worse than recorded:
    of each ratio the better one.
    """
    worse = {c.case for c in compare(name, ratios, then) if report.WORSE in c.marks}
    if not worse:
        return ratios
    again, _ = run(name, rounds, only=worse)
    return ratios | {
        case: {peer: min(ratios[case][peer], other) for peer, other in others.items()}
        for case, others in again.items()
    }


def compare(name: str, ratios: dict, then: record.Entry | None) -> list:
    """The ratios of a benchmark beside its goals and what is recorded of it."""
    return report.compare(ratios, import_module(f"benchmarks.{name}").GOALS, then)


def show(name: str, ratios: dict, parts: dict, then: record.Entry | None) -> int:
    """Print the results of a benchmark beside the record; 1 if a ratio is worse, else 0."""
    comparisons = compare(name, ratios, then)
    print(f"\n{name}: processor time, {report.origin(then, comparisons)}")
    print(report.table(comparisons, parts))
    print(report.summary(comparisons))
    return int(any(report.WORSE in c.marks for c in comparisons))


def do(name: str, then: record.Entry | None, given: argparse.Namespace) -> tuple:
    """Measure a benchmark and print it: its exit code and its ratios."""
    try:
        ratios, parts = run(name, given.rounds)
        if then and not given.record:
            ratios = look_again(name, given.rounds, ratios, then)
    except AssertionError as error:
        print(f"{name}: the answers are not the same\n{error}", file=sys.stderr)
        return 2, {}
    return show(name, ratios, parts, then), ratios


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line's options; SystemExit with a message if they are wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}; else all")
    add("--rounds", type=int, default=ROUNDS, metavar="N", help=f"default {ROUNDS}")
    add("--record", action="store_true", help=f"write {record.PATH.name}")
    add("--output", type=Path, metavar="FILE", help="write such a file elsewhere, too")
    given = parser.parse_args(arguments)
    given.names = list(dict.fromkeys(given.names)) or names()
    if problem := wrong(given):
        parser.error(problem)
    return given


def wrong(given: argparse.Namespace) -> str | None:
    """What is wrong with the options, if anything is."""
    if unknown := sorted(set(given.names) - set(names())):
        there = ", ".join(names())
        return f"there is no benchmark {', '.join(unknown)}; there are {there}"
    if given.rounds < 1:
        return f"--rounds must be at least 1, got {given.rounds}"
    if given.record and given.rounds < ROUNDS:
        return f"--record needs {ROUNDS} rounds or more, got {given.rounds}"
    if given.output and given.output.is_dir():
        return f"--output must be a file, {given.output} is a folder"
    if given.output and not given.output.parent.is_dir():
        return f"--output: there is no folder {given.output.parent}"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; the worst of the exit codes that the module's text lists."""
    given = options(arguments)
    try:
        recorded = record.read(record.PATH)
    except record.RecordError as error:
        print(error, file=sys.stderr)
        return 2
    codes, measured = [], {}
    for name in given.names:
        code, ratios = do(name, recorded.get(name), given)
        codes.append(code)
        measured[name] = record.new_entry(ratios, rounds=given.rounds)
    if given.output and 2 not in codes:
        record.write(given.output, measured)
    if given.record and 2 not in codes:
        kept = {name: recorded[name] for name in names() if name in recorded}
        record.write(record.PATH, kept | measured)
        print(f"recorded in {record.PATH.name}")
        return 0
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
