"""SQuAD 1.1: questions that people asked about paragraphs of Wikipedia, and the answers that they marked.

Rajpurkar, Zhang, Lopyrev and Liang (2016), CC BY-SA 4.0. Here it is the development set alone, of 48
articles, which we split once more, by article: no paragraph, and hardly a fact, is in both halves. So our
numbers are not those of the papers, which train on 87,599 questions of 442 other articles, ten times our
8,510, and test on all of the development set.
"""

import json
from pathlib import Path

import numpy as onp

from d2l_attention.backend.checks import check_choice
from d2l_attention.datasets.needed import fetch_all
from d2l_attention.datasets.spans import Answer, Question, check_answers

FILE = {
    "name": "squad",
    "file_name": "dev-v1.1.json",
    "urls": ["https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v1.1.json"],
    "size": 4_854_279,
    "sha256": "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
}
ARTICLES, QUESTIONS = 48, 10_570
TESTED = 12  # articles, a quarter
SPLITS = ("train", "test")


def load(split: str, *, progress: bool = True) -> list[Question]:
    """Return the questions about 36 articles, "train", or about the other 12, "test".

    Raises
    ------
    ValueError
        There is no such split, or the file is not what it should be.
    ConnectionError
        It is neither in the cache nor to be had; the message says where to put it.
    """
    check_choice(SPLITS, split=split)
    (path,) = fetch_all([FILE], progress=progress)
    found = read(path)
    titles = list(dict.fromkeys(question.article for question in found))
    if (len(titles), len(found)) != (ARTICLES, QUESTIONS):
        raise ValueError(f"{path} must hold {QUESTIONS} questions about {ARTICLES} articles")
    order = onp.random.RandomState(0).permutation(ARTICLES)  # which never changes
    tested = {titles[k] for k in order[:TESTED]}
    return [question for question in found if (question.article in tested) == (split == "test")]


def require(*, progress: bool = True) -> None:
    """Find or download the file now, so that what is missing is said before anything runs.

    Raises
    ------
    ValueError, ConnectionError
        As for `load`.
    """
    fetch_all([FILE], progress=progress)


def read(path: Path) -> list[Question]:
    """Return all questions of a file in SQuAD's form.

    Raises
    ------
    ValueError
        It has another form, or an answer does not stand in its text where it is said to.
    """
    try:
        articles = json.loads(path.read_text("utf-8"))["data"]
        found = [
            Question(
                asked["question"].strip(), paragraph["context"], _answers(asked), article["title"]
            )
            for article in articles
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be in SQuAD's form: {error!r}") from None
    for question in found:
        check_answers(question)
    return found


def _answers(asked: dict) -> tuple[Answer, ...]:
    return tuple(Answer(one["answer_start"], one["text"]) for one in asked["answers"])
