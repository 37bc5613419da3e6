"""WikiText-2 is read as it was published, packed or not, and anything else is refused."""

import gzip

import pytest

from d2l_attention.datasets import wikitext
from d2l_attention.datasets.wordpiece import WordPiece

ARTICLES = {"train": 600, "valid": 60, "test": 60}
TEXT = """
 = The crane =

 A crane is a bird . It eats fish @-@ eggs , 1 @,@ 000 a day . " Why ? " he asked . Nobody <unk> .

 = = Cranes at work = =

 Does it lift 2 @.@ 5 tonnes ? Yes !
 Goals = 3 ; Assists = 4 .

 = The bank =

 It was wet .
"""


def test_articles_are_documents_and_headings_are_none():
    crane, bank = wikitext.articles(TEXT)
    assert bank == ["It was wet ."]
    assert crane[:2] == [
        "A crane is a bird .",
        'It eats fish-eggs , 1,000 a day . " Why ? " he asked .',
    ]
    assert crane[-4:] == [
        "Nobody [UNK] .",
        "Does it lift 2.5 tonnes ?",
        "Yes !",
        "Goals = 3 ; Assists = 4 .",
    ]
    assert "work" not in " ".join(crane)


def test_what_is_unknown_is_one_special_piece():
    vocabulary = WordPiece(["Nobody knew ."], fewest=1)
    numbers = vocabulary.encode("Nobody [UNK] .")
    assert numbers[1] == vocabulary.unknown and vocabulary.pieces(numbers) == [
        "nobody",
        "[UNK]",
        ".",
    ]


@pytest.mark.parametrize("split", ARTICLES)
def test_the_published_articles(real_data, split):
    found = wikitext.load(split, progress=False)
    assert len(found) == ARTICLES[split]
    assert all(len(sentence) > 0 for article in found for sentence in article)
    text = " ".join(found[0])
    assert "<unk>" not in text and "@-@" not in text and "= =" not in text
    if split == "train":
        assert found[0][0].startswith("Senjō no Valkyria 3 : [UNK] Chronicles ( Japanese :")
        assert found[0][2].startswith("Released in January 2011 in Japan , it is the third game")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_another_file_is_refused(tmp_path, monkeypatch, packed):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "wikitext-2").mkdir()
    content = gzip.compress(b"It is .") if packed else b"It is ."
    (tmp_path / "wikitext-2" / f"wiki.train.tokens{'.gz' * packed}").write_bytes(content)
    for read in (
        lambda: wikitext.load("train", progress=False),
        lambda: wikitext.require(progress=False),
    ):
        with pytest.raises(ValueError, match="the file that the book uses"):
            read()


def test_half_a_packed_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path))
    (tmp_path / "wikitext-2").mkdir()
    content = gzip.compress(b"It is a long story ." * 99)[:-9]
    (tmp_path / "wikitext-2" / "wiki.train.tokens.gz").write_bytes(content)
    with pytest.raises(ValueError, match="is not a whole gzip file"):
        wikitext.load("train", progress=False)


def test_there_are_three_splits():
    with pytest.raises(ValueError, match="split must be"):
        wikitext.load("validation")
