"""Masks: which keys a query may attend to. 1 is allowed, 0 is not.

A mask is of shape (B, m, n), with size 1 in place of B or m where it is shared, and of the queries'
dtype. With n = 4 keys:

    length_mask of 2 keys      1 1 0 0       causal_mask of 4      1 0 0 0
                                                                   1 1 0 0
                                                                   1 1 1 0
                                                                   1 1 1 1
"""

import numpy as onp

from d2l_attention.backend.checks import check_sizes

from mxnet import np


def length_mask(valid_length, num_keys: int, *, dtype: str = "float32", device=None) -> np.ndarray:
    """Allow each query the first keys only, as many as its valid length says.

    Parameters
    ----------
    valid_length : array or nested lists (B,) or (B, m) of whole numbers from 0 to n
        One for all queries of an example, or one a query. NumPy or MXNet, which makes floats of
        lists: floats are accepted if they are whole.
    num_keys : int
        n.
    device : mxnet.Context, optional
        Where the mask goes: valid_length's, if it is an MXNet array; else MXNet's current one.

    Returns
    -------
    array (B, 1, n) or (B, m, n) of zeros and ones

    Raises
    ------
    TypeError, ValueError
        Lengths are no numbers (a pattern of booleans is none), not whole or out of range.

    >>> length_mask([2, 0], num_keys=4).tolist()
    [[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]
    >>> length_mask([[1, 3]], num_keys=3).tolist()
    [[[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    check_sizes(num_keys=num_keys)
    if isinstance(valid_length, np.ndarray):
        device, valid_length = device or valid_length.ctx, valid_length.asnumpy()
    lengths = onp.asarray(valid_length)
    if lengths.dtype.kind not in "iuf":
        raise TypeError(f"valid_length must hold whole numbers, got {lengths.dtype}")
    if lengths.ndim not in (1, 2) or lengths.size == 0:
        raise ValueError(f"valid_length must be of shape (B,) or (B, m), got {lengths.shape}")
    if not onp.isin(lengths, onp.arange(num_keys + 1)).all():
        raise ValueError(f"valid_length must hold whole numbers from 0 to num_keys = {num_keys}")
    allowed = onp.arange(num_keys) < lengths.reshape(len(lengths), -1, 1)
    return np.array(allowed, dtype=dtype, ctx=device)


def causal_mask(size: int, *, dtype: str = "float32", device=None) -> np.ndarray:
    """Allow each of n items itself and those before it: (1, n, n).

    >>> causal_mask(3).tolist()
    [[[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]]
    """
    check_sizes(size=size)
    return np.array(onp.tri(size)[None], dtype=dtype, ctx=device)


def leave_one_out_mask(size: int, *, dtype: str = "float32", device=None) -> np.ndarray:
    """Allow each of n items all but itself: (1, n, n).

    >>> leave_one_out_mask(3).tolist()
    [[[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]]
    """
    check_sizes(size=size)
    return np.array(1 - onp.eye(size)[None], dtype=dtype, ctx=device)
