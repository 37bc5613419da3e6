"""One Matplotlib style for the book. Importing this module sets it.

Figures stand on white, since no grey can carry the text of a transparent figure in light
and dark themes alike: a contrast of 4.5 needs a luminance below 0.183 on white (#ffffff)
and above 0.202 on dark (#121212). The book's dark pages turn the lightness of figures
round and keep their hues. Notebooks store figures at twice the resolution at which they
are shown. They are 4.8 inches wide with 11-point text, so that the text is still 11 pixels
high on a phone, where a figure is shrunk to 350 pixels. Set the width of a figure of your
own to at most that.
"""

import matplotlib.pyplot as plt
from cycler import cycler
from IPython import get_ipython
from matplotlib_inline.config import InlineBackend

__all__ = ["COLORS", "COLOR_MAP", "LINE_STYLES", "STYLE", "use_style"]

# The darker colours of Okabe and Ito (2008): colour-blind readers tell them apart, and
# each has a contrast of at least 3 with the white card, as lines need. Line styles tell
# them apart in grey-scale print.
COLORS = {
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "black": "#000000",
    "purple": "#cc79a7",
}
LINE_STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
# Perceptually uniform; in grey, too, it falls steadily from pale (no weight) to black
# (the largest). Pale is not the card's white, so that a matrix of zeros is still seen.
COLOR_MAP = "magma_r"
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLORS.values()) + cycler(linestyle=LINE_STYLES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 120,
    "figure.facecolor": "white",
    "figure.figsize": (4.8, 3.2),
    "font.size": 11,
    "grid.color": "#e0e0e0",
    "image.cmap": COLOR_MAP,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "savefig.facecolor": "white",
}


def use_style() -> None:
    """Set the book's style for every figure from here on."""
    plt.rcParams.update(STYLE)
    shell = get_ipython()
    if shell is not None and getattr(shell, "kernel", None) is not None:
        InlineBackend.instance(parent=shell).figure_formats = {"retina"}


use_style()
