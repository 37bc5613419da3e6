"""What a run says: each ratio beside the record and the goal, with a mark in words."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import record
from benchmarks.record import Entry
from benchmarks.timing import Ratio

WORSE, MISSED = "worse than recorded", "goal missed"
UNRECORDED, UNSTEADY = "not recorded yet", "too unsteady to compare"
ELSEWHERE = "recorded on another processor"
HIDDEN = 0.3  # quartiles further apart than this share hide a slowdown of that size
ROW = "{:<34}{:<25}{:<20}{:<7}{}"


@dataclass(frozen=True)
class Comparison:
    """One ratio beside the recorded one (None if there is none) and the goal.

    >>> now, then = Ratio(1.3, 1.2, 1.4), Ratio(1.0, 0.9, 1.0)
    >>> Comparison("a case", "PyTorch", now, then, goal=1.2, slack=0.2).marks
    ['worse than recorded', 'goal missed']
    """

    case: str
    peer: str
    now: Ratio
    then: Ratio | None
    goal: float
    slack: float

    @property
    def marks(self) -> list[str]:
        """What is to be said about it."""
        missed = [MISSED] if self.now.median > self.goal else []
        if self.then is None:
            return [UNRECORDED, *missed]
        if math.isinf(self.slack):
            return [ELSEWHERE, *missed]
        if record.is_worse(self.now, self.then, self.slack):
            return [WORSE, *missed]
        if max(self.now.width, self.then.width) > HIDDEN * self.then.median:
            return [UNSTEADY, *missed]
        return missed

    @property
    def row(self) -> str:
        """The line of the table."""
        now, then = self.now, "-"
        if self.then:
            then = f"{self.then.median:.2f}"
            if not math.isinf(self.slack):
                then += f" + {record.spread(now, self.then, self.slack):.2f}"
        return ROW.format(
            f"  our time / {self.peer}",
            f"{now.median:.2f} ({now.low:.2f} to {now.high:.2f})",
            then,
            self.goal,
            ", ".join(self.marks),
        ).rstrip()


def compare(
    cases: Mapping[str, Mapping[str, Ratio]],
    goals: Mapping[str, float],
    then: Entry | None,
) -> list[Comparison]:
    """All ratios {case: {peer: ratio}} of a benchmark, beside what is recorded of it."""
    recorded = then.cases if then else {}
    differences = record.differences(then) if then else []
    other = bool(then) and record.is_other_processor(then)
    return [
        Comparison(
            case=case,
            peer=peer,
            now=now,
            then=recorded.get(case, {}).get(peer),
            goal=goals[peer],
            slack=record.slack(peer, differences, other_processor=other),
        )
        for case, ratios in cases.items()
        for peer, now in ratios.items()
    ]


def table(
    comparisons: Sequence[Comparison],
    parts: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> str:
    """For each case a heading, a line for each peer, and one for each part of ours.

    `parts` are {case: {part: {peer: the part's time / the peer's}}}.
    """
    header = ROW.format("", "now: median (quartiles)", "recorded + spread", "goal", "")
    lines = [header.rstrip()]
    for case in dict.fromkeys(c.case for c in comparisons):
        lines += [case, *(c.row for c in comparisons if c.case == case)]
        for part, shares in parts.get(case, {}).items():
            text = "; ".join(f"{share:.2f} / {peer}" for peer, share in shares.items())
            lines.append(f"  {part}: {text}")
    return "\n".join(lines)


def origin(then: Entry | None, comparisons: Sequence[Comparison]) -> str:
    """Where the record comes from, and what keeps now from being compared with it."""
    if then is None:
        return f"{UNRECORDED}: make bench RECORD=1"
    lines = [f"recorded {then.date}: {then.rounds} rounds, {then.device}"]
    if different := record.differences(then):
        lines.append(
            f"here it is {', '.join(different)}, hence a larger spread or none; to "
            "compare a change, record here before it: make bench RECORD=1"
        )
    ours, theirs = {c.case for c in comparisons}, set(then.cases)
    lines += [f"not recorded yet: {case}" for case in sorted(ours - theirs)]
    lines += [f"recorded, but no case any more: {case}" for case in sorted(theirs - ours)]
    if ours != theirs:
        lines.append("the cases are not the recorded ones: make bench RECORD=1")
    return "\n".join(lines)


def summary(comparisons: Sequence[Comparison]) -> str:
    """How many ratios have which mark."""
    count = Counter(mark for c in comparisons for mark in c.marks)
    words = [f"{count[mark]} {mark}" for mark in (WORSE, MISSED)]
    words += [f"{count[mark]} {mark}" for mark in (UNRECORDED, UNSTEADY, ELSEWHERE) if count[mark]]
    return f"of {len(comparisons)} ratios: {', '.join(words)}"
