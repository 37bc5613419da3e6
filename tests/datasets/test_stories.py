"""Stories as arrays: bags against a sum over words, places, ages, noise, draws, and what is refused."""

from types import SimpleNamespace

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention.datasets.stories import TABLE_STEP, Encoder, noisy_ages, tokenize


def question(story, text="Where is Ada?", answer="hall"):
    return SimpleNamespace(story=tuple(story), question=text, answer=answer)


def walk(*rooms):
    return [f"Ada went to the {room}." for room in rooms]


ROOMS = ("attic", "cellar", "garden", "hall")
LONG, SHORT = question(walk(*ROOMS)), question(walk("hall"))


# ---------------------------------------------------------------------------- sentences
def test_tokens_are_lower_case_words_without_the_final_mark():
    assert tokenize("Is Ada in the hall? ") == ["is", "ada", "in", "the", "hall"]
    assert tokenize("Mr. X left") == ["mr.", "x", "left"] and tokenize(" . ") == []


def test_an_answer_is_one_word_whatever_it_looks_like():
    encoder = Encoder([question(["Ada took it."], "What?", "Apple,Milk")])
    assert encoder.words == ["ada", "apple,milk", "it", "took", "what"]
    first, second = (question(["Ada left."], "Who left?", a) for a in ("Ada ", "ada"))
    encoder = Encoder([first, second])
    assert encoder.words == ["ada", "left", "who"]
    assert encoder([first, second]).answer.tolist() == [0, 0]


def test_two_bags_give_the_weighted_sum_of_words():
    """sum_j l_j * A x_j = A b + r * (A p), word by word."""
    encoder, size = Encoder([LONG, question(["The hall is north of the attic."])]), 5
    stories = encoder([question(["The hall is north of the attic.", "Ada went to the hall."])])
    matrix = onp.random.RandomState(0).normal(size=(len(encoder.words), size))
    k, longest = onp.arange(1, size + 1), encoder.longest
    for text, bags in [
        ("the hall is north of the attic", stories.sentences[1]),
        ("ada went to the hall", stories.sentences[2]),
        ("where is ada", stories.question[0]),
    ]:
        expected = onp.zeros(size)
        for j, word in enumerate(text.split(), start=1):
            place = (j - (longest + 1) / 2) / longest
            weight = 1 + 4 * (k - (size + 1) / 2) / size * place
            expected += weight * matrix[encoder.words.index(word)]
        b, p = bags.reshape(2, -1)
        ramp = 4 * (k - (size + 1) / 2) / size
        onp.testing.assert_allclose(b @ matrix + ramp * (p @ matrix), expected, atol=1e-5)
    assert longest == 7 and (stories.sentences[0] == 0).all()


def test_position_encoding_sees_word_order_and_the_bag_does_not():
    pair = [question(["The hall is north of the attic."])]
    swapped = [question(["The attic is north of the hall."])]
    for encoding, same in (("bag", True), ("position", False)):
        encoder = Encoder(pair, encoding=encoding)
        assert (encoder(pair).sentences == encoder(swapped).sentences).all() == same


def test_a_question_may_be_longer_than_every_sentence():
    assert Encoder([question(["Ada left."], "Who left the old hall?", "Ada")]).longest == 5


# ------------------------------------------------------------------------------- places
PLACES = {
    "sentinel": ({}, [[0, 1, 2, 3, 4], [0, 4, 0, 0, 0]], [[5, 3, 2, 1, 0], [5, 0, 5, 5, 5]]),
    "none": ({"sentinel": False}, [[1, 2, 3, 4], [4, 0, 0, 0]], [[3, 2, 1, 0], [0, 5, 5, 5]]),
    "unfilled": (
        {"sentinel": False, "mask_padding": False},
        [[1, 2, 3, 4, 0], [4, 0, 0, 0, 0]],
        [[3, 2, 1, 0, 5], [0, 5, 5, 5, 5]],
    ),
}


@pytest.mark.parametrize("kind", PLACES)
def test_stories_are_rows_with_ages_and_masks(kind):
    options, story, age = PLACES[kind]
    stories = Encoder([LONG], memory_size=5, **options)([LONG, SHORT])
    assert stories.story.tolist() == story and stories.age.tolist() == age
    assert stories.length.tolist() == [4, 1] and len(stories) == 2
    filled = [[1] * len(story[0]), [1] * (1 + (kind == "sentinel"))]
    filled[1] += [int(kind == "unfilled")] * (len(story[0]) - len(filled[1]))
    assert stories.mask.tolist() == [[row] for row in filled]
    assert stories.story.dtype == stories.age.dtype == "int32" and stories.mask.dtype == "float32"


def test_old_sentences_are_forgotten():
    encoder = Encoder([LONG], memory_size=3)
    stories = encoder([question(walk(*ROOMS, *ROOMS))])
    assert stories.length.tolist() == [3] and stories.age.tolist() == [[3, 2, 1, 0]]
    last = encoder([question(walk(*ROOMS[1:]))])
    onp.testing.assert_array_equal(
        stories.sentences[stories.story[0]], last.sentences[last.story[0]]
    )


# ------------------------------------------------------------------------------ batches
def test_a_batch_holds_each_sentence_once_and_says_the_same():
    questions = [question(walk(*(f"room{i}" for i in range(k, k + 5)))) for k in range(400)]
    stories = Encoder(questions)(questions)
    for chosen in (onp.array([3, 3, 399]), onp.arange(200)):
        (sentences, story, age, mask, asked), answer = stories.batch(chosen)
        assert len(sentences) % TABLE_STEP == 0 or len(sentences) == len(stories.sentences)
        onp.testing.assert_array_equal(sentences[story], stories.sentences[stories.story[chosen]])
        onp.testing.assert_array_equal(age, stories.age[chosen])
        onp.testing.assert_array_equal(mask, stories.mask[chosen])
        onp.testing.assert_array_equal(asked, stories.question[chosen])
        onp.testing.assert_array_equal(answer, stories.answer[chosen])


def test_in_order_every_question_comes_once():
    stories = Encoder([LONG])([LONG, SHORT, LONG])
    for size, parts in [(1, [1, 1, 1]), (2, [2, 1]), (250, [3])]:
        assert [len(answer) for _, answer in stories.in_order(size)] == parts


def drawn(stories, epoch=0, **options):
    return [
        (story.tolist(), age.tolist()) for (_, story, age, *_), _ in stories.draws(**options)(epoch)
    ]


def test_draws_depend_on_seed_and_epoch_alone():
    stories = Encoder([LONG])([question(walk(*ROOMS[:n])) for n in (1, 2, 3, 4)] * 5)
    for noise in (0.0, 0.5):
        options = {"batch_size": 4, "seed": 1, "noise": noise}
        first = drawn(stories, **options)
        assert len(first) == 5 and first == drawn(stories, **options)
        assert first != drawn(stories, epoch=1, **options)
        assert first != drawn(stories, **(options | {"seed": 2}))
    assert len(drawn(stories, batch_size=50, seed=0)) == 1


def test_noise_makes_sentences_older_and_nothing_else():
    stories = Encoder([LONG], memory_size=5)([LONG, SHORT])
    clean, noisy = (list(stories.draws(2, seed=0, noise=x)(0)) for x in (0.0, 1.0))
    ((_, story, age, mask, _), _), ((_, same, older, same_mask, _), _) = clean[0], noisy[0]
    onp.testing.assert_array_equal(story, same)
    onp.testing.assert_array_equal(mask, same_mask)
    assert (older >= age).all() and (older > age).any() and older.max() == 5
    onp.testing.assert_array_equal(older[:, 0], 5)  # the sentinel
    assert (older[:, 1:][mask[:, 0, 1:] == 1] <= 4).all()
    assert (older[mask[:, 0] == 0] == 5).all()


# -------------------------------------------------------------------------------- noise
@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.floats(0, 0.5),
    st.integers(0, 1000),
)
def test_noisy_ages_fall_and_leave_gaps(lengths, noise, seed):
    lengths = onp.array(lengths)
    ages = noisy_ages(lengths, lengths.max() + 1, noise, onp.random.RandomState(seed))
    for length, age in zip(lengths, ages, strict=True):
        assert (onp.diff(age[:length]) < 0).all() and (age[length:] == 0).all()
        assert age[:length].min() >= 0 and age[0] < length + onp.ceil(noise * length)


def test_a_single_sentence_may_have_an_empty_one_behind_it():
    ages = noisy_ages(onp.ones(100, int), 1, 0.1, onp.random.RandomState(0))
    assert set(ages.ravel().tolist()) == {0, 1}


def test_noise_is_spread_evenly():
    ages = noisy_ages(onp.full(4000, 10), 10, 0.1, onp.random.RandomState(0))
    gap = (ages[:, 0] == 10).mean()
    # One empty sentence in half of the stories, older than all in 1 of 11
    assert abs(gap - 0.5 * 10 / 11) < 0.03


# ------------------------------------------------------------------------------ refused
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (question([]), "question 1 has an empty story"),
        (question(["Ada left.", " . "]), "story of question 1 has an empty sentence"),
        (question(["Ada left."], "?"), "question 1 has no text"),
        (question(["Ada left."], answer=" "), "question 1 has no answer"),
    ],
)
def test_bad_questions_are_refused(bad, message):
    for call in (lambda: Encoder([SHORT, bad]), lambda: Encoder([SHORT])([SHORT, bad])):
        with pytest.raises(ValueError, match=message):
            call()


def test_unknown_words_are_refused_and_unknown_answers_have_no_number():
    encoder = Encoder([SHORT])
    for story, text in ((["Zoe went."], "Where is Ada?"), (walk("hall"), "Who is Zoe?")):
        with pytest.raises(ValueError, match=r"'(zoe|who)' is not in the vocabulary"):
            encoder([question(story, text)])
    unknown = encoder([question(walk("hall"), answer="moon")])
    assert unknown.answer.tolist() == [-1]
    with pytest.raises(ValueError, match="an answer to train on is not in the vocabulary"):
        unknown.draws(1, seed=0)


BAD = [
    (ValueError, "questions must not be empty", lambda: Encoder([])),
    (ValueError, "questions must not be empty", lambda: Encoder([SHORT])([])),
    (ValueError, "memory_size must be at least 1", lambda: Encoder([SHORT], memory_size=0)),
    (TypeError, "memory_size must be an integer", lambda: Encoder([SHORT], memory_size=2.5)),
    (TypeError, "memory_size must be an integer", lambda: Encoder([SHORT], memory_size=True)),
    (ValueError, "encoding must be one of", lambda: Encoder([SHORT], encoding="words")),
    (ValueError, "batch_size must be at least 1", lambda: one().draws(0, seed=0)),
    (TypeError, "batch_size must be an integer", lambda: one().draws(True, seed=0)),
    (ValueError, "noise must be from 0 to 1", lambda: one().draws(1, seed=0, noise=1.5)),
    (ValueError, "noise must be from 0 to 1", lambda: one().draws(1, seed=0, noise=-0.1)),
    (ValueError, "noise must be from 0 to 1", lambda: one().draws(1, seed=0, noise=onp.nan)),
    (ValueError, "batch_size must be at least 1", lambda: list(one().in_order(-1))),
]


def one():
    return Encoder([SHORT], memory_size=onp.int64(3))([SHORT])


@pytest.mark.parametrize(("error", "message", "call"), BAD)
def test_bad_settings_are_refused(error, message, call):
    with pytest.raises(error, match=message):
        call()
