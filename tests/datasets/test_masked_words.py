"""Pre-training examples: rates counted over many draws, what follows what, frames, padding, seeds."""

import numpy as onp
import pytest
import scipy.stats

from d2l_attention.datasets import masked_words
from d2l_attention.datasets.masked_words import arrays, batches, encode, frame, hide, pairs
from d2l_attention.datasets.senses import generate
from d2l_attention.datasets.wordpiece import WordPiece

TEXTS = [document.sentences for document in generate(60, seed=0)]


@pytest.fixture(scope="module")
def vocabulary():
    return WordPiece([sentence for text in TEXTS for sentence in text], size=300)


def numbered(count: int = 40, seed: int = 0) -> list:
    """Documents whose words are all different: document k has k * 1000, k * 1000 + 1, ..."""
    random, found = onp.random.RandomState(seed), []
    for k in range(1, count + 1):
        lengths = random.randint(3, 12, random.randint(1, 9))
        ends = onp.cumsum(lengths)
        found.append(
            [
                list(range(k * 1000 + e - n, k * 1000 + e))
                for n, e in zip(lengths, ends, strict=True)
            ]
        )
    return found


def near(found: int, count: int, share: float) -> bool:
    """Whether a count is within four standard deviations of what is expected."""
    return abs(found - count * share) < 4 * (count * share * (1 - share)) ** 0.5


# ------------------------------------------------------------------------------ what is hidden
def test_the_rates_are_the_papers(vocabulary):
    """15% of words; of these 80% become [MASK], 10% any word, 10% stay."""
    random, length, draws = onp.random.RandomState(0), 17, 4000
    low, high = 5, len(vocabulary)
    chosen, places_of, masked, same, other = 0, onp.zeros(length), 0, 0, []
    for _ in range(draws):
        ids = random.randint(low, high, length).tolist()
        whole, _ = frame(ids[:9], ids[9:], vocabulary)
        shown, places, words = hide(whole, vocabulary, random)
        assert places == sorted(set(places)) and words == [whole[place] for place in places]
        chosen += len(places)
        for place, word in zip(places, words, strict=True):
            places_of[place - 1 - (place > 10)] += 1
            masked += shown[place] == vocabulary.mask
            same += shown[place] == word
            if shown[place] not in (vocabulary.mask, word):
                other.append(shown[place])
        untouched = [p for p in range(len(whole)) if p not in places]
        assert all(shown[place] == whole[place] for place in untouched)
    # two or three of 17 words: the spread is less than that of independent words
    assert near(chosen, draws * length, 0.15)
    assert near(masked, chosen, 0.8) and near(same, chosen, 0.1 + 0.1 / (high - low))
    assert near(len(other), chosen, 0.1 - 0.1 / (high - low))
    assert scipy.stats.chisquare(places_of).pvalue > 1e-3  # all places alike
    counts = onp.bincount(other, minlength=high)
    assert counts[:low].sum() == 0 and scipy.stats.chisquare(counts[low:]).pvalue > 1e-3


def test_special_pieces_are_never_chosen_and_one_word_always_is(vocabulary):
    random = onp.random.RandomState(0)
    for _ in range(300):
        shown, places, words = hide([2, 9, 3, 3, 0, 0], vocabulary, random)
        assert places == [1] and words == [9]
        assert [*shown[:1], *shown[2:]] == [2, 3, 3, 0, 0]
    with pytest.raises(ValueError, match="a word that is not special"):
        hide([2, 3, 3], vocabulary, random)


def test_another_share_may_be_hidden(vocabulary):
    random = onp.random.RandomState(0)
    found = [len(hide([7] * 10, vocabulary, random, share=0.52)[1]) for _ in range(2000)]
    assert set(found) == {5, 6} and near(sum(found) - 5 * 2000, 2000, 0.2)


# --------------------------------------------------------------------------- what follows what
def test_half_of_the_second_texts_follow():
    documents, found = numbered(), []
    for seed in range(40):
        found += pairs(documents, longest=24, seed=seed)
    assert near(sum(pair.other for pair in found), len(found), 0.5)
    for first, second, other in found:
        own, whole = first[0] // 1000, first + second
        assert all(word // 1000 == own for word in first)
        assert (second[0] // 1000 == own) == (not other)
        assert len({word // 1000 for word in second}) == 1
        assert onp.all(onp.diff(first) == 1) and onp.all(onp.diff(second) == 1)
        assert first and second and len(whole) <= 21
        if not other and len(whole) < 21:  # nothing was cut off
            assert second[0] == first[-1] + 1


def test_a_pair_is_whole_sentences_unless_it_is_too_long():
    documents = numbered()
    ends = {sentence[-1] for document in documents for sentence in document}
    starts = {sentence[0] for document in documents for sentence in document}
    for pair in pairs(documents, longest=200, seed=0):
        for text in (pair.first, pair.second):
            assert text[0] in starts and text[-1] in ends


def test_each_sentence_is_read_but_last_ones_left_alone():
    documents = numbered()
    for seed in range(5):
        read = set()
        for first, second, other in pairs(documents, longest=400, seed=seed, short=0.0):
            read |= set(first) | (set() if other else set(second))
        for document in documents:
            for sentence in document[:-1]:
                assert read.issuperset(sentence)


def test_inputs_fill_their_room_and_some_are_short():
    documents = [[[k * 1000 + i] * 3 for i in range(200)] for k in range(1, 4)]
    lengths = {
        short: onp.array([len(a) + len(b) for a, b, _ in pairs(documents, longest=33, seed=1, short=short)])
        for short in (0.0, 0.5)
    }  # fmt: skip
    assert (lengths[0.0] >= 27).mean() > 0.8 and (lengths[0.5] < 27).mean() > 0.3


# ------------------------------------------------------------------------------------- batches
def test_a_batch_is_frames_with_hidden_words(vocabulary):
    documents, longest = encode(TEXTS, vocabulary), 24
    found = pairs(documents, longest=longest, seed=0)[:20]
    inputs, (words, other) = arrays(
        found, vocabulary, longest=longest, random=onp.random.RandomState(0)
    )
    ids, segments, mask, places = inputs
    assert [x.dtype.name for x in (*inputs, words, other)] == ["int32"] * 2 + ["float32"] + [
        "int32"
    ] * 3
    assert ids.shape == segments.shape == (20, 24) and mask.shape == (20, 1, 24)
    assert places.shape == words.shape == (20, masked_words.most_hidden(24)) == (20, 4)
    for row, pair in enumerate(found):
        a, b = len(pair.first), len(pair.second)
        whole = [2, *pair.first, 3, *pair.second, 3]
        expected = onp.array(whole + [0] * (longest - len(whole)))
        for place, word in zip(places[row], words[row], strict=True):
            if word:
                assert expected[place] == word and word >= 5
        changed = onp.flatnonzero(expected != ids[row])
        assert set(changed) <= set(places[row][words[row] > 0])
        assert segments[row].tolist() == [0] * (a + 2) + [1] * (b + 1) + [0] * (21 - a - b)
        assert mask[row, 0].tolist() == [1] * (a + b + 3) + [0] * (21 - a - b)
        assert words[row].any() and other[row] == pair.other


def test_more_words_are_never_hidden_than_there_is_room_for(vocabulary):
    for longest in range(5, 80):
        full = [7] * (longest - 3)
        for seed in range(5):
            random = onp.random.RandomState(seed)
            _, places, _ = hide(full, vocabulary, random)
            assert len(places) <= masked_words.most_hidden(longest)


def test_epochs_differ_and_seeds_repeat(vocabulary):
    documents = encode(TEXTS, vocabulary)
    one, other = (batches(documents, vocabulary, 32, longest=20, seed=seed) for seed in (0, 1))
    first, again, next_one, elsewhere = (list(make(e)) for make, e in
                                         ((one, 0), (one, 0), (one, 1), (other, 0)))  # fmt: skip
    flat = [array for inputs, target in first for array in (*inputs, *target)]
    same = [array for inputs, target in again for array in (*inputs, *target)]
    for a, b in zip(flat, same, strict=True):
        onp.testing.assert_array_equal(a, b)
    for different in (next_one, elsewhere):
        assert (different[0][0][0] != first[0][0][0]).any()
    assert [len(inputs[0]) for inputs, _ in first[:-1]] == [32] * (len(first) - 1)


def test_the_network_takes_a_batch_and_learns(vocabulary):
    from d2l_attention import seed_everything
    from d2l_attention.models.bert import Bert, BertPretraining
    from d2l_attention.training import fit

    from mxnet import init, optimizer

    seed_everything(0)
    sizes = {"hidden_size": 16, "layers": 1, "num_heads": 2, "feedforward_size": 32}
    network = BertPretraining(Bert(len(vocabulary), longest=20, dropout=0.0, **sizes))
    network.initialize(init.Normal(0.02))
    data = batches(encode(TEXTS, vocabulary), vocabulary, 32, longest=20, seed=0)
    history = fit(network, data, optimizer.Adam(0.005), epochs=8, progress=False)
    assert history["loss"][-1] < history["loss"][0] - 1


# -------------------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], "documents must be at least two"),
        ([[[5], [6]]], "documents must be at least two"),
        ([[[5]], [[6]]], "one of them with two sentences"),
        ([[[5], [6]], []], "documents must not be empty"),
        ([[[5], []], [[6]]], "nor hold empty sentences"),
    ],
)
def test_wrong_documents_are_refused(documents, message, vocabulary):
    with pytest.raises(ValueError, match=message):
        pairs(documents, longest=9, seed=0)
    with pytest.raises(ValueError, match=message):
        batches(documents, vocabulary, 2, longest=9, seed=0)


def test_wrong_numbers_are_refused(vocabulary):
    documents = [[[5], [6]], [[7]]]
    with pytest.raises(ValueError, match="longest must be at least 5, got 4"):
        pairs(documents, longest=4, seed=0)
    with pytest.raises(TypeError, match="longest must be an integer"):
        batches(documents, vocabulary, 2, longest=9.5, seed=0)
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        batches(documents, vocabulary, 0, longest=9, seed=0)
    with pytest.raises(ValueError, match="short must be from 0 to below 1"):
        pairs(documents, longest=9, seed=0, short=1.0)
    with pytest.raises(ValueError, match="share must be from 0 to below 1"):
        hide([5], vocabulary, onp.random.RandomState(0), share=-0.1)
    with pytest.raises(ValueError, match="a text must not be empty"):
        encode([["a", " "], ["b"]], vocabulary)
    pair = masked_words.Pair([5] * 5, [6] * 5, 0)
    with pytest.raises(ValueError, match="at most 12 pieces, got 13"):
        arrays([pair], vocabulary, longest=12, random=onp.random.RandomState(0))
