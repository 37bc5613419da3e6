"""The installation on Colab: what colab.py decides and asks pip for, and the notebooks'
setup cell. Nothing is installed.
"""

import ast
import json
import re
import runpy
import subprocess
import sys
import types
from pathlib import Path

import pytest

from d2l_attention.backend import cuda

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path("d2l_attention", "notebook", "colab.py")
NOTEBOOKS = sorted((ROOT / "chapters").glob("*/*.ipynb"))


class Colab:
    """A machine without internet or GPU that records every command and plays
    nvidia-smi, git and pip.
    """

    def __init__(self, folder: Path, smi: str | None):
        self.folder, self.smi, self.pip_fails = folder, smi, False
        self.commands: list[list[str]] = []

    def run(self, command, **options):
        assert isinstance(command, list) and not options.get("shell")
        if command[0] == "nvidia-smi":
            if self.smi is None:
                raise FileNotFoundError("nvidia-smi")
            return subprocess.CompletedProcess(command, 0, self.smi, "")
        self.commands.append(command)
        if command[:2] == ["git", "clone"]:
            target = self.folder / command[-1]
            (target / SCRIPT).parent.mkdir(parents=True)
            (target / SCRIPT).write_text((ROOT / SCRIPT).read_text())
        failed = self.pip_fails and command[1:4] == ["-m", "pip", "install"]
        return subprocess.CompletedProcess(
            command, int(failed), "", "one\ntwo\nERROR: no network\n" * failed
        )

    @property
    def installed(self) -> list[str]:
        """All requirements that pip was asked for, in order."""
        return [word for command in self.commands for word in command if "==" in word]


@pytest.fixture
def colab(tmp_path, monkeypatch):
    """Function (nvidia-smi's answer or None) -> a `Colab` with colab.py's functions as
    `colab.script`.
    """

    def start(smi: str | None = None) -> Colab:
        machine = Colab(tmp_path, smi)
        monkeypatch.setattr(subprocess, "run", machine.run)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.chdir(tmp_path)
        google = types.ModuleType("google.colab")
        monkeypatch.setitem(sys.modules, "google.colab", google)
        machine.script = types.SimpleNamespace(**runpy.run_path(str(ROOT / SCRIPT)))
        # Nothing is installed yet, whatever this machine has.
        monkeypatch.setattr("importlib.metadata.distributions", lambda **places: [])
        return machine

    return start


GPUS = {
    "no nvidia-smi": (None, "cpu"),
    "nvidia-smi without a GPU": ("", "cpu"),
    "old nvidia-smi": ('Field "compute_cap" is not a valid field to query.\n', "cpu"),
    "K80": ("Tesla K80, 3.7\n", "cpu"),
    "T4": ("Tesla T4, 7.5\n", "gpu"),
    "A100": ("NVIDIA A100-SXM4-40GB, 8.0\n", "gpu"),
    "L4": ("NVIDIA L4, 8.9\n", "gpu"),
    "H100": ("NVIDIA H100 80GB HBM3, 9.0\n", "cpu"),
    "B200": ("NVIDIA B200, 10.0\n", "cpu"),
    "RTX PRO 6000": ("NVIDIA RTX PRO 6000 Blackwell Server Edition, 12.0\n", "cpu"),
    "H100 and T4": ("NVIDIA H100, 9.0\nTesla T4, 7.5\n", "gpu"),
}


@pytest.mark.parametrize("gpu", GPUS)
def test_wheels_for_each_gpu(colab, gpu, capsys):
    smi, device = GPUS[gpu]
    machine = colab(smi)
    machine.script.install()
    script = machine.script
    mxnet = script.MXNET_GPU if device == "gpu" else script.MXNET
    wheels = script.CUDA_WHEELS if device == "gpu" else ()
    assert machine.installed == [mxnet, *script.PACKAGES, *wheels]
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2 and printed[1].startswith(
        f"Ready: MXNet 1.9.1 for the {device.upper()}"
    )
    if smi and "," in smi:
        assert smi.split(",")[0] in printed[0]


def test_pip_never_resolves_and_cuda_has_its_own_folder(colab):
    machine = colab("Tesla T4, 7.5\n")
    machine.script.install()
    python, cuda = machine.commands
    for command in machine.commands:
        assert command[:4] == [sys.executable, "-m", "pip", "install"] and "--no-deps" in command
    assert "--target" not in python
    assert cuda[cuda.index("--target") + 1] == str(ROOT / ".cuda11") == sys.path[-1]
    assert not any(word.startswith("numpy") for word in machine.installed)


def test_only_what_is_missing_is_installed(colab, monkeypatch):
    machine = colab()
    found = [types.SimpleNamespace(metadata={"Name": name}) for name in ("mxnet", "Pooch", "numpy")]
    monkeypatch.setattr("importlib.metadata.distributions", lambda **places: found)
    machine.script.install()
    lacking = [line.partition("==")[0] for line in machine.script.PACKAGES]
    lacking.remove("pooch")
    assert [word.partition("==")[0] for word in machine.installed] == lacking
    found += [types.SimpleNamespace(metadata={"Name": name}) for name in lacking]
    machine.commands.clear()
    machine.script.install()
    assert machine.commands == []


def test_package_is_importable_afterwards(colab):
    machine = colab()
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    machine.script.install()
    machine.script.install()
    assert sys.path.count(str(ROOT)) == 1


@pytest.mark.parametrize("version", [(3, 9), (3, 14), (2, 7), (4, 0)])
def test_unsupported_python_is_refused(colab, version, monkeypatch):
    machine = colab()
    monkeypatch.setattr(sys, "version_info", (*version, 0))
    with pytest.raises(
        RuntimeError,
        match=rf"This is Python {version[0]}\.{version[1]}; .* 3\.10 to 3\.13",
    ):
        machine.script.install()
    assert machine.commands == []


def test_pip_failure_is_told(colab, capsys):
    machine = colab()
    machine.pip_fails = True
    with pytest.raises(
        RuntimeError,
        match=r"pip could not install mxnet==1\.9\.1, .*\n(.*\n)*ERROR: no network",
    ):
        machine.script.install()
    assert "Ready" not in capsys.readouterr().out


def test_versions_are_those_of_the_lock():
    script = runpy.run_path(str(ROOT / SCRIPT))
    lock = (ROOT / "requirements.lock").read_text()
    for requirement in (script["MXNET"], *script["PACKAGES"]):
        assert re.search(rf"^{re.escape(requirement)}\s*(;|\\|$)", lock, re.MULTILINE), requirement
    assert script["MXNET_GPU"].partition("==")[2] == script["MXNET"].partition("==")[2]
    first, last = script["PYTHONS"]
    allowed = f">={first[0]}.{first[1]},<{last[0]}.{last[1] + 1}"
    assert f'requires-python = "{allowed}"' in (ROOT / "pyproject.toml").read_text()


def test_wheels_supply_every_library_that_is_loaded():
    """colab.py installs the wheels, backend/cuda.py loads their libraries: one list must
    fit the other.
    """
    script = runpy.run_path(str(ROOT / SCRIPT))
    supplied = {
        wheel.removeprefix("nvidia-").partition("-cu11")[0].replace("-", "_")
        for wheel in script["CUDA_WHEELS"]
    }
    assert script["MXNET_GPU"].partition("==")[0] in cuda.CUDA_BUILDS
    # cuSPARSE is needed by the build for CUDA 11.7 alone.
    assert supplied == {folder for folder, _ in cuda.CUDA_LIBRARIES} - {"cusparse"}
    assert all(
        re.fullmatch(r"nvidia-[a-z-]+-cu11==[\d.]+", wheel) for wheel in script["CUDA_WHEELS"]
    )


def test_only_the_standard_library_is_imported():
    tree = ast.parse((ROOT / SCRIPT).read_text())
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


# ----------------------------------------------------------------------- the setup cell


ADDRESS = "https://github.com/owner/name"


def _setup_cell(notebook: Path, repository: str) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    source = "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))
    source, count = re.subn(r'REPOSITORY = ".*"', f'REPOSITORY = "{repository}"', source)
    assert count == 1, f"{notebook.name} does not begin with the setup cell"
    return source


def _run(cell: str) -> None:
    exec(compile(cell, "setup cell", "exec"), {})


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def notebook(request) -> Path:
    return request.param


def test_setup_cell_without_address_installs_nothing(colab, notebook):
    machine = colab()
    with pytest.raises(RuntimeError, match="does not know the book's address"):
        _run(_setup_cell(notebook, ""))
    assert machine.commands == []


def test_setup_cell_clones_and_installs(colab, notebook, tmp_path, capsys):
    machine = colab()
    cell = _setup_cell(notebook, ADDRESS)
    _run(cell)
    clone, pip = machine.commands
    assert clone[:2] == ["git", "clone"] and clone[-2] == ADDRESS
    assert pip[1:4] == ["-m", "pip", "install"] and "mxnet==1.9.1" in pip
    assert str((tmp_path / clone[-1]).resolve()) in sys.path
    assert len(capsys.readouterr().out.splitlines()) == 2
    _run(cell)  # a second run does not clone again
    assert [command[0] for command in machine.commands].count("git") == 1


def test_setup_cell_does_nothing_elsewhere(colab, notebook, monkeypatch, capsys):
    machine = colab()
    monkeypatch.delitem(sys.modules, "google.colab")
    _run(_setup_cell(notebook, ""))
    _run(_setup_cell(notebook, ADDRESS))
    captured = capsys.readouterr()
    assert machine.commands == [] and captured.out == captured.err == ""
