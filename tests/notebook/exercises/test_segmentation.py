"""The check of "Write it yourself" lets right answers pass, and names the mistake of wrong ones."""

import numpy as onp
import pytest

from d2l_attention.models.segmentation import CooccurrentContext
from d2l_attention.notebook.exercises.segmentation import by_hand, check_context

from mxnet import init, np


def softmax(scores, axis=-1):
    e = onp.exp(scores - scores.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def answer(v, u, phi, w, *, mix=None, axis=-1, root=True, norm=softmax, prior=None, pool=None):
    scores = onp.einsum("bknd,bkmd->bknm", v, u) / (v.shape[-1] ** 0.5 if root else 1)
    pi = prior(v, u, w) if prior else softmax(v.mean(2).reshape(len(v), -1) @ w.T)
    p = mix(scores, pi) if mix else onp.einsum("bk,bknm->bnm", pi, norm(scores, axis))
    return (pool(p, u, phi) if pool else p @ phi), p


def test_a_right_answer(capsys):
    check_context(answer)
    assert capsys.readouterr().out.startswith("Right")


def test_number_by_number_is_what_the_package_computes():
    context = CooccurrentContext(6, num_heads=1, mixtures=2)
    context.initialize(init.Normal(0.5))
    x = np.array(onp.random.RandomState(0).normal(size=(2, 5, 6)).astype("float32"))
    _, weights = context(x, x)
    normal = context.norm(x)
    v, u, phi = (layer(normal).asnumpy() for layer in (context.W_t, context.W_c, context.W_phi))
    v, u = (each.reshape(2, 5, 2, 6).transpose(0, 2, 1, 3) for each in (v, u))
    w = context.W_pi.weight.data().asnumpy()  # (K, K d)
    onp.testing.assert_allclose(weights.asnumpy()[:, 0], by_hand(v, u, phi, w)[1], atol=1e-5)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"axis": 2}, "softmax over the wrong axis"),
        ({"root": False}, "not divided by the root"),
        (
            {"mix": lambda s, pi: softmax(onp.einsum("bk,bknm->bnm", pi, s))},
            "mixed before the softmax",
        ),
        ({"mix": lambda s, pi: softmax(s).mean(1)}, "the scene's prior pi is missing"),
        ({"mix": lambda s, pi: softmax(s).sum(1)}, "added without their shares"),
        (
            {"prior": lambda v, u, w: softmax(v.sum(2).reshape(len(v), -1) @ w.T)},
            "the sum of v, not of its mean",
        ),
        (
            {"prior": lambda v, u, w: softmax(u.mean(2).reshape(len(v), -1) @ w.T)},
            "of the others u",
        ),
        (
            {"prior": lambda v, u, w: v.mean(2).reshape(len(v), -1) @ w.T},
            "the prior is not normalised",
        ),
        (
            {
                "prior": lambda v, u, w: softmax(
                    onp.stack(
                        [v[:, k].mean(1) @ w[k].reshape(len(w), -1)[k] for k in range(len(w))], 1
                    )
                )
            },
            "the means of all K, side by side",
        ),
        (
            {
                "prior": lambda v, u, w: softmax(
                    onp.einsum("bkd,jdk->bj", v.mean(2), w.reshape(len(w), v.shape[3], -1))
                )
            },
            "the means are interleaved",
        ),
        ({"mix": lambda s, pi: onp.einsum("bk,bknm->bnm", pi, s)}, "no softmax"),
        (
            {"norm": lambda s, axis: onp.exp(s) / onp.exp(s).sum(-1, keepdims=True)},
            "overflows where scores are large",
        ),
        (
            {"pool": lambda p, u, phi: onp.repeat(phi.sum(1, keepdims=True), p.shape[1], 1)},
            "added up without their weights",
        ),
        (
            {"pool": lambda p, u, phi: onp.repeat(phi.mean(1, keepdims=True), p.shape[1], 1)},
            "averaged without their weights",
        ),
        ({"pool": lambda p, u, phi: p @ u[:, 0]}, "not the values phi"),
        (
            {
                "pool": lambda p, u, phi: onp.stack(
                    [f[r] for f, r in zip(phi, p.argmax(-1), strict=True)]
                )
            },
            "the likeliest other is taken",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_a_wrong_answer_is_named(options, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_context(lambda *arrays: answer(*arrays, **options))


@pytest.mark.parametrize(
    "context, sentence",
    [
        (lambda v, u, phi, w: answer(v, u, phi, w)[0], "return two arrays"),
        (lambda v, u, phi, w: answer(v, u, phi, w)[::-1], "z must be of shape"),
        (lambda v, u, phi, w: (answer(v, u, phi, w)[0], 0.9 * answer(v, u, phi, w)[1]), "p is not"),
        (lambda v, u, phi, w: (0.9 * answer(v, u, phi, w)[0], answer(v, u, phi, w)[1]), "z is not"),
    ],
)
def test_other_answers_are_refused(context, sentence):
    with pytest.raises(AssertionError, match=sentence):
        check_context(context)
