"""The SensorThings client of FROST for Python through a full round: make, read, change, arrays, remove."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import frost_sta_client as frost
import pytest
import uvicorn

from scoc.core import lean as router
from scoc.core.tests.factories import City
from scoc.sensing import lean
from scoc.sensing.models import Device, Observation, Thing
from scoc.sensing.tests.factories import make_device
from scoc.sensing.tests.test_sta_serving import key_for
from scoc.sensing.things import follow_devices


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked.")


class Server(uvicorn.Server):
    """Says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.up.set()


@pytest.fixture
def service(committed: City) -> Iterator[Any]:
    """The client, at a real server on a free port."""
    make_device("dev-a")
    follow_devices(Device.objects.all())
    config = uvicorn.Config(router.route(_refuse, [lean]), host="127.0.0.1", port=0, log_level="warning")
    server = Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert server.up.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        auth = frost.AuthHandler("any", key_for("sensing.*"))
        yield frost.SensorThingsService(f"http://127.0.0.1:{port}/sta/v1.1", auth_handler=auth)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.filterwarnings("ignore:furl.pathstr:DeprecationWarning")
def test_a_full_round(service: Any) -> None:
    point = {"type": "Point", "coordinates": [121.5, 30.0]}
    thing = frost.Thing(name="浮标", description="A buoy", properties={"owner": "harbour"})
    thing.locations = [
        frost.Location(name="河口", description="Mouth", encoding_type="application/geo+json", location=point)
    ]
    unit = frost.UnitOfMeasurement(name="degree Celsius", symbol="°C", definition="ucum:Cel")
    stream = frost.Datastream(
        name="水温", description="Temperature", unit_of_measurement=unit,
        observation_type="http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        observed_property=frost.ObservedProperty(name="温度", definition="http://x/t", description="Temperature"),
        sensor=frost.Sensor(name="温度计", description="x", encoding_type="application/pdf", metadata="http://x/y.pdf"),
    )  # fmt: skip
    thing.datastreams = [stream]
    service.create(thing)

    found = service.things().query().expand("Locations,Datastreams").filter(f"id eq {thing.id}").list().entities
    assert [(one.name, one.properties) for one in found] == [("浮标", {"owner": "harbour"})]
    assert found[0].locations.entities[0].location["coordinates"] == [121.5, 30.0]
    (series,) = found[0].datastreams.entities

    for n in range(3):
        service.create(frost.Observation(phenomenon_time=f"2026-06-14T0{n}:00:00Z", result=n, datastream=series))
    ordered = service.observations().query().orderby("phenomenonTime", "desc").top(2)
    observations = [one.result for one in ordered.list()]  # follows the links to further pages
    assert observations == [2, 1, 0]

    again = service.things().find(thing.id)
    again.name = "大浮标"
    service.update(again)
    service.patch(thing, [{"op": "replace", "path": "/description", "value": "Big"}])
    again = service.things().find(thing.id)
    assert (again.name, again.description) == ("大浮标", "Big")

    values = frost.DataArrayValue()
    values.datastream = series
    values.components = {values.Property.PHENOMENON_TIME, values.Property.RESULT}
    for n in (4, 5):
        values.add_observation(
            frost.Observation(phenomenon_time=f"2026-06-14T0{n}:00:00Z", result=n, datastream=series)
        )
    document = frost.DataArrayDocument()
    document.add_data_array_value(values)
    service.observations().create(document)
    assert Observation.objects.filter(datastream=series.id).count() == 5

    service.delete(thing)
    assert list(Thing.objects.values_list("device__key", flat=True)) == ["dev-a"]
    assert not Observation.objects.exists()
