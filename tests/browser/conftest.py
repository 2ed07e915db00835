"""A running city and a browser in front of it: each module of tests has its own server on a free port."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
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

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "binhai-demo-2026"  # the published password of the made-up city
STARTED_WITHIN_SECONDS = 180  # as long as a busy machine may need
expect.set_options(timeout=30_000)  # a screen may wait for a busy machine; what is wrong stays wrong


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _built() -> None:
    """The front end as it stands; one process builds it, the others wait."""
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["scripts/web", "build-if-old"], cwd=ROOT, check=True, capture_output=True, timeout=600)


def run_city(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Binhai in a home of its own, served; the process and its address."""
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SCOC_")},
        "SCOC_HOME": str(home), "SCOC_PORT": str(port), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    scoc = [sys.executable, "-m", "scoc"]
    for words in (["migrate", "-v", "0"], ["city", "apply", "binhai"]):
        subprocess.run([*scoc, *words], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=180)
    process = subprocess.Popen(
        [*scoc, "serve"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + STARTED_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):
                return process, address
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > until:
                process.kill()
                raise RuntimeError("The city did not start.") from None


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a fresh Binhai."""
    _built()
    home = tmp_path_factory.mktemp("city")
    process, found = run_city(home)
    try:
        yield found
    finally:
        process.terminate()
        process.wait(20)
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
