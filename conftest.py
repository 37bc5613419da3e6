"""What holds for every run of pytest, by make or by hand, on tests and on notebooks."""

import os

import pytest

from book.publishing import processor

try:
    INSTRUCTIONS = processor.pin()  # before NumPy and MXNet load
except (RuntimeError, ValueError) as error:
    raise pytest.UsageError(str(error)) from None
os.environ["D2L_ATTENTION_SCALE"] = "quick"
os.environ["D2L_ATTENTION_FIGURES"] = "page"  # outputs as they are committed
os.environ.pop("MPLBACKEND", None)  # a notebook's figures go into the notebook
# Set in a hook of git, they would lead the git of a test to this repository
for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
    os.environ.pop(name, None)

pytest_plugins = ["tests.book.nbval_tolerance"]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """`pytest --nbval NOTEBOOK` uses this Python and the book's sanitizer unless told otherwise."""
    if config.option.nbval_kernel_name is None:
        config.option.nbval_current_env = True
    if config.option.nbval_sanitize_with is None:
        config.option.nbval_sanitize_with = str(config.rootpath / "tests" / "book" / "nbval.cfg")


def pytest_report_header():
    return (
        f"instruction set: {INSTRUCTIONS} ({processor.VARIABLE}; see book/publishing/processor.py)"
    )
