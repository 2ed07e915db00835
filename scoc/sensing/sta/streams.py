"""Datastreams that somebody makes through SensorThings: series of a thing like those of any device."""

from __future__ import annotations

from typing import Any

from scoc.core.now import current_run, wall_now
from scoc.core.refusals import invalid
from scoc.kit.text import Text
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.ingest.rolling import MOST_SCALED
from scoc.sensing.models import Datastream, Device, DeviceType, ObservedProperty, Thing
from scoc.sensing.sta import placing
from scoc.sensing.sta.shaping import Json

PLACES = 3
"""Decimal places to which their roll-ups are exact."""
COMPLEX = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_ComplexObservation"
_TYPE = "sensorthings"
_TYPE_NAME = Text("SensorThings 物", "Thing of SensorThings")


def thing_type() -> DeviceType:
    """The kind of device that things are which came by SensorThings; no pack names it."""
    made, _ = DeviceType.objects.get_or_create(code=_TYPE, defaults={"name": _TYPE_NAME, "retired": True})
    return made


def make(columns: Json, *, multi: bool) -> int:
    """Make a datastream with these columns; with `multi` one whose observations hold several results."""
    if multi:
        columns.setdefault("observation_type", COMPLEX)
    device = placing.device_of(placing.locked(columns["thing_id"]))
    observed = None if multi else ObservedProperty.objects.get(pk=columns["observed_property_id"])
    reach = MOST_SCALED / 10**PLACES
    made = Datastream.objects.create(
        device=device, property=_free(device, (observed.code if observed else None) or f"op{observed.pk}" if observed
                                      else "multi"),
        places=PLACES, minimum=-reach, maximum=reach, cadence_seconds=0, repeat=Datastream.Repeat.KEEP,
        run_id=current_run(), multi=multi, **_named(columns), **columns,
    )  # fmt: skip
    _told(device)
    return made.pk


def change(number: int, columns: Json) -> None:
    """Write columns of a datastream; one that goes to another thing goes to its device."""
    row = Datastream.objects.select_for_update(of=("self",)).select_related("thing__device").get(pk=number)
    if row.thing is not None:
        placing.refuse_listed(row.thing)
    if row.multi and {"multi_types", "unit_of_measurement"} & columns.keys():
        _check_parts(
            {"multi_types": row.multi_types, "unit_of_measurement": row.unit_of_measurement} | columns,
            row.observed_properties.count(),
        )
    if columns.get("thing_id", row.thing_id) != row.thing_id:
        device = placing.device_of(placing.locked(columns["thing_id"]))
        columns |= {"device_id": device.pk, "property": _free(device, row.property)}
    before = row.device
    for name, value in (columns | _named(columns)).items():
        setattr(row, name, value)
    row.save()
    _told(before)
    _told(Device.objects.get(pk=row.device_id))


def _named(columns: Json) -> Json:
    """What people see of it: its title as its name, the symbol of its unit."""
    made: Json = {}
    if "title" in columns:
        made["name"] = Text(columns["title"], columns["title"])
    if isinstance(unit := columns.get("unit_of_measurement"), dict):
        made["unit"] = str(unit.get("symbol") or unit.get("name") or "")[:20]
    return made


def _check_parts(columns: Json, parts: int) -> None:
    types: Any = columns.get("multi_types")
    units: Any = columns.get("unit_of_measurement")
    if not len(types or ()) == len(units or ()) == parts:
        raise invalid("multiObservationDataTypes", "Each observed property has one type and one unit.",
                      "Give as many of them as ObservedProperties.", zh="类型、单位与观测属性个数不一致。")  # fmt: skip


def check_tied(numbers: list[int]) -> None:
    """Raises Invalid where one of several results has another number of observed properties than of types."""
    for row in Datastream.objects.filter(pk__in=numbers):
        told = {"multi_types": row.multi_types, "unit_of_measurement": row.unit_of_measurement}
        _check_parts(told, row.observed_properties.count())


def _free(device: Device, wanted: str) -> str:
    """A code that no other series of the device has."""
    taken = set(Datastream.objects.filter(device=device, run_id=current_run()).values_list("property", flat=True))
    code, number = wanted[:40], 1
    while code in taken:
        number += 1
        code = f"{wanted[:30]}_{number}"
    return code


def _told(device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(changed=wall_now())
    forget_directory()


def renamed(thing: Thing) -> None:
    """A thing's device is called as the thing is."""
    if thing.device is not None:
        Device.objects.filter(pk=thing.device.pk).update(name=Text(thing.name, thing.name), changed=wall_now())
