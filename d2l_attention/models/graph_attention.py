"""Graph attention networks: each node attends to its neighbours (Velickovic et al. 2018).

A graph of N nodes is a list of E edges: along edge e, node receiver_e reads node sender_e. So the
set over which node i pools is N(i), the senders of its edges, and the query is node i itself. What
is special is the sum: it runs over the edges, and never over all N^2 pairs. `Attention` with the
adjacency matrix as its mask gives the same. `datasets.graphs` makes the arrays.
"""

from d2l_attention.attention import Score
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import LoopBlock, check_ids
from d2l_attention.backend.checks import check_share, check_sizes

from mxnet import init
from mxnet.gluon import loss, nn

SLOPE = 0.2  # of LeakyReLU below zero
TEMPERATURES = (
    6.0**5,
    6.0**4,
    6.0**3,
    36.0,
    6.0,
)  # of soft maxima, nearer and nearer to the maximum


class SumScore(Score):
    """a(q, k) = LeakyReLU(q + k) of queries and keys that are one number each.

    Static (Brody, Alon and Yahav 2022): LeakyReLU rises, so all queries rank the keys alike, by k.

    >>> SumScore()(np.array([[[1.0], [-11.0]]]), np.array([[[1.0], [6.0]]])).tolist()
    [[[2.0, 7.0], [-2.0, -1.0]]]
    """

    takes = "... B m 1, ... B n 1"

    def hybrid_forward(self, F, query, key):
        pairs = op.expand(query, -2) + op.expand(key, -3)  # (..., m, n, 1)
        return op.leaky_relu(op.squeeze(pairs, -1), SLOPE)  # (..., m, n)


class DynamicScore(Score):
    """a(q, k) = a . LeakyReLU(q + k), with a vector a for each head.

    Brody, Alon and Yahav (2022, equation 7): the order of keys may depend on the query.

    Parameters
    ----------
    size, num_heads : int
        Features d of a head; heads H, the axis before m and n.
    """

    takes = "... H m d, ... H n d"

    def __init__(self, size: int, num_heads: int):
        super().__init__()
        check_sizes(size=size, num_heads=num_heads)
        self.sizes = {"d": size, "H": num_heads}
        self.a = self.params.get("a", shape=(num_heads, 1, 1, size), init=init.Xavier())

    def hybrid_forward(self, F, query, key, a):
        pairs = op.expand(query, -2) + op.expand(key, -3)  # (..., H, m, n, d)
        return op.sum_last(op.leaky_relu(pairs, SLOPE) * a)  # (..., H, m, n)


def edge_softmax(scores, receiver, num_nodes):
    """alpha_e = exp a_e / sum exp a_f over the edges f with e's receiver.

    Exact while the scores of a node's edges, fewer than 100,000, differ by less than 600,000.

    Parameters
    ----------
    scores : array (E, H)
    receiver : integers (E,), below num_nodes

    >>> scores, receiver = np.zeros((3, 1)), np.array([0, 0, 2], dtype="int32")
    >>> edge_softmax(scores, receiver, num_nodes=3)[:, 0].tolist()
    [0.5, 0.5, 1.0]
    """

    def total(x):
        return op.take(op.sum_at(x, receiver, num_nodes), receiver)  # (E, H)

    a = op.constant(scores)
    above = total(a) / total(a * 0 + 1)  # the mean
    for T in TEMPERATURES:  # this one is above the maximum by at most T log of the number of edges
        above = above + T * op.log(total(op.exp((a - above) / T)))
    e = op.exp(scores - above)
    return e / total(e)


class EdgeAttention(LoopBlock):
    """context_i = sum_{j in N(i)} alpha_ij v_j, where alpha normalises the scores a(q_i, k_j).

    It computes what `Attention` does whose mask is the adjacency matrix, for the edges alone.

    Parameters
    ----------
    score : Score
        a(q, k).
    dropout : float
        Share of the weights that is dropped while training; returned are those before.

    Call
    ----
    query (N, H, d_q), key (N, H, d_k), value (N, H, d_v), sender (E,), receiver (E,) ->
    context (N, H, d_v), weights (E, H). A node without edges has a context of zeros.
    """

    takes = "N H _, N H _, N H _, ids E, ids E"

    def __init__(self, score: Score, *, dropout: float = 0.0):
        super().__init__()
        check_share(dropout=dropout)
        self.score, self.dropout = score, dropout

    def check_values(self, query, key, value, sender, receiver):
        check_ids(sender=(sender, 0, len(query)), receiver=(receiver, 0, len(query)))

    def hybrid_forward(self, F, query, key, value, sender, receiver):
        asked = op.expand(op.take(query, receiver), 2)  # (E, H, 1, d_q)
        offered = op.expand(op.take(key, sender), 2)  # (E, H, 1, d_k)
        scores = op.squeeze(self.score(asked, offered), (2, 3))  # (E, H)
        weights = edge_softmax(scores, receiver, len(query))  # (E, H)
        messages = op.scale_rows(op.take(value, sender), op.dropout(weights, self.dropout))
        return op.sum_at(messages, receiver, len(query)), weights  # (N, H, d_v), (E, H)


class GraphLayer(LoopBlock):
    """What both layers have: W, and a bias b behind the sum.

    Parameters
    ----------
    size : int
        Features d of each head.

    Call
    ----
    x (N, f), sender (E,), receiver (E,) -> (N, H d), weights (E, H).
    """

    takes = "N f, ids E, ids E"

    def __init__(self, size: int, num_heads: int):
        super().__init__()
        check_sizes(size=size, num_heads=num_heads)
        self.num_heads = num_heads
        self.W = nn.Dense(num_heads * size, use_bias=False, weight_initializer=init.Xavier())
        self.b = self.params.get("b", shape=num_heads * size, init=init.Zero(), wd_mult=0)
        self.sizes = {"f": self.W}

    def check_values(self, x, sender, receiver):
        check_ids(sender=(sender, 0, len(x)), receiver=(receiver, 0, len(x)))


class GraphAttention(GraphLayer):
    """h_i = [context^1_i ... context^H_i] + b, context^h_i = sum_{j in N(i)} alpha^h_ij W^h x_j.

    a_ij = LeakyReLU(a_q . W x_i + a_k . W x_j): query and key of a node are one number each, its
    value is W x (Velickovic et al. 2018, equations 1 to 5).

    Parameters
    ----------
    size : int
        Features d of each head.
    num_heads : int
        Heads H.
    dropout : float
        Share of the weights that is dropped while training.

    Call
    ----
    x (N, f), sender (E,), receiver (E,) -> h (N, H d), weights (E, H).

    >>> layer, x = GraphAttention(size=4, num_heads=2), np.ones((3, 5))
    >>> layer.initialize()
    >>> sender = np.array([0, 0, 1], dtype="int32")
    >>> receiver = np.array([0, 1, 1], dtype="int32")
    >>> h, weights = layer(x, sender, receiver)
    >>> h.shape, weights[:3, 0].tolist()
    ((3, 8), [1.0, 0.5, 0.5])
    """

    def __init__(self, size: int, num_heads: int = 1, *, dropout: float = 0.0):
        super().__init__(size, num_heads)
        self.a_q, self.a_k = (
            self.params.get(name, shape=(num_heads, size), init=init.Xavier())
            for name in ("a_q", "a_k")
        )
        self.attention = EdgeAttention(SumScore(), dropout=dropout)

    def hybrid_forward(self, F, x, sender, receiver, b, a_q, a_k):
        H = op.split_first(self.W(x), self.num_heads)  # (N, H, d)
        query = op.expand(op.sum_last(H * a_q), 2)  # (N, H, 1)
        key = op.expand(op.sum_last(H * a_k), 2)  # (N, H, 1)
        context, weights = self.attention(query, key, H, sender, receiver)  # (N, H, d), (E, H)
        return op.join_last(context) + b, weights  # (N, H d), (E, H)


class DynamicGraphAttention(GraphLayer):
    """`GraphAttention` with a_ij = a . LeakyReLU(W x_i + W x_j).

    Brody, Alon and Yahav (2022, equation 7), with one W for queries and keys, whose order may
    depend on the query.

    Parameters and call are those of `GraphAttention`.
    """

    def __init__(self, size: int, num_heads: int = 1, *, dropout: float = 0.0):
        super().__init__(size, num_heads)
        self.attention = EdgeAttention(DynamicScore(size, num_heads), dropout=dropout)

    def hybrid_forward(self, F, x, sender, receiver, b):
        H = op.split_first(self.W(x), self.num_heads)  # (N, H, d)
        context, weights = self.attention(H, H, H, sender, receiver)  # (N, H, d), (E, H)
        return op.join_last(context) + b, weights  # (N, H d), (E, H)


class NodeLayer(GraphLayer):
    """h_i = W x_i + b: a layer that reads no neighbours.

    Parameters
    ----------
    size : int
        Features d.

    Call
    ----
    x (N, f), sender (E,), receiver (E,) -> h (N, d), weights (E, 1): 1 for a node's own edge, or 0.
    """

    def __init__(self, size: int):
        super().__init__(size, num_heads=1)

    def hybrid_forward(self, F, x, sender, receiver, b):
        return self.W(x) + b, op.expand(op.equal(sender, receiver, x.dtype), 1)


class GraphConvolution(GraphLayer):
    """h_i = sum_{j in N(i)} W x_j / sqrt(d_i d_j) + b, with d_i edges at node i: constant weights.

    Kipf and Welling (2017, equation 2), for graphs whose edges go both ways; d_i is at least 1.

    Parameters
    ----------
    size : int
        Features d.

    Call
    ----
    x (N, f), sender (E,), receiver (E,) -> h (N, d), weights (E, 1).
    """

    def __init__(self, size: int):
        super().__init__(size, num_heads=1)

    def hybrid_forward(self, F, x, sender, receiver, b):
        H, ones = self.W(x), op.take(op.ones_column(x), receiver)  # (N, d), (E, 1)
        scale = op.rsqrt(op.maximum(op.sum_at(ones, receiver, len(x)), 1))  # 1 / sqrt(d_i), (N, 1)
        weights = op.take(scale, sender) * op.take(scale, receiver)  # (E, 1)
        return op.sum_at(weights * op.take(H, sender), receiver, len(x)) + b, weights


class GraphNetwork(LoopBlock):
    """y = layer_2(ELU(layer_1(x))), read at some of the nodes.

    Parameters
    ----------
    first, second : GraphLayer
        The second has as many features, H d, as there are classes C.
    dropout : float
        Share of the numbers before each layer that is dropped while training.

    Call
    ----
    (x (N, f), sender (E,), receiver (E,), nodes (B,)) -> (logits (B, C), weights of both layers
    (E, H_1) and (E, H_2)).

    >>> network = GraphNetwork(GraphAttention(8, num_heads=4), GraphAttention(2))
    >>> network.initialize()
    >>> edges = np.array([0, 1, 2, 0], dtype="int32"), np.array([0, 1, 2, 1], dtype="int32")
    >>> [array.shape for array in network(np.ones((3, 5)), *edges, np.array([1], dtype="int32"))]
    [(1, 2), (4, 4), (4, 1)]
    """

    takes = "N f, ids E, ids E, ids B"

    def __init__(self, first: GraphLayer, second: GraphLayer, *, dropout: float = 0.0):
        super().__init__()
        check_share(dropout=dropout)
        self.first, self.second, self.dropout = first, second, dropout

    def check_values(self, x, sender, receiver, nodes):
        check_ids(nodes=(nodes, 0, len(x)))

    def hybrid_forward(self, F, x, sender, receiver, nodes):
        h, first = self.first(op.dropout(x, self.dropout), sender, receiver)  # (N, H_1 d)
        h = op.dropout(op.elu(h), self.dropout)
        y, second = self.second(h, sender, receiver)  # (N, C)
        return op.take(y, nodes), first, second

    def loss(self, output, target):
        """Cross-entropy in nats: logits (B, C) and weights, target (B,) -> (B,)."""
        check_ids(target=(target, 0, output[0].shape[1]))
        return loss.SoftmaxCrossEntropyLoss()(output[0], target)
