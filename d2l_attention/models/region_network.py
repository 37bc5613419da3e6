"""A small convolutional network that describes the cells of a picture, trained to name what stands in them.

It plays the part of VGG-19 in Yang et al. (2016): trained beforehand on another task,
then frozen, and run once over all pictures (`describe`). Its features are keys and
values for `stacked_attention`.
"""

import numpy as onp

from d2l_attention.attention.old import legacy
from d2l_attention.training import History, batches, train

import mxnet as mx
from mxnet import gluon, np
from mxnet.gluon import HybridBlock, nn

__all__ = ["RegionNetwork", "describe", "lighten", "name_regions"]


class RegionNetwork(HybridBlock):
    """Describe each cell of a picture by attributes, and by its place.

    Convolutions without overlap: a region sees its own cell and nothing else. The
    paper's VGG-19 pads its input with zeros at every layer, and so can tell where a
    region is; here two more features say it, row and column, counted from the middle
    (Liu et al. 2018).

    Parameters
    ----------
    attributes : int
        Features c of a region, each from 0 to 1.
    grid, cell : int
        Cells along a side, and pixels along the side of a cell (even).
    channels : int
        Width of the hidden layers.

    Call
    ----
    pictures (B, 3, grid * cell, grid * cell), float32 -> features (B, grid * grid, c +
    2), row by row.

    Examples
    --------
    >>> network = RegionNetwork(attributes=5, grid=3, cell=8)
    >>> network.initialize()
    >>> features = network(np.zeros((2, 3, 24, 24)))
    >>> features.shape, features[0, :4, -2:].tolist()
    ((2, 9, 7), [[-1.0, -1.0], [-1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]])
    """

    def __init__(self, *, attributes: int, grid: int, cell: int, channels: int = 32):
        super().__init__()
        _check_positive(attributes=attributes, grid=grid, cell=cell, channels=channels)
        if cell % 2:
            raise ValueError(f"cell must be even, got {cell}")
        self.grid, self.cell, self.attributes = grid, cell, attributes
        self.convolutions = nn.HybridSequential()
        for size in (cell // 2, 2):
            xavier = mx.init.Xavier(magnitude=2, factor_type="in")
            layer = nn.Conv2D(channels, size, size, activation="relu", weight_initializer=xavier)
            self.convolutions.add(layer)
        self.output = nn.Dense(attributes, flatten=False, weight_initializer=mx.init.Xavier())
        line = onp.arange(grid) - (grid - 1) / 2
        places = onp.stack(onp.meshgrid(line, line, indexing="ij"), axis=-1).reshape(1, -1, 2)
        self.places = self.params.get_constant("places", places.astype("float32"))

    def __call__(self, pictures):
        if not isinstance(pictures, mx.sym.Symbol):
            self.check(pictures)
        return super().__call__(pictures)

    def check(self, pictures):
        """Raise a ValueError or TypeError if an array is not what the network takes."""
        side = self.grid * self.cell
        if not isinstance(pictures, np.ndarray):
            raise TypeError(f"pictures must be an MXNet array, got {type(pictures).__name__}")
        if len(pictures) == 0 or pictures.shape[1:] != (3, side, side):
            raise ValueError(
                f"pictures must be of shape (B, 3, {side}, {side}), got {pictures.shape}"
            )
        if pictures.dtype != onp.float32:
            raise TypeError(f"pictures must be float32, got {onp.dtype(pictures.dtype).name}")

    def hybrid_forward(self, F, pictures, places):
        maps = legacy(
            F, "transpose", self.convolutions(pictures), axes=(0, 2, 3, 1)
        )  # (B, g, g, c)
        maps = F.npx.reshape(maps, (-2, -5, -2))  # (B, n, c); MXNet fails if it is reshaped before
        features = F.npx.activation(self.output(maps), act_type="sigmoid")
        blank = F.np.zeros_like(legacy(F, "slice_axis", maps, axis=2, begin=0, end=1))
        return F.np.concatenate([features, blank + places], axis=-1)


def describe(
    network: RegionNetwork, pictures: onp.ndarray, *, batch_size: int = 100, device=None
) -> onp.ndarray:
    """Describe the regions of many pictures once and for all: (N, 3, H, W) uint8 -> (N, n, c + 2) float32."""
    if len(pictures) == 0:
        raise ValueError("pictures must not be empty")
    if batch_size < 1:
        raise ValueError(f"batch_size must be positive, got {batch_size}")
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
    learning_rate: float = 0.01,
    device=None,
    progress: bool = True,
) -> History:
    """Train a region network, already initialised, to tell which attributes the thing in each cell has.

    Parameters
    ----------
    pictures, names : (N, 3, H, W) uint8, (N, n, c) of zeros and ones
        Such as `Scenes.names` gives.

    Returns
    -------
    History
        With "loss": cross-entropy in nats per attribute and cell.

    Raises
    ------
    ValueError, TypeError
        The shapes do not fit the network, or pictures are not uint8.
    """
    expected = (len(pictures), network.grid**2, network.attributes)
    if names.shape != expected:
        raise ValueError(f"names must be of shape {expected}, got {names.shape}")
    network.hybridize(static_alloc=True)
    network(np.array(lighten(pictures[:1]), ctx=device))  # finds out the sizes of all parameters
    arrays = (lighten(pictures), names.astype("float32"))
    cross_entropy = gluon.loss.SigmoidBinaryCrossEntropyLoss(from_sigmoid=True)
    return train(
        lambda picture, name: cross_entropy(network(picture)[:, :, : network.attributes], name),
        batches(arrays, batch_size, shuffle=True, seed=seed, device=device),
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


def _check_positive(**values) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")
