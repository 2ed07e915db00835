"""Alarms with their occurrences and their flow."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import recorded_by, wall_now
from scoc.core.refusals import invalid, no_such
from scoc.core.schemas import text_out
from scoc.core.validity import lying_in
from scoc.kit.identifiers import prefixed
from scoc.kit.text import Text
from scoc.sensing import keeping
from scoc.sensing.models import Alarm, AlarmFlow, AlarmOccurrence, AlarmShelf
from scoc.sensing.rules import sentence
from scoc.sensing.schemas import AlarmFlowOut, AlarmOut, AlarmRow, OccurrenceOut, ShelfOut

Kept = Literal["desk", "shelved", "suppressed", "flapping"]
_KEPT: dict[Kept, Q] = {
    "desk": Q(suppressed_by=None, shelved_until=None), "shelved": Q(shelved_until__isnull=False),
    "suppressed": Q(suppressed_by__isnull=False), "flapping": Q(flapping_since__isnull=False),
}  # fmt: skip
MOST_SHELVES = 20


def _alarm_values(row: Alarm) -> dict[str, Any]:
    return {
        "id": row.pk, "subject": prefixed("sensing", row.pk), "rule": row.rule.code,
        "rule_name": text_out(row.rule.name), "kind": row.rule.kind, "level": row.level,
        "category": row.rule.category, "device_id": row.device_id,
        "device_key": row.device.key, "device_name": text_out(row.device.name), "datastream_id": row.datastream_id,
        "property": row.datastream.property, "unit": row.datastream.unit, "value": row.value, "peak": row.peak,
        "area": row.area.code if row.area else None, "area_name": text_out(row.area.name) if row.area else None,
        "place": row.device.place, "lon": row.device.lon, "lat": row.device.lat, "state": row.state,
        "active": row.active, "happened_at": row.happened_at, "cleared_at": row.cleared_at,
        "recurrences": row.recurrences, "told": row.told, "suppressed_by": row.suppressed_by_id,
        "shelved_until": row.shelved_until, "flapping_since": row.flapping_since, "version": row.version,
    }  # fmt: skip


def _alarm_row(row: Alarm) -> AlarmRow:
    return AlarmRow(**_alarm_values(row))


def _then(row: Alarm) -> AlarmRow:
    """An alarm of which only its state and whether it stood are told as of then."""
    row.state, row.active = row.state_then, row.active_then  # type: ignore[attr-defined]  # annotated
    if row.active:
        row.cleared_at = None
    row.suppressed_by_id = row.shelved_until = row.flapping_since = None
    return _alarm_row(row)


@query("sensing.read_alarms")
def alarms(
    viewer: Viewer,
    page: PageQuery,
    *,
    state: str | None = None,
    level: str | None = None,
    active: bool | None = None,
    device_id: int | None = None,
    rule: str | None = None,
    area: str | None = None,
    since: datetime | None = None,
    kept: Kept | None = None,
    suppressed_by: int | None = None,
) -> Page[AlarmRow]:
    """The alarms, newest first. With `as_of`, those known then, in the state they were in then.

    `kept` narrows to what stands before people (`desk`), or to what is shelved, suppressed or flapping now; with
    `as_of` it is refused, since of then only the states are known.
    """
    rows = visible(viewer, Alarm.objects.all(), "sensing.read_alarms")
    if kept and page.as_of:
        raise invalid("kept", "Of a time past only the states are known.", "Leave out `kept` or `as_of`.",
                      zh="回看过去时不能按搁置、抑制、抖动筛选。")  # fmt: skip
    if kept:
        rows = rows.filter(_KEPT[kept])
    if suppressed_by is not None:
        rows = rows.filter(suppressed_by=suppressed_by)
    if level:
        rows = rows.filter(level=level)
    if device_id is not None:
        rows = rows.filter(device_id=device_id)
    if rule:
        rows = rows.filter(rule__code=rule)
    if area:
        rows = lying_in(rows, area)
    if since:
        rows = rows.filter(happened_at__gte=since)
    names = ("state", "active")
    shape = _alarm_row
    if page.as_of:
        names, shape = ("state_then", "active_then"), _then
        rows = _as_of(rows, page.as_of, recorded_by(page.as_of) or wall_now())
    if state:
        rows = rows.filter(**{names[0]: state})
    if active is not None:
        rows = rows.filter(**{names[1]: active})
    rows = rows.select_related("rule", "device", "datastream", "area")
    return paged(rows, page, ("-happened_at", "-id"), shape)


@query("sensing.read_alarms")
def alarm_titles(viewer: Viewer, ids: Collection[int]) -> dict[int, Text]:
    """Device and rule of these alarms, by id, of those that the viewer may see: one statement, for few of them."""
    rows = visible(viewer, Alarm.objects.filter(pk__in=ids), "sensing.read_alarms").order_by()
    return {
        pk: Text(f"{device.zh} {rule.zh}", f"{device.en}: {rule.en}")
        for pk, device, rule in rows.values_list("pk", "device__name", "rule__name")
    }


def _as_of(rows: QuerySet[Alarm], moment: datetime, known: datetime) -> QuerySet[Alarm]:
    flow = AlarmFlow.objects.filter(alarm=OuterRef("pk"), recorded_at__lte=known).order_by("-version")
    held = AlarmOccurrence.objects.filter(alarm=OuterRef("pk"), started_at__lte=moment).filter(
        Q(ended_at=None) | Q(ended_at__gt=moment)
    )
    return rows.filter(recorded_at__lte=known).annotate(
        state_then=Coalesce(Subquery(flow.values("to_state")[:1]), Value(Alarm.State.NEW.value)),
        active_then=Exists(held),
    )


def _shelves(row: Alarm) -> QuerySet[AlarmShelf]:
    """The shelves of its rule over its datastream."""
    rows = AlarmShelf.objects.filter(datastream=row.datastream_id, rule_code=row.rule.code)
    return rows.select_related("actor", "post").order_by("-at", "-id")[:MOST_SHELVES]


@query("sensing.read_alarms")
def alarm(viewer: Viewer, alarm_id: int) -> AlarmOut:
    """One alarm with its occurrences and its flow. Raises NotFound."""
    rows = visible(viewer, Alarm.objects.filter(pk=alarm_id), "sensing.read_alarms")
    row = rows.select_related("rule", "device", "datastream", "area").first()
    if row is None:
        raise no_such("告警", "alarm", prefixed("sensing", alarm_id))
    moves = {
        "acknowledge": row.state == Alarm.State.NEW,
        "refute": row.state in keeping.OPEN,
        "shelve": row.state in keeping.OPEN and row.shelved_until is None,
        "unshelve": row.shelved_until is not None,
    }
    told = sentence(row.rule.kind, row.rule.settings, row.datastream.name, row.datastream.unit)
    return AlarmOut(
        **_alarm_values(row), threshold=text_out(told), property_name=text_out(row.datastream.name),
        organisation_id=row.organisation_id, area_id=row.area_id, area_path=row.area.path if row.area else "",
        asset_id=row.device.asset_id, settled_by=row.settled_by,
        allowed=[name for name, open_ in moves.items() if open_ and viewer.may(f"sensing.{name}_alarm")],
        shelve_most_hours=keeping.alarm_settings().shelve_most_hours,
        shelves=[
            ShelfOut(
                at=one.at, until=one.until, reason=one.reason, username=one.actor.username,
                post=text_out(one.post.title) if one.post else None, ended_at=one.ended_at, end=one.end,
            )
            for one in _shelves(row)
        ],
        suppressing=Alarm.objects.filter(suppressed_by=row).count(),
        occurrences=[
            OccurrenceOut(started_at=one.started_at, ended_at=one.ended_at, value=one.value, peak=one.peak)
            for one in row.occurrences.order_by("started_at", "id")[:500]
        ],
        flow=[
            AlarmFlowOut(
                version=one.version, from_state=one.from_state, to_state=one.to_state, action=one.action,
                username=one.actor.username, post=text_out(one.post.title) if one.post else None,
                opinion=one.opinion, happened_at=one.happened_at, left_at=one.left_at,
            )
            for one in row.flow.select_related("actor", "post").order_by("version")
        ],
    )  # fmt: skip
