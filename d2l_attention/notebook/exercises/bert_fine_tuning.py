"""Write it yourself: where an answer starts and ends, and which span is the best one."""

from collections.abc import Callable

import numpy as onp

LOOKED_AT = 60  # random texts
ATOL = 1e-6


def check_answer(answer: Callable) -> None:
    """Say whether `answer` finds answers as BERT does, or what is wrong with it.

    Parameters
    ----------
    answer : callable
        answer(H, s, e, text, longest) -> (p_start, p_end, (first, last)). H (n, d) are the states of the
        places, s and e (d,) the vectors of start and end, text (n,) is 1 where an answer may stand, and
        an answer has at most `longest` places. p_start and p_end (n,) are probabilities over the text;
        first and last are the places of the most probable span, p_start[first] p_end[last].

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    random = onp.random.RandomState(0)
    texts = [_text(random, number) for number in range(LOOKED_AT)]
    _check_spans([_found(answer, *given) for given in texts])
    H, s, e, text, longest = texts[0]
    H, s, e = onp.column_stack([H, onp.ones(len(H))]), onp.append(s, 900.0), onp.append(e, 900.0)
    with onp.errstate(all="ignore"):
        found = answer(H, s, e, text, longest)  # as before: the same is added to all scores
    finite = all(onp.isfinite(p).all() for p in found[:2])
    assert finite, "large scores overflow: subtract the largest one before exp"
    print("right: start and end over the text alone, and the best span of those allowed")


def _text(random, number: int) -> tuple:
    """States, vectors, places of the text, most places of an answer."""
    n, d = random.randint(6, 14), 4
    H, (s, e) = random.normal(0, 1, (n, d)), random.normal(0, 1.5, (2, d))
    first = random.randint(1, 4)
    text = onp.zeros(n, int)
    text[first : n - random.randint(1, 3)] = 1
    return H, s, e, text, 1 + number % 4


def _softmax(scores, where) -> onp.ndarray:
    e = onp.where(where, onp.exp(scores - scores[where].max()), 0.0)
    return e / e.sum()


def _found(answer, H, s, e, text, longest) -> tuple:
    """The span that was found for a text, and what it should have been chosen by."""
    n, inside = len(H), text == 1
    found = answer(H.copy(), s.copy(), e.copy(), text.copy(), longest)
    form = "return three things: p_start, p_end and (first, last)"
    assert isinstance(found, tuple) and len(found) == 3 and len(found[2]) == 2, form
    p_start, p_end = (onp.asarray(p, float) for p in found[:2])
    shape = f"must have one number a place, shape ({n},): the softmax is over places"
    assert p_start.shape == (n,), f"p_start {shape}, got {p_start.shape}"
    assert p_end.shape == (n,), f"p_end {shape}, got {p_end.shape}"
    wanted = [_softmax(H @ v, inside) for v in (s, e)]
    _check_probabilities(H, (s, e), inside, (p_start, p_end), wanted)
    first, last = (int(place) for place in found[2])
    assert first >= 0 and 0 <= last <= n, f"first and last must be places, got {first} and {last}"
    return (first, last), *wanted, longest


def _check_probabilities(H, vectors, inside, found, wanted) -> None:
    for mistake, probabilities in _mistaken(H, vectors, inside, wanted).items():
        assert not _same(found, probabilities), mistake
    joint = found[0].sum() + found[1].sum()
    assert abs(joint - 1) > ATOL, "one softmax over both: start and end have one each"
    for name, p, right in zip(("p_start", "p_end"), found, wanted, strict=True):
        assert (p[~inside] == 0).all(), f"{name} must be exactly zero outside the text"
        assert abs(p.sum() - 1) < ATOL, f"{name} must sum to one, got {p.sum():.3f}"
        assert onp.allclose(p, right, atol=ATOL), f"{name} is not softmax(<s, h_1>, ..., <s, h_T>)"


def _mistaken(H, vectors, inside, wanted) -> dict[str, list]:
    """What is said, and what somebody finds who makes the mistake."""
    scores, everywhere = [H @ v for v in vectors], onp.ones(len(H), bool)
    unmasked = [_softmax(s, everywhere) for s in scores]
    scaled = [_softmax(s / len(v) ** 0.5, inside) for s, v in zip(scores, vectors, strict=True)]
    return {
        "the question's places are not masked: an answer stands in the text": unmasked,
        "masked behind the softmax: what is left must sum to one; mask the scores": [
            p * inside for p in unmasked
        ],
        "start and end are exchanged: p_start is of s, p_end of e": wanted[::-1],
        "these are scores: softmax makes them probabilities": scores,
        "a masked score of 0 has exp 0 = 1: it must weigh nothing": [
            _softmax(s * inside, everywhere) for s in scores
        ],
        "scores are not scaled by the root of d here": scaled,
    }


def _best(p_start, p_end, longest: int, join=onp.multiply) -> tuple[int, int]:
    """The best span whose places are both of the text."""
    n = len(p_start)
    pairs = [
        (i, j) for i in range(n) for j in range(i, min(n, i + longest)) if p_start[i] * p_end[j]
    ]
    return max(pairs, key=lambda pair: join(p_start[pair[0]], p_end[pair[1]]))


def _best_start_first(p_start, p_end, longest: int) -> tuple[int, int]:
    first = int(p_start.argmax())
    return first, first + int(p_end[first : first + longest].argmax())


MISTAKES = {  # what is said, and the rule that somebody follows who makes the mistake
    "last is the answer's last place, and not behind it": lambda a, b, longest: (
        _best(a, b, longest)[0], _best(a, b, longest)[1] + 1),
    "one place too long: from first to last there are last - first + 1 places": lambda a, b, longest: (
        _best(a, b, longest + 1)),
    "longest is not heeded: an answer has at most so many places": lambda a, b, longest: (
        _best(a, b, len(a))),
    "the best start first, then an end for it: the best pair may start elsewhere": _best_start_first,
    "probabilities are added: a span's is the product of both": lambda a, b, longest: (
        _best(a, b, longest, onp.add)),
}  # fmt: skip


def _check_spans(found: list[tuple]) -> None:
    spans = [span for span, *_ in found]
    if spans == [_best(*given) for _, *given in found]:
        return
    backwards = [span for span in spans if span[0] > span[1]]
    assert not backwards, "the end is before the start: search over pairs with first <= last"
    for mistake, rule in MISTAKES.items():
        assert spans != [rule(*given) for _, *given in found], mistake
    for (first, last), p_start, p_end, longest in found:
        wanted = _best(p_start, p_end, longest)
        assert (first, last) == wanted, f"the most probable span is {wanted}, got {(first, last)}"


def _same(found, wanted) -> bool:
    return all(onp.allclose(a, b, atol=ATOL) for a, b in zip(found, wanted, strict=True))
