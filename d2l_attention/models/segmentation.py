"""Semantic segmentation: a pixel asks the others what they are (Zhang, Zhang, Wang and Xie 2019).

    x_1 ... x_n = CNN(image)                          a feature for each pixel of a coarser grid
    s_k(x_c, x_t) = u_k(x_c) . v_k(x_t)               how well c goes with the target t, K ways
    p(x_c | x_t) = sum_k pi_k softmax_c s_k           the co-occurrent probability
    z_t = sum_c p(x_c | x_t) phi(x_c)                 the aggregated co-occurrent context
    label of t = argmax W [x_t + z_t, mean of x]

The co-occurrent probability is an attention weight: the target pixel is the query, the others are
the keys. Three networks differ in the context alone: `NoContext` sees what the convolutions see;
`PixelAttention` is multi-head attention, K = 1; `CooccurrentContext` mixes K softmaxes by how well
each suits the scene (the paper's equation 2), and adds the scene's mean.
"""

from d2l_attention.attention import MultiHeadAttention, ScaledDotProductScore
from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block
from d2l_attention.backend.checks import check_integer, check_sizes

from mxnet import init, np, npx
from mxnet.gluon import HybridBlock, nn

VOID = 255  # the label of a pixel of which nobody says what it is


# ----------------------------------------------------------------------------- what a pixel sees
class Convolution(HybridBlock):
    """relu(normalised convolution) of 3 x 3, and with a stride of 1 the input added to it."""

    def __init__(self, channels: int, *, stride: int = 1, dilation: int = 1):
        super().__init__()
        self.residual = stride == 1
        he = init.Xavier(magnitude=2, factor_type="in")
        self.convolution = nn.Conv2D(channels, 3, stride, dilation, dilation, use_bias=False,
                                     weight_initializer=he)  # fmt: skip
        self.norm = nn.BatchNorm()

    def hybrid_forward(self, F, x):
        y = op.relu(self.norm(self.convolution(x)))  # (B, d, h, w)
        return x + y if self.residual else y


class PixelFeatures(Block):
    """A convolutional network: image (B, c, h, w) -> features (B, d, h / stride, w / stride).

    Parameters
    ----------
    hidden_size : int
        Features d.
    stride : int
        A power of two, at least 2: each halving is a convolution, with d, d / 2, d / 4 ...
        features, the narrowest first.
    dilations : sequence of int
        Residual convolutions after that, and how far apart their 3 x 3 inputs are.

    Raises
    ------
    ValueError
        The stride is no power of two, or does not divide the image's height and width.
    """

    takes = "B c h w"

    def __init__(self, hidden_size: int, *, stride: int = 2, dilations: tuple[int, ...] = (1,)):
        super().__init__()
        check_sizes(hidden_size=hidden_size, stride=stride)
        halvings = stride.bit_length() - 1
        if halvings < 1 or stride != 2**halvings or hidden_size % 2 ** (halvings - 1):
            raise ValueError(
                f"stride must be 2, 4, 8, ..., and hidden_size divisible by half of it, "
                f"got {stride} and {hidden_size}"
            )
        self.stride, self.radius = stride, 2 * stride - 2
        self.layers = nn.HybridSequential()
        for k in reversed(range(halvings)):
            self.layers.add(Convolution(hidden_size // 2**k, stride=2))
        for dilation in dilations:
            check_integer("dilations", dilation, 1)
            self.layers.add(Convolution(hidden_size, dilation=dilation))
            self.radius += stride * dilation

    def check(self, image):
        super().check(image)
        check_divides(self.stride, image)

    def hybrid_forward(self, F, image):
        return self.layers(image)


def check_divides(stride: int, image) -> None:
    """Raise a ValueError unless an image (B, c, h, w) is made of squares of stride * stride."""
    height, width = image.shape[2:]
    if min(height, width) < stride:
        raise ValueError(
            f"image must be at least as large as the stride {stride}, got {image.shape}"
        )
    if height % stride or width % stride:
        raise ValueError(
            f"image's sides must be divisible by the stride {stride}, got {image.shape}"
        )


# ------------------------------------------------------------------------ whom a pixel asks
class NoContext(HybridBlock):
    """Nobody: a pixel is what its own feature says. There are no weights."""

    def __init__(self, hidden_size: int):
        super().__init__()
        check_sizes(hidden_size=hidden_size)

    def hybrid_forward(self, F, x, others):
        return x, None


class PixelAttention(Block):
    """x_t + sum_c alpha(x_c, x_t) phi(x_c): multi-head attention of the pixels, normalised first.

    Without the normalisation of layers (Ba, Kiros and Hinton 2016), scores start so small that all
    weights are nearly equal for a long time.

    Call
    ----
    x (B, n, d) of the targets, others (B, m, d) -> (B, n, d), weights (B, H, n, m).
    """

    takes = "B n d, B m d"

    def __init__(self, hidden_size: int, num_heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(hidden_size, num_heads)
        self.norm, self.sizes = nn.LayerNorm(in_channels=hidden_size), {"d": hidden_size}

    def hybrid_forward(self, F, x, others):
        target, others = self.norm(x), self.norm(others)  # (B, n, d), (B, m, d)
        z, weights = self.attention(target, others, others)  # query, key, value
        return x + z, weights


class CooccurrentContext(Block):
    """[x_t + sum_c p(x_c | x_t) phi(x_c), relu(W_g mean of x)], p mixing K softmaxes by pi.

    Zhang, Zhang, Wang and Xie (2019, section 3). pi = softmax_k(w_k . mean of v) is the same for
    all pixels of a scene: it says which of the K ways to belong together counts in it.

    Parameters
    ----------
    hidden_size, num_heads, mixtures : int
        Features d, heads H, softmaxes K. Each softmax compares d / H features; W_t and W_c start as
        in the authors' code, with a variance of 2 / (d + d / H).

    Call
    ----
    As for `PixelAttention`; the context has 2 d features.
    """

    takes = "B n d, B m d"

    def __init__(self, hidden_size: int, num_heads: int, mixtures: int = 2):
        super().__init__()
        check_sizes(hidden_size=hidden_size, num_heads=num_heads, mixtures=mixtures)
        if hidden_size % num_heads:
            raise ValueError(f"num_heads must divide {hidden_size} = hidden_size, got {num_heads}")
        self.num_heads, self.mixtures, self.sizes = num_heads, mixtures, {"d": hidden_size}
        self.score = ScaledDotProductScore(hidden_size // num_heads)
        dense = {"flatten": False, "use_bias": False}
        start = init.Normal((2 / (hidden_size + hidden_size / num_heads)) ** 0.5)
        scored = dense | {"weight_initializer": start}  # else scores of several softmaxes are small
        self.W_t = nn.Dense(mixtures * hidden_size, **scored)  # v, of the target
        self.W_c = nn.Dense(mixtures * hidden_size, **scored)  # u, of what may occur with it
        self.W_phi, self.W_o = nn.Dense(hidden_size, **dense), nn.Dense(hidden_size, **dense)
        self.W_pi = nn.Dense(mixtures, **dense)  # w_1 ... w_K, the same for all heads
        self.W_g = nn.Dense(hidden_size, flatten=False)
        self.norm = nn.LayerNorm(in_channels=hidden_size)

    def hybrid_forward(self, F, x, others):
        target, others = self.W_t(self.norm(x)), self.norm(others)  # (B, n, H K d / H), (B, m, d)
        v = op.split_heads(target, self.num_heads * self.mixtures)  # (B, H K, n, d / H)
        u = op.split_heads(self.W_c(others), self.num_heads * self.mixtures)  # (B, H K, m, d / H)
        mean = op.split_first(op.mean_over(target, 1), self.num_heads)  # (B, H, K d / H)
        pi = op.softmax(self.W_pi(mean))  # (B, H, K)
        p = op.mixture(op.softmax(self.score(v, u)), pi, self.mixtures)  # (B, H, n, m)
        phi = op.split_heads(self.W_phi(others), self.num_heads)  # (B, H, m, d / H)
        z = self.W_o(op.merge_heads(op.batch_dot(p, phi)))  # (B, n, d)
        scene = op.relu(self.W_g(op.expand(op.mean_over(x, 1), 1)))  # (B, 1, d)
        return op.concatenate([x + z, op.repeat_rows(scene, x)], axis=2), p


# --------------------------------------------------------------------------------- the network
class SegmentationNetwork(Block):
    """Labels for the stride * stride pixels of each feature: W context(x), x = CNN(image).

    Parameters
    ----------
    num_classes : int
        Classes C.
    features : PixelFeatures
    context : NoContext, PixelAttention or CooccurrentContext
    pool : int
        Side of the squares of features that are asked together, as their mean; 1 asks each alone.

    Call
    ----
    image (B, c, h, w) -> logits (B, h, w, C), weights (B, H, n, m) of the n targets on the m
    squares, row by row; without weights if the context has none.

    >>> features = PixelFeatures(8, stride=2)
    >>> network = SegmentationNetwork(5, features, PixelAttention(8, num_heads=2), pool=2)
    >>> network.initialize()
    >>> logits, weights = network(np.ones((1, 3, 16, 24)))
    >>> logits.shape, weights.shape
    ((1, 16, 24, 5), (1, 2, 96, 24))
    """

    takes = "B c h w"

    def __init__(self, num_classes: int, features: PixelFeatures, context, *, pool: int = 1):
        super().__init__()
        check_sizes(num_classes=num_classes, pool=pool)
        self.num_classes, self.features, self.context, self.pool = (
            num_classes,
            features,
            context,
            pool,
        )
        self.output = nn.Dense(features.stride**2 * num_classes, flatten=False)

    def check(self, image):
        super().check(image)
        stride = self.features.stride
        check_divides(stride, image)
        if any(side // stride % self.pool for side in image.shape[2:]):
            raise ValueError(
                f"image's features must divide in squares of pool = {self.pool}, got {image.shape}"
            )

    def hybrid_forward(self, F, image):
        maps = self.features(image)  # (B, d, h / stride, w / stride)
        x = op.as_regions(maps)  # (B, n, d)
        others = op.as_regions(op.mean_of_squares(maps, self.pool))  # (B, m, d)
        context, weights = self.context(x, others)  # (B, n, d or 2 d), (B, H, n, m)
        logits = op.as_picture(self.output(context), maps, self.features.stride)  # (B, h, w, C)
        return logits if weights is None else (logits, weights)

    def loss(self, output, labels):
        """Mean cross-entropy in nats over the pixels that have a label: labels (B, h, w), whole
        numbers, `VOID` for none -> (B,). An image without any has a loss of zero.
        """
        logits = output[0] if isinstance(output, list | tuple) else output
        if labels.shape != logits.shape[:3]:
            raise ValueError(f"labels must be of shape {logits.shape[:3]}, got {labels.shape}")
        known = labels != VOID
        if labels.ctx.device_type == "cpu":
            values = labels.asnumpy()
            if not ((values == VOID) | ((values >= 0) & (values < self.num_classes))).all():
                raise ValueError(f"labels must be from 0 to {self.num_classes - 1}, or {VOID}")
        known = known.astype(logits.dtype)
        surprise = -npx.pick(npx.log_softmax(logits), labels * known.astype(labels.dtype))
        total = (surprise * known).sum(axis=(1, 2))
        return total / np.maximum(known.sum(axis=(1, 2)), 1)
