"""Graphs whose nodes have features and labels, as lists of edges; and three small ones.

    0 - 1 - 2       sender    0 1 0 1 2 1 2
                    receiver  0 0 1 1 1 2 2

Along an edge, its receiver reads its sender. Each pair of neighbours is two edges, each node is a
neighbour of itself, and edges are sorted by receiver, then by sender.
"""

from dataclasses import dataclass, replace

import numpy as onp

from d2l_attention.backend.checks import check_integer, check_share, check_sizes

__all__ = ["Graph", "citations", "edges", "edges_of", "karate_club", "lookup", "matrix"]


def edges(pairs, num_nodes: int, *, loops: bool = True) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the senders and receivers, int32 (E,) both, of a graph whose neighbours are named.

    Parameters
    ----------
    pairs : array of integers (P, 2)
        Neighbours; which of two comes first, and how often they are named, does not count.
    num_nodes : int
        N; nodes have the numbers 0 to N - 1.
    loops : bool
        Whether each node is its own neighbour. If not, one that stands alone has no edges.

    Raises
    ------
    TypeError, ValueError
        Pairs are no integers, not (P, 2), or name a node that does not exist.

    >>> sender, receiver = edges([[0, 1], [1, 2]], num_nodes=3)
    >>> sender.tolist(), receiver.tolist()
    ([0, 1, 0, 1, 2, 1, 2], [0, 0, 1, 1, 1, 2, 2])
    """
    check_sizes(num_nodes=num_nodes)
    pairs = onp.asarray(pairs if onp.size(pairs) else onp.zeros((0, 2), "int32"))
    if pairs.dtype.kind not in "iu":
        raise TypeError(f"pairs must be integers, got {pairs.dtype}")
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"pairs must be of shape (P, 2), got {pairs.shape}")
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < num_nodes:
        wrong = pairs.min() if pairs.min() < 0 else pairs.max()
        raise ValueError(f"pairs must name nodes from 0 to {num_nodes - 1}, got {wrong}")
    own = onp.repeat(onp.arange(num_nodes * loops), 2).reshape(-1, 2)
    apart = pairs[pairs[:, 0] != pairs[:, 1]]
    both = onp.concatenate([apart, apart[:, ::-1], own])
    receiver, sender = onp.unique(both.astype("int32"), axis=0).T  # sorted by receiver
    return sender.copy(), receiver.copy()


def edges_of(adjacency) -> tuple[onp.ndarray, onp.ndarray]:
    """Return the senders and receivers of a matrix (N, N): node i reads node j where entry ij is 1.

    Raises
    ------
    ValueError
        It is not square, or holds anything but zeros and ones.

    >>> sender, receiver = edges_of([[1, 0], [1, 1]])
    >>> sender.tolist(), receiver.tolist()
    ([0, 0, 1], [0, 1, 1])
    """
    adjacency = onp.asarray(adjacency)
    if adjacency.ndim != 2 or adjacency.shape[0] != adjacency.shape[1] or not adjacency.size:
        raise ValueError(f"adjacency must be of shape (N, N), got {adjacency.shape}")
    if not onp.isin(adjacency, (0, 1)).all():
        raise ValueError("adjacency must hold zeros and ones")
    receiver, sender = onp.nonzero(adjacency)
    return sender.astype("int32"), receiver.astype("int32")


def matrix(sender, receiver, values, num_nodes: int) -> onp.ndarray:
    """Return numbers of edges as a matrix, float32 (N, N): row i is what node i reads, 0 elsewhere.

    >>> matrix([0, 0, 1], [0, 1, 1], [1.0, 0.2, 0.8], num_nodes=2).round(1).tolist()
    [[1.0, 0.0], [0.20000000298023224, 0.800000011920929]]
    """
    found = onp.zeros((num_nodes, num_nodes), "float32")
    found[receiver, sender] = values
    return found


@dataclass(frozen=True)
class Graph:
    """A graph of N nodes, whose labels are known for some.

    Parameters
    ----------
    features : float32 (N, f)
    sender, receiver : int32 (E,)
        See `edges`.
    labels : int32 (N,)
        Classes from 0 on.
    nodes : dict of str: int32 (B,)
        The nodes of each split: "train", and others.

    Raises
    ------
    TypeError, ValueError
        An array has another dtype or shape, or names a node that does not exist.
    """

    features: onp.ndarray
    sender: onp.ndarray
    receiver: onp.ndarray
    labels: onp.ndarray
    nodes: dict[str, onp.ndarray]

    def __post_init__(self):
        size = len(self.features)
        _check_array("features", self.features, "float32", (size, None), None)
        _check_array("labels", self.labels, "int32", (size,), None)
        named = {"sender": self.sender, "receiver": self.receiver, **self.nodes}
        for name, numbers in named.items():
            shape = (len(self.receiver),) if name == "sender" else (None,)
            _check_array(name, numbers, "int32", shape, size)
        if self.labels.min() < 0:
            raise ValueError(f"labels must be 0 or more, got {self.labels.min()}")

    @property
    def num_classes(self) -> int:
        return int(self.labels.max()) + 1

    @property
    def degree(self) -> onp.ndarray:
        """Edges at each node, its own loop among them: (N,)."""
        return onp.bincount(self.receiver, minlength=len(self.labels))

    def batch(self, split: str | None = None) -> tuple[tuple, onp.ndarray]:
        """Return ((features, sender, receiver, nodes), labels), of a split's nodes or of all."""
        if split is not None and split not in self.nodes:
            raise ValueError(f"split must be one of {', '.join(self.nodes)}, got {split!r}")
        whole = onp.arange(len(self.labels), dtype="int32")
        nodes = whole if split is None else self.nodes[split]
        return (self.features, self.sender, self.receiver, nodes), self.labels[nodes]

    def relinked(self, pairs) -> "Graph":
        """Return the same nodes with other neighbours, see `edges`."""
        sender, receiver = edges(pairs, len(self.labels))
        return replace(self, sender=sender, receiver=receiver)


def _check_array(name, array, dtype, shape, limit) -> None:
    if not isinstance(array, onp.ndarray) or array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype}, got {getattr(array, 'dtype', type(array))}")
    fits = array.ndim == len(shape) and all(
        b in (None, a) for a, b in zip(array.shape, shape, strict=True)
    )
    if not fits or (not array.size and name in ("features", "train")):
        raise ValueError(f"{name} must be of shape {shape}, got {array.shape}")
    if limit is not None and array.size and not 0 <= array.min() <= array.max() < limit:
        raise ValueError(f"{name} must name nodes from 0 to {limit - 1}")


# ----------------------------------------------------------------------- Zachary's karate club
FRIENDS = {  # of each member, those with a larger number
    0: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31), 1: (2, 3, 7, 13, 17, 19, 21, 30),
    2: (3, 7, 8, 9, 13, 27, 28, 32), 3: (7, 12, 13), 4: (6, 10), 5: (6, 10, 16), 6: (16,),
    8: (30, 32, 33), 9: (33,), 13: (33,), 14: (32, 33), 15: (32, 33), 18: (32, 33), 19: (33,),
    20: (32, 33), 22: (32, 33), 23: (25, 27, 29, 32, 33), 24: (25, 27, 31), 25: (31,), 26: (29, 33),
    27: (33,), 28: (31, 33), 29: (32, 33), 30: (32, 33), 31: (32, 33), 32: (33,),
}  # fmt: skip
OFFICERS = (
    9,
    14,
    15,
    18,
    20,
    22,
    23,
    24,
    25,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
)  # whose club they joined
INSTRUCTOR, OFFICER = 0, 33
PLACES = (  # where to draw a member: friends are near each other, by Kamada and Kawai's method
    (0.38, 0.51), (0.43, 0.68), (0.57, 0.46), (0.44, 0.39), (0.26, 0.33), (0.16, 0.38),
    (0.18, 0.54), (0.45, 0.27), (0.57, 0.7), (0.73, 0.47), (0.27, 0.18), (0.21, 0.71),
    (0.35, 0.13), (0.54, 0.61), (0.75, 1.0), (0.81, 0.97), (0.0, 0.38), (0.28, 0.79), (0.87, 0.9),
    (0.53, 0.79), (0.92, 0.81), (0.32, 0.88), (0.93, 0.68), (0.86, 0.31), (0.74, 0.0),
    (0.66, 0.02), (1.0, 0.58), (0.73, 0.27), (0.74, 0.36), (0.92, 0.47), (0.62, 0.89),
    (0.61, 0.35), (0.75, 0.71), (0.77, 0.62),
)  # fmt: skip


def karate_club() -> Graph:
    """Return Zachary's karate club: 34 members, 78 pairs of friends, two halves.

    A member's features are its number alone, one-hot (34,). Label 0 is the instructor's new club, 1
    the officers' (Zachary 1977). "train" are the two leaders, "test" the 32 others.

    >>> club = karate_club()
    >>> club.features.shape, len(club.sender), club.labels.tolist().count(1)
    ((34, 34), 190, 17)
    """
    pairs = [(i, j) for i, friends in FRIENDS.items() for j in friends]
    sender, receiver = edges(pairs, 34)
    labels = onp.isin(onp.arange(34), OFFICERS).astype("int32")
    leaders = onp.array([INSTRUCTOR, OFFICER], "int32")
    others = onp.setdiff1d(onp.arange(34), leaders).astype("int32")
    nodes = {"train": leaders, "test": others}
    return Graph(onp.eye(34, dtype="float32"), sender, receiver, labels, nodes)


# --------------------------------------------------------------------------- generated graphs
def lookup(count: int, size: int, *, seed: int) -> Graph:
    """Return `count` graphs in one, in which nodes look words up: half "train", half "test".

    Each has `size` queries with a word each, and as many keys with a word and a number each, which
    are dealt anew in each graph. A query reads all keys of its graph, a key itself. A query's
    label is the number of the key that has its word (Brody, Alon and Yahav 2022, section 4.1).
    No two graphs are the same. Features are the word and the number, one-hot (2 size,).

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer, or there are fewer than `count` ways to deal.

    >>> graph = lookup(2, 3, seed=0)
    >>> graph.features.shape, graph.nodes["test"].tolist()
    ((12, 6), [9, 10, 11])
    """
    check_sizes(count=count, size=size)
    ways = int(onp.prod(onp.arange(1, size + 1, dtype="float64")))
    check_integer("count", count, 2, ways + 1)
    random, dealt = onp.random.RandomState(seed), {}
    while len(dealt) < count:
        dealt[tuple(random.permutation(size).tolist())] = None
    word, zero = onp.eye(size), onp.zeros((size, size))
    one = [onp.block([[word, word[list(numbers)]], [word, zero]]) for numbers in dealt]
    start = 2 * size * onp.arange(count)[:, None]  # of each graph's keys
    keys, queries = start + onp.arange(size), start + size + onp.arange(size)  # (count, size)
    sender = onp.concatenate([keys, onp.tile(keys, size)], axis=1)
    receiver = onp.concatenate([keys, onp.repeat(queries, size, axis=1)], axis=1)
    labels = onp.zeros(2 * size * count, "int32")
    labels[queries] = list(dealt)
    half = count // 2
    nodes = {"train": queries[:half].ravel(), "test": queries[half:].ravel()}
    return Graph(
        onp.concatenate(one).astype("float32"),
        sender.ravel().astype("int32"),
        receiver.ravel().astype("int32"),
        labels,
        {name: numbers.astype("int32") for name, numbers in nodes.items()},
    )


def citations(
    *,
    seed: int,
    num_nodes: int = 500,
    num_classes: int = 4,
    links: float = 2.0,
    within: float = 0.65,
    topical: float = 0.3,
) -> Graph:
    """Return papers that cite each other, mostly within their field, whose words say little.

    Each paper has 10 words of 200: one of its field's 50 with the probability `topical`, else any.
    20 papers a field are "train", 100 others "validation", the rest "test". Features sum to one.

    Parameters
    ----------
    links : float
        Citations that a paper makes on average.
    within : float
        Share of them that stay in the field; others go anywhere.

    Raises
    ------
    TypeError, ValueError
        A size is not a positive integer, a share is none, or papers are too few.

    >>> graph = citations(seed=0)
    >>> graph.features.shape, {name: len(nodes) for name, nodes in graph.nodes.items()}
    ((500, 200), {'train': 80, 'validation': 100, 'test': 320})
    """
    check_sizes(num_classes=num_classes)
    check_integer("num_nodes", num_nodes, 20 * num_classes + 101)
    check_share(within=within, topical=topical)
    random = onp.random.RandomState(seed)
    labels = random.permutation(onp.arange(num_nodes) % num_classes).astype("int32")
    own = random.uniform(size=(num_nodes, 10)) < topical
    field = labels[:, None] * 50 + random.randint(0, 50, own.shape)
    words = onp.where(own, field, random.randint(0, 50 * num_classes, own.shape))
    features = onp.zeros((num_nodes, 50 * num_classes), "float32")
    onp.put_along_axis(features, words, 1, axis=1)
    features /= features.sum(axis=1, keepdims=True)
    citing = random.randint(0, num_nodes, int(links * num_nodes))
    anywhere = random.randint(0, num_nodes, len(citing))
    colleague = [random.choice(onp.flatnonzero(labels == labels[i])) for i in citing]
    cited = onp.where(random.uniform(size=len(citing)) < within, colleague, anywhere)
    sender, receiver = edges(onp.stack([citing, cited], axis=1), num_nodes)
    order = random.permutation(num_nodes)
    train = onp.concatenate([order[labels[order] == c][:20] for c in range(num_classes)])
    rest = order[~onp.isin(order, train)]
    nodes = {"train": train, "validation": rest[:100], "test": rest[100:]}
    nodes = {name: numbers.astype("int32") for name, numbers in nodes.items()}
    return Graph(features, sender, receiver, labels, nodes)
