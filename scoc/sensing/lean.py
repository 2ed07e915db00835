"""The lean path of telemetry: `POST /api/v1/sensing/readings`, one reading or a list, beside Django's request stack.

A device shows its credential as a bearer token. Every answer means what it says: stored is committed, duplicate was
stored before, rejected will never be stored and is counted. 503 means try again.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from django.db import connection

from scoc.core import now
from scoc.core.acting import new_correlation
from scoc.core.city.sections import city_settings
from scoc.core.secrets import keyed_hash
from scoc.kit.text import Text
from scoc.sensing.ingest import directory, remedies
from scoc.sensing.ingest.checking import Bounds, Checked, Row, bounds_at
from scoc.sensing.ingest.columns import no_columns
from scoc.sensing.ingest.commits import Away, Faulty, Waiting, Writer
from scoc.sensing.ingest.credentials import CREDENTIAL_PURPOSE, parse_token
from scoc.sensing.ingest.directory import KnownDevice
from scoc.sensing.ingest.taking import Taken
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Device
from scoc.sensing.sta import serving

log = logging.getLogger(__name__)
PATH = "/api/v1/sensing/readings"
DEADLINE_SECONDS = 10.0
BODY_SECONDS = 20.0
"""A sender that takes longer to send its body is cut off."""
FRESH_SECONDS = 1.0
"""Clock, limits and changed devices are looked up so often while requests come."""
STALE_SECONDS = 2.0
"""A request never goes by what was looked up longer ago than this."""
MOST_LOOKUPS = 500
_FIELDS = frozenset({"device_key", "property", "at", "value", "dedup_key"})
Message = dict[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_SENTENCES = {
    "no_credential": Text("请携带设备凭证。", "Send the device's credential as `Authorization: Bearer …`."),
    "wrong_credential": Text("设备凭证无效或已吊销。", "The credential is unknown or was revoked; get a new one."),
    "method": Text("此地址只接受 POST。", "Only POST is answered here."),
    "too_large": Text("请求体过大。", "The body is too large; send fewer readings at once."),
    "slow": Text("请求体发送过慢。", "The body came too slowly."),
    "too_many": Text("一次读数过多。", "There are too many readings in it; send fewer at once."),
    "malformed": Text("请求体不是 JSON 对象或数组。", "The body is no JSON object, and no list of objects."),
    "rejected": Text("没有一条读数被接收。", "No reading was taken; see the reasons."),
    "busy": Text("系统繁忙，请稍后重试。", "Too much is waiting to be stored; try again soon."),
    "away": Text("暂时无法保存，请稍后重试。", "It cannot be stored at the moment, or not in time; try again."),
    "fault": Text("无法保存这些读数，已记录。", "These readings cannot be stored; it was recorded."),
}


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the path goes by for a second: run, clock, limits."""

    looked: float
    run_id: int
    clock: now.RunClock | None
    limits: SensingSettings

    def bounds(self) -> Bounds:
        wall = now.wall_now()
        return bounds_at(self.clock.at(wall) if self.clock else wall, self.limits)


@dataclass(slots=True)
class _Door:
    """The state of the path in this process."""

    writer: Writer = field(default_factory=Writer)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2, "telemetry-lookup"))
    sight: _Sight | None = None
    looking: asyncio.Task[_Sight] | None = None
    lookups: int = 0


_door: _Door | None = None


class _Problem(Exception):
    """Answer this instead."""

    def __init__(
        self, status: int, code: str, *, close: bool = False, results: list[Message] | None = None, alone: bool = False
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.close = close
        self.results = results
        self.alone = alone
        """Whether one reading came by itself, and no list."""


async def startup() -> None:
    """Open the path."""
    global _door
    _door = _Door()
    await serving.startup()


async def shutdown() -> None:
    """Store what waits, then close."""
    global _door
    door, _door = _door, None
    await serving.shutdown()
    if door is not None:
        await asyncio.to_thread(door.writer.stop)
        door.pool.shutdown(wait=False, cancel_futures=True)


def _look() -> _Sight:
    """In a thread: what holds now. Raises while the database is away."""
    began = time.monotonic()
    try:
        directory.refresh()
        return _Sight(began, now.current_run(), now.run_clock(), city_settings(SensingSettings))
    finally:
        connection.close()


def _find(run_id: int, key: str) -> KnownDevice | None:
    """In a thread: a device by its key."""
    try:
        return directory.devices(run_id, [key]).get(key)
    finally:
        connection.close()


async def _sight(door: _Door) -> _Sight:
    """What to go by: at most STALE_SECONDS old. Others go on with the old one while it is looked up."""
    age = time.monotonic() - door.sight.looked if door.sight else STALE_SECONDS
    if door.sight is not None and age < FRESH_SECONDS:
        return door.sight
    if door.looking is None or door.looking.done():
        door.looking = asyncio.create_task(_look_up(door))
        door.looking.add_done_callback(lambda task: task.cancelled() or task.exception())
    if door.sight is not None and age < STALE_SECONDS:
        return door.sight
    try:
        return await asyncio.wait_for(asyncio.shield(door.looking), DEADLINE_SECONDS)
    except Exception as error:
        log.warning("telemetry cannot look up its devices: %s", error)
        raise _Problem(503, "away") from error


async def _look_up(door: _Door) -> _Sight:
    door.sight = await asyncio.get_running_loop().run_in_executor(door.pool, _look)
    return door.sight


async def _device(door: _Door, sight: _Sight, headers: dict[bytes, bytes]) -> KnownDevice:
    """The device that holds the credential shown. Raises _Problem; a wrong one is counted."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise _Problem(401, "no_credential")
    parsed = parse_token(token.strip())
    if parsed is None:
        door.writer.count("", "wrong_credential")
        raise _Problem(401, "wrong_credential")
    key, secret = parsed
    device = directory.peek(sight.run_id, key)
    if device is None and not directory.unknown_lately(sight.run_id, key):
        device = await _looked_up(door, sight, key)
    right = device is not None and hmac.compare_digest(device.credential_hash, keyed_hash(CREDENTIAL_PURPOSE, secret))
    if not right or device is None or device.credential_revoked or device.state == Device.State.RETIRED:
        door.writer.count(key if right else "", "wrong_credential")
        raise _Problem(401, "wrong_credential")
    return device


async def _looked_up(door: _Door, sight: _Sight, key: str) -> KnownDevice | None:
    if door.lookups >= MOST_LOOKUPS:
        raise _Problem(503, "busy")
    door.lookups += 1
    try:
        look = asyncio.get_running_loop().run_in_executor(door.pool, _find, sight.run_id, key)
        return await asyncio.wait_for(look, DEADLINE_SECONDS)
    except Exception as error:
        log.warning("telemetry cannot look up a device: %s", error)
        raise _Problem(503, "away") from error
    finally:
        door.lookups -= 1


async def _body(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes | None:
    """The body, never more of it than is allowed; None when the sender is gone."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 18 or int(announced) > most:
        raise _Problem(413, "too_large", close=True)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _Problem(413, "too_large", close=True)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class _Twice(dict[str, Any]):
    """A JSON object in which a field stands twice: nobody knows which one is meant."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Twice(made)


def _decoded(body: bytes) -> Any:
    """JSON, and the NaN and Infinity that some senders write, so that they fail alone. Raises _Problem."""
    try:
        content = msgspec.json.decode(body)
        if not _more_quotes(body, content):
            return content
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(body, parse_int=_whole, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _Problem(400, "malformed") from error


def _more_quotes(body: bytes, content: Any) -> bool:
    """Whether the text has more quotes than its readings need: then a field may stand twice, which is looked for."""
    items = content if isinstance(content, list) else [content]
    texts = sum(
        len(item) + sum(isinstance(value, str) for value in item.values()) for item in items if isinstance(item, dict)
    )
    return body.count(b'"') != 2 * texts


def _whole(text: str) -> int | float:
    """An integer; one that no number type holds is infinite, and fails alone."""
    return int(text) if len(text) < 400 else math.inf


def _row(item: dict[str, Any], device: KnownDevice) -> Row:
    at = item.get("at")
    return (
        item.get("device_key", device.key), item.get("property"), at if isinstance(at, str) else None,
        item.get("value"), item.get("dedup_key"),
    )  # fmt: skip


def _check(items: list[Any], device: KnownDevice, span: Bounds) -> Checked:
    """Check what one device sent; it speaks for itself only."""
    checked = Checked(span)
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            nothing = (device.key, "", None, None, None)
            checked.refuse(position, nothing, "malformed", "a reading is a JSON object", raw=str(item)[:300])
            continue
        row = _row(item, device)
        if isinstance(item, _Twice):
            checked.refuse(position, row, "malformed", "a field stands twice")
        elif not item.keys() <= _FIELDS:
            extra = ", ".join(sorted(str(name)[:40] for name in item.keys() - _FIELDS)[:5])
            checked.refuse(position, row, "malformed", f"unknown fields: {extra}")
        elif isinstance(row[0], str) and row[0] != device.key:
            own = (device.key, *row[1:])
            checked.refuse(position, own, "other_device", f"the credential is not that of {row[0][:60]}")
        else:
            checked.add(position, row, device)
    return checked


def _results(number: int, checked: Checked, taken: Taken, language: str) -> list[Message]:
    """What became of each reading. Ids exceed what browsers count exactly, so they are texts."""
    results: list[Message] = [{}] * number
    for position, fresh, pk in zip(checked.positions, taken.fresh.tolist(), taken.ids.tolist(), strict=True):
        results[position] = {"status": "stored" if fresh else "duplicate", "id": str(pk)}
    for position, refused in checked.refused:
        said = remedies.told(refused.reason, refused.detail, language)
        results[position] = {
            "status": "rejected", "reason": refused.reason, "detail": refused.detail, "field": said["field"],
            "remedy": said["remedy"],
        }  # fmt: skip
    return results


async def _stored(door: _Door, device: KnownDevice, checked: Checked) -> Taken:
    """Wait until the rows are committed. Raises _Problem: then nothing is promised."""
    loop = asyncio.get_running_loop()
    waiting = Waiting(
        checked.columns() if checked.positions else no_columns(), [row for _, row in checked.refused], device.key,
        loop, loop.create_future(),
    )  # fmt: skip
    if not door.writer.submit(waiting):
        raise _Problem(503, "busy")
    try:
        return await asyncio.wait_for(waiting.answer, DEADLINE_SECONDS)
    except (TimeoutError, Away) as error:
        raise _Problem(503, "away") from error
    except Faulty as error:
        raise _Problem(500, "fault") from error


async def _take(scope: Event, receive: Receive) -> tuple[int, Message] | None:
    """Take one request: its status and answer; None when its sender is gone."""
    door = _door
    if door is None:
        raise _Problem(503, "away")
    if scope["method"] != "POST":
        raise _Problem(405, "method")
    headers = dict(scope["headers"])
    sight = await _sight(door)
    device = await _device(door, sight, headers)
    try:
        reading = _body(receive, headers, sight.limits.most_body_bytes)
        try:
            body = await asyncio.wait_for(reading, BODY_SECONDS)
        except TimeoutError as error:
            raise _Problem(408, "slow", close=True) from error
        if body is None:
            return None
        content = _decoded(body)
        items = content if isinstance(content, list) else [content]
        if not isinstance(content, list | dict):
            raise _Problem(400, "malformed")
        if len(items) > sight.limits.most_readings:
            raise _Problem(413, "too_many")
    except _Problem as problem:
        reason = "too_large" if problem.status == 413 else "malformed"
        door.writer.count(device.key, reason)
        raise
    checked = _check(items, device, sight.bounds())
    taken = await _stored(door, device, checked)
    results = _results(len(items), checked, taken, _language(headers))
    if isinstance(content, dict):
        only = results[0]
        if only["status"] == "rejected":
            raise _Problem(422, "rejected", results=results, alone=True)
        return (201 if only["status"] == "stored" else 200), only
    stored = taken.stored
    refused = len(checked.refused)
    if items and refused == len(items):
        raise _Problem(422, "rejected", results=results)
    return 200, {
        "stored": stored, "duplicate": len(items) - refused - stored, "rejected": refused, "results": results,
    }  # fmt: skip


async def readings(scope: Event, receive: Receive, send: Send) -> None:
    """The ASGI application of the path."""
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    try:
        answer = await _take(scope, receive)
        if answer is None:
            return
        status, content = answer
    except _Problem as problem:
        status, content = problem.status, _told(problem, dict(scope["headers"]))
        headers[0] = (b"content-type", b"application/problem+json")
        headers += _extra_headers(problem)
    body = msgspec.json.encode(content)
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _extra_headers(problem: _Problem) -> list[tuple[bytes, bytes]]:
    found = []
    if problem.status == 401:
        found.append((b"www-authenticate", b'Bearer realm="scoc-devices"'))
    if problem.status == 503:
        found.append((b"retry-after", b"1"))
    if problem.status == 405:
        found.append((b"allow", b"POST"))
    if problem.close:  # the rest of the body is not read
        found.append((b"connection", b"close"))
    return found


def _language(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"accept-language", b"zh").decode("latin1")


def _told(problem: _Problem, headers: dict[bytes, bytes]) -> Message:
    """An RFC 9457 problem."""
    language = _language(headers)
    sentence = _SENTENCES[problem.code].in_(language)
    content: Message = {
        "type": f"urn:scoc:problem:{problem.code}", "title": HTTPStatus(problem.status).phrase,
        "status": problem.status, "code": problem.code, "detail": sentence, "errors": [],
        "correlation": new_correlation(),
    }  # fmt: skip
    if problem.code in remedies.OF_REQUEST:
        field, remedy = remedies.OF_REQUEST[problem.code]
        content["errors"] = [{"field": field, "message": sentence, "remedy": remedy.in_(language)}]
    if problem.results is not None:
        content["results"] = problem.results
        content["errors"] = [
            remedies.told(row["reason"], row["detail"], language, "" if problem.alone else f"[{n}]")
            for n, row in enumerate(problem.results[:50])
        ]
    return content


LEAN_PATHS = {PATH: readings}
LEAN_ROOTS = {serving.ROOT: serving.sensorthings}
