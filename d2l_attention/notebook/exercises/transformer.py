"""Write it yourself: a layer of the decoder."""

from collections.abc import Callable

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
        given = _given(T, n, d, seed)
        found = layer(*given, heads)
        assert isinstance(found, onp.ndarray), "return one NumPy array, the next x"
        assert found.shape == (T, d), f"the next x must be of shape {(T, d)}, got {found.shape}"
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
def by_hand(x, source, W, heads, *, causal=True, shortcut=True, norm="after", scale="head",
            cross=("source", "source"), order="self", split="columns", axis=1,
            relu=True, over=1):  # fmt: skip
    """The layer of Vaswani et al. (2017, section 3.1), and with other arguments its mistakes."""

    def attend(query, key, value, of, mask):
        parts, size = [], query.shape[1] // heads
        for head in range(heads):
            rows = slice(head * size, head * size + size)
            rows = rows if split == "columns" else slice(head, None, heads)
            q, k, v = (a @ W[of + m][rows].T for a, m in ((query, "q"), (key, "k"), (value, "v")))
            divisor = {"head": size, "all": query.shape[1], "none": 1}[scale] ** 0.5
            scores = onp.where(mask, q @ k.T / divisor, -onp.inf)
            parts.append(_softmax(scores, axis) @ v)
        return onp.concatenate(parts, axis=1) @ W[of + "o"].T

    def beside(x, f):
        y = f(_norm(x, over) if norm == "before" else x)
        x = x + y if shortcut else y
        return _norm(x, over) if norm == "after" else x

    def own(x):
        mask = onp.tri(len(x)) > 0 if causal else onp.ones((len(x), len(x)), bool)
        return attend(x, x, x, "", mask)

    def across(x):
        key, value = (source if name == "source" else x for name in cross)
        return attend(x, key, value, "cross_", onp.ones((len(x), len(key)), bool))

    def network(x):
        hidden = x @ W["1"].T
        return (onp.maximum(hidden, 0) if relu else hidden) @ W["2"].T

    for part in (own, across, network) if order == "self" else (across, own, network):
        x = beside(x, part)
    return x


def _softmax(scores, axis):
    scores = onp.maximum(scores, -1e30)
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _norm(x, over):
    return (x - x.mean(over, keepdims=True)) / x.std(over, keepdims=True)


WRONG = {
    "the mask is lost: a word sees those that are not written yet": {"causal": False},
    "a shortcut is lost: each part is added to what entered it": {"shortcut": False},
    "the norms stand before the parts; here they stand after the sums": {"norm": "before"},
    "no norm: each sum is normalised": {"norm": "none"},
    "the norm is over the wrong axis: mean and deviation are those of one word's features": {
        "over": 0
    },
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
