"""Routes of space: GeoJSON in WGS84 for who may see it, and a clear problem for a wrong question."""

from __future__ import annotations

import pytest
from shapely.geometry import LineString, shape

from scoc.core.models import AuditEntry
from scoc.core.tests.factories import City, browser, make_actor
from scoc.spatial.tests.factories import make_feature, make_outline

pytestmark = pytest.mark.django_db
BASE = "/api/v1/spatial"


def test_areas_and_map_as_geojson(city: City) -> None:
    make_outline(city.east, 121.5, 29.9, 121.6, 30.1)
    make_feature("road-1", LineString([(121.4, 30), (121.5, 30)]))
    client = browser(make_actor("spatial.read_map"))
    areas = client.get(f"{BASE}/areas?level=district")
    assert (areas.status_code, areas["Cache-Control"]) == (200, "private, max-age=300")
    [feature] = areas.json()["features"]
    assert (areas.json()["type"], feature["type"], feature["id"]) == ("FeatureCollection", "Feature", "990102")
    assert shape(feature["geometry"]).bounds == (121.5, 29.9, 121.6, 30.1)
    assert feature["properties"]["name_en"] == "东区"
    assert client.get(f"{BASE}/areas?level=district&parent={city.area.code}").json()["features"]
    drawn = client.get(f"{BASE}/map").json()["features"]
    assert [(one["properties"]["kind"], one["geometry"]["type"]) for one in drawn] == [("road", "LineString")]


@pytest.mark.parametrize("path", ["/areas?level=district", "/map"])
def test_without_permission_nothing_is_drawn(city: City, path: str) -> None:
    assert browser(make_actor()).get(BASE + path).status_code == 403
    assert AuditEntry.objects.get(outcome="refused").action == "spatial.read_map"


@pytest.mark.parametrize("query", ["", "?level=" + "x" * 13, "?level=grid&parent=" + "9" * 21])
def test_a_wrong_question_is_a_clear_problem(city: City, query: str) -> None:
    answer = browser(make_actor("spatial.read_map")).get(f"{BASE}/areas{query}")
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["errors"]


def test_an_unknown_level_has_no_areas(city: City) -> None:
    make_outline(city.east, 121.5, 29.9, 121.6, 30.1)
    assert browser(make_actor("spatial.read_map")).get(f"{BASE}/areas?level=moon").json()["features"] == []
