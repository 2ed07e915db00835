"""Devices as SensorThings tells of them: each is a Thing at a Location, its type a Sensor, its series Datastreams."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from django.db import connection
from django.db.models import QuerySet

from scoc.core.now import city_now
from scoc.core.pack import ALWAYS
from scoc.sensing.models import (
    Datastream,
    Device,
    DeviceType,
    Feature,
    HistoricalLocation,
    Location,
    ObservedProperty,
    Sensor,
    Thing,
)
from scoc.sensing.models.things import GEOJSON
from scoc.sensing.sta.placing import features_of

MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
_MANY = 500


def follow_devices(devices: QuerySet[Device]) -> None:
    """Let things, places, sensors and the words of datastreams be as these devices and their types now are.

    A device that moved is at a new Location from now on; where it was stays in its history.
    """
    rows = list(devices.select_related("type"))
    sensors = _sensors({row.type_id: row.type for row in rows})
    properties = _properties({row.type_id: row.type for row in rows})
    things, changed = _things(rows)
    _places(rows, things)
    _hand_over(changed)
    _streams(rows, things, sensors, properties)


def follow_area(device_id: int, area_id: int | None) -> None:
    """Let a device's thing, the place where it is and what is observed there lie in the area where the device is."""
    Thing.objects.filter(device_id=device_id).update(area_id=area_id)
    Location.objects.filter(things__device_id=device_id).update(area_id=area_id)
    Feature.objects.filter(location__things__device_id=device_id).update(area_id=area_id)


def _sensors(types: dict[int, DeviceType]) -> dict[int, int]:
    found: dict[int, int] = {}
    for pk, type_ in types.items():
        sensor, _ = Sensor.objects.update_or_create(
            type_id=pk,
            defaults={
                "name": type_.name.zh, "description": type_.name.en, "encoding_type": "application/json",
                "metadata": {"type": type_.code, "streams": type_.streams},
            },
        )  # fmt: skip
        found[pk] = sensor.pk
    return found


def _properties(types: dict[int, DeviceType]) -> dict[str, int]:
    wanted = {stream["property"]: stream for type_ in types.values() for stream in type_.streams}
    found = dict(ObservedProperty.objects.filter(code__in=wanted).values_list("code", "id"))
    for code, stream in wanted.items():
        if code not in found:
            made = ObservedProperty.objects.create(
                code=code, name=stream["name_zh"], description=stream["name_en"],
                definition=f"urn:scoc:property:{code}",
            )  # fmt: skip
            found[code] = made.pk
    return {str(code): pk for code, pk in found.items()}


def _told(device: Device) -> dict[str, Any]:
    return {
        "name": device.name.zh, "description": device.place or device.type.name.zh,
        "properties": {"key": device.key, "type": device.type.code, "name_en": device.name.en},
        "organisation_id": device.organisation_id, "area_id": device.area_id,
    }  # fmt: skip


def _things(devices: list[Device]) -> tuple[dict[int, Thing], list[Thing]]:
    """The things by device, and those that were there and have changed."""
    found = {
        row.device_id: row for row in Thing.objects.filter(device__in=[d.pk for d in devices]) if row.device_id
    }  # fmt: skip
    changed = []
    for device in devices:
        thing = found.get(device.pk)
        if thing is not None:
            told = _told(device)
            if any(getattr(thing, name) != value for name, value in told.items()):
                for name, value in told.items():
                    setattr(thing, name, value)
                changed.append(thing)
    Thing.objects.bulk_update(
        changed, ["name", "description", "properties", "organisation", "area"], batch_size=_MANY
    )  # fmt: skip
    fresh = [Thing(device=device, **_told(device)) for device in devices if device.pk not in found]
    for made in Thing.objects.bulk_create(fresh, batch_size=_MANY):
        assert made.device_id is not None
        found[made.device_id] = made
    return found, changed


def _hand_over(changed: list[Thing]) -> None:
    """Where a thing is lies in the thing's area; where it is and was belongs to whoever has the thing."""
    keepers: dict[int, list[int]] = {}
    areas: dict[int | None, list[int]] = {}
    for thing in changed:
        keepers.setdefault(thing.organisation_id, []).append(thing.pk)
        areas.setdefault(thing.area_id, []).append(thing.pk)
    for organisation_id, mine in keepers.items():
        was = Location.objects.filter(historical_locations__thing__in=mine)
        Feature.objects.filter(location__in=was).update(organisation_id=organisation_id)
        was.update(organisation_id=organisation_id)
    for area_id, mine in areas.items():
        Feature.objects.filter(location__things__in=mine).update(area_id=area_id)
        Location.objects.filter(things__in=mine).update(area_id=area_id)


def _places(devices: list[Device], things: dict[int, Thing]) -> None:
    here: dict[int, tuple[float | None, float | None]] = {
        row["thing_id"]: (row["location__west"], row["location__south"])
        for row in Thing.locations.through.objects.filter(thing_id__in=[one.pk for one in things.values()]).values(
            "thing_id", "location__west", "location__south"
        )
    }
    moved = [device for device in devices if here.get(things[device.pk].pk) != (device.lon, device.lat)]
    places = Location.objects.bulk_create(
        [
            Location(
                name=device.place or device.name.zh, description=device.name.zh, encoding_type=GEOJSON,
                location=json.dumps({"type": "Point", "coordinates": [device.lon, device.lat]}),
                west=device.lon, east=device.lon, south=device.lat, north=device.lat,
                organisation_id=device.organisation_id, area_id=device.area_id,
            )
            for device in moved
        ],
        batch_size=_MANY,
    )  # fmt: skip
    features_of(places)
    linked = Thing.locations.through
    linked.objects.filter(thing_id__in=[things[device.pk].pk for device in moved]).delete()
    linked.objects.bulk_create(
        [linked(thing_id=things[d.pk].pk, location_id=p.pk) for d, p in zip(moved, places, strict=True)],
        batch_size=_MANY,
    )
    moment = city_now()
    times = HistoricalLocation.objects.bulk_create(
        [
            HistoricalLocation(
                thing=things[device.pk],
                at=moment if things[device.pk].pk in here else max(device.registered_at, ALWAYS),
            )
            for device in moved
        ],
        batch_size=_MANY,
    )
    was = HistoricalLocation.locations.through
    was.objects.bulk_create(
        [was(historicallocation_id=t.pk, location_id=p.pk) for t, p in zip(times, places, strict=True)],
        batch_size=_MANY,
    )


_TOLD = (
    "thing_id", "sensor_id", "observed_property_id", "title", "description", "observation_type", "unit_of_measurement",
)  # fmt: skip
_TELL = (
    "UPDATE sensing_datastream SET thing_id = %s, sensor_id = %s, observed_property_id = %s, title = %s, "
    "description = %s, observation_type = %s, unit_of_measurement = %s WHERE id = %s"
)
"""Thousands of rows: the ORM's bulk update would write them as one CASE and take seconds."""


def unit_told(unit: str) -> dict[str, str]:
    """A unit as SensorThings tells it."""
    return {"name": unit, "symbol": unit, "definition": f"urn:scoc:unit:{quote(unit)}"}


def _streams(
    devices: list[Device], things: dict[int, Thing], sensors: dict[int, int], properties: dict[str, int]
) -> None:
    by_key = {device.pk: device for device in devices}
    changed = []
    for stream in Datastream.objects.filter(device__in=by_key):
        device = by_key[stream.device_id]
        told = (
            things[device.pk].pk, sensors[device.type_id],
            properties.get(stream.property, stream.observed_property_id),
            f"{device.name.zh} · {stream.name.zh}"[:300], f"{device.name.en} · {stream.name.en}", MEASUREMENT,
            unit_told(stream.unit),
        )  # fmt: skip
        if told != tuple(getattr(stream, name) for name in _TOLD):
            changed.append((*told[:-1], json.dumps(told[-1], ensure_ascii=False), stream.pk))
    with connection.cursor() as cursor:
        cursor.executemany(_TELL, changed)
