"""SensorThings over HTTP at `/sta/v1.1`, beside Django's request stack: a key or a session, one answer, no cookies.

It needs a few statements and no middleware, and is done in threads that keep their connections.
"""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from scoc.core import now
from scoc.core.acting import Viewer, new_correlation
from scoc.core.http.identity import presented_actor, refuse_without_token
from scoc.core.http.problems import of_error, problem
from scoc.core.http.repeats import once
from scoc.core.live import with_connection
from scoc.core.refusals import Refusal
from scoc.sensing.requests import Event, Receive, Send, TooLarge, TooSlow, body_of
from scoc.sensing.sta.asking import Path, path_of
from scoc.sensing.sta.doing import WRITES, NoMethod, as_bad_request, do, encoded
from scoc.sensing.sta.entities import SETS
from scoc.sensing.sta.reading import Reader, read
from scoc.sensing.sta.seeing import sight_of

ROOT = "/sta/v1.1"
THREADS = 4
MOST_BODY = 4_194_304
"""Largest body of a request, as much as a thousand entities need."""
_REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE = tuple(
    _REQUIREMENTS + name
    for name in (
        "datamodel", "resource-path/resource-path-to-entities", "request-data/order", "request-data/expand",
        "request-data/select", "request-data/orderby", "request-data/skip", "request-data/top", "request-data/count",
        "request-data/filter", "request-data/built-in-filter-operations",
        "request-data/built-in-query-functions", "request-data/pagination", "create-update-delete/create-entity",
        "create-update-delete/link-to-existing-entities", "create-update-delete/deep-insert",
        "create-update-delete/deep-insert-status-code", "create-update-delete/update-entity",
        "create-update-delete/delete-entity", "create-update-delete/historical-location-auto-creation",
        "create-update-delete/historical-location-manual-creation", "multi-datastream",
    )
)  # fmt: skip
_pool: ThreadPoolExecutor | None = None


async def startup() -> None:
    """Open the path."""
    global _pool
    _pool = ThreadPoolExecutor(THREADS, "sensorthings")


async def shutdown() -> None:
    """Answer what was begun, then close."""
    global _pool
    pool, _pool = _pool, None
    if pool is not None:
        await asyncio.to_thread(pool.shutdown)


def _landing(root: str) -> dict[str, Any]:
    """What there is, and which requirements of 18-088 are met."""
    return {
        "value": [{"name": name, "url": f"{root}/{name}"} for name in SETS],
        "serverSettings": {"conformance": CONFORMANCE},
    }


def _answer(request: ASGIRequest) -> HttpResponse:
    """The answer to one request; whatever goes wrong is a problem."""
    request.correlation = new_correlation()  # type: ignore[attr-defined]  # told in problems
    try:
        return with_connection(lambda: _asked(request))
    except NoMethod as refusal:
        answer = of_error(request, refusal)
        answer["Allow"] = ", ".join(refusal.allowed)
        return answer
    except Refusal as refusal:
        return of_error(request, as_bad_request(refusal))
    except Exception as error:  # noqa: BLE001  # of_error logs what is a fault
        return of_error(request, error)


def _asked(request: ASGIRequest) -> HttpResponse:
    method = str(request.method)
    if method not in ("GET", "HEAD", *WRITES):
        raise NoMethod("GET", "HEAD", *WRITES)
    viewer = presented_actor(request)
    if viewer is None:
        return problem(request, 401, "not_signed_in", headers={"WWW-Authenticate": 'Bearer realm="scoc"'})
    below = request.path.removeprefix(ROOT).strip("/")
    root = request.build_absolute_uri(ROOT)
    with now.in_run(viewer.run_id):
        reader = Reader(sight_of(viewer), root)
        if method in WRITES:
            return _written(request, viewer, reader, path_of(below) if below else None)
        content = read(reader, path_of(below), request.META.get("QUERY_STRING", "")) if below else _landing(root)
    return HttpResponse(msgspec.json.encode(content), content_type="application/json")


def _written(request: ASGIRequest, viewer: Viewer, reader: Reader, path: Path | None) -> HttpResponse:
    """A request that writes: by a machine's key, or by a page that shows its token."""
    if path is None:
        raise NoMethod("GET", "HEAD")
    refuse_without_token(request)
    request.viewer = viewer  # type: ignore[attr-defined]  # from here on it is a Request

    def call() -> HttpResponse:
        done = do(viewer, reader, str(request.method), path, request.body)
        return HttpResponse(encoded(done), status=done.status, headers=done.headers, content_type="application/json")

    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    return call() if key is None else once(request, key, call, None, 201, None)  # type: ignore[arg-type]  # see above


async def sensorthings(scope: Event, receive: Receive, send: Send) -> None:
    """The ASGI application of the path."""
    response = await _response(scope, receive)
    if response is None:
        return
    headers = [(name.lower().encode("latin1"), text.encode("latin1")) for name, text in response.items()]
    headers += [(b"content-length", str(len(response.content)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else response.content
    await send({"type": "http.response.body", "body": body})


async def _response(scope: Event, receive: Receive) -> HttpResponse | None:
    """The answer to a request; None where its sender is gone."""
    request = ASGIRequest(dict(scope), io.BytesIO())
    if scope["method"] in WRITES:
        try:
            body = await body_of(receive, dict(scope["headers"]), MOST_BODY)
        except TooLarge:
            return problem(request, 413, "too_large", headers={"Connection": "close"})  # the rest is not read
        except TooSlow:
            return problem(request, 408, "too_slow", headers={"Connection": "close"})
        if body is None:
            return None
        request = ASGIRequest(dict(scope), io.BytesIO(body))
    if _pool is None:
        return problem(request, 503, "records_away")
    return await asyncio.get_running_loop().run_in_executor(_pool, _answer, request)
