"""Install on Google Colab what the book's notebooks need: `python colab.py`, or from a
notebook's setup cell.

Colab brings Python, NumPy, Matplotlib and the rest of the scientific stack, newer than
the book's own lock in places; those stay as they are. Installed with `--no-deps`, and
only where missing, are MXNet and what else Colab may lack. With a GPU on which MXNet's
CUDA 11 build can run, that build is taken, and the CUDA 11 libraries go into a folder
of their own, so that Colab's CUDA 12 or 13 libraries stay untouched.

Standard library only: this file runs before anything is installed, and nothing imports
it.
"""

import importlib
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CUDA_FOLDER = ROOT / ".cuda11"
# First and last that MXNet 1.9.1 and this package are tested on
PYTHONS = ((3, 10), (3, 13))
# MXNet's GPU build has machine code for 5.0 to 8.6, which also runs on 8.9
CAPABILITIES = (5.0, 9.0)

MXNET = "mxnet==1.9.1"
MXNET_GPU = "mxnet-cu112==1.9.1"
PACKAGES = (
    "colorama==0.4.6",
    "d2l==1.0.3",
    "platformdirs==4.12.4",
    "pooch==1.9.0",
    "portalocker==4.4.0",
    "sacrebleu==2.6.0",
    "tabulate==0.10.0",
    "tokenizers==0.23.2",
)
CUDA_WHEELS = (
    "nvidia-cublas-cu11==11.11.3.6",
    "nvidia-cuda-nvrtc-cu11==11.8.89",
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cudnn-cu11==8.9.6.50",
    "nvidia-cufft-cu11==10.9.0.58",
    "nvidia-curand-cu11==10.3.0.86",
    "nvidia-cusolver-cu11==11.4.1.48",
    "nvidia-nccl-cu11==2.21.5",
    "nvidia-nvtx-cu11==11.8.86",
)


def install() -> None:
    """Install what is missing, put the package on `sys.path`, and print two lines that
    say what happened.

    Raises
    ------
    RuntimeError
        Python is not one that MXNet 1.9.1 runs on, or pip fails; the message says what
        to do.
    """
    check_python(sys.version_info[:2])
    gpus = find_gpus()
    with_gpu = any(runs_mxnet(capability) for _, capability in gpus)
    print(f"Python {platform.python_version()}, {describe(gpus)}", flush=True)
    pip_install(missing((MXNET_GPU if with_gpu else MXNET, *PACKAGES)))
    # All of them or none: they share a folder
    if with_gpu and missing(CUDA_WHEELS, [str(CUDA_FOLDER)]):
        pip_install(CUDA_WHEELS, "--upgrade", "--target", str(CUDA_FOLDER))
    for folder in (str(ROOT), *([str(CUDA_FOLDER)] if with_gpu else [])):
        if folder not in sys.path:
            sys.path.append(folder)
    importlib.invalidate_caches()
    print(
        f"Ready: MXNet 1.9.1 for the {'GPU' if with_gpu else 'CPU'} is installed; run the next cell."
    )


def check_python(version: tuple[int, int]) -> None:
    """Raise RuntimeError unless `version`, such as (3, 13), lies within `PYTHONS`."""
    first, last = PYTHONS
    if not first <= version <= last:
        raise RuntimeError(
            f"This is Python {version[0]}.{version[1]}; MXNet 1.9.1 and this book run on Python "
            f"{first[0]}.{first[1]} to {last[0]}.{last[1]}. On Colab, choose an older runtime version "
            "under Runtime > Change runtime type; or run the book on your own computer as the README says."
        )


def find_gpus() -> list[tuple[str, float]]:
    """Return name and compute capability of each GPU that `nvidia-smi` lists; []
    without a GPU.
    """
    query = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, check=False, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    if answer.returncode:
        return []
    gpus = []
    for line in answer.stdout.strip().splitlines():
        name, _, capability = line.rpartition(",")
        try:
            gpus.append((name.strip(), float(capability)))
        except ValueError:  # "[N/A]", or an old nvidia-smi that does not know the field
            continue
    return gpus


def runs_mxnet(capability: float) -> bool:
    """Whether a GPU of this compute capability can run MXNet's CUDA 11 build.

    >>> [runs_mxnet(capability) for capability in (7.5, 8.9, 9.0)]
    [True, True, False]
    """
    return CAPABILITIES[0] <= capability < CAPABILITIES[1]


def describe(gpus: list[tuple[str, float]]) -> str:
    """Say in one line what the GPUs mean for the installation."""
    if not gpus:
        return "no GPU: installing MXNet for the CPU (50 MB)."
    names = ", ".join(f"{name} (compute capability {capability})" for name, capability in gpus)
    if any(runs_mxnet(capability) for _, capability in gpus):
        return f"{names}: installing MXNet for CUDA 11 (2 GB, a few minutes)."
    return (
        f"{names}: MXNet has no code for this GPU (5.0 to 8.9 run), so installing it for the CPU."
    )


def missing(requirements: Sequence[str], path: list[str] | None = None) -> list[str]:
    """Return those of `requirements` ("name==version") of which no version is installed
    (in `path`).
    """
    places = {} if path is None else {"path": path}
    names = {
        str(found.metadata["Name"]).lower() for found in importlib.metadata.distributions(**places)
    }
    return [
        requirement for requirement in requirements if requirement.partition("==")[0] not in names
    ]


def pip_install(requirements: Sequence[str], *options: str) -> None:
    """Install exactly `requirements`, without what they depend on; raise RuntimeError
    with pip's last lines.
    """
    if not requirements:
        return
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        *options,
        *requirements,
    ]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        reason = "\n".join((answer.stderr or answer.stdout).strip().splitlines()[-3:])
        raise RuntimeError(f"pip could not install {', '.join(requirements)}:\n{reason}")


if __name__ == "__main__":
    install()
