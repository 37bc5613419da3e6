"""The page for those who come from d2l.ai: its examples run and print what it says, and every
name in its table exists.
"""

import contextlib
import io
import re

import numpy as onp
import pytest

import d2l_attention
from d2l_attention.attention import Attention, ScaledDotProductScore, length_mask
from tests.book.publishing import ROOT

from d2l import mxnet as d2l
from mxnet import np

PAGE = (ROOT / "book" / "coming_from_d2l.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n+```text\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| (`.*?) \| (.*?) \| .* \|$", PAGE, re.MULTILINE)
ARGUMENTS = {"valid_lens", "num_hiddens", "attention"}


def test_the_table_is_read():
    assert len(ROWS) > 10


def test_every_example_prints_what_the_page_says():
    assert len(EXAMPLES) == PAGE.count("```python") > 4
    names = {}
    for number, (source, expected) in enumerate(EXAMPLES, 1):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(source, f"example {number}", "exec"), names)
        assert said.getvalue() == expected, f"example {number}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.search(r"\w+", row[0])[0])
def test_the_names_of_the_table_exist(row):
    for theirs in re.findall(r"`(\w+)", row[0]):
        assert hasattr(d2l, theirs) or theirs in ARGUMENTS, theirs
    for module, name in re.findall(r"`([a-z_.]+)\.(\w+)(?:\(\))?`", row[1]):
        found = __import__(f"d2l_attention.{module}", fromlist=[name])
        assert hasattr(found, name), f"{module}.{name}"


def test_a_zero_valid_length_attends_to_padding_in_d2l_and_to_nothing_here():
    random = onp.random.RandomState(0)
    query, key = (np.array(random.normal(size=(2, n, 4)), dtype="float32") for n in (3, 5))
    value = np.array(random.normal(size=(2, 5, 2)), dtype="float32")
    lengths = np.array([0.0, 3.0])
    theirs = d2l.DotProductAttention(dropout=0)
    pooled = theirs(query, key, value, lengths)
    context, weights = Attention(ScaledDotProductScore(4))(
        query, key, value, length_mask(lengths, 5)
    )
    assert onp.allclose(theirs.attention_weights[0].asnumpy(), 1 / 5)
    assert onp.allclose(pooled[0].asnumpy(), value[0].asnumpy().mean(0), atol=1e-6)
    assert not weights[0].asnumpy().any() and not context[0].asnumpy().any()
    assert onp.allclose(pooled[1].asnumpy(), context[1].asnumpy(), atol=1e-6)


def test_d2l_runs_on_this_python():
    assert d2l_attention and d2l.__file__
    assert d2l.masked_softmax(np.zeros((1, 1, 3)), np.array([2.0])).tolist() == [[[0.5, 0.5, 0.0]]]
    assert d2l.Vocab(["milk", "office"])["milk"] >= 0
