"""Text as numbers in BERT's way: words that are frequent are one piece, others fall into several.

A piece that continues a word begins with ##: *playing* may be *play ##ing*. From left to right, the longest
piece that fits is taken (Schuster and Nakajima 2012; Wu et al. 2016). Hugging Face's tokenizers do it;
they learn the pieces as byte-pair encoding does, by frequency.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from d2l_attention.backend.checks import check_integer, check_sizes

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class WordPiece:
    """Pieces of words and their numbers; small letters, no accents.

    Parameters
    ----------
    sentences : sequence of str
        What the pieces are learned from: the training set alone.
    size : int
        Most pieces, the five special ones included. All characters become pieces, so there are more if
        there are more characters.
    fewest : int
        How often two pieces must stand side by side to become one.

    Attributes
    ----------
    padding, unknown, start, separator, mask : int
        Numbers of the special pieces: 0 to 4, if the pieces were learned here.

    Raises
    ------
    TypeError, ValueError
        There are no sentences, one is not text, or a number is not positive.

    >>> vocabulary = WordPiece(["The table is round.", "The lamp is round."], fewest=1)
    >>> numbers = vocabulary.encode("The round lamp.")
    >>> vocabulary.pieces(numbers), vocabulary.decode(numbers)
    (['the', 'round', 'lamp', '.'], 'the round lamp.')
    >>> vocabulary.pieces(vocabulary.encode("A lamb?"))
    ['a', 'lam', '##b', '[UNK]']
    """

    def __init__(self, sentences: Sequence[str], *, size: int = 8000, fewest: int = 2):
        check_sizes(size=size, fewest=fewest)
        if isinstance(sentences, str) or not sentences:
            raise ValueError("sentences must be a sequence of at least one text")
        for sentence in sentences:
            _check_text(sentence)
        tokenizer = _tokenizer()
        # The trainer meets pieces of one letter in an order that is chance, and breaks ties by it. Named
        # before, as special pieces, they have an order. The vocabulary is then used without the trainer.
        options = {"vocab_size": size, "min_frequency": fewest, "show_progress": False}
        first = [*SPECIAL, *_inner_letters(tokenizer, sentences)]
        trainer = trainers.WordPieceTrainer(special_tokens=first, **options)
        tokenizer.train_from_iterator(sentences, trainer)
        self._use(_tokenizer(tokenizer.get_vocab()))

    @classmethod
    def read(cls, path: str | os.PathLike) -> "WordPiece":
        """Return the published vocabulary in a `tokenizer.json`.

        Raises
        ------
        FileNotFoundError
            There is none.
        ValueError
            It is not one of WordPiece, or lacks a special piece.
        """
        text = Path(path).read_text("utf-8")
        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # tokenizers raise nothing more precise
            raise ValueError(f"{path} must be a tokenizer.json: {error}") from None
        if not isinstance(tokenizer.model, models.WordPiece):
            raise ValueError(f"{path} must be of WordPiece, got {type(tokenizer.model).__name__}")
        if missing := [piece for piece in SPECIAL if tokenizer.token_to_id(piece) is None]:
            raise ValueError(f"{path} lacks {', '.join(missing)}")
        tokenizer.no_truncation()
        tokenizer.no_padding()
        vocabulary = cls.__new__(cls)
        cls._use(vocabulary, tokenizer)
        return vocabulary

    def write(self, path: str | os.PathLike) -> None:
        """Write the vocabulary as a `tokenizer.json`, which `read` reads."""
        Path(path).write_text(self._tokenizer.to_str(pretty=True), "utf-8")

    def _use(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.special = tuple(map(tokenizer.token_to_id, SPECIAL))
        self.padding, self.unknown, self.start, self.separator, self.mask = self.special

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's pieces, without special ones around them.

        Raises
        ------
        TypeError, ValueError
            It is not text, or is empty.
        """
        _check_text(text)
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the numbers of a text's pieces, and of each the characters: the first, and behind the last.

        >>> WordPiece(["one two"], fewest=1).encode_offsets("Two  one")[1]
        [(0, 3), (5, 8)]
        """
        _check_text(text)
        found = self._tokenizer.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def decode(self, numbers: Sequence[int]) -> str:
        """Return the text of these numbers; special pieces are left out."""
        return self._tokenizer.decode(list(self._checked(numbers)))

    def pieces(self, numbers: Sequence[int]) -> list[str]:
        """Return each piece as it stands in the vocabulary."""
        return [self._tokenizer.id_to_token(number) for number in self._checked(numbers)]

    def number(self, piece: str) -> int:
        """Return a piece's number.

        Raises
        ------
        KeyError
            The vocabulary does not have it.
        """
        number = self._tokenizer.token_to_id(piece)
        if number is None:
            raise KeyError(f"the vocabulary has no piece {piece!r}")
        return number

    def _checked(self, numbers: Sequence[int]) -> Iterator[int]:
        return (check_integer("numbers", int(n), 0, len(self)) for n in numbers)


def _tokenizer(numbers: dict[str, int] | None = None) -> Tokenizer:
    """As BERT's: words in small letters, without accents; marks are words of their own."""
    tokenizer = Tokenizer(models.WordPiece(numbers or {}, unk_token=SPECIAL[1]))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL) if numbers else [])
    return tokenizer


def _inner_letters(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[str]:
    """The pieces of one letter that occur within words, in order."""
    found = set()
    for sentence in sentences:
        normal = tokenizer.normalizer.normalize_str(sentence)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            found.update(word[1:])
    return [f"##{letter}" for letter in sorted(found)]


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"a text must be a str, got {type(text).__name__}")
    if not text.strip():
        raise ValueError("a text must not be empty")
