"""What a second worker brings: measure it, and show it on the page book/scale.md.

`python -m book.publishing.scale` runs BERT's small pre-training alone, as one worker and as two, in turn,
and writes results/scale.json; measure on a machine that is idle. The Sphinx extension shows the file:
``{scale-table}`` and ``{scale-figure}``.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path("results", "scale.json")
COMMAND = "python -m book.publishing.scale"
PROGRAM = "d2l_attention.distributed.pretraining"
ARRANGEMENTS = {"alone, no store": 0, "1 worker": 1, "2 workers": 2}
BATCHES = (32, 256)  # examples of all workers together
ROUNDS = 5
SIZE = ("--documents", "1600", "--epochs", "3")
NOT_MEASURED = f"*It has not been measured yet: `{COMMAND}` measures it and writes `{RESULTS}`.*"
WIDTH, BAR, LEFT, SCALE = 540, 26, 200, 130  # of the figure, in pixels; SCALE is a ratio of 1


# ------------------------------------------------------------------------------------- measure
def measure() -> dict:
    """Run all arrangements in turn, so that what slows the machine slows all; returns what to write."""
    rounds = []
    for number in range(ROUNDS):
        for batch in BATCHES:
            for name, workers in ARRANGEMENTS.items():
                found = run(workers, batch)
                rounds.append({"batch": batch, "arrangement": name} | found)
                print(f"round {number + 1}, batch {batch}, {name}: {found}", flush=True)
    machine = {"processor": processor(), "cores": len(os.sched_getaffinity(0))}
    machine |= {
        "python": platform.python_version(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return {"command": COMMAND, "date": date, "machine": machine, "rounds": rounds}


def run(workers: int, batch: int) -> dict:
    """Words a second and megabytes a worker of one training; 0 workers: without a store."""
    start = (
        ["d2l_attention.distributed", "--workers", str(workers), PROGRAM] if workers else [PROGRAM]
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "found.json")
        options = [*SIZE, "--batch", str(batch), "--json", str(path)]
        subprocess.run(
            [sys.executable, "-m", *start, *options],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        found = json.loads(path.read_text("utf-8"))
    return {name: found[name] for name in ("words_per_second", "memory")}


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


# ---------------------------------------------------------------------------------------- show
def load(root: str | Path) -> dict | None:
    """What was measured, or None."""
    path = Path(root, RESULTS)
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def summary(results: dict) -> list[dict]:
    """For each batch and arrangement the median, least and largest ratio of its words a second to those
    of the same round without a store, the median of its words a second and of its memory.

    >>> rounds = [{"batch": 8, "arrangement": name, "words_per_second": words, "memory": [100.0]}
    ...           for name, words in (("alone, no store", 10.0), ("2 workers", 15.0))]
    >>> [(row["arrangement"], row["ratio"]) for row in summary({"rounds": rounds})]
    [('alone, no store', (1.0, 1.0, 1.0)), ('2 workers', (1.5, 1.5, 1.5))]
    """
    of = {}
    for each in results["rounds"]:
        of.setdefault((each["batch"], each["arrangement"]), []).append(each)
    rows = []
    for (batch, name), rounds in of.items():
        speeds, alone = (
            [each["words_per_second"] for each in of[batch, which]]
            for which in (name, next(iter(ARRANGEMENTS)))
        )
        ratios = [one / other for one, other in zip(speeds, alone, strict=True)]
        ratio = (statistics.median(ratios), min(ratios), max(ratios))
        memory = statistics.median(max(each["memory"]) for each in rounds)
        row = {"batch": batch, "arrangement": name, "ratio": ratio, "memory": memory}
        rows.append(row | {"speed": statistics.median(speeds)})
    return rows


def table(results: dict) -> str:
    """The summary in Markdown, and where it comes from."""
    titles = ("Arrangement", "Batch", "Words a second", "against alone", "Memory of a worker")
    lines = [f"| {' | '.join(titles)} |", "|---|---|---|---|---|"]
    for row in summary(results):
        middle, least, most = row["ratio"]
        first = row["arrangement"] == next(iter(ARRANGEMENTS))
        ratio = "1" if first else f"{middle:.2f} ({least:.2f} to {most:.2f})"
        numbers = f"{row['speed']:,.0f} | {ratio} | {row['memory']:.0f} MB"
        lines.append(f"| {row['arrangement']} | {row['batch']} | {numbers} |")
    machine, rounds = results["machine"], len(results["rounds"]) // (len(lines) - 2)
    where = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} thread a process"
    )
    note = f"Medians of {rounds} rounds, in brackets the least and the largest; {where}; {results['date']}."
    return "\n".join([*lines, "", f"{note} `{results['command']}` writes `{RESULTS}`."])


def picture(results: dict) -> str:
    """The ratios as bars, an SVG that takes its colour from the page."""
    rows = summary(results)
    parts, height = [], BAR * len(rows) + 34
    for number, row in enumerate(rows):
        middle, least, most = (SCALE * value for value in row["ratio"])
        y = BAR * number + 4
        label = f"batch {row['batch']}, {row['arrangement']}"
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{label}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{middle:.1f}" height="{BAR - 8}" fill="#3a8fd0"/>',
            f'<path d="M{LEFT + least:.1f} {y + 9}H{LEFT + most:.1f}" stroke="currentColor" stroke-width="2"/>',
            f'<text x="{LEFT + most + 8:.1f}" y="{y + 15}">{row["ratio"][0]:.2f}</text>',
        ]
    axis = f'<text x="{LEFT}" y="{height - 8}">words a second, against one process without a store</text>'
    said = "; ".join(f"batch {r['batch']}, {r['arrangement']}: {r['ratio'][0]:.2f}" for r in rows)
    style = 'style="max-width: 100%; height: auto" font-size="14" fill="currentColor" font-family="sans-serif"'
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" {style}'
    return f'{start} aria-label="Words a second against one process alone. {said}.">{"".join(parts)}{axis}</svg>'


class ScaleTable(SphinxDirective):
    """The table of what was measured."""

    def run(self) -> list[nodes.Node]:
        results, container = load(self.env.srcdir), nodes.container()
        self.env.note_dependency(str(Path(self.env.srcdir, RESULTS)))
        lines = (table(results) if results else NOT_MEASURED).split("\n")
        self.state.nested_parse(StringList(lines, self.name), self.content_offset, container)
        return container.children


class ScaleFigure(SphinxDirective):
    """The figure of what was measured."""

    def run(self) -> list[nodes.Node]:
        results = load(self.env.srcdir)
        return [nodes.raw("", picture(results), format="html")] if results else []


def setup(app) -> dict:
    app.add_directive("scale-table", ScaleTable)
    app.add_directive("scale-figure", ScaleFigure)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    written = json.dumps(measure(), indent=1)
    (ROOT / RESULTS).write_text(written + "\n", "utf-8")
    print(table(json.loads(written)))
