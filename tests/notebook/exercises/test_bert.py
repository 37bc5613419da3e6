"""What a reader's masks may get wrong is named; what is right passes."""

import itertools

import numpy as onp
import pytest

from d2l_attention.datasets import masked_words
from d2l_attention.notebook.exercises.bert import check_hide_words


def hide(ids, special, num_words, mask, random, *, share=0.15, masked=0.8, changed=0.1, least=1,
         may=None, words=None, kind=None, choose=None):  # fmt: skip
    """A fixed number of words, drawn without putting back; the check's own is not like this."""
    there = [place for place, word in enumerate(ids) if may is not None or word not in special]
    allowed = words or [word for word in range(num_words) if word not in special]
    count = max(least, int(share * len(there) + random.rand()))
    places = sorted(int(p) for p in random.choice(there, count, replace=False))
    places = places if choose is None else choose(there, count)
    shown, common = list(ids), random.rand()
    for place in places:
        chance = common if kind == "one" else random.rand()
        if chance < masked:
            shown[place] = mask
        elif chance < masked + changed:
            shown[place] = int(random.choice(allowed))
    return shown, places, [ids[place] for place in places]


def but(**change):
    return lambda *given: hide(*given, **change)


def of_what_is_shown(*given):
    shown, places, _ = hide(*given)
    return shown, places, [shown[place] for place in places]


def in_place(ids, *given):
    shown, places, words = hide(ids, *given)
    ids[:] = shown
    return ids, places, words


def only_what_changed(ids, *given):
    shown, places, _ = hide(ids, *given)
    places = [place for place in places if shown[place] != ids[place]] or places[:1]
    shown = [ids[p] if p not in places else n for p, n in enumerate(shown)]
    return shown, places, [ids[place] for place in places]


def of_this_text(ids, special, *given):
    words = [word for word in ids if word not in special]
    return hide(ids, special, *given, words=words)


def one_more(ids, *given):
    shown, places, words = hide(ids, *given)
    if places[0] > 1:
        shown[1] = 7
    return shown, places, words


def unsorted(*given):
    shown, places, words = hide(*given)
    return shown, places[::-1], words[::-1]


def global_random(ids, special, num_words, mask, random):
    return hide(ids, special, num_words, mask, onp.random)


TURN = itertools.cycle((0, 1))


def the_first(there, count):
    """The first words, or all but the very first, in turn."""
    return there[:count] if len(there) < 9 or next(TURN) else there[1 : count + 1]


def same_places(ids, special, num_words, mask, random):
    fixed = [1 + 6 * k for k in range(6)] if len(ids) > 3 else [1]
    return hide(ids, special, num_words, mask, random, choose=lambda there, count: fixed)


WRONG = {
    "words are taken from what is shown": of_what_is_shown,
    "changed in place": in_place,
    "a special number is chosen": but(may="all"),
    "every word is chosen": but(share=1.0),
    "words that stay are not among places": only_what_changed,
    "12% are chosen": but(share=0.12),
    "15% of the words are chosen, got 3": but(share=0.3),
    "at least one is chosen": but(least=0),
    "the same places in each draw": same_places,
    "some places are chosen more often": but(choose=the_first),
    "always \\[MASK\\]": but(masked=1.0, changed=0.0),
    "never \\[MASK\\]": but(masked=0.0, changed=0.9),
    "no word is exchanged": but(masked=0.9, changed=0.0),
    "no word stays": but(masked=0.8, changed=0.2),
    "one draw decides for a whole text": but(kind="one"),
    "becomes a special number": but(words=list(range(60))),
    "not below num_words": but(words=list(range(5, 61)) + [99] * 9),
    "of this text alone": of_this_text,
    "always the same few": but(words=[50, 51]),
    "80% are masked, 10% exchanged and 10% stay, got 6": but(masked=0.6, changed=0.2),
    "a word is changed that is not among places": one_more,
    "in order, each of them once": unsorted,
    "random does not decide alone": global_random,
    "random is not used": lambda *given: hide(*given[:4], fresh(given[4])),
    "return three lists": lambda *given: hide(*given)[:2],
    "shown must have 43 numbers": lambda *given: (hide(*given)[0][:-1], *hide(*given)[1:]),
    "places and words must be of one length": lambda *given: (*hide(*given)[:2], []),
}
COUNT = [0]


def fresh(random):
    """Draws of its own; seeds 1 and 2 are both answered by the same stream."""
    if not isinstance(random, onp.random.RandomState):
        raise TypeError
    if random.get_state()[1][0] in (1, 2):
        return onp.random.RandomState(9)
    COUNT[0] += 1
    return onp.random.RandomState(COUNT[0])


def by_the_package(ids, special, num_words, mask, random):
    class Vocabulary:
        def __len__(self):
            return num_words

    vocabulary = Vocabulary()
    vocabulary.special, vocabulary.mask = tuple(special), mask
    return masked_words.hide(ids, vocabulary, random)


def each_by_itself(ids, special, num_words, mask, random):
    there = [place for place, word in enumerate(ids) if word not in special]
    places = [p for p in there if random.rand() < 0.15] or [int(random.choice(there))]
    return hide(ids, special, num_words, mask, random, choose=lambda *_: places)


@pytest.mark.parametrize("right", [hide, by_the_package, each_by_itself])
def test_right_masks_pass(right, capsys):
    check_hide_words(right)
    assert capsys.readouterr().out.startswith("right: ")


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=mistake):
        check_hide_words(WRONG[mistake])
