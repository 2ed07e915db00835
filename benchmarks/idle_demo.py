"""What the demo costs while nobody looks: CPU of each of its processes, in percent of one core, and memory.

`python -m benchmarks.idle_demo [seconds]`, on SQLite or on the empty database that SCOC_DATABASE_URL names. Measured
are whole minutes, since timed work comes by the minute; `--speed` sets how fast the city lives (the demo's own is 1).
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import psutil

from benchmarks._machine import machine
from scoc.core.environment import child_environment

SETTLE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process has used up to a moment."""

    cpu_seconds: float
    megabytes: float


def spent(process: psutil.Process) -> Spent:
    """Of one process, without its children."""
    return Spent(sum(process.cpu_times()[:2]), process.memory_info().rss / 1e6)


def come_up(home: str, days: str, port: str, speed: str) -> subprocess.Popen[str]:
    """The demo, once it says that it is ready."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "scoc", "demo", "--days", days, "--port", port, "--speed", speed],
        env=child_environment(home=home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("ready after"):
            print(line.strip())
            return demo
    raise SystemExit("The demo did not come up.")


def main() -> None:
    """Start the demo in a folder of its own, let it settle, measure, stop it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=120.0)
    parser.add_argument("--days", default="30")
    parser.add_argument("--speed", default="1")
    parser.add_argument("--port", default="8199")
    wanted = parser.parse_args()
    print(f"{machine()}, {wanted.days} days of history, speed {wanted.speed}")
    with tempfile.TemporaryDirectory() as home:
        demo = come_up(home, wanted.days, wanted.port, wanted.speed)
        time.sleep(SETTLE_SECONDS)
        processes = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
        before = {process.pid: spent(process) for process in processes}
        begun = time.monotonic()
        time.sleep(wanted.seconds)
        passed = time.monotonic() - begun
        print(f"the history and the start took {before[demo.pid].cpu_seconds:.0f} s of CPU")
        print(f"{'process':<12}{'% of a core':>14}{'MB':>8}{'more MB':>9}")
        total = 0.0
        for process in processes:
            after = spent(process)
            share = (after.cpu_seconds - before[process.pid].cpu_seconds) / passed * 100
            total += share
            name = process.cmdline()[3] if len(process.cmdline()) > 3 else process.name()
            grown = after.megabytes - before[process.pid].megabytes
            print(f"{name:<12}{share:>14.1f}{after.megabytes:>8.0f}{grown:>9.1f}")
        print(f"{'all':<12}{total:>14.1f}   over {passed:.0f} s; the aim is below 15")
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)
        left = [p.pid for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        print(f"stopped with {demo.returncode}, {len(left)} processes left")


if __name__ == "__main__":
    main()
