"""A place in which `make` runs with Pythons that are scripts and only note how they are
called: nothing is installed.
"""

import re
import shutil
import subprocess
from pathlib import Path

from tests.book.publishing import ROOT

MAKE = shutil.which("make")
TOOLS = ("cp", "echo", "env", "expand", "grep", "mkdir", "rm", "sed", "sh", "touch")
ORACLES = ("tests/oracles/requirements.txt", "tests/oracles/published.txt")
READ = ("requirements.lock", *ORACLES, "pyproject.toml", "_config.yml")
FOLDERS = {"3.9": "/opt/9", "3.10": "/opt/10", "3.13": "/opt/13", "3.14": "/opt/14"}

# Notes its arguments and its environment. A line of the file `fails` names calls that fail.
SCRIPT = """#!/bin/sh
{{ echo "==== ${{0##*/}} $*"; env; }} >> {folder}/calls
case "$*" in *-ESc*) ;; *) ! echo "$0 $*" | grep -q -f {folder}/fails || exit 1;; esac
{body}
"""
# What a Python answers to the Makefile's questions, and a stub of what `-m venv` makes.
PYTHON = """case "$*" in
*sys.base_prefix*) echo "{found}";;
*find_spec*) echo "{can_make_venv}";;
"-m venv --clear .venv")
    rm -rf .venv && mkdir -p .venv/bin && cp "$0" .venv/bin/python
    cp {folder}/bin/noter .venv/bin/jupyter && cp {folder}/bin/noter .venv/bin/jupyter-book;;
esac"""


class Sandbox:
    """A folder with what the Makefile reads, and a PATH with no Python but ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.copy = folder / "copy"
        self.venv = self.copy / ".venv"
        self.installed = self.venv / "installed"
        self.oracles = self.venv / "oracles"
        (folder / "bin").mkdir()
        self.copy.mkdir()
        for tool in TOOLS:
            (folder / "bin" / tool).symlink_to(shutil.which(tool))
        for name in READ:
            (self.copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, self.copy / name)
        self.script("noter")
        self.script("id", "echo 1000")
        self.python("python3", "3.10")
        self.fail()

    def script(self, name: str, body: str = "") -> Path:
        path = self.folder / "bin" / name
        path.write_text(SCRIPT.format(folder=self.folder, body=body))
        path.chmod(0o755)
        return path

    def python(self, name: str, version: str, can_make_venv: str = "yes") -> Path:
        found = f"Python {version} in {FOLDERS.get(version, '/opt/other')}"
        body = PYTHON.format(folder=self.folder, found=found, can_make_venv=can_make_venv)
        return self.script(name, body)

    def fail(self, *calls: str) -> None:
        """From now on the calls fail in whose path and arguments one of these occurs."""
        (self.folder / "fails").write_text("".join(f"{call}\n" for call in calls))

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs make; `self.calls` are then the calls other than the questions, and
        `self.environments` what they had in their environment.
        """
        (self.folder / "calls").write_text("")
        done = subprocess.run(
            [MAKE, "-f", str(ROOT / "Makefile"), "-C", str(self.copy), *arguments],
            env={"PATH": str(self.folder / "bin"), "HOME": str(self.folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.read_calls()
        return done

    def read_calls(self) -> None:
        self.calls, self.environments = [], []
        for block in (self.folder / "calls").read_text().split("==== ")[1:]:
            call, *lines = block.splitlines()
            if "-ESc" not in call and not call.startswith("id "):
                self.calls.append(call)
                self.environments.append(dict(line.partition("=")[::2] for line in lines))

    def called(self, part: str) -> list[str]:
        return [call for call in self.calls if part in call]


def sentence(done: subprocess.CompletedProcess) -> str:
    """The one line that a failing make says."""
    lines = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if not re.match(r"make(\[\d+\])?: (Entering|Leaving)", line)
    ]
    assert done.returncode and len(lines) == 1, lines
    return lines[0]
