"""Regions of a picture as vectors: a small convolutional network that names what it sees.

Like the VGG-19 of Yang et al. (2016) on ImageNet, it is trained beforehand to name what
stands in a region (`name_regions`), and then frozen: `describe` runs it once over all
pictures.
"""

from collections.abc import Sequence

import numpy as onp

from d2l_attention.training import History, batches, train

import mxnet as mx
from mxnet import gluon, np, npx
from mxnet.gluon import HybridBlock, nn

__all__ = ["RegionNetwork", "describe", "lighten", "name_regions"]

WIDTH_OF_THE_WORLD = (
    2.0  # rows and columns run from -2 to 2: as large as the other features
)


class RegionNetwork(HybridBlock):
    """Describe each cell of a picture by features, and by its place.

    Two convolutions without overlap: a region sees its own cell and nothing else. The
    paper's VGG-19 pads its input with zeros at every layer, and so can tell where a
    region is; here two more features say it, the row and the column (Liu et al. 2018).

    Parameters
    ----------
    grid, cell : int
        Cells along a side, and pixels along the side of a cell (even).
    channels : int
        Features of the convolutions.
    names : sequence of int
        For each attribute that the network names, such as colour and shape, how many
        names there are. Features are then the probabilities of all names.

    Call
    ----
    pictures (B, 3, grid * cell, grid * cell), float32 -> features (B, grid * grid, c + 2),
    row by row; c is the sum of `names`, or `channels` if there are none.

    Examples
    --------
    >>> network = RegionNetwork(grid=3, cell=8, names=(3, 2))
    >>> network.initialize()
    >>> features = network(np.zeros((2, 3, 24, 24)))
    >>> features.shape, features[0, :4, -2:].tolist()
    ((2, 9, 7), [[-2.0, -2.0], [-2.0, 0.0], [-2.0, 2.0], [0.0, -2.0]])
    """

    def __init__(
        self, *, grid: int, cell: int, channels: int = 32, names: Sequence[int] = ()
    ):
        super().__init__()
        check_positive(grid=grid, cell=cell, channels=channels)
        for count in names:
            check_positive(names=count)
        if cell % 2:
            raise ValueError(f"cell must be even, got {cell}")
        self.grid, self.cell, self.names = grid, cell, tuple(names)
        self.convolutions = nn.HybridSequential()
        for size in (cell // 2, 2):
            xavier = mx.init.Xavier(magnitude=2, factor_type="in")
            layer = nn.Conv2D(
                channels, size, size, activation="relu", weight_initializer=xavier
            )
            self.convolutions.add(layer, nn.BatchNorm(center=False, scale=False))
        self.heads = nn.HybridSequential()
        for count in names:
            self.heads.add(nn.Dense(count, flatten=False))
        line = onp.linspace(-WIDTH_OF_THE_WORLD, WIDTH_OF_THE_WORLD, grid)
        places = onp.stack(onp.meshgrid(line, line, indexing="ij"), axis=-1)
        places = places.reshape(1, -1, 2).astype("float32")
        self.places = self.params.get_constant("places", places)

    def __call__(self, pictures):
        if not isinstance(pictures, mx.sym.Symbol):
            self.check(pictures)
        return super().__call__(pictures)

    def check(self, pictures):
        """Raise a ValueError or TypeError if an array is not what the network takes."""
        side = self.grid * self.cell
        check_shape("pictures", pictures, (None, 3, side, side))
        check_float("pictures", pictures)

    def hybrid_forward(self, F, pictures, places):
        maps = self.convolutions(pictures)  # (B, c, g, g)
        maps = _legacy(F, "transpose", maps, axes=(0, 2, 3, 1))
        features = F.npx.reshape(maps, (-2, -5, -2))  # (B, n, c)
        blank = _legacy(F, "slice_axis", features, axis=2, begin=0, end=2) * 0
        heads = list(self.heads._children.values())
        parts = [F.npx.softmax(head(features)) for head in heads] or [features]
        return F.np.concatenate([*parts, blank + places], axis=-1)


def describe(
    network: RegionNetwork, pictures: onp.ndarray, *, batch_size: int = 100, device=None
) -> onp.ndarray:
    """Describe the regions of many pictures once and for all: (N, 3, H, W) uint8 -> (N, n, c + 2) float32."""
    check_not_empty(pictures=pictures)
    check_positive(batch_size=batch_size)
    starts = range(0, len(pictures), batch_size)
    parts = [
        network(np.array(lighten(pictures[i : i + batch_size]), ctx=device)).asnumpy()
        for i in starts
    ]
    return onp.concatenate(parts)


def lighten(pictures: onp.ndarray) -> onp.ndarray:
    """Turn pixels from 0 to 255 into numbers from -1 to 1: uint8 -> float32, the same shape.

    >>> lighten(onp.array([0, 51, 255], "uint8")).round(1).tolist()
    [-1.0, -0.6000000238418579, 1.0]
    """
    if not isinstance(pictures, onp.ndarray) or pictures.dtype != onp.uint8:
        raise TypeError(
            f"pictures must be a NumPy array of uint8, got {getattr(pictures, 'dtype', pictures)}"
        )
    return pictures.astype("float32") / 127.5 - 1


def name_regions(
    network: RegionNetwork,
    pictures: onp.ndarray,
    names: onp.ndarray,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 10,
    learning_rate: float = 0.005,
    device=None,
    progress: bool = True,
) -> tuple[History, float]:
    """Train a region network, already initialised, to name what stands in each cell.

    Parameters
    ----------
    pictures, names : (N, 3, H, W) uint8, (N, n, attributes) int
        For each cell and attribute the number of its name, as `Scenes.names` gives.

    Returns
    -------
    History, float
        "loss" (mean cross-entropy of a cell, in nats, all attributes added up); and the
        share of cells that are named right after training, in every attribute.

    Raises
    ------
    ValueError, TypeError
        `names` has a wrong shape or dtype, or the network does not know a name.
    """
    _check_names(names, len(pictures), network)
    network.hybridize(static_alloc=True)
    ends = onp.cumsum(network.names)

    def step(picture, *numbers):
        features, loss = network(picture), 0
        for end, count, number in zip(ends, network.names, numbers, strict=True):
            probability = features[:, :, end - count : end]  # (B, n, names)
            chosen = npx.pick(probability, number, axis=-1)
            loss = loss - np.log(np.maximum(chosen, 1e-10))
        return loss.mean(axis=-1)

    network(np.array(lighten(pictures[:1]), ctx=device))  # finds out all sizes
    numbers = tuple(names[:, :, k].astype("float32") for k in range(names.shape[2]))
    settings = {"shuffle": True, "seed": seed, "device": device}
    history = train(
        step,
        batches((lighten(pictures), *numbers), batch_size, **settings),
        gluon.Trainer(
            network.collect_params(),
            "adam",
            {"learning_rate": learning_rate},
            kvstore=None,
        ),
        epochs=epochs,
        progress=progress,
        description="naming",
    )
    features = describe(network, pictures, device=device)
    right = onp.ones(names.shape[:2], bool)
    for k, (end, count) in enumerate(zip(ends, network.names, strict=True)):
        right &= features[:, :, end - count : end].argmax(-1) == names[:, :, k]
    return history, float(right.mean())


def _check_names(names, count: int, network: RegionNetwork) -> None:
    """Raise unless each cell has a known name; MXNet takes any number, silently."""
    if not isinstance(names, onp.ndarray) or names.dtype.kind not in "iu":
        given = getattr(names, "dtype", names)
        raise TypeError(f"names must be a NumPy array of integers, got {given}")
    shape = (count, network.grid**2, len(network.names))
    if names.shape != shape or names.size == 0:
        raise ValueError(f"names must be of shape {shape}, got {names.shape}")
    if names.min() < 0 or (names.max(axis=(0, 1)) >= network.names).any():
        raise ValueError(f"names must be numbers from 0, below {network.names}")


# ------------------------------------------------------------------ checks, plumbing
def check_positive(**values) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")


def check_not_empty(**values) -> None:
    for name, value in values.items():
        if not len(value):
            raise ValueError(f"{name} must not be empty")


def check_shape(name: str, array, shape: tuple) -> None:
    """Raise unless an MXNet array has the shape, in which None stands for any number above zero."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be an MXNet array, got {type(array).__name__}")
    fits = len(array.shape) == len(shape) and all(
        given == wanted if wanted else given > 0
        for given, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} must be of shape ({wanted}), got {array.shape}")


def check_float(name: str, array) -> None:
    if array.dtype != onp.float32:
        raise TypeError(f"{name} must be float32, got {onp.dtype(array.dtype).name}")


def _legacy(F, operator, *arrays, **attributes):
    return getattr(F, operator)(
        *(array.as_nd_ndarray() for array in arrays), **attributes
    ).as_np_ndarray()
