"""Questions about pictures as arrays: what becomes of words, and what is refused."""

from types import SimpleNamespace

import numpy as onp
import pytest

from d2l_attention.datasets.questions import Examples, Vocabulary, examples, lighten


def asked(text, answer, picture=0):
    return SimpleNamespace(text=text, answer=answer, picture=picture)


GOOD = [asked("is it red", "yes"), asked("is it", "no", 1)]
FEATURES = onp.zeros((2, 4, 3), "float32")


def test_words_and_answers_become_numbers():
    vocabulary = Vocabulary(GOOD, answers=["yes", "no"])
    assert vocabulary.words == ["", "is", "it", "red"] and vocabulary.answers == ["yes", "no"]
    data = examples(vocabulary, FEATURES, GOOD)
    assert data.question.tolist() == [[1, 2, 3], [1, 2, 0]] and data.length.tolist() == [3, 2]
    assert data.answer.tolist() == [0, 1] and data.picture.tolist() == [0, 1] and len(data) == 2
    assert data.question.dtype == data.length.dtype == data.answer.dtype == onp.int32


def test_other_questions_have_another_length():
    words, length, answer = Vocabulary(GOOD)([asked("red", "yes")])
    assert words.tolist() == [[3]] and length.tolist() == [1] and answer.tolist() == [1]


def test_batches_repeat_pictures():
    features = onp.arange(24, dtype="float32").reshape(2, 4, 3)
    questions = [asked("is", "yes", picture) for picture in (1, 0, 1)]
    data = examples(Vocabulary(questions), features, questions)
    (first, target), (second, _) = data.batches(2)(0)
    onp.testing.assert_array_equal(first[0], features[[1, 0]])
    onp.testing.assert_array_equal(second[0], features[[1]])
    assert [x.shape for x in first] == [(2, 4, 3), (2, 1), (2,)] and target.shape == (2,)
    shuffled = [t for _, t in data.batches(1, shuffle=True, seed=3)(1)]
    assert len(shuffled) == 3 and len(list(data.batches()(0))) == 1


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([asked("is it blue", "yes")], "the word 'blue' is not"),
        ([asked("is it", "maybe")], "the answer 'maybe' is not"),
        ([asked(" ", "yes")], "questions must not be empty"),
        ([], "questions must not be empty"),
        ([asked("is it", "yes", 2)], "pictures 0 to 1"),
        ([asked("is it", "yes", -1)], "pictures 0 to 1"),
    ],
)
def test_bad_questions_are_refused(questions, message):
    with pytest.raises(ValueError, match=message):
        examples(Vocabulary(GOOD), FEATURES, questions)


def test_bad_vocabularies_are_refused():
    with pytest.raises(ValueError, match="questions must not be empty"):
        Vocabulary([])
    with pytest.raises(ValueError, match="questions must not be empty"):
        Vocabulary([asked("", "yes")])
    for answers in (["yes"], []):  # no answers are not all answers
        with pytest.raises(ValueError, match=r"the answer '(no|yes)' is not"):
            Vocabulary(GOOD, answers=answers)
    with pytest.raises(ValueError, match="answers must not repeat"):
        Vocabulary(GOOD, answers=["yes", "yes", "no"])


@pytest.mark.parametrize(
    "change",
    [
        {"question": onp.ones((2, 3), "int32")},
        {"length": onp.ones(4, "int32")},
        {"answer": onp.ones(2, "int32")},
        {"picture": onp.array([0, 1, 2])},
        {"picture": onp.array([0, -1, 1])},
    ],
)
def test_examples_that_do_not_fit_are_refused(change):
    ones, words = onp.ones(3, "int32"), onp.ones((3, 3), "int32")
    arrays = {"picture": ones, "question": words, "length": ones, "answer": ones}
    assert len(Examples(FEATURES, **arrays)) == 3
    with pytest.raises(ValueError, match=next(iter(change))):
        Examples(FEATURES, **(arrays | change))


def test_no_examples_have_no_batches():
    none = onp.ones(0, "int32")
    data = Examples(FEATURES, none, onp.ones((0, 3), "int32"), none, none)
    with pytest.raises(ValueError, match="one length above zero"):
        data.batches()


def test_pictures_are_lightened_from_uint8_only():
    pixels = onp.array([[0, 255]], "uint8")
    assert lighten(pixels).tolist() == [[-1, 1]] and lighten(pixels).dtype == "float32"
    for bad in (onp.zeros((1, 2)), [[0, 255]]):
        with pytest.raises(TypeError, match="pictures must be a NumPy array of uint8, got"):
            lighten(bad)
