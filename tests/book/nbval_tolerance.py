"""nbval in which a cell may say by how much its trained numbers may differ from the stored ones.

A cell whose metadata says `"tolerance": 0.05` may print a number *with a decimal point*
that differs by at most 0.05 from the stored one. Words, whole numbers (counts, seeds,
sizes), the number of lines, and everything in all other cells are compared to the
letter. Training moves the last bits on another processor, so what it produced is printed
rounded and compared so; see "What the tests hold you to" in CONTRIBUTING.md.
"""

import copy
import re
from numbers import Real

from nbval.plugin import IPyNbCell

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.\d*|\.\d+)(?:e[-+]?\d+)?(?!\w)")
strict = IPyNbCell.compare_outputs


def agree(test: str, reference: str, tolerance: float) -> bool:
    """Whether two texts are equal but for decimal numbers at most `tolerance` apart."""
    if NUMBER.sub("#", test) != NUMBER.sub("#", reference):
        return False
    pairs = zip(NUMBER.findall(test), NUMBER.findall(reference), strict=True)
    return all(abs(float(a) - float(b)) <= tolerance * (1 + 1e-9) for a, b in pairs)


def of_cell(metadata) -> float | None:
    """The tolerance in a cell's metadata, or None; ValueError unless it is above zero."""
    tolerance = metadata.get("tolerance")
    if tolerance is None:
        return None
    if isinstance(tolerance, bool) or not isinstance(tolerance, Real) or not tolerance > 0:
        raise ValueError(f"a cell's tolerance must be a number above 0, got {tolerance!r}")
    return float(tolerance)


def compare_outputs(cell, test, reference, skip_compare=None):
    """nbval's comparison, after numbers within the tolerance were replaced by the stored ones."""
    tolerance = of_cell(cell.cell.metadata)
    if tolerance is not None and len(test) == len(reference):
        test = [_forgive(*pair, tolerance) for pair in zip(test, reference, strict=True)]
    return strict(cell, test, reference, skip_compare)


def _forgive(output, stored, tolerance):
    output = copy.deepcopy(output)
    data = output.get("data", {}), stored.get("data", {})
    places = [
        (output, stored, "text"),
        *((*data, kind) for kind in ("text/plain", "text/markdown")),
    ]
    for given, wanted, key in places:
        if key in given and key in wanted and agree(given[key], wanted[key], tolerance):
            given[key] = wanted[key]
    return output


IPyNbCell.compare_outputs = compare_outputs
