"""Rows for tests: kinds of devices, devices with their datastreams, rules, and readings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np

from scoc.core.fields import to_micros
from scoc.core.models import Area, Organisation
from scoc.core.now import current_run, wall_now
from scoc.core.tests.factories import LONG_AGO, make_organisation
from scoc.kit.text import Text
from scoc.sensing.ingest.columns import Floats, Ints
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.models import Datastream, Device, DeviceType, Rule
from scoc.sensing.schemas import Reading

_numbers = count(1)
T0 = datetime(2026, 6, 15, 0, 0, tzinfo=UTC)
"""An hour before the city's clock of the fixture `monday`."""
PM25 = {
    "property": "pm25", "name_zh": "细颗粒物", "name_en": "PM2.5", "unit": "µg/m³", "places": 1, "minimum": 0.0,
    "maximum": 1000.0, "cadence_seconds": 60, "repeat": "ignore",
}  # fmt: skip
NOISE = {
    "property": "noise", "name_zh": "噪声", "name_en": "Noise", "unit": "dB", "places": 1, "minimum": 0.0,
    "maximum": 160.0, "cadence_seconds": 60, "repeat": "keep",
}  # fmt: skip


def make_type(code: str = "air_station", streams: Iterable[dict[str, Any]] = (PM25,)) -> DeviceType:
    """A kind of device."""
    made, _ = DeviceType.objects.get_or_create(
        code=code, defaults={"name": Text("空气站", "Air station"), "streams": list(streams)}
    )
    return made


def make_device(
    key: str = "",
    *,
    type_: DeviceType | None = None,
    area: Area | None = None,
    organisation: Organisation | None = None,
    **columns: Any,
) -> Device:
    """A device with the datastreams of its type in the current run."""
    type_ = type_ or make_type()
    organisation = organisation or Organisation.objects.order_by("id").first() or make_organisation("环保局")
    values: dict[str, Any] = {
        "lon": 121.5, "lat": 30.0, "given_lon": 121.5, "given_lat": 30.0, "datum": "WGS84", "place": "海滨路",
        "registered_at": LONG_AGO, "changed": wall_now(), **columns,
    }  # fmt: skip
    device = Device.objects.create(
        key=key or f"dev-{next(_numbers)}", type=type_, area=area, organisation=organisation,
        name=Text("一号站", "Station one"), **values,
    )  # fmt: skip
    for stream in type_.streams:
        Datastream.objects.create(
            device=device, property=stream["property"], name=Text(stream["name_zh"], stream["name_en"]),
            run_id=current_run(),
            **{name: stream[name] for name in
               ("unit", "places", "minimum", "maximum", "cadence_seconds", "repeat")},
        )  # fmt: skip
    forget_directory()
    return device


def line_of(device: Device, property_: str = "pm25") -> Datastream:
    """One datastream of a device."""
    return device.datastreams.get(property=property_)


def make_rule(code: str = "high", kind: str = "threshold", **columns: Any) -> Rule:
    """A rule over PM2.5 of air stations; by default: 75 or more raises, below 50 clears."""
    settings = columns.pop("settings", {"side": "above", "raise_at": 75.0, "clear_at": 50.0})
    values: dict[str, Any] = {
        "version": 1, "name": Text("细颗粒物偏高", "PM2.5 high"), "device_type": make_type(), "property": "pm25",
        "level": "major", "category": "event/0506", "recurrence_seconds": 1800, "valid_from": LONG_AGO,
        "recorded_at": LONG_AGO, **columns,
    }  # fmt: skip
    made = Rule.objects.create(code=code, kind=kind, settings=settings, **values)
    forget_directory()
    return made


def readings(
    device: Device, *values: float, start: datetime = T0, step: float = 60, name: str = "pm25"
) -> list[Reading]:
    """One reading a step (seconds) from `start` on."""
    return [
        Reading(device.key, name, start + timedelta(seconds=step * n), value) for n, value in enumerate(values)
    ]  # fmt: skip


def latest_of(datastream: int, at: datetime, value: float) -> tuple[Ints, Ints, Floats, Ints]:
    """Columns that move one datastream's newest reading without judging it, as an import does."""
    return (
        np.array([datastream], np.int64), np.array([to_micros(at)], np.int64), np.array([value]),
        np.array([1], np.int64),
    )  # fmt: skip
