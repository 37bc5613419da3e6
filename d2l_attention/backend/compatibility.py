"""Make MXNet 1.9.1 run on today's Python, NumPy and CUDA drivers.

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
   loaded first, in an order in which each finds what it needs (`backend.cuda`).
   Nothing is loaded for the CPU build.
4. **A block without children could not be loaded.** For such a block
   `load_parameters` reads arrays of MXNet's older kind, with which a network of the
   NumPy interface fails at its next call. They are turned into the newer kind.
"""

import contextlib
import functools
import importlib
import sys
import threading
import types
from collections.abc import Callable, Iterator

import numpy as onp

from d2l_attention.backend.cuda import cuda_build, load_cuda_libraries


def _gone(name: str):
    def gone(*args, **kwargs):
        raise NotImplementedError(f"numpy.{name} was removed in NumPy 1.20: use numpy-financial")

    return gone


# What MXNet 1.9.1 looks up in NumPy while it is imported and current NumPy no longer
# has. Real values where one exists; a financial function (moved to numpy-financial in
# 2019) gets a stub that says so.
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
} | {name: _gone(name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")}
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
    missing = [name for name in LENT_NAMES if name not in vars(onp)]
    for name in missing:
        setattr(onp, name, LENT_NAMES[name])
    try:
        yield
    finally:
        for name in missing:
            delattr(onp, name)


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
    load_init = parameter._load_init  # noqa: SLF001  (there is no public place to mend)
    if not hasattr(load_init, "__wrapped__"):
        parameter._load_init = _loads_np_arrays(load_init)  # noqa: SLF001


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
