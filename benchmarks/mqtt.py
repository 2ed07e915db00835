"""How many readings a second are stored by MQTT, QoS 1, each acknowledged once it is on disk.

`python -m benchmarks.mqtt`: `scoc serve` in a process of its own, one client process with 1, 10 and 100 devices, each
with so many publications under way: 1, so that each waits for the one before, or 20 (5 where there are 100). Beside it
the bare statement: the same row inserted and committed alone over one connection, without SCOC. Client and server share
the machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._single import WARM, figures, free_port, prepare, run, serving, tell

LINES = ((1, 1), (1, 20), (10, 1), (10, 20), (100, 1), (100, 5))
"""Devices, and publications of each under way."""
MOST_DEVICES = max(devices for devices, _ in LINES)


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


def work(readings: int) -> None:
    """Every line on this process's database; prints the figures as JSON."""
    tokens = prepare(MOST_DEVICES)
    port = free_port()
    lines: list[dict[str, Any]] = []
    with serving(free_port(), SCOC_MQTT_PORT=str(port)):
        since = datetime.now(UTC) - timedelta(days=20)
        asyncio.run(publish(port, tokens, MOST_DEVICES, 5, WARM * MOST_DEVICES, since))
        for number, (devices, window) in enumerate(LINES, 1):
            # one publication at a time from one device is the slowest line by far
            some = max(devices, readings if devices * window > 1 else readings // 10)
            measured = asyncio.run(publish(port, tokens, devices, window, some, since + timedelta(days=number)))
            lines.append({"devices": devices, "window": window, **figures(*measured)})
    tell(lines, bare_rows=max(1000, readings // 10))


if __name__ == "__main__":
    run("mqtt", about=__doc__, note=", QoS 1", readings=20_000, columns={"devices": 9, "window": 8}, work=work)
