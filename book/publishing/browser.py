"""The Chromium that prints the book and that the tests look through."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find_chromium() -> str | None:
    """Path of the system's Chromium or Chrome, else of the one that `playwright
    install` fetched, else None.
    """
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser; RuntimeError where there is none."""
    path = find_chromium()
    if path is None:
        raise RuntimeError(
            "no Chromium found: install it with the system's package manager, or `playwright install`"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def file_url(path: Path) -> str:
    return path.resolve().as_uri()
