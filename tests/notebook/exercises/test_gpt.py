"""What a reader's GPT-2 may get wrong is named; what is right passes. Written with whole arrays."""

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.gpt import check_losses


def softmax(scores, axis=-1):
    e = onp.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def split(x, heads):
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)  # (H, n, d / H)


def interleaved(x, heads):
    return x.reshape(len(x), -1, heads).transpose(2, 0, 1)


def norm(x):
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def causal(scores, k=0, forbidden=-1e9):
    return onp.where(onp.tri(scores.shape[-1], k=k) > 0, scores, forbidden)


def attend(x, W, heads, *, mask=causal, cut=split, names="qkv", power=0.5, size=None, axis=-1,
           turned=onp.transpose, join=onp.matmul):  # fmt: skip
    q, k, v = (cut(x @ turned(W[name]), heads) for name in names)
    scores = mask(q @ k.swapaxes(1, 2) / (size or q.shape[-1]) ** power)
    merged = (softmax(scores, axis) @ v).swapaxes(0, 1).reshape(len(x), -1)
    return join(merged, turned(W["o"]))


def losses(words, W, heads, *, before=norm, after=lambda x: x, last=norm, places=slice(0, None),
           relu=lambda h: onp.maximum(h, 0), add=lambda x, y: x + y, layers=None, target=slice(1, None),
           of=lambda p: -onp.log(p), **options):  # fmt: skip
    n = len(words)
    if "size" in options:
        options["size"] = W["words"].shape[1]
    x = W["words"][words]
    if places is not None:
        x = x + W["places"][places][:n]
    for each in W["layers"][:layers]:
        x = after(add(x, attend(before(x), each, heads, **options)))
        x = after(add(x, relu(before(x) @ each["1"].T) @ each["2"].T))
    p = softmax(last(x) @ W["words"].T)
    return of(onp.take_along_axis(p[:-1], words[target][: n - 1, None], axis=1)[:, 0])


def but(**change):
    return lambda *given: losses(*given, **change)


def same(x):
    return x


def in_place(words, W, heads):
    found = losses(words, W, heads)
    words += 1
    return found


WRONG = {
    "the mask is lost": but(mask=same),
    "shifted: a word sees the next one": but(mask=lambda s: causal(s, 1)),
    "shifted: a word does not see itself": but(mask=lambda s: causal(s, -1)),
    "may see nobody": but(mask=lambda s: causal(s, -1, -onp.inf)),
    "forbidden scores are 0": but(mask=lambda s: causal(s, forbidden=0.0)),
    "the target is the word that is read": but(target=slice(0, None)),
    "places are lost": but(places=None),
    "places begin at 1": but(places=slice(1, None)),
    "behind the sums, as in GPT of 2018": but(before=same, after=norm),
    "before and behind the sums": but(after=norm),
    "no norm before the parts": but(before=same),
    "the last norm is missing": but(last=same),
    "a shortcut is lost": but(add=lambda x, y: y),
    "one layer is used": but(layers=1),
    "W_o is lost": but(join=lambda x, W: x),
    "keys and values are exchanged": but(names="qvk"),
    "not transposed": but(turned=same),
    "divided by the root of d, and not of a head": but(size=None),
    "scores are not divided": but(power=0.0),
    "heads are split wrongly": but(cut=interleaved),
    "softmax over the wrong axis": but(axis=1),
    "lost its relu": but(relu=same),
    "the sign is lost": but(of=onp.log),
    "the log is lost: a loss": but(of=lambda p: -p),
    "these are probabilities": but(of=same),
    "the losses are not what": but(relu=onp.tanh),
    "n losses for n words": lambda *a: onp.append(losses(*a), 0.0),
    r"must be of shape \(5,\), got \(1, 5\)": lambda *a: losses(*a)[None],
    "return one NumPy array": lambda *a: losses(*a).tolist(),
    "words are changed in place": in_place,
}


def test_right_losses_pass(capsys):
    check_losses(losses)
    assert capsys.readouterr().out.startswith("right: ")


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with onp.errstate(invalid="ignore"), pytest.raises(AssertionError, match=mistake):
        check_losses(WRONG[mistake])
