"""A running city and a browser in front of it: each module of tests has its own server on a free port."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.installations import ROOT, binhai

PASSWORD = "binhai-demo-2026"  # the published password of the made-up city
STARTED_WITHIN_SECONDS = 180  # as long as a busy machine may need
expect.set_options(timeout=30_000)  # a screen may wait for a busy machine; what is wrong stays wrong


def _built() -> None:
    """The front end as it stands; one process builds it, the others wait."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["scripts/web", "build-if-old"], cwd=ROOT, check=True, capture_output=True, timeout=600)


@contextmanager
def running_city(home: Path, shared: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Binhai in a home of its own (`installations.binhai`), served; the process and its address."""
    with binhai(home, shared) as environment:
        process = subprocess.Popen(
            [sys.executable, "-m", "scoc", "serve"], cwd=ROOT, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{environment['SCOC_PORT']}"
            _answers(process, address)
            yield process, address
        finally:
            process.terminate()
            process.wait(20)


def _answers(process: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("The city did not start.") from None


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder where the workers of this run share the city that was applied once."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "binhai"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[str]:
    """The address of a fresh Binhai."""
    _built()
    home = tmp_path_factory.mktemp("city") / "home"
    with running_city(home, shared) as (_, found):
        yield found
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
        )
        yield found
        found.close()


@contextmanager
def visiting(browser: Browser, width: int = 1366, height: int = 768) -> Iterator[Page]:
    """Somebody at a machine of their own; any error of the page's own script fails the test."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(30_000)
    found = context.new_page()
    errors: list[str] = []
    found.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield found
    finally:
        context.close()
    assert errors == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visitor."""
    with visiting(browser) as found:
        yield found


def sign_in(page: Page, address: str, username: str, path: str = "/") -> None:
    """Sign in at a path, as one of Binhai's demo accounts."""
    page.goto(address + path)
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_selector(".top, .choice, .cockpit")
