"""The plots that the book repeats. Importing this module sets the book's style (`notebook.style`).

Each plot draws on `ax`, or else on Matplotlib's current axes, and returns them.
"""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as onp
from matplotlib.axes import Axes
from scipy import ndimage, stats

from d2l_attention.notebook.diagrams import diagram
from d2l_attention.notebook.style import COLOR_MAP, COLORS, LINE_STYLES, STYLE, use_style
from d2l_attention.training import History

__all__ = [
    "COLORS",
    "COLOR_MAP",
    "LINE_STYLES",
    "STYLE",
    "band",
    "diagram",
    "heat_map",
    "learning_curves",
    "power_law",
    "region_weights",
    "use_style",
]

# Labels that a heat map's side has room for at phone width
MOST_WORDS, MOST_NUMBERS = (12, 6)


def heat_map(
    weights,
    *,
    rows: Sequence | None = None,
    columns: Sequence | None = None,
    xlabel: str = "key",
    ylabel: str = "query",
    title: str = "",
    unit: str = "weight",
    ax: Axes | None = None,
) -> Axes:
    """Draw attention weights as a heat map, one row per query; pale is no weight, black
    the largest.

    Parameters
    ----------
    weights : array of shape (m, n), MXNet or NumPy
        Finite and not negative.
    rows, columns : sequence of length m or n, optional
        What stands at each query and key: words, or numbers (rounded to what tells the
        labels apart). A long axis is labelled at evenly spaced places only. Positions
        0, 1, ... if not given.
    unit : str
        Label of the colour bar.

    Raises
    ------
    ValueError
        `weights` is not a matrix, holds a negative or non-finite number, or a label is
        missing.

    >>> ax = heat_map([[0.9, 0.1], [0.5, 0.5]], columns=["black", "cat"])
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['black', 'cat']
    """
    weights = _numpy(weights)
    if weights.ndim != 2 or weights.size == 0:
        raise ValueError(f"weights must be a matrix, got shape {weights.shape}")
    if not (onp.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("weights must be finite and not negative")
    ax = plt.gca() if ax is None else ax
    image = ax.imshow(
        weights,
        cmap=COLOR_MAP,
        vmin=0,
        vmax=weights.max() or 1,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.grid(False)
    _label_axis(ax.xaxis, columns, weights.shape[1], "columns")
    _label_axis(ax.yaxis, rows, weights.shape[0], "rows")
    ax.figure.colorbar(image, ax=ax, label=unit)
    return ax


def _label_axis(axis, labels: Sequence | None, length: int, name: str) -> None:
    labels = onp.arange(length) if labels is None else _numpy(labels)
    if labels.shape != (length,):
        raise ValueError(
            f"{name} must hold one label per position ({length}), got shape {labels.shape}"
        )
    words = labels.dtype.kind == "U"
    places = (
        onp.linspace(0, length - 1, min(length, MOST_WORDS if words else MOST_NUMBERS))
        .round()
        .astype(int)
    )
    chosen = labels[places]
    if labels.dtype.kind == "f":
        step = onp.abs(onp.diff(chosen)).max(initial=0) or 1.0
        # The first two digits of a step between labels
        decimals = max(0, 1 - math.floor(math.log10(step)))
        chosen = [f"{number:.{decimals}f}" for number in chosen]
    axis.set_ticks(places, chosen)
    if words and axis.axis_name == "x":
        axis.set_tick_params(rotation=60)


def band(
    x,
    samples,
    *,
    label: str | None = None,
    color: str | None = None,
    confidence: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean of repeated measurements, within a confidence interval of the mean
    (Student's t).

    Parameters
    ----------
    x : array of shape (n,)
    samples : array of shape (repeats, n), repeats > 1
        Each row one independent repetition (a seed). The interval assumes nearly normal
        means.
    confidence : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        The shapes do not fit, or `confidence` is not between 0 and 1.
    """
    x, samples = _numpy(x), _numpy(samples)
    if samples.ndim != 2 or len(samples) < 2 or samples.shape[1:] != x.shape:
        raise ValueError(f"samples must be of shape (repeats > 1, {len(x)}), got {samples.shape}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    ax = plt.gca() if ax is None else ax
    mean = samples.mean(axis=0)
    half = stats.t.ppf((1 + confidence) / 2, len(samples) - 1) * stats.sem(samples, axis=0)
    (line,) = ax.plot(x, mean, label=label, color=color)
    ax.fill_between(x, mean - half, mean + half, color=line.get_color(), alpha=0.2, linewidth=0)
    return ax


def power_law(
    x,
    exponent: float,
    *,
    through: tuple[float, float],
    label: str | None = None,
    ax: Axes | None = None,
):
    """Draw y = c x^exponent through a point: on log-log axes a straight thin line, to
    hold slopes against.

    >>> ax = power_law([1, 100], -0.5, through=(1, 2))
    >>> ax.lines[-1].get_ydata().round(2).tolist()
    [2.0, 0.2]
    """
    x = _numpy(x).astype(float)
    ax = plt.gca() if ax is None else ax
    ax.plot(
        x,
        through[1] * (x / through[0]) ** exponent,
        color="#606060",
        linestyle=(0, (2, 2)),
        lw=1,
        label=label,
    )
    ax.set(xscale="log", yscale="log")
    return ax


def learning_curves(
    histories: History | Sequence[History],
    names: Sequence[str] = ("loss",),
    *,
    ax: Axes | None = None,
    **labels: str,
) -> Axes:
    """Draw quantities against epochs: each seed as a thin line, and their mean as a
    thick one.

    Where seeds stopped early, the mean goes as far as the shortest run.

    Parameters
    ----------
    histories : History or sequence of History
        What `training.train` returned, one per seed.
    names : sequence of str
        Quantities to draw, such as "loss" and "validation".
    labels : str
        `ylabel=`, `title=` and other properties of the axes.
    """
    histories = [histories] if isinstance(histories, History) else list(histories)
    if not histories:
        raise ValueError("histories must hold at least one history")
    ax = plt.gca() if ax is None else ax
    shortest = min(len(history.epochs) for history in histories)
    for name in names:
        mean = onp.mean([history[name][:shortest] for history in histories], axis=0)
        (line,) = ax.plot(histories[0]["epoch"][:shortest], mean, label=name)
        if len(histories) > 1:
            for history in histories:
                thin = {"color": line.get_color(), "linestyle": "-", "lw": 0.7, "alpha": 0.6}
                ax.plot(history["epoch"], history[name], **thin)
    ax.set(**{"xlabel": "epoch", "ylabel": " and ".join(names)} | labels)
    if len(names) > 1:
        ax.legend()
    return ax


def region_weights(
    picture,
    weights=None,
    *,
    smooth: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a picture in the light of attention: the more weight a region has, the brighter it is.

    Parameters
    ----------
    picture : array of shape (3, H, W)
        Pixels from 0 to 255.
    weights : array of shape (rows, columns), optional
        Of regions that divide the picture evenly, finite and not negative. Without them the
        picture is drawn as it is.
    smooth : bool
        Whether brightness changes gradually from region to region, as is usual over photographs.

    Raises
    ------
    ValueError
        `picture` has no three colours, or `weights` are not a matrix, negative or not finite.

    >>> _, new = plt.subplots()
    >>> ax = region_weights(onp.full((3, 8, 8), 200), [[0, 1], [0, 0]], title="hop 1", ax=new)
    >>> ax.images[0].get_array()[:, :, 0].round(1).tolist()[0]
    [0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8]
    """
    shown = _numpy(picture) / 255
    if shown.ndim != 3 or len(shown) != 3:
        raise ValueError(f"picture must be of shape (3, H, W), got {shown.shape}")
    shown = shown.transpose(1, 2, 0)
    if weights is not None:
        weights = _numpy(weights).astype(float)
        if weights.ndim != 2 or weights.size == 0:
            raise ValueError(f"weights must be a matrix, got shape {weights.shape}")
        if not (onp.isfinite(weights).all() and (weights >= 0).all()):
            raise ValueError("weights must be finite and not negative")
        size = [side / count for side, count in zip(shown.shape, weights.shape, strict=False)]
        light = ndimage.zoom(weights, size, order=0, grid_mode=True, mode="nearest")
        if smooth:
            light = ndimage.gaussian_filter(light, [0.4 * side for side in size])
        shown = shown * (0.15 + 0.85 * light / (light.max() or 1))[:, :, None]
    ax = plt.gca() if ax is None else ax
    ax.imshow(shown.clip(0, 1), interpolation="nearest")
    ax.set_title(title, fontsize=10, loc="center")
    ax.set_axis_off()
    return ax


def _numpy(array) -> onp.ndarray:
    return array.asnumpy() if hasattr(array, "asnumpy") else onp.asarray(array)
