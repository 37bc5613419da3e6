"""Graph attention: equal to masked attention and to PyTorch; what must hold on every graph."""

import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d2l_attention import seed_everything
from d2l_attention.attention import Attention
from d2l_attention.datasets import graphs
from d2l_attention.models.graph_attention import (
    DynamicGraphAttention,
    DynamicScore,
    EdgeAttention,
    GraphAttention,
    GraphConvolution,
    GraphNetwork,
    NodeLayer,
    SumScore,
    edge_softmax,
)
from d2l_attention.training import accuracy, fit

from mxnet import autograd, init, np, optimizer

N, F = 6, 5
LAYERS = {
    "attention": lambda: GraphAttention(4, num_heads=3),
    "dynamic": lambda: DynamicGraphAttention(4, num_heads=3),
    "convolution": lambda: GraphConvolution(4),
    "node": lambda: NodeLayer(4),
}
every_layer = pytest.mark.parametrize("kind", LAYERS)
attention_layers = pytest.mark.parametrize("kind", ["attention", "dynamic"])
PAIRS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=12)
few = settings(max_examples=25, deadline=None)


def ints(array):
    return np.array(array, dtype="int32")


def of_pairs(pairs, loops=True):
    """The edges of a graph of N nodes as MXNet arrays, and its adjacency matrix."""
    sender, receiver = graphs.edges(pairs, N, loops=loops)
    return ints(sender), ints(receiver), graphs.matrix(sender, receiver, 1, N)


def x_of(seed=0, nodes=N):
    return onp.random.RandomState(seed).normal(size=(nodes, F)).astype("float32")


def ready(block, *inputs, seed=0):
    """The block with random weights, none of them zero."""
    seed_everything(seed)
    block.initialize(init.Normal(0.5))
    block(*inputs)
    random = onp.random.RandomState(seed)
    for parameter in block.collect_params().values():
        parameter.set_data(np.array(random.normal(0, 0.4, parameter.shape)))
    return block


def layer_of(kind, seed=0):
    sender, receiver, _ = of_pairs([(0, 1)])
    return ready(LAYERS[kind](), np.array(x_of()), sender, receiver, seed=seed)


# ------------------------------------------------------------------------------ the oracles
PATHS = [(0, 1), (1, 2), (2, 3), (1, 4), (4, 0)]


@every_layer
@pytest.mark.parametrize("loops", [True, False], ids=["loops", "node 5 alone"])
@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridized"])
def test_equals_pytorch(kind, loops, hybridize):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    from tests.oracles import graph_attention as oracle
    from tests.oracles import weights as weights_of

    sender, receiver, adjacency = of_pairs(PATHS, loops)
    ours = GraphNetwork(LAYERS[kind](), LAYERS[kind]())
    x = np.array(x_of())
    ready(ours, x, sender, receiver, ints(range(N)))
    ours.hybridize(hybridize, static_alloc=hybridize)
    heads = ours.first.num_heads
    theirs = getattr(oracle, type(ours.first).__name__)
    arguments = (4, heads) if heads > 1 else (4,)
    theirs = oracle.GraphNetwork(theirs(F, *arguments), theirs(4 * heads, *arguments))
    weights_of.copy_weights(ours, theirs)
    signs = onp.random.RandomState(1).normal(size=(N, 4 * heads)).astype("float32")
    x.attach_grad()
    with autograd.record():
        y, first, second = ours(x, sender, receiver, ints(range(N)))
        total = (y * np.array(signs)).sum()
    total.backward()
    expected = torch.tensor(x.asnumpy()).double().requires_grad_()
    other, *theirs_weights = theirs(expected, torch.tensor(adjacency).double())
    (other * torch.tensor(signs)).sum().backward()
    onp.testing.assert_allclose(y.asnumpy(), other.detach(), atol=1e-5)
    s, r = sender.asnumpy(), receiver.asnumpy()
    for found, dense in zip((first, second), theirs_weights, strict=True):
        onp.testing.assert_allclose(found.asnumpy(), dense.detach().numpy()[:, r, s].T, atol=1e-5)
    onp.testing.assert_allclose(x.grad.asnumpy(), expected.grad, atol=1e-5)
    weights_of.compare_gradients(ours, theirs)


@attention_layers
def test_equals_torch_geometric(kind):
    torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    peer = pytest.importorskip(
        "torch_geometric.nn", reason="PyTorch Geometric, the oracle, is not installed"
    )
    sender, receiver, _ = of_pairs(PATHS)
    ours, x = layer_of(kind), np.array(x_of())
    options = {"heads": 3, "add_self_loops": False}
    if kind == "attention":
        theirs = peer.GATConv(F, 4, **options)
        matched = {"lin.weight": ours.W.weight, "att_src": ours.a_k, "att_dst": ours.a_q}
    else:
        theirs = peer.GATv2Conv(F, 4, share_weights=True, bias=True, **options)
        theirs.lin_l.bias.data.zero_()
        matched = {"lin_l.weight": ours.W.weight, "att": ours.attention.score.a}
    named = dict(theirs.named_parameters())
    matched |= {"bias": ours.b}
    for name, parameter in matched.items():
        values = parameter.data().asnumpy().reshape(named[name].shape)
        named[name].data.copy_(torch.tensor(values))
    with autograd.record():
        h, weights = ours(x, sender, receiver)
        total = (h * h * h).sum()
    total.backward()
    edges = torch.tensor(onp.stack([sender.asnumpy(), receiver.asnumpy()])).long()
    other, (_, alpha) = theirs(torch.tensor(x.asnumpy()), edges, return_attention_weights=True)
    (other**3).sum().backward()
    onp.testing.assert_allclose(h.asnumpy(), other.detach(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy(), alpha.detach(), atol=1e-5)
    for name, parameter in matched.items():
        expected = named[name].grad.numpy()
        found = parameter.grad().asnumpy().reshape(expected.shape)
        onp.testing.assert_allclose(found, expected, atol=1e-5 * max(1, abs(expected).max()))


@few
@given(PAIRS, st.booleans(), st.integers(0, 999), st.sampled_from(["sum", "dynamic"]))
def test_edges_and_the_masked_matrix_are_one_attention(pairs, loops, seed, kind):
    """`Attention` computes all pairs and masks; what it pools is the same."""
    sender, receiver, adjacency = of_pairs(pairs, loops)
    if not len(sender):
        return
    H, d = 2, 1 if kind == "sum" else 3
    random = onp.random.RandomState(seed)
    query, key, value = (random.normal(size=(N, H, e)).astype("float32") for e in (d, d, 3))
    score = SumScore() if kind == "sum" else DynamicScore(d, H)
    score.initialize(init.Normal(1))
    context, weights = EdgeAttention(score)(*map(np.array, (query, key, value)), sender, receiver)
    dense = Attention(score)
    heads_first = [np.array(a.swapaxes(0, 1)) for a in (query, key, value)]
    expected, matrix = dense(*heads_first, np.array(adjacency[None]))
    onp.testing.assert_allclose(
        context.asnumpy(), expected.asnumpy().swapaxes(0, 1), rtol=1e-5, atol=1e-5
    )
    s, r = sender.asnumpy(), receiver.asnumpy()
    for h in range(H):
        found = graphs.matrix(s, r, weights.asnumpy()[:, h], N)
        onp.testing.assert_allclose(found, matrix.asnumpy()[h], atol=1e-5)


# --------------------------------------------------------------------------- properties
@attention_layers
@few
@given(PAIRS, st.integers(0, 999))
def test_weights_of_a_node_sum_to_one_over_its_neighbourhood(kind, pairs, seed):
    sender, receiver, adjacency = of_pairs(pairs)
    _, weights = layer_of(kind, seed)(np.array(x_of(seed)), sender, receiver)
    assert (weights.asnumpy() > 0).all()
    for h in range(3):
        found = graphs.matrix(sender.asnumpy(), receiver.asnumpy(), weights.asnumpy()[:, h], N)
        onp.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        assert (found[adjacency == 0] == 0).all()


@every_layer
@few
@given(PAIRS, st.integers(0, 999))
def test_who_is_no_neighbour_has_no_influence(kind, pairs, seed):
    """Exactly none: other features of node 0 change nothing at nodes that do not read it."""
    sender, receiver, adjacency = of_pairs(pairs)
    layer, x = layer_of(kind, seed), x_of(seed)
    h = layer(np.array(x), sender, receiver)[0].asnumpy()
    x[0] = 1000 * onp.random.RandomState(seed + 1).normal(size=F)
    other = layer(np.array(x), sender, receiver)[0].asnumpy()
    onp.testing.assert_array_equal(h[adjacency[:, 0] == 0], other[adjacency[:, 0] == 0])
    assert abs(h[0] - other[0]).max() > 1e-3  # it reads itself


@every_layer
@few
@given(PAIRS, st.permutations(range(N)), st.integers(0, 999))
def test_nodes_in_another_order_give_the_same_in_that_order(kind, pairs, order, seed):
    sender, receiver, adjacency = of_pairs(pairs)
    layer, x, order = layer_of(kind, seed), x_of(seed), onp.array(order)
    h, weights = layer(np.array(x), sender, receiver)
    moved = [ints(e) for e in graphs.edges_of(adjacency[order][:, order])]
    other, moved_weights = layer(np.array(x[order]), *moved)
    onp.testing.assert_allclose(h.asnumpy()[order], other.asnumpy(), atol=1e-5)
    for head in range(weights.shape[1]):
        before = graphs.matrix(sender.asnumpy(), receiver.asnumpy(), weights.asnumpy()[:, head], N)
        after = graphs.matrix(*(e.asnumpy() for e in moved), moved_weights.asnumpy()[:, head], N)
        onp.testing.assert_allclose(before[order][:, order], after, atol=1e-5)


@every_layer
@few
@given(PAIRS, st.integers(0, 999))
def test_the_order_of_edges_does_not_count(kind, pairs, seed):
    sender, receiver, _ = of_pairs(pairs)
    order = onp.random.RandomState(seed).permutation(len(sender))
    layer, x = layer_of(kind, seed), np.array(x_of(seed))
    h, weights = layer(x, sender, receiver)
    moved = ints(sender.asnumpy()[order]), ints(receiver.asnumpy()[order])
    other, moved_weights = layer(x, *moved)
    onp.testing.assert_allclose(h.asnumpy(), other.asnumpy(), atol=1e-5)
    onp.testing.assert_allclose(weights.asnumpy()[order], moved_weights.asnumpy(), atol=1e-6)


@attention_layers
def test_a_node_that_stands_alone_reads_itself_or_nothing(kind):
    layer, x = layer_of(kind), np.array(x_of())
    sender, receiver, _ = of_pairs(PATHS)
    h, _ = layer(x, sender, receiver)
    alone = layer.W(x)[5] + layer.b.data()
    onp.testing.assert_allclose(h[5].asnumpy(), alone.asnumpy(), atol=1e-6)
    sender, receiver, _ = of_pairs(PATHS, loops=False)
    h, _ = layer(x, sender, receiver)
    assert (h[5] == layer.b.data()).all()  # the context is zero: no key, no weight


@few
@given(st.integers(0, 999))
def test_all_queries_rank_static_keys_alike(seed):
    """And the dynamic score has queries that do not."""
    random = onp.random.RandomState(seed)
    query, key = (np.array(random.normal(size=(1, 5, 1))) for _ in range(2))
    order = SumScore()(query, key).asnumpy()[0].argsort(axis=1)
    assert (order == order[0]).all()


def test_dynamic_keys_are_ranked_by_the_query():
    score = DynamicScore(2, 1)
    score.initialize()
    score.a.set_data(np.ones((1, 1, 1, 2)))
    query = np.array([[[5.0, -5.0], [-5.0, 5.0]]])
    key = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    assert score(query, key)[0].argmax(axis=1).tolist() == [0, 1]


# ------------------------------------------------------------------------- large numbers
def test_softmax_over_edges_survives_large_scores():
    receiver = onp.array([0, 0, 0, 1, 2, 2], "int32")
    scores = onp.array([3e5, 0, 3e5 - 1, -1e4, 3e4, 3e4])[:, None]
    found = edge_softmax(np.array(scores), ints(receiver), 3).asnumpy()[:, 0]
    e = 1 / (1 + onp.exp(-1.0))
    onp.testing.assert_allclose(found, [e, 0, 1 - e, 1, 0.5, 0.5], atol=1e-6)


def test_a_hub_of_many_neighbours_is_exact():
    count = 20_000
    random = onp.random.RandomState(0)
    scores = random.normal(0, 30, (count, 1)).astype("float32")
    receiver = onp.zeros(count, "int32")
    scores[0] = 5000
    found = edge_softmax(np.array(scores), ints(receiver), 1).asnumpy()[:, 0]
    assert found[0] == 1 and found[1:].max() == 0
    scores[0] = 90
    found = edge_softmax(np.array(scores), ints(receiver), 1).asnumpy()[:, 0]
    exact = onp.exp(scores[:, 0].astype("float64") - scores.max())
    onp.testing.assert_allclose(found, exact / exact.sum(), rtol=1e-4, atol=1e-7)


# ------------------------------------------------------------------------------ wrong input
WRONG = {
    "sender beyond": ({"sender": [0, N]}, ValueError, "sender must hold whole numbers from 0 to 5"),
    "receiver below": ({"receiver": [-1, 0]}, ValueError, "receiver must hold whole numbers"),
    "floats": ({"sender": [0.0, 1.0]}, TypeError, "sender must be int32 or int64, got float32"),
    "lengths": ({"sender": [0, 1, 2]}, ValueError, "receiver must be of shape"),
    "features": ({"x": onp.zeros((N, F + 1))}, ValueError, "x must be of shape"),
    "nodes": ({"nodes": [N]}, ValueError, "nodes must hold whole numbers from 0 to 5"),
}


@every_layer
@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused(kind, case):
    other, error, message = WRONG[case]
    given = {"x": x_of(), "sender": [0, 1], "receiver": [0, 1], "nodes": [0]}
    arrays = {
        name: np.array(a, dtype=None if name == "x" else "int32") for name, a in given.items()
    }
    network = GraphNetwork(LAYERS[kind](), LAYERS[kind]())
    network.initialize()
    network(**arrays)
    kinds = {"floats": "float32", "features": "float32"}
    changed = {name: np.array(a, dtype=kinds.get(case, "int32")) for name, a in other.items()}
    with pytest.raises(error, match=message):
        network(**(arrays | changed))


def test_wrong_labels_are_refused():
    network = GraphNetwork(GraphAttention(4), GraphAttention(2))
    network.initialize()
    output = network(np.array(x_of()), ints([0]), ints([0]), ints([0, 1]))
    with pytest.raises(ValueError, match="target must hold whole numbers from 0 to 1"):
        network.loss(output, np.array([0, 2]))
    with pytest.raises(ValueError, match="target must hold whole numbers"):
        network.loss(output, np.array([0, 0.5]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: GraphAttention(0), "size must be at least 1"),
        (lambda: GraphAttention(4, num_heads=0), "num_heads must be at least 1"),
        (lambda: GraphAttention(4, dropout=1.0), "dropout must be from 0 to below 1"),
        (lambda: GraphNetwork(NodeLayer(2), NodeLayer(2), dropout=-1), "dropout must be"),
    ],
)
def test_wrong_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ------------------------------------------------------------------------------- training
@attention_layers
def test_learns_to_split_the_karate_club(kind):
    club = graphs.karate_club()
    layer = {"attention": GraphAttention, "dynamic": DynamicGraphAttention}[kind]
    seed_everything(0)
    network = GraphNetwork(layer(4, num_heads=2), layer(2))
    network.initialize()
    fit(
        network,
        [club.batch("train")],
        optimizer.Adam(learning_rate=0.02),
        epochs=60,
        progress=False,
    )
    assert accuracy(network, [club.batch("train")]) == 1
    assert accuracy(network, [club.batch("test")]) > 0.8


def test_dropout_drops_weights_while_training_alone():
    sender, receiver, _ = of_pairs(PATHS)
    seed_everything(0)
    layer = ready(GraphAttention(4, dropout=0.5), np.array(x_of()), sender, receiver)
    calm, weights = layer(np.array(x_of()), sender, receiver)
    with autograd.train_mode():
        dropped, same = layer(np.array(x_of()), sender, receiver)
    assert abs(calm - dropped).max() > 0.1 and (weights == same).all()
