"""What every benchmark tells of the machine, and the fresh databases that benchmarks run on."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg


def machine() -> str:
    """One line: what the figures were measured on. The load tells what else ran."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    """The processor's name where Linux tells it, else its kind."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def fdatasync_ms(folder: Path) -> float:
    """Median time of writing 8 KiB durably: without it a slow disk looks like slow code."""
    times = []
    with (folder / "sync").open("wb") as file:
        for _ in range(50):
            file.write(os.urandom(8192))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def fresh_database(vendor: str, home: Path, name: str) -> tuple[dict[str, str], str] | None:
    """The environment of a process on an empty database, and what `drop` takes; None where there is no PostgreSQL."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SCOC_")}
    environment |= {"SCOC_HOME": str(home), "DJANGO_SETTINGS_MODULE": "scoc.site.settings"}
    if vendor == "sqlite":
        return environment, ""
    told = subprocess.run(
        [sys.executable, "-m", "scripts.postgres", "url"], capture_output=True, text=True, check=False
    )
    if told.returncode:
        print(f"without PostgreSQL: {told.stderr.strip()[:200]}")
        return None
    url = f"{told.stdout.strip().rsplit('/', 1)[0]}/{name}"
    drop(url)
    with _server(url) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return {**environment, "SCOC_DATABASE_URL": url}, url


def measured(benchmark: str, vendor: str, home: Path, *arguments: object) -> dict[str, Any] | None:
    """What the benchmark, in a process and on an empty database of its own, prints as JSON in its last line.

    None where there is no PostgreSQL. Ends the run with the process's own words if it fails.
    """
    home.mkdir()
    found = fresh_database(vendor, home, f"scoc_bench_{benchmark}")
    if found is None:
        return None
    environment, url = found
    try:
        command = [sys.executable, "-m", f"benchmarks.{benchmark}", *map(str, arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        drop(url)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def drop(url: str) -> None:
    """Remove a PostgreSQL database of a benchmark; an SQLite one (no address) goes with its folder."""
    if url:
        with _server(url) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{url.rsplit("/", 1)[1]}" WITH (FORCE)')


def _server(url: str) -> psycopg.Connection:
    return psycopg.connect(f"{url.rsplit('/', 1)[0]}/postgres", autocommit=True)
