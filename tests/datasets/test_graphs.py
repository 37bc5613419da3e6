"""Graphs: edges are what pairs say; wrong ones are refused; generated ones keep their promises."""

import numpy as onp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d2l_attention.datasets import graphs

PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20)


@given(PAIRS, st.booleans())
def test_edges_are_the_pairs_both_ways(pairs, loops):
    sender, receiver = graphs.edges(pairs, 7, loops=loops)
    expected = {(a, b) for a, b in pairs if a != b} | {(b, a) for a, b in pairs if a != b}
    expected |= {(i, i) for i in range(7)} if loops else set()
    found = list(zip(receiver.tolist(), sender.tolist(), strict=True))
    assert found == sorted(expected)  # each once, by receiver
    assert sender.dtype == receiver.dtype == onp.int32


@given(PAIRS)
def test_a_matrix_and_its_edges_say_the_same(pairs):
    sender, receiver = graphs.edges(pairs, 7)
    adjacency = graphs.matrix(sender, receiver, 1, 7)
    assert (adjacency == adjacency.T).all() and (adjacency.diagonal() == 1).all()
    assert [e.tolist() for e in graphs.edges_of(adjacency)] == [sender.tolist(), receiver.tolist()]


@pytest.mark.parametrize(
    "pairs, error, message",
    [
        ([[0, 3]], ValueError, "pairs must name nodes from 0 to 2, got 3"),
        ([[-1, 1]], ValueError, "from 0 to 2, got -1"),
        ([[0.0, 1.0]], TypeError, "pairs must be integers, got float64"),
        ([0, 1], ValueError, r"shape \(P, 2\), got \(2,\)"),
        ([[0, 1, 2]], ValueError, r"shape \(P, 2\), got \(1, 3\)"),
    ],
)
def test_wrong_pairs_are_refused(pairs, error, message):
    with pytest.raises(error, match=message):
        graphs.edges(pairs, 3)


@pytest.mark.parametrize("adjacency", [onp.ones((2, 3)), onp.ones(4), onp.ones((0, 0))])
def test_a_matrix_must_be_square(adjacency):
    with pytest.raises(ValueError, match=r"adjacency must be of shape \(N, N\)"):
        graphs.edges_of(adjacency)


def test_a_matrix_holds_zeros_and_ones():
    with pytest.raises(ValueError, match="zeros and ones"):
        graphs.edges_of([[1, 0.5], [0, 1]])


def parts(**other):
    club = graphs.karate_club()
    names = ("features", "sender", "receiver", "labels", "nodes")
    return {name: getattr(club, name) for name in names} | other


@pytest.mark.parametrize(
    "other, error, message",
    [
        ({"labels": onp.zeros(34)}, TypeError, "labels must be int32, got float64"),
        ({"labels": [0] * 34}, TypeError, "labels must be int32"),
        ({"labels": onp.zeros(33, "int32")}, ValueError, "labels must be of shape"),
        ({"labels": onp.full(34, -1, "int32")}, ValueError, "labels must be 0 or more"),
        ({"sender": onp.full(190, 34, "int32")}, ValueError, "sender must name nodes from 0 to 33"),
        ({"sender": onp.zeros(5, "int32")}, ValueError, "sender must be of shape"),
        ({"nodes": {"train": onp.array([34], "int32")}}, ValueError, "train must name nodes"),
        ({"nodes": {"train": onp.array([], "int32")}}, ValueError, "train must be of shape"),
        ({"features": onp.eye(34)}, TypeError, "features must be float32, got float64"),
        ({"features": onp.zeros(34, "float32")}, ValueError, "features must be of shape"),
    ],
)
def test_wrong_arrays_are_refused(other, error, message):
    with pytest.raises(error, match=message):
        graphs.Graph(**parts(**other))


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, test, got 'validation'"):
        graphs.karate_club().batch("validation")


def test_the_karate_club_is_zacharys():
    club = graphs.karate_club()
    networkx = pytest.importorskip("networkx", reason="NetworkX, the oracle, is not installed")
    theirs = networkx.karate_club_graph()
    adjacency = networkx.to_numpy_array(theirs, weight=None) + onp.eye(34)
    assert (graphs.matrix(club.sender, club.receiver, 1, 34) == adjacency).all()
    officers = [theirs.nodes[i]["club"] == "Officer" for i in range(34)]
    assert club.labels.tolist() == [int(officer) for officer in officers]


def test_the_karate_club_without_networkx():
    club = graphs.karate_club()
    assert club.degree[[0, 33, 11]].tolist() == [17, 18, 2]  # friends and a loop
    assert club.num_classes == 2 and club.labels.sum() == 17
    assert club.nodes["train"].tolist() == [0, 33] and len(club.nodes["test"]) == 32


def test_relinked_changes_the_neighbours_alone():
    club = graphs.karate_club()
    other = club.relinked([[0, 1]])
    assert len(other.sender) == 36 and other.labels is club.labels and len(club.sender) == 190


def test_lookup_deals_each_graph_anew():
    graph = graphs.lookup(6, 4, seed=1)
    (features, sender, receiver, nodes), labels = graph.batch("test")
    assert nodes.tolist() == [8 * g + 4 + i for g in (3, 4, 5) for i in range(4)]
    for node, label in zip(nodes, labels, strict=True):
        read = sender[receiver == node]
        assert read.tolist() == [8 * (node // 8) + i for i in range(4)]  # the keys of its graph
        right = [k for k in read if features[k, :4] @ features[node, :4] == 1]
        assert len(right) == 1 and features[right[0], 4 + label] == 1
    dealt = graph.labels.reshape(6, 8)[:, 4:]
    assert len({tuple(row) for row in dealt.tolist()}) == 6  # no graph of the test was trained on
    with pytest.raises(ValueError, match="count must be from 2 to 6"):
        graphs.lookup(7, 3, seed=0)


def test_citations_stay_within_their_field_mostly():
    for seed in range(3):
        graph = graphs.citations(seed=seed)
        apart = graph.sender != graph.receiver
        same = graph.labels[graph.sender] == graph.labels[graph.receiver]
        assert 0.68 < same[apart].mean() < 0.8  # 0.65, and a quarter of the others
        train = graph.labels[graph.nodes["train"]]
        assert onp.bincount(train).tolist() == [20] * 4
        every = onp.concatenate(list(graph.nodes.values()))
        assert sorted(every.tolist()) == list(range(500))
        onp.testing.assert_allclose(graph.features.sum(axis=1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="num_nodes must be at least 181"):
        graphs.citations(seed=0, num_nodes=180)
