"""SensorThings against senders who do not keep to the rules: values that no database keeps, bodies that grow."""

from __future__ import annotations

from typing import Any

import pytest

from scoc.core.acting import Actor
from scoc.core.refusals import Invalid
from scoc.sensing.ingest.rebuilding import counted
from scoc.sensing.models import Datastream, Device, HistoricalLocation, Latest, Observation, Rollup, Thing
from scoc.sensing.sta.doing import JSON_PATCH, Asked, Caller, do, stored
from scoc.sensing.tests.factories import PM25, make_device, make_type
from scoc.sensing.tests.sta_parts import (
    BUOY,
    MEASUREMENT,
    PLACE,
    ROOT,
    SENSOR,
    TEMPERATURE,
    UNIT,
    get,
    keeper,
    post,
    send,
    stream_of,
)

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db
NAMED = '"name": "x", "description": "x"'
GEO = f'{{{NAMED}, "encodingType": "application/geo+json", "location": %s}}'


def raw(actor: Actor, path: str, body: str) -> int:
    """The id of what a body makes that stands as it is."""
    done = stored(actor, do(Caller(actor, ROOT), Asked("POST", path, "", body.encode("utf-8", "surrogatepass"))))
    return int(done.content["@iot.id"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(
            ("Things", f'{{{NAMED}, "properties": {{"a": {value}}}}}')
            for value in ("NaN", "1e400", r'"\u0000"', r'"\ud800"', "1" * 5000, "[" * 50_000 + "]" * 50_000)
        ),
        ("Things", f'{{{NAMED}, "properties": {{"\\u0000": 1}}}}'),
        ("Things", r'{"name": "\ud800", "description": "x"}'), ("Things", '{"name": "\udcff", "description": "x"}'),
        ("Locations", GEO % '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": '
                            '{"type": "Point", "coordinates": [121.5, 30]}}]}'),
        ("Locations", GEO % '{"type": "Feature", "geometry": null}'), ("Locations", GEO % '"POINT (121 30)"'),
        *(
            ("Observations", f'{{"result": {value}}}')
            for value in ("NaN", "Infinity", "1e400", r'"a\u0000"', r'["\ud800"]')
        ),
        *(
            ("Observations", f'{{"result": 1, {part}}}')
            for part in (
                '"parameters": {"a": NaN}', '"resultQuality": NaN', '"validTime": "0001-01-01T00:00:00+14:00"',
                '"validTime": "9999-12-31T23:00:00-14:00"', '"resultTime": "0001-01-01T00:00:00+14:00"',
                '"phenomenonTime": "2026-06-01T00:00:00Z/9999-12-31T23:00:00-14:00"',
            )
        ),
    ],
)  # fmt: skip
def test_what_a_database_cannot_keep_is_refused(keeper: Actor, path: str, body: str) -> None:
    if path == "Observations":
        path = f"Datastreams({stream_of(keeper)})/Observations"
    with pytest.raises(Invalid):
        raw(keeper, path, body)


def test_a_number_beyond_all_floats_is_kept_as_it_is(keeper: Actor) -> None:
    made = raw(keeper, f"Datastreams({stream_of(keeper)})/Observations", f'{{"result": {"1" * 400}}}')
    row = Observation.objects.get(pk=made)
    assert (row.result, row.other) == (None, int("1" * 400))


def test_no_result_is_told_as_none(keeper: Actor) -> None:
    made = post(keeper, f"Datastreams({stream_of(keeper)})/Observations", {"result": None})
    found = get(keeper, f"Observations({made})")
    assert found["result"] is None
    send(keeper, "PATCH", f"Observations({made})", found)


def test_many_empty_results_at_once_are_empty(keeper: Actor) -> None:
    line = Datastream.objects.get(device=make_device("dev-a", type_=make_type("station", (PM25,))))
    line.thing = Thing.objects.get(pk=post(keeper, "Things", {**BUOY, "Datastreams": []}))
    line.save()
    rows = [[f"2026-06-14T{n // 60:02d}:{n % 60:02d}:00Z", None] for n in range(900)]
    body = [{"Datastream": {"@iot.id": line.pk}, "components": ["phenomenonTime", "result"], "dataArray": rows}]
    send(keeper, "POST", "CreateObservations", body)
    assert Observation.objects.filter(datastream=line, result=None).count() == 900


def test_copies_of_a_json_patch_do_not_grow_without_end(keeper: Actor) -> None:
    thing = post(keeper, "Things", {**BUOY, "properties": {"a": "x" * 1000}})
    copies = [{"op": "copy", "from": "/properties", "path": f"/properties/{n}"} for n in range(40)]
    with pytest.raises(Invalid, match="too large"):
        send(keeper, "PATCH", f"Things({thing})", copies, JSON_PATCH)
    with pytest.raises(Invalid, match="operations"):
        send(keeper, "PATCH", f"Things({thing})", [{"op": "test", "path": "/name", "value": 1}] * 501, JSON_PATCH)


def test_a_body_refers_to_no_more_entities_than_it_may_make(keeper: Actor) -> None:
    thing, stream = post(keeper, "Things", BUOY), stream_of(keeper)
    with pytest.raises(Invalid, match="1000 entities"):
        send(keeper, "PATCH", f"Things({thing})", {"Datastreams": [{"@iot.id": stream}] * 1001})


# --- observations written anew


def agree(line: Datastream) -> None:
    """Roll-ups and newest are those of the raw readings."""
    wanted = sum(int(n) for part in counted(line) for n, grain in zip(part.n, part.grain, strict=True) if grain == 60)
    assert wanted == sum(row.n for row in Rollup.objects.filter(datastream=line, grain=60))
    newest = Observation.objects.filter(datastream=line).order_by("-at").first()
    latest = Latest.objects.filter(datastream=line).first()
    assert (latest and latest.observation_id) == (newest and newest.pk)


def test_an_observation_that_is_replaced_without_its_time_is_of_now(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    first = get(keeper, f"Things({thing})/Datastreams?$expand=Observations")["value"][0]["Observations"][0]["@iot.id"]
    assert send(keeper, "PUT", f"Observations({first})", {"result": 5}).status == 200
    assert get(keeper, f"Observations({first})")["phenomenonTime"] == "2026-06-15T01:00:00Z"
    assert send(keeper, "PATCH", f"Observations({first})", {"phenomenonTime": None}).status == 200
    agree(Datastream.objects.get(thing=thing))


def test_an_observation_that_is_linked_to_another_datastream_counts_there(keeper: Actor) -> None:
    thing, other = post(keeper, "Things", BUOY), stream_of(keeper)
    line = Datastream.objects.get(thing=thing)
    last = Latest.objects.get(datastream=line).observation_id
    send(keeper, "PATCH", f"Datastreams({other})", {"Observations": [{"@iot.id": last}]})
    for one in (line, Datastream.objects.get(pk=other)):
        assert Observation.objects.filter(datastream=one).count() == 1
        agree(one)


def test_where_one_reading_of_a_time_is_taken_a_change_makes_no_second(keeper: Actor) -> None:
    line = Datastream.objects.get(device=make_device("dev-a", type_=make_type("station", (PM25,))))
    line.thing = Thing.objects.get(pk=post(keeper, "Things", {**BUOY, "Datastreams": []}))
    line.save()
    made = [post(keeper, f"Datastreams({line.pk})/Observations", {"result": n, "phenomenonTime": at})
            for n, at in enumerate(("2026-06-14T01:00:00Z", "2026-06-14T02:00:00Z"))]  # fmt: skip
    with pytest.raises(Invalid, match="one alone"):
        send(keeper, "PATCH", f"Observations({made[1]})", {"phenomenonTime": "2026-06-14T01:00:00Z"})
    send(keeper, "PATCH", f"Observations({made[1]})", {"phenomenonTime": "2026-06-14T02:00:00Z"})


# --- what hangs together stays so


def test_a_thing_whose_place_is_removed_stands_nowhere(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    place = get(keeper, f"Things({thing})/Locations")["value"][0]["@iot.id"]
    send(keeper, "DELETE", f"Locations({place})")
    row = Thing.objects.select_related("device").get(pk=thing)
    assert row.device is not None
    assert (row.area_id, row.device.lon, row.device.area_id) == (None, None, None)


def test_observations_are_not_about_a_feature_that_is_gone(keeper: Actor) -> None:
    stream = stream_of(keeper)
    made = post(keeper, f"Datastreams({stream})/Observations", {"result": 1})
    feature = get(keeper, f"Observations({made})/FeatureOfInterest")["@iot.id"]
    send(keeper, "DELETE", f"FeaturesOfInterest({feature})")
    made = post(keeper, f"Datastreams({stream})/Observations", {"result": 1})
    assert Observation.objects.get(pk=made).feature_id is None


def test_history_that_gets_its_place_later_moves_the_thing_then(keeper: Actor) -> None:
    thing, other = post(keeper, "Things", BUOY), post(keeper, "Things", {**BUOY, "Datastreams": []})
    entry = {"time": "2026-07-01T00:00:00Z", "Thing": {"@iot.id": thing}}
    north = {**PLACE, "name": "北岸", "location": {"type": "Point", "coordinates": [121.6, 30.3]}}
    place = post(keeper, "Locations", {**north, "HistoricalLocations": [entry]})
    assert [one["@iot.id"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == [place]
    history = HistoricalLocation.objects.get(locations=place)
    send(keeper, "PATCH", f"Things({other})", {"HistoricalLocations": [{"@iot.id": history.pk}]})
    assert [one["@iot.id"] for one in get(keeper, f"Things({other})/Locations")["value"]] == [place]
    assert [one["name"] for one in get(keeper, f"Things({thing})/Locations")["value"]] == ["河口"]


def test_a_datastream_of_several_results_keeps_their_number(keeper: Actor) -> None:
    body = {
        "name": "风", "description": "Wind", "multiObservationDataTypes": [MEASUREMENT, MEASUREMENT],
        "unitOfMeasurements": [UNIT, UNIT], "Thing": {"name": "塔", "description": "A mast"}, "Sensor": SENSOR,
        "ObservedProperties": [TEMPERATURE, {**TEMPERATURE, "name": "湿度"}],
    }  # fmt: skip
    stream = post(keeper, "MultiDatastreams", body)
    first = get(keeper, f"MultiDatastreams({stream})/ObservedProperties")["value"][0]["@iot.id"]
    other = post(keeper, "ObservedProperties", TEMPERATURE)
    with pytest.raises(Invalid):
        send(keeper, "DELETE", f"MultiDatastreams({stream})/ObservedProperties({first})/$ref")
    with pytest.raises(Invalid):
        send(keeper, "POST", f"MultiDatastreams({stream})/ObservedProperties/$ref", {"@iot.id": other})
    with pytest.raises(Invalid):
        post(keeper, "MultiDatastreams", {**body, "ObservedProperties": [{"@iot.id": first}, {"@iot.id": first}]})
    post(keeper, "Things", BUOY)
    history = HistoricalLocation.objects.get()
    with pytest.raises(Invalid):
        send(keeper, "DELETE", f"HistoricalLocations({history.pk})/Locations({history.locations.get().pk})/$ref")


def test_a_datastream_that_goes_leaves_nothing(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    line = Datastream.objects.get(thing=thing)
    send(keeper, "DELETE", f"Datastreams({line.pk})")
    assert not any(kind.objects.filter(datastream=line.pk).exists() for kind in (Observation, Rollup, Latest))
    assert Device.objects.get(thing=thing).state == Device.State.REGISTERED


def test_what_is_read_is_taken_back_as_it_is(keeper: Actor) -> None:
    post(keeper, "Things", BUOY)
    for entity in ("Things", "Locations", "HistoricalLocations", "Datastreams", "Sensors", "ObservedProperties",
                   "Observations", "FeaturesOfInterest"):  # fmt: skip
        found: dict[str, Any] = get(keeper, entity)["value"][0]
        address = f"{entity}({found['@iot.id']})"
        for method in ("PATCH", "PUT"):
            assert send(keeper, method, address, found).status == 200
        assert get(keeper, address) == found


@pytest.mark.parametrize("results", [(5, "open"), ("open", 5), (5, None), (None, 5)])
def test_of_several_at_one_time_a_number_is_the_newest(keeper: Actor, results: tuple[Any, Any]) -> None:
    at = "2026-06-14T09:00:00Z"
    one_by_one, together = stream_of(keeper), stream_of(keeper)
    for result in results:
        post(keeper, f"Datastreams({one_by_one})/Observations", {"result": result, "phenomenonTime": at})
    block = {"Datastream": {"@iot.id": together}, "components": ["result", "phenomenonTime"],
             "dataArray": [[result, at] for result in results]}  # fmt: skip
    send(keeper, "POST", "CreateObservations", [block])
    assert {row.result for row in Latest.objects.all()} == {5.0}
    other = post(keeper, f"Datastreams({together})/Observations", {"result": 1, "phenomenonTime": at})
    send(keeper, "DELETE", f"Observations({other})")
    assert {row.result for row in Latest.objects.all()} == {5.0}
