"""BERT's pre-training examples: words to be guessed, and two texts that may follow each other.

    ids        [CLS]  she  paid  the  [MASK]  [SEP]  he  counted  the  coins  [SEP]  [PAD]
    segments     0     0    0     0     0       0     1     1      1     1      1      0
    places       4                                   (and a second one that stayed as it was: 7)
    words      bill                                                    counted

Of the words 15% are to be guessed: of these 80% become [MASK], 10% any word, and 10% stay. So what
the network reads is not always masked, and it has to know each word by its neighbours. Half of the
second texts follow the first one; the others come from other documents (Devlin et al. 2018, section 3.1
and appendix A).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_share, check_sizes
from d2l_attention.datasets.wordpiece import WordPiece

SHARE = 0.15  # of words that are to be guessed
MASKED, CHANGED = 0.8, 0.1  # of these; the rest stays
FRAME = 3  # [CLS] and two [SEP]
Documents = Sequence[Sequence[Sequence[int]]]  # sentences' numbers


class Pair(NamedTuple):
    """Two texts as numbers; `other` is 1 if the second one does not follow the first, else 0."""

    first: list[int]
    second: list[int]
    other: int


def encode(documents: Iterable[Sequence[str]], vocabulary: WordPiece) -> list[list[list[int]]]:
    """Return the numbers of each document's sentences.

    Raises
    ------
    ValueError
        There are fewer than two documents, or one is empty or has an empty sentence.

    >>> vocabulary = WordPiece(["A table, a lamp, a door."], fewest=1)
    >>> encode([["A table.", "A lamp."], ["A door."]], vocabulary) == [
    ...     [vocabulary.encode("a table ."), vocabulary.encode("a lamp .")], [vocabulary.encode("a door .")]]
    True
    """
    found = [[vocabulary.encode(sentence) for sentence in document] for document in documents]
    _check(found)
    return found


def pairs(
    documents: Documents, *, longest: int, seed: int | Sequence[int], short: float = 0.1
) -> list[Pair]:
    """Cut documents into pairs of texts, half of which follow each other.

    A text is one sentence or several, as many as fill an input; where they are too long, words are cut
    off at either end of the longer text. A last sentence that is left alone makes no pair.

    Parameters
    ----------
    documents : sequence of documents, which are sequences of sentences, which are numbers
    longest : int
        Places of an input, [CLS] and both [SEP] included; at least 5.
    seed : int or sequence of int
        On which alone the pairs depend.
    short : float
        Share of inputs that are shorter, of any length, so that short ones are known, too.

    Raises
    ------
    TypeError, ValueError
        There are fewer than two documents, all have but one sentence, or one is empty; a number is not
        what it should be.

    >>> found = pairs([[[5], [6], [7]], [[8], [9]]], longest=5, seed=10)
    >>> [tuple(pair) for pair in found]
    [([5], [8], 1), ([6], [7], 0), ([8], [7], 1)]
    """
    room = check_integer("longest", longest, FRAME + 2) - FRAME
    check_share(short=short)
    _check(documents)
    random, found = onp.random.RandomState(seed), []
    for number, document in enumerate(documents):
        start = 0
        while start < len(document) - 1:
            target = room if random.rand() >= short else random.randint(2, room + 1)
            end = _end(document, start, target)
            cut = start + random.randint(1, end - start)
            first, other = _joined(document[start:cut]), int(random.rand() < 0.5)
            if other:
                second, start = _elsewhere(documents, number, target - len(first), random), cut
            else:
                second, start = _joined(document[cut:end]), end
            found.append(Pair(*_shortened(first, second, room, random), other))
    return found


def hide(
    ids: Sequence[int], vocabulary: WordPiece, random: onp.random.RandomState, share: float = SHARE
) -> tuple[list[int], list[int], list[int]]:
    """Choose words to be guessed, at least one, and hide most of them.

    Parameters
    ----------
    ids : sequence of int
        An input; special pieces in it are never chosen.
    share : float
        Of the other words that is chosen, on average.

    Returns
    -------
    ids as they are shown, places of the words to be guessed in order, and these words

    Raises
    ------
    ValueError
        There is nothing but special pieces.
    """
    check_share(share=share)
    there = [place for place, number in enumerate(ids) if number not in vocabulary.special]
    if not there:
        raise ValueError("ids must hold a word that is not special")
    count = max(1, int(share * len(there) + random.rand()))
    places = sorted(random.choice(there, count, replace=False).tolist())
    shown = list(ids)
    for place, chance in zip(places, random.rand(count), strict=True):
        if chance < MASKED:
            shown[place] = vocabulary.mask
        elif chance < MASKED + CHANGED:
            shown[place] = _any_word(vocabulary, random)
    return shown, places, [ids[place] for place in places]


def arrays(
    examples: Sequence[Pair], vocabulary: WordPiece, *, longest: int, random: onp.random.RandomState
) -> tuple[tuple, tuple]:
    """Return a batch ((ids, segments, mask, places), (words, other)) as `BertPretraining` takes it.

    Returns
    -------
    ids, segments (B, longest) int32, padded behind with 0; mask (B, 1, longest) float32; places
    (B, m) int32, of the words to be guessed, and words (B, m) int32, 0 where there are fewer; other
    (B,) int32. All shapes depend on B and `longest` alone.
    """
    ids, segments = onp.zeros((2, len(examples), longest), "int32")
    places, words = onp.zeros((2, len(examples), most_hidden(longest)), "int32")
    mask = onp.zeros((len(examples), 1, longest), "float32")
    for row, pair in enumerate(examples):
        whole, parts = frame(pair.first, pair.second, vocabulary)
        if len(whole) > longest:
            raise ValueError(f"an example must have at most {longest} pieces, got {len(whole)}")
        shown, hidden, right = hide(whole, vocabulary, random)
        ids[row, : len(whole)], segments[row, : len(whole)], mask[row, 0, : len(whole)] = (
            shown,
            parts,
            1,
        )
        places[row, : len(hidden)], words[row, : len(hidden)] = hidden, right
    other = onp.array([pair.other for pair in examples], "int32")
    return (ids, segments, mask, places), (words, other)


def frame(
    first: Sequence[int], second: Sequence[int] | None, vocabulary: WordPiece
) -> tuple[list[int], list[int]]:
    """Return [CLS] first [SEP] second [SEP], or [CLS] first [SEP], and each place's segment.

    >>> vocabulary = WordPiece(["one two"], fewest=1)
    >>> frame([5], [6, 7], vocabulary)
    ([2, 5, 3, 6, 7, 3], [0, 0, 0, 1, 1, 1])
    >>> frame([5], None, vocabulary)
    ([2, 5, 3], [0, 0, 0])
    """
    ids = [vocabulary.start, *first, vocabulary.separator]
    segments = [0] * len(ids)
    if second is not None:
        ids += [*second, vocabulary.separator]
        segments += [1] * (len(second) + 1)
    return ids, segments


def most_hidden(longest: int) -> int:
    """How many words of an input of so many places are to be guessed, at most."""
    return int(SHARE * (longest - FRAME)) + 1


def batches(
    documents: Documents, vocabulary: WordPiece, batch_size: int, *, longest: int, seed: int
) -> Callable[[int], Iterator[tuple]]:
    """A function of the epoch that gives batches: other pairs and other masks in each, shuffled.

    The last batch holds the rest, and may be smaller. What an epoch gives depends on (seed, epoch) alone.

    Raises
    ------
    TypeError, ValueError
        As for `pairs`, or `batch_size` is not positive.
    """
    check_sizes(batch_size=batch_size)
    _check(documents)
    check_integer("longest", longest, FRAME + 2)

    def epoch_batches(epoch: int) -> Iterator[tuple]:
        found = pairs(documents, longest=longest, seed=[seed, epoch, 0])
        random = onp.random.RandomState([seed, epoch, 1])
        order = random.permutation(len(found))
        for start in range(0, len(order), batch_size):
            chosen = [found[i] for i in order[start : start + batch_size]]
            yield arrays(chosen, vocabulary, longest=longest, random=random)

    return epoch_batches


# -------------------------------------------------------------------------------- parts of `pairs`
def _end(document, start: int, target: int) -> int:
    """Behind the sentences from `start` on that have so many words, but at least two sentences."""
    end, words = start, 0
    while end < len(document) and (words < target or end < start + 2):
        words, end = words + len(document[end]), end + 1
    return end


def _elsewhere(documents, number: int, target: int, random) -> list[int]:
    """So many words of another document, from any of its sentences on."""
    other = documents[(number + random.randint(1, len(documents))) % len(documents)]
    start = random.randint(len(other))
    found = []
    for sentence in other[start:]:
        found += sentence
        if len(found) >= target:
            break
    return found


def _shortened(first: list[int], second: list[int], room: int, random) -> tuple:
    """Both without words at either end of the longer one, so that they have room."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        longer = first if len(first) > len(second) else second
        del longer[0 if random.rand() < 0.5 else -1]
    return first, second


def _joined(sentences) -> list[int]:
    return [number for sentence in sentences for number in sentence]


def _any_word(vocabulary: WordPiece, random) -> int:
    """A piece that is not special, all alike."""
    while (number := random.randint(len(vocabulary))) in vocabulary.special:
        pass
    return int(number)


def _check(documents: Documents) -> None:
    if len(documents) < 2 or max(map(len, documents)) < 2:
        raise ValueError("documents must be at least two, one of them with two sentences")
    if not all(len(sentences) and all(map(len, sentences)) for sentences in documents):
        raise ValueError("documents must not be empty, nor hold empty sentences")
