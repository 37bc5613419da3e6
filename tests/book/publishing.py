"""What the tests of pages, decks and installation share: building the book, a local
server, and a browser that listens.
"""

import contextlib
import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from book.publishing import browser as chromium_browser

ROOT = Path(__file__).resolve().parents[2]
GONE = "d2l_attention.gone"  # a module of an earlier build
# Addresses on GitHub, but for other people's code that the book cites
REPOSITORY = r"github\.com/(?!vinhkhuc/MemN2N-babi-python|zcyang/imageqa-san|abhshkdz/neural-vqa-attention|bentrevett/pytorch-seq2seq|karpathy/nanoGPT)"
LOCAL = ("file:", "data:", "blob:", "about:", "http://127.0.0.1:")


def build_book(root: Path, output: Path) -> Path:
    """Builds the book of a folder with warnings as errors, and returns the folder of its pages."""
    command = [
        Path(sys.executable).with_name("jupyter-book"),
        "build",
        str(root),
        "--path-output",
        str(output),
    ]
    done = subprocess.run(
        [*command, "-W", "-n", "--keep-going"],
        capture_output=True,
        check=False,
        text=True,
        cwd=output,
    )
    complaints = [
        line for line in done.stderr.splitlines() if re.search("WARNING|ERROR|Error", line)
    ]
    assert done.returncode == 0, "\n".join(complaints) or done.stderr[-3000:]
    return output / "_build" / "html"


def copy_sources(target: Path) -> Path:
    """A copy of what the book is built from, for tests that change it."""
    target.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml", "README.md", "CITATION.cff"):
        shutil.copyfile(ROOT / name, target / name)
    for name in ("book", "chapters", "d2l_attention", "results"):
        shutil.copytree(
            ROOT / name,
            target / name,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
        )
    shutil.rmtree(target / "book" / "api", ignore_errors=True)  # made while building
    return target


def supported_pythons() -> list[str]:
    """All Pythons that pyproject.toml allows: `>=3.10,<3.14` -> 3.10 ... 3.13."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    first, end = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text).groups()
    return [f"3.{minor}" for minor in range(int(first), int(end))]


@contextlib.contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless browser; without one the test is skipped, or fails where
    D2L_ATTENTION_REQUIRE_BROWSER=1 is set.
    """
    if chromium_browser.find_chromium() is None:
        if os.environ.get("D2L_ATTENTION_REQUIRE_BROWSER") == "1":
            pytest.fail("D2L_ATTENTION_REQUIRE_BROWSER=1, but no Chromium is installed")
        pytest.skip("no Chromium is installed: pages and decks are not looked at")
    with chromium_browser.chromium() as browser:
        yield browser


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves a folder on this machine and yields its address."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


def listen(page: Page) -> list[str]:
    """A list that fills with what goes wrong on the page: script errors, failed or
    outside requests.
    """
    problems: list[str] = []
    page.on(
        "console",
        lambda m: problems.append(f"console: {m.text}") if m.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on(
        "requestfailed",
        lambda request: (
            problems.append(f"request failed: {request.url}") if lost(request) else None
        ),
    )
    page.on(
        "response",
        lambda r: problems.append(f"status {r.status}: {r.url}") if r.status >= 400 else None,
    )
    page.on(
        "request",
        lambda r: None if r.url.startswith(LOCAL) else problems.append(f"outside request: {r.url}"),
    )
    return problems


def lost(request) -> bool:
    """Whether a request failed by itself, not because the test went on to the next
    page.
    """
    return request.failure != "net::ERR_ABORTED"


def wait_until_typeset(page: Page) -> None:
    """Returns when the page is loaded and MathJax, where the page has it, is done."""
    page.wait_for_load_state("load")
    page.evaluate("() => window.MathJax?.startup?.promise")


def math_errors(page: Page) -> list[str]:
    """The formulas that MathJax cannot read, and the macros that it does not know."""
    selector = "mjx-merror, mjx-assistive-mml mtext[mathcolor='red']"
    return page.locator(selector).evaluate_all(
        "found => found.map((element) => element.textContent)"
    )
