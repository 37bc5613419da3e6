"""What a reader's graph attention may get wrong is named; what is right passes."""

import numpy as onp
import pytest

from d2l_attention.notebook.exercises.graph_attention import check_graph_attention


def leaky(s):
    return onp.where(s > 0, s, 0.2 * s)


def scores(x, W, a_q, a_k, squash=leaky):
    H = x @ W.T
    return squash((H @ a_q)[:, None] + H @ a_k)


def softmax(s, mask, axis=1):
    s = onp.where(mask > 0, s, -1e30)
    e = onp.exp(s - s.max(axis=axis, keepdims=True)) * mask
    return e / onp.maximum(e.sum(axis=axis, keepdims=True), 1e-30)


def right(x, A, W, a_q, a_k):
    weights = softmax(scores(x, W, a_q, a_k), A)
    return weights @ x @ W.T, weights


def weighted(change):
    """A head with other weights."""

    def wrong(x, A, W, a_q, a_k):
        weights = change(x, A, W, a_q, a_k)
        return weights @ x @ W.T, weights

    return wrong


def pooled(change):
    """A head with the right weights and another context."""

    def wrong(x, A, W, a_q, a_k):
        weights = right(x, A, W, a_q, a_k)[1]
        return change(weights, x, A, x @ W.T), weights

    return wrong


def overflowing(x, A, W, a_q, a_k):
    e = onp.exp(scores(x, W, a_q, a_k)) * A
    return e / onp.maximum(e.sum(axis=1, keepdims=True), 1e-30)


def zero_by_zero(x, A, W, a_q, a_k):
    s = onp.where(A > 0, scores(x, W, a_q, a_k), -1e30)
    e = onp.exp(s - s.max(axis=1, keepdims=True)) * A
    return e / e.sum(axis=1, keepdims=True)


def even_alone(x, A, *more):
    weights = softmax(scores(x, *more), A)
    weights[A.sum(axis=1) == 0] = 1 / len(x)
    return weights


WRONG = {
    "the mask is lost": weighted(lambda x, A, *m: softmax(scores(x, *m), onp.ones_like(A))),
    "multiplied by the adjacency": weighted(
        lambda x, A, *m: softmax(scores(x, *m) * A, onp.ones_like(A))
    ),
    "applied after the softmax": weighted(
        lambda x, A, *m: softmax(scores(x, *m), onp.ones_like(A)) * A
    ),
    "softmax over the wrong axis": weighted(lambda x, A, *m: softmax(scores(x, *m), A, axis=0)),
    "the wrong way round": weighted(lambda x, A, *m: softmax(scores(x, *m), A.T)),
    "query and key are exchanged": weighted(lambda x, A, W, q, k: softmax(scores(x, W, k, q), A)),
    "LeakyReLU is missing": weighted(lambda x, A, *m: softmax(scores(x, *m, lambda s: s), A)),
    "ReLU instead of LeakyReLU": weighted(
        lambda x, A, *m: softmax(scores(x, *m, lambda s: onp.maximum(s, 0)), A)
    ),
    "no softmax": weighted(lambda x, A, *m: scores(x, *m) * A),
    "not divided by their sum": weighted(lambda x, A, *m: onp.exp(scores(x, *m)) * A),
    "those of a plain mean": weighted(lambda x, A, *m: A / A.sum(axis=1, keepdims=True)),
    "the weights of a node sum to 2.00": weighted(lambda *a: 2 * right(*a)[1]),
    "the weights are not softmax": weighted(lambda x, A, *m: softmax(-scores(x, *m), A)),
    "gets 0 / 0": weighted(zero_by_zero),
    "its weights must be zero": weighted(even_alone),
    "the softmax overflows": weighted(overflowing),
    "added up without their weights": pooled(lambda p, x, A, H: A @ H),
    "averaged without their weights": pooled(lambda p, x, A, H: A @ H / A.sum(1, keepdims=True)),
    "the weights are transposed": pooled(lambda p, x, A, H: p.T @ H),
    "added once more": pooled(lambda p, x, A, H: p @ H + H),
    "the context is not": pooled(lambda p, x, A, H: -p @ H),
    "return two arrays": lambda *a: right(*a)[0],
    r"the context must be of shape \(6, 4\)": lambda *a: (right(*a)[0].T, right(*a)[1]),
}


def test_what_is_right_passes(capsys):
    check_graph_attention(right)
    assert capsys.readouterr().out.startswith("Right")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("message", WRONG)
def test_a_mistake_is_named(message):
    with pytest.raises(AssertionError, match=message):
        check_graph_attention(WRONG[message])
