"""When devices are or were under maintenance, which rules heed, and when no calibration of them held (private)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, time, timedelta

from scoc.core.fields import to_micros
from scoc.core.now import city_zone
from scoc.sensing.models import Device, Maintenance
from scoc.sensing.schemas.upkeep import Span

_SLICE = 500
MOST_CALIBRATIONS = 400
Window = tuple[int, int]
"""From and until, in microseconds of the city's time; `until` is no part of it."""


def in_maintenance(device_ids: Collection[int], at: datetime) -> set[int]:
    """Those of the devices that are under maintenance at a moment of the city: by a window that was planned and not
    called off, or because somebody put them into that state. One statement for 500 devices.
    """
    found = set[int]()
    for part in _parts(device_ids):
        windows = Maintenance.objects.filter(device_id__in=part, starts__lte=at, ends__gt=at)
        found.update(windows.exclude(state=Maintenance.State.CANCELLED).values_list("device_id", flat=True))
        state = Device.objects.filter(pk__in=part, state=Device.State.MAINTENANCE)
        found.update(state.values_list("id", flat=True))
    return found


def maintenance_windows(device_ids: Collection[int], start: datetime, end: datetime) -> dict[int, list[Window]]:
    """The windows by device that reach into a span, in the order of their start; for decisions about many moments."""
    found: dict[int, list[Window]] = {}
    for part in _parts(device_ids):
        rows = Maintenance.objects.filter(device_id__in=part, starts__lt=end, ends__gt=start)
        rows = rows.exclude(state=Maintenance.State.CANCELLED).order_by("device_id", "starts", "id")
        for device_id, begins, ends in rows.values_list("device_id", "starts", "ends"):
            found.setdefault(device_id, []).append((to_micros(begins), to_micros(ends)))
    return found


def _parts(device_ids: Collection[int]) -> Iterator[list[int]]:
    ids = sorted(set(device_ids))
    for start in range(0, len(ids), _SLICE):
        yield ids[start : start + _SLICE]


def uncalibrated(device_id: int, start: datetime, end: datetime) -> list[Span]:
    """The parts of a span in which a device that was calibrated once was past its calibration.

    Before its first calibration nobody has said that it needs one.
    """
    rows = Maintenance.objects.filter(
        device_id=device_id, kind=Maintenance.Kind.CALIBRATION, state=Maintenance.State.DONE, ended_at__lt=end
    )
    newest = rows.order_by("-ended_at", "-id").values_list("ended_at", "calibrated_until")[:MOST_CALIBRATIONS]
    found: list[Span] = []
    held: datetime | None = None
    for done, until in reversed(list(newest)):
        if done is None or until is None:
            continue
        if held is not None and held < done:
            found.append(Span(start=held, end=done))
        held = max(_after(until), held or done)
    if held is not None and held < end:
        found.append(Span(start=held, end=end))
    return [Span(start=max(one.start, start), end=min(one.end, end)) for one in found if one.end > start]


def _after(day: date) -> datetime:
    """When a day of the city is over."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=city_zone())
