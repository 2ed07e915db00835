"""Editing the working calendar (工作日历): each edit is a new version, and open timers are computed anew."""

from __future__ import annotations

from datetime import date
from typing import Any

from scoc.core import clocks, now
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, publish
from scoc.core.models import Calendar, Installation
from scoc.core.refusals import invalid, no_such
from scoc.kit.worktime import Reading


def _newest() -> Calendar:
    """The newest version, alone: the next edit waits for this one."""
    Installation.objects.select_for_update().first()
    newest = Calendar.objects.order_by("-version").first()
    if newest is None:
        raise no_such("日历", "calendar", "core:calendar")
    return newest


def _keep(content: dict[str, Any], newest: Calendar, note: str, subject: str) -> int:
    clocks.loaded(content, newest.version + 1, now.city_zone())
    row = Calendar.objects.create(
        version=newest.version + 1, content=content, source="edited", note=note, recorded_at=now.wall_now()
    )
    publish(clocks.CalendarEdited(subject=Code(subject), version=row.version))
    return row.version


@action("core.edit_calendar", audited=True, shared=True)
def edit_calendar(actor: Actor, year: int, off: list[date], work: list[date], note: str = "") -> int:
    """Publish or correct one year of the working calendar; returns the new version. Open timers are computed anew."""
    if any(day.year != year for day in [*off, *work]):
        raise invalid("off", f"Every day must lie in {year}.", "Remove the others.", zh=f"日期必须都在 {year} 年。")
    if any(day.weekday() >= 5 for day in off) or any(day.weekday() < 5 for day in work):
        raise invalid(
            "work", "Days off are weekdays, make-up workdays are Saturdays or Sundays.", "Move the day.",
            zh="休息日应为周一至周五，调休上班日应为周六或周日。",
        )  # fmt: skip
    newest = _newest()
    plan = {"off": sorted(d.isoformat() for d in set(off)), "work": sorted(d.isoformat() for d in set(work))}
    content = {**newest.content, "years": {**newest.content["years"], str(year): plan}}
    return _keep(content, newest, note, f"core:calendar-{year}")


@action("core.edit_office_hours", audited=True, shared=True)
def edit_office_hours(
    actor: Actor, hours: list[tuple[date, list[tuple[str, str]]]], work_day: Reading, note: str = ""
) -> int:
    """Set the office hours (作息时间), each from a day on, and how a working day is read; returns the new version.

    Raises Invalid for slots that overlap, stand in the wrong order or are no times of day.
    """
    newest = _newest()
    content = {
        **newest.content,
        "hours": [{"from": day.isoformat(), "slots": [list(slot) for slot in slots]} for day, slots in hours],
        "work_day": work_day.value,
    }
    try:
        clocks.loaded(content, newest.version + 1, now.city_zone())
    except ValueError as error:
        raise invalid(
            "hours", str(error), "Give days and slots in order, e.g. 08:00-12:00.", zh="作息时间有误。"
        ) from error
    return _keep(content, newest, note, "core:office-hours")
