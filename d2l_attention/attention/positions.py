"""Where an item stands: attention itself sees a set, so each item is told its place.

x_i -> x_i + p_i, with a vector p_i for place i = 0, 1, 2, ...: none at all, fixed waves, or learned.
"""

import numpy as onp

from d2l_attention.backend import operators as op
from d2l_attention.backend.block import Block, check_ids
from d2l_attention.backend.checks import check_sizes

from mxnet import init


def sinusoids(longest: int, size: int) -> onp.ndarray:
    """Return p_i for the first places: pairs of features are clock hands that turn ever slower.

    p_i,2k = sin(i / 10000^(2k / d)), p_i,2k+1 = cos(i / 10000^(2k / d)) (Vaswani et al. 2017,
    section 3.5). The hands of place i + j are those of place i, turned by angles that depend on j
    alone; so p_i . p_(i+j) depends on j alone, too.

    Parameters
    ----------
    longest, size : int
        Places L; features d, an even number.

    Returns
    -------
    numpy.ndarray (L, d) float64

    >>> sinusoids(3, 4).round(2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0], [0.91, -0.42, 0.02, 1.0]]
    """
    check_sizes(longest=longest, size=size)
    if size % 2:
        raise ValueError(f"size must be even, since features come in pairs, got {size}")
    speed = 10000.0 ** (-onp.arange(0, size, 2) / size)  # of each hand, (d / 2,)
    angle = onp.outer(onp.arange(longest), speed)  # (L, d / 2)
    return onp.stack([onp.sin(angle), onp.cos(angle)], axis=2).reshape(longest, size)


class Positions(Block):
    """x_i + p_i, where p_0, p_1, ... are the rows of a table; this one has none: x_i.

    Call
    ----
    x (B, n, d), place (B, n) integers or None -> (B, n, d). Without places x_0 stands at place 0,
    x_1 at place 1, and so on. Sentences that are padded at their beginning, or written word by
    word, give the places.

    >>> x = np.zeros((1, 2, 4))
    >>> Positions()(x).tolist() == x.tolist()
    True
    """

    takes = "B n d, ids B n"
    longest: int | None = None  # the places of the table

    def check(self, x, place=None):
        super().check(x, place)
        if place is None:
            self.check_length(x=x.shape[1])

    def check_length(self, **lengths: int) -> None:
        """Raise a ValueError unless there are so many places: `name=length`."""
        for name, length in lengths.items():
            if self.longest is not None and length > self.longest:
                places = f"{self.longest} places, the table's"
                raise ValueError(f"{name} must have at most {places}; got {length}")

    def hybridize(self, active=True, **options):
        """Compile it, if there is anything to compute."""
        super().hybridize(active and self.longest is not None, **options)

    def check_values(self, x, place=None):
        if place is not None and self.longest is not None:
            check_ids(place=(place, 0, self.longest))

    def hybrid_forward(self, F, x, place=None):
        return x


class TablePositions(Positions):
    """Positions from a table (L, d)."""

    def __init__(self, size: int, *, longest: int):
        super().__init__()
        check_sizes(size=size, longest=longest)
        self.longest, self.sizes = longest, {"d": size}

    def hybrid_forward(self, F, x, place=None, *, table):
        if place is None:
            return x + op.first_rows(table, x)  # (B, n, d)
        return x + op.take(table, place)  # (B, n, d)


class SinusoidalPositions(TablePositions):
    """x_i + p_i with fixed p_i, `sinusoids`.

    Parameters
    ----------
    size : int
        Features d, an even number.
    longest : int
        Places that the table holds; the formula knows no last one.

    >>> positions = SinusoidalPositions(4)
    >>> positions.initialize()
    >>> positions(np.zeros((1, 2, 4)), np.array([[0, 2]], dtype="int32"))[0].tolist()[0]
    [0.0, 1.0, 0.0, 1.0]
    """

    def __init__(self, size: int, *, longest: int = 1000):
        super().__init__(size, longest=longest)
        self.table = self.params.get_constant("table", sinusoids(longest, size).astype("float32"))


class LearnedPositions(TablePositions):
    """x_i + p_i with learned p_i, for as many places as there are rows (Gehring et al. 2017).

    Parameters
    ----------
    size, longest : int
        Features d; places L. A longer sequence is refused.

    >>> positions = LearnedPositions(4, longest=3)
    >>> positions.initialize()
    >>> positions(np.zeros((1, 4, 4)))
    Traceback (most recent call last):
        ...
    ValueError: x must have at most 3 places, the table's; got 4
    """

    def __init__(self, size: int, *, longest: int):
        super().__init__(size, longest=longest)
        shape, first = (longest, size), init.Normal(size**-0.5)
        self.table = self.params.get("table", shape=shape, init=first)
