"""One new item at a time: a decoder's layer that keeps the keys and values of those written before.

Without it, all that was written goes through all layers again for each new word. What is kept has a
fixed size, room for `longest` items, and a mask says which of it is in use; so no shape changes while a
sentence grows. A beam of k beginnings of one sentence shares its room: at step t they write their keys
into slots t k ... t k + k - 1, and each beginning sees the slots of its own history. When a beginning
dies and another one is continued twice, rows of the mask move, and no key does:

    beam of 2, after two steps             slots   t = 0   t = 1   t = 2
    beginning 0                                    1 0     1 0     . .
    beginning 1, which continues 0 as well         1 0     0 1     . .
"""

from d2l_attention.attention.layers import DecoderLayer
from d2l_attention.backend import operators as op
from d2l_attention.backend.checks import check_sizes

from mxnet import np
from mxnet.gluon import HybridBlock


class CachedDecoderLayer:
    """A decoder's layer, one item a beginning at a time.

    Parameters
    ----------
    layer : DecoderLayer
        Whose weights and parts it uses, as they are at each step.
    source : array (B, n, d)
        The encoder's states.
    source_mask : array (B, 1, n)
        Which of them exist.
    slots : int
        Room: items to be written times beginnings.

    >>> layer = DecoderLayer(8, num_heads=2, hidden_size=16)
    >>> layer.initialize()
    >>> source, y = np.ones((3, 5, 8)), np.ones((3, 1, 8))
    >>> _ = layer(y, source, causal_mask(1), length_mask([5, 2, 1], 5))
    >>> cached = CachedDecoderLayer(layer, source, length_mask([5, 2, 1], 5), slots=4)
    >>> [array.shape for array in cached.step(y, slice(0, 1), length_mask([1, 1, 1], 4))]
    [(3, 1, 8), (3, 2, 1, 5)]
    """

    def __init__(self, layer: DecoderLayer, source, source_mask, slots: int):
        if not isinstance(layer, DecoderLayer):
            raise TypeError(f"layer must be a DecoderLayer, got {type(layer).__name__}")
        check_sizes(slots=slots)
        self.layer, self.slots, self.key, self.value = layer, slots, None, None
        own, cross = layer.attention, layer.cross
        first, later = ([layer.norm_1], []) if layer.pre_norm else ([], [layer.norm_1])
        later += [own.W_o, layer.norm_cross, cross.W_q, cross.W_o, layer.network, layer.norm_2]
        self.enter = _Compiled(self._enter, own.W_q, own.W_k, own.W_v, *first)
        self.leave = _Compiled(self._leave, *later)
        key, value = (op.split_heads(W(source), cross.num_heads) for W in (cross.W_k, cross.W_v))
        self.source = key, value, source_mask  # (B, H, n, d_k), (B, H, n, d / H), (B, 1, n)

    def step(self, x, slots: slice, mask):
        """The next item of each of k beginnings: x (B, k, d), the slots that it is written into, and
        mask (B, k, slots), theirs included -> x (B, k, d), weights of the source (B, H, k, n).
        """
        query, key, value = self.enter(x)
        if self.key is None:
            self.key, self.value = self._room(key), self._room(value)
        self.key[:, :, slots], self.value[:, :, slots] = key, value
        return self.leave(x, query, self.key, self.value, mask, *self.source)

    def _room(self, x):
        """(B, H, k, .) -> zeros (B, H, slots, .)."""
        return np.zeros((*x.shape[:2], self.slots, x.shape[3]), dtype=x.dtype, ctx=x.ctx)

    def _enter(self, x):
        """x (B, k, d) -> query, key and value of each head, (B, H, k, .)."""
        attention, y = self.layer.attention, self.layer.before(self.layer.norm_1, x)
        parts = (attention.W_q(y), attention.W_k(y), attention.W_v(y))
        return [op.split_heads(part, attention.num_heads) for part in parts]

    def _leave(self, x, query, key, value, mask, source_key, source_value, source_mask):
        """All of the layer behind its first projections: -> x (B, k, d), weights (B, H, k, n)."""
        layer = self.layer
        context, _ = _pool(layer.attention, query, key, value, mask)
        x = layer.after(layer.norm_1, x, context)
        query = layer.cross.W_q(layer.before(layer.norm_cross, x))
        query = op.split_heads(query, layer.cross.num_heads)
        context, cross = _pool(layer.cross, query, source_key, source_value, source_mask)
        x = layer.after(layer.norm_cross, x, context)
        y = layer.network(layer.before(layer.norm_2, x))
        return layer.after(layer.norm_2, x, y), cross


class _Compiled(HybridBlock):
    """A function of arrays, and of the weights of some parts, compiled."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function = function
        for part in parts:
            self.register_child(part)
        self.hybridize(static_alloc=True)

    def hybrid_forward(self, F, *arrays):
        return self.function(*arrays)


def _pool(attention, query, key, value, mask):
    """A multi-head attention behind its first projections."""
    context, weights = attention.attention(query, key, value, op.expand(mask, 1))
    return attention.W_o(op.merge_heads(context)), weights
