"""Operators that move numbers and do not change them: axes, heads, pictures, masks of places.

For arrays and symbols alike, as `backend.operators`, under whose name models call them.
"""

import functools
import itertools

from d2l_attention.backend.dispatch import classic, interface


def constant(x):
    """x, which takes no part in the gradient."""
    return classic("BlockGrad", x)


def cumulative_sum(x, axis):
    """Sums of the first one, two, three ... numbers along an axis, which counts from the first."""
    return interface(x).np.cumsum(x, axis=axis)


def expand(x, axis):
    """Insert an axis of size 1."""
    return interface(x).np.expand_dims(x, axis)


def squeeze(x, axis):
    """Drop an axis of size 1."""
    return interface(x).np.squeeze(x, axis)


def concatenate(arrays, axis):
    """Join arrays along an axis."""
    return interface(arrays[0]).np.concatenate(arrays, axis=axis)


def stack(arrays, axis):
    """Join arrays along a new axis."""
    return interface(arrays[0]).np.stack(arrays, axis=axis)


def places(mask):
    """How many ones stand before each place, as integers: (B, n) -> (B, n)."""
    return classic("cast", cumulative_sum(mask, 1) - mask, dtype="int32")


def pieces(x, sizes, axis):
    """Cut an axis into pieces of so many items."""
    ends = itertools.accumulate(sizes)
    cut = functools.partial(classic, "slice_axis", x, axis=axis)
    return [cut(begin=end - size, end=end) for size, end in zip(sizes, ends, strict=True)]


def split_first(x, number):
    """(B, H d) -> (B, H, d)."""
    return interface(x).npx.reshape(x, (-2, number, -1))


def repeat_like(x, like):
    """Repeat axes of size 1, as a constant: only forward is broadcasting arithmetic fast."""
    return constant(classic("broadcast_mul", x, classic("ones_like", like)))


def repeat_first(x, like):
    """(1, n, d) -> (B, n, d), for as many examples as `like` has."""
    return classic("broadcast_like", x, like, lhs_axes=(0,), rhs_axes=(0,))


def first_rows(table, like):
    """The first n rows of a table, once for each example: (L, d), (B, n, d) -> (B, n, d)."""
    rows = classic("slice_like", expand(table, 0), constant(like), axes=(1,))  # (1, n, d)
    return repeat_first(rows, constant(like))


def first(x):
    """The first row: (B, n, d) -> (B, d)."""
    return squeeze(classic("slice_axis", x, axis=1, begin=0, end=1), 1)


def rows_at(x, places):
    """Rows at places, which may repeat: (B, n, d), integers (B, m) -> (B, m, d)."""
    example = expand(interface(x).npx.arange_like(places, axis=0), 1)  # (B, 1)
    example = classic("cast", classic("broadcast_like", example, places), dtype="int32")
    return classic("gather_nd", x, stack([example, classic("cast", places, dtype="int32")], 0))


def causal_mask(x):
    """1 where a place is not behind the other one: (B, n, d) -> (1, n, n)."""
    one = classic(
        "slice_axis", classic("slice_axis", x, axis=0, begin=0, end=1), axis=2, begin=0, end=1
    )
    place = cumulative_sum(interface(x).np.ones_like(one), 1)  # (1, n, 1)
    order = (place, transpose(place, (0, 2, 1)))
    return constant(classic("broadcast_greater_equal", *order))


def transpose(x, axes):
    """Permute axes."""
    return classic("transpose", x, axes=axes)


def split_heads(x, num_heads):
    """(B, n, H d) -> (B, H, n, d)."""
    return transpose(interface(x).npx.reshape(x, (-2, -2, num_heads, -1)), (0, 2, 1, 3))


def merge_heads(x):
    """(B, H, n, d) -> (B, n, H d)."""
    return interface(x).npx.reshape(transpose(x, (0, 2, 1, 3)), (-2, -2, -5))


def join_last(x):
    """(N, H, d) -> (N, H d)."""
    return interface(x).npx.reshape(x, (-2, -5))


def ones_column(x):
    """A one for each row: (N, d) -> (N, 1)."""
    return classic("ones_like", classic("slice_axis", constant(x), axis=1, begin=0, end=1))


def as_grid(x, side):
    """Regions, row by row, as a picture: (B, side^2, d) -> (B, d, side, side)."""
    return transpose(interface(x).npx.reshape(x, (-2, -6, side, side, -2)), (0, 3, 1, 2))


def as_regions(x):
    """A picture as its regions, row by row: (B, d, h, w) -> (B, h w, d)."""
    return interface(x).npx.reshape(transpose(x, (0, 2, 3, 1)), (-2, -5, -2))


def repeat_rows(x, like):
    """(B, 1, d) -> (B, n, d), for as many rows as `like` has."""
    return classic("broadcast_like", x, like, lhs_axes=(1,), rhs_axes=(1,))


def mean_of_squares(x, side):
    """The mean of each square of side * side features: (B, d, h, w) -> (B, d, h / side, w / side)."""
    if side == 1:
        return x
    rows = interface(x).npx.reshape(x, (-2, -2, -6, -1, side, -2))
    squares = interface(x).npx.reshape(rows, (-2, -2, -2, -2, -6, -1, side))
    return interface(x).np.mean(squares, axis=(3, 5))


def as_picture(x, like, block):
    """The block * block pixels of each region, side by side: (B, n, block^2 C), like (B, d, h, w)
    -> (B, h block, w block, C), where n = h w.
    """
    grid = classic(
        "reshape_like", x, constant(like), lhs_begin=1, lhs_end=2, rhs_begin=2, rhs_end=4
    )
    blocks = interface(x).npx.reshape(
        grid, (-2, -2, -2, block, block, -1)
    )  # (B, h, w, block, block, C)
    return interface(x).npx.reshape(transpose(blocks, (0, 1, 3, 2, 4, 5)), (-2, -5, -5, -2))
