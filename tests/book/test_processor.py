"""The instruction set is held where it must be: oneDNN, three OpenBLAS, NumPy, and in whatever
way pytest is started.
"""

import os
import platform
import subprocess
import sys

import numpy as onp
import pytest
import scipy.linalg  # noqa: F401  (loads SciPy's OpenBLAS)
from threadpoolctl import threadpool_info

from book.publishing import processor
from tests.book.publishing import ROOT

ISA = {"avx2": "Intel AVX2", "avx": "Intel AVX", "sse4.1": "Intel SSE4.1"}
VERBOSE = """
import d2l_attention
from mxnet import np, npx
print(npx.softmax(np.ones((8, 8))).sum())
"""
on_x86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="only x86 processors have these instruction sets",
)


@pytest.fixture
def choice(monkeypatch):
    """Chooses a set, without pinning it."""
    return lambda name: monkeypatch.setenv(processor.VARIABLE, name)


@on_x86
def test_this_process_is_held_to_its_set():
    name = processor.chosen()
    wanted = processor.variables(name)
    assert {key: os.environ.get(key) for key in wanted} == wanted
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == (
        "1",
        "1",
    )
    if name == "native":
        pytest.skip("nothing is pinned in this run")
    cores = {i["filepath"]: i["architecture"] for i in threadpool_info() if i["user_api"] == "blas"}
    assert len(cores) >= 3, "MXNet's, NumPy's and SciPy's"
    assert set(cores.values()) == {wanted["OPENBLAS_CORETYPE"]}


@on_x86
def test_numpy_uses_nothing_above_the_set():
    if (name := processor.chosen()) == "native":
        pytest.skip("nothing is pinned in this run")
    extensions = onp.show_config(mode="dicts")["SIMD Extensions"]
    used = set(extensions.get("found", []))  # nothing is not listed
    dispatched = used | set(extensions.get("not found", []))
    assert not {f for f in used if f.startswith(("AVX512", "X86_V4"))}
    assert bool(used & {"AVX2", "X86_V3"}) == (name == "avx2")
    assert set(processor.variables(name)["NPY_DISABLE_CPU_FEATURES"].split()) <= dispatched, (
        "NumPy does not know these names, and only warns"
    )


@on_x86
@pytest.mark.parametrize("name", processor.SETS)
def test_onednn_and_openblas_obey(name, choice):
    try:
        choice(name), processor.chosen()
    except ValueError as error:
        pytest.skip(str(error))
    verbose = {"DNNL_VERBOSE": "1", "OPENBLAS_VERBOSE": "2"}
    done = subprocess.run(
        [sys.executable, "-c", VERBOSE],
        env=os.environ | processor.variables(name) | verbose,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"cpu,isa:{ISA[name]}\n" in done.stdout
    cores = {line for line in done.stderr.splitlines() if line.startswith("Core: ")}
    assert cores == {f"Core: {processor.SETS[name]['OPENBLAS_CORETYPE']}"}


def by_hand(*arguments, **environment):
    """pytest as somebody types it, in a shell in which nothing is set."""
    pinned = {processor.VARIABLE, *(k for s in processor.SETS.values() for k in s)}
    clean = {k: v for k, v in os.environ.items() if k not in pinned | {"PYTEST_XDIST_WORKER"}}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-p",
            "no:cacheprovider",
            *arguments,
        ],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@on_x86
@pytest.mark.parametrize("name", ["", "sse4.1", "native"])
def test_it_is_in_force_for_who_runs_pytest_by_hand(name):
    given = {processor.VARIABLE: name} if name else {}
    done = by_hand("--nbval", "chapters/01_nadaraya_watson/index.ipynb", **given)
    assert done.returncode == 0, done.stdout
    assert f"instruction set: {name or 'avx2'} " in done.stdout


def test_an_unknown_set_is_refused_in_a_sentence():
    done = by_hand("tests/book/test_processor.py", **{processor.VARIABLE: "avx9"})
    assert done.returncode == 4  # pytest: wrong usage
    assert "must be native or one of avx2, avx, sse4.1, got 'avx9'" in done.stderr


@on_x86
def test_a_set_that_the_processor_lacks_is_refused(choice, monkeypatch):
    choice("avx2")
    monkeypatch.setattr(processor, "features", lambda: {"sse4_1", "avx"})
    with pytest.raises(ValueError, match=r"no avx2; .*=sse4\.1"):
        processor.chosen()
    choice("avx")
    assert processor.chosen() == "avx"


def test_other_processors_have_nothing_to_pin(choice, monkeypatch):
    choice("avx2")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor.variables(processor.chosen()) == {}


@on_x86
def test_choosing_too_late_is_refused(choice, monkeypatch):
    choice("sse4.1")
    for key in processor.SETS["sse4.1"]:
        monkeypatch.delenv(key, raising=False)
    with pytest.raises(RuntimeError, match="before NumPy is imported"):
        processor.pin()


@pytest.mark.parametrize(
    "numpy, above",
    [("1.23.5", "AVX512_ICL"), ("2.2.6", "AVX512_SPR"), ("2.5.5", "X86_V4")],
)
def test_numpy_s_names_follow_its_version(numpy, above, monkeypatch):
    monkeypatch.setattr(processor, "version", lambda package: numpy)
    names = processor.variables("avx2")["NPY_DISABLE_CPU_FEATURES"].split()
    assert above in names and "AVX2" not in names
    assert set(names) < set(processor.variables("avx")["NPY_DISABLE_CPU_FEATURES"].split())
