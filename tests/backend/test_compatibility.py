"""The runtime: MXNet 1.9.1 imports and works under this Python and NumPy; CUDA
libraries, devices, seeds.

Whatever happens only once in a process, above all the import, is tried out in a fresh
one.
"""

import importlib.util
import os
import random
import shutil
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as onp
import pytest

import d2l_attention
from d2l_attention import runtime, seed_everything, try_all_gpus, try_gpu

import mxnet as mx
from mxnet import autograd, gluon, np, npx
from mxnet.gluon import nn

ROOT = Path(__file__).resolve().parents[2]
WORKS = """
from mxnet import np, npx, autograd, gluon
net = gluon.nn.Dense(1)
net.initialize()
net.hybridize()
with autograd.record():
    loss = net(np.ones((4, 3))).sum()
loss.backward()
assert npx.is_np_array() and net.weight.grad().asnumpy().tolist() == [[4.0, 4.0, 4.0]]
print("works")
"""


def run(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `code` in a fresh Python that finds this repository's package."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    environment = (
        inherited | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"} | environment
    )
    command = [sys.executable, *options, "-c", textwrap.dedent(code)]
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


def output(code: str, *options: str, **environment: str) -> str:
    result = run(code, *options, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


# ------------------------------------------------------------------------------- import

ORDERS = {
    "first": "import d2l_attention",
    "after numpy": "import numpy, numpy.linalg, numpy.random\nimport d2l_attention",
    # Fails under NumPy 2 and leaves half of its modules behind; works under NumPy 1.23.
    "after mxnet": "try:\n    import mxnet\nexcept Exception:\n    pass\nimport d2l_attention",
    "after two failures": "for _ in range(2):\n    try:\n        import mxnet\n    except Exception:\n"
    "        pass\nimport d2l_attention",
    "twice": "import sys, d2l_attention\nfor name in list(sys.modules):\n"
    "    if name.startswith('d2l_attention'):\n        del sys.modules[name]\n"
    "import d2l_attention\nd2l_attention.backend.compatibility.prepare()",
}


@pytest.mark.parametrize("order", ORDERS)
def test_import_order(order):
    assert output(ORDERS[order] + WORKS) == "works"


def test_import_in_threads():
    """Whichever thread comes first imports; each thread that calls `prepare` has
    MXNet's NumPy interface.
    """
    code = f"""
    import threading
    results = []
    def work():
        import d2l_attention
        d2l_attention.backend.compatibility.prepare()
        exec({WORKS.replace('print("works")', "")!r}, dict())
        results.append(True)
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    work()
    print(len(results))
    """
    assert output(code) == "4"


def test_d2l_imports():
    if missing := [
        name for name in ("d2l", "IPython", "matplotlib", "pandas") if not _installed(name)
    ]:
        pytest.skip(f"d2l needs {', '.join(missing)}")
    code = "import d2l_attention\nfrom d2l import mxnet as d2l\nprint(d2l.ones((2, 2)).sum())"
    assert output(code) == "4.0"


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def test_import_leaves_numpy_and_distutils_alone():
    """NumPy has the same names and objects as before, apart from submodules of its own
    that MXNet loads.
    """
    code = """
    import sys, types, numpy
    before = dict(vars(numpy))
    distutils = sorted(name for name in sys.modules if name.split('.')[0] == 'distutils')
    import d2l_attention
    after = dict(vars(numpy))
    new = [name for name in after if name not in before and not isinstance(after[name], types.ModuleType)]
    changed = [name for name in before if after.get(name) is not before[name]]
    left = sorted(name for name in sys.modules if name.split('.')[0] == 'distutils')
    print(new, changed, left == distutils)
    """
    assert output(code) == "[] [] True"


def test_distutils_that_was_there_is_there_again():
    code = """
    import sys, types
    mine = sys.modules['distutils'] = types.ModuleType('distutils')
    import d2l_attention
    print(sys.modules['distutils'] is mine, 'distutils.version' in sys.modules)
    """
    assert output(code) == "True False"


def test_numpy_is_restored_when_the_import_fails():
    code = """
    import numpy, sys, types
    before = dict(vars(numpy))
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == 'mxnet.gluon':
                raise RuntimeError('broken on purpose')
    sys.meta_path.insert(0, Broken())
    try:
        import d2l_attention
    except RuntimeError as error:
        left = {name: value for name, value in vars(numpy).items() if name not in before}
        print(error, [name for name in left if not isinstance(left[name], types.ModuleType)], 'distutils' in sys.modules)
    """
    assert output(code) == "broken on purpose [] False"


def test_every_lent_name_is_needed():
    """With one name missing, the import of MXNet fails on that name; so the list is
    minimal.
    """
    code = """
    import re, sys, warnings
    import numpy as onp
    from importlib import import_module, util
    sys.modules['d2l_attention'] = util.module_from_spec(util.find_spec('d2l_attention'))  # not executed
    runtime = import_module('d2l_attention.backend.compatibility')
    warnings.simplefilter('ignore')
    before = set(vars(onp))
    for name in [*runtime.LENT_NAMES, *runtime._FINANCE]:
        if name in before or hasattr(onp, name):  # NumPy 1 has stubs of its own for some
            continue
        with runtime._lent_distutils(), runtime._lent_names():
            delattr(onp, name)
            try:
                runtime._import_mxnet()
                print('not needed:', name)
            except (AttributeError, RuntimeError) as error:
                if not re.search(rf'\\b{name}\\b', str(error)):
                    print('fails for another reason:', name, error)
            setattr(onp, name, None)
            for module in [module for module in sys.modules if module.split('.')[0] == 'mxnet']:
                del sys.modules[module]
    with runtime._lent_names():
        try:
            sys.modules['distutils'] = None
            runtime._import_mxnet()
            print('not needed: distutils')
        except ModuleNotFoundError as error:
            assert 'distutils' in str(error), error
    """
    assert output(code) == ""


def test_import_warns_of_nothing(tmp_path):
    """Not even while MXNet's sources are compiled for the first time."""
    cache = str(tmp_path)
    result = run("import numpy\nimport d2l_attention", "-W", "error", PYTHONPYCACHEPREFIX=cache)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_missing_mxnet_says_what_to_install():
    code = """
    import sys
    class NoMXNet:
        def find_spec(self, name, path=None, target=None):
            if name.split('.')[0] == 'mxnet':
                raise ModuleNotFoundError(f'No module named {name!r}', name=name)
    sys.meta_path.insert(0, NoMXNet())
    try:
        import d2l_attention
    except ImportError as error:
        print(error)
    """
    assert output(code) == "MXNet is not installed: pip install --no-deps mxnet==1.9.1"


@pytest.mark.parametrize(
    ("library", "cure"),
    [
        ("libcuda.so.1", "needs an NVIDIA driver"),
        ("libcudnn.so.8", "needs the nvidia-*-cu11 wheels"),
        ("libquadmath.so.0", "apt-get install libgomp1 libquadmath0"),
    ],
)
def test_library_that_does_not_load_says_what_to_do(monkeypatch, library, cure):
    def fails(name):
        raise OSError(f"{library}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(runtime.importlib, "import_module", fails)
    monkeypatch.setattr(runtime, "cuda_build", lambda: "mxnet-cu112")
    monkeypatch.setattr(sys, "modules", dict(sys.modules))  # the loaded MXNet stays
    with pytest.raises(ImportError, match=library) as caught:
        runtime._import_mxnet()
    assert cure in str(caught.value)


# ------------------------------------------------------ NumPy scalars and dropped names

THREE, TWO, ONE, HALF = onp.int64(3), onp.int64(2), onp.int32(1), onp.float64(0.5)


class Shapes(nn.HybridBlock):
    """Every kind of attribute: integer, float, tuple, nested tuple, dtype, text."""

    def hybrid_forward(self, F, x):
        x = F.np.pad(x, ((0, ONE), (ONE, 0)), mode="constant")
        x = F.npx.reshape(x, (onp.int64(-1), TWO))
        x = F.np.concatenate(
            [F.np.tile(x, (ONE, TWO)), F.np.ones((THREE, onp.int64(4)))],
            axis=onp.int64(0),
        )
        return F.np.sum(x, axis=(onp.int64(0), ONE)) * onp.float32(0.5)


MODES = [
    {"active": False},
    {"active": True},
    {"active": True, "static_alloc": True, "static_shape": True},
]


@pytest.mark.parametrize("mode", MODES, ids=["imperative", "hybrid", "static"])
def test_numpy_scalars_as_operator_attributes(mode):
    block = Shapes()
    block.hybridize(**mode)
    # Padded to (2, 4), reshaped to (4, 2), tiled to (4, 4), three rows of ones
    x = np.arange(3).reshape(1, 3)
    assert block(x).item() == 0.5 * (2 * (0 + 1 + 2) + 12)


@pytest.mark.parametrize("mode", MODES, ids=["imperative", "hybrid", "static"])
def test_numpy_integers_as_layer_sizes(mode):
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(onp.int64(4), (THREE, THREE), padding=(ONE, 1), in_channels=ONE),
        nn.MaxPool2D((TWO, 2)),
        nn.Dense(onp.int64(5), in_units=onp.int64(64)),
        nn.Dropout(HALF),
        nn.Dense(THREE, in_units=onp.int64(5)),
    )
    net.initialize(mx.init.Xavier(magnitude=onp.float64(2.24)))
    net.hybridize(**mode)
    with autograd.record():
        loss = net(np.ones((2, 1, 8, 8))).sum()
    loss.backward()
    assert net(np.ones((2, 1, 8, 8))).shape == (2, 3)
    assert net[4].bias.grad().asnumpy().tolist() == [2.0, 2.0, 2.0]


def test_numpy_integers_in_array_functions():
    assert np.zeros((3, onp.int64(30))).shape == (3, 30)
    assert np.zeros(THREE).shape == (3,)
    assert np.full((TWO, 2), HALF).sum().item() == 2.0
    assert np.random.normal(HALF, HALF, size=(THREE, TWO)).shape == (3, 2)
    assert mx.nd.zeros((THREE, 2)).shape == (3, 2)
    x = np.arange(6).reshape(onp.int64(2), THREE)
    assert np.split(x, [onp.int64(1)], axis=onp.int64(1))[0].shape == (2, 1)
    assert x[onp.int64(1), : onp.int64(2)].asnumpy().tolist() == [3.0, 4.0]
    assert npx.topk(x, k=TWO, axis=onp.int64(1), ret_typ="value").asnumpy().tolist() == [
        [2, 1],
        [5, 4],
    ]
    assert mx.sym.var("x", shape=(THREE, TWO)).attr("__shape__") == "(3, 2)"


def test_orthogonal_initialiser():
    weight = gluon.Parameter("weight", shape=(3, 4), init=mx.init.Orthogonal(scale=1))
    weight.initialize()
    rows = weight.data().asnumpy()
    onp.testing.assert_allclose(rows @ rows.T, onp.eye(3), atol=1e-5)


def test_uneven_split_and_load():
    parts = gluon.utils.split_and_load(np.zeros((7, 2)), [mx.cpu(0), mx.cpu(1)], even_split=False)
    assert [len(part) for part in parts] == [4, 3]


@pytest.mark.parametrize("mode", ["edge", "reflect", "constant"])
@pytest.mark.parametrize("hybrid", [False, True])
def test_pad_takes_its_mode_as_text(mode, hybrid):
    class Pad(nn.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.np.pad(x, ((1, 1), (2, 0)), mode=mode)

    block, x = Pad(), onp.arange(6, dtype="float32").reshape(2, 3)
    block.hybridize(hybrid)
    assert (block(np.array(x)).asnumpy() == onp.pad(x, ((1, 1), (2, 0)), mode=mode)).all()


def test_early_stopping_handler_takes_its_defaults():
    from mxnet.gluon.contrib.estimator import EarlyStoppingHandler

    handler = EarlyStoppingHandler(mx.metric.Loss("loss"), mode="min")
    handler.train_begin(None)
    assert handler.best == float("inf")


def test_users_of_numpy_bool():
    x = np.arange(4)
    assert x[onp.array([True, False, True, False])].asnumpy().tolist() == [0.0, 2.0]
    assert x[x > 1].asnumpy().tolist() == [2.0, 3.0]
    assert np.full_like(x, True, dtype="bool").dtype == np.full((2,), True).dtype == onp.bool_
    assert np.array(onp.bool_(True)).dtype == onp.bool_
    mx.test_utils.assert_almost_equal(x, x)


def test_dropped_functions_keep_their_meaning():
    """MXNet offers them in its own namespace, `mx.np`."""
    x = np.arange(6).reshape(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, where NumPy still has them
        assert np.in1d(x, np.array([1, 2])).asnumpy().tolist() == [
            False,
            True,
            True,
            False,
            False,
            False,
        ]
        assert np.trapz(x).asnumpy().tolist() == [2.0, 8.0]
        assert np.msort(-x).asnumpy().tolist() == [[-3, -4, -5], [0, -1, -2]]
        assert bool(np.alltrue(x < 6)) and not bool(np.sometrue(x < 0)) and np.product(x[1]) == 60
    assert -np.NINF == np.PINF == onp.inf and np.isnan(np.NAN)
    with pytest.raises(NotImplementedError, match="numpy-financial"):
        mx.numpy.fallback.pmt(0.01, 12, 100)


# --------------------------------------------------------------------------------- CUDA

NEEDS = {  # which fake library links against which: as the real ones do, and without a search path
    "libcublas.so.11": ["libcublasLt.so.11"],
    "libcudnn.so.8": ["libcublas.so.11", "libcublasLt.so.11"],
    "libcusolver.so.11": ["libcublas.so.11", "libcublasLt.so.11", "libcusparse.so.11"],
}
LOAD = """
import sys, types
from importlib import import_module, util
sys.modules['d2l_attention'] = util.module_from_spec(util.find_spec('d2l_attention'))  # not executed
runtime = import_module('d2l_attention.backend.compatibility')
"""


@pytest.fixture(scope="module")
def fake_wheels(tmp_path_factory) -> Path:
    """A folder laid out like site-packages with all of `CUDA_LIBRARIES`, each a library
    of one function.
    """
    if not (gcc := shutil.which("gcc")):
        pytest.skip("needs gcc to build small shared libraries")
    root = tmp_path_factory.mktemp("wheels")
    for folder, name in runtime.CUDA_LIBRARIES:
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
        + f"loaded = runtime.load_cuda_libraries([{str(fake_wheels)!r}])\nprint(*[p.name for p in loaded])"
    )
    assert output(code).split() == [name for _, name in runtime.CUDA_LIBRARIES]


def test_cuda_libraries_do_not_load_in_reverse(fake_wheels):
    """So the fake libraries do depend on each other, and the test above tests
    something.
    """
    code = LOAD + "runtime.CUDA_LIBRARIES = runtime.CUDA_LIBRARIES[::-1]\n"
    result = run(code + f"runtime.load_cuda_libraries([{str(fake_wheels)!r}])")
    assert "ImportError: cannot load libcusolver.so.11" in result.stderr


def test_cuda_libraries_that_no_wheel_supplies_are_left_out(fake_wheels, tmp_path):
    shutil.copytree(fake_wheels, tmp_path, dirs_exist_ok=True)
    (tmp_path / "nvidia/nccl/lib/libnccl.so.2").unlink()
    code = LOAD + f"print(*[p.name for p in runtime.load_cuda_libraries([{str(tmp_path)!r}])])"
    assert output(code).split() == [name for _, name in runtime.CUDA_LIBRARIES[:-1]]
    assert runtime.load_cuda_libraries([str(tmp_path / "nowhere")]) == []


def test_broken_cuda_library_is_named(fake_wheels, tmp_path):
    shutil.copytree(fake_wheels, tmp_path, dirs_exist_ok=True)
    (tmp_path / "nvidia/cufft/lib/libcufft.so.10").write_text("half a download")
    result = run(LOAD + f"runtime.load_cuda_libraries([{str(tmp_path)!r}])")
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
        + f"loaded = runtime.load_cuda_libraries([{str(tmp_path)!r}, {str(fake_wheels)!r}])\nprint(*loaded)"
    )
    paths = output(code).split()
    assert len(paths) == len(runtime.CUDA_LIBRARIES)
    assert all(path.startswith(str(fake_wheels)) for path in paths)


def test_cuda_libraries_are_loaded_for_a_gpu_build_alone(tmp_path):
    """A GPU build is recognised by its distribution; the libraries are loaded before
    MXNet is imported.
    """
    (tmp_path / "mxnet_cu112-1.9.1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: mxnet-cu112\nVersion: 1.9.1\n"
    (tmp_path / "mxnet_cu112-1.9.1.dist-info/METADATA").write_text(metadata)
    code = (
        LOAD
        + """
    order = []
    runtime.load_cuda_libraries = lambda: order.append('libraries')
    runtime._import_mxnet = lambda: order.append('mxnet')
    runtime._patch_mxnet = lambda: None
    mxnet = types.ModuleType('mxnet')
    mxnet.npx = types.SimpleNamespace(set_np=lambda: order.append('set_np'))
    class Late(dict):  # `from mxnet import npx` finds it, `"mxnet" in sys.modules` does not
        def __contains__(self, name): return name != 'mxnet' and dict.__contains__(self, name)
    runtime.sys = types.SimpleNamespace(modules=Late(sys.modules))
    sys.modules['mxnet'] = mxnet
    runtime.prepare()
    print(runtime.cuda_build(), *order)
    """.replace("\n    ", "\n")
    )
    assert output(code) == "None mxnet set_np"
    assert (
        output(f"import sys; sys.path.append({str(tmp_path)!r})\n" + code)
        == "mxnet-cu112 libraries mxnet set_np"
    )


# ------------------------------------------------------------------------------ devices


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs that MXNet sees; on its CPU build every kernel on them fails, as on a
    GPU without code for it.
    """
    if mx.runtime.Features().is_enabled("CUDA"):
        pytest.skip("this MXNet is a GPU build")

    class Features:
        def is_enabled(self, name):
            return name == "CUDA"

    monkeypatch.setattr(mx.runtime, "Features", Features)
    monkeypatch.setattr(mx.context, "num_gpus", lambda: 2)
    runtime._usable.cache_clear()
    yield
    runtime._usable.cache_clear()


def test_gpus_without_kernels_fall_back_with_one_sentence(two_gpus):
    with pytest.warns(
        RuntimeWarning, match="GPU 0 cannot run this MXNet build .* the CPU is used"
    ) as caught:
        assert try_gpu() == mx.cpu()
    assert len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert try_gpu() == mx.cpu()
    with pytest.warns(RuntimeWarning, match="GPU 1"):
        assert try_all_gpus() == [mx.cpu()]
    assert np.ones(2, ctx=try_gpu()).sum() == 2


def test_usable_gpus_are_returned(two_gpus, monkeypatch):
    ones = np.ones
    monkeypatch.setattr(np, "ones", lambda shape, ctx: ones(shape))
    assert (try_gpu(), try_gpu(onp.int64(1)), try_gpu(2)) == (
        mx.gpu(0),
        mx.gpu(1),
        mx.cpu(),
    )
    assert try_all_gpus() == [mx.gpu(0), mx.gpu(1)]
    assert runtime.describe_device(try_gpu(1)) == "running on GPU 1 of 2"


def test_gpu_that_computes_wrongly_is_not_used(two_gpus, monkeypatch):
    zeros = np.zeros
    monkeypatch.setattr(np, "ones", lambda shape, ctx: zeros(shape))
    assert try_gpu() == mx.cpu()


def test_missing_driver_means_no_gpu(two_gpus, monkeypatch):
    def fails():
        raise mx.MXNetError("CUDA: CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(mx.context, "num_gpus", fails)
    assert try_gpu() == mx.cpu() and try_all_gpus() == [mx.cpu()]


@pytest.mark.parametrize(
    ("index", "error"),
    [(-1, ValueError), (0.0, TypeError), ("0", TypeError), (True, TypeError)],
)
def test_bad_gpu_index(index, error):
    with pytest.raises(error, match="index"):
        try_gpu(index)


def test_device_of_this_machine():
    assert runtime.describe_device(mx.cpu()) == "running on the CPU"
    assert try_gpu() in [mx.cpu(), mx.gpu(0)] and try_gpu() in try_all_gpus()
    assert try_gpu(10_000) == mx.cpu()


# -------------------------------------------------------------------------------- seeds


def _draws() -> dict[str, list]:
    """One sample of everything that `seed_everything` promises to repeat."""
    net = nn.HybridSequential()
    net.add(nn.Dense(4, in_units=3), nn.Dropout(0.5))
    net.initialize(mx.init.Xavier())
    with autograd.train_mode():
        dropped = nn.Dropout(0.5)(np.ones(32))
    batches = gluon.data.DataLoader(list(range(32)), batch_size=32, shuffle=True)
    return {
        "normal": np.random.normal(size=(8,)).tolist(),
        "uniform": np.random.uniform(size=(8,)).tolist(),
        "randint": np.random.randint(0, 1000, size=(8,)).tolist(),
        "initialisation": net[0].weight.data().asnumpy().tolist(),
        "dropout": dropped.tolist(),
        "DataLoader": next(iter(batches)).asnumpy().tolist(),
        "numpy": onp.random.rand(8).tolist(),
        "random": [random.random() for _ in range(8)],
    }


@pytest.mark.parametrize("name", list(_draws()))
def test_seed_everything(name):
    samples = []
    for seed in (3, onp.int64(3), 4, 2**32 - 1):
        seed_everything(seed)
        samples.append(_draws()[name])
    first, again, other, largest = samples
    assert first == again and first != other and first != largest


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        (-1, ValueError),
        (2**32, ValueError),
        (1.0, TypeError),
        ("1", TypeError),
        (False, TypeError),
    ],
)
def test_bad_seed(seed, error):
    with pytest.raises(error, match="seed"):
        seed_everything(seed)


def test_public_names():
    assert set(d2l_attention.__all__) == {"seed_everything", "try_all_gpus", "try_gpu"}


# --------------------------------------------------------------- saving and loading again
@pytest.mark.parametrize("ready", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_saved_block_can_be_loaded(tmp_path, nested, ready):
    """MXNet by itself loads old arrays into a block that has no children."""
    from mxnet import autograd, np
    from mxnet.gluon import nn

    def build():
        block = nn.Dense(3, in_units=2)
        if nested:
            outer = nn.HybridSequential()
            outer.add(block)
            block = outer
        return block

    x, first, second = np.ones((4, 2)), build(), build()
    first.initialize()
    expected = first(x)
    first.save_parameters(str(tmp_path / "block.params"))
    if ready:
        second.initialize()
        second(x)
    second.load_parameters(str(tmp_path / "block.params"))
    with autograd.record():
        found = second(x)
    found.backward()
    assert (found == expected).all()
    for parameter in second.collect_params().values():
        assert isinstance(parameter.data(), np.ndarray)
        assert isinstance(parameter.grad(), np.ndarray)
