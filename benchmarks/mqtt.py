"""How many readings a second are stored by MQTT, QoS 1, each acknowledged once it is on disk.

`python -m benchmarks.mqtt`: `scoc serve` in a process of its own, one client process with 1, 10 and 100 devices, each
with so many publications under way: 1, so that each waits for the one before, or 20 (5 where there are 100). Beside it
the bare statement: the same row inserted and committed alone over one connection, without SCOC. Client and server share
the machine.
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
from collections import deque
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._machine import fdatasync_ms, machine, measured
from benchmarks.lean_path import answering, bare

LINES = ((1, 1), (1, 20), (10, 1), (10, 20), (100, 1), (100, 5))
"""Devices, and publications of each under way."""
WARM = 50


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
    devices = [make_device(f"dev-{number:03d}") for number in range(max(devices for devices, _ in LINES))]
    return [actions.issue_credential(system_actor("sensing"), device.pk).token for device in devices]


class Sender(asyncio.Protocol):
    """One device that publishes prepared packets, with a window."""

    def __init__(self, hello: bytes, packets: list[bytes], window: int) -> None:
        self.hello = hello
        self.packets = packets
        self.window = window
        self.sent: deque[float] = deque()
        self.waits: list[float] = []
        self.given = 0
        self.buffer = b""
        self.welcome = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Say hello."""
        self.transport = transport
        transport.write(self.hello)

    def start(self) -> None:
        """Publish the first window."""
        self._send(self.window)

    def _send(self, count: int) -> None:
        part = self.packets[self.given : self.given + count]
        self.given += len(part)
        if part:
            moment = time.perf_counter()
            self.sent.extend([moment] * len(part))
            self.transport.write(b"".join(part))

    def data_received(self, data: bytes) -> None:
        """CONNACK, then one PUBACK of four bytes after the other."""
        if not self.welcome.done():
            if data[0] != 0x20 or data[3]:
                raise SystemExit(f"not let in: {data!r}")
            self.welcome.set_result(None)
            return
        data = self.buffer + data
        count = len(data) // 4
        self.buffer = data[4 * count :]
        if data[0 : 4 * count : 4] != b"\x40" * count:
            raise SystemExit(f"no plain PUBACK: {data!r}")
        moment = time.perf_counter()
        for _ in range(count):
            self.waits.append(moment - self.sent.popleft())
        self._send(count)
        if len(self.waits) == len(self.packets) and not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Too early, unless everything was acknowledged."""
        if not self.done.done():
            self.done.set_exception(SystemExit(f"the listener ended a connection: {error}"))


async def publish(
    port: int, tokens: list[str], devices: int, window: int, readings: int, since: datetime
) -> tuple[float, list[float]]:
    """Readings a second from so many devices, and how long each waited."""
    from scoc.sensing.mqtt.codec import Connect, Publish, encode

    each = readings // devices
    senders = []
    for number in range(devices):
        key = f"dev-{number:03d}"
        hello = encode(Connect(key, 4, username=key, password=tokens[number].encode()), 4)
        packets = [
            encode(Publish(f"telemetry/{key}", json.dumps(
                {"property": "pm25", "at": (since + timedelta(seconds=n)).isoformat(), "value": n % 90}
            ).encode(), 1, packet_id=n % 65_535 + 1), 4)
            for n in range(each)
        ]  # fmt: skip
        senders.append(Sender(hello, packets, window))
    loop = asyncio.get_running_loop()
    for sender in senders:
        await loop.create_connection(lambda one=sender: one, "127.0.0.1", port)  # type: ignore[misc]  # bound at once
    await asyncio.gather(*(sender.welcome for sender in senders))
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    await asyncio.gather(*(sender.done for sender in senders))
    took = time.perf_counter() - began
    for sender in senders:
        sender.transport.close()
    return each * devices / took, [wait for sender in senders for wait in sender.waits]


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def work(readings: int) -> None:
    """Every line on this process's database; prints the figures as JSON."""
    tokens = prepare()
    port, mqtt_port = free_port(), free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "scoc", "serve"],
        env={**os.environ, "SCOC_PORT": str(port), "SCOC_MQTT_PORT": str(mqtt_port)}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    told: list[dict[str, Any]] = []
    try:
        answering(port, server)
        since = datetime.now(UTC) - timedelta(days=20)
        most = max(devices for devices, _ in LINES)
        asyncio.run(publish(mqtt_port, tokens, most, 5, WARM * most, since))
        for number, (devices, window) in enumerate(LINES, 1):
            # one publication at a time from one device is the slowest line by far
            some = max(devices, readings if devices * window > 1 else readings // 10)
            rate, waits = asyncio.run(publish(mqtt_port, tokens, devices, window, some, since + timedelta(days=number)))
            told.append({"devices": devices, "window": window, "rate": rate, "median": statistics.median(waits) * 1000,
                         "p99": statistics.quantiles(waits, n=100)[98] * 1000})  # fmt: skip
    finally:
        server.terminate()
        server.wait(30)
    print(json.dumps({"told": told, "bare": bare(max(1000, readings // 10)),
                      "sync": fdatasync_ms(Path(os.environ["SCOC_HOME"]))}))  # fmt: skip


def main() -> None:
    """Run on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.readings)
        return
    print(f"{machine()}, {asked.readings} readings a line, QoS 1")
    print("bare: one row, one commit, one connection, without SCOC")
    print(
        f"{'database':<12}{'devices':>9}{'window':>8}{'rate/s':>9}{'median ms':>11}{'p99 ms':>9}{'bare/s':>9}"
        f"{'ratio':>7}{'sync ms':>9}"
    )
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            run_database(database, asked.readings, folder / database)
    finally:
        shutil.rmtree(folder)


def run_database(database: str, readings: int, home: Path) -> None:
    """The lines of one database."""
    made = measured("mqtt", database, home, "--readings", readings, "--work")
    if made is None:
        return
    for line in made["told"]:
        print(
            f"{database:<12}{line['devices']:>9}{line['window']:>8}{line['rate']:>9.0f}{line['median']:>11.1f}"
            f"{line['p99']:>9.1f}{made['bare']:>9.0f}{line['rate'] / made['bare']:>7.2f}{made['sync']:>9.2f}",
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
