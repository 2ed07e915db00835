"""What the demo costs while nobody looks: CPU of each of its processes, in percent of one core, and memory.

python benchmarks/idle_demo.py [seconds] [--days N]
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time

import psutil

from scoc.core.environment import child_environment

SETTLE_SECONDS = 20


def main() -> None:
    """Start the demo in a folder of its own, let it settle, measure, stop it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0)
    parser.add_argument("--days", default="2")
    parser.add_argument("--port", default="8199")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        demo = subprocess.Popen(
            [sys.executable, "-m", "scoc", "demo", "--days", wanted.days, "--port", wanted.port],
            env=child_environment(home=home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("ready after"):
                print(line.strip())
                break
        else:
            raise SystemExit("The demo did not come up.")
        time.sleep(SETTLE_SECONDS)
        processes = [psutil.Process(demo.pid), *psutil.Process(demo.pid).children(recursive=True)]
        before = {p.pid: sum(p.cpu_times()[:2]) for p in processes}
        begun = time.monotonic()
        time.sleep(wanted.seconds)
        passed = time.monotonic() - begun
        print(f"{'process':<12}{'% of a core':>14}{'MB':>8}")
        total = 0.0
        for process in processes:
            share = (sum(process.cpu_times()[:2]) - before[process.pid]) / passed * 100
            total += share
            name = process.cmdline()[3] if len(process.cmdline()) > 3 else process.name()
            print(f"{name:<12}{share:>14.1f}{process.memory_info().rss / 1e6:>8.0f}")
        print(f"{'all':<12}{total:>14.1f}   over {passed:.0f} s; the aim is below 15")
        demo.send_signal(signal.SIGTERM)
        demo.wait(60)
        left = [p.pid for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        print(f"stopped with {demo.returncode}, {len(left)} processes left")


if __name__ == "__main__":
    main()
