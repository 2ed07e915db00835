"""What the lean paths need of ASGI: events, and bodies of which never more is held than is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

BODY_SECONDS = 20.0
"""A sender that takes longer to send its body is cut off."""
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]


class TooLarge(Exception):
    """The body is larger than is allowed; the rest of it was not read."""


class TooSlow(Exception):
    """The body did not come in time."""


async def body_of(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes | None:
    """The body of at most `most` bytes; None when its sender is gone. Raises TooLarge, TooSlow."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 18 or int(announced) > most:
        raise TooLarge
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, most)
    except TimeoutError as error:
        raise TooSlow from error


async def _read(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
