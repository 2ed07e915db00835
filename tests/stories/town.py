"""A real city for stories on screen: an installation of its own, `scoc serve` and `scoc work`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.installations import ROOT, installed

STOP_SECONDS = 20


@dataclass(frozen=True)
class Town:
    """Where the city answers."""

    url: str
    home: Path


def _ready(url: str) -> None:
    """Ask until somebody listens: eight tries more, each after twice the pause, about a minute in all."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
        assert client.get(f"{url}/healthz").status_code == 200


@contextmanager
def served(home: Path) -> Iterator[Town]:
    """Binhai with the past of the stories, served and worked for by real processes."""
    if not (ROOT / "web" / "dist" / "index.html").exists():
        pytest.skip("the front end is not built: make web")
    with installed(home) as environment:
        yield from _served(home, environment)


def _served(home: Path, environment: dict[str, str]) -> Iterator[Town]:
    def python(*command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(word: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "scoc", word], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )

    python("scoc", "migrate", "--verbosity", "0")
    python("tests.stories.past")
    url = f"http://127.0.0.1:{environment['SCOC_PORT']}"
    with (home / "processes.log").open("wb") as log:
        processes = [start(word, log) for word in ("serve", "work")]
        try:
            _ready(url)
            yield Town(url, home)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
