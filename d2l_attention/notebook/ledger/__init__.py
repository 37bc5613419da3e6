"""The ledger: what is published and what this project measured, side by side.

`results/papers/NAME.json` holds the papers' numbers, those of the best open code, what chance
reaches and what would be a failure (`ledger.schema` says in which form); `results/NAME.json`
holds what `make results` measured. Every table of a notebook and of the results page is made
here from the two, so no number is typed twice.

>>> table("kernel_regression").rows[0]["theory"]
'-0.80'
"""

from collections.abc import Sequence

from d2l_attention.notebook.ledger.numbers import SIDES
from d2l_attention.notebook.ledger.tables import Ledger, Values
from d2l_attention.notebook.ledger.words import Table

__all__ = ["Ledger", "Table", "column", "load", "paper", "pivot", "table"]


def load(name: str) -> dict:
    """Return what `results/papers/NAME.json` holds.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is not as `ledger.schema` says.
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
