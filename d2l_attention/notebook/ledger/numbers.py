"""What is published about a system and what was measured of it, as numbers."""

import json
import statistics
from collections.abc import Mapping
from pathlib import Path

from d2l_attention.notebook import experiment
from d2l_attention.notebook.ledger import bibliography, schema, words

SIDES = {"paper": "paper", "open": "best open code", "chance": "chance"}


class Numbers:
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
        It is recorded in another form than `ledger.schema` says.
    """

    def __init__(self, name: str, root: str | Path | None = None):
        root = experiment.RESULTS.parent if root is None else Path(root)
        path = root / "results" / "papers" / f"{experiment.plain_name(name)}.json"
        if not path.is_file():
            raise FileNotFoundError(f"nothing published is recorded for {name!r} ({path})")
        self.name = name
        self.sources = bibliography.read(root / "book" / "references.bib")
        self.published = json.loads(path.read_text(encoding="utf-8"))
        schema.check(name, self.published, self.sources)
        self.tables = self.published.get("tables", {})
        recorded = root / "results" / f"{name}.json"
        self.run = json.loads(recorded.read_text(encoding="utf-8")) if recorded.is_file() else {}
        measured = self.run.get("metrics", {})
        self.measured = {key: metric["values"] for key, metric in measured.items()}

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
                value = schema.number(metric["paper"]["value"])
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
        return schema.fails(metric["fails_if"], value)
