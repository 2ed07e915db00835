"""Conversions keep the vectors of DOMAIN.md 10.1."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from scoc.kit.coordinates import Datum, convert, convert_geometry
from scoc.kit.geometry import distance_m

LON, LAT = 116.404, 39.915
lons, lats = st.floats(74, 134), st.floats(18, 53)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (Datum.WGS84, Datum.GCJ02, (116.41024449916938, 39.91640428150164)),
        (Datum.GCJ02, Datum.BD09, (116.41036949371029, 39.92133699351021)),
        (Datum.BD09, Datum.GCJ02, (116.39762729119315, 39.90865673957631)),
    ],
)
def test_published_vectors(source: Datum, target: Datum, expected: tuple[float, float]) -> None:
    """The published pairs come out to nine places, whichever way they are asked for."""
    assert convert(LON, LAT, source, target) == pytest.approx(expected, abs=1e-9)
    assert convert(LON, LAT, str(source), str(target)) == pytest.approx(expected, abs=1e-9)


def test_not_the_copied_mistake() -> None:
    """A widely copied formula gives latitude 39.916017…, 43 m off; this one does not."""
    lon, lat = convert(LON, LAT, Datum.WGS84, Datum.GCJ02)
    assert distance_m(lon, lat, lon, 39.916017) == pytest.approx(43, abs=1)


def test_the_shift_at_tiananmen() -> None:
    """The shift there is about 555 m."""
    assert distance_m(LON, LAT, *convert(LON, LAT, Datum.WGS84, Datum.GCJ02)) == pytest.approx(555, abs=5)


@settings(deadline=None)
@given(lons, lats)
def test_inverse_is_exact(lon: float, lat: float) -> None:
    """There and back again is the same point to a billionth of a degree."""
    there = convert(lon, lat, Datum.WGS84, Datum.GCJ02)
    assert convert(*there, Datum.GCJ02, Datum.WGS84) == pytest.approx((lon, lat), abs=1e-9)
    back = convert(lon, lat, Datum.GCJ02, Datum.WGS84)
    assert convert(*back, Datum.WGS84, Datum.GCJ02) == pytest.approx((lon, lat), abs=1e-9)


@settings(deadline=None)
@given(lons, lats)
def test_baidu_and_back(lon: float, lat: float) -> None:
    """The published pair of BD-09 formulas comes back to within a quarter of a metre."""
    there = convert(lon, lat, Datum.WGS84, Datum.BD09)
    assert convert(*there, Datum.BD09, Datum.WGS84) == pytest.approx((lon, lat), abs=2.5e-6)


@settings(deadline=None)
@given(lons, lats, st.sampled_from(Datum), st.sampled_from(Datum))
def test_by_way_of_another_datum(lon: float, lat: float, source: Datum, target: Datum) -> None:
    """CGCS2000 counts as WGS84 in every conversion; equal datums leave a point untouched."""
    as_wgs = [Datum.WGS84 if kind is Datum.CGCS2000 else kind for kind in (source, target)]
    assert convert(lon, lat, source, target) == convert(lon, lat, *as_wgs)
    assert convert(lon, lat, source, source) == (lon, lat)


@pytest.mark.parametrize(("lon", "lat"), [(2.35, 48.85), (-73.99, 40.73), (151.2, -33.9), (139.7, 35.7)])
@pytest.mark.parametrize("source", list(Datum))
@pytest.mark.parametrize("target", list(Datum))
def test_outside_china_nothing_moves(lon: float, lat: float, source: Datum, target: Datum) -> None:
    """Paris, New York, Sydney and Tokyo stay where they are."""
    assert convert(lon, lat, source, target) == (lon, lat)


def test_unknown_datum_is_refused() -> None:
    """A datum nobody knows is an error, not a guess."""
    for source, target in (("Beijing54", "WGS84"), ("WGS84", "Beijing54")):
        with pytest.raises(ValueError, match="Beijing54"):
            convert(LON, LAT, source, target)
        with pytest.raises(ValueError, match="Beijing54"):
            convert_geometry(Point(LON, LAT), source, target)


SQUARE = Polygon([(116, 39), (117, 39), (117, 40), (116, 40)], [[(116.2, 39.2), (116.4, 39.2), (116.4, 39.4)]])


@pytest.mark.parametrize(
    "geometry",
    [
        Point(LON, LAT),
        LineString([(116, 39), (117, 40)]),
        SQUARE,
        MultiPolygon([SQUARE]),
        GeometryCollection([Point(LON, LAT), SQUARE]),
    ],
)
def test_geometries_convert_vertex_by_vertex(geometry: BaseGeometry) -> None:
    """Every kind of geometry keeps its kind, and each vertex is converted and comes back."""
    moved = convert_geometry(geometry, Datum.WGS84, Datum.GCJ02)
    assert moved.geom_type == geometry.geom_type
    assert 0.001 < moved.hausdorff_distance(geometry) < 0.01
    assert convert_geometry(moved, Datum.GCJ02, Datum.WGS84).equals_exact(geometry, 1e-9)
    assert convert_geometry(geometry, Datum.WGS84, Datum.CGCS2000) is geometry


def test_heights_stay() -> None:
    """The third coordinate is left alone, and an empty geometry stays empty."""
    moved = convert_geometry(Point(LON, LAT, 43.5), Datum.WGS84, Datum.GCJ02)
    assert moved.z == 43.5
    assert (moved.x, moved.y) == convert(LON, LAT, Datum.WGS84, Datum.GCJ02)
    assert convert_geometry(Polygon(), Datum.GCJ02, Datum.WGS84).is_empty
