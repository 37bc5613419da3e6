"""The live figure of fine-tuning: the reader asks a text, and sees for each of its words whether the answer
starts or ends there.

The network has read little reports (`notebook.pretrained`), and learned from some hundred questions, each
about a text of one person.
"""

from __future__ import annotations

import re

import numpy as onp

from d2l_attention.datasets import reports, spans
from d2l_attention.datasets.senses import PEOPLE
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.figures import bert, data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.bert_fine_tuning import QuestionAnswering
from d2l_attention.notebook import pretrained
from d2l_attention.notebook.fine_tuning import Ask, fine_tune
from d2l_attention.training import predict

from mxnet import init

__all__ = ["LONGEST_ANSWER", "answer", "contents", "network", "train", "vocabulary"]

QUESTIONS, TESTED, LONGEST_ANSWER = 512, 400, 3
TRAINING = {"steps": 160, "batch": 32, "rate": 0.003, "seed": 0}
NOBODY = "who swung the bat at the ball ?"
READY = {  # name: a text; a question of each kind with its answer, "" where the text has none; and what to look at
    "an owl": {
        "text": "near York Tom Stone fed the owl in the barn .",
        "questions": {
            "who": ("who fed the owl in the barn ?", "Tom Stone"),
            "where": ("where was Tom Stone ?", "York"),
            "what": ("Tom Stone fed the what in the barn ?", "owl"),
            "nobody": (NOBODY, ""),
        },
        "told": "One person, one town: only the question says which words are the answer.",
    },
    "wheat, twice": {
        "text": "David Wheat carried the wheat to the barn near Leeds .",
        "questions": {
            "who": ("who carried the wheat to the barn ?", "David Wheat"),
            "where": ("where was David Wheat ?", "Leeds"),
            "what": ("David Wheat carried the what to the barn ?", "wheat"),
            "nobody": (NOBODY, ""),
        },
        "told": "The same piece is half of a name and a thing: its two places have two states.",
    },
    "a fox on a hill": {
        "text": "Anna Fox fed the fox in the barn in Fox Hill .",
        "questions": {
            "who": ("who fed the fox in the barn ?", "Anna Fox"),
            "where": ("where was Anna Fox ?", "Fox Hill"),
            "what": ("Anna Fox fed the what in the barn ?", "fox"),
            "nobody": (NOBODY, ""),
        },
        "told": "One word in a name, in a town and in the barn: what stands beside it tells which.",
    },
    "an inning": {
        "text": "David Ball bought a new bat before the inning in Derby .",
        "questions": {
            "who": ("who bought a new bat before the inning ?", "David Ball"),
            "where": ("where was David Ball ?", "Derby"),
            "what": ("David Ball bought a new bat before the what ?", "inning"),
            "nobody": ("who fed the owl in the barn ?", ""),
        },
        "told": "Asked where, each by itself goes wrong: the likeliest end stands before the likeliest start.",
    },
    "no town": {
        "text": "Jane Baker watched the trout under the water .",
        "questions": {
            "who": ("who watched the trout under the water ?", "Jane Baker"),
            "where": ("where was Jane Baker ?", ""),
            "what": ("Jane Baker watched the what under the water ?", "trout"),
            "nobody": (NOBODY, ""),
        },
        "told": "No town is named here: asked where she was, the network names something all the same.",
    },
    "two people": {
        "text": "Susan Baker wrote the letter and saved it in Snow River . Tom Snow won the match for the team in Rose Hill .",
        "questions": {
            "who": ("who wrote the letter and saved it ?", "Susan Baker"),
            "where": ("where was Susan Baker ?", "Snow River"),
            "what": ("Susan Baker wrote the what and saved it ?", "letter"),
            "nobody": (NOBODY, ""),
        },
        "told": "No text that it was fine-tuned on had two people: asked who, it wavers between them.",
    },
}
LABEL = (
    "A fine-tuned BERT is asked where was Tom Stone, of the text near York Tom Stone fed the owl in the barn. "
    "Two bars above each word say how likely the answer starts and ends there; both are tall at York, which "
    "is marked as the best span."
)


def contents() -> Contents:
    """Where Tom Stone was; takes no arguments.

    >>> contents().label[:26]
    'A fine-tuned BERT is asked'
    """
    return Contents(picture("bert_fine_tuning"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Fine-tune the network: settings and arrays for `data.write`, and shares right on new texts."""
    pieces = vocabulary()
    model = fine_tune(
        _task(pieces),
        pretrained.encoder(pretrained.of_reports()),
        reports.questions(QUESTIONS, seed=100),
        **TRAINING,
        description="questions, live",
    )
    found = data.rounded(_parameters(model))
    return _settings(model, pieces), found


def answer(model: QuestionAnswering, pieces: WordPiece, question: str, text: str) -> tuple:
    """What is said about one question: numbers of the input's pieces, the first place of the text, and
    scores and probabilities (2, n) of start and end.
    """
    first_word = spans.Answer(0, text.split()[0])  # a question must have one; it is not looked at
    (window,) = _task(pieces).windows([spans.Question(question, text, (first_word,))])
    inputs, _ = spans.arrays([window], longest=len(window.ids))
    scores, p, _ = predict(model, [(inputs, None)])
    return window.ids, window.start, scores[0], p[0]


def vocabulary() -> WordPiece:
    """The pieces of words."""
    return WordPiece.read(pretrained.of_reports().vocabulary)


def network() -> tuple[QuestionAnswering, dict]:
    """The network with the weights that the page has, and the settings."""
    settings, stored = data.read("bert_fine_tuning")
    model = QuestionAnswering(pretrained.encoder(pretrained.of_reports(), trained=False))
    model.W.initialize(init.Zero())
    data.restore(_parameters(model), stored)
    return model, settings


def _task(pieces: WordPiece) -> Ask:
    longest = pretrained.SIZES["longest"]
    return Ask(pieces, longest, stride=16, longest_answer=LONGEST_ANSWER)


def _settings(model: QuestionAnswering, pieces: WordPiece) -> dict:
    """What the page knows beside weights."""
    sizes = pretrained.SIZES
    return {
        "pieces": pieces.pieces(range(len(pieces))),
        "offered": _offered(),
        "ready": READY,
        "questions": QUESTIONS,
        "layers": sizes["layers"],
        "heads": sizes["num_heads"],
        "longest": sizes["longest"],
        "longest_answer": LONGEST_ANSWER,
        "right": [round(_right(model, pieces, people), 2) for people in (1, 2)],
    }


def _right(model: QuestionAnswering, pieces: WordPiece, people: int) -> float:
    """The share of new questions whose answer is right to the word."""
    asked = reports.questions(TESTED, seed=99, sentences=people)
    return _task(pieces).scored(model, asked)["em"]


def _offered() -> dict[str, list[str]]:
    """Words that a word of a text may be exchanged for."""
    names = {
        "first names": sorted(name for names in PEOPLE.values() for name in names),
        "surnames": sorted(reports.SURNAMES),
        "towns": sorted(town for town in reports.TOWNS if " " not in town),
    }
    texts = " ".join(sentence for report in reports.generate(2000, seed=0) for sentence in report)
    return names | {"words": sorted(set(re.findall(r"(?<!\S)[a-z]+(?!\S)", texts)))}


def _parameters(model: QuestionAnswering) -> dict:
    return bert.named_parameters(model.bert, {"answer_": model.W}, {})
