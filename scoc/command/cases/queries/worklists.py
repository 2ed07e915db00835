"""Cases in lists by tab, how many each tab holds, and open cases on the map."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case as Choice
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from scoc.command.cases.models import CASE_TEXT, MOVES, Case, CaseFlow, Clock, Side, State, Timer
from scoc.command.cases.models.moves import HANDLING, JUDGING, OVER
from scoc.command.cases.moving import PATHS, READ, prefixes
from scoc.command.cases.places import cells_around, within
from scoc.command.cases.schemas import CaseCounts, CasePoint, CaseRow, Tab
from scoc.command.cases.shapes import JOINED, Moment, case_rows, case_title, moment_of
from scoc.core.access import allowed, query, visible
from scoc.core.acting import Allowed, Viewer
from scoc.core.http.paging import COUNT_LIMIT, Page, PageQuery, paged
from scoc.core.models import Organisation
from scoc.core.now import current_run
from scoc.core.refusals import no_such
from scoc.core.schemas import text_out
from scoc.core.text_index import beginning
from scoc.kit.geometry import distance_m
from scoc.kit.text import Text
from scoc.kit.worktime import Light

TABS: tuple[Tab, ...] = ("mine", "open", "soon", "overdue", "closed")
MOST_POINTS = 5000
MOST_NEAR = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to."""

    area: str | None = None
    """Code of an area, with all below it."""
    category: str | None = None
    """Code of a class; `…00` stands for its whole major class."""
    kind: str | None = None
    unit_id: int | None = None
    state: str | None = None
    text: str | None = None
    """Words that title and address contain, or the beginning of the case number."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Names of the columns that lists need: those of the row, or what was known at a past moment."""

    state: str = "state"
    unit: str = "current_unit_id"
    due: str = "due_at"
    yellow: str = "yellow_at"
    queue: str = "queue_at"


_NOW = _Columns()
_THEN = _Columns("state_then", "unit_then", "due_then", "yellow_then", "queue_then")


def _then(rows: QuerySet[Case], moment: Moment) -> QuerySet[Case]:
    """Cases that were known at a past moment, with their state, unit and clock as known then."""
    flow = CaseFlow.objects.filter(case=OuterRef("pk")).known(moment.until, moment.recorded).order_by("-version")
    spans = Timer.objects.filter(case=OuterRef("pk")).known(moment.until, moment.recorded).order_by("-bundle", "-span")
    ended = Q(stopped_at__lte=moment.at)
    if moment.recorded is not None:
        ended &= Q(ended_recorded_at__lte=moment.recorded)
    running = spans.exclude(ended).order_by("deadline_at", "id")
    disposal = spans.filter(clock=Clock.DISPOSAL)
    return (
        rows.annotate(state_then=Subquery(flow.values("to_state")[:1]), unit_then=Subquery(flow.values("receiver")[:1]))
        .filter(state_then__isnull=False)
        .annotate(
            due_then=Subquery(running.values("deadline_at")[:1]), yellow_then=Subquery(running.values("yellow_at")[:1])
        )
        .annotate(
            queue_then=Choice(
                When(state_then__in=OVER, then=Subquery(flow.values("happened_at")[:1])),
                default=Coalesce(
                    F("due_then"), Subquery(disposal.values("deadline_at")[:1]),
                    Subquery(flow.values("happened_at")[:1]),
                ),
            )
        )
    )  # fmt: skip


def _reach(viewer: Viewer, found: Allowed) -> Q:
    """The cases in the scopes of one answer of `may`; `access.visible` knows no state to ask for."""
    if found.city:
        return Q()
    condition = Q(pk__in=())
    if "self" in found.scopes:
        condition |= Q(reported_by=viewer.user_id)
    if "area_below" in found.scopes and viewer.area_path:
        condition |= Q(area_path__startswith=viewer.area_path)
    for unit in ("organisation", "current_unit") if viewer.organisation_id else ():
        if "unit_below" in found.scopes:
            condition |= Q(**{f"{unit}__path__startswith": viewer.organisation_path})
        elif "unit" in found.scopes:
            condition |= Q(**{unit: viewer.organisation_id})
    return condition


def _mine(viewer: Viewer, columns: _Columns) -> Q:
    """Cases that wait for a move which this post may make (我的待办)."""
    above = list(Organisation.objects.filter(path__in=prefixes(viewer.organisation_path)).values_list("id", flat=True))
    theirs = Q(**{f"{columns.unit}__in": above})
    who = Q(actor_id=viewer.user_id)
    if viewer.post_id is not None:
        who |= Q(post_id=viewer.post_id)
    handled = Exists(CaseFlow.objects.filter(who, case=OuterRef("pk"), action__in=HANDLING))
    condition = Q(pk__in=())
    for move in MOVES.values():
        for state in move.turn:
            found = viewer.may(move.permission, state)
            if found is None:
                continue
            wanted = Q(**{columns.state: state}) & _reach(viewer, found)
            if move.side is Side.UNIT:
                wanted &= theirs
            if move.name in JUDGING:
                wanted &= ~theirs & ~Q(handled)
            condition |= wanted
    return condition


def _in_tab(viewer: Viewer, rows: QuerySet[Case], tab: Tab, moment: Moment, columns: _Columns) -> QuerySet[Case]:
    if tab == "closed":
        return rows.filter(**{columns.state: State.CLOSED})
    rows = rows.exclude(**{f"{columns.state}__in": OVER}) if moment.past else rows.filter(is_open=True)
    match tab:
        case "mine":
            return rows.filter(_mine(viewer, columns))
        case "soon":
            return rows.filter(**{f"{columns.yellow}__lte": moment.at, f"{columns.due}__gt": moment.at})
        case "overdue":
            return rows.filter(**{f"{columns.due}__lte": moment.at})
        case _:
            return rows


def _filtered(rows: QuerySet[Case], filters: Filters, columns: _Columns) -> QuerySet[Case]:
    if filters.area:
        rows = rows.filter(within(filters.area))
    if filters.category:
        major = filters.category.endswith("00")
        look = {"category__code__startswith": filters.category[:-2]} if major else {"category__code": filters.category}
        rows = rows.filter(**look)
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.unit_id is not None:
        rows = rows.filter(**{columns.unit: filters.unit_id})
    if filters.state:
        rows = rows.filter(**{columns.state: filters.state})
    text = (filters.text or "").strip()
    if text:
        found = CASE_TEXT.containing(text)
        if text.isdigit():
            numbers = Case.objects.filter(run_id=current_run()).order_by()
            found |= Q(pk__in=beginning(numbers, "case_no", text).values("pk"))
        rows = rows.filter(found)
    return rows


def _rows(viewer: Viewer, filters: Filters, moment: Moment) -> tuple[QuerySet[Case], _Columns]:
    rows = visible(viewer, Case.objects.all(), READ, PATHS)
    columns = _THEN if moment.past else _NOW
    return _filtered(_then(rows, moment) if moment.past else rows, filters, columns), columns


@query(READ)
def worklist(viewer: Viewer, page: PageQuery, tab: Tab = "open", filters: Filters | None = None) -> Page[CaseRow]:
    """The cases of a tab that the viewer may see, least time left first; closed ones newest first."""
    moment = moment_of(page.as_of)
    rows, columns = _rows(viewer, filters or Filters(), moment)
    order = (f"-{columns.queue}", "-id") if tab == "closed" else (columns.queue, "id")
    found: Page[Case] = paged(
        _in_tab(viewer, rows, tab, moment, columns).select_related(*JOINED), page, order, lambda case: case
    )
    shown = case_rows(found.items, moment, allowed(viewer, READ).persons)
    return Page(items=shown, next=found.next, total=found.total, as_of=moment.at)


@query(READ)
def worklist_counts(viewer: Viewer, filters: Filters | None = None, as_of: datetime | None = None) -> CaseCounts:
    """How many cases each tab holds under the same filters; None when more than 10 000."""
    moment = moment_of(as_of)
    rows, columns = _rows(viewer, filters or Filters(), moment)
    counts: dict[str, int | None] = {}
    for tab in TABS:
        count = _in_tab(viewer, rows, tab, moment, columns).order_by()[: COUNT_LIMIT + 1].count()
        counts[tab] = count if count <= COUNT_LIMIT else None
    return CaseCounts(**counts, as_of=moment.at)


@query(READ)
def case_titles(viewer: Viewer, ids: Collection[int]) -> dict[int, Text]:
    """What these cases are called, by id, of those that the viewer may see: one statement, for few of them."""
    rows = visible(viewer, Case.objects.filter(pk__in=ids), READ, PATHS).order_by()
    persons = allowed(viewer, READ).persons
    return {row.pk: case_title(row, persons) for row in rows.select_related("category", "area")}


@query(READ)
def case_points(viewer: Viewer, filters: Filters | None = None, as_of: datetime | None = None) -> list[CasePoint]:
    """Open cases for the map, least time left first, at most 5000; a case without a position has no point."""
    moment = moment_of(as_of)
    rows, columns = _rows(viewer, filters or Filters(), moment)
    rows = _in_tab(viewer, rows, "open", moment, columns).exclude(lon=None).select_related("category", "area")
    persons = allowed(viewer, READ).persons
    return [_point(case, columns, moment, persons) for case in rows.order_by(columns.queue, "id")[:MOST_POINTS]]


@query(READ)
def cases_around(viewer: Viewer, case_id: int, metres: int = 500) -> list[CasePoint]:
    """Other open cases within so many metres of a case, nearest first, at most 50. Raises NotFound."""
    moment = moment_of(None)
    rows, columns = _rows(viewer, Filters(), moment)
    here = rows.filter(pk=case_id).first()
    if here is None:
        raise no_such("案卷", "case", f"cases:{case_id}")
    if not here.h3 or here.lon is None or here.lat is None:
        return []
    persons = allowed(viewer, READ).persons
    near = rows.filter(is_open=True, h3__in=cells_around(here.h3, metres)).exclude(pk=here.pk)
    found = [
        (distance_m(here.lon, here.lat, case.lon, case.lat), case)
        for case in near.select_related("category", "area").order_by("-happened_at")[:MOST_NEAR]
        if case.lon is not None and case.lat is not None
    ]
    found.sort(key=lambda pair: (pair[0], pair[1].pk))
    return [_point(case, columns, moment, persons) for far, case in found if far <= metres][:50]


def _point(case: Case, columns: _Columns, moment: Moment, persons: str) -> CasePoint:
    due, yellow = getattr(case, columns.due), getattr(case, columns.yellow)
    assert case.lon is not None
    assert case.lat is not None
    return CasePoint(
        id=case.pk, case_no=case.case_no, title=text_out(case_title(case, persons)),
        category=case.category.code if case.category else None, state=getattr(case, columns.state),
        priority=case.priority, light=_light(due, yellow, case.handled_in_time, moment), due_at=due,
        lon=case.lon, lat=case.lat,
    )  # fmt: skip


def _light(due: datetime | None, yellow: datetime | None, handled_in_time: bool | None, moment: Moment) -> Light:
    """The light of a case by its columns alone, as its clock would show it."""
    if due is not None and yellow is not None:
        if due <= moment.at:
            return Light.RED
        return Light.YELLOW if yellow <= moment.at else Light.GREEN
    if moment.past or handled_in_time is None:
        return Light.GREY
    return Light.BLUE if handled_in_time else Light.RED
