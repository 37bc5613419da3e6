"""The ledger: what is published and what this project measured, side by side.

`results/papers/NAME.json` holds the papers' numbers, those of the best open code, what chance
reaches and what would be a failure (`ledger_schema` says in which form); `results/NAME.json`
holds what `make results` measured. Every table of a notebook and of the results page is made
here from the two, so no number is typed twice.

>>> table("kernel_regression").rows[0]["theory"]
'-0.80'
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from d2l_attention.notebook import bibliography, experiment, ledger_schema
from d2l_attention.notebook import ledger_words as words
from d2l_attention.notebook.ledger_words import Table

OURS = "ours, at paper scale"
HERE = "this notebook"
SIDES = {"paper": "paper", "open": "best open code", "chance": "chance"}
VERSIONS = {"python": "Python", "mxnet": "MXNet", "numpy": "NumPy"}

# {metric: its value, or the values of the seeds}
Values = Mapping[str, float | Sequence[float]]


def load(name: str) -> dict:
    """Return what `results/papers/NAME.json` holds.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not as `ledger_schema` says.
    """
    return Ledger(name).published


def paper(name: str) -> dict[str, float]:
    """Return the paper's number for each key of `results/NAME.json` that has one, in the unit
    of that file, in which a per cent is a hundredth.

    >>> published = paper("memory_networks")
    >>> published["error_task_2_1_hops"], published["error_1k_joint_task_2"]
    (0.62, 0.114)
    """
    return Ledger(name).paper()


def column(name: str, variant: str, side: str = "paper") -> dict[int | str, float]:
    """Return one column of a table, for a plot: {row: number in the table's unit}.

    Parameters
    ----------
    name, variant : str
        The system, and a variant of its tables.
    side : str, optional
        "paper", "open" for the best open code, "chance", or "ours".

    Raises
    ------
    ValueError
        There is no such variant or side.

    >>> column("memory_networks", "10k")[16]
    51.8
    """
    if side not in (*SIDES, "ours"):
        raise ValueError(f"side must be paper, open, chance or ours, got {side!r}")
    ledger = Ledger(name)
    for key, given in ledger.tables.items():
        if variant in given["variants"]:
            return ledger.column(key, variant, side)
    known = ", ".join(v for given in ledger.tables.values() for v in given["variants"])
    raise ValueError(f"variant must be one of {known or 'none'}, got {variant!r}")


def table(name: str, this_notebook: Values | None = None) -> Table:
    """Return the table *What you should get*: a row a metric, with the paper's number, that of
    the best open code, ours at paper scale, this notebook's, chance, what would be a failure,
    and what differs in the protocol.

    Parameters
    ----------
    name : str
        The system.
    this_notebook : mapping, optional
        {metric: its value, or the values of the seeds}, in the unit of `results/NAME.json`.

    Raises
    ------
    ValueError
        `this_notebook` holds something else than metrics of `results/papers/NAME.json`.
    """
    return Ledger(name).table(this_notebook)


def pivot(name: str, table: str | None = None, variants: Sequence[str] | None = None) -> Table:
    """Return one of a system's tables: a row a task, and for each variant chance, the paper's
    number, that of the best open code, and ours.

    Parameters
    ----------
    name : str
        The system.
    table : str, optional
        Its table; the first one without it.
    variants : sequence of str, optional
        Which variants, in this order; all without it.

    Raises
    ------
    ValueError
        There is no such table or variant.
    """
    return Ledger(name).pivot(table, variants)


class Ledger:
    """What is published about a system, and what was measured of it.

    Parameters
    ----------
    name : str
        The system.
    root : str or pathlib.Path, optional
        The folder that holds `results/` and `book/references.bib`.

    Raises
    ------
    FileNotFoundError
        Nothing published is recorded for the system.
    ValueError
        It is recorded in another form than `ledger_schema` says.
    """

    def __init__(self, name: str, root: str | Path | None = None):
        root = experiment.RESULTS.parent if root is None else Path(root)
        path = root / "results" / "papers" / f"{experiment.plain_name(name)}.json"
        if not path.is_file():
            raise FileNotFoundError(f"nothing published is recorded for {name!r} ({path})")
        self.name = name
        self.sources = bibliography.read(root / "book" / "references.bib")
        self.published = json.loads(path.read_text(encoding="utf-8"))
        ledger_schema.check(name, self.published, self.sources)
        self.tables = self.published.get("tables", {})
        recorded = root / "results" / f"{name}.json"
        self.run = json.loads(recorded.read_text(encoding="utf-8")) if recorded.is_file() else {}
        measured = self.run.get("metrics", {})
        self.measured = {key: metric["values"] for key, metric in measured.items()}

    # ------------------------------------------------------------------------------ the numbers
    def metric(self, key: str) -> dict:
        """A metric, with the numbers of the cells and means that it names."""
        metric = dict(self.published["metrics"][key])
        if "mean_of" in metric:
            metric |= self._means(*metric["mean_of"].split("/"))
        for side in SIDES:
            if "cell" in metric.get(side, {}):
                metric[side] = self._cell(side, *metric[side]["cell"].split("/"))
        return metric

    def column(self, table: str, variant: str, side: str) -> dict[int | str, float]:
        """{row: number} of a variant, in the table's unit."""
        given, rows = self.tables[table], self.tables[table]["values"]
        of_variant = given["variants"][variant]
        if side == "ours":
            key = of_variant.get("measured", "")
            found = {row[0]: self.measured.get(key.format(row=row[0])) for row in rows}
            times = words.scale(given)
            return {
                row: times * words.centre(given, values) for row, values in found.items() if values
            }
        if side not in of_variant:
            return {}
        name = of_variant[side] if side == "chance" else of_variant[side]["column"]
        place = given["columns"].index(name)
        return {row[0]: row[place] for row in rows if row[place] is not None}

    def paper(self) -> dict[str, float]:
        """See `ledger.paper`."""
        found = {}
        for table, given in self.tables.items():
            for key, variant in given["variants"].items():
                if "measured" in variant:
                    for row, value in self.column(table, key, "paper").items():
                        found[variant["measured"].format(row=row)] = value / words.scale(given)
        for key in self.published["metrics"]:
            metric = self.metric(key)
            if "paper" in metric:
                value = ledger_schema.number(metric["paper"]["value"])
                found[key] = value / words.scale(metric)
        return found

    def failures(self) -> list[str]:
        """The metrics that were measured and fail by their own rule."""
        metrics = self.published["metrics"]
        return [key for key, metric in metrics.items() if self._fails(metric, key)]

    def undeclared(self) -> list[str]:
        """What was measured and is nowhere in the published file."""
        known = set(self.published["metrics"])
        for metric in self.published["metrics"].values():
            known |= {metric.get("spread"), metric.get("chance", {}).get("measured")}
        for given in self.tables.values():
            for variant in given["variants"].values():
                known |= {variant.get("measured", "").format(row=r[0]) for r in given["values"]}
        return [key for key in self.measured if key not in known]

    def _means(self, table: str, variant: str) -> dict[str, dict]:
        """Means of the paper, the open code and chance, over the rows that were measured."""
        columns = {side: self._comparable(table, variant, side) for side in SIDES}
        return {
            side: {"value": statistics.fmean(values), **self._about(table, variant, side)}
            for side, values in columns.items()
            if values
        }

    def _comparable(self, table: str, variant: str, side: str) -> list[float]:
        """A column's numbers in the rows that were measured; in all rows if none was."""
        ours = self.column(table, variant, "ours")
        values = self.column(table, variant, side)
        return [value for row, value in values.items() if row in ours or not ours]

    def _cell(self, side: str, table: str, variant: str, row: str) -> dict:
        values = {str(key): value for key, value in self.column(table, variant, side).items()}
        return {"value": values[row], **self._about(table, variant, side)}

    def _about(self, table: str, variant: str, side: str) -> dict[str, str]:
        """What chance is, or the source of a column and the place in it."""
        if side == "chance":
            return {"what": self.tables[table].get("chance", "")}
        given = self.tables[table]["variants"][variant][side]
        return {key: text for key, text in given.items() if key != "column"}

    def _fails(self, metric: Mapping, key: str) -> bool:
        if "fails_if" not in metric or key not in self.measured:
            return False
        value = words.scale(metric) * words.centre(metric, self.measured[key])
        return ledger_schema.fails(metric["fails_if"], value)

    # ------------------------------------------------------------------------------- the tables
    def table(self, this_notebook: Values | None = None) -> Table:
        """See `ledger.table`."""
        here = {key: _as_list(value) for key, value in (this_notebook or {}).items()}
        metrics = {key: self.metric(key) for key in self.published["metrics"]}
        if unknown := [key for key in here if key not in metrics]:
            raise ValueError(
                f"this_notebook must hold metrics of results/papers/{self.name}.json, "
                f"got {', '.join(unknown)}"
            )
        rows = [self._row(key, metric, here.get(key)) for key, metric in metrics.items()]
        sides = {side: [m[side] for m in metrics.values() if side in m] for side in SIDES}
        about = [
            *self.published.get("about", []),
            *(self.published.get("here", []) if here else []),
        ]
        return Table(rows, [self._origin(sides), self.protocol(), " ".join(about)])

    def _row(self, key: str, metric: dict, here: Sequence[float] | None) -> dict[str, str]:
        ours, spread = self.measured.get(key), self.measured.get(metric.get("spread"), [None])
        failed = " (**fails**)" if self._fails(metric, key) else ""
        unit = "" if metric["unit"] in ("", "%") else f", {metric['unit']}"
        sides = {self._title(side): self._number(metric, side) for side in SIDES}
        chance = sides.popitem()[1]
        return {
            "metric": metric["label"] + unit,
            **sides,
            OURS: words.with_spread(metric, ours, spread[0]) + failed if ours else "",
            HERE: words.with_spread(metric, here) if here else "",
            SIDES["chance"]: chance,
            "fails if": words.rule(metric),
            "what differs": metric.get("differs", ""),
        }

    def _number(self, metric: Mapping, side: str) -> str:
        given = metric.get(side, {})
        if "measured" in given:
            values = self.measured.get(given["measured"])
            return words.say(metric, words.scale(metric) * values[0]) if values else ""
        return words.say(metric, ledger_schema.number(given["value"])) if given else ""

    def _title(self, side: str) -> str:
        return self.published.get("heading", "paper") if side == "paper" else SIDES[side]

    def pivot(self, table: str | None = None, variants: Sequence[str] | None = None) -> Table:
        """See `ledger.pivot`."""
        table = next(iter(self.tables), None) if table is None else table
        if table not in self.tables:
            raise ValueError(f"table must be one of {', '.join(self.tables)}, got {table!r}")
        given = self.tables[table]
        known = given["variants"]
        chosen = list(known) if variants is None else list(variants)
        if unknown := [key for key in chosen if key not in known]:
            raise ValueError(f"variants must be of {', '.join(known)}, got {', '.join(unknown)}")
        titles = self._titles(given, chosen)
        columns = {name: self.column(table, *place) for name, place in titles.items()}
        rows = [
            {given["row"]: _row_name(given, row)}
            | {
                n: words.say(given, v[row[0]], unit=False)
                for n, v in columns.items()
                if row[0] in v
            }
            for row in given["values"]
        ]
        if "limit" in given:
            rows += self._last_rows(table, titles)
        return Table(rows, self._sentences(table, chosen))

    def _titles(self, given: Mapping, chosen: Sequence[str]) -> dict[str, tuple[str, str]]:
        """{title of a column: (variant, side)}; chance stands once where variants share it."""
        titles: dict[str, tuple[str, str]] = {}
        for key in chosen:
            variant = given["variants"][key]
            sides = [side for side in ("paper", "open") if side in variant]
            sides += ["ours"] if "measured" in variant else []
            if "chance" in variant:
                titles.setdefault(variant["chance"], (key, "chance"))
            for side in sides:
                says = (
                    self._title("paper")
                    if side == "paper"
                    else {"open": "open code"}.get(side, side)
                )
                alone = len(sides) == 1 and side == "paper"
                titles[variant["label"] + ("" if alone else f": {says}")] = (key, side)
        return titles

    def _last_rows(self, table: str, titles: Mapping[str, tuple[str, str]]) -> list[dict[str, str]]:
        """The means, and how many rows are above the limit."""
        given = self.tables[table]
        mean = {given["row"]: "**mean**"}
        above = {given["row"]: f"**above {given['limit']}{given['unit']}**"}
        for title, place in titles.items():
            values = self._comparable(table, *place)
            if values:
                mean[title] = words.say(given, statistics.fmean(values), unit=False)
                above[title] = str(sum(round(value, 9) > given["limit"] for value in values))
        return [mean, above]

    # ---------------------------------------------------------------------------- the sentences
    def protocol(self) -> str:
        """One sentence about the run at paper scale, with the command that repeats it."""
        run = self.run
        if not run:
            return "No run at paper scale has been recorded yet."
        versions = ", ".join(f"{VERSIONS.get(k, k)} {v}" for k, v in run["versions"].items())
        seeds = f"{len(run['seeds'])} seed{'s' if len(run['seeds']) > 1 else ''}"
        halves = any("spread" in metric for metric in self.published["metrics"].values())
        spread = "" if halves else "± is one standard deviation over the seeds. "
        return (
            f"{words.capital(OURS)}: {run['data']}; {seeds}; {run['minutes']:.0f} minutes, "
            f"{run['device']}, {run['date']}, {versions}; {words.about_runs(run)}"
            f"`make results NAME={self.name}` repeats it. "
            f"{spread}*Fails if* is about this run."
        )

    def cite(self, key: str) -> str:
        """A source by its authors and year, with a link where it has an address."""
        name, address = self.sources[key]
        return f"[{name}]({address})" if address else name

    def _origin(self, sides: Mapping[str, Sequence[Mapping]]) -> str:
        """Where the numbers of each side come from."""
        said = []
        for side, given in sides.items():
            places: dict[str, list[str | None]] = {}
            for one in given:
                if side == "chance":
                    places.setdefault(one["what"], [])
                else:  # the first part of "table 1, column PE LS" is enough to find it
                    where = one.get("where", "").partition(", ")[0]
                    places.setdefault(self.cite(one["source"]), []).append(where)
            texts = [
                ", ".join([name, *filter(None, [" and ".join(words.unique(where))])])
                for name, where in places.items()
            ]
            if texts:
                said.append(f"{words.capital(self._title(side))}: {'; '.join(texts)}.")
        return " ".join(said)

    def _sentences(self, table: str, chosen: Sequence[str]) -> list[str]:
        """What is said below a pivot: its variants, sources, and what is missing."""
        given = self.tables[table]
        variants = {key: given["variants"][key] for key in chosen}
        about, missing = [], []
        for key, variant in variants.items():
            said = words.unique([variant.get("about"), variant.get("differs")])
            about += [f"*{words.capital(variant['label'])}*: {'; '.join(said)}."] if said else []
            ours = self.column(table, key, "ours")
            left = [str(row[0]) for row in given["values"] if ours and row[0] not in ours]
            if left:
                missing.append(
                    f"{words.capital(variant['label'])} is without {given['row']} "
                    f"{', '.join(left)}, and so are the means and counts of its columns."
                )
        sides = {
            side: [self._about(table, key, side) for key, v in variants.items() if side in v]
            for side in SIDES
        }
        return [" ".join([*given.get("about", []), *about, *missing]), self._origin(sides)]


def _as_list(value: float | Sequence[float]) -> list[float]:
    """The values of the seeds, of which a single number is one."""
    try:
        return [float(one) for one in value]
    except TypeError:
        return [float(value)]


def _row_name(given: Mapping, row: Sequence) -> str:
    named = given["columns"][1:2] == ["name"]
    return f"{row[0]} {row[1]}" if named else str(row[0])
