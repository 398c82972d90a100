"""Programs outside Python that tests drive: where they are, and what happens when they are not there."""

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def need(tool: str) -> str:
    """The path of a program; without it the test is skipped with a message, or fails where CI is set.

    "chromium" also finds its other names and Playwright's own; "initdb" and "pg_ctl" also where Debian hides them.
    """
    return find(tool) or missing(tool)


def missing(tool: str) -> str:
    """Skip, or fail where CI is set: there a test that quietly does nothing would pass for one that passes."""
    message = f"{tool} was not found; `make test` installs it where it may"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def find(tool: str) -> str | None:
    for name in BROWSERS if tool == "chromium" else (tool,):
        if path := shutil.which(name):
            return path
    if tool == "chromium":
        return playwrights_own()
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"), key=lambda path: int(path.parts[-3]), reverse=True)
    return str(newest_first[0]) if newest_first else None


def playwrights_own() -> str | None:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    for pattern in (
        "chromium-*/chrome-linux*/chrome",
        "chromium_headless_shell-*/*/*headless*shell",
        "chromium-*/*/*/MacOS/Chromium",
    ):
        if found := sorted(folder.glob(pattern)):
            return str(found[-1])
    return None
