"""What all tests share: the runtime, and the real data where present. The instruction set
and the single thread are set in the folder above.
"""

import os

os.environ["MPLBACKEND"] = "Agg"

from pathlib import Path

import pytest

import d2l_attention  # noqa: F401  (prepares MXNet for every test module)

if os.environ.get("D2L_ATTENTION_REQUIRE_ORACLES") == "1":
    import torch  # noqa: F401  (else tests that compare with PyTorch would be skipped)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def real_data(monkeypatch) -> Path:
    """The folder with real data sets: `D2L_ATTENTION_DATA`, else `../shared/data`
    beside the repository.

    A test that asks for it is skipped where there is neither: tests never download.
    """
    folder = Path(os.environ.get("D2L_ATTENTION_DATA", SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(
            f"no real data: D2L_ATTENTION_DATA is not set and there is no folder {folder.name!r} to use"
        )
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(folder))
    return folder
