"""One new item at a time: a decoder's layer that keeps the keys and values of those before.

Without it, all that was written goes through all layers again for each new word. What is kept has a
fixed size, room for `longest` items, and a mask says which of it is in use; so no shape changes
while a sentence grows. A beam of k hypotheses for one sentence shares its room: at step t they write
their keys into slots t k ... t k + k - 1, and each hypothesis sees the slots of its own history.
When a hypothesis dies and another one is continued twice, rows of the mask move, and no key does:

    beam of 2, after two steps             slots   t = 0   t = 1   t = 2
    hypothesis 0                                   1 0     1 0     . .
    hypothesis 1, which continues 0 as well        1 0     0 1     . .
"""

from types import SimpleNamespace

from d2l_attention.attention.layers import DecoderLayer
from d2l_attention.attention.normalisation import masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.checks import check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock


class CachedDecoderLayer:
    """A decoder's layer, one item of each hypothesis at a time.

    Parameters
    ----------
    layer : DecoderLayer
        Whose weights and parts it uses, as they are at each step.
    source : array (B, n, d)
        The encoder's states.
    source_mask : array (B, 1, n)
        Which of them exist.
    slots : int
        Room: items to be written times hypotheses.

    >>> layer = DecoderLayer(8, num_heads=2, hidden_size=16)
    >>> layer.initialize()
    >>> source, y = np.ones((3, 5, 8)), np.ones((3, 1, 8))
    >>> _ = layer(y, source, causal_mask(1), length_mask([5, 2, 1], 5))
    >>> cached = CachedDecoderLayer(layer, source, length_mask([5, 2, 1], 5), slots=4)
    >>> seen = penalty_of(length_mask([1, 1, 1], 4), num_heads=2)
    >>> [array.shape for array in cached.step(y, slice(0, 1), seen)]
    [(3, 1, 8), (3, 2, 1, 5)]
    """

    def __init__(self, layer: DecoderLayer, source, source_mask, slots: int):
        if not isinstance(layer, DecoderLayer):
            raise TypeError(f"layer must be a DecoderLayer, got {type(layer).__name__}")
        check_sizes(slots=slots)
        self.parts, self.slots, self.key, self.value = _parts(layer), slots, None, None
        cross = layer.cross
        key, value = (op.split_heads(W(source), cross.num_heads) for W in (cross.W_k, cross.W_v))
        self.source = key, value, source_mask  # (B, H, n, d_k), (B, H, n, d / H), (B, 1, n)

    def step(self, x, slots: slice, penalty):
        """The next item of each of k hypotheses: x (B, k, d), the slots that it is written into,
        and `penalty_of` the slots that each sees, its own included -> x (B, k, d), weights of the
        source (B, H, k, n).
        """
        query, key, value = self.parts.enter(x)
        if self.key is None:
            self.key, self.value = self._room(key), self._room(value)
        self.key[:, :, slots], self.value[:, :, slots] = key, value
        return self.parts.leave(x, query, self.key, self.value, penalty, *self.source)

    def _room(self, x):
        """(B, H, k, .) -> zeros (B, H, slots, .)."""
        return np.zeros((*x.shape[:2], self.slots, x.shape[3]), dtype=x.dtype, ctx=x.ctx)


def penalty_of(mask, num_heads: int):
    """What is added to the scores of all layers: 0 where a mask (B, k, slots) is 1, else nearly
    minus infinity -> (B, H, k, slots). A row that allows nothing does not occur: an item sees
    itself.

    >>> (penalty_of(np.array([[[1.0, 0.0]]]), num_heads=2) < -1e29).tolist()
    [[[[False, True]], [[False, True]]]]
    """
    shape = (mask.shape[0], num_heads, *mask.shape[1:])
    return np.broadcast_to(op.expand((mask - 1) * 1e30, 1), shape)


class _Parts:
    """A layer's computation before and behind the place that stores keys and values, compiled."""

    def __init__(self, layer: DecoderLayer):
        self.layer, own, cross = layer, layer.attention, layer.cross
        first, later = ([layer.norm_1], []) if layer.pre_norm else ([], [layer.norm_1])
        later += [own.W_o, layer.norm_cross, cross.W_q, cross.W_o, layer.network, layer.norm_2]
        self.enter = Compiled(self._enter, own.W_q, own.W_k, own.W_v, *first)
        self.leave = Compiled(self._leave, *later)

    def _enter(self, x):
        """x (B, k, d) -> query, key and value of each head, (B, H, k, .)."""
        attention, y = self.layer.attention, self.layer.before(self.layer.norm_1, x)
        parts = (attention.W_q(y), attention.W_k(y), attention.W_v(y))
        return [op.split_heads(part, attention.num_heads) for part in parts]

    def _leave(self, x, query, key, value, penalty, source_key, source_value, source_mask):
        """All of the layer behind its first projections: -> x (B, k, d), weights (B, H, k, n)."""
        layer, own, cross = self.layer, self.layer.attention, self.layer.cross
        scores = own.attention.score(query, key) + penalty  # (B, H, k, slots)
        weights = self._normalised(own.attention.normalise, scores, penalty)
        context = own.W_o(op.merge_heads(op.batch_dot(weights, value)))
        x = layer.after(layer.norm_1, x, context)
        query = op.split_heads(cross.W_q(layer.before(layer.norm_cross, x)), cross.num_heads)
        mask = op.expand(source_mask, 1)
        context, weights = cross.attention(query, source_key, source_value, mask)
        x = layer.after(layer.norm_cross, x, cross.W_o(op.merge_heads(context)))
        y = layer.network(layer.before(layer.norm_2, x))
        return layer.after(layer.norm_2, x, y), weights

    def _normalised(self, normalise, scores, penalty):
        """A softmax needs no mask beside the penalty; another normalisation does."""
        if normalise is masked_softmax:
            return op.softmax(scores)
        return normalise(scores - penalty, op.greater(penalty, -1))


def _parts(layer: DecoderLayer) -> _Parts:
    made_of = [layer.norm_1, layer.norm_2, layer.norm_cross, layer.network]
    for each in (layer.attention, layer.cross):
        made_of += [each.W_q, each.W_k, each.W_v, each.W_o]
        made_of += [each.attention.score, each.attention.normalise]
    return kept(layer, _Parts, layer.attention.W_q.weight.dtype, *made_of)


def compiled_words(stack) -> "Compiled":
    """What turns words (B, k), and their places if it has any, into (B, k, d): `stack.words`."""
    parts = stack.embedding, stack.positions
    made_of = stack.embedding.weight.dtype, *parts
    return kept(stack, lambda stack: Compiled(stack.words, *parts), *made_of)


def kept(owner, make, *made_of):
    """What `make(owner)` compiles: made once, and anew when what it is made of is another. It stays
    with its owner, past Gluon, which would take it for one of the owner's parts.
    """
    own = vars(owner)
    if "compiled" not in own or own["compiled"].made_of != made_of:
        own["compiled"] = SimpleNamespace(made_of=made_of, what=make(owner))
    return own["compiled"].what


class Compiled(HybridBlock):
    """A function of arrays, and of the weights of some parts, compiled."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function = function
        for part in parts:
            self.register_child(part)
        self.hybridize(static_alloc=True)

    def hybrid_forward(self, F, *arrays):
        return self.function(*arrays)
