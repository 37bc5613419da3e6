"""A record that was measured here, for the tests of the record, the report and the command."""

import pytest

# A record names the version of each peer
pytest.importorskip("torch", reason="PyTorch, with which the benchmarks compare, is not installed")
pytest.importorskip("d2l.mxnet")

from benchmarks import record
from benchmarks.record import Entry
from benchmarks.timing import Ratio

CASE = "a block, 2 x 3"


def entry(median: float = 1.0, **changes) -> Entry:
    """An entry for the benchmark below, measured here."""
    cases = {CASE: {"PyTorch": Ratio(median, median - 0.02, median + 0.02)}}
    changes = {"cases": cases} | changes
    return Entry(**{"date": "2026-01-01", "rounds": 30} | record.setup() | changes)
