"""The router in front of Django: paths that must not pay for its request stack, declared by modules.

A module offers them in `lean.py` as `LEAN_PATHS`, a dict of path → ASGI application, or as `LEAN_ROOTS`, with all that
lies below a path, and `startup` and `shutdown` coroutines where it has something to start and stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from types import ModuleType
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings

from scoc.core import clients, live
from scoc.core.declarations import declared
from scoc.core.http.problems import MEDIA_TYPE, plain_problem

log = logging.getLogger(__name__)
ASGI = Callable[..., Awaitable[Any]]


def route(django_application: ASGI, modules: Iterable[ModuleType] | None = None) -> ASGI:
    """An application that sends each request to its lean path, or else to Django."""
    lean = [module for module in (declared("lean") if modules is None else modules) if module.__name__ != __name__]
    paths: dict[str, ASGI] = {"/api/v1/core/live": live.live}
    roots: dict[str, ASGI] = {}
    for module in lean:
        paths.update(module.LEAN_PATHS)
        roots.update(getattr(module, "LEAN_ROOTS", {}))
    bounded = _bounded(django_application)

    async def application(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(lean, receive, send)
        elif scope["type"] == "http":
            path = scope["path"]
            found = paths.get(path) or next((at for root, at in roots.items() if _below(root, path)), bounded)
            await found(scope, receive, send)

    return application


def _below(root: str, path: str) -> bool:
    return path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/")


def _bounded(application: ASGI) -> ASGI:
    """Django would keep a body of any length before it looks at it: one that is too long is refused as it comes."""

    async def guarded(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            await _refuse(send)
            return
        taken = 0

        async def counting() -> dict[str, Any]:
            nonlocal taken
            message: dict[str, Any] = await receive()
            taken += len(message.get("body", b""))
            # To Django the caller has gone: it drops what it kept, and answers nothing.
            return message if taken <= limit else {"type": "http.disconnect"}

        await application(scope, counting, send)
        if taken > limit:
            await _refuse(send)

    return guarded


async def _refuse(send: ASGI) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": plain_problem(413)})


async def _keep_meters() -> None:
    """Calls of machines are counted in memory; what was counted is stored soon even when no further call comes."""
    while True:
        await asyncio.sleep(clients.FLUSH_SECONDS)
        if clients.unflushed():
            try:
                await _store_meters()
            except Exception:
                log.exception("the meters could not be stored; they are kept for the next time")


async def _store_meters() -> None:
    await sync_to_async(live.with_connection)(lambda: clients.flush_meters(force=True))


async def _start(modules: list[ModuleType], started: list[ModuleType]) -> None:
    for module in modules:
        if hasattr(module, "startup"):
            await module.startup()
        started.append(module)


async def _stop(started: list[ModuleType], meters: asyncio.Task[None] | None) -> None:
    """Stop everything, whatever one of the parts says to it."""
    live.HUB.stop()
    if meters is not None:
        meters.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await meters
    failed: list[Exception] = []
    for module in reversed(started):
        if hasattr(module, "shutdown"):
            try:
                await module.shutdown()
            except Exception as error:  # noqa: BLE001  # the others must be stopped as well; it is raised below
                failed.append(error)
    if clients.unflushed():
        await _store_meters()
    if failed:
        raise failed[0]


async def _lifespan(modules: list[ModuleType], receive: ASGI, send: ASGI) -> None:
    started: list[ModuleType] = []
    meters: asyncio.Task[None] | None = None
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                await _start(modules, started)
            except Exception as error:
                log.exception("a part of the web process could not start")
                await _stop(started, None)
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            meters = asyncio.create_task(_keep_meters())
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            try:
                await _stop(started, meters)
            except Exception as error:
                log.exception("a part of the web process did not stop cleanly")
                await send({"type": "lifespan.shutdown.failed", "message": str(error)})
                return
            await send({"type": "lifespan.shutdown.complete"})
            return
