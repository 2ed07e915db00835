"""The one server-sent-event stream to browsers (实时推送), filtered by what the viewer may see.

It holds no database connection: one poller per process reads what is new and hands it to every stream. Ids do not
come in the order of commits, so the poller reads a window of recent facts again and drops what it has seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from http.cookies import SimpleCookie
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections, connection
from django.utils.crypto import constant_time_compare

from scoc.core.access import actor_for, holdings
from scoc.core.acting import Viewer
from scoc.core.facts import FACTS, on_commit_hint
from scoc.core.models import FactRow, User
from scoc.core.now import current_run, wall_now

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
WINDOW = timedelta(seconds=10)
KEEP_ALIVE_SECONDS = 15
MOST_WAITING = 1000
RECHECK_SECONDS = 30

Message = dict[str, Any]
ASGI = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to show: for whom (permission, run, organisation, area) and what."""

    permission: str
    run_id: int
    organisation_path: str
    area_path: str
    message: Message

    def for_viewer(self, viewer: Viewer) -> bool:
        """Whether this viewer may see it."""
        found = viewer.may(self.permission)
        if found is None or self.run_id != viewer.run_id:
            return False
        match found.scope:
            case "city":
                return True
            case "area_below":
                return bool(viewer.area_path) and self.area_path.startswith(viewer.area_path)
            case "unit_below":
                return bool(viewer.organisation_path) and self.organisation_path.startswith(viewer.organisation_path)
            case "unit":
                return bool(viewer.organisation_path) and self.organisation_path == viewer.organisation_path
            case _:
                return False


SOURCES: list[Callable[[], list[Event]]] = []
"""Other things to poll once a second, e.g. newest values; each returns what is new since its last call."""


@dataclass(eq=False, slots=True)
class _Stream:
    viewer: Viewer
    queue: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))


class _Hub:
    """All open streams of this process and the one poller that feeds them."""

    def __init__(self) -> None:
        self.streams: set[_Stream] = set()
        self.seen: dict[int, None] = {}
        self.poller: asyncio.Task[None] | None = None
        self.wake = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.stopping = False

    def open(self, viewer: Viewer) -> _Stream:
        stream = _Stream(viewer)
        self.streams.add(stream)
        self.loop = asyncio.get_running_loop()
        if self.poller is None or self.poller.done():
            self.poller = asyncio.create_task(self._poll())
        return stream

    def close(self, stream: _Stream) -> None:
        self.streams.discard(stream)

    def hint(self) -> None:
        """Something was committed in this process: look at once."""
        if self.loop is not None and self.streams:
            self.loop.call_soon_threadsafe(self.wake.set)

    def stop(self) -> None:
        """End every stream; the process is going down."""
        self.stopping = True
        for stream in self.streams:
            if not stream.queue.full():
                stream.queue.put_nowait(None)
        self.wake.set()

    async def _poll(self) -> None:
        self.seen = dict.fromkeys(await sync_to_async(_recent_ids)())
        last_sources = 0.0
        while self.streams and not self.stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), POLL_SECONDS)
            self.wake.clear()
            try:
                events = await sync_to_async(_new_facts)(self.seen)
                now = asyncio.get_running_loop().time()
                if now - last_sources >= 1.0:
                    last_sources = now
                    events += await sync_to_async(_from_sources)()
            except Exception:
                # The database may be away for a moment; streams stay open and heal with it.
                log.exception("live news could not be read")
                await asyncio.sleep(2)
                continue
            for event in events:
                self._give(event)

    def _give(self, event: Event) -> None:
        for stream in list(self.streams):
            if not event.for_viewer(stream.viewer):
                continue
            if stream.queue.full():  # a reader that cannot keep up starts anew from a fresh page
                self.streams.discard(stream)
                stream.queue.get_nowait()
                stream.queue.put_nowait(None)
            else:
                stream.queue.put_nowait(event)


HUB = _Hub()
on_commit_hint(HUB.hint)


def _recent_ids() -> list[int]:
    try:
        return list(FactRow.objects.filter(recorded_at__gte=wall_now() - WINDOW).values_list("id", flat=True))
    finally:
        connection.close()


def _new_facts(seen: dict[int, None]) -> list[Event]:
    try:
        rows = (
            FactRow.objects.filter(recorded_at__gte=wall_now() - WINDOW)
            .select_related("area", "organisation")
            .order_by("id")[:2000]
        )
        events = []
        for row in rows:
            if row.pk in seen:
                continue
            seen[row.pk] = None
            kind = FACTS.get(row.name)
            if kind is None:
                continue
            message = {
                "type": "fact", "id": row.pk, "name": row.name, "subject": row.subject,
                "at": row.happened_at.astimezone(UTC).isoformat(), "area": row.area.code if row.area else None,
            }  # fmt: skip
            events.append(
                Event(kind.permission, row.run_id, row.organisation.path if row.organisation else "",
                      row.area.path if row.area else "", message)
            )  # fmt: skip
        while len(seen) > 20_000:
            del seen[next(iter(seen))]
        return events
    finally:
        connection.close()


def _from_sources() -> list[Event]:
    try:
        return [event for source in SOURCES for event in source()]
    finally:
        connection.close()


def _viewer_of(cookies: str) -> Viewer | None:
    """The signed-in viewer in the chosen post; None when there is none."""
    try:
        jar: SimpleCookie = SimpleCookie(cookies)
        if "sessionid" not in jar:
            return None
        session = SessionStore(jar["sessionid"].value)
        user = User.objects.filter(pk=session.get(SESSION_KEY, 0), is_active=True).first()
        if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
            return None
        holding = holdings(user).filter(post_id=session.get("post_id", 0)).first()
        if holding is None:
            return None
        return actor_for(user, holding.post).on_run(current_run())
    finally:
        close_old_connections()
        connection.close()


async def live(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
    """The ASGI application of `GET /api/v1/core/live`: `text/event-stream` of JSON messages."""
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    viewer = await sync_to_async(_viewer_of)(headers.get("cookie", ""))
    if viewer is None:
        body = json.dumps({"type": "urn:scoc:problem:not_signed_in", "status": 401, "code": "not_signed_in"})
        await send({"type": "http.response.start", "status": 401,
                    "headers": [(b"content-type", b"application/problem+json")]})  # fmt: skip
        await send({"type": "http.response.body", "body": body.encode()})
        return
    stream = HUB.open(viewer)
    await send({
        "type": "http.response.start", "status": 200,
        "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"),
                    (b"x-accel-buffering", b"no")],
    })  # fmt: skip
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await send(_chunk(b"retry: 2000\n\n"))
        await _serve(stream, headers.get("cookie", ""), gone, send)
    finally:
        HUB.close(stream)
        gone.cancel()


async def _until_gone(receive: ASGI) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _chunk(data: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def _serve(stream: _Stream, cookies: str, gone: asyncio.Future[None], send: ASGI) -> None:
    """Send events until the browser leaves, the session ends or the reader falls behind."""
    loop = asyncio.get_running_loop()
    checked = loop.time()
    while not gone.done() and not HUB.stopping:
        try:
            event = await asyncio.wait_for(stream.queue.get(), KEEP_ALIVE_SECONDS)
        except TimeoutError:
            await send(_chunk(b": still here\n\n"))
            event = cast("Event", ())
        if event is None:
            break
        if isinstance(event, Event):
            lines = [f"data: {json.dumps(event.message, ensure_ascii=False)}\n\n"]
            while not stream.queue.empty() and (following := stream.queue.get_nowait()) is not None:
                lines.append(f"data: {json.dumps(following.message, ensure_ascii=False)}\n\n")
            await send(_chunk("".join(lines).encode()))
        if loop.time() - checked > RECHECK_SECONDS:  # rights end while streams are open
            checked = loop.time()
            viewer = await sync_to_async(_viewer_of)(cookies)
            if viewer is None:
                break
            stream.viewer = viewer
    await send(_chunk(b"", more=False))
