"""Devices, their newest readings, and which of them are online."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.city.sections import city_settings
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import city_now, current_run
from scoc.core.refusals import no_such
from scoc.core.schemas import TextOut, text_out
from scoc.core.validity import lying_in
from scoc.kit.identifiers import prefixed
from scoc.sensing.ingest.rolling import MOST_SCALED
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import DEVICE_TEXT, Datastream, Device, DeviceType, Latest
from scoc.sensing.online import heard_since
from scoc.sensing.schemas import DeviceCounts, DeviceOut, DevicePoint, DeviceRow, DeviceTypeRow, StreamOut, TypeStream

MOST_ON_MAP = 20_000


def _last_heard(line: Datastream) -> Latest | None:
    return line.latest if hasattr(line, "latest") else None


def _online(line: Datastream, now: datetime, cadences: int) -> bool:
    """Whether the newest reading is not older than so many cadences (DOMAIN.md 6.1: heartbeat × 3)."""
    newest = _last_heard(line)
    return newest is not None and now - newest.at <= timedelta(seconds=line.cadence_seconds * cadences)


def _with_lines(rows: QuerySet[Device]) -> QuerySet[Device]:
    lines = Datastream.objects.filter(run_id=current_run(), active=True).select_related("latest").order_by("property")
    return rows.select_related("type", "organisation", "area").prefetch_related(
        Prefetch("datastreams", queryset=lines, to_attr="lines")
    )


def _device_values(row: Device, now: datetime, cadences: int) -> dict[str, Any]:
    lines: list[Datastream] = row.lines  # type: ignore[attr-defined]  # prefetched
    heard = [found.at for line in lines if (found := _last_heard(line)) is not None]
    return {
        "id": row.pk, "key": row.key, "type": row.type.code, "type_name": text_out(row.type.name),
        "name": text_out(row.name), "organisation_id": row.organisation_id,
        "organisation": text_out(row.organisation.short), "area": row.area.code if row.area else None,
        "area_name": text_out(row.area.name) if row.area else None, "place": row.place, "lon": row.lon,
        "lat": row.lat, "state": row.state, "online": any(_online(line, now, cadences) for line in lines),
        "latest_at": max(heard, default=None),
    }  # fmt: skip


@query("sensing.read_devices")
def device_types(viewer: Viewer) -> list[DeviceTypeRow]:
    """The kinds of devices, with the number of devices that the viewer may see."""
    rows = visible(viewer, Device.objects.exclude(state=Device.State.RETIRED), "sensing.read_devices", {"run": ""})
    counts = dict(rows.values("type_id").annotate(n=Count("id")).values_list("type_id", "n"))
    types = DeviceType.objects.filter(Q(retired=False) | Q(pk__in=counts)).order_by("code")
    return [
        DeviceTypeRow(
            code=row.code, name=text_out(row.name), devices=counts.get(row.pk, 0),
            streams=[
                TypeStream(code=one["property"], name=TextOut(zh=one["name_zh"], en=one["name_en"]), unit=one["unit"])
                for one in row.streams
            ],
        )
        for row in types
    ]  # fmt: skip


@query("sensing.read_devices")
def devices(
    viewer: Viewer,
    page: PageQuery,
    *,
    type: str | None = None,  # noqa: A002  # the word of the API
    state: str | None = None,
    area: str | None = None,
    organisation_id: int | None = None,
    online: bool | None = None,
    search: str | None = None,
    calibrated_before: date | None = None,
) -> Page[DeviceRow]:
    """The devices by key; retired ones only when asked for by state. `search`: words in keys, names and places.

    `calibrated_before`: those whose calibration ends before this day, so that it is due.
    """
    rows = visible(viewer, Device.objects.all(), "sensing.read_devices", {"run": ""})
    rows = rows.filter(state=state) if state else rows.exclude(state=Device.State.RETIRED)
    now, cadences = city_now(), city_settings(SensingSettings).online_cadences
    if type:
        rows = rows.filter(type__code=type)
    if area:
        rows = lying_in(rows, area)
    if organisation_id is not None:
        rows = rows.filter(organisation_id=organisation_id)
    if search:
        rows = rows.filter(DEVICE_TEXT.containing(search))
    if calibrated_before is not None:
        rows = rows.filter(calibrated_until__lt=calibrated_before)
    if page.as_of:
        rows = rows.filter(registered_at__lte=page.as_of)
    if online is not None:
        heard = Exists(heard_since(now, cadences, OuterRef("pk")))
        rows = rows.filter(heard if online else ~heard)
    return paged(_with_lines(rows), page, ("key",), lambda row: DeviceRow(**_device_values(row, now, cadences)))


@query("sensing.read_devices")
def device_counts(viewer: Viewer) -> DeviceCounts:
    """How many devices are in use and how many of them are online, of those that the viewer may see."""
    rows = visible(viewer, Device.objects.filter(state=Device.State.ACTIVE), "sensing.read_devices", {"run": ""})
    heard = Exists(heard_since(city_now(), city_settings(SensingSettings).online_cadences, OuterRef("pk")))
    return DeviceCounts(**rows.aggregate(active=Count("pk"), online=Count("pk", filter=Q(heard))))


@query("sensing.read_devices")
def device(viewer: Viewer, device_id: int) -> DeviceOut:
    """One device with its series and their newest readings. Raises NotFound."""
    rows = visible(viewer, Device.objects.filter(pk=device_id), "sensing.read_devices", {"run": ""})
    row = _with_lines(rows).first()
    if row is None:
        raise no_such("设备", "device", prefixed("sensing", f"device-{device_id}"))
    now, cadences = city_now(), city_settings(SensingSettings).online_cadences
    lines: list[Datastream] = row.lines  # type: ignore[attr-defined]  # prefetched
    credential: Literal["none", "issued", "revoked"] = "issued" if row.credential_hash else "none"
    if row.credential_revoked_at:
        credential = "revoked"
    return DeviceOut(
        **_device_values(row, now, cadences), datum=row.datum, given_lon=row.given_lon, given_lat=row.given_lat,
        registered_at=row.registered_at, credential=credential, calibrated_until=row.calibrated_until,
        streams=[_stream_out(line, now, cadences) for line in lines],
    )  # fmt: skip


def _stream_out(line: Datastream, now: datetime, cadences: int) -> StreamOut:
    newest = _last_heard(line)
    bounded = line.maximum * 10**line.places < MOST_SCALED
    return StreamOut(
        id=line.pk, property=line.property, name=text_out(line.name), unit=line.unit, places=line.places,
        minimum=line.minimum if bounded else None, maximum=line.maximum if bounded else None,
        cadence_seconds=line.cadence_seconds or None, repeat=line.repeat,
        at=newest.at if newest else None, value=newest.result if newest else None,
        online=_online(line, now, cadences),
    )  # fmt: skip


@query("sensing.read_devices")
def device_points(viewer: Viewer, type: str | None = None) -> list[DevicePoint]:  # noqa: A002  # the word of the API
    """The devices for a map, up to MOST_ON_MAP of them."""
    placed = Device.objects.exclude(state=Device.State.RETIRED).exclude(lon=None)
    rows = visible(viewer, placed, "sensing.read_devices", {"run": ""})
    if type:
        rows = rows.filter(type__code=type)
    heard = heard_since(city_now(), city_settings(SensingSettings).online_cadences, OuterRef("pk"))
    found = rows.annotate(heard=Exists(heard)).order_by("key")[:MOST_ON_MAP]
    return [
        DevicePoint(id=pk, key=key, type=kind, lon=lon, lat=lat, area_path=path or "", state=state, online=online)
        for pk, key, kind, lon, lat, path, state, online in found.values_list(
            "id", "key", "type__code", "lon", "lat", "area__path", "state", "heard"
        )
        if lon is not None and lat is not None
    ]
