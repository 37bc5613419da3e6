"""Write it yourself: one head of graph attention."""

from collections.abc import Callable

import numpy as onp

ATOL = 1e-5


def check_graph_attention(graph_attention: Callable) -> None:
    """Say whether `graph_attention` computes one head of a GAT layer, or what is wrong with it.

    Parameters
    ----------
    graph_attention : callable
        graph_attention(x, adjacency, W, a_q, a_k) -> (context (N, d), weights (N, N)): NumPy arrays
        x (N, f), adjacency (N, N) of zeros and ones, W (d, f), a_q and a_k (d,). LeakyReLU has the
        slope 0.2; a node without neighbours has weights of zero.

    Raises
    ------
    AssertionError
        It does not; the message names the mistake, if it is a known one.
    """
    for nodes, features, size in ((6, 3, 4), (5, 4, 2)):
        arrays = _arrays(nodes, features, size)
        _compare(_call(graph_attention, arrays), arrays)
    alone = _arrays(4, 3, 2)
    alone[1][2] = 0
    found = _call(graph_attention, alone)
    assert all(onp.isfinite(array).all() for array in found), (
        "node 2 has no neighbours, and gets 0 / 0: its weights must be zero"
    )
    assert (found[1][2] == 0).all(), "node 2 has no neighbours: its weights must be zero"
    large = _arrays(5, 3, 3, scale=400.0)
    found = _call(graph_attention, large)
    assert all(onp.isfinite(array).all() for array in found), (
        "the softmax overflows where scores are large: subtract the largest score first"
    )
    _compare(found, large)
    print("Right: scores, mask, softmax and sum are all in place.")


def _arrays(nodes, features, size, *, scale=1.0) -> list[onp.ndarray]:
    random = onp.random.RandomState(nodes)
    adjacency = onp.eye(nodes) + onp.eye(nodes, k=1)  # node i reads itself and node i + 1
    adjacency[-1, 0] = 1
    return [
        random.normal(size=(nodes, features)),
        adjacency,
        random.normal(size=(size, features)),
        *(scale * random.normal(size=(2, size))),
    ]


def _call(graph_attention, arrays) -> list[onp.ndarray]:
    """What the reader's function returns, as NumPy arrays of the right shapes."""
    found = graph_attention(*(array.copy() for array in arrays))
    assert isinstance(found, tuple) and len(found) == 2, (
        "return two arrays: the context and the weights"
    )
    found = [onp.asarray(array, "float64") for array in found]
    nodes, size = len(arrays[0]), len(arrays[2])
    shapes = {"the context": (nodes, size), "the weights": (nodes, nodes)}
    for (name, shape), array in zip(shapes.items(), found, strict=True):
        assert array.shape == shape, f"{name} must be of shape {shape}, got {array.shape}"
    return found


def _compare(found, arrays) -> None:
    """Raise unless this is what the equation gives, with the name of the mistake."""
    context, weights = by_hand(*arrays)
    if not _near(found[1], weights):
        for mistake, wrong in WRONG_WEIGHTS.items():
            assert not _near(found[1], wrong(*arrays)), mistake
        sums = found[1].sum(axis=1)
        assert onp.allclose(sums, 1, atol=1e-3), f"the weights of a node sum to {sums[0]:.2f}"
        raise AssertionError("the weights are not softmax(LeakyReLU(a_q . W x_i + a_k . W x_j))")
    if not _near(found[0], context):
        for mistake, wrong in WRONG_CONTEXTS.items():
            assert not _near(found[0], wrong(weights, *arrays)), mistake
        raise AssertionError("the weights are right, and the context is not sum_j alpha_ij W x_j")


def _near(found, expected) -> bool:
    scale = max(1.0, float(abs(expected).max()))
    return found.shape == expected.shape and bool((abs(found - expected) < ATOL * scale).all())


# ------------------------------------------------ one head, number by number, and its mistakes
def by_hand(x, adjacency, W, a_q, a_k) -> tuple[onp.ndarray, onp.ndarray]:
    """The context and the weights, one pair of nodes after the other."""
    weights = _softmax(_scores(x, W, a_q, a_k), adjacency)
    values = [W @ row for row in x]
    context = [sum(a * v for a, v in zip(row, values, strict=True)) for row in weights]
    return onp.array(context), weights


def _leaky(score: float) -> float:
    return score if score > 0 else 0.2 * score


def _scores(x, W, a_q, a_k, *, squash=_leaky) -> onp.ndarray:
    return onp.array([[squash(a_q @ (W @ i) + a_k @ (W @ j)) for j in x] for i in x])


def _softmax(scores, adjacency) -> onp.ndarray:
    weights = onp.zeros_like(scores)
    for row, found, allowed in zip(scores, weights, adjacency > 0, strict=True):
        if allowed.any():
            e = onp.exp(row[allowed] - row[allowed].max())
            found[allowed] = e / e.sum()
    return weights


def _everybody(adjacency) -> onp.ndarray:
    return onp.ones_like(adjacency)


WRONG_WEIGHTS = {
    "the mask is lost: nodes that are no neighbours have weights": lambda x, A, *more: _softmax(
        _scores(x, *more), _everybody(A)
    ),
    "the scores are multiplied by the adjacency matrix, which gives other nodes a score of zero "
    "and not a weight of zero: forbid them": lambda x, A, *more: _softmax(
        _scores(x, *more) * A, _everybody(A)
    ),
    "the mask is applied after the softmax: the weights of a node's neighbours must sum to one": (
        lambda x, A, *more: _softmax(_scores(x, *more), _everybody(A)) * A
    ),
    "softmax over the wrong axis: the weights with which a node reads must sum to one, not those "
    "with which it is read": lambda x, A, *more: _softmax(_scores(x, *more).T, A.T).T,
    "the matrix is read the wrong way round: node i reads node j where adjacency[i, j] is 1": (
        lambda x, A, *more: _softmax(_scores(x, *more), A.T)
    ),
    "query and key are exchanged: a_q belongs to the node that reads": lambda x, A, W, q, k: (
        _softmax(_scores(x, W, k, q), A)
    ),
    "LeakyReLU is missing: without it a_q . W x_i adds the same to all scores of a node, and its "
    "weights do not depend on the query": lambda x, A, *more: _softmax(
        _scores(x, *more, squash=lambda s: s), A
    ),
    "ReLU instead of LeakyReLU: all negative scores are the same": lambda x, A, *more: _softmax(
        _scores(x, *more, squash=lambda s: max(s, 0.0)), A
    ),
    "no softmax: the weights are the scores": lambda x, A, *more: _scores(x, *more) * A,
    "the exponentials are not divided by their sum": lambda x, A, *more: (
        onp.exp(onp.minimum(_scores(x, *more), 700)) * A
    ),
    "the weights are those of a plain mean over the neighbours": lambda x, A, *more: (
        A / A.sum(axis=1, keepdims=True)
    ),
}
WRONG_CONTEXTS = {
    "the neighbours are added up without their weights": lambda p, x, A, W, *_: A @ x @ W.T,
    "the neighbours are averaged without their weights": lambda p, x, A, W, *_: (
        A @ x @ W.T / A.sum(axis=1, keepdims=True)
    ),
    "the weights are transposed in the sum": lambda p, x, A, W, *_: p.T @ x @ W.T,
    "the node itself is added once more": lambda p, x, A, W, *_: (p + onp.eye(len(x))) @ x @ W.T,
}
