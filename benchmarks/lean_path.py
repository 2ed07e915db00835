"""How many single readings a second are stored over HTTP, each answered once it is on disk.

`python -m benchmarks.lean_path`: `scoc serve` in a process of its own, one client process with 1, 8 and 32 connections
that are kept open, each posting one reading and waiting for its answer before the next. Beside it the bare statement:
the same row inserted and committed alone over one connection, without SCOC. Client and server share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._machine import fdatasync_ms, machine, measured

CONNECTIONS = (1, 8, 32)
WARM = 50
PATH = "/api/v1/sensing/readings"


def prepare() -> list[str]:
    """A fresh database with a small city and a device for each connection; their tokens."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from scoc.core.access import system_actor
    from scoc.core.tests.factories import make_city
    from scoc.sensing import actions
    from scoc.sensing.tests.factories import make_device

    make_city()
    devices = [make_device(f"dev-{number:03d}") for number in range(max(CONNECTIONS))]
    return [actions.issue_credential(system_actor("sensing"), device.pk).token for device in devices]


def request(token: str, at: datetime, value: float, port: int) -> bytes:
    """One POST, as it goes over the wire."""
    body = json.dumps({"property": "pm25", "at": at.isoformat(), "value": value}).encode()
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def one_connection(port: int, requests: list[bytes], waits: list[float]) -> None:
    """Post one after the other; every answer must say that the reading is stored."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for sent in requests:
        began = time.perf_counter()
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        waits.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 201"):
            raise SystemExit(f"{head!r} {body!r}")
    writer.close()


async def post(
    port: int, tokens: list[str], connections: int, readings: int, since: datetime
) -> tuple[float, list[float]]:
    """Readings a second over so many connections, and how long each waited."""
    each = readings // connections
    prepared = [
        [request(token, since + timedelta(seconds=number), number % 90, port) for number in range(each)]
        for token in tokens[:connections]
    ]
    waits: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(one_connection(port, requests, waits) for requests in prepared))
    return each * connections / (time.perf_counter() - began), waits


def bare(rows: int) -> float:
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


def answering(port: int, server: subprocess.Popen[bytes]) -> None:
    """Wait until the web process is up."""
    for _ in range(240):
        if server.poll() is not None:
            raise SystemExit("scoc serve ended by itself")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit("scoc serve did not answer")


def work(readings: int) -> None:
    """Every number of connections on this process's database; prints the figures as JSON."""
    tokens = prepare()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [sys.executable, "-m", "scoc", "serve"], env={**os.environ, "SCOC_PORT": str(port)}, stderr=subprocess.DEVNULL
    )
    told: list[dict[str, Any]] = []
    try:
        answering(port, server)
        since = datetime.now(UTC) - timedelta(days=6)
        asyncio.run(post(port, tokens, max(CONNECTIONS), WARM * max(CONNECTIONS), since))
        for number, connections in enumerate(CONNECTIONS, 1):
            began = since + timedelta(days=number)
            rate, waits = asyncio.run(post(port, tokens, connections, readings, began))
            told.append({"connections": connections, "rate": rate, "median": statistics.median(waits) * 1000,
                         "p99": statistics.quantiles(waits, n=100)[98] * 1000})  # fmt: skip
    finally:
        server.terminate()
        server.wait(30)
    print(json.dumps({"told": told, "bare": bare(readings), "sync": fdatasync_ms(Path(os.environ["SCOC_HOME"]))}))


def main() -> None:
    """Run on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=3_200)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.readings)
        return
    print(f"{machine()}, {asked.readings} readings a line")
    print("bare: one row, one commit, one connection, without SCOC")
    print(
        f"{'database':<12}{'connections':>12}{'rate/s':>9}{'median ms':>11}{'p99 ms':>9}{'bare/s':>9}{'ratio':>7}"
        f"{'sync ms':>9}"
    )
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            run_database(database, asked.readings, folder / database)
    finally:
        shutil.rmtree(folder)


def run_database(database: str, readings: int, home: Path) -> None:
    """The lines of one database."""
    made = measured("lean_path", database, home, "--readings", readings, "--work")
    if made is None:
        return
    for line in made["told"]:
        print(
            f"{database:<12}{line['connections']:>12}{line['rate']:>9.0f}{line['median']:>11.1f}{line['p99']:>9.1f}"
            f"{made['bare']:>9.0f}{line['rate'] / made['bare']:>7.2f}{made['sync']:>9.2f}",
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
