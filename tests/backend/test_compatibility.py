"""MXNet 1.9.1 is imported under this Python and NumPy, whatever came before, and leaves them as they were.

Whatever happens only once in a process, above all the import, is tried out in a fresh
one.
"""

import importlib.util
import sys
import textwrap

import pytest

from d2l_attention.backend import compatibility
from tests.backend.fresh import NOT_PREPARED, output, run

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
    import re, warnings
    import numpy as onp
    from d2l_attention.backend import compatibility
    warnings.simplefilter('ignore')
    before, lent = set(vars(onp)), dict(compatibility.LENT_NAMES)
    for name in lent:
        if name in before or hasattr(onp, name):  # NumPy 1 has stubs of its own for some
            continue
        del compatibility.LENT_NAMES[name]
        try:
            compatibility.prepare()
            print('not needed:', name)
        except (AttributeError, RuntimeError) as error:
            if not re.search(rf'\\b{name}\\b', str(error)):
                print('fails for another reason:', name, error)
        compatibility.LENT_NAMES[name] = lent[name]
        for module in [module for module in sys.modules if module.split('.')[0] == 'mxnet']:
            del sys.modules[module]
    """
    assert output(NOT_PREPARED + textwrap.dedent(code)) == ""


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

    monkeypatch.setattr(importlib, "import_module", fails)
    monkeypatch.setattr(compatibility, "cuda_build", lambda: "mxnet-cu112")
    monkeypatch.setattr(compatibility, "load_cuda_libraries", list)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))  # the loaded MXNet stays
    del sys.modules["mxnet"]
    with pytest.raises(ImportError, match=library) as caught:
        compatibility.prepare()
    assert cure in str(caught.value)
