"""Training on several devices and several machines: each has a copy of the model and a share of each batch.

    g = sum_k g_k / B,    g_k = sum of dl(x_i) / dw over the examples i of share k

The gradient of a batch's B examples is a sum over examples, so it may be summed in any order and in any
place: each device of each worker sums over its share, MXNet's KVStore sums over the shares and returns
the sum to all, and all take the same step.

`python -m d2l_attention.distributed --workers 2 PROGRAM` starts PROGRAM as two workers on this machine
(`launch`); the program asks for its `Workers` by `connect()` and hands them to `training.fit`.
"""

from d2l_attention.distributed.workers import ALONE, Workers, connect

__all__ = ["ALONE", "Workers", "connect"]
