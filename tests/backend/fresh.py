"""A fresh Python for what happens only once in a process."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Makes the package's modules importable one by one, without what `import d2l_attention` does.
NOT_PREPARED = """
import sys
from importlib import util
sys.modules['d2l_attention'] = util.module_from_spec(util.find_spec('d2l_attention'))
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
