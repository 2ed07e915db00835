"""The router in front of Django: paths that must not pay for its request stack, declared by modules.

A module offers them in `lean.py` as `LEAN_PATHS`, a dict of path → ASGI application, with `startup` and `shutdown`
coroutines where it has something to start and stop.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from scoc.core import live
from scoc.core.declarations import declared

log = logging.getLogger(__name__)
ASGI = Callable[..., Awaitable[None]]


def route(django_application: ASGI) -> ASGI:
    """An application that sends each request to its lean path, or else to Django."""
    modules = [module for module in declared("lean") if module.__name__ != __name__]
    paths: dict[str, ASGI] = {"/api/v1/core/live": live.live}
    for module in modules:
        paths.update(module.LEAN_PATHS)

    async def application(scope: dict[str, Any], receive: ASGI, send: ASGI) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(modules, receive, send)
            return
        if scope["type"] != "http":
            return
        await paths.get(scope["path"], django_application)(scope, receive, send)

    return application


async def _lifespan(modules: list[ModuleType], receive: Callable[..., Awaitable[Any]], send: ASGI) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            for module in modules:
                await module.startup()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            live.HUB.stop()
            for module in modules:
                await module.shutdown()
            await send({"type": "lifespan.shutdown.complete"})
            return
