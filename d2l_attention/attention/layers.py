"""The layers of a Transformer: attention, then a network for each item, both beside a shortcut.

Each part f of a layer is added to what enters it, and normalised: *after* the sum, norm(x + f(x)),
as Vaswani et al. (2017, section 3.1) have it, or *before* the part, x + f(norm(x)), so that a path
without any norm leads through all layers (Xiong et al. 2020). A model with norms before needs one
more behind its last layer.
"""

from functools import partial

from d2l_attention.attention.heads import MultiHeadAttention
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_choice, check_positive, check_share, check_sizes

from mxnet.gluon import nn

ACTIVATIONS = {"relu": op.relu, "gelu": op.gelu, "gelu_tanh": op.gelu_tanh}


class LayerNorm(Block):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, for each item by itself (Ba et al. 2016).

    Parameters
    ----------
    size : int
        Features d, over which mean and variance are taken.
    epsilon : float
        What keeps the root from zero.

    >>> norm = LayerNorm(2)
    >>> norm.initialize()
    >>> norm(np.array([[[1.0, 3.0], [30.0, 10.0]]])).round().tolist()
    [[[-1.0, 1.0], [1.0, -1.0]]]
    """

    takes = "... n d"

    def __init__(self, size: int, *, epsilon: float = 1e-5):
        super().__init__()
        check_sizes(size=size)
        check_positive(epsilon=epsilon)
        self.size, self.epsilon, self.sizes = size, epsilon, {"d": size}
        self.gamma = self.params.get("gamma", shape=(size,), init="ones")
        self.beta = self.params.get("beta", shape=(size,), init="zeros")

    def hybrid_forward(self, F, x, *, gamma, beta):
        return op.layer_norm(x, gamma, beta, self.size, self.epsilon)


class FeedForward(Block):
    """W_2 relu(W_1 x + b_1) + b_2, the same for each item (Vaswani et al. 2017, equation 2).

    Parameters
    ----------
    size, hidden_size : int
        Features d of an item; units of the hidden layer.
    activation : str
        "relu", or in its place "gelu" (Hendrycks and Gimpel 2016), or "gelu_tanh", nearly the same,
        with which GPT and GPT-2 were trained.
    """

    takes = "B n d"

    def __init__(self, size: int, hidden_size: int, *, activation: str = "relu"):
        super().__init__()
        check_sizes(size=size, hidden_size=hidden_size)
        check_choice(tuple(ACTIVATIONS), activation=activation)
        self.sizes, self.activation = {"d": size}, ACTIVATIONS[activation]
        self.W_1 = nn.Dense(hidden_size, flatten=False, in_units=size)
        self.W_2 = nn.Dense(size, flatten=False, in_units=hidden_size)

    def hybrid_forward(self, F, x):
        return self.W_2(self.activation(self.W_1(x)))


class TransformerLayer(Block):
    """What both kinds of layer share: attention, a network, norms, and where these stand."""

    def __init__(self, size: int, num_heads: int, hidden_size: int, *, key_size: int | None = None,
                 use_bias: bool = False, activation: str = "relu",
                 dropout: float = 0.0, attention_dropout: float = 0.0,
                 pre_norm: bool = False, epsilon: float = 1e-5):  # fmt: skip
        super().__init__()
        check_share(dropout=dropout, attention_dropout=attention_dropout)
        self.dropout, self.pre_norm, self.sizes = dropout, bool(pre_norm), {"d": size}
        heads = {"key_size": key_size, "use_bias": use_bias, "dropout": attention_dropout}
        self.new_attention = partial(MultiHeadAttention, size, num_heads, **heads)
        self.new_norm = partial(LayerNorm, size, epsilon=epsilon)
        self.attention = self.new_attention()
        self.network = FeedForward(size, hidden_size, activation=activation)
        self.norm_1, self.norm_2 = self.new_norm(), self.new_norm()

    def before(self, norm, x):
        """What a part sees: x, or norm(x)."""
        return norm(x) if self.pre_norm else x

    def after(self, norm, x, y):
        """The part's y beside its shortcut: norm(x + y), or x + y."""
        x = op.add(x, op.dropout(y, self.dropout))
        return x if self.pre_norm else norm(x)


class EncoderLayer(TransformerLayer):
    """norm(x + attention(x, x, x)), then norm(x + network(x)): each item asks all of them.

    Parameters
    ----------
    size, num_heads, hidden_size : int
        Features d; heads H, which divide d; units of the feed-forward network.
    key_size : int, optional
        Features of a head's queries and keys; d / H by default.
    use_bias : bool
        Whether the projections of attention have biases.
    activation : str
        Of the network, "relu", "gelu" or "gelu_tanh".
    dropout, attention_dropout : float
        Share of each part's output, and of attention's weights, that is dropped while training.
    pre_norm : bool
        x + attention(norm(x)), then x + network(norm(x)).
    epsilon : float
        Of the norms.

    Call
    ----
    x (B, n, d), mask (B|1, n|1, n) or None -> x (B, n, d), weights (B, H, n, n).

    >>> layer = EncoderLayer(8, num_heads=2, hidden_size=16)
    >>> layer.initialize()
    >>> [array.shape for array in layer(np.ones((3, 5, 8)), length_mask([5, 2, 1], 5))]
    [(3, 5, 8), (3, 2, 5, 5)]
    """

    takes = "B n d, B? n? n"

    def hybrid_forward(self, F, x, mask=None):
        y = self.before(self.norm_1, x)  # (B, n, d)
        context, weights = self.attention(y, y, y, mask)
        x = self.after(self.norm_1, x, context)
        y = self.network(self.before(self.norm_2, x))
        return self.after(self.norm_2, x, y), weights  # (B, n, d), (B, H, n, n)


class DecoderLayer(TransformerLayer):
    """norm(x + attention(x, x, x)), norm(x + cross(x, source, source)), norm(x + network(x)).

    Each item asks those written so far, then the source's.

    Parameters
    ----------
    size, num_heads, hidden_size, key_size, use_bias, activation, dropout, pre_norm, ...
        As for `EncoderLayer`.

    Call
    ----
    x (B, T, d), source (B, n, d), mask (B|1, T|1, T), which is `causal_mask(T)` in training,
    source_mask (B|1, T|1, n), both or None -> x (B, T, d), weights (B, H, T, T) and of the source
    (B, H, T, n).

    >>> layer = DecoderLayer(8, num_heads=2, hidden_size=16)
    >>> layer.initialize()
    >>> x, source = np.ones((3, 4, 8)), np.ones((3, 5, 8))
    >>> [array.shape for array in layer(x, source, causal_mask(4), length_mask([5, 2, 1], 5))]
    [(3, 4, 8), (3, 2, 4, 4), (3, 2, 4, 5)]
    """

    takes = "B T d, B n d, B? T? T, B? T? n"

    def __init__(self, size: int, num_heads: int, hidden_size: int, **options):
        super().__init__(size, num_heads, hidden_size, **options)
        self.cross, self.norm_cross = self.new_attention(), self.new_norm()

    def hybrid_forward(self, F, x, source, mask=None, source_mask=None):
        y = self.before(self.norm_1, x)  # (B, T, d)
        context, weights = self.attention(y, y, y, mask)
        x = self.after(self.norm_1, x, context)
        y = self.before(self.norm_cross, x)
        context, cross = self.cross(y, source, source, source_mask)
        x = self.after(self.norm_cross, x, context)
        y = self.network(self.before(self.norm_2, x))
        return self.after(self.norm_2, x, y), weights, cross
