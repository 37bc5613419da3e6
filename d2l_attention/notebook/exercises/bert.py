"""Write it yourself: choose words to be guessed, and hide most of them."""

from collections.abc import Callable

import numpy as onp

DRAWS = 2000
NUM_WORDS, MASK, SPECIAL = 60, 4, frozenset(range(5))
TEXT = [2, *range(10, 30), 3, *range(20, 40), 3]  # 43 places, 40 of them words
SHORT = [2, 7, 3]
WORDS = [place for place, word in enumerate(TEXT) if word not in SPECIAL]


def check_hide_words(hide_words: Callable) -> None:
    """Say whether `hide_words` hides words as BERT's pre-training does, or what is wrong with it.

    Parameters
    ----------
    hide_words : callable
        hide_words(ids, special, num_words, mask, random) -> (shown, places, words): lists of int. Of the
        ids that are not special 15% are chosen, at least one; 80% of these become `mask`, 10% any word
        from 0 to num_words - 1 that is not special, and the rest stays. `random` is a
        numpy.random.RandomState, and decides alone.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    random = onp.random.RandomState(0)
    draws = [_draw(hide_words, TEXT, random) for _ in range(DRAWS)]
    for _ in range(200):
        _, places, _ = _draw(hide_words, SHORT, random)
        assert places == [1], f"of one word at least one is chosen, its place is 1, got {places}"
    _check_places(draws)
    _check_kinds(draws)
    _check_random(hide_words)
    print("right: 15% are chosen; of these 80% are masked, 10% exchanged, 10% stay")


def _draw(hide_words, text, random) -> tuple[list, list, list]:
    """One draw, whose form is right."""
    given = list(text)
    found = hide_words(given, set(SPECIAL), NUM_WORDS, MASK, random)
    assert given == list(text), "ids is changed in place: shown must be another list"
    right = isinstance(found, tuple) and len(found) == 3
    assert right and all(isinstance(part, list) for part in found), (
        "return three lists: shown, places, words"
    )
    shown, places, words = found
    assert len(shown) == len(text), f"shown must have {len(text)} numbers, got {len(shown)}"
    assert len(places) == len(words), "places and words must be of one length"
    assert places == sorted(set(places)), "places must be in order, each of them once"
    assert all(0 <= place < len(text) for place in places), "a place is not one of the text"
    hit = [place for place in places if text[place] in SPECIAL]
    assert not hit, "a special number is chosen: [CLS] and [SEP] are never guessed"
    assert words != [shown[p] for p in places] or words == [text[p] for p in places], (
        "words are taken from what is shown: the target is what stood there before"
    )
    assert words == [text[place] for place in places], "words must be those of ids at the places"
    elsewhere = [p for p in range(len(text)) if shown[p] != text[p] and p not in places]
    assert not elsewhere, "a word is changed that is not among places"
    return found


def _check_places(draws) -> None:
    """Each word is chosen in 15% of the draws, by itself."""
    counts = onp.zeros(len(TEXT))
    for _, places, _ in draws:
        counts[places] += 1
    share = counts[WORDS].sum() / len(WORDS) / len(draws)
    assert share < 0.99, "every word is chosen: only 15% of them are"
    kept = sum(shown[p] == TEXT[p] for shown, places, _ in draws for p in places)
    assert not (kept == 0 and 0.125 < share < 0.142), (
        "words that stay are not among places: they are guessed, too"
    )
    assert not 0.112 < share < 0.128, "12% are chosen: the 80% are a share of those chosen"
    assert abs(share - 0.15) < 0.008, f"15% of the words are chosen, got {100 * share:.1f}%"
    same = len({tuple(places) for _, places, _ in draws}) == 1
    assert not same, "the same places in each draw: they must be chosen anew"
    even = abs(counts[WORDS] / len(draws) - 0.15).max() < 0.05
    assert even, "some places are chosen more often than others"


def _check_kinds(draws) -> None:
    """80% masked, 10% any word, 10% as they were; each word by itself."""
    kinds, others, mixed = onp.zeros(3), [], 0
    for shown, places, words in draws:
        of_draw = set()
        for place, word in zip(places, words, strict=True):
            kind = 0 if shown[place] == MASK else 2 if shown[place] == word else 1
            kinds[kind] += 1
            of_draw.add(kind)
            others += [shown[place]] if kind == 1 else []
        mixed += len(of_draw) > 1
    masked, exchanged, same = kinds / kinds.sum()
    assert masked < 0.99, "always [MASK]: 10% become another word, and 10% stay"
    assert masked > 0, "never [MASK]: 80% of the chosen words become it"
    assert exchanged > 0.01, "no word is exchanged: 10% become any other word"
    assert same > 0.01, "no word stays: 10% are shown as they are, and guessed all the same"
    assert mixed > 0.3 * len(draws), "one draw decides for a whole text: each word has its own"
    assert not SPECIAL & set(others), "a word becomes a special number: it is any word but these"
    assert all(0 <= word < NUM_WORDS for word in others), "a word is not below num_words"
    outside = set(range(NUM_WORDS)) - SPECIAL - set(TEXT)
    assert outside & set(others), "other words are of this text alone: they are any of num_words"
    assert len(set(others)) > 40, "other words are always the same few: they are any of num_words"
    got = f"got {100 * masked:.0f}, {100 * exchanged:.0f} and {100 * same:.0f}"
    near = abs(onp.array([masked, exchanged, same]) - [0.8, 0.1, 0.1]).max() < 0.02
    assert near, f"80% are masked, 10% exchanged and 10% stay, {got}"


def _check_random(hide_words) -> None:
    """The same seed gives the same draw, another seed another one."""
    seeds = (1, 1, 2)
    found = [_draw(hide_words, TEXT, onp.random.RandomState(seed)) for seed in seeds]
    assert found[0] == found[1], "random does not decide alone: one seed must give one result"
    assert found[0] != found[2], "random is not used: other seeds must give other results"
