"""A batch is cut into shares, one for each device of each worker, and what they find is summed."""

import functools
from typing import NamedTuple

import numpy as onp

from d2l_attention.backend.devices import on_device
from d2l_attention.distributed.workers import ALONE, Workers, local_store

import mxnet as mx
from mxnet import autograd, np
from mxnet.gluon.parameter import DeferredInitializationError


class Share(NamedTuple):
    """What one device sees of a batch: arrays on it, and of how many examples; None: of all.

    A share without examples holds one all the same, whose loss does not count: so every device takes
    part in every sum.
    """

    inputs: tuple
    target: object
    examples: int | None = None


class Shares:
    """Cuts batches for the devices of this worker, and sums gradients and losses over all shares.

    Parameters
    ----------
    model : Block
        If its loss depends on the batch as a whole, and not on each example alone, it has a method
        `shareable(target)`, which returns the target with all that a share must know of the whole.
    devices : mxnet.Context, list of mxnet.Context, or None
        Several: the model is initialised on all of them.
    workers : Workers

    Raises
    ------
    ValueError
        The model is not on these devices.
    """

    def __init__(self, model, devices=None, workers: Workers = ALONE):
        self.model, self.workers = model, workers
        self.devices = list(devices) if isinstance(devices, list | tuple) else [devices]
        self.parameters = list(model.collect_params().values())
        self.several = len(self.devices) * workers.number > 1
        self._keys = None
        if not self.devices or len(set(map(str, self.devices))) != len(self.devices):
            raise ValueError(f"device must be one device or several different ones, got {devices}")
        if len(self.devices) > 1:
            self._check_places()

    def cut(self, inputs: tuple, target) -> list[Share]:
        """The shares of a batch (inputs, target) of NumPy arrays that are this worker's.

        An array is cut along its first axis; one that has only one row there goes to all as it is.

        Raises
        ------
        ValueError
            An array's first axis is neither the number of examples nor 1.
        """
        if not self.several:
            return [Share(on_device(inputs, self.devices[0]), on_device(target, self.devices[0]))]
        if hasattr(self.model, "shareable"):
            target = self.model.shareable(target)
        size = max(_lengths((inputs, target)), default=0)
        parts, shares = self.workers.number * len(self.devices), []
        for place, device in enumerate(self.devices):
            number = self.workers.rank * len(self.devices) + place
            start, stop = size * number // parts, size * (number + 1) // parts
            rows = slice(start, stop) if start < stop else slice(0, 1)
            arrays = (on_device(_rows(each, rows, size), device) for each in (inputs, target))
            shares.append(Share(*arrays, stop - start))
        if self._keys is None:
            self._begin(shares)
        self.size = size
        return shares

    def sum_gradients(self) -> None:
        """Give each device of each worker the sum of all gradients."""
        if self.several:
            for key, parameter in zip(self._keys, self.parameters, strict=False):
                if parameter.grad_req != "null":
                    self.store.pushpull(key, parameter.list_grad(), priority=-key)

    def sum_losses(self, losses: list, shares: list[Share]) -> tuple:
        """Losses of this worker's shares -> losses or their sum, an array to be read later, and the
        number of examples of the batch.
        """
        if not self.several:
            return losses[0], losses[0].size
        for sums, each, share in zip(self._sums, losses, shares, strict=True):
            sums[:] = each.sum() if share.examples else 0
        self.store.pushpull(self._keys[-1], self._sums)
        return self._sums[0].copy(), self.size

    @functools.cached_property
    def _local(self):
        return local_store(self.devices)

    @property
    def store(self):
        """The KVStore that sums over all shares; of workers, which end with it, no reference is kept."""
        return self.workers.store or self._local

    def _begin(self, shares: list[Share]) -> None:
        """All start with the weights of the first device of the first worker."""
        try:
            every = [parameter.list_data() for parameter in self.parameters]
        except DeferredInitializationError:  # shapes are known after a first look at the inputs
            with autograd.pause():
                for share in shares:
                    self.model(*share.inputs)
            every = [parameter.list_data() for parameter in self.parameters]
        self._keys = self.workers.keys(len(every) + 1)
        for key, arrays in zip(self._keys, every, strict=False):
            self.store.broadcast(key, arrays[0], out=arrays)
        # Always the same arrays: so the next step's sum waits for this one's. The store takes what comes, and
        # would add up two steps of one worker.
        self._sums = [np.zeros(1, ctx=device) for device in self.devices]
        self.store.broadcast(self._keys[-1], self._sums[0], out=self._sums)

    def _check_places(self) -> None:
        for parameter in self.parameters:
            if parameter.list_ctx() != self.devices:
                wanted = f"initialize(ctx={self.devices})"
                found = f"{parameter.name} is on {parameter.list_ctx()}"
                raise ValueError(f"model must be initialised on all devices, by {wanted}; {found}")


def _lengths(arrays) -> list[int]:
    """The first axes of arrays in tuples."""
    if isinstance(arrays, list | tuple):
        return [length for each in arrays for length in _lengths(each)]
    return [arrays.shape[0]] if getattr(arrays, "ndim", 0) else []


def _rows(arrays, rows: slice, size: int):
    """These rows of each array, or the only one that there is."""
    if isinstance(arrays, list | tuple):
        return tuple(_rows(each, rows, size) for each in arrays)
    if arrays is None or not isinstance(arrays, onp.ndarray | mx.np.ndarray):
        return arrays  # on_device says what is wrong
    if arrays.ndim == 0 or arrays.shape[0] not in (1, size):
        found = f"got an array of shape {arrays.shape} in a batch of {size}"
        raise ValueError(f"arrays must have an example a row, or one row, to be shared; {found}")
    arrays = arrays.asnumpy() if isinstance(arrays, mx.np.ndarray) else arrays
    return arrays[rows] if arrays.shape[0] == size else arrays
