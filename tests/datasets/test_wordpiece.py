"""WordPiece: the longest piece first, the same pieces in each process, the published vocabulary, errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from d2l_attention.datasets import minilm
from d2l_attention.datasets.senses import generate
from d2l_attention.datasets.wordpiece import SPECIAL, WordPiece

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = [s for document in generate(200, seed=0) for s in document.sentences]
LEARN = """
import json
from d2l_attention.datasets.senses import generate
from d2l_attention.datasets.wordpiece import WordPiece
vocabulary = WordPiece([s for d in generate(200, seed=0) for s in d.sentences], size=90)
print(json.dumps(vocabulary.pieces(range(len(vocabulary)))))
"""


@pytest.fixture(scope="module")
def vocabulary():
    return WordPiece(SENTENCES, size=90)  # so few that most words fall into several


def test_special_pieces_come_first(vocabulary):
    assert vocabulary.pieces(range(5)) == list(SPECIAL)
    assert vocabulary.special == (0, 1, 2, 3, 4)
    assert (vocabulary.padding, vocabulary.unknown, vocabulary.mask) == (0, 1, 4)
    assert (vocabulary.start, vocabulary.separator) == (2, 3)
    assert len(vocabulary) == 90


def test_a_word_is_the_longest_pieces_from_its_left(vocabulary):
    """Found anew, without the library."""
    everything = set(vocabulary.pieces(range(len(vocabulary))))
    for sentence in SENTENCES[:200]:
        expected = []
        for word in sentence.lower().split():
            rest, prefix = word, ""
            while rest:
                length = max(k for k in range(1, len(rest) + 1) if prefix + rest[:k] in everything)
                expected.append(prefix + rest[:length])
                rest, prefix = rest[length:], "##"
        assert vocabulary.pieces(vocabulary.encode(sentence)) == expected
        text = vocabulary.decode(vocabulary.encode(sentence))
        assert text == sentence.lower().replace(" .", ".")


def test_every_process_learns_the_same_pieces(vocabulary):
    """The trainer alone does not: what it meets first is chance."""
    expected = vocabulary.pieces(range(len(vocabulary)))
    assert WordPiece(SENTENCES, size=90).pieces(range(90)) == expected
    for _ in range(2):
        found = subprocess.run(
            [sys.executable, "-c", LEARN], capture_output=True, text=True, cwd=ROOT, check=True
        )
        assert json.loads(found.stdout) == expected


def test_small_letters_accents_marks_and_what_was_never_seen(vocabulary):
    assert vocabulary.encode("THE  Bank") == vocabulary.encode("the bánk")
    assert vocabulary.pieces(vocabulary.encode("the bank.")) == [
        *vocabulary.pieces(vocabulary.encode("the bank")), "."
    ]  # fmt: skip
    assert vocabulary.encode("日") == [vocabulary.unknown]
    assert vocabulary.encode("[MASK]") == [vocabulary.mask]
    assert vocabulary.decode([vocabulary.start, *vocabulary.encode("a cat"), 0]) == "a cat"


def test_the_published_vocabulary(minilm_data):
    vocabulary = WordPiece.read(minilm_data / minilm.NAME / "tokenizer.json")
    assert len(vocabulary) == 30_522 and vocabulary.special == (0, 100, 101, 102, 103)
    pieces = ["hugging", "em", "##bed", "##ding", "##s", "."]
    assert vocabulary.pieces(vocabulary.encode("Hugging embeddings.")) == pieces
    assert vocabulary.number("bank") == 2924
    long = vocabulary.encode("word " * 600)
    assert len(long) == 600  # nothing is cut, silently


def test_numbers_of_pieces(vocabulary):
    for number in range(len(vocabulary)):
        assert vocabulary.number(*vocabulary.pieces([number])) == number
    with pytest.raises(KeyError, match="no piece 'zebra'"):
        vocabulary.number("zebra")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda v: WordPiece([]), ValueError, "sentences must be a sequence of at least one text"),
        (lambda v: WordPiece("a text"), ValueError, "sentences must be a sequence"),
        (lambda v: WordPiece(["a", ""]), ValueError, "a text must not be empty"),
        (lambda v: WordPiece([3]), TypeError, "a text must be a str, got int"),
        (lambda v: WordPiece(["a"], size=0), ValueError, "size must be at least 1"),
        (lambda v: WordPiece(["a"], fewest=1.5), TypeError, "fewest must be an integer"),
        (lambda v: v.encode(" \n"), ValueError, "a text must not be empty"),
        (lambda v: v.encode(None), TypeError, "a text must be a str, got NoneType"),
        (lambda v: v.decode([90]), ValueError, "numbers must be from 0 to 89, got 90"),
        (lambda v: v.pieces([-1]), ValueError, "numbers must be from 0 to 89"),
    ],
)
def test_wrong_input_is_refused(call, error, message, vocabulary):
    with pytest.raises(error, match=message):
        call(vocabulary)


def test_other_files_are_refused(tmp_path):
    from tokenizers import Tokenizer, models

    path = tmp_path / "tokenizer.json"
    with pytest.raises(FileNotFoundError):
        WordPiece.read(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"must be a tokenizer\.json"):
        WordPiece.read(path)
    Tokenizer(models.BPE()).save(str(path))
    with pytest.raises(ValueError, match="must be of WordPiece, got BPE"):
        WordPiece.read(path)
    Tokenizer(models.WordPiece({"a": 0, "[UNK]": 1}, unk_token="[UNK]")).save(str(path))
    with pytest.raises(ValueError, match=r"lacks \[PAD\], \[CLS\], \[SEP\], \[MASK\]"):
        WordPiece.read(path)


def test_a_vocabulary_that_was_written_is_read_again(tmp_path):
    vocabulary = WordPiece(["The table is round.", "A lamp, [MASK] and a door."], fewest=1)
    vocabulary.write(tmp_path / "tokenizer.json")
    again = WordPiece.read(tmp_path / "tokenizer.json")
    for text in ("The lamb is [UNK].", "A [MASK] table"):
        assert again.encode(text) == vocabulary.encode(text)
    assert len(again) == len(vocabulary) and again.special == vocabulary.special
