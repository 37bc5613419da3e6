"""The ledger's tables, and what is said below them."""

import statistics
from collections.abc import Mapping, Sequence

from d2l_attention.notebook.ledger import schema, words
from d2l_attention.notebook.ledger.numbers import SIDES, Numbers
from d2l_attention.notebook.ledger.words import Table

OURS = "ours, at paper scale"
HERE = "this notebook"
VERSIONS = {"python": "Python", "mxnet": "MXNet", "numpy": "NumPy"}

# {metric: its value, or the values of the seeds}
Values = Mapping[str, float | Sequence[float]]


class Ledger(Numbers):
    """The tables of a system; constructed as `Numbers`."""

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
        return words.say(metric, schema.number(given["value"])) if given else ""

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

    # the sentences below a table
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
            if left and "limit" in given:
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
