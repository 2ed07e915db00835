"""What tests of SensorThings write: a buoy with its series, and requests as clients send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from scoc.core.acting import Actor
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.sta.asking import path_of
from scoc.sensing.sta.doing import Asked, Caller, Done, do, stored
from scoc.sensing.sta.reading import Reader, read
from scoc.sensing.sta.seeing import sight_of

ROOT = "http://city/sta/v1.1"
POINT = {"type": "Point", "coordinates": [121.5, 30.0]}
PLACE = {"name": "河口", "description": "Mouth of the river", "encodingType": "application/geo+json", "location": POINT}
UNIT = {"name": "degree Celsius", "symbol": "°C", "definition": "ucum:Cel"}
MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
SENSOR = {
    "name": "温度计",
    "description": "A thermometer",
    "encodingType": "application/pdf",
    "metadata": "http://x/y.pdf",
}
TEMPERATURE = {"name": "温度", "definition": "http://x/temperature", "description": "Temperature of the water"}
STREAM: dict[str, Any] = {
    "name": "水温", "description": "Temperature of the river", "observationType": MEASUREMENT,
    "unitOfMeasurement": UNIT, "Sensor": SENSOR, "ObservedProperty": TEMPERATURE,
}  # fmt: skip
BUOY: dict[str, Any] = {
    "name": "浮标", "description": "A buoy", "properties": {"owner": "harbour"}, "Locations": [PLACE],
    "Datastreams": [{**STREAM, "Observations": [
        {"phenomenonTime": "2026-06-14T09:00:00+08:00", "result": 20.5},
        {"phenomenonTime": "2026-06-14T10:00:00+08:00", "result": 21.5, "resultQuality": {"grade": 1}},
    ]}],
}  # fmt: skip


Exchange = tuple[str, str, Any, int, Any]
EXCHANGES: list[Exchange] = []
"""What the running test asked and was answered: method, path, body, status, content."""


@pytest.fixture
def keeper(city: City, monday: datetime) -> Actor:
    """Who may read and write all of it."""
    return make_actor("sensing.*")


def send(actor: Actor, method: str, path: str, body: Any = None, kind: str = "application/json") -> Done:
    """One request that writes."""
    done = stored(actor, do(Caller(actor, ROOT), Asked(method, path, "", msgspec.json.encode(body), kind)))
    EXCHANGES.append((method, path, body, done.status, done.content))
    return done


def post(actor: Actor, path: str, body: Any) -> int:
    """The id of what was made."""
    done = send(actor, "POST", path, body)
    assert done.status == 201
    assert done.headers["Location"] == done.content["@iot.selfLink"]
    return int(done.content["@iot.id"])


def get(actor: Actor, address: str) -> Any:
    """The answer as a client reads it."""
    path, _, options = address.partition("?")
    found = msgspec.json.decode(msgspec.json.encode(read(Reader(sight_of(actor), ROOT), path_of(path), options)))
    EXCHANGES.append(("GET", address, None, 200, found))
    return found


def stream_of(actor: Actor) -> int:
    """A new datastream without observations."""
    thing = post(actor, "Things", {**BUOY, "Datastreams": [STREAM]})
    return int(get(actor, f"Things({thing})/Datastreams")["value"][0]["@iot.id"])
