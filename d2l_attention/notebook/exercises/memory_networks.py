"""Check the hops of a memory network that a reader wrote, and name the mistake."""

from collections.abc import Callable

import numpy as onp


def check_hops(answer: Callable) -> None:
    """Run a reader's hops on random memories; print one line if they are right.

    Parameters
    ----------
    answer : callable
        (query (N, d), keys, values, mask (N, n)) -> (query after the last hop (N, d), weights
        (N, K, n)), NumPy arrays: lists of K keys and of K values, each (N, n, d), one for each hop;
        the mask is 1 for a sentence and 0 for padding. Equation (3.2): a hop's weights are the
        softmax of key times query over the sentences, and what it finds is added to the query.

    Raises
    ------
    AssertionError
        The sentence names the mistake.

    >>> check_hops(reference)
    Right: the mask, the softmax, the order of the hops and the sum are all in place.
    """
    given = _memories()
    copies = [onp.copy(array) for array in (given[0], *given[1], *given[2], given[3])]
    found = _arrays(answer(*given), given)
    kept = [given[0], *given[1], *given[2], given[3]]
    assert all(map(onp.array_equal, kept, copies)), (
        "An argument was changed in place: `query += ...` writes into the caller's array."
    )
    if not _equal(found, reference(*given)):
        raise AssertionError(_name_the_mistake(found, given))
    large = [50 * given[0], *given[1:]]
    assert _equal(_arrays(answer(*large), large), reference(*large)), (
        "With scores of some hundred the result is wrong: exp overflows. "
        "Subtract the row's largest score before exp."
    )
    print("Right: the mask, the softmax, the order of the hops and the sum are all in place.")


def reference(query, keys, values, mask, *, mistake: str = ""):
    """The right answer; or one with a mistake, of those that `MISTAKES` names."""
    if mistake == "exchanged":
        keys, values = values, keys
    if mistake == "first memory":
        keys, values = [keys[0]] * len(keys), [values[0]] * len(values)
    first, weights = query, []
    for key, value in zip(keys, values, strict=True):
        asked = first if mistake == "same query" else query
        scores = onp.einsum("nid,nd->ni", key, asked)
        scores = scores / onp.sqrt(query.shape[1]) if mistake == "scaled" else scores
        alpha = _weights(scores, mask, mistake)
        context = onp.einsum("ni,nid->nd", alpha, value)
        context = context / mask.sum(1, keepdims=True) if mistake == "averaged" else context
        query = context if mistake == "no residual" else query + context
        weights.append(alpha)
    return query, onp.stack(weights, axis=1)


def _weights(scores, mask, mistake: str):
    if mistake == "linear":
        return scores * mask
    forbidden = {"no mask": scores, "zero scores": scores * mask}
    scores = forbidden.get(mistake, onp.where(mask > 0, scores, -onp.inf))
    axis = 0 if mistake == "wrong axis" else 1
    if mistake in ("masked late", "wrong axis"):
        scores = onp.where(onp.isfinite(scores), scores, 0)
    e = onp.exp(scores - scores.max(axis=axis, keepdims=True))
    alpha = e if mistake == "not normalised" else e / e.sum(axis=axis, keepdims=True)
    return alpha * mask if mistake in ("masked late", "wrong axis") else alpha


MISTAKES = {
    "no mask": "The mask is lost: padding gets weight.",
    "zero scores": "A masked score of 0 is not forbidden: exp(0) = 1. It must be minus infinity.",
    "masked late": "Masked after the softmax: the weights of the sentences no longer sum to one.",
    "wrong axis": "Softmax over the wrong axis: the weights of one question's sentences, "
    "axis 1 of the scores, must sum to one.",
    "not normalised": "The weights are not divided by their sum.",
    "linear": "The softmax is missing: the weights are the scores.",
    "no residual": "The hop lacks the old query: u + context, not the context alone.",
    "same query": "Every hop asks with the first query: the next one must ask with the sum.",
    "first memory": "Every hop reads the first memory: hop k has keys[k] and values[k].",
    "exchanged": "Keys and values are exchanged: scores come from keys, the context from values.",
    "scaled": "The scores are divided by the square root of d: equation (3.2) does not do so.",
    "averaged": "The context is divided by the number of sentences: the weights sum to one already.",
}


def _memories():
    """Three questions, two hops, at most four sentences of two features; two have padding."""
    random = onp.random.RandomState(0)
    mask = onp.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 1]], "float64")
    keys, values = random.normal(size=(2, 2, 3, 4, 2))
    return [random.normal(size=(3, 2)), list(keys), list(values), mask]


def _arrays(found, given) -> tuple:
    """The answer's two arrays; AssertionError if it is not that."""
    assert isinstance(found, tuple | list) and len(found) == 2, (
        f"Return two things, (query, weights), got {type(found).__name__}."
    )
    query, weights = (onp.asarray(array) for array in found)
    (questions, features), hops = given[0].shape, len(given[1])
    shapes = (questions, features), (questions, hops, given[3].shape[1])
    for name, array, shape in zip(("query", "weights"), (query, weights), shapes, strict=True):
        assert array.shape == shape, f"The {name} must be of shape {shape}, got {array.shape}."
    return query, weights


def _equal(found, expected) -> bool:
    return all(onp.allclose(a, b, atol=1e-5) for a, b in zip(found, expected, strict=True))


def _name_the_mistake(found, given) -> str:
    if onp.allclose(found[1].sum(axis=0), 1) and not onp.allclose(found[1].sum(axis=-1), 1):
        return MISTAKES["wrong axis"]
    for mistake, sentence in MISTAKES.items():
        if _equal(found, reference(*given, mistake=mistake)):
            return sentence
    sums = found[1].sum(axis=-1)
    if not onp.isfinite(found[0]).all():
        return "The result is not finite: is minus infinity multiplied by zero?"
    if not onp.allclose(sums, 1):
        return f"The weights of a hop must sum to one, got sums from {sums.min():.2f} to {sums.max():.2f}."
    if not onp.allclose(found[1][:, 0], reference(*given)[1][:, 0], atol=1e-5):
        return "The first hop's weights are wrong already: softmax of key times query, masked."
    return "The first hop's weights are right, but not what follows from them."
