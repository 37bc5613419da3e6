"""New sentences without end, of the length that is asked for.

A sentence starts as *the table is round* or *a woman buys the table* and grows: an adjective, *very*,
a place, a relative clause, an adverb, one more clause, until it has as many words as it should.
"""

import random
from typing import NamedTuple

from d2l_attention.backend.checks import check_sizes
from d2l_attention.datasets.translation import english, german
from d2l_attention.datasets.translation.growth import Speaker
from d2l_attention.datasets.translation.lexicon import Lexicon

EVERYTHING = Lexicon()
SHORTEST, LONGEST = 5, 100  # words, marks included
PATIENCE = 5_000  # so many sentences in a row that were there before: there will be no more


class Pair(NamedTuple):
    """A sentence and its translation, as words and marks with blanks between them."""

    source: str
    target: str


def generate(
    count: int,
    *,
    words: tuple[int, int] = (5, 12),
    seed: int,
    lexicon: Lexicon = EVERYTHING,
) -> list[Pair]:
    """Generate English sentences with their German translation, no English sentence twice.

    Parameters
    ----------
    count : int
    words : (int, int)
        Fewest and most English words, marks included, from 5 to 100. All lengths between are
        equally frequent, as long as there are enough sentences of the shortest.
    lexicon : Lexicon, optional
        The words to choose from; at least one that fits wherever one is needed.

    Raises
    ------
    ValueError
        The lengths are not from 5 to 100, or there are too few sentences of these lengths.

    Examples
    --------
    >>> for pair in generate(2, words=(8, 8), seed=1):
    ...     print(*pair, sep=" | ")
    these clever famous teachers sell a chair . | diese klugen berühmten Lehrer verkaufen einen Stuhl .
    men who call the cow are quiet . | Männer , die die Kuh anrufen , sind ruhig .
    """
    fewest, most = words
    check_sizes(count=count)
    if not SHORTEST <= fewest <= most <= LONGEST:
        raise ValueError(f"words must be {SHORTEST} <= fewest <= most <= {LONGEST}, got {words!r}")
    speaker, pairs, failures = Speaker(random.Random(seed), lexicon), {}, 0
    while len(pairs) < count:
        wanted = speaker.rng.randint(fewest, most)
        tree = speaker.sentence(wanted)
        source = english.write(tree)
        if len(source) == wanted and (text := " ".join(source)) not in pairs:
            pairs[text], failures = " ".join(german.write(tree)), 0
        elif (failures := failures + 1) > PATIENCE:
            raise ValueError(f"there are fewer than count = {count} sentences of {words} words")
    return [Pair(*pair) for pair in pairs.items()]
