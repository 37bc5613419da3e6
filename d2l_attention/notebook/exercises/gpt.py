"""Write it yourself: GPT-2, from the numbers of words to the loss of each."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as onp

ATOL = 1e-6
LAYERS = 2


def check_losses(losses: Callable) -> None:
    """Say whether `losses` computes what GPT-2 loses at each word, or what is wrong with it.

    Parameters
    ----------
    losses : callable
        losses(words, W, heads) -> -log p(x_{t+1} | x_1 ... x_t) for t = 1 ... n - 1, (n - 1,), in nats.
        words (n,) are numbers; W["words"] (V, d) is the table of words, which scores them, too, and
        W["places"] (L, d) that of places, the first word at place 0. W["layers"] is a list of dicts of
        matrices: "q", "k", "v", "o" (d, d), "1" (h, d) and "2" (d, h). Norms stand before the parts, and one
        behind the last layer; they have no gamma, beta and epsilon, nothing has a bias, and the
        network's function is the relu.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for seed, (n, d, heads) in enumerate([(6, 6, 2), (4, 4, 1), (5, 8, 4)]):
        (words, W), (kept, _) = _given(n, d, seed), _given(n, d, seed)
        found = losses(words, W, heads)
        assert (words == kept).all(), "words are changed in place: the caller may still need them"
        assert isinstance(found, onp.ndarray), (
            "return one NumPy array, a loss for each word but one"
        )
        whole = "there is no word behind the last one to be told, and the first one is given"
        assert found.shape != (n,), f"n losses for n words: {whole}"
        assert found.shape == (n - 1,), f"losses must be of shape {(n - 1,)}, got {found.shape}"
        assert onp.isfinite(found).all(), "not a number: is there a word that may see nobody?"
        _compare(found, words, W, heads)
    print("right: each word is told from those before it, and from nothing else")


def _given(n, d, seed):
    random, V = onp.random.RandomState(seed), 9
    matrices = dict.fromkeys("qkvo", (d, d)) | {"1": (2 * d, d), "2": (d, 2 * d)}
    layers = [
        {name: random.normal(size=shape) for name, shape in matrices.items()} for _ in range(LAYERS)
    ]
    W = {"words": random.normal(size=(V, d)), "places": random.normal(size=(n + 2, d))}
    return random.permutation(V)[:n], W | {"layers": layers}


def _compare(found, words, W, heads) -> None:
    right = by_hand(words, W, heads)
    if _near(found, right):
        return
    for mistake, change in WRONG.items():
        wrong = by_hand(words, W, heads, **change)
        same = _near(wrong, right)  # with one head nothing is split wrongly
        assert same or not _near(found, wrong), mistake
    raise AssertionError("the losses are not what words, places, layers and the last norm give")


def _near(found, expected) -> bool:
    return bool((abs(found - expected) < ATOL).all())


# --------------------------------------------- the model, head by head, and what may go wrong
RIGHT = {
    "causal": True, "shift": 0, "forbidden": -onp.inf, "scale": "head", "axis": 1, "split": "columns",
    "joined": True, "parts": "qkv", "shortcut": True, "norm": "before", "last_norm": True,
    "first_place": 0, "places": True, "target": 1, "sign": -1, "log": True, "layers": LAYERS, "relu": True,
    "transposed": True,
}  # fmt: skip


def by_hand(words, W, heads, **change):
    """GPT-2 (Radford et al. 2019, section 2.3), and with other arguments its mistakes."""
    how = SimpleNamespace(**RIGHT | change)
    n = len(words)
    x = W["words"][words]
    if how.places:
        x = x + W["places"][how.first_place : how.first_place + n]
    for matrices in W["layers"][: how.layers]:
        for part in (_attention, _network):
            y = part(_norm(x) if how.norm in ("before", "both") else x, matrices, heads, how)
            x = x + y if how.shortcut else y
            x = _norm(x) if how.norm in ("after", "both") else x
    x = _norm(x) if how.last_norm else x
    p = _softmax(x @ W["words"].T, 1)
    right = p[onp.arange(n - 1), words[how.target : how.target + n - 1]]
    return how.sign * (onp.log(right) if how.log else right)


def _attention(x, W, heads, how):
    n, size, context = len(x), x.shape[1] // heads, []
    allowed = onp.tri(n, n, how.shift) > 0 if how.causal else True
    divisor = {"head": size, "all": x.shape[1], "none": 1}[how.scale] ** 0.5
    for head in range(heads):
        columns = slice(head * size, head * size + size)
        columns = columns if how.split == "columns" else slice(head, None, heads)
        q, k, v = (_times(x, W[name], how)[:, columns] for name in how.parts)
        scores = onp.where(allowed, q @ k.T / divisor, how.forbidden)
        context.append(_softmax(onp.maximum(scores, -1e30), how.axis) @ v)
    context = onp.concatenate(context, axis=1)
    return _times(context, W["o"], how) if how.joined else context


def _network(x, W, heads, how):
    hidden = _times(x, W["1"], how)
    return (onp.maximum(hidden, 0) if how.relu else hidden) @ W["2"].T


def _times(x, W, how):
    return x @ (W.T if how.transposed or W.shape[0] != W.shape[1] else W)


def _softmax(scores, axis):
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _norm(x):
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


WRONG = {
    "the mask is lost: a word sees what it shall tell": {"causal": False},
    "the mask is shifted: a word sees the next one, which it shall tell": {"shift": 1},
    "the mask is shifted: a word does not see itself": {"shift": -1},
    "forbidden scores are 0, which the softmax gives a weight: they must be minus infinity": {
        "forbidden": 0.0
    },
    "the target is the word that is read: it must be the next one": {"target": 0},
    "places are lost: the same words in another order would get the same vectors": {
        "places": False
    },
    "places begin at 1: the first word stands at place 0": {"first_place": 1},
    "the norms stand behind the sums, as in GPT of 2018; in GPT-2 they stand before the parts": {
        "norm": "after"
    },
    "norms before and behind the sums: GPT-2 has those before, and one at the end": {
        "norm": "both"
    },
    "no norm before the parts": {"norm": "none"},
    "the last norm is missing: it stands behind all layers": {"last_norm": False},
    "a shortcut is lost: each part is added to what entered it": {"shortcut": False},
    "one layer is used: W['layers'] is a list": {"layers": 1},
    "W_o is lost: it joins the heads": {"joined": False},
    "keys and values are exchanged: W_k makes the keys": {"parts": "qvk"},
    "the matrices are not transposed: W x of one word is x @ W.T for rows": {"transposed": False},
    "scores are divided by the root of d, and not of a head's features": {"scale": "all"},
    "scores are not divided by the root of a head's features": {"scale": "none"},
    "heads are split wrongly: head h has the rows h d / H ... (h + 1) d / H - 1 of each matrix": {
        "split": "interleaved"
    },
    "softmax over the wrong axis: the weights of one word sum to one": {"axis": 0},
    "the network has lost its relu": {"relu": False},
    "the sign is lost: a loss is minus log p": {"sign": 1},
    "the log is lost: a loss is minus log p": {"log": False},
    "the log is lost, and the sign: these are probabilities": {"log": False, "sign": 1},
}
