"""Doing a request once however often it is sent (幂等): the answer is kept under its `Idempotency-Key`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from pydantic import TypeAdapter

from scoc.core import now
from scoc.core.acting import unit_of_work
from scoc.core.contacts import decrypt, encrypt
from scoc.core.http.rendering import rendered
from scoc.core.http.request import Request
from scoc.core.models import IdempotencyMark
from scoc.core.refusals import invalid
from scoc.kit.canonical import digest

_PURPOSE = "idempotency"
"""Answers are kept encrypted: some hold a person in plain, or a key that is shown once."""
_KEPT_HEADERS = ("ETag", "Location")


def _digest_of(request: Request) -> str:
    """What the request asks for; of a form its fields and files, since each sending chooses another boundary."""
    asked: list[Any] = [request.method, request.get_full_path()]
    if request.content_type == "multipart/form-data":
        asked += [[key, *values] for key, values in sorted(request.POST.lists())]
        for field, files in sorted(request.FILES.lists()):
            for file in files:
                content = hashlib.sha256()
                for chunk in file.chunks():
                    content.update(chunk)
                file.seek(0)
                asked.append([field, file.name, content.hexdigest()])
        return digest(asked)
    return digest([*asked, hashlib.sha256(request.body).hexdigest()])


def _answer(result: Any, shape: Any, status: int, headers: HttpResponse | None) -> HttpResponse:
    """The result as it is sent, now and again."""
    if isinstance(result, StreamingHttpResponse):
        raise TypeError("An answer that streams cannot be kept for a repeat.")
    if isinstance(result, HttpResponse):
        return result
    if shape is not None:
        kind: TypeAdapter[Any] = TypeAdapter(shape)
        result = kind.dump_python(kind.validate_python(result, from_attributes=True), by_alias=True)
    answer = HttpResponse(rendered(result), status=status, content_type="application/json; charset=utf-8")
    for name in _KEPT_HEADERS:
        if headers is not None and name in headers:
            answer[name] = headers[name]
    return answer


def once(
    request: Request, key: str, call: Callable[[], Any], shape: Any, status: int, headers: HttpResponse | None
) -> HttpResponse:
    """Do the call and keep its answer in one transaction; a repeat gets the same answer and does nothing.

    Two at once: the second waits for the first. A call that is refused keeps nothing, so that it may be sent again.
    """
    if not (8 <= len(key) <= 120 and key.isascii() and key.isprintable()):
        raise invalid("Idempotency-Key", "It must be 8 to 120 printable ASCII characters.", "Send a UUID.",
                      zh="幂等键须为 8 至 120 个可打印 ASCII 字符，如 UUID。")  # fmt: skip
    asked = _digest_of(request)
    with unit_of_work(request.viewer):
        mark, fresh = IdempotencyMark.objects.get_or_create(
            principal=f"user:{request.viewer.user_id}",
            key=key,
            defaults={"request_digest": asked, "status": 0, "body": "", "recorded_at": now.wall_now()},
        )
        if fresh:
            answer = _answer(call(), shape, status, headers)
            mark.status, mark.body = answer.status_code, encrypt(answer.content.decode(), _PURPOSE)
            mark.headers = {name: answer[name] for name in ("Content-Type", *_KEPT_HEADERS) if name in answer}
            mark.save(update_fields=["status", "body", "headers"])
            return answer
    if mark.request_digest != asked:
        raise invalid(
            "Idempotency-Key", "This key was used for another request.", "Make a new key for each new request.",
            zh="该幂等键已用于另一请求。",
        )  # fmt: skip
    return HttpResponse(decrypt(mark.body, _PURPOSE), status=mark.status, headers=mark.headers)
