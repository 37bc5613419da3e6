"""Tiny Shakespeare is read exactly, or refused."""

import pytest

from d2l_attention.datasets import shakespeare


def test_shakespeare(real_data):
    training, validation = shakespeare.load(progress=False)
    shakespeare.require(progress=False)
    assert (len(training), len(validation)) == (1_003_854, 111_540)
    assert len(set(training + validation)) == 65
    assert training.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")


def test_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("First Citizen:")
    for read in (shakespeare.load, shakespeare.require):
        with pytest.raises(ValueError, match=r"input\.txt is not the file that the book uses"):
            read(progress=False)
