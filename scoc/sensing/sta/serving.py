"""SensorThings over HTTP at `/sta/v1.1`, beside Django's request stack: a key or a session, one answer, no cookies.

It needs a few statements and no middleware, and is done in threads that keep their connections.
"""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from scoc.core import now
from scoc.core.acting import new_correlation
from scoc.core.http.identity import presented_actor, refuse_without_token
from scoc.core.http.problems import of_error, problem
from scoc.core.http.repeats import once
from scoc.core.live import with_connection
from scoc.core.refusals import Invalid, Refusal
from scoc.sensing.ingest.commits import Faulty
from scoc.sensing.ingest.doors import Door, NotNow
from scoc.sensing.requests import Event, Receive, Send, TooLarge, TooSlow, body_of
from scoc.sensing.sta.batching import batch
from scoc.sensing.sta.doing import (
    MOST_BODY,
    READS,
    WRITES,
    Asked,
    Caller,
    Done,
    NoMethod,
    Rows,
    as_bad_request,
    do,
    encoded,
    stored,
)
from scoc.sensing.sta.observing import SOURCE, Unfit, reason_of

ROOT = "/sta/v1.1"
THREADS = 4
MOST_WAITING = 500
"""Requests that wait for a thread or are in one; more are told to come again."""
MOST_HELD = 67_108_864
"""Bytes of all bodies that wait for a thread or are in one."""
_pool: ThreadPoolExecutor | None = None
_waiting = 0
_held = 0
_door: Door | None = None


async def startup(door: Door) -> None:
    """Open the path; observations go by the writer of `door`."""
    global _pool, _door
    _door = door
    _pool = ThreadPoolExecutor(THREADS, "sensorthings")


async def shutdown() -> None:
    """Answer what was begun, then close."""
    global _pool
    pool, _pool = _pool, None
    if pool is not None:
        await asyncio.to_thread(pool.shutdown)


def _answer(request: ASGIRequest) -> HttpResponse | Rows:
    """The answer to one request, or the observations that it is answered for; whatever goes wrong is a problem."""
    request.correlation = new_correlation()  # type: ignore[attr-defined]  # told in problems
    try:
        return with_connection(lambda: _asked(request))
    except Exception as error:  # noqa: BLE001  # of_error logs what is a fault
        if not _counted(error) and isinstance(error, Invalid) and _observes(request) and _door is not None:
            _door.writer.count("", reason_of(error), SOURCE)
        return _problem(request, error)


def _observes(request: ASGIRequest) -> bool:
    return request.method == "POST" and request.path.rstrip("/").endswith("Observations")


def _counted(error: Exception) -> bool:
    """Count an observation that is refused."""
    if not isinstance(error, Unfit) or _door is None:
        return False
    _door.writer.count_reading(error.device_key, reason_of(error), SOURCE, error.run_id)
    return True


def _problem(request: ASGIRequest, error: Exception) -> HttpResponse:
    answer = of_error(request, as_bad_request(error) if isinstance(error, Refusal) else error)
    if isinstance(error, NoMethod):
        answer["Allow"] = ", ".join(error.allowed)
    return answer


def _asked(request: ASGIRequest) -> HttpResponse | Rows:
    method = str(request.method)
    if method not in (*READS, *WRITES):
        raise NoMethod(*READS, *WRITES)
    viewer = presented_actor(request)
    if viewer is None:
        return problem(request, 401, "not_signed_in", headers={"WWW-Authenticate": 'Bearer realm="scoc"'})
    caller = Caller(viewer, request.build_absolute_uri(ROOT))
    kind = request.META.get("CONTENT_TYPE", "")
    asked = Asked(
        method, request.path.removeprefix(ROOT).strip("/"), request.META.get("QUERY_STRING", ""), request.body,
        kind.partition(";")[0].strip().lower(),
    )  # fmt: skip
    if method in READS:
        return _http(stored(viewer, _done(caller, asked)))
    refuse_without_token(request)
    key = request.headers.get("Idempotency-Key") if method == "POST" else None

    def call() -> HttpResponse | Rows:
        if asked.below == "$batch" and method == "POST":
            return _http(_batch(request, caller, kind))
        done = _done(caller, asked)
        # The writer of the process lives in real life: what belongs to a drill, and what is to happen once, is stored
        # in a transaction of its own.
        alone = key is not None or not now.is_real(viewer.run_id or now.real_run())
        return done if isinstance(done, Rows) and not alone else _http(stored(viewer, done))

    if key is None:
        return call()
    request.viewer = viewer  # type: ignore[attr-defined]  # from here on it is a Request
    return once(request, key, call, None, 201, None)  # type: ignore[arg-type]  # see above


def _done(caller: Caller, asked: Asked) -> Done | Rows:
    with now.in_run(caller.viewer.run_id):
        return do(caller, asked)


def _batch(request: ASGIRequest, caller: Caller, kind: str) -> Done:
    def tell(error: Exception) -> Done:
        _counted(error)
        answer = _problem(request, error)
        return Done(answer.status_code, msgspec.Raw(answer.content))

    with now.in_run(caller.viewer.run_id):
        return batch(caller, request.body, kind, tell)


def _http(done: Done) -> HttpResponse:
    headers = {"Content-Type": "application/json"} | done.headers
    return HttpResponse(encoded(done), status=done.status, headers=headers)


async def _stored(request: ASGIRequest, rows: Rows) -> HttpResponse:
    """Wait until observations are committed with those of others; nothing is promised before."""
    try:
        if _door is None:
            raise NotNow("away")
        taken = await _door.commit(rows.columns, rows.refused, rows.received, SOURCE, run_id=rows.run_id)
    except NotNow:
        return problem(request, 503, "records_away", headers={"Retry-After": "1"})
    except Faulty:
        return problem(request, 500, "fault")
    return _http(rows.answer(taken))


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
    global _waiting, _held
    request, body = ASGIRequest(dict(scope), io.BytesIO()), b""
    if scope["method"] in WRITES:
        try:
            sent = await body_of(receive, dict(scope["headers"]), MOST_BODY)
        except TooLarge:
            if _observes(request) and _door is not None:
                _door.writer.count("", "too_large", SOURCE)
            return problem(request, 413, "too_large", headers={"Connection": "close"})  # the rest is not read
        except TooSlow:
            return problem(request, 408, "too_slow", headers={"Connection": "close"})
        if sent is None:
            return None
        body = sent
        request = ASGIRequest(dict(scope), io.BytesIO(body))
    if _pool is None or _waiting >= MOST_WAITING or _held + len(body) > MOST_HELD:
        return problem(request, 503, "records_away", headers={"Retry-After": "1"})
    _waiting += 1
    _held += len(body)
    try:
        answer = await asyncio.get_running_loop().run_in_executor(_pool, _answer, request)
    finally:
        _waiting -= 1
        _held -= len(body)
    return await _stored(request, answer) if isinstance(answer, Rows) else answer
