"""The router in front of Django: lean paths, bodies that are too long, starting and stopping of parts; and health."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.db import DatabaseError, connections
from django.test import Client

from scoc.core import audit, clients
from scoc.core.clients import actor_of_key, issue
from scoc.core.lean import ASGI, route
from scoc.core.models import Meter, Post, User
from scoc.core.now import wall_now
from scoc.core.tests.factories import City, make_actor

Answer = tuple[int, dict[str, str], bytes]


async def ask(
    application: ASGI, path: str, *, body: bytes = b"", method: str = "GET", headers: dict[str, str] | None = None
) -> Answer:
    """One request, its body in pieces of a megabyte."""
    pieces = [body[at : at + 1_000_000] for at in range(0, len(body), 1_000_000)] or [b""]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
        "server": ("testserver", 80), "client": ("127.0.0.1", 1),
        "headers": [(name.lower().encode(), value.encode()) for name, value in
                    {"host": "testserver", **(headers or {})}.items()],
    }  # fmt: skip
    async with asyncio.timeout(20):
        await application(scope, receive, send)
    names = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], names, b"".join(message.get("body", b"") for message in sent[1:])


def answered(asked: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer to one request, with connections closed after it."""

    async def run() -> Answer:
        try:
            return await asked
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(run())


def part(**content: Any) -> ModuleType:
    """A module's `lean` file."""
    module = ModuleType("scoc.tests.lean")
    vars(module).update({"LEAN_PATHS": {}, **content})
    return module


async def hello(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
    """A lean path."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"lean"})


def test_a_lean_path_never_reaches_django() -> None:
    application = route(get_asgi_application(), [part(LEAN_PATHS={"/api/v1/tests/lean": hello})])
    assert answered(ask(application, "/api/v1/tests/lean"))[::2] == (200, b"lean")


def test_everything_else_does(committed: City) -> None:
    application = route(get_asgi_application(), [])
    status, headers, body = answered(ask(application, "/api/v1/core/nothing"))
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    status, _, body = answered(ask(application, "/api/v1/core/clock"))
    assert status == 200
    assert json.loads(body)["speed"] == 1.0


@pytest.mark.parametrize("said", [True, False])
def test_a_body_that_is_too_long_is_refused_as_it_comes(said: bool) -> None:
    body = b"x" * (13 * 1024 * 1024)
    headers = {"content-type": "application/json", **({"content-length": str(len(body))} if said else {})}
    application = route(get_asgi_application(), [])
    status, names, answer = answered(ask(application, "/api/v1/core/login", body=body, method="POST", headers=headers))
    assert (status, names["content-type"]) == (413, "application/problem+json")
    assert json.loads(answer)["code"] == "too_large"


def lifespan(application: ASGI, *messages: str) -> list[dict[str, Any]]:
    """Play the life of a process."""
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        waiting = [{"type": f"lifespan.{message}"} for message in messages]

        async def receive() -> dict[str, Any]:
            return waiting.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        async with asyncio.timeout(20):
            await application({"type": "lifespan"}, receive, send)
        await sync_to_async(connections.close_all)()

    asyncio.run(run())
    return sent


def test_parts_are_started_in_order_and_stopped_in_reverse() -> None:
    told: list[str] = []

    def named(name: str) -> ModuleType:
        async def startup() -> None:
            told.append(f"+{name}")

        async def shutdown() -> None:
            told.append(f"-{name}")

        return part(startup=startup, shutdown=shutdown)

    application = route(get_asgi_application(), [named("a"), part(), named("b")])
    sent = lifespan(application, "startup", "shutdown")
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert told == ["+a", "+b", "-b", "-a"]


def test_a_part_that_cannot_start_stops_the_process_and_those_that_did() -> None:
    told: list[str] = []

    async def startup() -> None:
        raise OSError("the port is taken")

    async def shutdown() -> None:
        told.append("stopped")

    application = route(get_asgi_application(), [part(shutdown=shutdown), part(startup=startup)])
    assert lifespan(application, "startup") == [{"type": "lifespan.startup.failed", "message": "the port is taken"}]
    assert told == ["stopped"]


def test_a_part_that_cannot_stop_keeps_no_other_from_stopping() -> None:
    told: list[str] = []

    async def good() -> None:
        told.append("stopped")

    async def bad() -> None:
        raise OSError("stuck")

    application = route(get_asgi_application(), [part(shutdown=good), part(shutdown=bad)])
    sent = lifespan(application, "startup", "shutdown")
    assert sent[1] == {"type": "lifespan.shutdown.failed", "message": "stuck"}
    assert told == ["stopped"]


def test_what_machines_used_is_stored_when_the_process_stops(committed: City) -> None:
    post = Post.objects.get(pk=make_actor().post_id or 0)
    machine = User.objects.create(username="machine:a", kind=User.Kind.MACHINE, password="!")
    key = issue(machine, post, "a", per_minute=9, per_day=9, valid_to=wall_now() + timedelta(days=1))
    actor_of_key(key, "")
    clients.flush_meters(force=True)
    actor_of_key(key, "")
    assert clients.unflushed()
    lifespan(route(get_asgi_application(), []), "startup", "shutdown")
    assert not clients.unflushed()
    assert sum(Meter.objects.values_list("answered", flat=True)) == 2


def test_health_tells_what_is_wrong(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Client().get("/healthz").json() == {"status": "ok", "problems": []}

    def broken(*_: object) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(audit, "write", broken)
        audit.write_or_keep([_entry()])
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.json()["problems"]) == (503, ["the audit cannot be written"])
    audit.write_overdue()
    with monkeypatch.context() as patch:
        patch.setattr("scoc.core.http.pages.connection.cursor", broken)
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.json()["problems"]) == (503, ["the records store does not answer"])


def _entry() -> audit.Entry:
    return audit.Entry(wall_now(), "refusal", None, None, "tests.x", "", "refused", "", "", None, "", "")


def test_the_pages_answer_to_reading_only() -> None:
    assert Client().post("/cases").status_code == 405
    assert Client().get("/api/v1/core").status_code == 404
    assert Client().get("/cockpit/wall").status_code in {200, 503}  # 503: the front end is not built
