"""What a run depends on, in one number: equal fingerprints mean the same code, versions and
device.

The code is that of all of the package's modules and of all cells that the notebook has
executed so far; comments, docstrings and line breaks do not count. This is coarse on
purpose: a change anywhere measures again, which costs time and is never wrong.
"""

import ast
import functools
import hashlib
import json
import sys
from pathlib import Path

from d2l_attention.notebook import experiment

PACKAGE = Path(__file__).resolve().parents[1]
PROSE_IN = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def fingerprint(device: str, *asked) -> str:
    """Return a SHA-256 of code, versions, device and what is asked for (plain values).

    Parameters
    ----------
    device : str
        `devices.describe_device`'s sentence.
    asked : numbers, strings, lists or dicts of them
        What tells this run from the system's others.

    Raises
    ------
    TypeError
        What is asked for is not plain, so that another execution could not repeat it.
    """
    versions = experiment.versions()
    versions["python"] = versions["python"].rpartition(".")[0]  # 3.12 of 3.12.1
    everything = [device, versions, package_code(), notebook_code(), asked]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def bare(source: str) -> str:
    """Return what a source text does, without comments, docstrings and layout.

    >>> bare("x = 1  # one") == bare("x = (1)"), bare("x = 1") == bare("x = 2")
    (True, False)
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, PROSE_IN) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


@functools.cache
def package_code() -> str:
    """The package as it was when this was first called, which `d2l_attention.notebook.runs` does
    when it is imported: an edit after that is not what runs.
    """
    files = sorted(PACKAGE.rglob("*.py"))
    code = [(path.relative_to(PACKAGE).as_posix(), bare(path.read_text("utf-8"))) for path in files]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()


def notebook_code() -> list[str]:
    """The cells executed so far, this one included; in a script, the script."""
    main = sys.modules["__main__"]
    if "In" in vars(main):
        return [bare(cell) for cell in main.In if cell]
    file = getattr(main, "__file__", None)
    return [bare(Path(file).read_text("utf-8"))] if file and Path(file).suffix == ".py" else []
