"""Evaluation from the flow log and the clocks (DOMAIN.md 1.11): sums first, rates as ratio of sums."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any, Literal

from scoc.command.cases.models import State, Timer
from scoc.command.cases.models.moves import STATE_TEXT
from scoc.command.cases.schemas import DueCase, Evaluation, EvaluationRow
from scoc.command.cases.shapes import case_title, moment_of
from scoc.command.cases.sums import (
    SEE,
    SUMS,
    By,
    Counted,
    Period,
    Sums,
    dispatch_sums,
    due_sums,
    due_timers,
    report_sums,
)
from scoc.core.access import allowed, query
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import Area, Organisation
from scoc.core.now import city_zone
from scoc.core.refusals import invalid
from scoc.core.schemas import text_out
from scoc.kit.scaled import ratio
from scoc.kit.text import Text

Level = Literal["district", "street", "community", "grid"]
PLACES = 4
"""Decimal places of a rate."""
_DEPTH = {"district": 1, "street": 2, "community": 3, "grid": 4}


def _row(key: str, name: Text, sums: Sums) -> EvaluationRow:
    """Sums with their rates."""
    full = {what: sums.get(what, 0) for what in SUMS}
    return EvaluationRow(
        key=key, name=text_out(name), **full,
        filing_rate=ratio(full["filed"], full["accepted"], PLACES),
        closing_rate=ratio(full["closed"], full["due"], PLACES),
        on_time_closing_rate=ratio(full["closed_in_time"], full["due"], PLACES),
        handling_rate=ratio(full["handled"], full["due"], PLACES),
        on_time_handling_rate=ratio(full["handled_in_time"], full["due"], PLACES),
        rework_rate=ratio(full["reworked"], full["ever_handled"], PLACES),
        dispatch_accuracy=ratio(full["dispatched_right"], full["dispatched"], PLACES),
    )  # fmt: skip


def _named(sums: dict[int | None, Sums], by: By, level: Level, end: datetime) -> list[EvaluationRow]:
    """Rows with codes and names: units as they are, areas gathered at a level (a coarser area stays itself)."""
    keys = [key for key in sums if key is not None]
    if by == "unit":
        units = Organisation.objects.in_bulk(keys)
        return [_row(units[key].code, units[key].name, sums[key]) for key in keys]
    gathered: dict[str, Sums] = defaultdict(lambda: defaultdict(int))
    for area in Area.objects.filter(pk__in=keys):
        codes = [code for code in area.path.split("/") if code]
        for name, count in sums[area.pk].items():
            gathered[codes[min(_DEPTH[level], len(codes) - 1)]][name] += count
    day = end.astimezone(city_zone()).date()
    versions = Area.objects.filter(code__in=gathered).order_by("version")
    names = {area.code: area.name for area in versions}
    names |= {area.code: area.name for area in versions if area.valid_from < day}  # as they were called then
    return [_row(code, names[code], row) for code, row in gathered.items()]


def _period(start: datetime, end: datetime, as_of: datetime | None, area: str | None = None) -> Period:
    if end <= start:
        raise invalid("end", "The period is empty.", "Give an end after the start.", zh="统计时段为空。")
    return Period(start, end, moment_of(as_of), area)


@query(SEE)
def evaluation_counts(
    viewer: Viewer,
    start: datetime,
    end: datetime,
    as_of: datetime | None = None,
    by: By = "unit",
    *,
    area: str | None = None,
    level: Level = "district",
) -> Evaluation:
    """Counts and rates of [start, end) by unit, area or for the city, as known at `as_of` (now by default).

    Each figure has its own date rule (DOMAIN.md 1.11): reports by report time, dispatches by the first dispatch, all
    others by the disposal deadline. Void cases and other runs are never counted. Raises Invalid for an empty period.
    """
    period = _period(start, end, as_of, area)
    merged: dict[int | None, Sums] = defaultdict(dict)
    for gather in (report_sums, dispatch_sums, due_sums):
        for key, sums in gather(viewer, period, by).sums.items():
            merged[key] |= sums
    total = Counted(merged, {}).total()
    rows = sorted(_named(merged, by, level, end), key=lambda row: row.key) if by != "city" else []
    return Evaluation(
        start=start, end=end, as_of=period.moment.at, by=by, rows=rows,
        total=_row("city", Text("合计", "Total"), total),
    )  # fmt: skip


@query(SEE)
def due_cases(viewer: Viewer, page: PageQuery, start: datetime, end: datetime, unit: str) -> Page[DueCase]:
    """The cases behind a unit's 应结案数 of [start, end), newest deadline first: what its rates are counted from.

    Raises Invalid for an empty period. A unit that is not known has no rows.
    """
    period = _period(start, end, page.as_of)
    persons = allowed(viewer, SEE).persons
    rows = due_timers(viewer, period, unit).select_related("case__category", "case__area")
    return paged(rows, page, ("-deadline_at", "-id"), lambda timer: _due_case(timer, persons))


def _due_case(timer: Timer, persons: str) -> DueCase:
    marks: dict[str, Any] = {name: getattr(timer, name) for name in ("state_then", "handled", "in_time", "closed")}
    return DueCase(
        case_id=timer.case_id, case_no=timer.case.case_no, title=text_out(case_title(timer.case, persons)),
        state_name=text_out(STATE_TEXT[State(marks["state_then"])]), deadline_at=timer.deadline_at,
        handled_at=timer.stopped_at if marks["handled"] else None, in_time=marks["in_time"], closed=marks["closed"],
    )  # fmt: skip
