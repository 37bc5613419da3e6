"""Digits of both sources have one form."""

import numpy as onp
import pytest

from d2l_attention.datasets import digits


def test_digits_of_both_sources_have_the_same_form(monkeypatch):
    pair = onp.full((3, 28, 28), 255, "uint8"), onp.array([1, 2, 3], "uint8")
    monkeypatch.setattr(digits.mnist, "load", lambda split: pair)
    for source, pixels in (("embedded", 64), ("mnist", 784)):
        for images, labels in digits.load(source):
            assert images.shape == (len(labels), pixels) and images.dtype == "float32"
            assert images.min() >= 0 and images.max() == 1 and labels.dtype == "int32"


def test_another_source_is_refused():
    with pytest.raises(ValueError, match="source"):
        digits.load("cifar")
