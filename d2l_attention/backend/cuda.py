"""The CUDA 11 libraries that MXNet's GPU builds link against, loaded from wheels."""

import contextlib
import ctypes
import importlib.metadata
import sys
from pathlib import Path

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
