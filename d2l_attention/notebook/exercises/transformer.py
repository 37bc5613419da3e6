"""Write it yourself: a layer of the decoder."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as onp

ATOL = 1e-6
NAMES = ("q", "k", "v", "o", "cross_q", "cross_k", "cross_v", "cross_o", "1", "2")


def check_decoder_layer(layer: Callable) -> None:
    """Say whether `layer` computes a layer of the Transformer's decoder, or what is wrong with it.

    Parameters
    ----------
    layer : callable
        layer(x, source, W, heads) -> the next x (T, d), for one sentence: NumPy arrays x (T, d), source
        (n, d), and matrices W["q"], W["k"], W["v"], W["o"] of the attention to the words so far,
        W["cross_q"], W["cross_k"], W["cross_v"], W["cross_o"] of that to the source, all (d, d), W["1"]
        (h, d) and W["2"] (d, h) of the network. Norms stand after the sums; they have no gamma, beta
        and epsilon, and the network has no biases.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for seed, (T, n, d, heads) in enumerate([(4, 5, 6, 2), (3, 3, 4, 1), (5, 2, 8, 4)]):
        given, kept = _given(T, n, d, seed), _given(T, n, d, seed)
        found = layer(*given, heads)
        assert (given[0] == kept[0]).all(), "x is changed in place: the caller may still need it"
        assert isinstance(found, onp.ndarray), "return one NumPy array, the next x"
        assert found.shape == (T, d), f"the next x must be of shape {(T, d)}, got {found.shape}"
        assert onp.isfinite(found).all(), "not a number: is there a word that may see nobody?"
        _compare(found, given, heads)
    print("right: what is written, what is read, and the network, each beside its shortcut")


def _given(T, n, d, seed):
    random = onp.random.RandomState(seed)
    W = {name: random.normal(size=(d, d)) for name in NAMES}
    W["1"], W["2"] = random.normal(size=(2 * d, d)), random.normal(size=(d, 2 * d))
    return random.normal(size=(T, d)), random.normal(size=(n, d)), W


def _compare(found, given, heads) -> None:
    if _near(found, by_hand(*given, heads)):
        return
    for mistake, change in WRONG.items():
        wrong = by_hand(*given, heads, **change)
        same = _near(wrong, by_hand(*given, heads))  # with one head nothing is split wrongly
        assert same or not _near(found, wrong), mistake
    raise AssertionError("the next x is not what the three parts and their norms give")


def _near(found, expected) -> bool:
    return found.shape == expected.shape and bool((abs(found - expected) < ATOL).all())


# --------------------------------------------- a layer, head by head, and what may go wrong
RIGHT = {
    "causal": True, "shift": 0, "forbidden": -onp.inf, "across": False, "cross": ("source", "source"),
    "scale": "head", "axis": 1, "split": "columns", "transposed": True, "joined": True,
    "parts": "qkv", "shortcut": True, "norm": "after", "over": 1, "ddof": 0, "source_norm": False,
    "last_norm": True, "order": "self", "relu": True,
}  # fmt: skip


def by_hand(x, source, W, heads, **change):
    """The layer of Vaswani et al. (2017, section 3.1), and with other arguments its mistakes."""
    how = SimpleNamespace(**RIGHT | change)
    if how.source_norm:
        source = _norm(source, how)

    def own(x):
        return _attend(x, x, W, "", heads, how, masked=how.causal)

    def across(x):
        key, value = (source if name == "source" else x for name in how.cross)
        return _attend(x, key, W, "cross_", heads, how, masked=how.across, value=value)

    def network(x):
        hidden = x @ W["1"].T
        return (onp.maximum(hidden, 0) if how.relu else hidden) @ W["2"].T

    parts = [own, across, network] if how.order == "self" else [across, own, network]
    for part in parts:
        y = part(_norm(x, how) if how.norm == "before" else x)
        x = x + y if how.shortcut else y
        if how.norm == "after" and (how.last_norm or part is not network):
            x = _norm(x, how)
    return x


def _attend(query, key, W, of, heads, how, *, masked, value=None):
    value, size, context = key if value is None else value, query.shape[1] // heads, []
    allowed = onp.tri(len(query), len(key), how.shift) > 0 if masked else True
    divisor = {"head": size, "all": query.shape[1], "none": 1}[how.scale] ** 0.5
    for head in range(heads):
        columns = slice(head * size, head * size + size)
        columns = columns if how.split == "columns" else slice(head, None, heads)
        given = zip((query, key, value), how.parts, strict=True)
        q, k, v = (_times(a, W[of + name], how)[:, columns] for a, name in given)
        scores = onp.where(allowed, q @ k.T / divisor, how.forbidden)
        context.append(_softmax(scores, how.axis) @ v)
    context = onp.concatenate(context, axis=1)
    return _times(context, W[of + "o"], how) if how.joined else context


def _times(x, W, how):
    return x @ (W.T if how.transposed else W)


def _softmax(scores, axis):
    scores = onp.maximum(scores, -1e30)
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _norm(x, how):
    over = {"axis": how.over, "keepdims": True}
    return (x - x.mean(**over)) / x.std(**over, ddof=how.ddof)


WRONG = {
    "the mask is lost: a word sees those that are not written yet": {"causal": False},
    "the mask is shifted: a word sees the next one, too": {"shift": 1},
    "the mask is shifted: a word does not see itself": {"shift": -1},
    "forbidden scores are 0, which the softmax gives a weight: they must be minus infinity": {
        "forbidden": 0.0
    },
    "the causal mask hides words of the source, too: all of it may be read": {"across": True},
    "keys and values are exchanged: W_k makes the keys": {"parts": "qvk"},
    "the matrices are not transposed: W x of one word is x @ W.T for rows": {"transposed": False},
    "W_o is lost: it joins the heads": {"joined": False},
    "a shortcut is lost: each part is added to what entered it": {"shortcut": False},
    "the norms stand before the parts; here they stand after the sums": {"norm": "before"},
    "no norm: each sum is normalised": {"norm": "none"},
    "the last norm is missing: the network's sum is normalised, too": {"last_norm": False},
    "the source is normalised: it comes as the encoder left it": {"source_norm": True},
    "the norm is over the wrong axis: mean and deviation are those of one word's features": {
        "over": 0
    },
    "the norm divides by the deviation of n - 1: its variance is the mean of squares": {"ddof": 1},
    "scores are divided by the root of d, and not of a head's features": {"scale": "all"},
    "scores are not divided by the root of a head's features": {"scale": "none"},
    "the second attention asks the words so far once more, and never the source": {
        "cross": ("x", "x")
    },
    "the source is asked before the words so far": {"order": "cross"},
    "heads are split wrongly: head h has the rows h d / H ... (h + 1) d / H - 1 of each matrix": {
        "split": "interleaved"
    },
    "softmax over the wrong axis: the weights of one query sum to one": {"axis": 0},
    "the network has lost its relu": {"relu": False},
}
