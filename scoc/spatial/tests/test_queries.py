"""Which area holds a point, now and on a past day, on both databases alike; what the map is given."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import from_geojson, to_geojson
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, shape

from scoc.core.models import Area
from scoc.core.refusals import NotAllowed
from scoc.core.tests.factories import City, make_actor, make_area
from scoc.kit.geometry import Locator
from scoc.spatial import queries
from scoc.spatial.models import AreaShape
from scoc.spatial.queries import area_at, locate
from scoc.spatial.tests.factories import make_feature, make_outline, make_shape, next_version

pytestmark = pytest.mark.django_db
LAKE = [(121.42, 29.92), (121.48, 29.92), (121.48, 29.98), (121.42, 29.98)]
WEST = Polygon([(121.4, 29.9), (121.5, 29.9), (121.5, 30.1), (121.4, 30.1)], [LAKE])
ISLAND = box(121.8, 29.9, 121.85, 29.95)


@pytest.fixture
def town(city: City) -> City:
    """Two districts side by side: the western one with a lake in it and an island far out; streets in the east."""
    make_shape(city.west, MultiPolygon([WEST, ISLAND]))
    make_outline(city.east, 121.5, 29.9, 121.6, 30.1)
    street = make_area("990102001", "street", "一街", city.east)
    make_outline(street, 121.5, 29.9, 121.55, 30.1)
    community = make_area("990102001001", "community", "一社区", street)
    make_outline(community, 121.5, 29.9, 121.52, 30.0)
    grid = make_area("990102001001001", "grid", "一网格", community)
    make_outline(grid, 121.5, 29.9, 121.51, 29.95)
    return city


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (121.505, 29.92, "990102001001001"),
        (121.515, 29.92, "990102001001"),
        (121.54, 30.05, "990102001"),
        (121.59, 30.05, "990102"),
        (121.41, 30.05, "990103"),
        (121.82, 29.92, "990103"),  # the island is of its district
        (121.45, 29.95, None),  # the lake is of none
        (121.42, 29.95, "990103"),  # its shore is
        (121.7, 29.92, None),  # the sea between
        (0.0, 0.0, None),
    ],
)
def test_the_finest_area_that_holds_a_point(town: City, lon: float, lat: float, code: str | None) -> None:
    found = area_at(lon, lat)
    assert (found.code if found else None) == code
    assert locate(lon, lat) == (found.pk if found else None)


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (121.55, 30.05, "990102001"),  # the border of a street: the finer level comes first
        (121.5, 30.05, "990102001"),  # the border of two districts, one of which has a street there
        (121.51, 29.92, "990102001001001"),
        (121.52, 30.0, "990102001001"),
        (121.4, 29.9, "990103"),  # a corner of the city
        (121.6, 30.1, "990102"),
    ],
)
def test_a_point_on_a_border_has_one_owner(town: City, lon: float, lat: float, code: str) -> None:
    found = area_at(lon, lat)
    assert found is not None
    assert found.code == code


def test_a_border_between_equals_belongs_to_the_lowest_code(city: City) -> None:
    """In whichever order they were made."""
    make_outline(city.west, 121.4, 29.9, 121.5, 30.1)
    make_outline(city.east, 121.5, 29.9, 121.6, 30.1)
    assert locate(121.5, 30.0) == city.east.pk
    AreaShape.objects.all().delete()
    make_outline(city.east, 121.4, 29.9, 121.5, 30.1)
    make_outline(city.west, 121.5, 29.9, 121.6, 30.1)
    assert locate(121.5, 30.0) == city.east.pk


@pytest.mark.parametrize("place", [(math.nan, 30.0), (121.5, math.nan), (math.inf, 30.0), (121.5, -math.inf)])
def test_what_is_no_position_lies_nowhere(town: City, place: tuple[float, float]) -> None:
    assert locate(*place) is None
    assert locate(*place, date(2025, 1, 1)) is None


def test_a_city_without_outlines_holds_nothing(city: City) -> None:
    assert locate(121.5, 30.0) is None
    assert area_at(121.5, 30.0) is None


hundredths = st.integers(0, 60).map(lambda n: round(121.35 + n / 100, 2))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lon=hundredths | st.floats(121.3, 121.9), lat=st.integers(0, 30).map(lambda n: round(29.85 + n / 100, 2)))
def test_both_databases_give_what_plain_geometry_gives(town: City, lon: float, lat: float) -> None:
    """Borders, corners, lake and island included: the answer is that of the outlines themselves."""
    expected = None
    for level in ("grid", "community", "street", "district"):
        rows = AreaShape.objects.filter(area__level=level).select_related("area")
        outlines = [(row.area.code, from_geojson(row.geometry)) for row in rows]
        expected = expected or Locator(outlines).locate(lon, lat)
    found = area_at(lon, lat)
    assert (found.code if found else None) == expected
    then = area_at(lon, lat, date(2025, 1, 1))
    assert (then.code if then else None) == expected


def test_a_past_day_is_answered_by_the_version_that_held_then(city: City, monday: datetime) -> None:
    """In March the border moved a kilometre to the east: what lay in the eastern district before still did then."""
    make_outline(city.west, 121.4, 29.9, 121.5, 30.1)
    make_outline(city.east, 121.5, 29.9, 121.6, 30.1)
    moved = date(2026, 3, 1)
    west, east = next_version(city.west, moved), next_version(city.east, moved)
    make_outline(west, 121.4, 29.9, 121.51, 30.1)
    make_outline(east, 121.51, 29.9, 121.6, 30.1)
    assert locate(121.505, 30.0) == west.pk
    assert locate(121.505, 30.0, date(2026, 6, 15)) == west.pk
    assert locate(121.505, 30.0, moved) == west.pk
    assert locate(121.505, 30.0, date(2026, 2, 28)) == city.east.pk
    assert locate(121.505, 30.0, date(2030, 1, 1)) == west.pk, "of days to come today's border is what is known"
    before = area_at(121.45, 30.0, date(2025, 1, 1))
    assert before is not None
    assert (before.code, before.version) == (city.west.code, 1)


def test_before_anything_is_known_todays_area_answers(city: City, monday: datetime) -> None:
    make_outline(city.west, 121.4, 29.9, 121.5, 30.1)
    assert locate(121.45, 30.0, date(1990, 1, 1)) == city.west.pk


def test_an_area_that_ended_holds_nothing_any_more(city: City, monday: datetime) -> None:
    make_outline(city.west, 121.4, 29.9, 121.5, 30.1)
    Area.objects.filter(pk=city.west.pk).update(valid_to=date(2026, 6, 1))
    queries.forget_shapes()
    assert locate(121.45, 30.0) is None
    assert locate(121.45, 30.0, date(2026, 5, 31)) == city.west.pk


def test_another_process_sees_new_outlines_soon(town: City) -> None:
    """It looks again after a while, and only reads anew when something changed."""
    assert locate(121.7, 30.0) is None
    geometry = to_geojson(box(121.65, 29.9, 121.75, 30.1))
    AreaShape.objects.bulk_create(
        [
            AreaShape(
                area=make_area("990104", "district", "南区", town.area), geometry=geometry, datum="WGS84", west=121.65,
                south=29.9, east=121.75, north=30.1, lon=121.7, lat=30.0,
            )
        ]
    )  # fmt: skip
    queries._known.until = 0.0
    found = area_at(121.7, 30.0)
    assert found is not None
    assert found.code == "990104"


def test_outlines_of_a_level_for_the_map(town: City) -> None:
    viewer = make_actor("spatial.read_map")
    found = queries.area_shapes(viewer, "district")
    assert [(one.id, one.properties["name_zh"]) for one in found.features] == [("990102", "东区"), ("990103", "西区")]
    west = shape(found.features[1].geometry)
    assert west.equals(MultiPolygon([WEST, ISLAND]))
    assert west.covers(Point(found.features[1].properties["lon"], found.features[1].properties["lat"]))
    assert [one.id for one in queries.area_shapes(viewer, "street", town.east.code).features] == ["990102001"]
    assert not queries.area_shapes(viewer, "street", town.west.code).features
    assert not queries.area_shapes(viewer, "street", "102").features, "no part of a code is a code"
    with pytest.raises(NotAllowed):
        queries.area_shapes(make_actor(), "district")


def test_features_of_the_map_in_the_order_that_they_are_drawn(city: City) -> None:
    make_feature("road-2", LineString([(121.4, 30), (121.5, 30)]))
    make_feature("road-1", LineString([(121.4, 30), (121.5, 30.1)]))
    make_feature("sea", box(121.6, 29.9, 121.9, 30.1), kind="water", rank=1)
    found = queries.map_features(make_actor("spatial.read_map"))
    assert [(one.id, one.properties["kind"]) for one in found.features] == [
        ("sea", "water"), ("road-1", "road"), ("road-2", "road"),
    ]  # fmt: skip
    with pytest.raises(NotAllowed):
        queries.map_features(make_actor())


@pytest.mark.only_on("postgresql", reason="PostGIS keeps a generated geometry with its index")
def test_the_index_finds_the_outline_of_a_point(town: City) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM spatial_area_shape WHERE ST_IsValid(geom) AND ST_SRID(geom) = 4326")
        assert cursor.fetchone() == (5,)
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT 1 FROM spatial_area_shape WHERE ST_Covers(geom, ST_SetSRID(ST_MakePoint(121.5, 30), 4326))"
        )
        assert "Index" in " ".join(row[0] for row in cursor.fetchall())
