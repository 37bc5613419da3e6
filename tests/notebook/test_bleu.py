"""BLEU: SacreBLEU's number is that of the paper's formula, computed here from the counts."""

import math
import subprocess
import sys
from collections import Counter

import pytest

from d2l_attention.notebook.bleu import bleu, plain

TRANSLATIONS = ["Der Tisch ist sehr rund.", "Ein Mann läuft schnell durch den alten Garten, oder?"]
REFERENCES = ["Der kleine Tisch ist sehr rund.", "Ein Mann läuft durch den alten Garten, nicht?"]


def by_hand(translations, references) -> float:
    """Papineni et al. (2002), section 2.3, for text that is cut into words."""
    shares = []
    for n in range(1, 5):
        matches = total = 0
        for found, wanted in zip(translations, references, strict=True):
            words = [found.split(), wanted.split()]
            counts = [Counter(tuple(w[i : i + n]) for i in range(len(w) - n + 1)) for w in words]
            matches += sum((counts[0] & counts[1]).values())
            total += sum(counts[0].values())
        shares.append(matches / total)
    lengths = [sum(len(text.split()) for text in side) for side in (translations, references)]
    penalty = min(1, math.exp(1 - lengths[1] / lengths[0]))
    return 100 * penalty * math.exp(sum(math.log(share) for share in shares) / 4)


def test_equals_the_formula():
    score, signature = bleu(TRANSLATIONS, REFERENCES, lower=True)
    assert score == pytest.approx(by_hand(plain(TRANSLATIONS), plain(REFERENCES)), abs=1e-9)
    assert "tok:none" in signature


def test_case_counts_unless_it_is_lowered():
    shouted = [text.upper() for text in REFERENCES]
    assert bleu(shouted, REFERENCES, lower=True)[0] == pytest.approx(100)
    score, signature = bleu(shouted, REFERENCES)
    assert score < 30 and "case:mixed" in signature and "tok:13a" in signature
    assert bleu(REFERENCES, REFERENCES)[0] == pytest.approx(100)


@pytest.mark.parametrize("sides", [([], []), (["a"], ["a", "b"])])
def test_wrong_sentences_are_refused(sides):
    with pytest.raises(ValueError, match="as many"):
        bleu(*sides)


def test_it_needs_no_lxml_and_leaves_no_trace():
    code = (
        "import sys, importlib.util as u; have = u.find_spec('lxml'); import d2l_attention.notebook.bleu;"
        "assert have or 'lxml' not in sys.modules and 'lxml.etree' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
