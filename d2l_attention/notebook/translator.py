"""A model that translates text into text: what notebooks need around a model of numbers."""

from collections.abc import Callable, Sequence

import numpy as onp

from d2l_attention.backend.checks import check_sizes
from d2l_attention.backend.devices import on_device
from d2l_attention.datasets.translation import (
    END,
    START,
    Pair,
    Vocabulary,
    arrays,
    batches_by_length,
)
from d2l_attention.decoding import Generated, generate
from d2l_attention.notebook.bleu import bleu


class Translator:
    """A model with the vocabularies of both of its languages.

    Parameters
    ----------
    pairs : sequence of (source, target)
        The training set, from which the pieces of words are learned.
    build : callable
        (pieces of the source language, pieces of the target language) -> an initialised model, which
        takes what `datasets.translation.arrays` returns and has `begin` and `step`.
    pieces : int
        Most pieces of each language.
    reverse : bool
        Whether the model reads the source from its end (Sutskever, Vinyals and Le 2014).
    device : mxnet.Context, optional
        Where the model is.

    Attributes
    ----------
    model, vocabularies
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        build: Callable,
        *,
        pieces: int = 2000,
        reverse: bool = False,
        device=None,
    ):
        self.vocabularies = [Vocabulary([p[side] for p in pairs], size=pieces) for side in (0, 1)]
        self.model = build(*map(len, self.vocabularies))
        self.reverse, self.device = reverse, device

    def read(self, sentence: str) -> list[int]:
        """Return the numbers of a source sentence, in the order in which the model reads them."""
        numbers = self.vocabularies[0].encode(sentence)
        return numbers[::-1] if self.reverse else numbers

    def batches(self, pairs: Sequence[Pair], batch_size: int, *, seed: int) -> Callable:
        """Return what `training.fit` takes: batches of sentences of similar lengths."""
        sources = [self.read(pair[0]) for pair in pairs]
        targets = [self.vocabularies[1].encode(pair[1]) for pair in pairs]
        return batches_by_length(sources, targets, batch_size, seed=seed)

    def log_frequencies(self, pairs: Sequence[Pair]) -> onp.ndarray:
        """Return log p of each piece of the target language, the end among them, (V,) float32.

        A network whose output has this bias at first knows how frequent words are, and its states need
        not say so. Each piece is counted once more than it occurs.
        """
        pieces = [n for pair in pairs for n in (*self.vocabularies[1].encode(pair[1]), END)]
        count = 1 + onp.bincount(pieces, minlength=len(self.vocabularies[1]))
        return onp.log(count / count.sum()).astype("float32")

    def generate(self, sentences: Sequence[str], *, beam: int = 1) -> list[Generated]:
        """Translate: numbers, scores and weights, for each sentence in its place.

        A translation has at most twice as many pieces as the longest source that is read with it, of
        about as many, and ten more.
        """
        check_sizes(beam=beam)
        sources = [self.read(sentence) for sentence in sentences]
        found: list = [None] * len(sources)
        order = sorted(range(len(sources)), key=lambda row: len(sources[row]))
        for start in range(0, len(order), 100):  # of similar lengths
            rows = order[start : start + 100]
            (source, mask, _), _ = arrays([sources[row] for row in rows], [[END]] * len(rows))
            limits = {"start": START, "end": END, "longest": 2 * source.shape[1] + 10}
            inputs = on_device((source, mask), self.device)
            for row, best in zip(
                rows, generate(self.model, inputs, beam=beam, **limits), strict=True
            ):
                found[row] = best
        return found

    def translate(self, sentences: Sequence[str], *, beam: int = 1) -> list[str]:
        """Return the translation of each sentence."""
        found = self.generate(sentences, beam=beam)
        return [self.vocabularies[1].decode(each.symbols) for each in found]

    def bleu(self, pairs: Sequence[Pair], *, beam: int = 1, lower: bool = False) -> float:
        """Return BLEU of pairs that were not trained on, as `notebook.bleu` computes it."""
        return bleu(*self._sides(pairs, beam), lower=lower)[0]

    def right(self, pairs: Sequence[Pair], *, beam: int = 1) -> float:
        """Return the share of pairs whose translation is the reference, word for word."""
        found, wanted = self._sides(pairs, beam)
        return float(onp.mean([f == w for f, w in zip(found, wanted, strict=True)]))

    def _sides(self, pairs, beam) -> tuple[list[str], list[str]]:
        return self.translate([p[0] for p in pairs], beam=beam), [p[1] for p in pairs]
