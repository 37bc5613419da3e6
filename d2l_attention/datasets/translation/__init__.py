"""Sentences and their translations: generated ones, English to German, and two published sets.

`generate` makes new pairs without end, of the length that is asked for; `load_multi30k` and
`load_tatoeba` give the published ones; `split` and `apart` see to it that no sentence is in two
parts; `Vocabulary`, `arrays` and `batches_by_length` make numbers of them.
"""

from d2l_attention.datasets.translation.files import load_multi30k, load_tatoeba, require
from d2l_attention.datasets.translation.generator import Pair, generate
from d2l_attention.datasets.translation.splitting import apart, split
from d2l_attention.datasets.translation.vocabulary import (
    END,
    START,
    Vocabulary,
    arrays,
    batches_by_length,
)

# fmt: off
__all__ = [
    "END", "START", "Pair", "Vocabulary", "apart", "arrays", "batches_by_length", "generate",
    "load_multi30k", "load_tatoeba", "require", "split",
]
