"""Devices, types and rules from a city pack: applied, followed, versioned, exported, refused with their place."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from django.db import DatabaseError, transaction
from shapely.geometry import box, mapping

from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.city import BadPack, apply_pack, export_pack, read_pack
from scoc.core.models import Organisation
from scoc.core.pack import ALWAYS, next_versions
from scoc.core.tests.factories import City
from scoc.kit.coordinates import Datum, convert
from scoc.kit.identifiers import credit_code_with_check
from scoc.sensing import actions
from scoc.sensing.models import Alarm, Datastream, Device, DeviceType, Location, Rollup, Rule, Thing
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import T0
from scoc.sensing.things import follow_devices

pytestmark = pytest.mark.django_db
CITY = {
    "code": "990100", "name_zh": "试城", "name_en": "Testville", "timezone": "Asia/Shanghai",
    "center": [121.5, 30.0], "bbox": [121.0, 29.5, 122.0, 30.5],
}  # fmt: skip
PM25: dict[str, Any] = {
    "property": "pm25", "name_zh": "细颗粒物", "name_en": "PM2.5", "unit": "µg/m³", "places": 1, "minimum": 0.0,
    "maximum": 1000.0, "cadence_seconds": 3600,
}  # fmt: skip
NO2 = {**PM25, "property": "no2", "name_zh": "二氧化氮", "name_en": "NO2"}
STATION: dict[str, Any] = {"code": "station", "name_zh": "空气站", "name_en": "Air station", "streams": [PM25]}
HIGH: dict[str, Any] = {
    "code": "pm25_high", "kind": "threshold", "name_zh": "偏高", "name_en": "High", "device_type": "station",
    "property": "pm25", "level": "major", "side": "above", "raise_at": 75.0, "clear_at": 50.0,
}  # fmt: skip
HEAD = "key,type,name_zh,name_en,organisation,lon,lat,datum,place"


def line(key: str = "st-1", **columns: Any) -> str:
    """One device as a line of CSV."""
    values = {
        "key": key, "type": "station", "name_zh": "一号站", "name_en": "Station one", "organisation": bureau(),
        "lon": 121.5, "lat": 30.0, "datum": "WGS84", "place": "海滨路", **columns,
    }  # fmt: skip
    return ",".join(str(values[name]) for name in HEAD.split(","))


def bureau() -> str:
    """A social credit code with its check character."""
    return credit_code_with_check("11990100MB0000099")


def write(
    folder: Path, devices: list[str] | None = None, *, types: list[Any] | None = None, rules: list[Any] | None = None,
    **tables: Any,
) -> str:  # fmt: skip
    """A pack with one bureau, by default one type, one device and one rule."""
    (folder / "devices").mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(tomli_w.dumps({**CITY, **tables}), encoding="utf-8")
    (folder / "areas").mkdir(exist_ok=True)
    districts = [
        {
            "type": "Feature",
            "properties": {"code": code, "level": "district", "name_zh": name, "name_en": name},
            "geometry": mapping(box(west, 29.9, east, 30.1)),
        }
        for code, name, west, east in (("990102", "东区", 121.5, 121.6), ("990103", "西区", 121.4, 121.5))
    ]
    (folder / "areas" / "districts.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "datum": "WGS84", "features": districts}), encoding="utf-8"
    )
    office = {
        "code": bureau(), "kind": "bureau", "name_zh": "环保局", "name_en": "Environment", "short_zh": "环保",
        "short_en": "Environment",
    }  # fmt: skip
    (folder / "organisations.toml").write_text(tomli_w.dumps({"organisation": [office]}), encoding="utf-8")
    (folder / "devices" / "types.toml").write_text(
        tomli_w.dumps({"type": [STATION] if types is None else types}), encoding="utf-8"
    )
    (folder / "devices" / "air.csv").write_text(
        "\n".join([HEAD, *([line()] if devices is None else devices), ""]), encoding="utf-8"
    )
    (folder / "rules.toml").write_text(tomli_w.dumps({"rule": [HIGH] if rules is None else rules}), encoding="utf-8")
    return str(folder)


def applied(folder: Path, *arguments: Any, **options: Any) -> list[Any]:
    """The changes that a pack makes."""
    return apply_pack(system_actor("city"), read_pack(write(folder, *arguments, **options)))


def test_a_pack_makes_devices_with_their_datastreams(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path, [line(lon=121.55)])
    device = Device.objects.get()
    assert device.area is not None
    assert (device.key, device.type.code, device.area.code, device.place) == ("st-1", "station", "990102", "海滨路")
    assert device.organisation == Organisation.objects.get(code=bureau())
    stream = Datastream.objects.get()
    assert (stream.property, stream.unit, stream.places, stream.cadence_seconds, stream.run_id) == (
        "pm25", "µg/m³", 1, 3600, city.run.pk,
    )  # fmt: skip
    assert (Rule.objects.get().settings, Rule.objects.get().version) == (
        {"side": "above", "raise_at": 75.0, "clear_at": 50.0}, 1,
    )  # fmt: skip
    assert applied(tmp_path, [line(lon=121.55)]) == []


def test_a_place_is_converted_from_its_datum_and_says_which_it_was(city: City, tmp_path: Path) -> None:
    # 500 m make the difference here: in WGS84 it stands west of the border, as GCJ-02 says it stands east
    lon, lat = convert(121.4998, 30.0, Datum.WGS84, Datum.GCJ02)
    applied(tmp_path, [line(lon=lon, lat=lat, datum="GCJ-02"), line("st-2", lon=lon, lat=lat, datum="WGS84")])
    converted, taken = Device.objects.order_by("key")
    assert (converted.datum, converted.given_lon, converted.given_lat) == ("GCJ-02", lon, lat)
    assert (converted.lon, converted.lat) == pytest.approx((121.4998, 30.0), abs=5e-6)
    assert [device.area.code for device in (converted, taken) if device.area] == ["990103", "990102"]
    assert applied(
        tmp_path, [line(lon=lon, lat=lat, datum="GCJ-02"), line("st-2", lon=lon, lat=lat, datum="WGS84")]
    ) == []  # fmt: skip


def test_a_type_that_changes_is_followed_by_its_devices(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path)
    applied(tmp_path, types=[{**STATION, "streams": [{**PM25, "maximum": 900.0}, NO2]}])
    assert dict(Datastream.objects.values_list("property", "maximum")) == {"pm25": 900.0, "no2": 1000.0}
    applied(tmp_path, types=[{**STATION, "streams": [NO2]}], rules=[])
    assert dict(Datastream.objects.values_list("property", "active")) == {"pm25": False, "no2": True}
    result = actions.ingest(
        system_actor("sensing"), "test", [Reading("st-1", "pm25", T0, 1.0), Reading("st-1", "no2", T0, 1.0)]
    )
    assert [row.reason for row in result.results] == ["unknown_property", ""]


def test_sums_follow_a_change_of_places(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path)
    rows = [Reading("st-1", "pm25", T0 + timedelta(minutes=n), value) for n, value in enumerate((10.12, 20.34))]
    actions.ingest(system_actor("sensing"), "test", rows)
    assert Rollup.objects.get(grain=60).total == 101 + 203
    applied(tmp_path, types=[{**STATION, "streams": [{**PM25, "places": 2}]}])
    assert Rollup.objects.get(grain=60).total == 1012 + 2034
    actions.ingest(system_actor("sensing"), "test", [Reading("st-1", "pm25", T0 + timedelta(minutes=5), 1.0)])
    assert Decimal(Rollup.objects.get(grain=60).total) == 1012 + 2034 + 100


def test_a_device_that_left_the_pack_is_retired_and_may_come_back(city: City, tmp_path: Path) -> None:
    applied(tmp_path)
    applied(tmp_path, [])
    assert Device.objects.get().state == "retired"
    applied(tmp_path)
    assert Device.objects.get().state == "active"


def test_a_device_retired_in_scoc_is_not_revived_by_the_next_apply(city: City, tmp_path: Path) -> None:
    """It was stolen, and somebody else may know its credential: the pack that still lists it changes nothing."""
    applied(tmp_path)
    device = Device.objects.get()
    actor = system_actor("sensing")
    actions.issue_credential(actor, device.pk)
    actions.change_device_state(actor, device.pk, "retired")
    assert applied(tmp_path) == []
    assert [change.section for change in applied(tmp_path, [line(place="中山路")])] == ["devices"]
    assert (Device.objects.get().state, Device.objects.get().place) == ("retired", "中山路")
    applied(tmp_path, [])
    applied(tmp_path)
    assert Device.objects.get().state == "active"


def test_a_changed_rule_is_a_new_version_and_goes_on_judging(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path)
    actions.ingest(system_actor("sensing"), "test", [Reading("st-1", "pm25", T0, 80.0)])
    applied(tmp_path, rules=[{**HIGH, "raise_at": 100.0, "clear_at": 90.0}])
    versions = Rule.objects.order_by("version").values_list("version", "settings__raise_at", "valid_to")
    assert list(versions) == [(1, 75.0, monday), (2, 100.0, None)]
    assert Alarm.objects.get().active
    actions.ingest(system_actor("sensing"), "test", [Reading("st-1", "pm25", T0 + timedelta(minutes=1), 85.0)])
    alarm = Alarm.objects.get()
    assert (alarm.active, alarm.rule.version) == (False, 1)


def test_a_version_of_a_rule_is_never_changed(city: City, monday: datetime, tmp_path: Path) -> None:
    """Not past the pack either: the database refuses it; a version may only end, once."""
    applied(tmp_path)
    changes: list[dict[str, Any]] = [{"settings": {}}, {"level": "minor"}, {"valid_from": monday}]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            Rule.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Rule.objects.all().delete()
    applied(tmp_path, rules=[])
    assert Rule.objects.get().valid_to is not None


def test_a_rule_that_left_the_pack_clears_its_alarms(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path)
    actions.ingest(system_actor("sensing"), "test", [Reading("st-1", "pm25", T0, 80.0)])
    applied(tmp_path, rules=[])
    assert (Alarm.objects.get().active, Rule.objects.get().valid_to) == (False, monday)


def test_what_runs_can_be_exported_and_read_again(city: City, monday: datetime, tmp_path: Path) -> None:
    rules = [
        HIGH,
        {**HIGH, "code": "jump", "kind": "rate", "change": 40.0, "clear_change": 10.0, "window_seconds": 7200},
        {**HIGH, "code": "odd", "kind": "deviation", "side": "both", "k": 5.0, "clear_k": 3.0, "weeks": 4,
         "least_spread": 2.5},
        {**HIGH, "code": "quiet", "kind": "silence", "missed": 3},
    ]  # fmt: skip
    for rule in rules[1:]:
        del rule["raise_at"], rule["clear_at"]
    del rules[3]["side"]
    applied(tmp_path / "a", rules=rules, sensing={"oldest_days": 7})
    export_pack(system_actor("city"), tmp_path / "out")
    assert apply_pack(system_actor("city"), read_pack(str(tmp_path / "out"))) == []


def without(row: dict[str, Any], *names: str, **changes: Any) -> dict[str, Any]:
    """A row with some fields left out, some changed."""
    return {key: value for key, value in {**row, **changes}.items() if key not in names}


WIDE = {**PM25, "maximum": 1e9, "places": 9}
MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"types": [without(STATION, streams=[])]}, "devices/types.toml:1", "streams"),
    ({"types": [without(STATION, streams=[PM25, PM25])]}, "devices/types.toml:1", "streams.pm25"),
    ({"types": [without(STATION, streams=[{**PM25, "minimum": 2000}])]}, "devices/types.toml:1", "streams.pm25"),
    ({"types": [without(STATION, streams=[WIDE])]}, "devices/types.toml:1", "streams.pm25"),
    ({"types": [without(STATION, streams=[without(PM25, "unit")])]}, "devices/types.toml:1", "streams.0.unit"),
    ({"devices": [line("a b")]}, "devices/air.csv:2", "key"),
    ({"devices": [line(), line()]}, "devices/air.csv:3", "key"),
    ({"devices": [line(type="tank")]}, "devices/air.csv:2", "type"),
    ({"devices": [line(organisation="11990100MB000000X")]}, "devices/air.csv:2", "organisation"),
    ({"devices": [line(lon=30.0, lat=89.0)]}, "devices/air.csv:2", "lon"),
    ({"devices": [line(datum="EPSG:4326")]}, "devices/air.csv:2", "datum"),
    ({"devices": [line(datum="")]}, "devices/air.csv:2", "datum"),
    ({"devices": [line(lat="north")]}, "devices/air.csv:2", "lat"),
    ({"rules": [without(HIGH, "clear_at")]}, "rules.toml:1", "clear_at"),
    ({"rules": [without(HIGH, k=3.0)]}, "rules.toml:1", "k"),
    ({"rules": [without(HIGH, clear_at=80.0)]}, "rules.toml:1", "clear_at"),
    ({"rules": [without(HIGH, side="both")]}, "rules.toml:1", "side"),
    ({"rules": [without(HIGH, property="co")]}, "rules.toml:1", "property"),
    ({"rules": [without(HIGH, device_type="tank")]}, "rules.toml:5", "device_type"),
    ({"rules": [without(HIGH, category="event/9999")]}, "rules.toml:1", "category"),
    ({"rules": [without(HIGH, level="huge")]}, "rules.toml", "level"),
    ({"rules": [without(HIGH, raise_at=float("inf"))]}, "rules.toml", "raise_at"),
    ({"sensing": {"oldest_days": 0}}, "city.toml", "oldest_days"),
    ({"sensing": {"olest_days": 3}}, "city.toml", "olest_days"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "where", "field"), MISTAKES, ids=lambda part: part if isinstance(part, str) else "")
def test_a_mistake_is_told_with_its_place_and_nothing_is_applied(
    city: City, tmp_path: Path, change: dict[str, Any], where: str, field: str
) -> None:
    with pytest.raises(BadPack) as bad:
        applied(tmp_path / "a", **change)
    told = [problem for problem in bad.value.problems if problem.field == field]
    assert told, str(bad.value)
    assert f"{told[0].file}:{told[0].line}".startswith(f"a/{where.partition(':')[0]}")
    assert told[0].message
    assert told[0].remedy
    assert not DeviceType.objects.exists()


def test_a_unit_and_a_type_never_change_under_readings(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path)
    applied(tmp_path, types=[{**STATION, "streams": [{**PM25, "unit": "mg/m³"}]}])  # nothing was measured yet
    actions.ingest(system_actor("sensing"), "test", [Reading("st-1", "pm25", T0, 1.0)])
    with pytest.raises(BadPack, match="a unit never changes"):
        applied(tmp_path, types=[STATION])
    tank = {**STATION, "code": "tank"}
    with pytest.raises(BadPack, match="never changes its type"):
        applied(tmp_path, [line(type="tank")], types=[{**STATION, "streams": [{**PM25, "unit": "mg/m³"}]}, tank])


def test_devices_follow_their_area_to_its_next_version(tmp_path: Path) -> None:
    """A change of divisions: from now on their readings carry the new version; the table of streams knows it."""
    apply_pack(system_actor("city"), read_pack(write(tmp_path)))
    device = Device.objects.select_related("area").get()
    assert device.area is not None
    with unit_of_work(system_actor("city")):
        next_versions([device.area.code])
        next_versions([device.area.code])
    now = Device.objects.select_related("area").get()
    assert now.area is not None
    assert (now.area.code, now.area.version, device.area.version) == (device.area.code, 2, 1)
    assert now.changed > device.changed
    for place in (Thing.objects.select_related("area").get(), Location.objects.select_related("area").get()):
        assert place.area == now.area


def test_a_device_that_moves_keeps_where_it_was(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path, [line(lon=121.55)])
    applied(tmp_path, [line(lon=121.45, name_zh="二号站")])
    thing = Thing.objects.select_related("area").get()
    (here,) = thing.locations.select_related("area")
    assert thing.area is not None
    assert (thing.name, thing.area.code, here.west, here.area) == ("二号站", "990103", 121.45, thing.area)
    was = [
        (history.at, place.west, place.area.code if place.area else None)
        for history in thing.historical_locations.order_by("at") for place in history.locations.select_related("area")
    ]  # fmt: skip
    assert was == [(ALWAYS, 121.55, "990102"), (monday, 121.45, "990103")]
    assert Datastream.objects.get().title == "二号站 · 细颗粒物"


def test_whoever_takes_a_device_over_has_its_places_too(city: City, monday: datetime, tmp_path: Path) -> None:
    applied(tmp_path, [line(lon=121.55)])
    applied(tmp_path, [line(lon=121.45)])
    device = Device.objects.get()
    device.organisation, device.area = city.utility, None
    device.save()
    follow_devices(Device.objects.all())
    assert set(Location.objects.values_list("organisation_id", flat=True)) == {city.utility.pk}
    assert list(Location.objects.order_by("west").values_list("west", "area__code")) == [
        (121.45, None), (121.55, "990102"),
    ]  # fmt: skip
