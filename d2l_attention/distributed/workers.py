"""The processes that train one model together, each on its share of every batch."""

import atexit
import functools
import os
import sys

import numpy as onp

import mxnet as mx
from mxnet import kvstore, np


class Workers:
    """All workers of a training, as one of them sees them.

    Parameters
    ----------
    store : mxnet.kvstore.KVStore, optional
        Which sums over all workers; without one there is one worker.

    Attributes
    ----------
    rank, number : int
        Which worker this process is, from 0, and how many there are.

    >>> ALONE.rank, ALONE.number, ALONE.sum([1.0, 2.0]).tolist()
    (0, 1, [1.0, 2.0])
    """

    def __init__(self, store=None):
        self.store = store
        self.rank, self.number = (0, 1) if store is None else (store.rank, store.num_workers)
        self._free, self._sums = 0, {}

    def leave(self) -> None:
        """Wait for all workers, and let the servers end; nothing can be summed afterwards."""
        self.store = None

    def keys(self, count: int) -> range:
        """So many keys of the store that nobody has used; all workers ask in the same order."""
        self._free += count
        return range(self._free - count, self._free)

    def sum(self, values) -> onp.ndarray:
        """The sum over all workers of a few numbers of each, (n,) float32; all must call it."""
        values = onp.asarray(values, dtype="float32")
        if self.store is None:
            return values
        if values.size not in self._sums:
            self._sums[values.size] = self.keys(1)[0]
            self.store.init(self._sums[values.size], np.zeros(values.shape))
        array = np.array(values, dtype="float32")
        self.store.pushpull(self._sums[values.size], array)
        return array.asnumpy()

    def table(self, values) -> onp.ndarray:
        """The numbers of each worker, (number, n) float32, in the order of ranks."""
        rows = onp.zeros((self.number, len(values)), "float32")
        rows[self.rank] = values
        return self.sum(rows.ravel()).reshape(rows.shape)

    def of_first(self, values: dict[str, float]) -> dict[str, float]:
        """What the first worker measured; the others measured the same quantities."""
        if self.store is None or not values:
            return values
        rows = self.table(list(values.values()))
        return dict(zip(values, map(float, rows[0]), strict=True))

    def check_same(self, what: str, values) -> None:
        """Raise a RuntimeError, in all workers, unless all have the same numbers."""
        rows = self.table(values)
        if (rows != rows[0]).any():
            found = "; ".join(f"worker {rank} has {row.tolist()}" for rank, row in enumerate(rows))
            raise RuntimeError(f"{what} must be the same for all workers: {found}")


ALONE = Workers()


@functools.cache
def connect() -> Workers:
    """The workers of this training: those that `distributed.launch` started, or this process alone.

    It waits until all are there, and reads the DMLC_* variables that the launcher, or a cluster, has set.
    From then on an exception that nobody catches ends the process at once: MXNet would wait for the other
    workers first, and they for it.

    Raises
    ------
    RuntimeError
        This process is to be a worker, and its variables do not say where the scheduler is.
    """
    if "DMLC_ROLE" not in os.environ:
        return ALONE
    needed = ("DMLC_PS_ROOT_URI", "DMLC_PS_ROOT_PORT", "DMLC_NUM_WORKER", "DMLC_NUM_SERVER")
    if missing := [name for name in needed if name not in os.environ]:
        raise RuntimeError(f"a worker needs {', '.join(missing)} in its environment")
    sys.excepthook = _ends_the_process(sys.excepthook)
    workers = Workers(kvstore.create("dist_sync"))
    atexit.register(workers.leave)  # before MXNet ends, at which the store's threads would abort
    return workers


def _ends_the_process(report):
    def hook(*error):
        report(*error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    return hook


def local_store(devices: list) -> kvstore.KVStore:
    """A store that sums over the devices of this process."""
    on_gpu = any(device.device_type == "gpu" for device in devices)
    return mx.kvstore.create("device" if on_gpu else "local")
