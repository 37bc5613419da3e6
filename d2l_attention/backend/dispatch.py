"""Arrays or symbols: which of MXNet's two interfaces an operator comes from."""

import functools

import mxnet as mx


def is_symbol(x) -> bool:
    """Whether x stands for an array while a hybridized block is traced."""
    return isinstance(x, mx.sym.Symbol)


def interface(x):
    """The module that computes with x: of symbols, or of arrays."""
    return mx.sym if is_symbol(x) else mx.nd


def classic(name, *arrays, **attributes):
    """Call an operator of MXNet's first interface: some are faster than their NumPy-like peers."""
    operator = functools.reduce(getattr, name.split("."), interface(arrays[0]))
    return operator(*(array.as_nd_ndarray() for array in arrays), **attributes).as_np_ndarray()
