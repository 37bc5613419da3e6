"""Sentences as numbers: pieces of words, and batches of sentences that are about as long.

Words that are frequent are one piece; others fall into several, found by byte-pair encoding (Sennrich,
Haddow and Birch 2016). Hugging Face's tokenizers learn the pieces.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as onp
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from d2l_attention.backend.checks import check_integer, check_sizes

PADDING, UNKNOWN, START, END = range(4)
SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
WORD = r"▁?\w+|▁?[^\w▁]"  # letters and digits, or one mark; each with the blank before it


class Vocabulary:
    """Pieces of words and their numbers: 0 is padding, 1 stands for a character never seen.

    No piece spans two words, or a word and a mark. Decoding gives the text back as it was, but for
    several blanks in a row, and characters never seen.

    Parameters
    ----------
    sentences : sequence of str
        What the pieces are learned from: the training set alone.
    size : int
        Most pieces, the four special ones included. All characters become pieces, so there are
        more if there are more characters.
    fewest : int
        How often a pair of pieces must occur to become one.

    Raises
    ------
    TypeError, ValueError
        There are no sentences, one is not text, or a number is not positive.

    >>> vocabulary = Vocabulary(["The table is round.", "The lamp is round."], fewest=1)
    >>> numbers = vocabulary.encode("The round lamp.")
    >>> vocabulary.pieces(numbers), vocabulary.decode(numbers)
    (['The', 'round', 'lamp', '.'], 'The round lamp.')
    >>> vocabulary.pieces(vocabulary.encode("The lable"))
    ['The', '▁', 'l', 'ab', 'le']
    """

    def __init__(self, sentences: Sequence[str], *, size: int = 8000, fewest: int = 2):
        check_sizes(size=size, fewest=fewest)
        if isinstance(sentences, str) or not sentences:
            raise ValueError("sentences must be a sequence of at least one text")
        for sentence in sentences:
            _check_text(sentence)
        self._tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
        words = pre_tokenizers.Split(Regex(WORD), "isolated")
        blanks = pre_tokenizers.Metaspace()  # a blank becomes the first character of a word
        self._tokenizer.pre_tokenizer = pre_tokenizers.Sequence([blanks, words])
        self._tokenizer.decoder = decoders.Metaspace()
        options = {"vocab_size": size, "min_frequency": fewest, "special_tokens": list(SPECIAL)}
        trainer = trainers.BpeTrainer(show_progress=False, **options)
        self._tokenizer.train_from_iterator(sentences, trainer)

    def __len__(self) -> int:
        return self._tokenizer.get_vocab_size()

    def encode(self, sentence: str) -> list[int]:
        """Return the numbers of a sentence's pieces, without start and end.

        Raises
        ------
        TypeError, ValueError
            It is not text, or is empty.
        """
        _check_text(sentence)
        return self._tokenizer.encode(sentence).ids

    def decode(self, numbers: Sequence[int]) -> str:
        """Return the sentence of these numbers; special pieces are left out."""
        return self._tokenizer.decode(list(self._checked(numbers)))

    def pieces(self, numbers: Sequence[int]) -> list[str]:
        """Return each piece as text; one that begins a word does not show it."""
        found = map(self._tokenizer.id_to_token, self._checked(numbers))
        return [piece.removeprefix("▁") or "▁" for piece in found]

    def _checked(self, numbers: Sequence[int]) -> Iterator[int]:
        return (check_integer("numbers", int(n), 0, len(self)) for n in numbers)


def _check_text(sentence: str) -> None:
    if not isinstance(sentence, str):
        raise TypeError(f"a sentence must be text, got {type(sentence).__name__}")
    if not sentence.strip():
        raise ValueError("a sentence must not be empty")


def arrays(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> tuple[tuple[onp.ndarray, onp.ndarray, onp.ndarray], onp.ndarray]:
    """Return a batch ((source, mask, previous), target) as `models.seq2seq` takes it.

    Parameters
    ----------
    sources, targets : sequence of sequence of int
        As many of both; no sentence is empty.

    Returns
    -------
    source (B, n) int32, padded at its beginning; mask (B, 1, n) float32; previous (B, T) int32, the
    target's numbers after START; target (B, T) int32, with END behind them. Both are padded behind.

    >>> (source, mask, previous), target = arrays([[5, 6], [7]], [[8], [9, 5]])
    >>> source.tolist(), mask[:, 0].tolist()
    ([[5, 6], [0, 7]], [[1.0, 1.0], [0.0, 1.0]])
    >>> previous.tolist(), target.tolist()
    ([[2, 8, 0], [2, 9, 5]], [[8, 3, 0], [9, 5, 3]])
    """
    if not len(sources) == len(targets) > 0 or not all(map(len, (*sources, *targets))):
        raise ValueError("sources and targets must be as many, at least one, and none empty")
    source = onp.zeros((len(sources), max(map(len, sources))), "int32")
    previous, target = onp.zeros((2, len(targets), 1 + max(map(len, targets))), "int32")
    for row, (read, written) in enumerate(zip(sources, targets, strict=True)):
        source[row, -len(read) :] = read
        previous[row, : len(written) + 1] = [START, *written]
        target[row, : len(written) + 1] = [*written, END]
    return (source, (source > 0)[:, None].astype("float32"), previous), target


def batches_by_length(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    batch_size: int,
    *,
    seed: int,
    pool: int = 50,
) -> Callable[[int], Iterator[tuple]]:
    """A function of the epoch that gives all sentences in batches of similar lengths, shuffled.

    Each epoch is shuffled, cut into pools of `pool` batches, and each pool is sorted by length: there
    is little padding, and which sentences meet in a batch is chance.

    Raises
    ------
    TypeError, ValueError
        As for `arrays`, or a size is not positive.
    """
    check_sizes(batch_size=batch_size, pool=pool)
    if len(sources) != len(targets) or not len(sources):
        raise ValueError("sources and targets must be as many, and at least one")
    lengths = onp.array([(len(t), len(s)) for s, t in zip(sources, targets, strict=True)])

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        random = onp.random.RandomState([seed, epoch])
        order, chosen = random.permutation(len(sources)), []
        for start in range(0, len(order), pool * batch_size):
            part = order[start : start + pool * batch_size]
            part = part[onp.lexsort(lengths[part].T)]
            chosen += [part[k : k + batch_size] for k in range(0, len(part), batch_size)]
        for number in random.permutation(len(chosen)):
            rows = chosen[number]
            yield arrays([sources[i] for i in rows], [targets[i] for i in rows])

    return epoch_batches
