"""SensorThings over HTTP at `/sta/v1.1`, beside Django's request stack: a key or a session, one answer, no cookies.

Reading needs a few statements and no middleware; it is done in threads that keep their connections.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from scoc.core import now
from scoc.core.acting import Viewer, new_correlation
from scoc.core.http.identity import presented_actor
from scoc.core.http.problems import of_error, problem
from scoc.core.live import with_connection
from scoc.core.refusals import Invalid
from scoc.sensing.sta.asking import path_of
from scoc.sensing.sta.entities import SETS
from scoc.sensing.sta.reading import Reader, read
from scoc.sensing.sta.seeing import sight_of

ROOT = "/sta/v1.1"
THREADS = 4
_REQUIREMENTS = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE = tuple(
    _REQUIREMENTS + name
    for name in (
        "datamodel", "resource-path/resource-path-to-entities", "request-data/order", "request-data/expand",
        "request-data/select", "request-data/orderby", "request-data/skip", "request-data/top", "request-data/count",
        "request-data/filter", "request-data/built-in-filter-operations",
        "request-data/built-in-query-functions", "request-data/pagination",
    )
)  # fmt: skip
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
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
    except Invalid as refusal:
        refusal.status = 400  # 18-088 section 9.1: what cannot be understood is a bad request
        return of_error(request, refusal)
    except Exception as error:  # noqa: BLE001  # of_error logs what is a fault
        return of_error(request, error)


def _asked(request: ASGIRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return problem(request, 405, "method_not_allowed", headers={"Allow": "GET, HEAD"})
    viewer = presented_actor(request)
    if viewer is None:
        return problem(request, 401, "not_signed_in", headers={"WWW-Authenticate": 'Bearer realm="scoc"'})
    below = request.path.removeprefix(ROOT).strip("/")
    root = request.build_absolute_uri(ROOT)
    content = _read(viewer, root, below, request.META.get("QUERY_STRING", ""))
    return HttpResponse(msgspec.json.encode(content), content_type="application/json")


def _read(viewer: Viewer, root: str, below: str, options: str) -> Any:
    with now.in_run(viewer.run_id):
        sight = sight_of(viewer)
        return read(Reader(sight, root), path_of(below), options) if below else _landing(root)


async def sensorthings(scope: Event, receive: Receive, send: Send) -> None:
    """The ASGI application of the path."""
    request = ASGIRequest(dict(scope), io.BytesIO())
    pool = _pool
    if pool is None:
        response = problem(request, 503, "records_away")
    else:
        response = await asyncio.get_running_loop().run_in_executor(pool, _answer, request)
    headers = [(name.lower().encode("latin1"), text.encode("latin1")) for name, text in response.items()]
    headers += [(b"content-length", str(len(response.content)).encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else response.content
    await send({"type": "http.response.body", "body": body})
