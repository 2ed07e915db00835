"""What the benchmarks of single readings share: devices, the served process, the bare statement, the table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._machine import fdatasync_ms, machine, measured

WARM = 50
"""Readings of each connection or device before any is measured."""


def prepare(devices: int) -> list[str]:
    """A fresh database with a small city and so many devices; their tokens."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from scoc.core.access import system_actor
    from scoc.core.tests.factories import make_city
    from scoc.sensing import actions
    from scoc.sensing.tests.factories import make_device

    make_city()
    made = [make_device(f"dev-{number:03d}") for number in range(devices)]
    return [actions.issue_credential(system_actor("sensing"), device.pk).token for device in made]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, **environment: str) -> Iterator[None]:
    """`scoc serve` in a process of its own, from when it answers until it is no longer needed."""
    server = subprocess.Popen(
        [sys.executable, "-m", "scoc", "serve"],
        env={**os.environ, "SCOC_PORT": str(port), **environment}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answering(port, server)
        yield
    finally:
        server.terminate()
        server.wait(30)


def _answering(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if server.poll() is not None:
            raise SystemExit("scoc serve ended by itself")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit("scoc serve did not answer")


def figures(rate: float, waits: list[float]) -> dict[str, float]:
    """What a line tells: readings a second, and how long their senders waited."""
    return {"rate": rate, "median": statistics.median(waits) * 1000,
            "p99": statistics.quantiles(waits, n=100)[98] * 1000}  # fmt: skip


def tell(lines: list[dict[str, Any]], bare_rows: int) -> None:
    """Print the figures as JSON, with those of the bare statement and the disk."""
    sync = fdatasync_ms(Path(os.environ["SCOC_HOME"]))
    print(json.dumps({"lines": lines, "bare": _bare(bare_rows), "sync": sync}))


def _bare(rows: int) -> float:
    """Rows a second, each in a transaction of its own, into an equal table."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bare (id bigint NOT NULL PRIMARY KEY, datastream_id bigint NOT NULL, at bigint NOT NULL, "
            "result double precision NOT NULL, recorded bigint NOT NULL, dedup_key varchar(120))"
        )
        cursor.execute("CREATE UNIQUE INDEX bare_once ON bare (datastream_id, at, dedup_key)")
        began = time.perf_counter()
        for number in range(rows):
            with transaction.atomic():
                cursor.execute("INSERT INTO bare VALUES (%s, 1, %s, 1.5, 0, '')", [number, number])
        return rows / (time.perf_counter() - began)


def run(
    name: str, *, about: str | None, note: str, readings: int, columns: Mapping[str, int], work: Callable[[int], None]
) -> None:
    """Run `work` on both databases and print the table; `columns` are what its lines are told by, and their widths."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--readings", type=int, default=readings)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.readings)
        return
    print(f"{machine()}, {asked.readings} readings a line{note}")
    print("bare: one row, one commit, one connection, without SCOC")
    head = "".join(f"{column:>{width}}" for column, width in columns.items())
    print(f"{'database':<12}{head}{'rate/s':>9}{'median ms':>11}{'p99 ms':>9}{'bare/s':>9}{'ratio':>7}{'sync ms':>9}")
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            made = measured(name, database, folder / database, "--readings", asked.readings, "--work")
            if made is not None:
                _show(database, made, columns)
    finally:
        shutil.rmtree(folder)


def _show(database: str, made: dict[str, Any], columns: Mapping[str, int]) -> None:
    for line in made["lines"]:
        by = "".join(f"{line[column]:>{width}}" for column, width in columns.items())
        print(
            f"{database:<12}{by}{line['rate']:>9.0f}{line['median']:>11.1f}{line['p99']:>9.1f}"
            f"{made['bare']:>9.0f}{line['rate'] / made['bare']:>7.2f}{made['sync']:>9.2f}",
            flush=True,
        )  # fmt: skip
