"""Check the multi-head attention that a reader wrote, and name the mistake."""

from collections.abc import Callable

import numpy as onp

HEADS = 2


def check_multi_head(answer: Callable) -> None:
    """Run a reader's multi-head attention on random arrays; print one line if it is right.

    Parameters
    ----------
    answer : callable
        (query (B, m, d), key (B, n, d), value (B, n, d), W_q, W_k, W_v, W_o (d, d) each, num_heads,
        mask (B, m, n)) -> (context (B, m, d), weights (B, H, m, n)), NumPy arrays. Projections are
        x W^T, as `Dense` has them; `mask` is 1 where a query may look, and a query that may look
        nowhere has weights of zero.

    Raises
    ------
    AssertionError
        The sentence names the mistake.

    >>> check_multi_head(reference)
    Right: heads, scale, mask and softmax are all in place.
    """
    given = _arrays()
    copies = [onp.copy(array) for array in given]
    found = _pair(answer(*given[:7], HEADS, given[7]), given)
    assert all(map(onp.array_equal, given, copies)), (
        "An argument was changed in place: copy it before you write into it."
    )
    if not _equal(found, reference(*given[:7], HEADS, given[7])):
        raise AssertionError(_name_the_mistake(found, given))
    large = [300 * given[0], *given[1:]]
    with onp.errstate(all="ignore"):
        found = _pair(answer(*large[:7], HEADS, large[7]), large)
    assert _equal(found, reference(*large[:7], HEADS, large[7])), (
        "With scores of some thousand the result is wrong: exp overflows. "
        "Subtract the row's largest score before exp."
    )
    print("Right: heads, scale, mask and softmax are all in place.")


def reference(query, key, value, W_q, W_k, W_v, W_o, num_heads, mask, *, mistake: str = ""):
    """The right answer; or one with a mistake, of those that `MISTAKES` names."""
    if mistake == "transposed":
        W_q, W_k, W_v, W_o = W_q.T, W_k.T, W_v.T, W_o.T
    if mistake == "exchanged":
        W_k, W_v = W_v, W_k
    q, k, v = (
        _split(x @ W.T, num_heads, mistake) for x, W in ((query, W_q), (key, W_k), (value, W_v))
    )  # (B, H, n, d / H)
    width = query.shape[2] if mistake == "scaled by d" else q.shape[3]
    scores = q @ k.swapaxes(2, 3) / (1 if mistake == "not scaled" else onp.sqrt(width))
    if mistake == "scores":
        weights = onp.where(mask[:, None] > 0, scores, 0)
    else:
        weights = _weights(scores, mask[:, None], mistake)  # (B, H, m, n)
    context = weights @ v
    if mistake == "averaged":
        context = onp.broadcast_to(context.mean(axis=1, keepdims=True), context.shape)
    context = _merge(context, mistake)  # (B, m, d)
    return (context if mistake == "no W_o" else context @ W_o.T), weights


def _split(x, num_heads: int, mistake: str):
    """(B, n, d) -> (B, H, n, d / H)."""
    batch, n, d = x.shape
    if mistake == "reshaped":
        return x.reshape(batch, num_heads, n, d // num_heads)
    if mistake == "interleaved":
        return x.reshape(batch, n, d // num_heads, num_heads).transpose(0, 3, 1, 2)
    return x.reshape(batch, n, num_heads, d // num_heads).transpose(0, 2, 1, 3)


def _merge(x, mistake: str):
    """(B, H, m, d / H) -> (B, m, d)."""
    batch, heads, m, width = x.shape
    if mistake in ("reshaped", "not merged"):
        return x.reshape(batch, m, heads * width)
    if mistake == "interleaved":
        return x.transpose(0, 2, 3, 1).reshape(batch, m, heads * width)
    return x.transpose(0, 2, 1, 3).reshape(batch, m, heads * width)


def _weights(scores, mask, mistake: str):
    mask = 1 - mask if mistake == "inverted" else mask
    if mistake == "zero scores":
        scores = scores * mask
    elif mistake not in ("no mask", "masked late"):
        scores = onp.where(mask > 0, scores, -1e30)
    axis = 2 if mistake == "wrong axis" else 3
    e = onp.exp(scores - scores.max(axis=axis, keepdims=True))
    weights = e if mistake == "not normalised" else e / e.sum(axis=axis, keepdims=True)
    return weights if mistake in ("no mask", "zero scores", "padding") else weights * mask


MISTAKES = {
    "no mask": "Forbidden keys get weight: the mask is lost.",
    "zero scores": "A forbidden key's score of 0 is not forbidden: exp(0) = 1. It must be minus infinity.",
    "masked late": "Masked after the softmax: the weights of the allowed keys no longer sum to one.",
    "inverted": "The forbidden keys are looked at: the mask is 1 where a query may look.",
    "padding": "A query that may look nowhere must have weights of zero; yours shares them among forbidden keys.",
    "wrong axis": "Softmax over the wrong axis: the weights of one query, the last axis, must sum to one.",
    "not normalised": "The weights are not divided by their sum.",
    "scores": "These are the scores: the softmax is missing.",
    "not scaled": "The scores are not divided by the square root of d / H.",
    "scaled by d": "The scores are divided by the square root of d: a head has d / H features.",
    "reshaped": "Heads are split by reshape alone, which mixes items: (B, n, H, d / H) first, then exchange the axes.",
    "interleaved": "Head 1 must have the first d / H features; yours takes every H-th one.",
    "not merged": "The heads are joined without exchanging the axes back: (B, H, m, d / H) to (B, m, H, d / H) first.",
    "averaged": "The heads' contexts are averaged: they must stand side by side.",
    "no W_o": "W_o is missing: the context is that of the heads side by side.",
    "exchanged": "W_k and W_v are exchanged.",
    "transposed": "A matrix is transposed: W x for rows x is x @ W.T.",
}


def _arrays():
    """Two examples, three queries, four keys, eight features; one query may look nowhere."""
    random = onp.random.RandomState(0)
    query, key, value = (random.normal(size=(2, n, 8)) for n in (3, 4, 4))
    matrices = random.normal(size=(4, 8, 8)) / 2
    mask = onp.ones((2, 3, 4))
    mask[0, :, 3], mask[1, 0, 1:], mask[1, 2] = 0, 0, 0
    return [query, key, value, *matrices, mask]


def _pair(found, given):
    """Context and weights as arrays; AssertionError if they are none of the right shape."""
    assert isinstance(found, tuple) and len(found) == 2, "Return two arrays: context, weights."
    context, weights = map(onp.asarray, found)
    (batch, m, d), n = given[0].shape, given[1].shape[1]
    for name, array, shape in (
        ("context", context, (batch, m, d)),
        ("weights", weights, (batch, HEADS, m, n)),
    ):
        assert array.dtype.kind == "f" and array.shape == shape, (
            f"{name} must be of shape {shape}, got {array.shape}."
        )
    return context, weights


def _equal(found, expected) -> bool:
    return all(onp.allclose(*each, atol=1e-6) for each in zip(found, expected, strict=True))


def _name_the_mistake(found, given) -> str:
    for mistake, sentence in MISTAKES.items():
        if _equal(found, reference(*given[:7], HEADS, given[7], mistake=mistake)):
            return sentence
    context, weights = found
    mask = onp.broadcast_to(given[7][:, None], weights.shape)
    if not (onp.isfinite(context).all() and onp.isfinite(weights).all()):
        return "The result is not finite: is a row without an allowed key divided by zero?"
    if weights[mask == 0].any():
        nowhere = mask.sum(axis=3) == 0
        looks = weights[~nowhere][mask[~nowhere] == 0].any()
        return MISTAKES["no mask" if looks else "padding"]
    sums = weights.sum(axis=3)[mask.sum(axis=3) > 0]
    if not onp.allclose(sums, 1):
        return f"Weights must sum to one, got sums from {sums.min():.2f} to {sums.max():.2f}."
    if _equal((weights,), (reference(*given[:7], HEADS, given[7])[1],)):
        return "The weights are right; the context that is made of them is not."
    return "The weights sum to one, but they are not those of equation (5.3)."
