"""BLEU by SacreBLEU: how much of a translation also stands in the reference (Papineni et al. 2002).

The geometric mean of the shares of its words, pairs, triples and quadruples of words that the
reference has, times a penalty for being too short; over a whole set of sentences, from 0 to 100. It
compares only with numbers that cut text into words in the same way (Post 2018).
"""

import contextlib
import importlib.util
import sys
import types
from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def _without_readers() -> Iterator[None]:
    """SacreBLEU imports lxml, with which it reads WMT's test sets. Nobody needs it to score."""
    names = [] if importlib.util.find_spec("lxml") else ["lxml", "lxml.etree"]
    modules = {name: types.ModuleType(name) for name in names}
    sys.modules.update(modules)
    for name in names[1:]:
        modules[names[0]].etree = modules[name]
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with _without_readers():
    from sacrebleu.metrics import BLEU
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a


def bleu(
    translations: Sequence[str], references: Sequence[str], *, lower: bool = False
) -> tuple[float, str]:
    """Return BLEU of a set of sentences, from 0 to 100, and SacreBLEU's signature.

    Parameters
    ----------
    translations, references : sequence of str
        Detokenised text, one reference a translation.
    lower : bool
        False: cased, cut into words as WMT does ("13a"). True: lower-cased and cut into words before
        it is scored, so that SacreBLEU cuts nothing ("none").

    Raises
    ------
    ValueError
        There are none, or not as many of both.

    >>> bleu(["Der Tisch ist rund.", "Das Haus ist alt."],
    ...      ["Der Tisch ist rund.", "Das alte Haus ist rot."])[0] > 50
    True
    """
    if not len(translations) == len(references) > 0:
        raise ValueError("translations and references must be as many, and at least one")
    if lower:
        translations, references = plain(translations), plain(references)
    metric = BLEU(tokenize="none" if lower else "13a", force=True)
    score = metric.corpus_score(list(translations), [list(references)]).score
    return score, str(metric.get_signature())


def plain(sentences: Sequence[str]) -> list[str]:
    """Return sentences in lower case, with blanks between words and marks.

    >>> plain(["Der Tisch, ja: rund."])
    ['der tisch , ja : rund .']
    """
    cut = Tokenizer13a()
    return [cut(sentence.lower()) for sentence in sentences]
