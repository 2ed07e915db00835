"""How many single readings a second are stored over HTTP, each answered once it is on disk.

`python -m benchmarks.lean_path`: `scoc serve` in a process of its own, one client process with 1, 8 and 32 connections
that are kept open, each posting one reading and waiting for its answer before the next. Beside it the bare statement:
the same row inserted and committed alone over one connection, without SCOC. Client and server share the machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._single import WARM, figures, free_port, prepare, run, serving, tell

CONNECTIONS = (1, 8, 32)
PATH = "/api/v1/sensing/readings"


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


def work(readings: int) -> None:
    """Every number of connections on this process's database; prints the figures as JSON."""
    tokens = prepare(max(CONNECTIONS))
    port = free_port()
    lines: list[dict[str, Any]] = []
    with serving(port):
        since = datetime.now(UTC) - timedelta(days=6)
        asyncio.run(post(port, tokens, max(CONNECTIONS), WARM * max(CONNECTIONS), since))
        for number, connections in enumerate(CONNECTIONS, 1):
            measured = asyncio.run(post(port, tokens, connections, readings, since + timedelta(days=number)))
            lines.append({"connections": connections, **figures(*measured)})
    tell(lines, bare_rows=readings)


if __name__ == "__main__":
    run("lean_path", about=__doc__, note="", readings=3_200, columns={"connections": 12}, work=work)
