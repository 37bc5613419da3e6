"""What a file of published numbers, `results/papers/NAME.json`, may hold, and what is said if
it holds something else.

A metric is one number with its unit. A table is a question asked of many variants, as bAbI's
twenty tasks: its `values` are lines of numbers below the names in `columns`, one line a task,
so that a person can hold them against the paper's page. A number that stands in a table is
named elsewhere by its cell, "table/variant/row".
"""

import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

RULE = re.compile(r"(above|below) (-?[\d.]+)|outside (-?[\d.]+) to (-?[\d.]+)")
STATISTICS = ("mean", "median")
SIDES = ("paper", "open", "chance")
WORDS, WHOLE, NUMBER, OBJECT, LIST = (
    "text",
    "a whole number",
    "a number",
    "an object",
    "a list",
)
KINDS = {WORDS: str, WHOLE: int, NUMBER: (int, float, str), OBJECT: dict, LIST: list}

FILE = {"name": WORDS, "metrics": OBJECT}
FILE_TOO = {"heading": WORDS, "about": LIST, "here": LIST, "tables": OBJECT}
METRIC = {"label": WORDS, "unit": WORDS, "decimals": WHOLE}
METRIC_TOO = dict.fromkeys(SIDES, OBJECT) | dict.fromkeys(
    ["fails_if", "differs", "statistic", "spread", "mean_of"], WORDS
)
TABLE = METRIC | {"row": WORDS, "variants": OBJECT, "columns": LIST, "values": LIST}
TABLE_TOO = {"chance": WORDS, "about": LIST, "limit": NUMBER}
VARIANT_TOO = {
    "measured": WORDS,
    "chance": WORDS,
    "about": WORDS,
    "differs": WORDS,
    "paper": OBJECT,
    "open": OBJECT,
}


def number(value: float | str) -> float:
    """Return a number of the file, which may be written as a fraction.

    >>> number("-4/5"), number(62.0)
    (-0.8, 62.0)
    """
    return float(Fraction(value)) if isinstance(value, str) else float(value)


def fails(rule: str, value: float) -> bool:
    """Return whether a value fails by a rule: "above 20", "below 0.5", "outside -1 to 1".

    >>> fails("above 20", 20.0), fails("outside -0.83 to -0.77", -0.7)
    (False, True)
    """
    side, limit, low, high = RULE.fullmatch(rule).groups()
    if side:
        return value > float(limit) if side == "above" else value < float(limit)
    return not float(low) <= value <= float(high)


def check(name: str, given: Mapping, sources: Iterable[str]) -> None:
    """Check a file of published numbers.

    Parameters
    ----------
    name : str
        The system's name, which the file must hold.
    given : mapping
        What the file holds.
    sources : iterable of str
        The keys of the bibliography.

    Raises
    ------
    ValueError
        Something is missing, unknown or of another kind; the message says where, what was
        given and what was expected.

    >>> check("x", {"name": "x", "metrics": {"error": {"label": "error"}}}, [])
    Traceback (most recent call last):
    ...
    ValueError: x.json: metrics: error: unit is missing
    """
    _Check(f"{name}.json", given, set(sources)).file(name)


class _Check:
    """A place in a file, for messages, and what the whole file and the bibliography hold."""

    def __init__(self, place: str, whole: Mapping, sources: set[str]):
        self.place, self.whole, self.sources = place, whole, sources

    def file(self, name: str) -> None:
        self.fields(self.whole, FILE, FILE_TOO)
        found = self.whole["name"]
        self.agree(found == name, f"name must be {name!r}, got {found!r}")
        for key, table in self.whole.get("tables", {}).items():
            self.inside("tables", key).table(table)
        for key, metric in self.whole["metrics"].items():
            self.inside("metrics", key).metric(metric)

    def metric(self, given: Mapping) -> None:
        self.fields(given, METRIC, METRIC_TOO)
        self.decimals(given)
        for side in SIDES:
            if side in given:
                self.inside(side).side(side, given[side])
        rule = given.get("fails_if")
        words = 'fails_if must be like "above 20", "below 0.5" or "outside -1 to 1"'
        self.agree(rule is None or bool(RULE.fullmatch(rule)), f"{words}, got {rule!r}")
        statistic = given.get("statistic", "mean")
        self.agree(statistic in STATISTICS, f"statistic must be mean or median, got {statistic!r}")
        if "mean_of" in given:
            self.variant_of(given["mean_of"].split("/"), "mean_of")
            twice = ", ".join(side for side in SIDES if side in given)
            self.agree(not twice, f"mean_of says what {twice} is: leave it out")

    def side(self, side: str, given: Mapping) -> None:
        """What a paper, another's code or chance reaches."""
        if "cell" in given:
            self.fields(given, {"cell": WORDS})
            *variant, row = given["cell"].split("/")
            table = self.variant_of(variant, "cell")
            rows = [str(line[0]) for line in table["values"]]
            self.agree(row in rows, f"cell: no row {row!r}")
            has = side in table["variants"][variant[1]]
            self.agree(has, f"cell: its variant has no {side}")
        elif side == "chance":
            self.fields(given, {"what": WORDS}, {"value": NUMBER, "measured": WORDS})
            self.agree(("value" in given) != ("measured" in given), "either value or measured")
            self.value(given.get("value", 0))
        else:
            self.fields(given, {"value": NUMBER, "source": WORDS}, {"where": WORDS})
            self.value(given["value"])
            self.source(given)

    def variant_of(self, path: list[str], field: str) -> Mapping:
        """The table of a variant "table/variant"."""
        table = self.whole.get("tables", {}).get(path[0], {})
        known = len(path) == 2 and path[1] in table.get("variants", {})
        self.agree(known, f"{field}: {'/'.join(path)!r} is no variant of a table")
        return table

    def table(self, given: Mapping) -> None:
        self.fields(given, TABLE, TABLE_TOO)
        self.decimals(given)
        first, columns = given["row"], given["columns"]
        self.agree(len(set(columns)) == len(columns), "columns must differ")
        self.agree(columns[:1] == [first], f"the first of columns must be {first!r}")
        for line in given["values"]:
            self.line(line, columns)
        rows = [line[0] for line in given["values"]]
        self.agree(len(set(rows)) == len(rows), "values: a row is there twice")
        for key, variant in given["variants"].items():
            self.inside("variants", key).variant(variant, columns)

    def line(self, line: list, columns: list[str]) -> None:
        right = isinstance(line, list) and len(line) == len(columns)
        self.agree(right, f"values: {line!r} must have {len(columns)} entries, as columns has")
        for name, value in zip(columns[1:], line[1:], strict=True):
            kind = str if name == "name" else (int, float, type(None))
            right = isinstance(value, kind) and not isinstance(value, bool)
            self.agree(right, f"values: {name} of {line[0]} is {value!r}")

    def variant(self, given: Mapping, columns: list[str]) -> None:
        self.fields(given, {"label": WORDS}, VARIANT_TOO)
        self.agree("{row}" in given.get("measured", "{row}"), "measured must hold {row}")
        names = [given["chance"]] if "chance" in given else []
        for side in ("paper", "open"):
            if side in given:
                place = self.inside(side)
                place.fields(given[side], {"column": WORDS, "source": WORDS}, {"where": WORDS})
                place.source(given[side])
                names.append(given[side]["column"])
        for name in names:
            self.agree(name in columns, f"{name!r} is none of columns: {', '.join(columns)}")

    # -------------------------------------------------------------------- what all of them use
    def inside(self, *names: str) -> "_Check":
        return _Check(": ".join([self.place, *names]), self.whole, self.sources)

    def agree(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise ValueError(f"{self.place}: {otherwise}")

    def fields(self, given: Mapping, required: Mapping, optional: Mapping | None = None) -> None:
        self.agree(isinstance(given, dict), f"must be an object, got {given!r}")
        for name in required:
            self.agree(name in given, f"{name} is missing")
        kinds = {**required, **(optional or {})}
        for name, value in given.items():
            self.agree(name in kinds, f"{name!r} is none of {', '.join(kinds)}")
            right = isinstance(value, KINDS[kinds[name]]) and not isinstance(value, bool)
            self.agree(right, f"{name} must be {kinds[name]}, got {value!r}")

    def decimals(self, given: Mapping) -> None:
        # nbval's tolerance forgives numbers with a decimal point alone
        self.agree(given["decimals"] > 0, f"decimals must be 1 or more, got {given['decimals']}")

    def value(self, given: float | str) -> None:
        try:
            finite = math.isfinite(number(given))
        except (ValueError, ZeroDivisionError):
            finite = False
        self.agree(finite, f"value must be a finite number or a fraction, got {given!r}")

    def source(self, given: Mapping) -> None:
        key = given["source"]
        self.agree(key in self.sources, f"source {key!r} is not in book/references.bib")
