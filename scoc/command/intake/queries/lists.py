"""Lists and counts of situations, as far as the viewer's scope goes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from scoc.command.intake.loading import OF_SITUATION
from scoc.command.intake.models import SITUATION_TEXT, Join, Proposal, Repeat, Signal, Situation, SituationFlow
from scoc.command.intake.schemas import CountsOut, LastHourOut, PointOut, SituationRow
from scoc.command.intake.shapes import category_names, situation_row
from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import COUNT_LIMIT, Page, PageQuery, paged
from scoc.core.now import city_now, current_run, recorded_by
from scoc.core.schemas import text_out
from scoc.core.text_index import beginning
from scoc.core.validity import lying_in
from scoc.kit.text import Text

SEE = "intake.read_situations"
MOST_POINTS = 5000


def _narrowed(
    viewer: Viewer, *, category: str | None, area: str | None, level: int | None, text: str | None
) -> QuerySet[Situation]:
    """What the viewer may see of situations under the filters of the desk."""
    rows = visible(viewer, Situation.objects.all(), SEE)
    if area is not None:
        rows = lying_in(rows, area)
    if category:
        rows = rows.filter(category=category)
    if level:
        rows = rows.filter(level=level)
    if text and text.strip():
        numbers = Situation.objects.filter(run_id=current_run()).order_by()
        number = Q(pk__in=beginning(numbers, "number", text.strip().upper()).values("pk"))
        rows = rows.filter(SITUATION_TEXT.containing(text) | number)
    return rows


@query(SEE)
def situations(
    viewer: Viewer,
    page: PageQuery,
    *,
    state: str | None = None,
    category: str | None = None,
    area: str | None = None,
    level: int | None = None,
    text: str | None = None,
) -> Page[SituationRow]:
    """Situations by state (a tab of the desk), category, area, level and text: words of title and place, or the
    beginning of the number.

    With a state the most urgent come first, else the newest. With `as_of` states and signals are as they were known
    then; levels and titles are today's.
    """
    rows = _narrowed(viewer, category=category, area=area, level=level, text=text).select_related("area")
    if page.as_of is not None:
        flow = SituationFlow.objects.filter(situation=OuterRef("pk")).known(page.as_of, recorded_by(page.as_of))
        then = flow.order_by("-version").values("to_state")[:1]
        rows = rows.annotate(state_then=Subquery(then)).filter(state_then__isnull=False)
    if state:
        rows = rows.filter(**{"state" if page.as_of is None else "state_then": state})
    order = ("level", "-last_at", "-id") if state else ("-last_at", "-id")
    found = paged(rows, page, order, lambda row: row)
    return Page(
        items=_rows(found.items, page.as_of), next=found.next, total=found.total, as_of=found.as_of
    )  # fmt: skip


@query(SEE)
def situation_titles(viewer: Viewer, ids: Collection[int]) -> dict[int, Text]:
    """What these situations are called, by id, of those that the viewer may see: one statement, for few of them."""
    rows = visible(viewer, Situation.objects.filter(pk__in=ids), SEE).order_by()
    return dict(rows.values_list("pk", "title"))


def _known(as_of: datetime) -> Q:
    """What had happened by a time in the city, in what was recorded when the city's clock showed it."""
    recorded = recorded_by(as_of)
    happened = Q(happened_at__lte=as_of)
    return happened if recorded is None else happened & Q(recorded_at__lte=recorded)


def _rows(found: list[Situation], as_of: datetime | None) -> list[SituationRow]:
    ids = [row.pk for row in found]
    names = category_names({row.category for row in found})
    waiting = _open_proposals(ids)
    shown = [situation_row(row, names, waiting.get(row.pk, 0)) for row in found]
    if as_of is None:
        return shown
    recorded = recorded_by(as_of)
    not_undone = Q(undone_at=None) | Q(undone_at__gt=as_of)
    known = (
        Join.objects.filter(_known(as_of), situation_id__in=ids)
        .filter(not_undone if recorded is None else not_undone | Q(undone_recorded_at__gt=recorded))
        .order_by()
        .values_list("situation_id", "signal__channel")
        .annotate(n=Count("id"))
    )
    counts: dict[int, dict[str, int]] = {}
    for pk, channel, n in known:
        counts.setdefault(pk, {})[channel] = n
    for row, out in zip(found, shown, strict=True):
        out.state = getattr(row, "state_then", row.state)
        out.counts = counts.get(row.pk, {})
        out.signals, out.occurrences = sum(out.counts.values()), None
        out.judge_by = row.judge_by if out.state == Situation.State.OPEN else None
    return shown


def _open_proposals(ids: list[int]) -> dict[int, int]:
    """How many undecided joins touch each situation: to it, or of its signals."""
    rows = Proposal.objects.filter(Q(situation_id__in=ids) | Q(signal__situation_id__in=ids), decided_at=None)
    found: dict[int, int] = {}
    for pair in rows.values_list("situation_id", "signal__situation_id"):
        for pk in pair:
            found[pk] = found.get(pk, 0) + 1
    return found


@query(SEE)
def situation_points(viewer: Viewer, area: str | None = None, level: int | None = None) -> list[PointOut]:
    """Live situations with a position, for the map: the newest 5000."""
    rows = visible(viewer, Situation.objects.filter(ended_at=None), SEE).exclude(lon=None)
    if area is not None:
        rows = lying_in(rows, area)
    if level:
        rows = rows.filter(level=level)
    return [
        PointOut(
            id=row.pk, number=row.number, state=row.state, level=row.level, category=row.category or None,
            title=text_out(row.title), lon=row.lon, lat=row.lat, radius_m=row.radius_m, signals=row.signals,
            last_at=row.last_at,
        )
        for row in rows.order_by("-last_at", "-id")[:MOST_POINTS]
        if row.lon is not None and row.lat is not None
    ]  # fmt: skip


@query(SEE)
def situation_counts(
    viewer: Viewer,
    *,
    category: str | None = None,
    area: str | None = None,
    level: int | None = None,
    text: str | None = None,
) -> CountsOut:
    """How many situations each tab holds under the same filters; None when more than 10 000."""
    rows = _narrowed(viewer, category=category, area=area, level=level, text=text).order_by()
    states: dict[str, int | None] = {}
    for state in Situation.State.values:
        count = rows.filter(state=state)[: COUNT_LIMIT + 1].count()
        states[state] = count if count <= COUNT_LIMIT else None
    return CountsOut(states=states, as_of=city_now())


@query(SEE)
def last_hour(viewer: Viewer) -> LastHourOut:
    """How many signals came in during the last hour of the city, and how many situations they are part of."""
    end = city_now()
    start = end - timedelta(hours=1)
    rows = visible(viewer, Signal.objects.filter(happened_at__gt=start, happened_at__lte=end), SEE, OF_SITUATION)
    repeats = visible(
        viewer, Repeat.objects.filter(happened_at__gt=start, happened_at__lte=end), SEE,
        {name: f"signal__{path}" for name, path in OF_SITUATION.items()},
    )  # fmt: skip
    touched = set(rows.order_by().values_list("situation_id", flat=True).distinct())
    touched.update(repeats.order_by().values_list("signal__situation_id", flat=True).distinct())
    return LastHourOut(signals=rows.count() + repeats.count(), situations=len(touched), start=start, end=end)
