"""Make MXNet 1.9.1 run on today's Python, NumPy and CUDA drivers, and pick devices and
seeds.

MXNet 1.9.1 (2022) is the last release on the package index. It still does everything
this book needs, but it was written for NumPy 1.x, Python's old `distutils` and a CUDA
11 installed by hand. `prepare()` bridges these gaps, and mends one defect. It runs
once, on `import d2l_attention`, before anything else:

1. **Names that NumPy and Python dropped.** MXNet looks some of them up while it is
   imported. They are lent to NumPy for those two seconds and taken away again
   (`LENT_NAMES`), as is `distutils.version`. Five MXNet modules also need old names at
   run time: each gets a private view of NumPy that has them (`PRIVATE_NAMES`); the
   `numpy` that you import stays as it is.
2. **NumPy 2 prints scalars differently** (`np.int64(3)` for `3`), and MXNet sends
   shapes and operator attributes to its C++ side as printed text. The `str` of three
   MXNet modules (`TEXT_MODULES`) is replaced by one that unwraps scalars.
3. **CUDA libraries from wheels.** The GPU builds `mxnet-cu112` and `mxnet-cu117` link
   against CUDA 11. When the `nvidia-*-cu11` wheels are installed, their libraries are
   loaded first, in an order in which each finds what it needs (`CUDA_LIBRARIES`).
   Nothing is loaded for the CPU build.
4. **A block without children could not be loaded.** For such a block
   `load_parameters` reads arrays of MXNet's older kind, with which a network of the
   NumPy interface fails at its next call. They are turned into the newer kind.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import operator
import random
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as onp

# What MXNet 1.9.1 looks up in NumPy while it is imported and current NumPy no longer
# has. Real values where one exists; a financial function (moved to numpy-financial in
# 2019) gets a stub that says so.
_FINANCE = ("mirr", "npv", "pmt", "ppmt", "pv", "rate")
LENT_NAMES = {
    "PZERO": 0.0,
    "NZERO": -0.0,
    "NINF": -onp.inf,
    "PINF": onp.inf,
    "Inf": onp.inf,
    "NAN": onp.nan,
    "NaN": onp.nan,
    "alltrue": onp.all,
    "sometrue": onp.any,
    "product": onp.prod,
    "round_": onp.round,
    "in1d": lambda ar1, ar2, **options: onp.isin(onp.ravel(ar1), ar2, **options),
    "trapz": getattr(onp, "trapezoid", None) or getattr(onp, "trapz", None),
    "msort": functools.partial(onp.sort, axis=0),
    "bool": bool,
}
# What MXNet's modules still look up after the import: module -> (its name for NumPy,
# old names it uses).
PRIVATE_NAMES = {
    "mxnet.numpy.multiarray": ("_np", ("bool",)),
    "mxnet.ndarray.numpy._op": ("_np", ("bool", "compat")),
    "mxnet.symbol.numpy._symbol": ("_np", ("bool", "compat")),
    "mxnet.test_utils": ("np", ("bool",)),
    "mxnet.gluon.contrib.estimator.event_handler": ("np", ("Inf",)),
}
# MXNet's modules that print shapes and operator attributes for the C++ side.
TEXT_MODULES = ("mxnet._ctypes.ndarray", "mxnet._ctypes.symbol", "mxnet.symbol.symbol")
# Shared libraries of the `nvidia-*-cu11` wheels, in loading order: (folder below
# `nvidia/`, file name).
CUDA_LIBRARIES = (
    ("cuda_runtime", "libcudart.so.11.0"),
    ("cublas", "libcublasLt.so.11"),
    ("cublas", "libcublas.so.11"),
    ("cudnn", "libcudnn.so.8"),
    ("cufft", "libcufft.so.10"),
    ("curand", "libcurand.so.10"),
    ("cusparse", "libcusparse.so.11"),
    ("cusolver", "libcusolver.so.11"),
    ("cuda_nvrtc", "libnvrtc.so.11.2"),
    ("nvtx", "libnvToolsExt.so.1"),
    ("nccl", "libnccl.so.2"),
)
CUDA_BUILDS = ("mxnet-cu112", "mxnet-cu117")

_lock = threading.Lock()


def prepare() -> None:
    """Import MXNet under the installed Python and NumPy and switch on its NumPy
    interface.

    Called by `import d2l_attention`; calling it again does nothing but repeat
    `npx.set_np()`, which MXNet keeps per thread: call it first in any thread that you
    start.

    Raises
    ------
    ImportError
        MXNet is not installed, or its library cannot be loaded; the message says what
        to install.
    """
    with _lock:
        if "mxnet" not in sys.modules:
            if cuda_build():
                load_cuda_libraries()
            with _lent_names(), _lent_distutils():
                _import_mxnet()
        _patch_mxnet()
    from mxnet import npx

    npx.set_np()


def _import_mxnet() -> None:
    try:
        # An earlier `import mxnet` that failed leaves half of its modules behind.
        for name in [name for name in sys.modules if name.startswith("mxnet.")]:
            del sys.modules[name]
        importlib.import_module("mxnet")
    except ModuleNotFoundError as error:
        if error.name != "mxnet":
            raise
        raise ImportError("MXNet is not installed: pip install --no-deps mxnet==1.9.1") from error
    except OSError as error:  # a shared library that MXNet links against is not there
        raise ImportError(
            f"MXNet's library does not load ({error}). {_cure(str(error))}"
        ) from error


def _cure(reason: str) -> str:
    """Say what to do about a shared library that `reason`, the loader's message,
    names.
    """
    if "libcuda.so" in reason:
        build = cuda_build()
        return (
            f"The GPU build needs an NVIDIA driver. Without one, take the CPU build: pip uninstall {build}, "
            "then pip install --no-deps mxnet==1.9.1"
        )
    if any(name in reason for name in ("libgomp", "libquadmath")):
        return "On Debian and Ubuntu: apt-get install libgomp1 libquadmath0"
    if cuda_build():
        return (
            "The GPU build needs the nvidia-*-cu11 wheels, "
            "which colab.py in the book's repository lists."
        )
    return "Install it again: pip install --no-deps --force-reinstall mxnet==1.9.1"


@contextlib.contextmanager
def _lent_names() -> Iterator[None]:
    """Lend NumPy the names in `LENT_NAMES` that it lacks; take them away again at the
    end.
    """
    names = LENT_NAMES | {name: _gone(name) for name in _FINANCE}
    missing = [name for name in names if name not in vars(onp)]
    for name in missing:
        setattr(onp, name, names[name])
    try:
        yield
    finally:
        for name in missing:
            delattr(onp, name)


def _gone(name: str):
    def gone(*args, **kwargs):
        raise NotImplementedError(f"numpy.{name} was removed in NumPy 1.20: use numpy-financial")

    return gone


@contextlib.contextmanager
def _lent_distutils() -> Iterator[None]:
    """Lend Python a `distutils.version`, which left it in 3.12 and warns in 3.10 and
    3.11.
    """
    from packaging.version import Version

    package, version = (
        types.ModuleType("distutils"),
        types.ModuleType("distutils.version"),
    )
    package.version, package.__path__ = version, []
    version.LooseVersion = version.StrictVersion = Version
    lent = {"distutils": package, "distutils.version": version}
    before = {name: sys.modules[name] for name in lent if name in sys.modules}
    sys.modules.update(lent)
    try:
        yield
    finally:
        for name in lent:
            del sys.modules[name]
        sys.modules.update(before)


def _patch_mxnet() -> None:
    """Give MXNet's own modules what they need at run time. NumPy itself is not
    touched.
    """
    old_names = LENT_NAMES | {"compat": types.SimpleNamespace(basestring=str)}
    for module_name, (alias, names) in PRIVATE_NAMES.items():
        module = sys.modules.get(module_name)
        if module is None or getattr(module, alias) is not onp:
            continue
        view = types.ModuleType("numpy", "NumPy, with the old names that this MXNet module uses.")
        view.__dict__.update(vars(onp))
        view.__dict__.update({name: old_names[name] for name in names if name not in vars(onp)})
        # Submodules that NumPy loads on demand
        view.__getattr__ = functools.partial(getattr, onp)
        setattr(module, alias, view)
    for name in TEXT_MODULES:
        sys.modules[name].str = _AttributeText
    parameter = sys.modules["mxnet"].gluon.Parameter
    if not hasattr(parameter._load_init, "__wrapped__"):
        parameter._load_init = _loads_np_arrays(parameter._load_init)


def _loads_np_arrays(load_init: Callable) -> Callable:
    """Wrap `Parameter._load_init(data, ...)`: with the NumPy interface, `data` is of
    its kind of array.
    """

    @functools.wraps(load_init)
    def wrapped(self, data, *args, **options):
        if sys.modules["mxnet"].util.is_np_array():
            data = data.as_np_ndarray()
        return load_init(self, data, *args, **options)

    return wrapped


class _AttributeTextType(type):
    """Make `_AttributeText(value)` a plain string, and `isinstance(value,
    _AttributeText)` a test for one.
    """

    def __call__(cls, value: object = "") -> str:
        return str(_unwrapped(value))

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, str)


class _AttributeText(metaclass=_AttributeTextType):
    """Stands in for `str` in MXNet's modules: NumPy scalars, also in nested tuples,
    print as plain numbers.
    """


def _unwrapped(value):
    if isinstance(value, onp.generic):
        return value.item()
    if type(value) in (tuple, list):
        return type(value)(_unwrapped(item) for item in value)
    return value


def cuda_build() -> str | None:
    """Name of the installed GPU build of MXNet (one of `CUDA_BUILDS`), or None for the
    CPU build.
    """
    for name in CUDA_BUILDS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.distribution(name)
            return name
    return None


def load_cuda_libraries(search_path: list[str] | None = None) -> list[Path]:
    """Load the CUDA 11 libraries of the installed `nvidia-*-cu11` wheels, and return
    their paths.

    Libraries that no wheel supplies are left to the system's loader. `search_path`
    names the folders to look in instead of `sys.path`; each is expected to hold
    `nvidia/<name>/lib/<file>`. The folder with CUDA 11's runtime comes first: CUDA 12's
    wheels hold some files of the same names.

    Raises
    ------
    ImportError
        A library is there but does not load; the message names it and the loader's
        reason.
    """
    roots = [Path(root, "nvidia") for root in (sys.path if search_path is None else search_path)]
    roots.sort(
        key=lambda root: not root.joinpath("cuda_runtime", "lib", "libcudart.so.11.0").is_file()
    )
    loaded = []
    for folder, file_name in CUDA_LIBRARIES:
        paths = [root / folder / "lib" / file_name for root in roots]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            continue
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ImportError(f"cannot load {file_name} from its wheel: {error}") from error
        loaded.append(path)
    return loaded


@functools.cache
def _usable(index: int) -> bool:
    """Whether GPU `index` runs a kernel of this MXNet build; says why not, once, if it
    is there but does not.
    """
    import mxnet as mx

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
    import mxnet as mx

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
    import mxnet as mx

    index = _integer("index", index, 2**31)
    return mx.gpu(index) if index < _num_gpus() and _usable(index) else mx.cpu()


def try_all_gpus() -> list:
    """Return all GPUs that this MXNet build can run on, or `[cpu()]` if there is
    none.
    """
    import mxnet as mx

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
    import mxnet as mx

    seed = _integer("seed", seed, 2**32)
    random.seed(seed)
    onp.random.seed(seed)
    mx.random.seed(seed)


def _integer(name: str, value, limit: int) -> int:
    """Return `value` as a Python integer in [0, limit); NumPy integers count, booleans
    and floats do not.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | onp.bool_):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if not 0 <= number < limit:
        raise ValueError(f"{name} must be in [0, {limit}), got {value!r}")
    return number


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
