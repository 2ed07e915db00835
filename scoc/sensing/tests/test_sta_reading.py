"""What SensorThings tells of devices: paths, options, expansions, filters across relations, paging."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.refusals import Invalid, NotFound
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions
from scoc.sensing.models import Device, Thing
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import NOISE, PM25, T0, make_device, make_type
from scoc.sensing.tests.sta_parts import ROOT, get
from scoc.sensing.things import follow_devices

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst(city: City) -> Actor:
    """Who may read observations of the whole city."""
    return make_actor("sensing.*")


@pytest.fixture
def stations(city: City, monday: Any) -> list[Device]:
    """Two stations with two datastreams and four readings in each first one."""
    both = make_type("station", (PM25, NOISE))
    made = [make_device("a-1", type_=both, lon=121.5, lat=30.0), make_device("a-2", type_=both, lon=121.6, lat=30.2)]
    follow_devices(Device.objects.all())
    for n, device in enumerate(made):
        actions.ingest(system_actor("sensing"), "test", [
            Reading(device.key, "pm25", T0 + timedelta(minutes=m), 10.0 * (n + 1) + m, None) for m in range(4)
        ])  # fmt: skip
    return made


def asked(viewer: Actor, entities: str, filter_: str) -> list[Any]:
    """Names, or ids where there is no name, of what a filter finds."""
    found = get(viewer, f"{entities}?$filter={quote(filter_)}")["value"]
    return [one.get("name", one["@iot.id"]) for one in found]


def test_a_device_is_a_thing_with_its_place_its_sensor_and_its_datastreams(
    analyst: Actor, stations: list[Device]
) -> None:
    thing = Thing.objects.get(device__key="a-1").pk
    found = get(analyst, f"Things({thing})?$expand=Locations,Datastreams($expand=ObservedProperty,Sensor)")
    assert found["@iot.selfLink"] == f"{ROOT}/Things({thing})"
    assert found["properties"]["key"] == "a-1"
    assert found["Locations"][0]["location"] == {"type": "Point", "coordinates": [121.5, 30.0]}
    assert found["HistoricalLocations@iot.navigationLink"] == f"{ROOT}/Things({thing})/HistoricalLocations"
    stream = found["Datastreams"][0]
    assert stream["unitOfMeasurement"]["symbol"] == "µg/m³"
    assert stream["ObservedProperty"]["name"] == "细颗粒物"
    assert stream["Sensor"]["metadata"]["type"] == "station"
    assert stream["phenomenonTime"] == "2026-06-15T00:00:00Z/2026-06-15T00:03:00Z"
    assert "phenomenonTime" not in found["Datastreams"][1]  # nothing was observed yet


def test_pages_go_on_where_they_ended(analyst: Actor, stations: list[Device]) -> None:
    first = get(analyst, "Observations?$top=3&$orderby=result%20desc&$count=true")
    assert first["@iot.count"] == 8
    assert [one["result"] for one in first["value"]] == [23, 22, 21]
    second = get(analyst, first["@iot.nextLink"].removeprefix(f"{ROOT}/"))
    assert [one["result"] for one in second["value"]] == [20, 13, 12]
    third = get(analyst, second["@iot.nextLink"].removeprefix(f"{ROOT}/"))
    assert [one["result"] for one in third["value"]] == [11, 10]
    assert "@iot.nextLink" not in third


def test_each_parent_shows_its_own_newest(analyst: Actor, stations: list[Device]) -> None:
    expand = "Observations($top=1;$orderby=phenomenonTime desc;$select=result,phenomenonTime;$count=true)"
    found = get(analyst, f"Datastreams?$filter={quote('Observations/result gt 1')}&$expand={quote(expand)}")["value"]
    assert [one["Observations"] for one in found] == [
        [{"phenomenonTime": "2026-06-15T00:03:00Z", "result": 13}],
        [{"phenomenonTime": "2026-06-15T00:03:00Z", "result": 23}],
    ]
    assert [one["Observations@iot.count"] for one in found] == [4, 4]
    rest = get(analyst, found[0]["Observations@iot.nextLink"].removeprefix(f"{ROOT}/"))
    assert [one["result"] for one in rest["value"]] == [12]


@pytest.mark.parametrize(
    ("filter_", "results"),
    [
        ("result gt 12 and result lt 21", [13, 20]),
        ("result add 1 eq 12", [11]),
        ("result mod 10 eq 3", [13, 23]),
        ("result div 2 eq 10.5", [21]),
        ("result in (10, 22)", [10, 22]),
        ("not (result gt 10)", [10]),
        ("not(result lt 23)", [23]),
        ("round(result div 4) eq 6", [22, 23]),
        ("floor(result div 4) eq 5 and ceiling(result div 4) eq 6", [21, 22, 23]),
        ("phenomenonTime ge 2026-06-15T00:03:00Z", [13, 23]),
        ("phenomenonTime ge 2026-06-15T08:03:00+08:00", [13, 23]),
        ("phenomenonTime eq 2026-06-15T00:01:00Z", [11, 21]),
        ("phenomenonTime add duration'PT1M' gt 2026-06-15T00:03:00Z", [13, 23]),
        ("phenomenonTime sub 2026-06-15T00:00:00Z ge duration'PT3M'", [13, 23]),
        ("phenomenonTime gt now() sub duration'PT58M'", [13, 23]),
        ("minute(phenomenonTime) eq 2 and hour(phenomenonTime) eq 0", [12, 22]),
        ("year(phenomenonTime) eq 2026 and month(phenomenonTime) eq 6 and day(phenomenonTime) eq 15 and result eq 10",
         [10]),
        ("date(phenomenonTime) eq 2026-06-15 and second(phenomenonTime) eq 0 and result le 10", [10]),
        ("time(phenomenonTime) eq 00:02:00.0", [12, 22]),
        ("fractionalseconds(phenomenonTime) eq 0 and totaloffsetminutes(phenomenonTime) eq 0 and result eq 23", [23]),
        ("during(phenomenonTime, 2026-06-15T00:01:00Z/2026-06-15T00:02:00Z)", [11, 12, 21, 22]),
        ("before(phenomenonTime, 2026-06-15T00:01:00Z)", [10, 20]),
        ("after(phenomenonTime, 2026-06-15T00:02:00Z)", [13, 23]),
        ("overlaps(phenomenonTime, 2026-06-15T00:03:00Z/2026-06-16T00:00:00Z)", [13, 23]),
        ("meets(phenomenonTime, 2026-06-15T00:03:00Z/2026-06-16T00:00:00Z)", [13, 23]),
        ("starts(phenomenonTime, 2026-06-15T00:00:00Z/2026-06-16T00:00:00Z)", [10, 20]),
        ("finishes(phenomenonTime, 2026-06-14T00:00:00Z/2026-06-15T00:00:00Z)", [10, 20]),
        ("resultTime eq null and result eq 10", [10]),
        ("Datastream/Thing/properties/key eq 'a-2' and result lt 21", [20]),
        ("Datastream/unitOfMeasurement/symbol eq 'µg/m³' and result lt 11", [10]),
        ("substringof('一号', Datastream/Thing/name) and result gt 22", [23]),
        ("geo.distance(Datastream/Thing/Locations/location, geography'POINT (121.6 30.2)') lt 0.01 and result gt 22",
         [23]),
        ("st_within(Datastream/Thing/Locations/location, geography'POLYGON ((121.4 29.9, 121.55 29.9, 121.55 30.1, "
         "121.4 30.1, 121.4 29.9))') and result gt 12", [13]),
        ("phenomenonTime lt maxdatetime() and phenomenonTime gt mindatetime() and result eq 20", [20]),
    ],
)  # fmt: skip
def test_a_filter_finds_by_every_kind_of_word(
    analyst: Actor, stations: list[Device], filter_: str, results: list[int]
) -> None:
    found = get(analyst, f"Observations?$filter={quote(filter_)}&$orderby=result")["value"]
    assert [one["result"] for one in found] == results


@pytest.mark.parametrize(
    ("filter_", "keys"),
    [
        ("startswith(properties/key, 'a')", ["a-1", "a-2"]),
        ("endswith(properties/key, '-1')", ["a-1"]),
        ("contains(properties/key, '-2')", ["a-2"]),
        ("length(properties/key) eq 3 and indexof(properties/key, '2') eq 2", ["a-2"]),
        ("substring(properties/key, 2) eq '1' or substring(properties/key, 0, 1) eq 'b'", ["a-1"]),
        ("toupper(properties/key) eq 'A-1' and tolower('A') eq 'a'", ["a-1"]),
        ("concat(trim(' x '), properties/key) eq 'xa-1'", ["a-1"]),
        ("properties/missing eq null and properties/key ne 'a-1'", ["a-2"]),
        ("properties/key gt 'a-1'", ["a-2"]),
        ("Datastreams/Observations/result eq 21", ["a-2"]),
        ("not (Datastreams/Observations/result eq 21)", ["a-1"]),
        ("Locations/location ne null and st_disjoint(Locations/location, geography'POINT (121.5 30)')", ["a-2"]),
        ("st_equals(Locations/location, geography'POINT (121.5 30)')", ["a-1"]),
        ("st_relate(Locations/location, geography'POINT (121.5 30)', 'T********')", ["a-1"]),
        ("geo.intersects(Locations/location, geography'LINESTRING (121.5 29, 121.5 31)') "
         "and geo.length(Locations/location) eq 0", ["a-1"]),
    ],
)  # fmt: skip
def test_things_are_found_by_text_relation_and_place(
    analyst: Actor, stations: list[Device], filter_: str, keys: list[str]
) -> None:
    found = get(analyst, f"Things?$filter={quote(filter_)}&$orderby=properties/key")["value"]
    assert [one["properties"]["key"] for one in found] == keys


@pytest.mark.parametrize(
    "filter_",
    [
        "result eq", "nothing eq 1", "name eq 1; DROP TABLE sensing_thing", "name eq 'a' or 1", "sleep(10) eq 1",
        "name gt 5", "Datastreams eq 1", "length(name, name) eq 1", "properties/a\"b eq 1", "(" * 70 + "1" + ")" * 70,
        "geo.length(name) gt 1", "name eq duration'P1Y'", "st_within(Locations/location, geography'POINT (x)')",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused(analyst: Actor, stations: list[Device], filter_: str) -> None:
    with pytest.raises(Invalid):
        get(analyst, f"Things?$filter={quote(filter_)}")


@pytest.mark.parametrize(
    "address",
    ["Nothing", "Things(1)/Nothing", "Things(0)", "Things(abc)", "Things(0)/Datastreams", "Things(1)/name/x/$value",
     "Datastreams(1)/Thing(1)", "Things/name", ""],
)  # fmt: skip
def test_what_leads_nowhere_is_not_found(analyst: Actor, stations: list[Device], address: str) -> None:
    with pytest.raises(NotFound):
        get(analyst, address)


@pytest.mark.parametrize(
    "options",
    ["$top=-1", "$top=x", "$top=1&$top=2", "$expand=Nothing", "$select=nothing", "$count=maybe", "$nothing=1",
     "$skiptoken=x", "$resultFormat=csv", "$orderby=nothing",
     "$expand=Datastreams($expand=Thing($expand=Datastreams($expand=Thing($expand=Datastreams($expand=Thing)))))"],
)  # fmt: skip
def test_what_is_no_option_is_refused(analyst: Actor, stations: list[Device], options: str) -> None:
    with pytest.raises(Invalid):
        get(analyst, f"Things?{options}")


def test_who_asks_for_none_is_led_to_no_further_page(analyst: Actor, stations: list[Device]) -> None:
    assert get(analyst, "Things?$top=0&$count=true") == {"@iot.count": 2, "value": []}
    for thing in get(analyst, "Things?$expand=Datastreams($top=0)")["value"]:
        assert thing["Datastreams"] == []
        assert "Datastreams@iot.nextLink" not in thing


def test_a_property_alone(analyst: Actor, stations: list[Device]) -> None:
    thing = Thing.objects.get(device__key="a-2").pk
    assert get(analyst, f"Things({thing})/name") == {"name": "一号站"}
    assert get(analyst, f"Things({thing})/properties/key/$value") == "a-2"
    assert get(analyst, f"Things({thing})/Datastreams/$ref")["value"][0].keys() == {"@iot.selfLink"}


def test_a_path_leads_through_entities_to_one(analyst: Actor, stations: list[Device]) -> None:
    thing = Thing.objects.get(device__key="a-2")
    stream = thing.datastreams.order_by("id").first()
    assert stream is not None
    found = get(
        analyst, f"Things({thing.pk})/Datastreams({stream.pk})/Observations?$orderby=phenomenonTime desc&$top=1"
    )
    assert found["value"][0]["result"] == 23
    observation = found["value"][0]["@iot.id"]
    assert get(analyst, f"Observations({observation})/Datastream/Thing")["@iot.id"] == thing.pk
    with pytest.raises(NotFound):
        get(analyst, f"Things({Thing.objects.get(device__key='a-1').pk})/Datastreams({stream.pk})")


def test_who_sees_one_unit_sees_nothing_of_others_by_any_road(stations: list[Device], city: City) -> None:
    stranger = make_actor("sensing.read_observations", scope="unit", organisation=city.utility)
    assert get(stranger, "Things")["value"] == []
    assert get(stranger, "Observations")["value"] == []
    assert get(stranger, "Datastreams?$count=true")["@iot.count"] == 0
    assert len(get(stranger, "ObservedProperties")["value"]) == 2
    assert asked(stranger, "ObservedProperties", "Datastreams/Observations/result gt 0") == []
    expanded = get(stranger, "ObservedProperties?$expand=Datastreams")["value"]
    assert [one["Datastreams"] for one in expanded] == [[], []]
