"""End-to-end memory networks: attention over the sentences of a story, in several hops.

Sukhbaatar, Szlam, Weston and Fergus (2015). One hop is dot-product attention: the query is the
state u_k, which starts as the question, the keys m_i are the sentences, the values c_i the same
sentences embedded a second time. What is special is the loop: the context that one hop finds
becomes part of the next hop's query. `datasets.stories` makes the arrays.
"""

from itertools import pairwise

import numpy as onp

from d2l_attention.attention import Attention, DotProductScore
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_choice, check_sizes

from mxnet import init
from mxnet.gluon import HybridBlock, loss, nn


class SentenceEmbedding(HybridBlock):
    """sum_j l_j * A x_j, with the position encoding l, or l = 1 ("bag").

    l_jk = 1 + 4 / (d J) (k - (d + 1) / 2) (j - (J + 1) / 2) for feature k of the j-th of J words,
    where J is the length of the longest sentence.

    Call
    ----
    Bags of words (S, 2 V) or (S, V), see `datasets.stories` -> vectors (S, d).
    """

    def __init__(self, num_words: int, hidden_size: int, encoding: str):
        super().__init__()
        shape = (num_words, hidden_size)
        self.weight = self.params.get("weight", shape=shape, init=init.Normal(0.1))  # A
        if encoding == "position":
            k = onp.arange(1, hidden_size + 1)
            ramp = onp.diag(4 * (k - (hidden_size + 1) / 2) / hidden_size)
            self.ramp = self.params.get_constant("ramp", ramp.astype("float32"))

    def hybrid_forward(self, F, bags, weight, ramp=None):
        if ramp is not None:
            # the product with a diagonal matrix scales columns, and is faster than broadcasting
            weight = op.concatenate([weight, op.dot(weight, ramp)], axis=0)  # (2 V, d)
        return op.dot(bags, weight)  # (S, d)


class AgeEmbedding(HybridBlock):
    """T(age): how many sentences ago something was said, (N, n) -> (N, n, d).

    Age M = memory_size is that of no sentence at all. Its vector is learned, for a sentinel; or
    zero.
    """

    def __init__(self, memory_size: int, hidden_size: int, sentinel: bool):
        super().__init__()
        self.sentinel = sentinel
        shape = (memory_size + sentinel, hidden_size)
        self.weight = self.params.get("weight", shape=shape, init=init.Normal(0.1))  # T

    def hybrid_forward(self, F, age, weight):
        if not self.sentinel:
            weight = op.concatenate([weight, op.zeros_at(weight, 0)], axis=0)
        return op.take(weight, age)


class MemoryNetwork(Block):
    """u_{k+1} = H u_k + sum_i alpha(u_k, m_i) c_i, for K hops; the answer is W u_{K+1}.

    u_1 = B q for a question q, and for a sentence i of some age m_i = A_k x_i + T_k(age_i),
    c_i = C_k x_i + T'_k(age_i).

    Parameters
    ----------
    num_words, hidden_size, hops : int
        Words V of the vocabulary, which stories, questions and answers share; features d; hops K.
    memory_size : int
        Ages M that are told apart: 0 is the last sentence, M - 1 stands for all older ones, too.
    encoding : str
        "position": the order of words within a sentence counts; "bag": it does not.
    tying : str
        "adjacent": C_k = A_{k+1}, B = A_1, W = C_K, and no H. "layer-wise": all hops share A and C.
    nonlinear : bool
        Whether a ReLU follows each hop.
    sentinel : bool
        Whether age M is that of a sentinel, a sentence without words, with learned vectors. If not,
        it is that of an unfilled place of the memory, whose vectors are zero.

    Call
    ----
    (sentences (S, bag), story (N, n), age (N, n), mask (N, 1, n), question (N, bag)) ->
    (logits (N, V), weights (N, K, n)): N questions; the distinct sentences as bags of words;
    stories as rows of them (see `datasets.stories`).

    >>> network = MemoryNetwork(num_words=5, hidden_size=4, hops=3)
    >>> network.initialize()
    >>> story, age = np.array([[0, 1, 0]], dtype="int32"), np.array([[50, 1, 0]], dtype="int32")
    >>> arguments = np.zeros((2, 10)), story, age, np.ones((1, 1, 3)), np.zeros((1, 10))
    >>> [array.shape for array in network(*arguments)]
    [(1, 5), (1, 3, 3)]
    """

    takes = "S bag, ids N n, ids N n, N 1 n, N bag"

    def __init__(
        self,
        num_words: int,
        *,
        hidden_size: int = 20,
        hops: int = 3,
        memory_size: int = 50,
        encoding: str = "position",
        tying: str = "adjacent",
        nonlinear: bool = False,
        sentinel: bool = True,
    ):
        super().__init__()
        check_sizes(num_words=num_words, hidden_size=hidden_size, hops=hops)
        check_sizes(memory_size=memory_size)
        check_choice(("position", "bag"), encoding=encoding)
        check_choice(("adjacent", "layer-wise"), tying=tying)
        self.hops, self.adjacent, self.nonlinear = hops, tying == "adjacent", nonlinear
        self.memory_size = memory_size
        self.sizes = {"bag": num_words * (1 + (encoding == "position"))}
        self.A, self.T = nn.HybridSequential(), nn.HybridSequential()  # A_1, C_1 (= A_2, C_2, ...)
        for _ in range(hops + 1 if self.adjacent else 2):
            self.A.add(SentenceEmbedding(num_words, hidden_size, encoding))
            self.T.add(AgeEmbedding(memory_size, hidden_size, sentinel))
        matrix = {"use_bias": False, "in_units": hidden_size}
        matrix["weight_initializer"] = init.Normal(0.1)
        if self.adjacent:
            self.B, self.H = self.A[0], None
            self.W = nn.Dense(num_words, params=self.A[-1].params, **matrix)  # has A's weight
        else:
            self.B = SentenceEmbedding(num_words, hidden_size, encoding)
            self.H, self.W = nn.Dense(hidden_size, **matrix), nn.Dense(num_words, **matrix)
        self.attention = Attention(DotProductScore())

    def check_values(self, sentences, story, age, mask, question):
        check_ids(story=(story, 0, len(sentences)), age=(age, 0, self.memory_size + 1))

    def hybrid_forward(self, F, sentences, story, age, mask, question):
        memories = [
            op.take(A(sentences), story) + T(age)  # (N, n, d)
            for A, T in zip(self.A, self.T, strict=True)
        ]
        # (keys m, values c) of each hop; adjacent: the values of one are the keys of the next
        hops = pairwise(memories) if self.adjacent else [memories] * self.hops
        query, weights = self.B(question), []  # u_1, (N, d)
        for key, value in hops:
            context, alpha = self.attention(op.expand(query, 1), key, value, mask)
            query = (self.H(query) if self.H else query) + op.squeeze(context, 1)  # u, (N, d)
            query = op.relu(query) if self.nonlinear else query
            weights.append(alpha)  # (N, 1, n)
        return self.W(query), op.concatenate(weights, axis=1)  # (N, V), (N, K, n)

    def loss(self, output, answer):
        """Cross-entropy in nats: logits (N, V) and weights, answer (N,) -> (N,)."""
        check_ids(answer=(answer, 0, output[0].shape[1]))
        return loss.SoftmaxCrossEntropyLoss()(output[0], answer)
