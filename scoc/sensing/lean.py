"""The lean path of telemetry: `POST /api/v1/sensing/readings`, one reading or a list, beside Django's request stack.

A device shows its credential as a bearer token. Every answer means what it says: stored is committed, duplicate was
stored before, rejected will never be stored and is counted. 503 means try again.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from scoc.core.acting import new_correlation
from scoc.kit.text import Text
from scoc.sensing.ingest import remedies
from scoc.sensing.ingest.bodies import check_items, decoded
from scoc.sensing.ingest.checking import Checked
from scoc.sensing.ingest.columns import no_columns
from scoc.sensing.ingest.commits import SOURCE, Faulty
from scoc.sensing.ingest.directory import KnownDevice
from scoc.sensing.ingest.doors import Door, NotNow, Sight, WrongCredential
from scoc.sensing.ingest.taking import Taken
from scoc.sensing.mqtt import serving as listener
from scoc.sensing.requests import Event, Receive, Send, TooLarge, TooSlow, body_of
from scoc.sensing.sta import serving as sensorthings

PATH = "/api/v1/sensing/readings"
Message = dict[str, Any]

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
_door: Door | None = None


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
    """Open the path, and the MQTT listener where the settings name a port for it."""
    global _door
    _door = Door()
    await sensorthings.startup(_door)
    await listener.startup(_door)


async def shutdown() -> None:
    """Close the listener; store what waits, then close the path."""
    global _door
    door, _door = _door, None
    await sensorthings.shutdown()
    if door is not None:
        try:
            await listener.shutdown()
        finally:
            await door.close()


async def _sight(door: Door) -> Sight:
    """What to go by. Raises _Problem."""
    try:
        return await door.sight_soon()
    except NotNow as error:
        raise _Problem(503, error.code) from error


async def _device(door: Door, sight: Sight, headers: dict[bytes, bytes]) -> KnownDevice:
    """The device that holds the credential shown. Raises _Problem; a wrong one is counted."""
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise _Problem(401, "no_credential")
    try:
        return await door.device_of(sight, token.strip(), SOURCE)
    except WrongCredential as error:
        raise _Problem(401, "wrong_credential") from error
    except NotNow as error:
        raise _Problem(503, error.code) from error


async def _body(receive: Receive, headers: dict[bytes, bytes], most: int) -> bytes | None:
    """The body; None when the sender is gone. Raises _Problem."""
    try:
        return await body_of(receive, headers, most)
    except TooLarge as error:
        raise _Problem(413, "too_large", close=True) from error
    except TooSlow as error:
        raise _Problem(408, "slow", close=True) from error


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


async def _stored(door: Door, device: KnownDevice, checked: Checked, received: int) -> Taken:
    """Wait until the rows are committed. Raises _Problem: then nothing is promised."""
    columns = checked.columns() if checked.positions else no_columns()
    refused = [row for _, row in checked.refused]
    try:
        return await door.commit(columns, refused, {device.key: received}, SOURCE, device_key=device.key)
    except NotNow as error:
        raise _Problem(503, error.code) from error
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
        body = await _body(receive, headers, sight.limits.most_body_bytes)
        if body is None:
            return None
        try:
            content = decoded(body)
        except ValueError as error:
            raise _Problem(400, "malformed") from error
        items = content if isinstance(content, list) else [content]
        if not isinstance(content, list | dict):
            raise _Problem(400, "malformed")
        if len(items) > sight.limits.most_readings:
            raise _Problem(413, "too_many")
    except _Problem as problem:
        reason = "too_large" if problem.status == 413 else "malformed"
        door.writer.count(device.key, reason)
        raise
    checked = Checked(sight.bounds())
    check_items(items, device, checked)
    taken = await _stored(door, device, checked, len(items))
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
LEAN_ROOTS = {sensorthings.ROOT: sensorthings.sensorthings}
