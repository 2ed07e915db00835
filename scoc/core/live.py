"""The one server-sent-event stream to browsers (实时推送), filtered by what the viewer may see.

It holds no database connection: one poller per process reads what is new and hands it to every stream. Ids do not
come in the order of commits, so the poller remembers the ids that it has seen no fact for, and looks for them again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection, connections
from django.db.models import Max, Q

from scoc.core.acting import Viewer
from scoc.core.facts import FACTS, on_commit_hint
from scoc.core.http.identity import session_viewer
from scoc.core.http.problems import MEDIA_TYPE, plain_problem
from scoc.core.models import FactRow

log = logging.getLogger(__name__)
POLL_SECONDS = 0.5
READ_AT_ONCE = 1000
GAP_SECONDS = 60
"""No transaction is open for longer: an id that was passed over and is still without a fact by then was rolled back."""
MOST_GAPS = 200
LOOK_BACK = 1000
HEAL_SECONDS = 2
KEEP_ALIVE_SECONDS = 15
SEND_SECONDS = 20
"""A browser that takes nothing for so long is cut off; it comes back by itself and loads the page's data anew."""
MOST_WAITING = 1000
RECHECK_SECONDS = 30

T = TypeVar("T")
Message = dict[str, Any]
ASGI = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to show: for whom (permission, run, organisation, area) and what."""

    permission: str
    run_id: int
    organisation_path: str
    area_path: str
    message: Message
    post_id: int | None = None
    """The one post that it is for, if it is for one."""
    user_id: int | None = None
    """The one user that it is for, if it is for one."""
    data: bytes = field(init=False, repr=False)
    """The message as it is sent, made once for all streams."""

    def __post_init__(self) -> None:
        """Make the bytes."""
        object.__setattr__(self, "data", b"data: " + json.dumps(self.message, ensure_ascii=False).encode() + b"\n\n")

    def for_viewer(self, viewer: Viewer) -> bool:
        """Whether this viewer may see it."""
        found = viewer.may(self.permission)
        if found is None or self.run_id != viewer.run_id:
            return False
        if self.post_id is not None or self.user_id is not None:
            return viewer.user_id == self.user_id or (self.post_id is not None and viewer.post_id == self.post_id)
        unit, area = viewer.organisation_path, viewer.area_path
        inside = {
            "city": True,
            "area_below": bool(area) and self.area_path.startswith(area),
            "unit_below": bool(unit) and self.organisation_path.startswith(unit),
            "unit": bool(unit) and self.organisation_path == unit,
        }
        return any(inside.get(scope, False) for scope in found.scopes)


SOURCES: list[Callable[[], list[Event]]] = []
"""Other things to poll once a second, e.g. newest values; each returns what is new since its last call."""


@dataclass(slots=True)
class _Gap:
    """Ids that were passed over: a transaction that took them may still commit."""

    first: int
    last: int
    since: float


class Tail:
    """Reads the facts that were committed since the last look, each once, in whatever order commits came."""

    def __init__(self) -> None:
        self.newest = 0
        self.gaps: list[_Gap] = []

    def start(self) -> None:
        """Begin after what is there now."""
        self.newest = FactRow.objects.aggregate(newest=Max("id"))["newest"] or 0
        floor = max(0, self.newest - LOOK_BACK)
        self.gaps = []
        self._pass_over(list(FactRow.objects.filter(id__gt=floor).order_by("id").values_list("id", flat=True)), floor)

    def read(self) -> list[FactRow]:
        """At most a thousand new facts; an empty list when there is nothing new."""
        moment = time.monotonic()
        self.gaps = [gap for gap in self.gaps if moment - gap.since < GAP_SECONDS][-MOST_GAPS:]
        wanted = Q(id__gt=self.newest)
        for gap in self.gaps:
            wanted |= Q(id__range=(gap.first, gap.last))
        rows = list(FactRow.objects.filter(wanted).select_related("area", "organisation").order_by("id")[:READ_AT_ONCE])
        for row in rows:
            if row.pk <= self.newest:
                self._fill(row.pk)
        self._pass_over([row.pk for row in rows if row.pk > self.newest], self.newest)
        return rows

    def _pass_over(self, ids: list[int], floor: int) -> None:
        for number in ids:
            if number > floor + 1:
                self.gaps.append(_Gap(floor + 1, number - 1, time.monotonic()))
            floor = number
        self.newest = max(self.newest, floor)

    def _fill(self, number: int) -> None:
        for gap in self.gaps:
            if gap.first <= number <= gap.last:
                rest = _Gap(number + 1, gap.last, gap.since)
                gap.last = number - 1
                if rest.first <= rest.last:
                    self.gaps.append(rest)
                break
        self.gaps = [gap for gap in self.gaps if gap.first <= gap.last]


def event_of(row: FactRow) -> Event | None:
    """A fact as news; None for a kind that no module knows any more.

    That a drill ended is news to those who are in it, wherever it was ended from.
    """
    kind = FACTS.get(row.name)
    if kind is None:
        return None
    message = {
        "type": "fact", "id": row.pk, "name": row.name, "subject": row.subject,
        "at": row.happened_at.astimezone(UTC).isoformat(), "area": row.area.code if row.area else None,
    }  # fmt: skip
    told = json.loads(row.body) if row.name in {"core.notified", "core.run_ended"} else {}
    return Event(
        kind.permission, told.get("run", row.run_id), row.organisation.path if row.organisation else "",
        row.area.path if row.area else "", message, told.get("post"), told.get("user"),
    )  # fmt: skip


class Stream:
    """One browser: what waits for it, and whether it is over."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.over = False
        self._waiting: deque[Event] = deque()
        self._ready = asyncio.Event()

    def give(self, event: Event) -> None:
        """Put news before the viewer who may see it; a reader that cannot keep up starts anew from a fresh page."""
        if self.over or not event.for_viewer(self.viewer):
            return
        if len(self._waiting) >= MOST_WAITING:
            self.end()
            return
        self._waiting.append(event)
        self._ready.set()

    def end(self) -> None:
        """Send nothing more."""
        self.over = True
        self._waiting.clear()
        self._ready.set()

    async def take(self, seconds: float) -> bytes:
        """All that waits; nothing after so many seconds without news."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        self._ready.clear()
        data = b"".join(event.data for event in self._waiting)
        self._waiting.clear()
        return data


class Hub:
    """All open streams of this process and the one poller that feeds them."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.tail = Tail()
        self.polls = 0
        self.stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._standing: asyncio.Future[None] | None = None

    async def open(self, viewer: Viewer) -> Stream:
        """A stream that gets everything committed from now on. Raises DatabaseError while there is no database."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # another life of the server
            self._loop, self._wake, self._poller, self.streams = loop, asyncio.Event(), None, set()
            self.stopped = False
        stream = Stream(viewer)
        if self.stopped:  # it came in on a connection that was open already
            stream.end()
            return stream
        self.streams.add(stream)
        if self._poller is None:
            self._standing = loop.create_future()
            self._poller = loop.create_task(self._poll(self._standing))
        assert self._standing is not None
        try:
            await asyncio.shield(self._standing)
        except DatabaseError:
            self.close(stream)
            raise
        return stream

    def close(self, stream: Stream) -> None:
        """The browser is gone."""
        self.streams.discard(stream)

    def hint(self) -> None:
        """Something was committed in this process: look at once. May be called from any thread."""
        if self._loop is not None and self.streams:
            with contextlib.suppress(RuntimeError):  # the loop has just ended, and so have its streams
                self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self) -> None:
        """End every stream, and those that still come; the process is going down."""
        self.stopped = True
        for stream in self.streams:
            stream.end()
        self.streams.clear()
        self._wake.set()

    async def _poll(self, standing: asyncio.Future[None]) -> None:
        try:
            await sync_to_async(with_connection)(self.tail.start)
            standing.set_result(None)
        except DatabaseError as error:
            standing.set_exception(error)
            self._poller = None
            return
        looked_at_sources = 0.0
        while self.streams:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._look()
                if time.monotonic() - looked_at_sources >= 1.0:
                    looked_at_sources = time.monotonic()
                    for source in SOURCES:
                        self._give(await sync_to_async(with_connection)(source))
            except DatabaseError:
                # The database may be away for a moment; streams stay open and heal with it.
                log.warning("live news could not be read", exc_info=True)
                await asyncio.sleep(HEAL_SECONDS)
        self._poller = None  # before anything is awaited: a stream that opens now starts the next one
        await sync_to_async(connections.close_all)()

    async def _look(self) -> None:
        while self.streams:
            self.polls += 1
            rows = await sync_to_async(with_connection)(self.tail.read)
            self._give([event for row in rows if (event := event_of(row)) is not None])
            if len(rows) < READ_AT_ONCE:
                break

    def _give(self, events: list[Event]) -> None:
        for event in events:
            for stream in list(self.streams):
                stream.give(event)


HUB = Hub()
on_commit_hint(HUB.hint)


def with_connection(read: Callable[[], T]) -> T:
    """Read in this thread, and leave no connection of PostgreSQL's behind."""
    try:
        return read()
    except DatabaseError:
        connection.close()
        raise
    finally:
        if connection.vendor == "postgresql":
            connection.close()  # back into the pool; opening SQLite anew would cost more than the reading


async def _viewer(cookies: str) -> Viewer | None:
    return await sync_to_async(with_connection)(lambda: session_viewer(cookies))


async def _refuse(send: ASGI, status: int) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": plain_problem(status)})


async def live(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
    """The ASGI application of `GET /api/v1/core/live`: `text/event-stream` of JSON messages.

    The first message is `{"type": "hello"}`: whatever is loaded after it misses nothing.
    """
    if scope["method"] != "GET":
        await _refuse(send, 405)
        return
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    cookies = headers.get("cookie", "")
    try:
        viewer = await _viewer(cookies)
        stream = None if viewer is None else await HUB.open(viewer)
    except DatabaseError:
        await _refuse(send, 503)
        return
    if stream is None:
        await _refuse(send, 401)
        return
    gone = asyncio.ensure_future(_until_gone(receive))
    gone.add_done_callback(lambda _: stream.end())
    try:
        await send({
            "type": "http.response.start", "status": 200,
            "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"),
                        (b"x-accel-buffering", b"no")],
        })  # fmt: skip
        await _serve(stream, cookies, send)
    finally:
        HUB.close(stream)
        gone.cancel()


async def _until_gone(receive: ASGI) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _serve(stream: Stream, cookies: str, send: ASGI) -> None:
    """Send news until the browser leaves, takes nothing, or its session or rights end."""

    async def write(data: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": data, "more_body": more})

    with contextlib.suppress(TimeoutError):
        await write(b'retry: 2000\n\ndata: {"type": "hello"}\n\n')
        checked = time.monotonic()
        while not stream.over:
            data = await stream.take(min(KEEP_ALIVE_SECONDS, RECHECK_SECONDS))
            if not stream.over:
                await write(data or b": still here\n\n")
            if time.monotonic() - checked >= RECHECK_SECONDS:  # rights end while streams are open
                checked = time.monotonic()
                viewer = await _viewer(cookies)
                if viewer is None:
                    break
                stream.viewer = viewer
        await write(b"", more=False)
