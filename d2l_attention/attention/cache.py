"""One new item at a time: layers that keep the keys and values of those written before.

Without it, all that was written goes through all layers again for each new word. What is kept has a
fixed size, room for `longest` items, and a mask says which of it is in use; so no shape changes
while a sentence grows. A beam of k hypotheses for one sentence shares its room: at step t they write
their keys into slots t k ... t k + k - 1, and each hypothesis sees the slots of its own history.
When a hypothesis dies and another one is continued twice, rows of the mask move, and no key does:

    beam of 2, after two steps             slots   t = 0   t = 1   t = 2
    hypothesis 0                                   1 0     1 0     . .
    hypothesis 1, which continues 0 as well        1 0     0 1     . .

What was given, and not written, is read in one step, into slots before these, which all hypotheses see.
"""

from types import SimpleNamespace

import numpy as onp

from d2l_attention.attention.layers import DecoderLayer, EncoderLayer
from d2l_attention.attention.normalisation import masked_softmax
from d2l_attention.backend import operators as op
from d2l_attention.backend.checks import check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock


class CachedLayer:
    """A layer that asks itself alone, one item a hypothesis at a time.

    Parameters
    ----------
    layer : EncoderLayer
        Whose weights and parts it uses, as they are at each step.
    slots : int
        Room: items to be read, and those to be written times hypotheses.

    >>> layer, x = EncoderLayer(8, num_heads=2, hidden_size=16), np.ones((3, 1, 8))
    >>> layer.initialize()
    >>> _ = layer(x, causal_mask(1))
    >>> cached = CachedLayer(layer, slots=4)
    >>> seen = penalty_of(length_mask([1, 1, 1], 4), num_heads=2)
    >>> [array.shape for array in cached.step(x, slice(0, 1), seen)]
    [(3, 1, 8), (3, 2, 1, 4)]
    """

    def __init__(self, layer: EncoderLayer, slots: int):
        self._prepare(layer, EncoderLayer, _Parts, slots)

    def _prepare(self, layer, kind, parts, slots, *source):
        if not isinstance(layer, kind):
            raise TypeError(f"layer must be of {kind.__name__}, got {type(layer).__name__}")
        check_sizes(slots=slots)
        self.parts, self.slots, self.source = parts.of(layer), slots, source
        self.key = self.value = None

    def step(self, x, slots: slice, penalty):
        """The next k items, one for each hypothesis: x (B, k, d), the slots that they are written
        into, and `penalty_of` the slots that each sees, its own included -> x (B, k, d), weights of
        what it asks last, (B, H, k, slots).
        """
        query, key, value = self.parts.enter(x)
        if self.key is None:
            self.key, self.value = self._room(key), self._room(value)
        op.write_at(self.key, slots.start, key)
        op.write_at(self.value, slots.start, value)
        return self.parts.leave(x, query, self.key, self.value, penalty, *self.source)

    def _room(self, x):
        """(B, H, k, .) -> zeros (B, H, slots, .)."""
        return np.zeros((*x.shape[:2], self.slots, x.shape[3]), dtype=x.dtype, ctx=x.ctx)


class CachedDecoderLayer(CachedLayer):
    """A layer that asks itself, then the source; `step` returns weights of the source (B, H, k, n).

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
        self._prepare(layer, DecoderLayer, _PartsWithSource, slots)
        cross = layer.cross
        key, value = (op.split_heads(W(source), cross.num_heads) for W in (cross.W_k, cross.W_v))
        self.source = key, value, source_mask  # (B, H, n, d_k), (B, H, n, d / H), (B, 1, n)


class CachedStack:
    """Cached layers on top of each other, which write one item of each hypothesis at a time.

    Parameters
    ----------
    stack : models.transformer.Stack
        What turns words into items, and normalises them behind the last layer.
    layers : list of CachedLayer
        Its layers.
    batch, beam : int
        Examples B; hypotheses k of each.
    mask : numpy.ndarray (B, n), optional
        Which of n items exist that are read before any is written. They are in the first slots, and
        all hypotheses see them.
    """

    def __init__(self, stack, layers: list, batch: int, beam: int, mask=None):
        mask = onp.zeros((batch, 0)) if mask is None else mask
        self.layers, self.shape, self.t = layers, (batch, beam), 0
        self.stack, self.words = stack, compiled_words(stack)
        self.num_heads = stack.layers[0].attention.num_heads
        self.read_slots, self.place = mask.shape[1], mask.sum(axis=1, keepdims=True)  # (B, 1)
        self.seen = onp.zeros((batch * beam, layers[0].slots), "float32")  # each one's own history
        self.seen[:, : self.read_slots] = mask.repeat(beam, axis=0)

    def read(self, x, mask):
        """What there is before any item is written, at once: x (B, n, d), mask (B, n, n)."""
        padded = onp.zeros((*mask.shape[:2], self.seen.shape[1]), "float32")
        padded[:, :, : self.read_slots] = mask.asnumpy()
        self._through(x, slice(0, self.read_slots), padded)

    def write(self, last, rows):
        """The next item: last words (B k,), rows that they continue (B k,) -> states (B, k, d), the
        last layer's weights (B, H, k, .).
        """
        (batch, beam), every = self.shape, onp.arange(len(rows))
        start, self.seen = self.read_slots + self.t * beam, self.seen[rows]
        self.seen[every, start + every % beam] = 1  # and the item that is written now
        x = self.words(last.reshape(self.shape), *self._place(last.ctx))  # (B, k, d)
        mask, self.t = self.seen.reshape(batch, beam, -1), self.t + 1  # (B, k, slots)
        x, weights = self._through(x, slice(start, start + beam), mask)
        return self.stack.last(x), weights

    def _place(self, ctx) -> list:
        """Where the words of this step stand, (B, k), if there are positions."""
        if self.stack.positions.longest is None:
            return []
        place = onp.broadcast_to(self.place + self.t, self.shape)
        return [np.array(place, dtype="int32", ctx=ctx)]

    def _through(self, x, slots, mask):
        mask = np.array(mask, dtype=x.dtype, ctx=x.ctx)
        penalty = penalty_of(mask, self.num_heads)
        for layer in self.layers:
            x, weights = layer.step(x, slots, penalty)
        return x, weights


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

    def __init__(self, layer):
        self.layer, own = layer, layer.attention
        first, later = ([layer.norm_1], []) if layer.pre_norm else ([], [layer.norm_1])
        later += [own.W_o, *self.of_source(layer), layer.network, layer.norm_2]
        self.enter = Compiled(self._enter, own.W_q, own.W_k, own.W_v, *first)
        self.leave = Compiled(self._leave, *later)

    @classmethod
    def of(cls, layer) -> "_Parts":
        """Those of a layer, compiled once, unless it has been changed since."""
        return kept(layer, cls, layer.attention.W_q.weight.dtype, *cls.made_of(layer))

    @staticmethod
    def made_of(layer) -> list:
        """All that may be exchanged."""
        return [layer.norm_1, layer.norm_2, layer.network, *_made_of(layer.attention)]

    @staticmethod
    def of_source(layer) -> list:
        """The parts that ask the source."""
        return []

    def _enter(self, x):
        """x (B, k, d) -> query, key and value of each head, (B, H, k, .)."""
        attention, y = self.layer.attention, self.layer.before(self.layer.norm_1, x)
        parts = (attention.W_q(y), attention.W_k(y), attention.W_v(y))
        return [op.split_heads(part, attention.num_heads) for part in parts]

    def _leave(self, x, query, key, value, penalty, *source):
        """All of the layer behind its first projections: -> x (B, k, d), weights (B, H, k, .)."""
        layer, own = self.layer, self.layer.attention
        scores = own.attention.score(query, key) + penalty  # (B, H, k, slots)
        weights = self._normalised(own.attention.normalise, scores, penalty)
        context = own.W_o(op.merge_heads(op.batch_dot(weights, value)))
        x = layer.after(layer.norm_1, x, context)
        x, weights = self._ask_source(x, weights, *source)
        y = layer.network(layer.before(layer.norm_2, x))
        return layer.after(layer.norm_2, x, y), weights

    def _ask_source(self, x, weights):
        return x, weights

    def _normalised(self, normalise, scores, penalty):
        """A softmax needs no mask beside the penalty; another normalisation does."""
        if normalise is masked_softmax:
            return op.softmax(scores)
        return normalise(scores - penalty, op.greater(penalty, -1))


class _PartsWithSource(_Parts):
    """Those of a decoder's layer, which asks the source as well."""

    @staticmethod
    def made_of(layer) -> list:
        return [*_Parts.made_of(layer), layer.norm_cross, *_made_of(layer.cross)]

    @staticmethod
    def of_source(layer) -> list:
        return [layer.norm_cross, layer.cross.W_q, layer.cross.W_o]

    def _ask_source(self, x, weights, key, value, mask):
        layer, cross = self.layer, self.layer.cross
        query = op.split_heads(cross.W_q(layer.before(layer.norm_cross, x)), cross.num_heads)
        context, weights = cross.attention(query, key, value, op.expand(mask, 1))
        return layer.after(layer.norm_cross, x, cross.W_o(op.merge_heads(context))), weights


def _made_of(heads) -> list:
    projections = [heads.W_q, heads.W_k, heads.W_v, heads.W_o]
    return [*projections, heads.attention.score, heads.attention.normalise]


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
