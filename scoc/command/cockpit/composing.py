"""Parts of the cockpit, each from one lower module's public queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from scoc.command.cockpit.schemas import Devices, Need, NextAction, Sources
from scoc.command.indicators.schemas import VitalSign
from scoc.command.intake import queries as intake
from scoc.command.intake.schemas import SituationRow
from scoc.core.acting import Viewer
from scoc.core.http import PageQuery
from scoc.core.schemas import text_out
from scoc.kit.text import Text
from scoc.sensing import queries as sensing

T = TypeVar("T")
CLOCK_TIME = Text("自然时间", "clock time")
CENTRE = Text("指挥中心", "Command centre")


def part(viewer: Viewer, permission: str, ask: Callable[[], T]) -> T | None:
    """A part of the screen, or None where the viewer has no permission for it; nothing is refused or audited."""
    return None if viewer.may(permission) is None else ask()


def first(limit: int) -> PageQuery:
    """The first rows of a list."""
    return PageQuery.model_validate({"limit": limit})


def next_action(viewer: Viewer, code: str, name: Text) -> NextAction:
    """An action with whether the viewer holds its permission."""
    return NextAction(code=code, name=text_out(name), may=viewer.may(code) is not None)


def situation_need(viewer: Viewer, row: SituationRow, moment: datetime) -> Need:
    """A situation that waits to be judged."""
    left = None if row.judge_by is None else (row.judge_by - moment) // timedelta(minutes=1)
    return Need(
        subject=f"intake:{row.id}", number=row.number, title=row.title, level=row.level,
        state=text_out(Text("待研判", "To be judged")), who=text_out(CENTRE),
        action=next_action(viewer, "intake.accept", Text("研判", "Judge")), due_at=row.judge_by,
        remaining_minutes=left, unit=text_out(CLOCK_TIME), lon=row.lon, lat=row.lat,
    )  # fmt: skip


def situation_needs(viewer: Viewer, moment: datetime, limit: int) -> tuple[list[Need], int | None]:
    """The gravest situations that nobody judged, and how many there are."""
    page = intake.situations(viewer, first(limit), state="open")
    return [situation_need(viewer, row, moment) for row in page.items], page.total


def sources(signs: list[VitalSign]) -> Sources:
    """What the vital signs say of their sources; one that never gave a value is dead."""
    states = [sign.newest.status if sign.newest else "unknown" for sign in signs]
    return Sources(normal=states.count("ok"), stale=states.count("stale"), dead=states.count("unknown"))


def devices(viewer: Viewer) -> Devices:
    """Devices in use and on-line."""
    return Devices(
        active=sensing.devices(viewer, first(1), state="active").total,
        online=sensing.devices(viewer, first(1), state="active", online=True).total,
    )
