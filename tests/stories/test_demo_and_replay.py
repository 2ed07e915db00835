"""One command shows a city and stops cleanly; a real past lived twice gives the same table."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from scoc.core.environment import child_environment
from tests.installations import free_port

DATA = settings.ENVIRONMENT.data_dir
SCOC = [sys.executable, "-m", "scoc"]


def started(home: Path, port: int, *more: str) -> subprocess.Popen[str]:
    """A demo that has come up; what it and its processes complain of goes into `complaints` beside its state."""
    environment = child_environment(home=str(home), database_url="")
    home.mkdir(exist_ok=True)
    with (home / "complaints").open("a") as complaints:
        demo = subprocess.Popen(
            [*SCOC, "demo", "--port", str(port), *more], env=environment, stdout=subprocess.PIPE,
            stderr=complaints, text=True,
        )  # fmt: skip
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("ready after"):
            return demo
    raise AssertionError("the demo did not come up")


def stopped(demo: subprocess.Popen[str], number: int) -> str:
    """Its last words after a signal; none of its processes is left."""
    family = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
    assert len(family) == 4, "itself, serve, work and simulate"
    demo.send_signal(number)
    told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    return told


@pytest.mark.proof
def test_the_demo_comes_up_stops_cleanly_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """A short past, then live; Ctrl-C ends all; the second start makes no history again and shows one login a role."""
    port = free_port()
    first = started(tmp_path, port, "--days", "0", "--speed", "60")
    told = stopped(first, signal.SIGINT)
    assert "goes on from here" in told
    for login in ("acceptor", "shift_leader", "dispatcher", "clerk.", "collector."):
        assert login in told
    begun = time.monotonic()
    second = started(tmp_path, port, "--no-staff")
    assert "history" not in stopped(second, signal.SIGTERM)
    complaints = (tmp_path / "complaints").read_text()
    assert "Traceback" not in complaints
    assert "Fatal" not in complaints
    assert time.monotonic() - begun < 120


@pytest.mark.proof
def test_no_process_outlives_a_killed_demo_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """What is killed cannot stop its children: they see by themselves that it is gone, and leave the port."""
    port = free_port()
    demo = started(tmp_path, port, "--days", "0", "--no-staff")
    family = psutil.Process(demo.pid).children(recursive=True)
    assert len(family) == 3, "serve, work and simulate"
    demo.kill()
    demo.communicate(timeout=30)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    assert "history" not in stopped(started(tmp_path, port, "--no-staff"), signal.SIGTERM)


@pytest.mark.proof
@pytest.mark.skipif(DATA is None, reason="SCOC_DATA_DIR is not set: the archives are outside")
def test_a_real_past_lived_twice_gives_the_same_table(tmp_path: Path) -> None:
    """Two days of November 2016, in two fresh installations: equal tables, with alarms and cases in them."""
    tables = []
    for name in ("first", "second"):
        done = subprocess.run(
            [*SCOC, "replay", "beijing", "--from", "2016-11-03", "--days", "2"],
            env=child_environment(home=str(tmp_path / name), database_url=""), capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        tables.append(done.stdout)
    assert tables[0] == tables[1]
    lines = dict(line.rsplit(maxsplit=1) for line in tables[0].splitlines() if len(line.split()) > 1)
    assert int(lines["alarms raised"]) > 0
    assert int(lines["cases reported"]) > 0
    assert int(lines["station-hours"]) == 480
