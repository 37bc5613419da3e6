"""The examples in the docstrings of every module say what they say."""

import doctest
import importlib
import pkgutil

import numpy as onp
import pytest

import d2l_attention
from d2l_attention import attention

from mxnet import np

MODULES = [info.name for info in pkgutil.walk_packages(d2l_attention.__path__, "d2l_attention.")]
NAMES = {name: getattr(attention, name) for name in attention.__all__} | {"np": np, "onp": onp}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name), extraglobs=NAMES).failed == 0


def test_examples_are_found():
    modules = [importlib.import_module(name) for name in MODULES]
    counts = {m.__name__: len(doctest.DocTestFinder(exclude_empty=True).find(m)) for m in modules}
    for name in ("attention.heads", "models.memory_networks", "training", "datasets.stories"):
        assert counts[f"d2l_attention.{name}"] > 0
