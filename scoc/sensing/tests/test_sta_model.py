"""The data model of 18-088 section 8, entity by entity: every property comes back as it was given, every relation leads
there and back."""

from __future__ import annotations

from typing import Any

import pytest

from scoc.core.acting import Actor
from scoc.sensing.tests.sta_parts import MEASUREMENT, POINT, ROOT, UNIT, get, keeper, post

__all__ = ["keeper"]  # a fixture
pytestmark = pytest.mark.django_db
AREA = {"type": "Polygon", "coordinates": [[[121, 30], [122, 30], [122, 31], [121, 30]]]}
GEOJSON = "application/geo+json"
MORE = {"any": {"depth": [1, None, "x"]}}
GIVEN: dict[str, dict[str, Any]] = {
    "Things": {"name": "浮标", "description": "A buoy", "properties": MORE},
    "Locations": {"name": "河口", "description": "Mouth", "encodingType": GEOJSON, "location": POINT,
                  "properties": MORE},
    "Sensors": {
        "name": "温度计", "description": "A thermometer", "encodingType": "text/html", "metadata": "http://x/y",
        "properties": MORE,
    },
    "ObservedProperties": {
        "name": "温度", "definition": "http://x/t", "description": "Temperature", "properties": MORE,
    },
    "Datastreams": {
        "name": "水温", "description": "Of the river", "observationType": MEASUREMENT, "unitOfMeasurement": UNIT,
        "observedArea": AREA, "properties": MORE,
    },
    "MultiDatastreams": {
        "name": "风", "description": "Wind", "multiObservationDataTypes": [MEASUREMENT, MEASUREMENT],
        "unitOfMeasurements": [UNIT, UNIT], "observedArea": AREA, "properties": MORE,
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_ComplexObservation",
    },
    "HistoricalLocations": {"time": "2026-01-02T03:04:05.678Z"},
    "FeaturesOfInterest": {
        "name": "内港", "description": "Harbour", "encodingType": GEOJSON, "feature": AREA, "properties": MORE,
    },
    "Observations": {
        "phenomenonTime": "2026-06-14T01:00:00Z", "result": 20.25, "resultTime": "2026-06-14T02:00:00Z",
        "resultQuality": {"grade": 1}, "validTime": "2026-06-14T00:00:00Z/2026-06-15T00:00:00Z",
        "parameters": {"tide": "low"},
    },
}  # fmt: skip
NEEDS = {
    "Datastreams": {"Thing": "Things", "Sensor": "Sensors", "ObservedProperty": "ObservedProperties"},
    "MultiDatastreams": {"Thing": "Things", "Sensor": "Sensors"},
    "HistoricalLocations": {"Thing": "Things"},
    "Observations": {"Datastream": "Datastreams", "FeatureOfInterest": "FeaturesOfInterest"},
}
BACK = {
    "Things": {"Locations": "Things", "HistoricalLocations": "Thing", "Datastreams": "Thing",
               "MultiDatastreams": "Thing"},
    "Locations": {"Things": "Locations", "HistoricalLocations": "Locations"},
    "HistoricalLocations": {"Thing": "HistoricalLocations", "Locations": "HistoricalLocations"},
    "Datastreams": {"Thing": "Datastreams", "Sensor": "Datastreams", "ObservedProperty": "Datastreams",
                    "Observations": "Datastream"},
    "MultiDatastreams": {"Thing": "MultiDatastreams", "Sensor": "MultiDatastreams",
                         "ObservedProperties": "MultiDatastreams", "Observations": "MultiDatastream"},
    "Sensors": {"Datastreams": "Sensor", "MultiDatastreams": "Sensor"},
    "ObservedProperties": {"Datastreams": "ObservedProperty", "MultiDatastreams": "ObservedProperties"},
    "Observations": {"Datastream": "Observations", "FeatureOfInterest": "Observations"},
    "FeaturesOfInterest": {"Observations": "FeatureOfInterest"},
}  # fmt: skip
"""Each relation with the one that leads back."""


@pytest.fixture
def made(keeper: Actor) -> dict[str, int]:
    """One of each entity, all tied together."""
    ids: dict[str, int] = {}
    order = ("Things", "Sensors", "ObservedProperties", "Locations", "HistoricalLocations", "FeaturesOfInterest",
             "Datastreams", "MultiDatastreams", "Observations")  # fmt: skip
    for name in order:
        body = dict(GIVEN[name])
        body |= {relation: {"@iot.id": ids[target]} for relation, target in NEEDS.get(name, {}).items()}
        if name in ("HistoricalLocations",):
            body["Locations"] = [{"@iot.id": ids["Locations"]}]
        if name == "MultiDatastreams":
            body["ObservedProperties"] = [
                {"@iot.id": ids["ObservedProperties"]}, {**GIVEN["ObservedProperties"], "name": "湿度"},
            ]  # fmt: skip
        ids[name] = post(keeper, name, body)
    post(keeper, f"MultiDatastreams({ids['MultiDatastreams']})/Observations", {"result": [3.5, 270]})
    return ids


@pytest.mark.parametrize("entity", GIVEN)
def test_properties(keeper: Actor, made: dict[str, int], entity: str) -> None:
    found = get(keeper, f"{entity}({made[entity]})")
    given = GIVEN[entity]
    assert {name: found.get(name) for name in given} == given
    beside = {name for name in found if "@iot." not in name} - given.keys()
    assert beside <= {"phenomenonTime", "resultTime"}  # of datastreams, which follow from the observations


@pytest.mark.parametrize("entity", BACK)
def test_relations(keeper: Actor, made: dict[str, int], entity: str) -> None:
    here = f"{entity}({made[entity]})"
    found = get(keeper, here)
    links = {name.partition("@")[0]: link for name, link in found.items() if name.endswith("@iot.navigationLink")}
    assert links.keys() - {"MultiDatastream"} == BACK[entity].keys()
    for relation, back in BACK[entity].items():
        assert links[relation] == f"{ROOT}/{here}/{relation}"
        there = get(keeper, links[relation].removeprefix(f"{ROOT}/"))
        first = there["value"][0] if "value" in there else there
        again = get(keeper, f"{first['@iot.selfLink'].removeprefix(f'{ROOT}/')}/{back}")
        ids = [one["@iot.id"] for one in again["value"]] if "value" in again else [again["@iot.id"]]
        assert made[entity] in ids, relation


@pytest.mark.parametrize("entity", GIVEN)
def test_control_information(keeper: Actor, made: dict[str, int], entity: str) -> None:
    found = get(keeper, f"{entity}({made[entity]})")
    assert (found["@iot.id"], found["@iot.selfLink"]) == (made[entity], f"{ROOT}/{entity}({made[entity]})")


def test_what_a_datastream_observed_is_told_by_its_observations(keeper: Actor, made: dict[str, int]) -> None:
    found = get(keeper, f"Datastreams({made['Datastreams']})")
    assert found["phenomenonTime"] == "2026-06-14T01:00:00Z/2026-06-14T01:00:00Z"
    assert found["resultTime"] == "2026-06-14T02:00:00Z/2026-06-14T02:00:00Z"
