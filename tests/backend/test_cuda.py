"""CUDA 11's libraries are loaded from wheels in an order that works, before MXNet's GPU build and no other."""

import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from d2l_attention.backend import cuda
from tests.backend.fresh import NOT_PREPARED, output, run

NEEDS = {  # which fake library links against which: as the real ones do, and without a search path
    "libcublas.so.11": ["libcublasLt.so.11"],
    "libcudnn.so.8": ["libcublas.so.11", "libcublasLt.so.11"],
    "libcusolver.so.11": ["libcublas.so.11", "libcublasLt.so.11", "libcusparse.so.11"],
}
LOAD = NOT_PREPARED + "from d2l_attention.backend import cuda\n"


@pytest.fixture(scope="module")
def fake_wheels(tmp_path_factory) -> Path:
    """A folder laid out like site-packages with all of `CUDA_LIBRARIES`, each a library
    of one function.
    """
    if not (gcc := shutil.which("gcc")):
        pytest.skip("needs gcc to build small shared libraries")
    root = tmp_path_factory.mktemp("wheels")
    for folder, name in cuda.CUDA_LIBRARIES:
        path = root / "nvidia" / folder / "lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        needed = NEEDS.get(name, [])
        source = path.with_suffix(".c")
        source.write_text(
            "".join(f"int f_{_symbol(other)}(void);\n" for other in needed)
            + f"int f_{_symbol(name)}(void) {{ return 1"
            + "".join(f" + f_{_symbol(other)}()" for other in needed)
            + "; }\n"
        )
        others = [str(next(root.rglob(other))) for other in needed]
        # -z now: every symbol must be found when the library is loaded, not when it is
        # first called.
        options = ["-shared", "-fPIC", "-Wl,-z,now", f"-Wl,-soname,{name}"]
        subprocess.run([gcc, *options, "-o", str(path), str(source), *others], check=True)
    return root


def _symbol(name: str) -> str:
    return name.replace(".", "_")


def test_cuda_libraries_load_in_an_order_that_works(fake_wheels):
    code = (
        LOAD
        + f"loaded = cuda.load_cuda_libraries([{str(fake_wheels)!r}])\nprint(*[p.name for p in loaded])"
    )
    assert output(code).split() == [name for _, name in cuda.CUDA_LIBRARIES]


def test_cuda_libraries_do_not_load_in_reverse(fake_wheels):
    """So the fake libraries do depend on each other, and the test above tests
    something.
    """
    code = LOAD + "cuda.CUDA_LIBRARIES = cuda.CUDA_LIBRARIES[::-1]\n"
    result = run(code + f"cuda.load_cuda_libraries([{str(fake_wheels)!r}])")
    assert "ImportError: cannot load libcusolver.so.11" in result.stderr


def test_cuda_libraries_that_no_wheel_supplies_are_left_out(fake_wheels, tmp_path):
    shutil.copytree(fake_wheels, tmp_path, dirs_exist_ok=True)
    (tmp_path / "nvidia/nccl/lib/libnccl.so.2").unlink()
    code = LOAD + f"print(*[p.name for p in cuda.load_cuda_libraries([{str(tmp_path)!r}])])"
    assert output(code).split() == [name for _, name in cuda.CUDA_LIBRARIES[:-1]]
    assert cuda.load_cuda_libraries([str(tmp_path / "nowhere")]) == []


def test_broken_cuda_library_is_named(fake_wheels, tmp_path):
    shutil.copytree(fake_wheels, tmp_path, dirs_exist_ok=True)
    (tmp_path / "nvidia/cufft/lib/libcufft.so.10").write_text("half a download")
    result = run(LOAD + f"cuda.load_cuda_libraries([{str(tmp_path)!r}])")
    assert "ImportError: cannot load libcufft.so.10 from its wheel" in result.stderr


def test_cuda_12_wheels_beside_are_passed_over(fake_wheels, tmp_path):
    """Some files of CUDA 12's wheels have the names of CUDA 11's (cuRAND, NCCL); CUDA
    11's are taken.
    """
    for folder, name in (
        ("cuda_runtime", "libcudart.so.12"),
        ("curand", "libcurand.so.10"),
        ("nccl", "libnccl.so.2"),
    ):
        path = tmp_path / "nvidia" / folder / "lib" / name
        path.parent.mkdir(parents=True)
        path.write_text("not to be loaded")
    code = (
        LOAD
        + f"loaded = cuda.load_cuda_libraries([{str(tmp_path)!r}, {str(fake_wheels)!r}])\nprint(*loaded)"
    )
    paths = output(code).split()
    assert len(paths) == len(cuda.CUDA_LIBRARIES)
    assert all(path.startswith(str(fake_wheels)) for path in paths)


def test_cuda_libraries_are_loaded_for_a_gpu_build_alone(tmp_path):
    """A GPU build is recognised by its distribution; the libraries are loaded before
    MXNet is imported.
    """
    (tmp_path / "mxnet_cu112-1.9.1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: mxnet-cu112\nVersion: 1.9.1\n"
    (tmp_path / "mxnet_cu112-1.9.1.dist-info/METADATA").write_text(metadata)
    (tmp_path / "mxnet.py").write_text("raise RuntimeError(print('mxnet'))")
    code = """
    from d2l_attention.backend import compatibility
    compatibility.load_cuda_libraries = lambda: print('libraries')
    sys.path.insert(0, FOLDER)  # before the real MXNet
    print(compatibility.cuda_build())
    try:
        compatibility.prepare()
    except RuntimeError:
        pass
    """
    code = NOT_PREPARED + textwrap.dedent(code).replace("FOLDER", repr(str(tmp_path)))
    assert output(code).split() == ["mxnet-cu112", "libraries", "mxnet"]
    (tmp_path / "mxnet_cu112-1.9.1.dist-info/METADATA").unlink()
    (tmp_path / "mxnet_cu112-1.9.1.dist-info").rmdir()
    assert output(code).split() == ["None", "mxnet"]
