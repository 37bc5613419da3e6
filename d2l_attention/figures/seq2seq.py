"""The live figure of sequence to sequence: the reader writes a sentence, and sees it translated word
by word, with attention and without.

Its two networks are the notebook's, but small and on few words, so that both fit on a page: they
know some of the nouns, adjectives and verbs of the generated sentences, no pronoun, and no speech.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention import seed_everything
from d2l_attention.attention import Attention, DotProductScore
from d2l_attention.datasets.translation import (
    END,
    START,
    Pair,
    arrays,
    batches_by_length,
    generate,
    lexicon,
)
from d2l_attention.datasets.translation.vocabulary import SPECIAL
from d2l_attention.decoding import Generated
from d2l_attention.decoding import generate as decode
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.seq2seq import Seq2Seq
from d2l_attention.training import fit

from mxnet import lr_scheduler, np, optimizer

__all__ = ["KINDS", "contents", "network", "numbers", "offered", "sentences", "split", "train"]
__all__ += ["translate"]

NOUNS = "man woman child dog cat horse table lamp book window door suitcase garden kitchen house"
ADJECTIVES = "big small old young happy round red black"
VERBS = "sees finds buys carries hears opens sleeps laughs"
FEW = lexicon.Lexicon(
    nouns=[noun for noun in lexicon.NOUNS if noun.english in NOUNS.split()],
    adjectives=[each for each in lexicon.ADJECTIVES if each.english in ADJECTIVES.split()],
    verbs=[verb for verb in lexicon.VERBS if verb.english[0] in VERBS.split()],
    auxiliaries=("can",),
    determiners=("the", "this", "a", "no", "two"),
    prepositions=("in", "behind", "with"),
    first=("today",),
    often=("often", "never"),
    conjunctions=("and", "because"),
)
READY = {  # none of them is trained on
    "round table": ("the table is round .", "der Tisch ist rund ."),
    "old door": ("the man opens the old door .", "der Mann macht die alte Tür auf ."),
    "red book": (
        "the child can carry the small red book .",
        "das Kind kann das kleine rote Buch tragen .",
    ),
    "because": (
        "the woman laughs because the dog is old .",
        "die Frau lacht , weil der Hund alt ist .",
    ),
    "longer": (
        "the young woman with the black dog buys a round table .",
        "die junge Frau mit dem schwarzen Hund kauft einen runden Tisch .",
    ),
}
KINDS = ("dot", "none")  # of attention
TRAINED, LENGTHS = (5, 9), ((5, 6), (7, 9), (10, 13))  # English words, marks included
LONGEST = 14  # words that a reader may write
PAIRS, TEST = 12_000, 300  # to train on, and new ones of each range of lengths
HIDDEN_SIZE, BATCH, EPOCHS, RATE = (64, 32, 10, 0.01)
LABEL = (
    "A network with attention translates the table is round, word by word: der Tisch ist rund. Lines "
    "join each German word with the English ones that it looks at."
)


def contents() -> Contents:
    """The table is round, and its translation; takes no arguments.

    >>> contents().label[:48]
    'A network with attention translates the table is'
    """
    return Contents(picture("seq2seq"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Train both networks: settings and arrays for `data.write`, and shares right on new sentences."""
    training, test = split()
    words = {
        language: [*SPECIAL, *sorted({word for pair in training for word in pair[side].split()})]
        for side, language in enumerate(("english", "german"))
    }
    settings = {
        "words": words,
        "offered": offered(words["english"]),
        "ready": READY,
        "longest": LONGEST,
        "pairs": len(training),
        "trained": TRAINED,
        "right": {},
    }
    found = {}
    for kind in KINDS:
        seed_everything(0)
        model = _model(words, kind)
        model.initialize()
        _fit(model, words, training)
        found |= data.rounded(_parameters(model, kind))
        settings["right"][kind] = {
            f"{fewest}\u2013{most}": round(_right(model, words, pairs), 2)
            for (fewest, most), pairs in test.items()
        }
    return settings, found


# --------------------------------------------------------------------------------- sentences
def sentences(count: int, *, words: tuple[int, int], seed: int) -> list[Pair]:
    """Pairs as `datasets.translation.generate` makes them, of the words that the networks know."""
    pronouns_and_speech = {"it", "they", *(word for said in lexicon.SPEECH for word in said[0])}
    pairs = generate(count + count // 10 + 10, words=words, seed=seed, lexicon=FEW)
    known = [pair for pair in pairs if not pronouns_and_speech & set(pair.source.split())]
    return known[:count]


def split() -> tuple[list[Pair], dict[tuple[int, int], list[Pair]]]:
    """Pairs to train on, and new ones for each range of lengths."""
    taken = {english for english, _ in READY.values()}
    pairs = [p for p in sentences(PAIRS + 1000, words=TRAINED, seed=0) if p.source not in taken]
    test, training = {}, set(pairs)
    for fewest, most in LENGTHS:
        new = pairs if most <= TRAINED[1] else sentences(TEST, words=(fewest, most), seed=1)
        fits = [pair for pair in new if fewest <= len(pair.source.split()) <= most]
        test[fewest, most] = fits[:TEST]
        training -= set(test[fewest, most])
    return [pair for pair in pairs if pair in training][:PAIRS], test


def offered(words: list[str]) -> dict[str, list[str]]:
    """What the reader may choose from, by kind; all of it was trained on."""
    verbs = (form for verb in FEW.verbs for form in verb.english[:2])
    kinds = {
        "nouns": [form for noun in FEW.nouns for form in (noun.english, noun.plural)],
        "adjectives": ADJECTIVES.split(),
        "verbs": ["is", "are", *verbs, "can"],
    }
    others = set(words[len(SPECIAL) :]).difference(*kinds.values())
    first = ["the", "a", "an", "this", "these", "two", "no"]
    return {"small words": first + sorted(others - set(first), reverse=True)} | kinds


# ---------------------------------------------------------------------------------- networks
def _model(words: dict[str, list[str]], kind: str) -> Seq2Seq:
    attention = Attention(DotProductScore()) if kind == "dot" else None
    sizes = len(words["english"]), len(words["german"])
    return Seq2Seq(*sizes, hidden_size=HIDDEN_SIZE, attention=attention)


def numbers(words: list[str], texts: list[str]) -> list[list[int]]:
    """The number of each word of each text."""
    number = {word: n for n, word in enumerate(words)}
    return [[number[word] for word in text.split()] for text in texts]


def _fit(model: Seq2Seq, words: dict, pairs: list[Pair]) -> None:
    sides = [
        numbers(words[language], [pair[side] for pair in pairs])
        for side, language in enumerate(words)
    ]
    steps = EPOCHS * -(-len(pairs) // BATCH)
    at = [steps * 6 // 10, steps * 8 // 10]
    adam = optimizer.Adam(
        learning_rate=RATE, lr_scheduler=lr_scheduler.MultiFactorScheduler(at, 0.3, base_lr=RATE)
    )
    fit(model, batches_by_length(*sides, BATCH, seed=0), adam, epochs=EPOCHS, clip_norm=1.0)


def translate(model: Seq2Seq, words: dict, texts: list[str]) -> list[Generated]:
    """Translate greedily: numbers and weights for each text; at most 2 n + 10 words each."""
    found: list = []
    for read in numbers(words["english"], texts):
        (source, mask, _), _ = arrays([read], [[END]])
        options = {"start": START, "end": END, "longest": 2 * len(read) + 10}
        found += decode(model, (np.array(source), np.array(mask)), **options)
    return found


def _right(model: Seq2Seq, words: dict, pairs: list[Pair]) -> float:
    """The share of pairs whose translation is the right one, word for word."""
    found = translate(model, words, [pair.source for pair in pairs])
    wanted = numbers(words["german"], [pair.target for pair in pairs])
    return float(
        onp.mean([list(f.symbols) == right for f, right in zip(found, wanted, strict=True)])
    )


def _parameters(model: Seq2Seq, kind: str) -> dict:
    """Parameters by the names that the page uses."""
    reads, (writes,) = model.encoder.layers[0].lstm, model.decoder.layers
    found = {"E_x": model.encoder.embedding.weight, "E_y": model.embedding.weight}
    found |= data.lstm(writes, "write_{}", "write_b{}")
    found |= {f"read_{name}": data.lstm(reads)[f"W_{name}"] for name in "xh"}  # its biases are zero
    found |= {"W_s": model.W_s.weight, "b_s": model.W_s.bias}
    if kind == "dot":
        found |= {"W_c": model.decoder.W_c.weight, "W_h": model.decoder.W_h.weight}
    return {f"{kind}_{name}": parameter for name, parameter in found.items()}


def network() -> tuple[dict[str, Seq2Seq], dict]:
    """Both networks by kind of attention, with the weights that the page has, and the settings."""
    settings, stored = data.read("seq2seq")
    models = {}
    for kind in KINDS:
        models[kind] = model = _model(settings["words"], kind)
        model.initialize()
        data.restore(_parameters(model, kind), stored)
    return models, settings
