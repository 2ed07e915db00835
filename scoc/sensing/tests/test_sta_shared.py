"""Who may write to what belongs to one unit changes and removes nothing of others, by whatever road."""

from __future__ import annotations

import pytest

from scoc.core.acting import Actor
from scoc.core.models import FactRow
from scoc.core.refusals import NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.models import Datastream, Device, Location, Observation, Sensor, Thing
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.sta_parts import BUOY, PLACE, STREAM, get, keeper, post, send
from scoc.sensing.things import follow_devices

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db


@pytest.fixture
def other(city: City) -> Actor:
    """Who may do everything with what belongs to one unit."""
    return make_actor("sensing.*", scope="unit", organisation=city.utility)


@pytest.mark.parametrize("entity", ["Sensors", "ObservedProperties"])
def test_what_belongs_to_nobody_is_not_taken_from_others(keeper: Actor, other: Actor, entity: str) -> None:
    post(keeper, "Things", BUOY)
    shared = get(other, entity)["value"][0]["@iot.id"]
    for method, body in (("DELETE", None), ("PATCH", {"name": "x"})):
        with pytest.raises(Refusal, match="Others use it"):
            send(other, method, f"{entity}({shared})", body)
    assert Datastream.objects.count() == 1
    assert Observation.objects.count() == 2
    thing = post(other, "Things", {**BUOY, "Datastreams": []})
    name = "Sensor" if entity == "Sensors" else "ObservedProperty"
    post(other, f"Things({thing})/Datastreams", {**STREAM, name: {"@iot.id": shared}})  # using it is free
    send(keeper, "PATCH", f"{entity}({shared})", {"name": "x"})
    send(keeper, "DELETE", f"{entity}({shared})")
    assert not Datastream.objects.exists()


def test_what_nobody_else_uses_may_go(other: Actor) -> None:
    post(other, "Things", BUOY)
    sensor = Sensor.objects.get()
    send(other, "PATCH", f"Sensors({sensor.pk})", {"name": "x"})
    send(other, "DELETE", f"Sensors({sensor.pk})")
    assert not Datastream.objects.exists()


def test_a_place_at_which_things_of_two_units_stand_is_moved_by_neither(keeper: Actor, other: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    own = post(other, "Things", BUOY)
    place = get(other, f"Things({own})/Locations")["value"][0]["@iot.id"]
    send(keeper, "POST", f"Things({thing})/Locations/$ref", {"@iot.id": place})
    for method, body in (
        ("PATCH", {"location": {"type": "Point", "coordinates": [0, 0]}}), ("DELETE", None),
    ):  # fmt: skip
        with pytest.raises(Refusal, match="Others use it"):
            send(other, method, f"Locations({place})", body)
    assert Location.objects.get(pk=place).west == 121.5


def test_what_observations_of_others_are_about_stays(keeper: Actor, other: Actor) -> None:
    own = post(other, "Things", BUOY)
    feature = get(other, f"Things({own})/Datastreams?$expand=Observations($expand=FeatureOfInterest)")["value"][0]
    about = feature["Observations"][0]["FeatureOfInterest"]["@iot.id"]
    thing = post(keeper, "Things", BUOY)
    stream = Datastream.objects.get(thing=thing).pk
    post(keeper, f"Datastreams({stream})/Observations", {"result": 1, "FeatureOfInterest": {"@iot.id": about}})
    with pytest.raises(Refusal, match="Others use it"):
        send(other, "DELETE", f"FeaturesOfInterest({about})")
    assert Observation.objects.count() == 5


def test_what_devices_of_the_pack_are_about_stays(keeper: Actor) -> None:
    make_device("dev-a")
    follow_devices(Device.objects.all())
    feature = get(keeper, "FeaturesOfInterest")["value"][0]["@iot.id"]
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        with pytest.raises(Refusal, match="city pack"):
            send(keeper, method, f"FeaturesOfInterest({feature})", body)


def test_ties_reach_nothing_of_others(keeper: Actor, other: Actor) -> None:
    thing, own = post(keeper, "Things", BUOY), post(other, "Things", BUOY)
    stream, line = (Datastream.objects.get(thing=pk) for pk in (thing, own))
    observation = Observation.objects.filter(datastream=stream).first()
    assert observation is not None
    place, history = (get(keeper, f"Things({thing})/{name}")["value"][0]["@iot.id"]
                      for name in ("Locations", "HistoricalLocations"))  # fmt: skip
    for method, path, body in (
        ("PATCH", f"Things({own})", {"Datastreams": [{"@iot.id": stream.pk}]}),
        ("PATCH", f"Things({own})", {"HistoricalLocations": [{"@iot.id": history}]}),
        ("PATCH", f"Datastreams({line.pk})", {"Observations": [{"@iot.id": observation.pk}]}),
        ("PATCH", f"Datastreams({line.pk})", {"Thing": {"@iot.id": thing}}),
        ("PATCH", f"Sensors({line.sensor_id})", {"Datastreams": [{"@iot.id": stream.pk}]}),
        ("POST", f"Things({own})/Locations/$ref", {"@iot.id": place}),
        ("POST", f"Locations({place})/Things/$ref", {"@iot.id": own}),
        ("POST", "Sensors", {"name": "x", "description": "x", "encodingType": "x", "metadata": "x",
                             "Datastreams": [{"@iot.id": stream.pk}]}),
        ("POST", "Things", {"name": "x", "description": "x", "Datastreams": [{"@iot.id": stream.pk}]}),
        ("POST", "CreateObservations", [{"Datastream": {"@iot.id": stream.pk}, "components": ["result"],
                                         "dataArray": [[1]]}]),
        ("DELETE", f"Things({own})/Locations({place})/$ref", None),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            send(other, method, path, body)
    assert Thing.objects.get(pk=thing).datastreams.get() == stream


def test_those_hear_of_a_change_whose_thing_it_is(keeper: Actor, other: Actor) -> None:
    own = post(other, "Things", BUOY)
    stream = Datastream.objects.get(thing=own).pk
    observation = Observation.objects.filter(datastream=stream).first()
    assert observation is not None
    for path in (f"Observations({observation.pk})", f"Datastreams({stream})", f"Things({own})"):
        send(keeper, "DELETE", path)
    told = FactRow.objects.filter(name="sensing.entity_written", body__contains="removed")
    assert set(told.values_list("organisation_id", flat=True)) == {other.organisation_id} != {keeper.organisation_id}
    assert told.count() == 3


def test_each_kind_of_writing_needs_its_own_permission(keeper: Actor) -> None:
    thing = post(keeper, "Things", BUOY)
    stream = Datastream.objects.get(thing=thing).pk
    place = get(keeper, f"Things({thing})/Locations")["value"][0]
    about = {"name": "x", "description": "x", "encodingType": "x", "feature": "x"}
    maker = make_actor("sensing.create_entity")
    for path, body in (
        ("Observations", {"result": 1, "Datastream": {"@iot.id": stream}, "FeatureOfInterest": about}),
        ("Things", BUOY), ("Things", {"name": "x", "description": "x", "Datastreams": [{"@iot.id": stream}]}),
        ("Locations", {**PLACE, "Things": [{"@iot.id": thing}]}),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            post(maker, path, body)
    post(maker, "Things", {**BUOY, "Datastreams": [STREAM], "Locations": [{"@iot.id": place["@iot.id"]}]})
