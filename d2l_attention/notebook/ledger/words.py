"""How the ledger speaks: the table that a notebook shows, numbers with their digits, lists."""

import re
import statistics
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal


class Table:
    """Rows of words and numbers that a notebook shows: Markdown where it is rendered, and
    plain lines elsewhere.

    Parameters
    ----------
    rows : list of dict
        The cells of each row by their column; a column that no row fills is left out.
    sentences : sequence of str, optional
        What is said below the table, in Markdown, a paragraph each.

    >>> Table([{"metric": "error", "paper": "8.3%", "open code": ""}], ["One seed."])
    error: paper 8.3%
    One seed.
    """

    def __init__(self, rows: Sequence[Mapping[str, str]], sentences: Sequence[str] = ()):
        names = list(dict.fromkeys(name for row in rows for name in row))
        self.columns = [name for name in names if any(row.get(name) for row in rows)]
        self.rows, self.sentences = list(rows), [text for text in sentences if text]

    def markdown(self) -> str:
        """Return the table and its sentences in Markdown."""
        cells = [[row.get(name, "") for name in self.columns] for row in self.rows]
        lines = [self.columns, ["---"] * len(self.columns), *cells]
        return "\n\n".join(["\n".join(map(_line, lines)), *self.sentences])

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        first, *others = self.columns
        lines = [
            f"{row[first]}: " + "; ".join(f"{name} {row[name]}" for name in others if row.get(name))
            for row in self.rows
        ]
        return _plain("\n".join([*lines, *self.sentences]))


def scale(given: Mapping) -> float:
    """Return by what a measured number is multiplied: a per cent is measured as a share."""
    return 100.0 if given["unit"] == "%" else 1.0


def centre(metric: Mapping, values: Sequence[float]) -> float:
    """Return the mean of the seeds' values, or the median if the metric says so."""
    return getattr(statistics, metric.get("statistic", "mean"))(values)


def say(given: Mapping, value: float, *, unit: bool = True) -> str:
    """Return a number with the digits of a metric or table, and its sign of per cent.

    >>> say({"decimals": 1, "unit": "%"}, 12.95), say({"decimals": 1, "unit": ""}, -0.01)
    ('13.0%', '0.0')
    """
    # 12.95 is a little less in binary, and would be 12.9 in one table and 13.0 in another
    exact = Decimal(repr(round(float(value), 9)))
    digits = exact.quantize(Decimal(1).scaleb(-given["decimals"]), ROUND_HALF_UP)
    return f"{abs(digits) if digits == 0 else digits}" + _percent(given, unit)


def with_spread(metric: Mapping, values: Sequence[float], half: float | None = None) -> str:
    """Return the seeds' mean ± their standard deviation, or ± `half` if it is given; where a
    metric wants the median, the median and the range.

    >>> error = {"decimals": 1, "unit": "%"}
    >>> with_spread(error, [0.08, 0.1]), with_spread(error, [0.08])
    ('9.0% ± 1.4', '8.0%')
    >>> with_spread(error | {"statistic": "median"}, [0.08, 0.1, 0.5])
    '10.0% (8.0 to 50.0)'
    """
    middle = say(metric, scale(metric) * centre(metric, values))
    if metric.get("statistic") == "median" and len(values) > 1:
        ends = [say(metric, scale(metric) * end, unit=False) for end in (min(values), max(values))]
        return f"{middle} ({' to '.join(ends)})"
    if half is None and len(values) > 1:
        half = statistics.stdev(values)
    return middle if half is None else f"{middle} ± {say(metric, scale(metric) * half, unit=False)}"


def rule(metric: Mapping) -> str:
    """Return when a metric fails, with its sign of per cent."""
    text = metric.get("fails_if", "")
    return text and text + _percent(metric)


def unique(words: Sequence[str | None]) -> list[str]:
    """Return the words that are there, each once, in their order."""
    return list(dict.fromkeys(word for word in words if word))


def capital(text: str) -> str:
    """Return a text that begins a sentence."""
    return text[:1].upper() + text[1:]


def about_runs(run: Mapping) -> str:
    """Return what a result says of runs that it took over from earlier executions, if any.

    >>> about_runs({"runs": {"count": 5, "reused": 2, "oldest": "2026-11-20"}})
    '2 of 5 runs are of earlier executions, the oldest of 2026-11-20; '
    """
    if not (runs := run.get("runs", {})).get("reused"):
        return ""
    return (
        f"{runs['reused']} of {runs['count']} runs are of earlier executions, "
        f"the oldest of {runs['oldest']}; "
    )


def _percent(given: Mapping, unit: bool = True) -> str:
    return "%" if unit and given["unit"] == "%" else ""


def _plain(markdown: str) -> str:
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown).replace("*", "").replace("`", "")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
