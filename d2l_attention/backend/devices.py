"""Pick the devices that this MXNet build can run on, and seed all random numbers."""

import functools
import random
import warnings

import numpy as onp

from d2l_attention.backend.checks import check_integer

import mxnet as mx

# The dtypes of NumPy's that MXNet has, too
DTYPES = ("bool", "int8", "uint8", "int32", "int64", "float16", "float32", "float64")


@functools.cache
def _usable(index: int) -> bool:
    """Whether GPU `index` runs a kernel of this MXNet build; says why not, once, if it
    is there but does not.
    """
    try:
        ones = mx.np.ones((2, 2), ctx=mx.gpu(index))
        # Reading the result waits for the kernel
        return float(mx.np.dot(ones, ones).sum()) == 8.0
    except mx.MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        warnings.warn(
            f"GPU {index} cannot run this MXNet build (its kernels run on compute capability 5.0 to 8.9), "
            f"so the CPU is used instead. MXNet says: {reason}",
            RuntimeWarning,
            stacklevel=3,
        )
        return False


def _num_gpus() -> int:
    if not mx.runtime.Features().is_enabled("CUDA"):
        return 0
    try:
        return mx.context.num_gpus()
    except mx.MXNetError:  # no driver, or one that is older than the build
        return 0


def try_gpu(index: int = 0):
    """Return GPU `index` if this MXNet build can run on it, else the CPU.

    A GPU that is visible but unusable (Hopper and newer have no kernels in these
    builds) is found out by running one small kernel; a warning then says so, once.

    Raises
    ------
    TypeError, ValueError
        `index` is not an integer, or is negative.

    >>> str(try_gpu(99))
    'cpu(0)'
    """
    index = check_integer("index", index, 0)
    return mx.gpu(index) if index < _num_gpus() and _usable(index) else mx.cpu()


def try_all_gpus() -> list:
    """Return all GPUs that this MXNet build can run on, or `[cpu()]` if there is
    none.
    """
    gpus = [mx.gpu(index) for index in range(_num_gpus()) if _usable(index)]
    return gpus or [mx.cpu()]


def seed_everything(seed: int) -> None:
    """Seed MXNet on every device, NumPy's global state and Python's `random`, with 0 <=
    seed < 2**32.

    Covers MXNet's draws, initialisation and dropout, and the shuffling of Gluon's
    DataLoader.

    Raises
    ------
    TypeError, ValueError
        `seed` is not an integer, or is out of range.

    >>> seed_everything(0)
    >>> first = random.random()
    >>> seed_everything(0)
    >>> first == random.random()
    True
    """
    seed = check_integer("seed", seed, 0, 2**32)
    random.seed(seed)
    onp.random.seed(seed)
    mx.random.seed(seed)


def describe_device(device) -> str:
    """Return one line for a notebook's top: the device and, for a GPU, how many there
    are.

    >>> import mxnet as mx
    >>> describe_device(mx.cpu())
    'running on the CPU'
    """
    if device.device_type == "cpu":
        return "running on the CPU"
    return f"running on GPU {device.device_id} of {_num_gpus()}"


def on_device(arrays, device=None):
    """NumPy arrays, in tuples or not, as MXNet arrays of the same dtype; None stays None.

    Raises
    ------
    TypeError
        An array is of another kind, or of a dtype that MXNet does not have.
    """
    if arrays is None or isinstance(arrays, mx.np.ndarray):
        return arrays
    if isinstance(arrays, list | tuple):
        return tuple(on_device(array, device) for array in arrays)
    if not isinstance(arrays, onp.ndarray) or arrays.dtype.name not in DTYPES:
        kind = getattr(arrays, "dtype", type(arrays).__name__)
        raise TypeError(f"batches must hold NumPy arrays of {', '.join(DTYPES)}, got {kind}")
    found = mx.np.empty(arrays.shape, dtype=arrays.dtype, ctx=device)
    if arrays.size:  # what mx.np.array does in the end, three times as fast
        found._sync_copyfrom(onp.ascontiguousarray(arrays))  # noqa: SLF001 - it is MXNet's
    return found
