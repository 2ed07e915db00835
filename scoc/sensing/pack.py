"""What a city pack may configure of sensing: device types with their streams, devices, alarm rules, limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from django.db.models import QuerySet
from pydantic import Field

from scoc.core.city import (
    Changes,
    Pack,
    PackRow,
    Problem,
    Section,
    declare_section,
)
from scoc.core.city.reading import Manifest
from scoc.core.city.sections import city_settings, text_of
from scoc.core.models import Organisation
from scoc.core.now import current_run, wall_now
from scoc.core.pack import ALWAYS, EN, ZH, follow_areas, moved_on
from scoc.kit.coordinates import Datum, convert
from scoc.sensing.defining import end_rules, put_in_force
from scoc.sensing.ingest.directory import forget_directory
from scoc.sensing.ingest.rebuilding import rebuild_rollups
from scoc.sensing.ingest.rolling import MOST_SCALED
from scoc.sensing.limits import SensingSettings
from scoc.sensing.models import Datastream, Device, DeviceType, Feature, Latest, Location, Rule, Thing
from scoc.sensing.rule_rows import OWN_CODES, RuleIn, faults_of, row_of
from scoc.sensing.things import follow_devices
from scoc.spatial.queries import locate

__all__ = ["DeviceIn", "DeviceTypeIn", "RuleIn", "SensingSettings", "StreamIn"]


class StreamIn(PackRow):
    """One property that every device of a type observes."""

    property: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ZH
    name_en: str = EN
    unit: str = Field(min_length=1, max_length=20)
    places: int = Field(3, ge=0, le=9)
    """Decimal places that sums are exact to."""
    minimum: float = Field(allow_inf_nan=False)
    maximum: float = Field(allow_inf_nan=False)
    """The physically possible range."""
    cadence_seconds: int = Field(ge=1, le=31_622_400)
    repeat: Literal["ignore", "keep", "replace"] = "ignore"
    """A second reading at the same time is a repeat to ignore, one more to keep, or a correction of the first."""


class DeviceTypeIn(PackRow):
    """A kind of device with its streams: `[[type]]`, each followed by its `[[type.streams]]`."""

    code: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9_]*$")
    name_zh: str = ZH
    name_en: str = EN
    streams: list[StreamIn] = Field(min_length=1, max_length=60)


class DeviceIn(PackRow):
    """A device, with its place in the datum that it was surveyed in."""

    key: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")
    type: str
    name_zh: str = ZH
    name_en: str = EN
    organisation: str
    """Social credit code of the unit that answers for it."""
    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    datum: Datum
    place: str = Field("", max_length=120)
    parent: str = Field("", max_length=60)
    """Key of the gateway or device that it hangs on: alarms over that one explain its own."""


def _types() -> Iterable[DeviceTypeIn]:
    for row in DeviceType.objects.filter(retired=False):
        yield DeviceTypeIn(code=row.code, name_zh=row.name.zh, name_en=row.name.en, streams=row.streams)


def _check_types(pack: Pack, rows: Sequence[tuple[DeviceTypeIn, str, int]]) -> Iterable[Problem]:
    known = {row.code: row.streams for row in DeviceType.objects.all()}
    for row, file, line in rows:
        seen = set()
        units = {old["property"]: old["unit"] for old in known.get(row.code, ())}
        for stream in row.streams:
            where = f"streams.{stream.property}"
            if stream.property in seen:
                yield Problem(file, line, where, "It stands twice.", "Give each property one stream.")
            seen.add(stream.property)
            if stream.minimum >= stream.maximum:
                yield Problem(file, line, where, "Its minimum is not below its maximum.", "Correct the range.")
            elif max(abs(stream.minimum), abs(stream.maximum)) * 10**stream.places > MOST_SCALED:
                yield Problem(file, line, where, "Its range with so many places is too wide to sum exactly.",
                              "Narrow the range or give fewer places.")  # fmt: skip
            if units.get(stream.property, stream.unit) != stream.unit and _has_readings(row.code, stream.property):
                yield Problem(file, line, where, f"Its readings are in {units[stream.property]}; a unit never changes.",
                              "Give the new unit a property of its own.")  # fmt: skip


def _has_readings(type_code: str, property_: str) -> bool:
    return Latest.objects.filter(datastream__device__type__code=type_code, datastream__property=property_).exists()


def _apply_types(changes: Changes[DeviceTypeIn]) -> None:
    """Types as the pack says; the datastreams of their devices follow, and sums follow a change of places."""
    DeviceType.objects.filter(code__in=[row.code for row in changes.removed]).update(retired=True)
    for row in [*changes.added, *changes.changed]:
        made, _ = DeviceType.objects.update_or_create(
            code=row.code,
            defaults={"name": text_of(row), "streams": [s.model_dump() for s in row.streams], "retired": False},
        )
        follow_type(made, Device.objects.filter(type=made))
        follow_devices(Device.objects.filter(type=made))
    forget_directory()


def follow_type(type_: DeviceType, devices: QuerySet[Device]) -> None:
    """Give the devices of a type its datastreams in the current run; those that left the type take no more readings."""
    run_id = current_run()
    wanted = {stream["property"]: StreamIn.model_validate(stream) for stream in type_.streams}
    mine = Datastream.objects.filter(device__in=devices, run_id=run_id)
    mine.exclude(property__in=wanted).filter(active=True).update(active=False)
    rescaled: list[int] = []
    for name, stream in wanted.items():
        columns = {
            "name": text_of(stream), "unit": stream.unit, "places": stream.places, "minimum": stream.minimum,
            "maximum": stream.maximum, "cadence_seconds": stream.cadence_seconds, "repeat": stream.repeat,
            "active": True,
        }  # fmt: skip
        rescaled += mine.filter(property=name).exclude(places=stream.places).values_list("id", flat=True)
        mine.filter(property=name).update(**columns)
        lacking = devices.exclude(pk__in=mine.filter(property=name).values("device_id")).values_list("id", flat=True)
        Datastream.objects.bulk_create(
            (Datastream(device_id=device_id, property=name, run_id=run_id, **columns) for device_id in list(lacking)),
            batch_size=500,
        )
    if rescaled:
        rebuild_rollups(rescaled)
    devices.update(changed=wall_now())


@follow_areas
def _devices_follow(versions: Mapping[int, int]) -> None:
    moved_on(Device.objects.all(), versions, changed=wall_now())
    for model in (Thing, Location, Feature):
        moved_on(model._default_manager.all(), versions)
    forget_directory()


def _devices() -> Iterable[DeviceIn]:
    for row in Device.objects.filter(listed=True).select_related("type", "organisation", "parent"):
        yield DeviceIn(
            key=row.key, type=row.type.code, name_zh=row.name.zh, name_en=row.name.en,
            organisation=row.organisation.code, lon=row.given_lon, lat=row.given_lat, datum=Datum(row.datum),
            place=row.place, parent=row.parent.key if row.parent else "",
        )  # fmt: skip


def _check_devices(pack: Pack, rows: Sequence[tuple[DeviceIn, str, int]]) -> Iterable[Problem]:
    west, south, east, north = pack.manifest.bbox
    types = dict(Device.objects.values_list("key", "type__code"))
    parents = {row.key: row.parent for row, _, _ in rows if row.parent}
    for row, file, line in rows:
        if _in_a_circle(row.key, parents):
            yield Problem(file, line, "parent", f"`{row.key}` hangs on itself in the end.", "Break the circle.")
        lon, lat = convert(row.lon, row.lat, row.datum, Datum.WGS84)
        if not (west <= lon <= east and south <= lat <= north):
            yield Problem(file, line, "lon", f"({row.lon}, {row.lat}) lies outside the city's box.",
                          "Order is lon, lat in degrees; check the datum.")  # fmt: skip
        if types.get(row.key, row.type) != row.type:
            yield Problem(file, line, "type", f"It is a {types[row.key]}; a device never changes its type.",
                          "Give the new device a key of its own.")  # fmt: skip


def _in_a_circle(key: str, parents: Mapping[str, str]) -> bool:
    passed: set[str] = set()
    above = parents.get(key)
    while above is not None and above not in passed:
        if above == key:
            return True
        passed.add(above)
        above = parents.get(above)
    return False


def _hang(rows: Sequence[DeviceIn]) -> None:
    """Tie devices to those that they hang on, which may have been made just now."""
    keys = {name for row in rows for name in (row.key, row.parent) if name}
    known = {row.key: row for row in Device.objects.filter(key__in=keys)}
    moved = []
    for row in rows:
        above = known[row.parent].pk if row.parent else None
        if known[row.key].parent_id != above:
            known[row.key].parent_id = above
            moved.append(known[row.key])
    Device.objects.bulk_update(moved, ["parent"], batch_size=500)


def _apply_devices(changes: Changes[DeviceIn]) -> None:
    """Devices as the pack says; one that left it is retired, and its history stays.

    One that comes back to the pack is in use again; one that was retired in SCOC stays so while the pack lists it.
    """
    changed = wall_now()
    gone = Device.objects.filter(key__in=[row.key for row in changes.removed])
    gone.update(state=Device.State.RETIRED, listed=False, changed=changed)
    types = {row.code: row for row in DeviceType.objects.all()}
    organisations = dict(Organisation.objects.values_list("code", "id"))
    touched: set[str] = set()
    known = {row.key: row for row in Device.objects.filter(key__in=[r.key for r in [*changes.added, *changes.changed]])}
    fresh = []
    for row in [*changes.added, *changes.changed]:
        lon, lat = convert(row.lon, row.lat, row.datum, Datum.WGS84)
        device = known.get(row.key) or Device(key=row.key, registered_at=ALWAYS)
        if not device.listed:
            device.state, device.listed = Device.State.ACTIVE, True
        device.type, device.name, device.organisation_id = (
            types[row.type],
            text_of(row),
            organisations[row.organisation],
        )
        device.given_lon, device.given_lat, device.datum, device.place = row.lon, row.lat, row.datum, row.place
        device.lon, device.lat, device.area_id, device.changed = lon, lat, locate(lon, lat), changed
        if row.key in known:
            device.save()
            touched.add(row.type)
        else:
            fresh.append(device)
    Device.objects.bulk_create(fresh, batch_size=500)
    _hang([*changes.added, *changes.changed])
    touched.update(device.type.code for device in fresh)
    for code in sorted(touched):
        follow_type(types[code], Device.objects.filter(type=types[code]))
    follow_devices(Device.objects.filter(key__in=[row.key for row in [*changes.added, *changes.changed]]))
    forget_directory()


def _rules() -> Iterable[RuleIn]:
    for row in Rule.objects.filter(valid_to=None, own=False).select_related("device_type"):
        yield row_of(row)


def _check_rules(pack: Pack, rows: Sequence[tuple[RuleIn, str, int]]) -> Iterable[Problem]:
    categories = {f"{kind}/{major}{minor}" for kind, major, minor in pack.keys("categories")}
    properties = {
        row.code: {stream.property for stream in row.streams}
        for row, _, _ in pack.rows["device_types"] if isinstance(row, DeviceTypeIn)
    }  # fmt: skip
    for row, file, line in rows:
        for fault in faults_of(row):
            yield Problem(file, line, fault.field, fault.message.en, fault.remedy.en)
        if row.category and row.category not in categories:
            yield Problem(file, line, "category", f"`{row.category}` is not among the categories.",
                          "Add it to categories.toml or correct it.")  # fmt: skip
        if row.code.startswith(OWN_CODES):
            yield Problem(file, line, "code", f"Codes that begin with `{OWN_CODES}` are those of rules made in SCOC.",
                          "Give it another code.")  # fmt: skip
        if row.property not in properties.get(row.device_type, {row.property}):
            yield Problem(file, line, "property", f"A {row.device_type} does not observe `{row.property}`.",
                          "Name one of its streams.")  # fmt: skip
        units = {
            stream.unit for type_, _, _ in pack.rows["device_types"] if isinstance(type_, DeviceTypeIn)
            for stream in type_.streams if stream.property == row.property
        }  # fmt: skip
        if not row.device_type and not row.devices and len(units) != 1:
            yield Problem(file, line, "device_type", f"`{row.property}` is measured in {len(units)} units.",
                          "Name a type of device, or devices.")  # fmt: skip


def _apply_rules(changes: Changes[RuleIn]) -> None:
    """A changed rule becomes a new version; a removed one ends, and its alarms clear with it."""
    end_rules([row.code for row in changes.removed])
    put_in_force([*changes.added, *changes.changed], source=city_settings(Manifest).code)


declare_section(
    Section("device_types", ("devices/types.toml",), "type", DeviceTypeIn, ("code",), _types, _apply_types,
            check=_check_types)
)  # fmt: skip
declare_section(
    Section("devices", ("devices/*.csv",), "device", DeviceIn, ("key",), _devices, _apply_devices,
            references={"type": "device_types", "organisation": "organisations", "parent": "devices"},
            check=_check_devices,
            export_file="devices/devices.csv")
)  # fmt: skip
declare_section(
    Section("rules", ("rules.toml",), "rule", RuleIn, ("code",), _rules, _apply_rules,
            references={"device_type": "device_types", "within": "areas", "devices": "devices"}, check=_check_rules)
)  # fmt: skip
