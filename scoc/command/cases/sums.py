"""What evaluation counts (DOMAIN.md 1.11), from the flow log and the clocks, as known at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from django.db.models import Case as Choice
from django.db.models import Count, Exists, F, Max, Model, OuterRef, Q, QuerySet, Subquery, Sum, Value, When

from scoc.command.cases.models import CaseFlow, CaseOutcome, Clock, State, Timer
from scoc.command.cases.places import within
from scoc.command.cases.shapes import Moment
from scoc.core.access import visible
from scoc.core.acting import Viewer

SEE = "cases.read_evaluation"
By = Literal["unit", "area", "city"]
_THROUGH_CASE = {
    "organisation": "case__organisation|case__current_unit", "area": "case__area", "self": "case__reported_by",
    "run": "case__run",
}  # fmt: skip
M = TypeVar("M", bound=Model)
Sums = dict[str, int]
SUMS = (
    "reported", "valid_reports", "accepted", "filed", "dispatched", "dispatched_right", "due", "handled",
    "handled_in_time", "closed", "closed_in_time", "overdue_unhandled", "ever_handled", "reworked", "reworks",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end) in an area and all below it, as known at a moment."""

    start: datetime
    end: datetime
    moment: Moment
    area: str | None = None
    """Its code; without one the whole city."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Sums by key (unit or area id; None where there is none), and when the newest row of each happened."""

    sums: dict[int | None, Sums]
    latest: dict[int | None, datetime]

    @property
    def latest_at(self) -> datetime | None:
        """When the newest row that went in happened."""
        return max(self.latest.values(), default=None)

    def of(self, keys: Collection[int]) -> Counted:
        """Those of some keys."""
        return Counted(
            {key: self.sums[key] for key in keys if key in self.sums},
            {key: self.latest[key] for key in keys if key in self.latest},
        )

    def total(self) -> Sums:
        """The sums over all keys."""
        return {name: sum(row.get(name, 0) for row in self.sums.values()) for name in SUMS}


def _seen(viewer: Viewer, rows: QuerySet[M], period: Period) -> QuerySet[M]:
    """Rows of cases that the viewer may evaluate, in the period's area, in the viewer's run: drills never mix in."""
    rows = visible(viewer, rows, SEE, _THROUGH_CASE)
    return rows.filter(within(period.area, "case__area_path")) if period.area else rows


def _last(moment: Moment, column: str) -> Subquery:
    """What the last flow row known at the moment says of the case."""
    rows = CaseFlow.objects.filter(case=OuterRef("case")).known(moment.until, moment.recorded)
    return Subquery(rows.order_by("-version").values(column)[:1])


def _did(moment: Moment, action: str) -> Exists:
    """Whether it was known that the move had been made."""
    return Exists(CaseFlow.objects.filter(case=OuterRef("case"), action=action).known(moment.until, moment.recorded))


def _stopped(moment: Moment) -> tuple[Q, Q]:
    """Whether a span was known to have stopped, and the opposite (SQL's NOT is no help with empty times)."""
    yes, no = Q(stopped_at__isnull=False), Q(stopped_at=None)
    if moment.past:
        yes, no = Q(stopped_at__lte=moment.at), no | Q(stopped_at__gt=moment.at)
    if moment.recorded is None:
        return yes, no
    return yes & Q(ended_recorded_at__lte=moment.recorded), no | Q(ended_recorded_at__gt=moment.recorded)


def _gathered(rows: Iterable[dict[str, Any]], key: str) -> Counted:
    sums: dict[int | None, Sums] = {}
    latest: dict[int | None, datetime] = {}
    for row in rows:
        sums[row[key]] = {name: int(row[name]) for name in SUMS if name in row}
        if row["latest"] is not None:
            latest[row[key]] = row["latest"]
    return Counted(sums, latest)


def _due(viewer: Viewer, period: Period) -> QuerySet[Timer]:
    """The last disposal clock of each case whose deadline, as known, lies in the period; void cases are left out."""
    moment = period.moment
    known = Timer.objects.known(moment.until, moment.recorded).filter(clock=Clock.DISPOSAL)
    later = known.filter(case=OuterRef("case")).filter(
        Q(bundle__gt=OuterRef("bundle")) | Q(bundle=OuterRef("bundle"), span__gt=OuterRef("span"))
    )
    rows = _seen(viewer, known.filter(deadline_at__gte=period.start, deadline_at__lt=period.end), period)
    return rows.filter(~Exists(later)).annotate(state_then=_last(moment, "to_state")).exclude(state_then=State.VOID)


def _of_now(viewer: Viewer, period: Period, column: str) -> QuerySet[CaseOutcome] | None:
    """Outcomes whose time in a column lies in the period, by index; None where what was known then is not what is known
    now."""
    moment = period.moment
    if moment.past:
        return None
    if moment.recorded is not None and CaseOutcome.objects.filter(recorded_at__gt=moment.recorded).exists():
        return None
    rows = CaseOutcome.objects.filter(**{f"{column}__gte": period.start, f"{column}__lt": period.end})
    return _seen(viewer, rows, period)


_ALIVE = ~Q(case__state=State.VOID)


def due_timers(viewer: Viewer, period: Period, unit: str) -> QuerySet[Timer]:
    """The clocks that make a unit's 应结案数, marked as stopped or not, in time or not, and closed or not."""
    stopped, running = _stopped(period.moment)
    in_time, shut = stopped & Q(stopped_at__lte=F("deadline_at")), Q(state_then=State.CLOSED)
    return (
        _due(viewer, period)
        .filter(organisation__code=unit)
        .filter(stopped | running & Q(deadline_at__lt=period.moment.at))
        .annotate(handled=_whether(stopped), in_time=_whether(in_time), closed=_whether(stopped & shut))
    )


def _whether(condition: Q) -> Choice:
    return Choice(When(condition, then=Value(value=True)), default=Value(value=False))


def due_sums(viewer: Viewer, period: Period, by: By) -> Counted:
    """Sums over cases whose disposal deadline, as known, lies in the period; by the unit whose time ran.

    应结案数 = fed back + not fed back but already overdue; a case still inside its limit is in neither.
    """
    moment = period.moment
    fed_back = Q(fed_back=True)
    now = _of_now(viewer, period, "due_at")
    stopped, running = _stopped(moment if now is None else replace(moment, recorded=None))
    if now is not None:
        key, due = ("unit" if by == "unit" else "case__area"), "due_at"
        rows: QuerySet[Any] = now.filter(_ALIVE).annotate(
            state_then=F("case__state"), reworks_then=F("case__rework_count")
        )
    else:
        key, due = ("organisation" if by == "unit" else "case__area"), "deadline_at"
        rows = _due(viewer, period).annotate(
            reworks_then=_last(moment, "rework_count"), fed_back=_did(moment, "feed_back")
        )
    in_time, shut = stopped & Q(stopped_at__lte=F(due)), Q(state_then=State.CLOSED)
    grouped = (
        rows.values(key)
        .annotate(
            handled=Count("pk", filter=stopped),
            handled_in_time=Count("pk", filter=in_time),
            closed=Count("pk", filter=stopped & shut),
            closed_in_time=Count("pk", filter=in_time & shut),
            overdue_unhandled=Count("pk", filter=running & Q(**{f"{due}__lt": moment.at})),
            ever_handled=Count("pk", filter=fed_back),
            reworked=Count("pk", filter=fed_back & Q(reworks_then__gt=0)),
            reworks=Sum("reworks_then", filter=fed_back, default=0),
            latest=Max("stopped_at", filter=stopped),
        )
        .order_by()
    )  # fmt: skip
    counted = _gathered(grouped, key)
    for made in counted.sums.values():
        made["due"] = made["handled"] + made["overdue_unhandled"]
    return counted


def dispatch_sums(viewer: Viewer, period: Period, by: By) -> Counted:
    """派遣准确率: cases first dispatched in the period, and those whose first unit is the last known; by the first."""
    moment = period.moment
    now = _of_now(viewer, period, "dispatched_at")
    if now is not None:
        first, final, at = "case__first_unit", "case__current_unit", "dispatched_at"
        rows: QuerySet[Any] = now.filter(_ALIVE)
    else:
        first, final, at = "receiver", "unit_then", "happened_at"
        known = CaseFlow.objects.known(moment.until, moment.recorded).filter(action="dispatch_case")
        earlier = known.filter(case=OuterRef("case"), version__lt=OuterRef("version"))
        rows = _seen(viewer, known.filter(happened_at__gte=period.start, happened_at__lt=period.end), period)
        rows = rows.filter(~Exists(earlier)).annotate(
            state_then=_last(moment, "to_state"), unit_then=_last(moment, "receiver")
        )
        rows = rows.exclude(state_then=State.VOID)
    key = first if by == "unit" else "case__area"
    grouped = (
        rows.values(key)
        .annotate(dispatched=Count("pk"), dispatched_right=Count("pk", filter=Q(**{first: F(final)})), latest=Max(at))
        .order_by()
    )
    return _gathered(grouped, key)


def report_sums(viewer: Viewer, period: Period, by: By) -> Counted:
    """上报数, 有效上报数, 受理数, 立案数 of the cases reported in the period; by the unit that they came to."""
    moment = period.moment
    now = _of_now(viewer, period, "reported_at")
    if now is not None:
        unit, at, alive = "case__current_unit", "reported_at", _ALIVE
        rows: QuerySet[Any] = now
    else:
        unit, at, alive = "unit_then", "happened_at", ~Q(state_then=State.VOID)
        known = CaseFlow.objects.known(moment.until, moment.recorded).filter(action="report_case")
        rows = _seen(viewer, known.filter(happened_at__gte=period.start, happened_at__lt=period.end), period).annotate(
            state_then=_last(moment, "to_state"), unit_then=_last(moment, "receiver"),
            accepted_then=_did(moment, "accept_case"), filed_then=_did(moment, "file_case"),
        )  # fmt: skip
    accepted, filed = ("accepted", "filed") if now is not None else ("accepted_then", "filed_then")
    valid = Q(**{filed: True}) & alive
    key = unit if by == "unit" else "case__area"
    grouped = (
        rows.values(key)
        .annotate(
            reported=Count("pk"), valid_reports=Count("pk", filter=valid),
            accepted_count=Count("pk", filter=Q(**{accepted: True}) & alive), latest=Max(at),
        )
        .order_by()
    )  # fmt: skip
    counted = ({**row, "accepted": row["accepted_count"], "filed": row["valid_reports"]} for row in grouped)
    return _gathered(counted, key)
