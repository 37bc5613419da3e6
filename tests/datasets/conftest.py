"""The published bAbI files, for the tests of their reader and of the generator that is like them."""

import pytest

from d2l_attention.datasets import babi, cache


@pytest.fixture
def published(real_data, monkeypatch):
    """Loads a published file from the folder with real data, or skips the test; never downloads."""

    def refuse(*args, **more):
        raise ConnectionError("tests never download")

    monkeypatch.setattr(cache, "fetch", refuse)

    def load(task, split, size="1k"):
        try:
            return babi.load(task, split, size=size, progress=False)
        except ConnectionError:
            pytest.skip(f"the cache has no {split} set of task {task}, size {size}")

    return load
