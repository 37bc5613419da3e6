"""A translator puts each sentence in its place, and learns a language of three words."""

import numpy as onp
import pytest

from d2l_attention import seed_everything
from d2l_attention.attention import Attention, DotProductScore
from d2l_attention.datasets.translation import END, Pair
from d2l_attention.models.seq2seq import Seq2Seq
from d2l_attention.notebook.translator import Translator
from d2l_attention.training import fit

from mxnet import init, optimizer

WORDS = {"one": "eins", "two": "zwei", "ten": "zehn"}
PAIRS = [
    Pair(" ".join(words), " ".join(WORDS[word] for word in words))
    for words in [(a, b, c)[:n] for n in (1, 2, 3) for a in WORDS for b in WORDS for c in WORDS]
]


def build(*sizes):
    seed_everything(0)
    network = Seq2Seq(*sizes, hidden_size=24, attention=Attention(DotProductScore()))
    network.initialize(init.Xavier())
    return network


@pytest.fixture(scope="module", params=[False, True], ids=["forward", "reversed"])
def translator(request):
    made = Translator(PAIRS, build, pieces=60, reverse=request.param)
    adam = optimizer.Adam(learning_rate=0.02)
    fit(made.model, made.batches(PAIRS, 9, seed=0), adam, epochs=40, clip_norm=1.0, progress=False)
    return made


def test_it_learns(translator):
    assert translator.right(PAIRS) == 1
    assert translator.translate(["ten one", "two"]) == ["zehn eins", "zwei"]
    assert translator.translate(["ten one", "two"], beam=3) == ["zehn eins", "zwei"]


def test_each_sentence_keeps_its_place(translator):
    sentences = [pair[0] for pair in PAIRS] * 4  # more than one batch, of mixed lengths
    together = translator.translate(sentences)
    alone = {text: translator.translate([text])[0] for text in set(sentences)}
    assert together == [alone[text] for text in sentences]


def test_weights_belong_to_what_was_read(translator):
    (found,) = translator.generate(["one two ten"])
    read = len(translator.read("one two ten"))
    assert found.weights.shape == (len(found.symbols) + 1, read)
    assert found.finished and END not in found.symbols


def test_reading_is_reversed_or_not(translator):
    numbers = translator.vocabularies[0].encode("one two")
    expected = numbers[::-1] if translator.reverse else numbers
    assert translator.read("one two") == expected


def test_frequencies_are_those_of_the_targets(translator):
    found = translator.log_frequencies([Pair("one two", "eins zwei"), Pair("two", "zwei")])
    pieces = translator.vocabularies[1].pieces(range(len(found)))
    count = {"eins": 1, "zwei": 2, "</s>": 2}
    expected = [1 + count.get(piece, 0) for piece in pieces]
    onp.testing.assert_allclose(onp.exp(found), onp.array(expected) / (5 + len(found)), rtol=1e-5)


def test_wrong_sentences_are_refused(translator):
    with pytest.raises(ValueError, match="empty"):
        translator.translate([""])
    with pytest.raises(TypeError, match="text"):
        translator.translate([3])
    with pytest.raises(ValueError, match="beam"):
        translator.translate(["one"], beam=0)
