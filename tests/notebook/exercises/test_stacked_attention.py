"""What a reader's hop may get wrong is named; what is right passes."""

import pytest

from d2l_attention.notebook.exercises.stacked_attention import check_hop

from mxnet import np, npx


def scores(u, v_I, W_QA, W_IA, b_A, W_P):
    h_A = np.tanh(np.dot(v_I, W_IA.T) + np.expand_dims(np.dot(u, W_QA.T) + b_A, 1))
    return np.dot(h_A, W_P)


def pool(p_I, v_I):
    return (np.expand_dims(p_I, 2) * v_I).sum(1)


def hop(u, v_I, *matrices):
    p_I = npx.softmax(scores(u, v_I, *matrices))
    return u + pool(p_I, v_I), p_I


def weighted(change):
    """A hop with other weights."""

    def wrong(u, v_I, *matrices):
        p_I = change(u, v_I, *matrices)
        return u + pool(p_I, v_I), p_I

    return wrong


def queried(change):
    """A hop with the right weights and another query."""

    def wrong(u, v_I, *matrices):
        p_I = hop(u, v_I, *matrices)[1]
        return change(p_I, u, v_I, *matrices), p_I

    return wrong


def without_tanh(u, v_I, W_QA, W_IA, b_A, W_P):
    h_A = np.dot(v_I, W_IA.T) + np.expand_dims(np.dot(u, W_QA.T) + b_A, 1)
    return npx.softmax(np.dot(h_A, W_P))


def tanh_of_each(u, v_I, W_QA, W_IA, b_A, W_P):
    parts = np.tanh(np.dot(v_I, W_IA.T)) + np.expand_dims(np.tanh(np.dot(u, W_QA.T) + b_A), 1)
    return npx.softmax(np.dot(parts, W_P))


def hidden_layer(p_I, u, v_I, W_QA, W_IA, b_A, W_P):
    h_A = np.tanh(np.dot(v_I, W_IA.T) + np.expand_dims(np.dot(u, W_QA.T) + b_A, 1))
    return u + pool(p_I, h_A)


def overflowing(u, v_I, *matrices):
    e = np.exp(scores(u, v_I, *matrices))
    return e / e.sum(1, keepdims=True)


WRONG = {
    "softmax over the wrong axis": weighted(lambda *a: npx.softmax(scores(*a), axis=0)),
    "no softmax": weighted(scores),
    "not divided by their sum": weighted(lambda *a: np.exp(scores(*a))),
    "tanh is missing": weighted(without_tanh),
    "tanh is taken of each part": weighted(tanh_of_each),
    "the query is not in the scores": weighted(lambda u, *a: npx.softmax(scores(0 * u, *a))),
    "b_A is missing": weighted(lambda u, v, Q, I, b, P: npx.softmax(scores(u, v, Q, I, 0 * b, P))),  # noqa: E741
    "W_QA and W_IA are exchanged": weighted(
        lambda u, v, Q, I, b, P: npx.softmax(scores(u, v, I, Q, b, P))  # noqa: E741
    ),
    "divided by the root of the size": weighted(
        lambda u, *a: npx.softmax(scores(u, *a) / u.shape[1] ** 0.5)
    ),
    "the softmax overflows": weighted(overflowing),
    "hop without residual": queried(lambda p, u, v, *_: pool(p, v)),
    "added up without their weights": queried(lambda p, u, v, *_: u + v.sum(1)),
    "averaged without their weights": queried(lambda p, u, v, *_: u + v.mean(1)),
    "the hidden layer is pooled": queried(hidden_layer),
    "multiplied by the context": queried(lambda p, u, v, *_: u * pool(p, v)),
    "the region with the largest weight is taken": queried(
        lambda p, u, v, *_: u + pool(npx.one_hot(p.argmax(1), p.shape[1]), v)
    ),
    "the weights of a picture sum to 2.00": weighted(lambda *a: 2 * npx.softmax(scores(*a))),
    "p_I is not softmax": weighted(lambda *a: npx.softmax(-scores(*a))),
    "the next u is not": queried(lambda p, u, v, *_: u - pool(p, v)),
    "return two arrays": lambda *a: hop(*a)[0],
    r"the next u must be of shape \(3, 4\), got \(3, 1, 4\)": (
        lambda *a: (np.expand_dims(hop(*a)[0], 1), hop(*a)[1])
    ),
    r"p_I must be of shape \(3, 5\), got \(5, 3\)": lambda *a: (hop(*a)[0], hop(*a)[1].T),
}


def test_a_right_hop_passes(capsys):
    check_hop(hop)
    assert capsys.readouterr().out == "right: the weights, and the next query\n"


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named(mistake):
    with pytest.raises(AssertionError, match=mistake):
        check_hop(WRONG[mistake])
