"""Many requests in one (18-088 section 11): as OData's JSON, or as multipart/mixed with changesets.

A changeset is done as a whole or not at all. What one part makes, later ones name by `$` and its id, in addresses and
as the value of `@iot.id`.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any

import msgspec

from scoc.core.acting import unit_of_work
from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text
from scoc.sensing.sta.doing import READS, Asked, Caller, Done, content_of, do, encoded, stored

MOST_PARTS = 200
MOST_ANSWER = 33_554_432
"""Bytes of what the parts of a batch read, beyond which no further part is done."""
_LINE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (\S+)(?: HTTP/[\d.]+)?")
_NAMED = re.compile(r"\$(\w+)(?=/|$)")
_TYPE_LINE = re.compile(rb"^content-type:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE | re.MULTILINE)
MOST_TYPE = 500
"""Bytes of a Content-Type with its boundary."""
MOST_MARKS = 4 * MOST_PARTS
"""Boundaries in one batch: each part may be a changeset of its own."""
Tell = Callable[[Exception], Done]
"""How a part that failed is answered."""


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a batch."""

    id: str
    asked: Asked
    group: str = ""
    """The changeset that it belongs to."""


class _Undone(Refusal):
    """Its changeset failed at another part."""

    status = 424

    def __init__(self) -> None:
        super().__init__("changeset_failed", Text("所在变更集未执行。", "Another part of its changeset failed."))


class _Full(Refusal):
    """The parts before it told so much that no more is told at once."""

    status = 413

    def __init__(self) -> None:
        super().__init__("answer_too_large", Text("本批应答已过大，请将其余请求另批发送。",
                                                  "The answer is full: send the others in another batch."))  # fmt: skip


def batch(caller: Caller, body: bytes, kind: str, tell: Tell) -> Done:
    """Do every part in its order; the answer in the form of the request. Raises Refusal for what is no batch."""
    multipart = kind.lower().startswith("multipart/")
    parts = list(_parts(body, kind)) if multipart else _json_parts(content_of(body))
    if not 0 < len(parts) <= MOST_PARTS:
        raise invalid("body", f"A batch has 1 to {MOST_PARTS} requests.", "Split it.",
                      zh=f"一批须有 1 至 {MOST_PARTS} 个请求。")  # fmt: skip
    parts = [replace(part, asked=replace(part.asked, below=_below(caller, part.asked.below))) for part in parts]
    answers: list[tuple[Part, Done]] = []
    made: dict[str, Done] = {}
    size = 0
    for group in _groups(parts):
        if size > MOST_ANSWER:
            answers += [(part, tell(_Full())) for part in group]
            continue
        for part, done in _all(caller, group, made, tell):
            if part.asked.method in READS:  # as it is sent it needs a fraction of the memory
                whole = encoded(done)
                size += len(whole)
                answers.append((part, replace(done, content=msgspec.Raw(whole))))
            else:
                answers.append((part, done))
            if isinstance(done.content, dict) and "@iot.id" in done.content:
                made[part.id] = done
    return _multipart_answer(answers) if multipart else _json_answer(answers)


def _groups(parts: list[Part]) -> Iterator[list[Part]]:
    """Parts that are done together: a changeset, else each alone."""
    group: list[Part] = []
    for part in parts:
        if group and (not part.group or part.group != group[0].group):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _all(caller: Caller, group: list[Part], before: dict[str, Done], tell: Tell) -> list[tuple[Part, Done]]:
    if not group[0].group:
        return [(part, _one(caller, part, before, tell)) for part in group]
    made = dict(before)
    at = 0
    try:
        with unit_of_work(caller.viewer):
            for at, part in enumerate(group):  # noqa: B007  # tells below which one failed
                made[part.id] = stored(caller.viewer, do(caller, _resolved(part.asked, made)))
    except Exception as error:  # noqa: BLE001  # whoever tells it logs what is a fault
        return [(part, tell(error if n == at else _Undone())) for n, part in enumerate(group)]
    return [(part, made[part.id]) for part in group]


def _one(caller: Caller, part: Part, made: dict[str, Done], tell: Tell) -> Done:
    try:
        return stored(caller.viewer, do(caller, _resolved(part.asked, made)))
    except Exception as error:  # noqa: BLE001  # whoever tells it logs what is a fault
        return tell(error)


def _below(caller: Caller, url: str) -> str:
    """An address of any form as the path below the service's root, with its options."""
    path = caller.root.split("://", 1)[-1].partition("/")[2]
    for beginning in (caller.root, f"/{path}"):
        if url.startswith(beginning):
            return url.removeprefix(beginning).strip("/")
    return url.strip("/")


def _resolved(asked: Asked, made: dict[str, Done]) -> Asked:
    """A part with its options apart and with the ids of what parts before it made."""

    def named(match: re.Match[str]) -> str:
        done = made.get(match[1])
        if done is None or not isinstance(done.content, dict) or "@iot.selfLink" not in done.content:
            return match[0]
        return str(done.content["@iot.selfLink"]).rsplit("/", 1)[-1]

    path, _, options = asked.below.partition("?")
    path = _NAMED.sub(named, path, count=1) if path.startswith("$") else path
    body = asked.body
    if made and b'"$' in body:
        body = json.dumps(_with_ids(content_of(body), made), ensure_ascii=False).encode()
    return replace(asked, below=path.strip("/"), options=options, body=body)


def _with_ids(content: Any, made: dict[str, Done]) -> Any:
    if isinstance(content, dict):
        found = {name: _with_ids(one, made) for name, one in content.items()}
        given = found.get("@iot.id")
        if isinstance(given, str) and given.startswith("$") and given[1:] in made:
            told = made[given[1:]].content
            found["@iot.id"] = told.get("@iot.id") if isinstance(told, dict) else given
        return found
    return [_with_ids(one, made) for one in content] if isinstance(content, list) else content


# --- JSON


def _json_parts(content: Any) -> list[Part]:
    requests = content.get("requests") if isinstance(content, dict) else None
    if not isinstance(requests, list):
        raise invalid("requests", "It is no list.", 'Send {"requests": [{"id", "method", "url", "body"}]}.',
                      zh="须为请求的列表。")  # fmt: skip
    return [_json_part(one, f"requests[{n}]") for n, one in enumerate(requests)]


def _json_part(one: Any, place: str) -> Part:
    texts = [one.get(name) for name in ("id", "method", "url")] if isinstance(one, dict) else []
    if len(texts) != 3 or not all(isinstance(text, str) and text for text in texts):
        raise invalid(place, "It has no id, method and url.", "Give all three as texts.", zh="须有 id、method 与 url。")
    headers = one.get("headers") if isinstance(one.get("headers"), dict) else {}
    kind = next((str(value) for name, value in headers.items() if str(name).lower() == "content-type"), "")
    body = b"" if "body" not in one else json.dumps(one["body"], ensure_ascii=False).encode()
    name, method, url = str(texts[0]), str(texts[1]).upper(), str(texts[2])
    if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        raise invalid(f"{place}.method", "There is no such method.", "Use GET, POST, PUT, PATCH or DELETE.",
                      zh="没有该方法。")  # fmt: skip
    return Part(name, Asked(method, url, body=body, kind=kind or "application/json"),
                str(one.get("atomicityGroup") or ""))  # fmt: skip


def _json_answer(answers: list[tuple[Part, Done]]) -> Done:
    return Done(200, {
        "responses": [
            {"id": part.id, "status": done.status}
            | ({"location": done.headers["Location"]} if "Location" in done.headers else {})
            | ({} if done.content is None else {"body": done.content})
            for part, done in answers
        ]
    })  # fmt: skip


# --- multipart/mixed


def _parts(body: bytes, kind: str, group: str = "") -> Iterator[Part]:
    longest = max((len(match[0]) for match in _TYPE_LINE.finditer(body)), default=0)
    if body.count(b"\n--") > MOST_MARKS or max(longest, len(kind)) > MOST_TYPE:  # to read them takes the square of it
        raise invalid("body", f"A batch has 1 to {MOST_PARTS} requests, and short headers.", "Split it.",
                      zh=f"一批须有 1 至 {MOST_PARTS} 个请求，且请求头不能过长。")  # fmt: skip
    try:
        message = BytesParser().parsebytes(b"Content-Type: " + kind.encode("latin1", "replace") + b"\r\n\r\n" + body)
    except RecursionError as error:
        raise invalid(
            "body", "Its parts are nested too deeply.", "Nest changesets alone.", zh="分段嵌套过深。"
        ) from error
    if not message.is_multipart():
        raise invalid("body", "It is not in parts.", "Separate them by the boundary of the Content-Type.",
                      zh="请求体未按 boundary 分段。")  # fmt: skip
    for n, part in enumerate(message.get_payload()):
        content = part.get_content_type()
        if content.startswith("multipart/") and not group:
            yield from _parts_of(part, f"changeset {n}")
        elif content == "application/http":
            yield _http_part(part, group, str(n))
        else:
            raise invalid("body", f"A part is {content[:60]}.", "Use application/http, or multipart/mixed.",
                          zh="分段须为 application/http 或 multipart/mixed。")  # fmt: skip


def _parts_of(changeset: Message, group: str) -> Iterator[Part]:
    for n, part in enumerate(changeset.get_payload() if changeset.is_multipart() else ()):
        yield _http_part(part, group, f"{group}.{n}")


def _http_part(part: Message, group: str, place: str) -> Part:
    """One request as it stands in a part: its line, its headers, its body."""
    content = part.get_payload(decode=True)
    head, _, rest = (content if isinstance(content, bytes) else b"").lstrip().partition(b"\n")
    match = _LINE.fullmatch(head.decode("latin1").strip())
    if match is None:
        raise invalid("body", f"Part {place} has no request line.", "Begin it with POST Things HTTP/1.1.",
                      zh="分段缺少请求行。")  # fmt: skip
    request = BytesParser().parsebytes(rest)
    body = request.get_payload(decode=True)
    return Part(
        str(part.get("Content-ID") or place).strip("<>"),
        Asked(match[1], match[2], body=body.strip() if isinstance(body, bytes) else b"",
              kind=str(request.get("Content-Type", "application/json")).partition(";")[0]),
        group,
    )  # fmt: skip


def _multipart_answer(answers: list[tuple[Part, Done]]) -> Done:
    boundary = f"batch_{secrets.token_hex(8)}"
    written: list[bytes] = []
    for group in _groups([part for part, _ in answers]):
        told = {id(part): done for part, done in answers}
        inner = [_http_answer(part, told[id(part)]) for part in group]
        if group[0].group:
            changeset = f"changeset_{secrets.token_hex(8)}"
            written.append(
                f"Content-Type: multipart/mixed; boundary={changeset}\r\n\r\n".encode() + _joined(inner, changeset)
            )
        else:
            written += inner
    kind = f"multipart/mixed; boundary={boundary}"
    return Done(200, _joined(written, boundary), {"Content-Type": kind})


def _joined(parts: list[bytes], boundary: str) -> bytes:
    return b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()


def _http_answer(part: Part, done: Done) -> bytes:
    body = encoded(done)
    headers = {"Content-Type": "application/json", **done.headers, "Content-Length": str(len(body))}
    lines = [
        f"HTTP/1.1 {done.status} {HTTPStatus(done.status).phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return (
        f"Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {part.id}\r\n\r\n"
        + "\r\n".join(lines) + "\r\n\r\n"
    ).encode() + body  # fmt: skip
