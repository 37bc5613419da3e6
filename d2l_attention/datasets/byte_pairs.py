"""Text as numbers without unknown characters: pieces made of bytes (Radford et al. 2019, section 2.2).

Any text is a sequence of bytes, of which there are 256. Byte-pair encoding (Sennrich, Haddow and Birch
2016) starts with them, and joins the pairs that are most frequent, over and over: frequent words are one
piece, and what was never seen falls into its bytes. So that pieces can be written, each byte has a
character of its own, a blank for example Ġ. Hugging Face's tokenizers learn and join the pieces.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from d2l_attention.backend.checks import check_integer, check_sizes

END = "<|endoftext|>"  # between two texts; no text holds it as one piece
FILES = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))  # OpenAI's, Hugging Face's


def byte_alphabet() -> dict[int, str]:
    """The character that stands for each byte: itself if it can be seen, else one from 256 on.

    >>> alphabet = byte_alphabet()
    >>> "".join(alphabet[byte] for byte in "It is é".encode())
    'ItĠisĠÃ©'
    """
    seen = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1)}
    seen |= {*range(ord("®"), ord("ÿ") + 1)}
    hidden = (byte for byte in range(256) if byte not in seen)
    return {byte: chr(byte) for byte in seen} | {
        byte: chr(256 + place) for place, byte in enumerate(hidden)
    }


class BytePairs:
    """Pieces of bytes and their numbers; decoding gives any text back as it was.

    No piece spans two words, two numbers or two marks; a piece may begin with the blank before it.

    Parameters
    ----------
    numbers : dict of str: int
        The number of each piece, written in `byte_alphabet`; `END` is one of them.
    merges : sequence of (str, str)
        Which two pieces become one, those first that were learned first.

    Attributes
    ----------
    end : int
        The number of `END`.

    Raises
    ------
    ValueError
        A byte, the end, or a piece of a pair has no number, or numbers are not 0, 1, 2, ...

    >>> pairs = BytePairs.learn(["low lower lowest"] * 2, size=300)
    >>> pairs.pieces(pairs.encode("low slow"))
    ['low', ' ', 's', 'low']
    >>> pairs.decode(pairs.encode("Größe 🙂"))
    'Größe 🙂'
    """

    def __init__(self, numbers: dict[str, int], merges: Sequence[tuple[str, str]]):
        self.numbers, self.merges = dict(numbers), [tuple(pair) for pair in merges]
        _check(self.numbers, self.merges)
        self._tokenizer = _untrained(models.BPE(vocab=self.numbers, merges=self.merges))
        self.end = self.numbers[END]
        self._bytes = {character: byte for byte, character in byte_alphabet().items()}
        self._pieces = {number: piece for piece, number in self.numbers.items()}

    @classmethod
    def learn(cls, texts: Sequence[str], *, size: int, fewest: int = 2) -> "BytePairs":
        """Learn pieces from texts.

        Parameters
        ----------
        size : int
            Most pieces, the 256 bytes and the end included.
        fewest : int
            How often a pair must occur to become one piece.

        Raises
        ------
        TypeError, ValueError
            There are no texts, one is not text or is empty, or a number is too small.
        """
        check_integer("size", size, 257)
        check_sizes(fewest=fewest)
        if isinstance(texts, str) or not texts:
            raise ValueError("texts must be a sequence of at least one text")
        for text in texts:
            _check_text(text)
        learned = _untrained(models.BPE())
        options = {"vocab_size": size - 1, "min_frequency": fewest, "show_progress": False}
        alphabet = sorted(byte_alphabet().values())
        learned.train_from_iterator(
            texts, trainers.BpeTrainer(initial_alphabet=alphabet, **options)
        )
        model = json.loads(learned.to_str())["model"]
        numbers = model["vocab"] | {END: len(model["vocab"])}
        return cls(numbers, model["merges"])

    @classmethod
    def read(cls, folder: str | Path) -> "BytePairs":
        """Read the pieces that were published with GPT-2: `encoder.json` and `vocab.bpe`, or
        `vocab.json` and `merges.txt`.

        Raises
        ------
        FileNotFoundError, ValueError
            The folder has neither, or they do not fit together.
        """
        folder = Path(folder)
        for numbers, merges in FILES:
            if (folder / numbers).is_file() and (folder / merges).is_file():
                lines = (folder / merges).read_text(encoding="utf-8").split("\n")
                pairs = [tuple(line.split()) for line in lines if not line.startswith("#version")]
                found = json.loads((folder / numbers).read_text(encoding="utf-8"))
                return cls(found, [pair for pair in pairs if pair])
        wanted = " or ".join(" and ".join(names) for names in FILES)
        raise FileNotFoundError(f"{folder} must hold {wanted}")

    def __len__(self) -> int:
        return len(self.numbers)

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's pieces.

        Raises
        ------
        TypeError, ValueError
            It is not text, is empty, or has half of a pair of surrogates, which is no character.
        """
        _check_text(text)
        return self._tokenizer.encode(text).ids

    def decode(self, numbers: Sequence[int]) -> str:
        """Return the text of these numbers, without ends; bytes that are no character become �."""
        return b"".join(self._spelled(numbers)).decode("utf-8", errors="replace")

    def pieces(self, numbers: Sequence[int]) -> list[str]:
        """Return each piece as text: a part of a character becomes �."""
        return [piece.decode("utf-8", errors="replace") for piece in self._spelled(numbers)]

    def _spelled(self, numbers: Sequence[int]) -> list[bytes]:
        """The bytes of each piece."""
        checked = [check_integer("numbers", number, 0, len(self)) for number in numbers]
        found = ["" if number == self.end else self._pieces[number] for number in checked]
        return [bytes(self._bytes[character] for character in piece) for piece in found]


def _untrained(model) -> Tokenizer:
    """Text is cut into words, and these into bytes, before the model joins any."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _check(numbers: dict[str, int], merges: list) -> None:
    if sorted(numbers.values()) != list(range(len(numbers))):
        raise ValueError(f"numbers must be all from 0 to {len(numbers) - 1}, each once")
    missing = [piece for piece in (*byte_alphabet().values(), END) if piece not in numbers]
    if missing:
        raise ValueError(f"numbers must have all bytes and the end; there is no {missing[0]!r}")
    for pair in merges:
        if len(pair) != 2:
            raise ValueError(f"merges must be pairs of pieces, got {pair!r}")
        for piece in (*pair, "".join(pair)):
            if piece not in numbers:
                raise ValueError(f"merges must join pieces that have numbers; {piece!r} has none")


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"a text must be text, got {type(text).__name__}")
    if not text:
        raise ValueError("a text must not be empty")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text must be of characters, got half of one, a surrogate") from None
