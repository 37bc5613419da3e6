"""Data sets are NumPy only, so that they can be read and tested without MXNet."""

import ast
from pathlib import Path

import pytest

import d2l_attention.datasets

FOLDER = Path(d2l_attention.datasets.__file__).parent
MODULES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py"))


def imported(source: str) -> set[str]:
    """The packages that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("module", MODULES)
def test_no_data_set_imports_mxnet(module):
    assert not imported((FOLDER / module).read_text("utf-8")) & {"mxnet", "d2l"}
