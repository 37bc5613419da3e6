"""The live figure of fine-tuning BERT: the reader marks a question about a short text, which can be changed, and
sees for each word the probability that the answer starts there, and that it ends there.
"""

from __future__ import annotations

import numpy as onp

from d2l_attention.datasets import reports
from d2l_attention.datasets.senses import PEOPLE, TOPICS
from d2l_attention.datasets.spans import Answer, Question, arrays
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.figures import data
from d2l_attention.figures.page import Contents, picture
from d2l_attention.models.bert import Bert
from d2l_attention.models.bert_fine_tuning import QuestionAnswering, best_span
from d2l_attention.notebook import pretrained
from d2l_attention.notebook.fine_tuning import Ask, fine_tune
from d2l_attention.training import predict

__all__ = ["answer", "contents", "network", "train"]

QUESTIONS, STEPS, BATCH, RATE = 3000, 600, 32, 0.002
LONGEST_ANSWER = 3
LABEL = (
    "A fine-tuned BERT is asked who went to the bank, about three sentences. Below each word stand two bars, the "
    "probabilities that the answer starts and ends there; the answer, Anna Rose, is highlighted."
)


def contents() -> Contents:
    """Three sentences and a question; takes no arguments.

    >>> contents().label[:25]
    'A fine-tuned BERT is aske'
    """
    return Contents(picture("bert_fine_tuning"), LABEL)


def train() -> tuple[dict, dict[str, onp.ndarray]]:
    """Fine-tune the pre-trained network: settings and arrays for `data.write`."""
    published = pretrained.of_reports()
    vocabulary = WordPiece.read(published.vocabulary)
    bert = pretrained.encoder(published)
    task = _task(vocabulary, bert.positions.longest)
    options = {"steps": STEPS, "batch": BATCH, "rate": RATE, "seed": 0}
    model = fine_tune(task, bert, reports.questions(QUESTIONS, seed=0), **options)
    found = data.rounded(_parameters(model))
    exact = task.scored(model, reports.questions(500, seed=1))["em"]
    gaps = {word for topic in TOPICS.values() for words in topic.gaps.values() for word in words}
    settings = {
        "pieces": vocabulary.pieces(range(len(vocabulary))),
        "names": [[a, b] for names in PEOPLE.values() for a in names for b in reports.SURNAMES],
        "things": sorted(gaps),
        "layers": len(bert.layers),
        "heads": published.configuration["num_attention_heads"],
        "longest": bert.positions.longest,
        "longest_answer": LONGEST_ANSWER,
        "questions": QUESTIONS,
        "exact": round(exact, 2),
    }
    return settings, found


def network() -> tuple[QuestionAnswering, WordPiece]:
    """The network with the weights that the page has, and its vocabulary."""
    published = pretrained.of_reports()
    _, stored = data.read("bert_fine_tuning")
    model = QuestionAnswering(pretrained.encoder(published, trained=False))
    model.initialize()
    data.restore(_parameters(model), stored)
    return model, WordPiece.read(published.vocabulary)


def answer(model: QuestionAnswering, vocabulary: WordPiece, text: str, question: str) -> dict:
    """Probabilities of start and end over the text's words, and the best span's first and last word."""
    asked = Question(question, text, (Answer(0, text.split()[0]),))
    (window,) = _task(vocabulary, model.bert.positions.longest).windows([asked])
    inputs, _ = arrays([window], longest=len(window.ids))
    scores, p, _ = predict(model, [(inputs, None)])
    span = best_span(scores[0], longest=LONGEST_ANSWER)
    inside = slice(window.start, window.start + len(window.offsets))
    best = [span.first - window.start, span.last - window.start]
    return {"start": p[0, 0, inside], "end": p[0, 1, inside], "best": best}


def _task(vocabulary: WordPiece, longest: int) -> Ask:
    return Ask(vocabulary, longest, stride=16, longest_answer=LONGEST_ANSWER)


def _parameters(model: QuestionAnswering) -> dict:
    """Parameters by the names that the page uses: E, 0_W_q, 1_gamma_2, W ..."""
    bert: Bert = model.bert
    found = {"E": bert.words.weight, "S": bert.segments.weight, "P": bert.positions.table}
    found |= {
        "gamma": bert.norm.gamma,
        "beta": bert.norm.beta,
        "W": model.W.weight,
        "b": model.W.bias,
    }
    for number, layer in enumerate(bert.layers):
        denses = {name: getattr(layer.attention, f"W_{name}") for name in "qkvo"}
        denses |= {name: getattr(layer.network, f"W_{name}") for name in "12"}
        for name, dense in denses.items():
            found |= {f"{number}_W_{name}": dense.weight, f"{number}_b_{name}": dense.bias}
        for name in "12":
            norm = getattr(layer, f"norm_{name}")
            found |= {f"{number}_gamma_{name}": norm.gamma, f"{number}_beta_{name}": norm.beta}
    return found
