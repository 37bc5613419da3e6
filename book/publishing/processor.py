"""Which instruction set tests and `make execute` compute with: the one place that says so.

MXNet's oneDNN, OpenBLAS, NumPy and the C library each look at the processor and choose
their code by it. The same softmax, dense layer or exponential then differs in its last
bits from machine to machine, and training amplifies that: an early stop moves by
hundreds of epochs, an answer at the border flips. So outputs that are committed and
outputs that are compared are computed with AVX2, which x86 processors have had since
2013, even where the machine can do more. A reader's own run is not touched: `make lab`,
Colab and scripts use what the processor has.

`D2L_ATTENTION_INSTRUCTIONS` names another set: `sse4.1` or `avx`, with which any machine
stands in for one that computes differently (`make test-portable`), or `native`, which
pins nothing.

The variables must be set before the libraries load, and GLIBC_TUNABLES before the
process starts. The repository's conftest.py does so whenever pytest runs, by
hand or by make, for its workers and for the kernels of the notebooks; the pytest process
itself keeps the C library's choice, with which only oracles within a tolerance compute.
"""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

VARIABLE = "D2L_ATTENTION_INSTRUCTIONS"
DEFAULT = "avx2"
# What a processor must have (names of /proc/cpuinfo), and how three libraries are told
SETS = {
    "avx2": {
        "needs": {"avx2", "fma"},
        "DNNL_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "avx": {
        "needs": {"avx"},
        "DNNL_MAX_CPU_ISA": "AVX",
        "OPENBLAS_CORETYPE": "Sandybridge",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    },
    "sse4.1": {
        "needs": {"sse4_1"},
        "DNNL_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    },
}
# NumPy wants to be told what *not* to use, by names that depend on its version, and only
# warns at names that it does not know
ABOVE_AVX2 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"
NUMPY_WITHOUT = {  # first version: (what is above AVX2, AVX2 and what came with it)
    (1, 23): (ABOVE_AVX2.removesuffix(" AVX512_SPR"), "FMA3 AVX2"),
    (1, 25): (ABOVE_AVX2, "FMA3 AVX2"),
    (2, 4): ("X86_V4 AVX512_ICL AVX512_SPR", "X86_V3"),
}


def chosen() -> str:
    """The name of the instruction set to compute with: avx2, avx, sse4.1 or native.

    Raises ValueError for any other name, and where the processor does not have the set.
    """
    name = os.environ.get(VARIABLE) or DEFAULT
    if name != "native" and name not in SETS:
        raise ValueError(f"{VARIABLE} must be native or one of {', '.join(SETS)}, got {name!r}")
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return "native"  # other processors have no such sets to choose from
    if name != "native" and not SETS[name]["needs"] <= features():
        raise ValueError(
            f"this processor has no {name}; compute with what it has: {VARIABLE}=sse4.1"
        )
    return name


def features() -> set[str]:
    """What the processor can do; everything, where the system does not say."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = next((line for line in lines if line.startswith("flags")), None)
    return set(flags.split()) if flags else set().union(*(s["needs"] for s in SETS.values()))


def variables(name: str) -> dict[str, str]:
    """The environment that holds all libraries to an instruction set."""
    if name == "native":
        return {}
    found = {k: v for k, v in SETS[name].items() if k != "needs"}
    numpy = tuple(map(int, version("numpy").split(".")[:2]))
    above, avx2 = NUMPY_WITHOUT[max(first for first in NUMPY_WITHOUT if first <= numpy)]
    found["NPY_DISABLE_CPU_FEATURES"] = above if name == "avx2" else f"{avx2} {above}"
    return found


def pin() -> str:
    """Hold this process, and all that it starts, to the chosen set and to one thread.

    Returns the set's name. Raises RuntimeError if NumPy is loaded, which is too late.
    """
    wanted = variables(chosen())
    if "numpy" in sys.modules and not wanted.items() <= os.environ.items():
        raise RuntimeError(f"{VARIABLE} must be set before NumPy is imported")
    os.environ.update(wanted)
    # A second thread adds in another order, and the last bit moves
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    return chosen()
