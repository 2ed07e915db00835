"""Parts of the cockpit that stand for themselves, and how a part is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from scoc.command.cases import queries as cases
from scoc.command.cases.schemas import Evaluation
from scoc.command.cockpit.schemas import Devices, Sources
from scoc.command.indicators.schemas import VitalSign
from scoc.core.acting import Viewer
from scoc.core.http import PageQuery
from scoc.core.now import city_zone
from scoc.sensing import queries as sensing

T = TypeVar("T")


def part(viewer: Viewer, permission: str, ask: Callable[[], T]) -> T | None:
    """A part of the screen, or None where the viewer has no permission for it; nothing is refused or audited."""
    return None if viewer.may(permission) is None else ask()


def first(limit: int) -> PageQuery:
    """The first rows of a list."""
    return PageQuery.model_validate({"limit": limit})


def sources(signs: list[VitalSign]) -> Sources:
    """What the vital signs say of their sources; one that never gave a value is dead."""
    states = [sign.newest.status if sign.newest else "unknown" for sign in signs]
    return Sources(normal=states.count("ok"), stale=states.count("stale"), dead=states.count("unknown"))


def devices(viewer: Viewer) -> Devices:
    """Devices in use and on-line."""
    found = sensing.device_counts(viewer)
    return Devices(active=found.active, online=found.online)


def month_of_units(viewer: Viewer, moment: datetime) -> Evaluation:
    """What the flow log counts for each unit in the current month of the city."""
    local = moment.astimezone(city_zone())
    start = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return cases.evaluation_counts(viewer, start, following, by="unit")
