"""What a reader's layer may get wrong is named; what is right passes. Written with whole arrays."""

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.transformer import check_decoder_layer


def softmax(scores, axis=-1):
    e = onp.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def split(x, heads):
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)  # (H, n, d / H)


def attend(x, other, W, heads, of="", mask=0.0, power=0.5, size=None, axis=-1, cut=split,
           names="qkv", turned=onp.transpose, join=onp.matmul, forbid=onp.add):  # fmt: skip
    q, k, v = (
        cut(a @ turned(W[of + m]), heads) for a, m in zip((x, other, other), names, strict=True)
    )
    scores = forbid(q @ k.swapaxes(1, 2) / (size or q.shape[-1]) ** power, mask)
    merged = (softmax(scores, axis) @ v).swapaxes(0, 1).reshape(len(x), -1)
    return join(merged, turned(W[of + "o"]))


def norm(x, axis=1):
    return (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True)


def causal(x):
    return onp.where(onp.tri(len(x)) > 0, 0, -1e9)


def layer(x, source, W, heads, *, mask=causal, after=norm, add=lambda x, y: x + y,
          relu=lambda h: onp.maximum(h, 0), **options):  # fmt: skip
    x = after(add(x, attend(x, x, W, heads, mask=mask(x), **options)))
    x = after(add(x, attend(x, source, W, heads, of="cross_", **options)))
    return after(add(x, relu(x @ W["1"].T) @ W["2"].T))


def but(**change):
    def wrong(x, source, W, heads):
        options = {name: f(x) if name == "size" else f for name, f in change.items()}
        return layer(x, source, W, heads, **options)

    return wrong


def norms_before(x, source, W, heads):
    y = norm(x)
    x = x + attend(y, y, W, heads, mask=causal(x))
    x = x + attend(norm(x), source, W, heads, of="cross_")
    return x + onp.maximum(norm(x) @ W["1"].T, 0) @ W["2"].T


def never_the_source(x, source, W, heads):
    x = norm(x + attend(x, x, W, heads, mask=causal(x)))
    x = norm(x + attend(x, x, W, heads, of="cross_"))
    return norm(x + onp.maximum(x @ W["1"].T, 0) @ W["2"].T)


def source_first(x, source, W, heads):
    x = norm(x + attend(x, source, W, heads, of="cross_"))
    x = norm(x + attend(x, x, W, heads, mask=causal(x)))
    return norm(x + onp.maximum(x @ W["1"].T, 0) @ W["2"].T)


def shifted(by):
    return lambda x: onp.where(onp.tri(len(x), k=by) > 0, 0, -1e9)


def the_last_sum(x, source, W, heads):
    x = norm(x + attend(x, x, W, heads, mask=causal(x)))
    x = norm(x + attend(x, source, W, heads, of="cross_"))
    return x + onp.maximum(x @ W["1"].T, 0) @ W["2"].T


def hides_the_source(x, source, W, heads):
    x = norm(x + attend(x, x, W, heads, mask=causal(x)))
    mask = onp.where(onp.tri(len(x), len(source)) > 0, 0, -1e9)
    x = norm(x + attend(x, source, W, heads, of="cross_", mask=mask))
    return norm(x + onp.maximum(x @ W["1"].T, 0) @ W["2"].T)


def in_place(x, source, W, heads):
    x += 0.0 * layer(x, source, W, heads) + 1.0
    return x


def interleaved(x, heads):
    return x.reshape(len(x), -1, heads).transpose(2, 0, 1)


WRONG = {
    "the mask is lost": but(mask=lambda x: 0.0),
    "shifted: a word sees the next one": but(mask=shifted(1)),
    "shifted: a word does not see itself": but(
        mask=shifted(-1), forbid=lambda a, mask: onp.where(onp.zeros_like(a) + mask < 0, -1e9, a)
    ),
    "may see nobody": but(mask=lambda x: onp.where(onp.tri(len(x), k=-1) > 0, 0, -onp.inf)),
    "forbidden scores are 0": but(forbid=lambda a, mask: a * (onp.zeros_like(a) + mask > -1)),
    "hides words of the source": hides_the_source,
    "keys and values are exchanged": but(names="qvk"),
    "not transposed": but(turned=lambda W: W),
    "W_o is lost": but(join=lambda x, W: x),
    "the last norm is missing": the_last_sum,
    "the source is normalised": lambda x, source, W, heads: layer(x, norm(source), W, heads),
    "deviation of n - 1": but(after=lambda x: norm(x) * (1 - 1 / x.shape[1]) ** 0.5),
    "x is changed in place": in_place,
    "a shortcut is lost": but(add=lambda x, y: y),
    "the norms stand before the parts": norms_before,
    "no norm": but(after=lambda x: x),
    "the norm is over the wrong axis": but(after=lambda x: norm(x, 0)),
    "divided by the root of d, and not of a head": but(size=lambda x: x.shape[1]),
    "scores are not divided": but(power=0.0),
    "never the source": never_the_source,
    "the source is asked before": source_first,
    "heads are split wrongly": but(cut=interleaved),
    "softmax over the wrong axis": but(axis=1),
    "lost its relu": but(relu=lambda h: h),
    "the next x is not what": but(relu=onp.tanh),
    r"must be of shape \(4, 6\), got \(1, 4, 6\)": lambda *a: layer(*a)[None],
    "return one NumPy array": lambda *a: layer(*a).tolist(),
}


def test_a_right_layer_passes(capsys):
    check_decoder_layer(layer)
    assert capsys.readouterr().out.startswith("right: ")


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=mistake):
        check_decoder_layer(WRONG[mistake])
