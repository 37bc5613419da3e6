"""Fine-tuning BERT: one new layer a task, trained together with all that was pre-trained (Devlin et al. 2018).

    p(label | text) = softmax(W tanh(W_p h_0 + b_p) + b)            a text or a pair, at [CLS]
    p(tag of word i) = softmax(W h_i + b)                           each word
    p(answer starts at i) = softmax(<s, h_1>, ..., <s, h_T>)_i      over the text's places, and so its end

h_0 ... h_n are BERT's states. The new layer is the only thing that starts from nothing: K (d + 1) numbers
for K labels, 2 (d + 1) for an answer.
"""

from typing import NamedTuple

import numpy as onp

from d2l_attention.attention import masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_arrays, check_ids
from d2l_attention.backend.checks import check_integer, check_sizes
from d2l_attention.checkpoints import Names
from d2l_attention.datasets.labelled_texts import NO_TAG
from d2l_attention.models.bert import OLDER, Bert

from mxnet import init
from mxnet.gluon import nn


class FineTuned(Block):
    """W BERT(x) + b: what all tasks share, BERT and one dense layer on its states."""

    takes = "ids B n, ids B n, B 1 n"
    file_name: str  # what published checkpoints call the new layer

    def __init__(self, bert: Bert, outputs: int):
        super().__init__()
        if not isinstance(bert, Bert):
            raise TypeError(f"bert must be a Bert, got {type(bert).__name__}")
        check_sizes(outputs=outputs)
        self.bert, self.outputs = bert, outputs
        options = {"in_units": bert.hidden_size, "weight_initializer": init.Normal(0.02)}
        self.W = nn.Dense(outputs, flatten=False, **options)

    def check(self, ids, segments, mask, *more):
        super().check(ids, segments, mask, *more)
        self.bert.check(ids, segments, mask)

    def check_values(self, ids, segments, mask, *more):
        self.bert.check_values(ids, segments, mask)

    def checkpoint_names(self) -> Names:
        """What published checkpoints call its parts: see `checkpoints`."""
        of_bert = self.bert.checkpoint_names()
        parts = {f"bert.{name}": f"bert.{path}" for name, path in of_bert.parts.items()}
        constants = {f"bert.{name}": value for name, value in of_bert.constants.items()}
        return Names(parts | {self.file_name: "W"}, {}, constants, OLDER)


class SequenceClassifier(FineTuned):
    """softmax(W tanh(W_p h_0 + b_p) + b): a label for a text or for a pair of texts, from [CLS].

    Parameters
    ----------
    bert : Bert
        Pre-trained or not; it is trained further.
    num_classes : int
        K labels, 0 to K - 1.

    Call
    ----
    (ids (B, n), segments (B, n), mask (B, 1, n)) -> logits (B, K), weights (B, N, H, n, n).

    >>> sizes = {"hidden_size": 8, "layers": 1, "num_heads": 2, "feedforward_size": 16}
    >>> network = SequenceClassifier(Bert(9, **sizes), num_classes=2)
    >>> network.initialize()
    >>> ids, segments = np.array([[2, 7, 3, 0]], dtype="int32"), np.zeros((1, 4), dtype="int32")
    >>> [array.shape for array in network(ids, segments, length_mask([3], 4))]
    [(1, 2), (1, 1, 2, 4, 4)]
    """

    file_name = "classifier"

    def __init__(self, bert: Bert, num_classes: int):
        check_sizes(num_classes=num_classes)
        super().__init__(bert, num_classes)
        if bert.pooler is None:
            raise ValueError("bert must have its pooler, which gives the text one vector")

    def hybrid_forward(self, F, ids, segments, mask):
        _, pooled, weights = self.bert(ids, segments, mask)  # (B, d)
        return self.W(op.dropout(pooled, self.bert.dropout)), weights  # (B, K)

    def loss(self, output, target):
        """- log p(label) in nats: logits and weights, labels (B,) -> (B,)."""
        logits, _ = output
        check_arrays("B _, ids B", logits=logits, target=target)
        check_ids(target=(target, 0, self.outputs))
        return -op.pick(op.log_softmax(logits), target)


class TokenClassifier(FineTuned):
    """softmax(W h_i + b): a tag for each word, from its own state.

    Parameters
    ----------
    bert : Bert
        Pre-trained or not; it is trained further, and loses its pooler, which nothing asks.
    num_tags : int
        K tags, 0 to K - 1.

    Call
    ----
    (ids (B, n), segments (B, n), mask (B, 1, n)) -> logits (B, n, K), weights (B, N, H, n, n).

    >>> sizes = {"hidden_size": 8, "layers": 1, "num_heads": 2, "feedforward_size": 16}
    >>> network = TokenClassifier(Bert(9, **sizes), num_tags=5)
    >>> network.initialize()
    >>> ids, segments = np.array([[2, 7, 3, 0]], dtype="int32"), np.zeros((1, 4), dtype="int32")
    >>> [array.shape for array in network(ids, segments, length_mask([3], 4))]
    [(1, 4, 5), (1, 1, 2, 4, 4)]
    """

    file_name = "classifier"

    def __init__(self, bert: Bert, num_tags: int):
        check_sizes(num_tags=num_tags)
        super().__init__(bert, num_tags)
        bert.drop_pooler()

    def hybrid_forward(self, F, ids, segments, mask):
        states, _, weights = self.bert(ids, segments, mask)  # (B, n, d)
        return self.W(op.dropout(states, self.bert.dropout)), weights  # (B, n, K)

    def loss(self, output, target):
        """Cross-entropy in nats: tags (B, n), `NO_TAG` where none is asked -> (B,).

        The mean over the batch is the mean over all words of the batch that have a tag.
        """
        logits, _ = output
        check_arrays("B n _, ids B n", logits=logits, target=target)
        check_ids(target=(target, NO_TAG, self.outputs))
        asked = (target > NO_TAG).astype(logits.dtype)  # (B, n)
        right = op.pick(op.log_softmax(logits), op.maximum(target, 0))  # (B, n)
        share = len(target) / op.maximum(asked.sum(), 1)  # 1 / words of a text
        return -share * op.sum_last(right * asked)


class QuestionAnswering(FineTuned):
    """softmax(<s, h_1>, ..., <s, h_T>), and the same with e: where the answer starts, and ends.

    Parameters
    ----------
    bert : Bert
        Pre-trained or not; it is trained further, and loses its pooler, which nothing asks.

    Call
    ----
    (ids (B, n), segments (B, n), mask (B, 1, n), text (B, 1, n), 1 where an answer may stand) ->
    scores (B, 2, n) of start and end, -HUGE where none may stand; their probabilities (B, 2, n),
    there exactly zero; weights (B, N, H, n, n).

    >>> sizes = {"hidden_size": 8, "layers": 1, "num_heads": 2, "feedforward_size": 16}
    >>> network = QuestionAnswering(Bert(9, **sizes))
    >>> network.initialize()
    >>> ids, segments = np.array([[2, 7, 3, 6, 3]], dtype="int32"), np.zeros((1, 5), dtype="int32")
    >>> text = np.array([[[0.0, 0.0, 0.0, 1.0, 0.0]]])
    >>> network(ids, segments, np.ones((1, 1, 5)), text)[1].tolist()
    [[[0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]]]
    """

    takes = "ids B n, ids B n, B 1 n, B 1 n"
    file_name = "qa_outputs"

    def __init__(self, bert: Bert):
        super().__init__(bert, 2)  # s and e, the rows of W
        bert.drop_pooler()

    def check_values(self, ids, segments, mask, text):
        super().check_values(ids, segments, mask)
        if text.ctx.device_type == "cpu":
            allowed, real = text.asnumpy(), mask.asnumpy()
            if not allowed.any(axis=-1).all() or (allowed > real).any():
                raise ValueError("text must allow at least one place of each input, and no padding")

    def hybrid_forward(self, F, ids, segments, mask, text):
        states, _, weights = self.bert(ids, segments, mask)  # (B, n, d)
        scores = op.transpose(self.W(states), (0, 2, 1))  # (B, 2, n)
        p = masked_softmax(scores, text)
        return op.minimum(scores, op.repeat_like(op.upper_bound(text), scores)), p, weights

    def loss(self, output, target):
        """The mean of - log p(start) and - log p(end): first and last place (B, 2) -> (B,)."""
        scores, _, _ = output
        check_arrays("B 2 n, ids B 2", sizes={"2": 2}, scores=scores, target=target)
        check_ids(target=(target, 0, scores.shape[-1]))
        if target.ctx.device_type == "cpu":
            first, last = target.asnumpy().T
            allowed = op.pick(scores, target).asnumpy() > -op.HUGE
            if (first > last).any() or not allowed.all():
                raise ValueError("target must be first <= last, two places of the text")
        return -op.mean_over(op.pick(op.log_softmax(scores), target), 1)


class Span(NamedTuple):
    """Places of the first and the last piece of an answer, and the sum of their scores."""

    first: int
    last: int
    score: float


def best_span(scores, *, longest: int) -> Span:
    """argmax s_i + e_j over i <= j < i + longest: no answer ends before it starts.

    Parameters
    ----------
    scores : numpy.ndarray (2, n)
        Of start and end, as `QuestionAnswering` gives them for one input; -HUGE is never chosen.
    longest : int
        Most pieces of an answer.

    Raises
    ------
    ValueError
        Scores are of another shape, one is NaN, or no span is allowed.

    >>> best_span(onp.array([[0.0, 1.0, 3.0], [2.0, 2.5, 0.0]]), longest=2)
    Span(first=1, last=1, score=3.5)
    """
    scores = onp.asarray(scores, "float64")
    if scores.ndim != 2 or len(scores) != 2 or not scores.size:
        raise ValueError(f"scores must be numbers of shape (2, n), got shape {scores.shape}")
    if count := int(onp.isnan(scores).sum()):
        raise ValueError(f"scores must be numbers, got NaN {count} times of {scores.size}")
    n = scores.shape[1]
    check_integer("longest", longest, 1)
    start, end = onp.where(scores > -op.HUGE, scores, -onp.inf)
    both = start[:, None] + end  # (n, n)
    behind = onp.arange(n) - onp.arange(n)[:, None]  # j - i
    both[(behind < 0) | (behind >= longest)] = -onp.inf
    first, last = divmod(int(both.argmax()), n)
    if both[first, last] == -onp.inf:
        raise ValueError("scores must allow at least one span")
    return Span(first, last, float(both[first, last]))
