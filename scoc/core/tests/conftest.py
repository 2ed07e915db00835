"""Fixtures of the kernel's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from scoc.core import now
from scoc.core.acting import BY_STATE
from scoc.core.actions import ACTIONS
from scoc.core.facts import FACTS, HANDLERS, fact
from scoc.core.finding import FINDERS
from scoc.core.tasks import CRONS, TASKS
from scoc.core.tests.ringing import Rung


@pytest.fixture(autouse=True)
def _undeclared() -> Iterator[None]:
    """What a test declares is undeclared after it."""
    registries: list[dict[str, object]] = [ACTIONS, FACTS, FINDERS, HANDLERS, TASKS, CRONS]  # type: ignore[list-item]  # dicts of several kinds
    before = [dict(registry) for registry in registries]
    states = dict(BY_STATE)
    fact("tests.rung", permission="tests.read")(Rung)
    yield
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)
    BY_STATE.clear()
    BY_STATE.update(states)


@pytest.fixture
def later() -> Iterator[Callable[[float], None]]:
    """The real clock stands; calling this moves it on by seconds."""
    moment = [now.wall_now()]

    def move(seconds: float) -> None:
        moment[0] += timedelta(seconds=seconds)

    with now.wall_time(lambda: moment[0]):
        yield move
