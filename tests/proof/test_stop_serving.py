"""`scoc serve` stops at once when it is told to, though browsers hold streams open, and answers what it was asked."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.browser.conftest import PASSWORD, running_city

STOPS_WITHIN_SECONDS = 2.0
STREAMS = 5


@contextmanager
def closed(host: str, port: int) -> Iterator[http.client.HTTPConnection]:
    """A connection that is closed in the end."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def signed_in(port: int) -> str:
    """The cookies of a fresh log-in."""
    with closed("127.0.0.1", port) as connection:
        body = json.dumps({"username": "shift_leader", "password": PASSWORD})
        connection.request("POST", "/api/v1/core/login", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
    return "; ".join(cookies)


@pytest.mark.proof
def test_streams_end_and_requests_are_answered_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    with ExitStack() as closing:
        process, address = closing.enter_context(running_city(tmp_path / "home", tmp_path / "shared"))
        port = int(address.rpartition(":")[2])
        cookies = signed_in(port)
        streams = []
        for _ in range(STREAMS):
            connection = closing.enter_context(closed("127.0.0.1", port))
            connection.request("GET", "/api/v1/core/live", headers={"Cookie": cookies})
            stream = connection.getresponse()
            assert stream.status == 200
            assert b"retry" in stream.readline()
            streams.append(closing.enter_context(stream))
        body = json.dumps({"username": "acceptor", "password": PASSWORD}).encode()
        asking = closing.enter_context(closed("127.0.0.1", port))
        asking.putrequest("POST", "/api/v1/core/login")
        asking.putheader("Content-Type", "application/json")
        asking.putheader("Content-Length", str(len(body)))
        asking.endheaders(body[:10])
        time.sleep(0.2)  # so that the server has begun to take the request
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        asking.send(body[10:])
        answer = asking.getresponse()
        assert (answer.status, json.loads(answer.read())["user"]["username"]) == (200, "acceptor")
        for stream in streams:
            stream.read()  # raises where the stream is torn instead of ended
        process.wait(20)
        took = time.monotonic() - began
        assert took < STOPS_WITHIN_SECONDS, f"it took {took:.1f} s"
