"""What cases offer to count, for indicators and statistics (DOMAIN.md 1.11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from scoc.command.cases.models import Case, CaseFlow
from scoc.command.cases.models.moves import OVER, State
from scoc.command.cases.moving import PATHS
from scoc.command.cases.places import within
from scoc.command.cases.shapes import moment_known
from scoc.command.cases.sums import SEE, By, Counted, Period, dispatch_sums, due_sums, report_sums
from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.measures import Measured, Window, measure, once
from scoc.core.models import Area

OPEN = [state.value for state in State if state not in OVER]
Gather = Callable[[Viewer, Period, By], Counted]


def _period(window: Window) -> Period:
    return Period(window.start, window.end, moment_known(window.as_of), window.area.code if window.area else None)


def _counted(viewer: Viewer, window: Window, gather: Gather) -> Counted:
    """The sums of a window in its area: the city is counted once, and every district taken from that."""

    def whole() -> tuple[Counted, dict[int, str]]:
        found = gather(viewer, _period(replace(window, area=None)), "city")
        return found, dict(Area.objects.filter(pk__in=[key for key in found.sums if key]).values_list("pk", "path"))

    counted, paths = once((gather, viewer, window.start, window.end, window.as_of), whole)
    if window.area is None:
        return counted
    return counted.of([key for key, path in paths.items() if path.startswith(window.area.path)])


def _rate(viewer: Viewer, window: Window, gather: Gather, above: str, below: str) -> Measured:
    """The two sums of a rate; with nothing below it is unknown, which is not zero."""
    counted = _counted(viewer, window, gather)
    total = counted.total()
    inputs = {name: count for name, count in total.items() if any(name in sums for sums in counted.sums.values())}
    return Measured(
        numerator=Decimal(total[above]) if total[below] else None, denominator=Decimal(total[below]),
        samples=total[below], latest_at=counted.latest_at, inputs=inputs,
    )  # fmt: skip


@measure("cases.on_time_closing", permission=SEE)
def on_time_closing(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """按期结案率: closed with the disposal in time ÷ 应结案数, by disposal deadline."""
    return _rate(viewer, window, due_sums, "closed_in_time", "due")


@measure("cases.closing", permission=SEE)
def closing(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """结案率: closed ÷ 应结案数."""
    return _rate(viewer, window, due_sums, "closed", "due")


@measure("cases.handling", permission=SEE)
def handling(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """处置率: fed back ÷ due."""
    return _rate(viewer, window, due_sums, "handled", "due")


@measure("cases.on_time_handling", permission=SEE)
def on_time_handling(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """按期处置率: fed back in time ÷ due."""
    return _rate(viewer, window, due_sums, "handled_in_time", "due")


@measure("cases.rework", permission=SEE)
def rework(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """返工率: cases sent back at least once ÷ cases fed back at least once."""
    return _rate(viewer, window, due_sums, "reworked", "ever_handled")


@measure("cases.dispatch_accuracy", permission=SEE)
def dispatch_accuracy(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """派遣准确率: first unit = final unit ÷ dispatched, by the time of the first dispatch."""
    return _rate(viewer, window, dispatch_sums, "dispatched_right", "dispatched")


@measure("cases.filing", permission=SEE)
def filing(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """立案率: filed ÷ accepted, by report time."""
    return _rate(viewer, window, report_sums, "filed", "accepted")


@measure("cases.reported", permission=SEE)
def reported(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """上报数: cases reported in the window."""
    counted = _counted(viewer, window, report_sums)
    total = counted.total()
    return Measured(Decimal(total["reported"]), samples=total["reported"], latest_at=counted.latest_at)


@measure("cases.open_cases", permission=SEE)
def open_cases(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """在办案卷数: cases that were open at the end of the window, or now if it is not over, whenever reported."""
    period = _period(window)
    known = period.moment
    moment = replace(known, at=window.end, past=True) if window.end < known.at else known
    rows = visible(viewer, Case.objects.all(), SEE, PATHS)
    if period.area:
        rows = rows.filter(within(period.area))
    standing = CaseFlow.objects.standing(OPEN, moment.at, moment.recorded)
    last = standing.last_known(moment.until, moment.recorded).filter(case__in=rows)
    count = last.count()
    newest = last.order_by("-happened_at").values_list("happened_at", flat=True).first()
    return Measured(Decimal(count), samples=count, latest_at=newest)
