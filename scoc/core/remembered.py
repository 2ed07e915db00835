"""What this process remembers of the stored city, to be forgotten when somebody changed it.

A module that caches rows registers how to forget them; applying a pack and every test forget all.
"""

from __future__ import annotations

from collections.abc import Callable

_FORGET: list[Callable[[], None]] = []


def forgettable(forget: Callable[[], None]) -> Callable[[], None]:
    """Have `forget` called whenever the city may have changed as a whole."""
    _FORGET.append(forget)
    return forget


def forget_all() -> None:
    """Read everything anew at the next question."""
    for forget in _FORGET:
        forget()
