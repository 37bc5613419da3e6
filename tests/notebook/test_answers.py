"""SQuAD's rule against the words of its authors' script, entities against the CoNLL script, spans of windows."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.backend.operators import HUGE
from d2l_attention.datasets.spans import Answer, Question, windows
from d2l_attention.datasets.wordpiece import WordPiece
from d2l_attention.notebook.answers import exact_match, f1, normalised, read_off, scored
from d2l_attention.notebook.entities import entities, entity_f1

VOCABULARY = WordPiece(["who paid the bill ? anna rose tom fox saw a crane ."], fewest=1)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The Denver Broncos", "denver broncos"),
        ("  a  theatre, an anthem ", "theatre anthem"),
        ("24–10", "24–10"),  # a dash is no punctuation of ASCII
        ("$5.3 million", "53 million"),
        ("the", ""),
    ],
)
def test_answers_are_normalised(answer, expected):
    assert normalised(answer) == expected


def test_the_best_of_several_answers_counts():
    right = ["Denver Broncos", "the Broncos of Denver"]
    assert exact_match("denver broncos!", right) == 1 and exact_match("Broncos", right) == 0
    assert f1("Broncos", right) == pytest.approx(2 / 3)
    assert f1("Broncos Broncos", ["Broncos"]) == pytest.approx(2 / 3)  # a word counts once
    assert f1("nothing", right) == 0 == f1("the", ["a"])


def test_means_over_questions():
    asked = [Question("q", "x b", (Answer(0, "x b"),)), Question("q", "c d", (Answer(0, "c"),))]
    assert scored(["b", "c"], asked) == {"em": 0.5, "f1": pytest.approx((2 / 3 + 1) / 2)}


def test_no_mean_without_questions():
    asked = [Question("q", "x b", (Answer(0, "x b"),))]
    for found, questions in (([], []), ([], asked), (["b", "c"], asked)):
        with pytest.raises(ValueError, match=f"at least one question, got {len(found)} for"):
            scored(found, questions)


def test_one_right_answer_is_a_list():
    for score in (exact_match, f1):
        for wrong in ("Broncos", []):
            with pytest.raises(ValueError, match="at least one answer"):
                score("Broncos", wrong)


def test_the_best_window_answers():
    text = "anna rose paid the bill . tom fox saw a crane ."
    question = Question("who saw ?", text, (Answer(26, "tom fox"),))
    found = windows([question], VOCABULARY, longest=12, stride=4)
    assert len(found) > 1
    scores = onp.full((len(found), 2, 12), -HUGE, "float32")
    for row, window in enumerate(found):
        scores[row, :, window.start : window.start + len(window.offsets)] = -1
        if window.target:
            scores[row, [0, 1], list(window.target)] = 5
    assert read_off([question], found, scores, longest=3) == ["tom fox"]
    with pytest.raises(ValueError, match="scores must be of"):
        read_off([question], found, scores[:1])
    with pytest.raises(ValueError, match="each question must have a window"):
        read_off([question, question], found, scores)


tags = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
pairs = st.integers(1, 8).flatmap(
    lambda n: st.tuples(*[st.lists(tags, min_size=n, max_size=n)] * 2)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(pairs, min_size=1, max_size=4))
def test_entities_are_those_of_the_conll_script(sentences):
    conlleval = pytest.importorskip("conlleval", reason="conlleval, the oracle, is not installed")
    lines = [
        line
        for sentence in sentences
        for line in (*(f"word {right} {found}" for found, right in zip(*sentence, strict=True)), "")
    ]
    found, right = ([list(sentence[k]) for sentence in sentences] for k in (0, 1))
    count = conlleval.evaluate(lines)["overall"]["chunks"]["stats"]
    everything = count["pred"] + count["gold"]
    assert entity_f1(found, right) == (2 * count["correct"] / everything if everything else 0)


def test_entities_by_hand():
    assert entities(["B-PER", "I-PER", "B-PER", "O", "I-LOC", "I-PER"]) == {
        ("PER", 0, 1), ("PER", 2, 2), ("LOC", 4, 4), ("PER", 5, 5)}  # fmt: skip
    assert entity_f1([["O", "O"]], [["O", "O"]]) == 0 and entities([]) == set()
    assert entity_f1([["B-PER", "O"]], [["B-PER", "I-PER"]]) == 0  # nothing is right in part


def test_wrong_tags_are_refused():
    for wrong in ("PER", "B-", "X-PER"):
        with pytest.raises(ValueError, match="a tag must be O, or B- or I-"):
            entities([wrong])
    with pytest.raises(ValueError, match="must have 2 tags, got 1"):
        entity_f1([["O"]], [["O", "O"]])
    with pytest.raises(ValueError, match="argument 2"):
        entity_f1([["O"]], [])
