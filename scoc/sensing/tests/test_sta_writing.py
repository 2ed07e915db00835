"""What SensorThings lets be made, changed and removed: deep inserts, links, places and their history, observations."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from scoc.core.acting import Actor
from scoc.core.fields import to_micros
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.ingest.rebuilding import counted
from scoc.sensing.models import Datastream, Device, Latest, Observation, Rollup, Thing
from scoc.sensing.queries import series
from scoc.sensing.sta.doing import NoMethod
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.sta_parts import (
    BUOY,
    MEASUREMENT,
    PLACE,
    POINT,
    SENSOR,
    STREAM,
    TEMPERATURE,
    UNIT,
    get,
    keeper,
    post,
    send,
    stream_of,
)
from scoc.sensing.things import follow_devices

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db


def test_a_thing_is_made_with_all_that_stands_inside_of_it(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    found = get(keeper, f"Things({thing})?$expand=Locations,HistoricalLocations($expand=Locations),"
                        "Datastreams($expand=Sensor,ObservedProperty,Observations)")  # fmt: skip
    assert (found["name"], found["properties"]) == ("浮标", {"owner": "harbour"})
    (here,), (history,), (stream,) = found["Locations"], found["HistoricalLocations"], found["Datastreams"]
    assert (here["location"], history["Locations"][0]["@iot.id"]) == (POINT, here["@iot.id"])
    assert history["time"] == "2026-06-15T01:00:00Z"
    assert (stream["unitOfMeasurement"], stream["Sensor"]["metadata"]) == (UNIT, "http://x/y.pdf")
    assert stream["ObservedProperty"]["definition"] == "http://x/temperature"
    assert stream["phenomenonTime"] == "2026-06-14T01:00:00Z/2026-06-14T02:00:00Z"
    assert [(one["phenomenonTime"], one["result"], one.get("resultQuality")) for one in stream["Observations"]] == [
        ("2026-06-14T01:00:00Z", 20.5, None), ("2026-06-14T02:00:00Z", 21.5, {"grade": 1}),
    ]  # fmt: skip


def test_its_series_is_one_of_a_device_of_the_city(keeper: Actor, city: City) -> None:
    thing = Thing.objects.get(pk=post(keeper, "Things", BUOY))
    assert thing.organisation_id == keeper.organisation_id
    assert thing.device is not None
    assert (thing.device.lon, thing.device.lat, thing.device.state) == (121.5, 30.0, Device.State.REGISTERED)
    line = Datastream.objects.get(thing=thing)
    assert (line.device, line.name.zh, line.unit) == (thing.device, "水温", "°C")
    assert Latest.objects.get(datastream=line).result == 21.5
    day = Rollup.objects.get(datastream=line, grain=Rollup.Grain.DAY)
    assert (day.n, day.minimum, day.maximum, day.total) == (2, 20.5, 21.5, 42_000)


def test_its_series_is_shown_like_that_of_any_device(keeper: Actor, monday: datetime) -> None:
    """Nobody has said how often it observes, so the grain goes by what is there."""
    line = Datastream.objects.get(thing=post(keeper, "Things", BUOY))
    week = monday - timedelta(days=7), monday
    shown = series(keeper, line.pk, *week)
    assert (shown.grain, [point.value for point in shown.points]) == (0, [20.5, 21.5])
    rows = [[(week[0] + timedelta(minutes=n)).isoformat(), n] for n in range(1_500)]
    block = {"Datastream": {"@iot.id": line.pk}, "components": ["phenomenonTime", "result"], "dataArray": rows}
    send(keeper, "POST", "CreateObservations", [block])
    assert series(keeper, line.pk, *week).grain == Rollup.Grain.HOUR


def test_observations_are_about_the_place_of_their_thing(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    stream = get(keeper, f"Things({thing})/Datastreams")["value"][0]["@iot.id"]
    about = get(keeper, f"Datastreams({stream})/Observations?$expand=FeatureOfInterest")["value"]
    assert [one["FeatureOfInterest"]["feature"] for one in about] == [POINT, POINT]
    area = {"name": "内港", "description": "Inner harbour", "encodingType": "application/geo+json",
            "feature": {"type": "Point", "coordinates": [121.6, 30.1]}}  # fmt: skip
    own = post(keeper, f"Datastreams({stream})/Observations", {"result": 3, "FeatureOfInterest": area})
    feature = get(keeper, f"Observations({own})/FeatureOfInterest")
    assert feature["name"] == "内港"
    assert get(keeper, f"Observations({own})")["phenomenonTime"] == "2026-06-15T01:00:00Z"
    linked = post(keeper, "Observations", {"result": 4, "Datastream": {"@iot.id": stream},
                                           "FeatureOfInterest": {"@iot.id": feature["@iot.id"]}})  # fmt: skip
    there = get(keeper, f"FeaturesOfInterest({feature['@iot.id']})/Observations?$select=id")["value"]
    assert {one["@iot.id"] for one in there} == {own, linked}


def test_what_is_no_number_is_kept_as_it_is_and_is_in_no_sum(keeper: Actor) -> None:
    stream = stream_of(keeper)
    given = [True, "open", {"a": [1]}, None, 2**70, 12.25]
    made = [post(keeper, f"Datastreams({stream})/Observations", {"result": one}) for one in given]
    assert [get(keeper, f"Observations({pk})").get("result") for pk in made] == given
    assert get(keeper, f"Datastreams({stream})/Observations?$filter=result eq 'open'")["value"][0]["@iot.id"] == made[1]
    assert Rollup.objects.get(datastream=stream, grain=Rollup.Grain.DAY).n == 1


def test_a_repeat_is_kept_once_more(keeper: Actor) -> None:
    stream = stream_of(keeper)
    body = {"phenomenonTime": "2026-06-14T09:00:00Z", "result": 1}
    assert len({post(keeper, f"Datastreams({stream})/Observations", body) for _ in range(3)}) == 3
    assert Observation.objects.filter(datastream=stream).count() == 3


def test_all_times_of_an_observation(keeper: Actor) -> None:
    stream = stream_of(keeper)
    body = {
        "phenomenonTime": "2026-06-14T09:00:00Z/2026-06-14T10:00:00Z", "resultTime": "2026-06-14T11:00:00Z",
        "validTime": "2026-06-14T00:00:00Z/2026-06-15T00:00:00Z", "result": 1, "parameters": {"tide": "low"},
    }  # fmt: skip
    found = get(keeper, f"Observations({post(keeper, f'Datastreams({stream})/Observations', body)})")
    assert {name: found[name] for name in body} == body


def test_a_thing_that_is_linked_to_a_place_moves_there_and_its_history_keeps_both(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    north = {**PLACE, "name": "北岸", "location": {"type": "Point", "coordinates": [121.6, 30.3]}}
    post(keeper, f"Things({thing})/Locations", north)
    assert [one["name"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == ["北岸"]
    history = get(keeper, f"Things({thing})/HistoricalLocations?$expand=Locations&$orderby=id")["value"]
    assert [one["Locations"][0]["name"] for one in history] == ["河口", "北岸"]
    device = Thing.objects.select_related("device").get(pk=thing).device
    assert device is not None
    assert (device.lon, device.lat) == (121.6, 30.3)


def test_history_written_by_hand_moves_a_thing_only_if_it_is_newest(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    north = post(keeper, "Locations", {**PLACE, "name": "北岸"})
    entry = {"Thing": {"@iot.id": thing}, "Locations": [{"@iot.id": north}]}
    post(keeper, "HistoricalLocations", {**entry, "time": "2026-01-01T00:00:00Z"})
    assert [one["name"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == ["河口"]
    post(keeper, "HistoricalLocations", {**entry, "time": "2026-07-01T00:00:00Z"})
    assert [one["name"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == ["北岸"]


def test_a_change_writes_what_it_says_and_a_replacement_empties_the_rest(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    assert send(keeper, "PATCH", f"Things({thing})", {"name": "大浮标"}).status == 200
    found = get(keeper, f"Things({thing})")
    assert (found["name"], found["properties"]) == ("大浮标", {"owner": "harbour"})
    send(keeper, "PUT", f"Things({thing})", {"name": "小浮标", "description": "Small"})
    found = get(keeper, f"Things({thing})")
    assert (found["name"], "properties" in found) == ("小浮标", False)
    device = Thing.objects.select_related("device").get(pk=thing).device
    assert device is not None
    assert device.name.zh == "小浮标"


def test_a_place_that_is_drawn_anew_moves_what_stands_there(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    place = get(keeper, f"Things({thing})/Locations")["value"][0]["@iot.id"]
    send(keeper, "PATCH", f"Locations({place})", {"location": {"type": "Point", "coordinates": [121.7, 30.4]}})
    device = Thing.objects.select_related("device").get(pk=thing).device
    assert device is not None
    assert (device.lon, device.lat) == (121.7, 30.4)
    assert len(get(keeper, f"Things({thing})/HistoricalLocations")["value"]) == 1
    near = "st_within(location, geography'POLYGON ((121.6 30.3, 121.8 30.3, 121.8 30.5, 121.6 30.5, 121.6 30.3))')"
    assert [one["@iot.id"] for one in get(keeper, f"Locations?$filter={near}")["value"]] == [place]


def test_a_corrected_observation_corrects_sums_and_newest(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    line = Datastream.objects.get(thing=thing)
    first, second = Observation.objects.filter(datastream=line).order_by("at").values_list("id", flat=True)
    send(keeper, "PATCH", f"Observations({second})", {"result": 30, "phenomenonTime": "2026-06-13T10:00:00+08:00"})
    assert Latest.objects.get(datastream=line).result == 20.5
    _agree(line)
    send(keeper, "DELETE", f"Observations({first})")
    newest = Latest.objects.get(datastream=line)
    assert (newest.result, newest.observation_id, newest.first_at) == (30, second, newest.at)
    _agree(line)
    send(keeper, "DELETE", f"Observations({second})")
    assert not Latest.objects.filter(datastream=line).exists()
    assert not Rollup.objects.filter(datastream=line).exists()


def _agree(line: Datastream) -> None:
    """The roll-ups are what the raw readings add up to."""
    wanted = {
        (int(grain), int(bucket)): (int(n), float(low), float(high), int(total))
        for part in counted(line)
        for grain, bucket, n, low, high, total in zip(
            part.grain, part.bucket, part.n, part.minimum, part.maximum, part.total, strict=True
        )
    }
    assert wanted == {
        (row.grain, to_micros(row.bucket)): (row.n, row.minimum, row.maximum, row.total)
        for row in Rollup.objects.filter(datastream=line)
    }


@pytest.mark.parametrize(
    ("entity", "left"),
    [
        ("Things", {"Locations": 1, "Sensors": 1, "ObservedProperties": 1, "FeaturesOfInterest": 1}),
        ("Locations", {"Things": 1, "Datastreams": 1, "Sensors": 1, "ObservedProperties": 1, "Observations": 2,
                       "FeaturesOfInterest": 1}),
        ("Datastreams", {"Things": 1, "Locations": 1, "HistoricalLocations": 1, "Sensors": 1, "ObservedProperties": 1,
                         "FeaturesOfInterest": 1}),
        ("Sensors", {"Things": 1, "Locations": 1, "HistoricalLocations": 1, "ObservedProperties": 1,
                     "FeaturesOfInterest": 1}),
        ("ObservedProperties", {"Things": 1, "Locations": 1, "HistoricalLocations": 1, "Sensors": 1,
                                "FeaturesOfInterest": 1}),
        ("FeaturesOfInterest", {"Things": 1, "Locations": 1, "HistoricalLocations": 1, "Datastreams": 1, "Sensors": 1,
                                "ObservedProperties": 1}),
        ("HistoricalLocations", {"Things": 1, "Locations": 1, "Datastreams": 1, "Sensors": 1, "ObservedProperties": 1,
                                 "Observations": 2, "FeaturesOfInterest": 1}),
    ],
)  # fmt: skip
def test_what_is_removed_takes_with_it_what_cannot_be_without_it(
    keeper: Actor, entity: str, left: dict[str, int]
) -> None:
    post(keeper, "Things", BUOY)
    (only,) = get(keeper, entity)["value"]
    assert send(keeper, "DELETE", f"{entity}({only['@iot.id']})").status == 200
    everything = (
        "Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties", "Observations",
        "FeaturesOfInterest",
    )  # fmt: skip
    assert {name: n for name in everything if (n := len(get(keeper, name)["value"]))} == left


def test_several_results_at_once(keeper: Actor) -> None:
    body = {
        "name": "风", "description": "Wind", "multiObservationDataTypes": [MEASUREMENT, MEASUREMENT],
        "unitOfMeasurements": [UNIT, UNIT], "Thing": {"name": "塔", "description": "A mast"}, "Sensor": SENSOR,
        "ObservedProperties": [TEMPERATURE, {**TEMPERATURE, "name": "湿度"}],
    }  # fmt: skip
    stream = post(keeper, "MultiDatastreams", body)
    assert len(get(keeper, f"MultiDatastreams({stream})/ObservedProperties")["value"]) == 2
    one = post(keeper, f"MultiDatastreams({stream})/Observations", {"result": [3.5, 270]})
    assert get(keeper, f"Observations({one})?$expand=MultiDatastream")["result"] == [3.5, 270]
    with pytest.raises(Invalid, match="list of 2"):
        post(keeper, f"MultiDatastreams({stream})/Observations", {"result": 3.5})
    with pytest.raises(Invalid, match="one type and one unit"):
        post(keeper, "MultiDatastreams", {**body, "unitOfMeasurements": [UNIT]})


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("Things", {}, "name"), ("Things", {"name": "x"}, "description"), ("Things", [], "body"),
        ("Things", {"name": "", "description": "x"}, "name"),
        ("Things", {"name": "x", "description": "x", "colour": 1}, "colour"),
        ("Things", {"name": "x", "description": "x", "@iot.id": 7}, "@iot.id"),
        ("Things", {"name": "x", "description": "x", "properties": [1]}, "properties"),
        ("Things", {"name": "x", "description": "x", "Locations": [{"name": "x"}]}, "Locations[0].description"),
        ("Things", {"name": "x", "description": "x", "Locations": [{"@iot.id": "x"}]}, "Locations[0].@iot.id"),
        ("Locations", {**PLACE, "location": {"type": "Point", "coordinates": [200, 30]}}, "location"),
        ("Locations", {**PLACE, "location": {"type": "Pint"}}, "location"),
        ("Datastreams", {**STREAM, "unitOfMeasurement": {"name": "x"}}, "unitOfMeasurement"),
        ("Datastreams", STREAM, "Thing"), ("Observations", {"result": 1}, "Datastream"),
        ("HistoricalLocations", {"time": "2026-01-01T00:00:00"}, "time"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_place(keeper: Actor, path: str, body: Any, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        post(keeper, path, body)
    assert refused.value.errors[0].field == field
    assert refused.value.errors[0].remedy.en


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"result": 1, "phenomenonTime": "2099-01-01T00:00:00Z"}, "phenomenonTime"),
        ({"result": 1, "phenomenonTime": "1869-01-01T00:00:00Z"}, "phenomenonTime"),
        ({"result": 1, "phenomenonTime": "2026-06-14T10:00:00Z/2026-06-14T09:00:00Z"}, "phenomenonTime"),
        ({"result": 1, "resultTime": "yesterday"}, "resultTime"), ({}, "result"),
    ],
)  # fmt: skip
def test_observations_that_cannot_be(keeper: Actor, body: Any, field: str) -> None:
    stream = stream_of(keeper)
    with pytest.raises(Invalid) as refused:
        post(keeper, f"Datastreams({stream})/Observations", body)
    assert refused.value.errors[0].field == field


def test_what_the_city_pack_brought_is_changed_there(keeper: Actor) -> None:
    make_device("a-1")
    follow_devices(Device.objects.all())
    for name in ("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties"):
        for one in get(keeper, name)["value"]:
            for method, body in (("PATCH", {}), ("DELETE", None)):
                with pytest.raises(Refusal) as refused:
                    send(keeper, method, f"{name}({one['@iot.id']})", body)
                assert refused.value.code == "in_the_pack", name
    thing = Thing.objects.get().pk
    for path, made in ((f"Things({thing})/Locations", PLACE), (f"Things({thing})/Datastreams", STREAM)):
        with pytest.raises(Refusal) as refused:
            post(keeper, path, made)
        assert refused.value.code == "in_the_pack"


def test_who_may_only_read_writes_nothing(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    reader = make_actor("sensing.read_observations")
    for method, path, body in (
        ("POST", "Things", BUOY), ("PATCH", f"Things({thing})", {"name": "x"}), ("DELETE", f"Things({thing})", None),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            send(reader, method, path, body)


def test_who_sees_one_unit_writes_to_nothing_of_others(keeper: Actor, city: City) -> None:
    thing = post(keeper, "Things", BUOY)
    stream = get(keeper, f"Things({thing})/Datastreams")["value"][0]["@iot.id"]
    other = make_actor("sensing.*", scope="unit", organisation=city.utility)
    for path, body in (
        ("Datastreams", {**STREAM, "Thing": {"@iot.id": thing}}),
        (f"Datastreams({stream})/Observations", {"result": 1}),
        ("Observations", {"result": 1, "Datastream": {"@iot.id": stream}}),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            post(other, path, body)
    with pytest.raises(NotFound):
        send(other, "PATCH", f"Things({thing})", {"name": "x"})
    assert Thing.objects.get(pk=post(other, "Things", BUOY)).organisation_id == city.utility.pk


def test_methods_that_a_path_does_not_take(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    for method, path in (("POST", f"Things({thing})"), ("DELETE", "Things"), ("PUT", "Things"),
                         ("PATCH", f"Things({thing})/name")):  # fmt: skip
        with pytest.raises(NoMethod):
            send(keeper, method, path, {})
