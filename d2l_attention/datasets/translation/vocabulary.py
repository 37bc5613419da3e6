"""Words, or parts of words, and their numbers; pairs of sentences as arrays."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as onp
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from d2l_attention.backend.checks import check_integer, check_sizes
from d2l_attention.datasets.translation.generator import Pair

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ["<padding>", "<start>", "<end>", "<unknown>"]


class Vocabulary:
    """The words of some texts, or parts of words, numbered from 4 on, the most frequent first.

    Parameters
    ----------
    texts : iterable of str
        Sentences with a blank between words and marks.
    subwords : int, optional
        How many words and parts of words there are: characters, joined again and again where they
        occur together most often (byte pair encoding: Sennrich, Haddow and Birch 2016). By default
        words are not parted.
    least : int
        Words that occur less often are unknown.

    Raises
    ------
    ValueError, TypeError
        There are no texts, or a number is too small.

    Examples
    --------
    >>> vocabulary = Vocabulary(["the table is round .", "the lamp is new ."])
    >>> vocabulary("the lamp is blue .")
    [6, 7, 5, 3, 4]
    >>> vocabulary.text([6, 10, 5, 9, 4]), len(vocabulary)
    ('the table is round .', 11)
    """

    def __init__(self, texts: Iterable[str], *, subwords: int | None = None, least: int = 1):
        texts = list(texts)
        if not texts:
            raise ValueError("texts must not be empty")
        check_integer("least", least, 1)
        options = {"special_tokens": SPECIAL, "min_frequency": least, "show_progress": False}
        if subwords is None:
            self._tokenizer = Tokenizer(models.WordLevel(unk_token=SPECIAL[UNKNOWN]))
            self._tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
            trainer = trainers.WordLevelTrainer(**options)
        else:
            check_integer("subwords", subwords, len(SPECIAL) + 1)
            self._tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
            self._tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            self._tokenizer.decoder = decoders.Metaspace()
            trainer = trainers.BpeTrainer(vocab_size=subwords, **options)
        self._tokenizer.train_from_iterator(texts, trainer)
        self.words = [self._tokenizer.id_to_token(number) for number in range(len(self))]

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def __call__(self, text: str) -> list[int]:
        """The numbers of a sentence's words; of one that is not known, `UNKNOWN`.

        Raises
        ------
        ValueError
            There is no word in it.
        """
        numbers = self._tokenizer.encode(text).ids
        if not numbers:
            raise ValueError(f"a sentence must have words, got {text!r}")
        return numbers

    def text(self, numbers: Sequence[int]) -> str:
        """The sentence of these numbers, without padding, start and end.

        Raises
        ------
        ValueError
            A number is not in the vocabulary.
        """
        numbers = [check_integer("a word's number", n, 0, len(self)) for n in numbers]
        if self._tokenizer.decoder is not None:
            return self._tokenizer.decode(numbers)
        words = [self.words[n] for n in numbers if n == UNKNOWN or n >= len(SPECIAL)]
        return " ".join(words)


def arrays(
    pairs: Sequence[Pair], source: Vocabulary, target: Vocabulary, *, reverse: bool = False
) -> tuple[tuple, onp.ndarray]:
    """Pairs of sentences as (source, mask, previous), target: what `Seq2Seq` takes, and its answer.

        the table is round .            previous   <start> der Tisch ist rund .
        <padding> the man laughs .      target     der Tisch ist rund . <end>

    Parameters
    ----------
    reverse : bool
        Whether sources are read from their end, so that the first word is the last that is read
        (Sutskever, Vinyals and Le 2014, section 3.3).

    Returns
    -------
    (source (B, n) int32, mask (B, 1, n) float32, previous (B, T) int32), target (B, T) int32
        Sources are padded at their beginning, targets at their end.

    Raises
    ------
    ValueError
        There are no pairs, or a sentence has no words.
    """
    return _stacked(*_numbers(pairs, source, target, reverse))


def _numbers(pairs, source, target, reverse) -> tuple[list, list]:
    if not pairs:
        raise ValueError("pairs must not be empty")
    sources = [source(pair[0])[:: -1 if reverse else 1] for pair in pairs]
    return sources, [target(pair[1]) for pair in pairs]


def _stacked(sources: list, targets: list) -> tuple[tuple, onp.ndarray]:
    longest = max(map(len, sources))
    words = onp.stack([_padded(row, longest, first=True) for row in sources])
    mask = onp.stack([onp.arange(-longest, 0) >= -len(row) for row in sources])
    length = 1 + max(map(len, targets))
    previous = onp.stack([_padded([START, *row], length) for row in targets])
    wanted = onp.stack([_padded([*row, END], length) for row in targets])
    return (words, mask[:, None].astype("float32"), previous), wanted


def _padded(row: list[int], length: int, *, first: bool = False) -> onp.ndarray:
    padding = [PADDING] * (length - len(row))
    return onp.array(padding + row if first else row + padding, "int32")


def batches_by_length(
    pairs: Sequence[Pair],
    source: Vocabulary,
    target: Vocabulary,
    batch_size: int,
    *,
    seed: int,
    reverse: bool = False,
) -> Callable[[int], Iterator[tuple]]:
    """A function of the epoch that gives batches of all pairs, in which sources are about equally long.

    So there is little padding. Which sentences of a length come together, and the order of the
    batches, depend on (seed, epoch) alone. Options and errors as for `arrays`.
    """
    check_sizes(batch_size=batch_size)
    sources, targets = _numbers(pairs, source, target, reverse)
    lengths = onp.array([len(row) for row in sources])

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        order = onp.lexsort([random.permutation(len(lengths)), lengths])
        starts = onp.arange(0, len(order), batch_size)
        for start in random.permutation(starts):
            chosen = order[start : start + batch_size]
            yield _stacked([sources[i] for i in chosen], [targets[i] for i in chosen])

    return epoch_batches
