"""Conversions keep the vectors of DOMAIN.md 10.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon

from scoc.kit.coordinates import Datum, convert, convert_geometry

LON, LAT = 116.404, 39.915


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (Datum.WGS84, Datum.GCJ02, (116.41024449916938, 39.91640428150164)),
        (Datum.GCJ02, Datum.BD09, (116.41036949371029, 39.92133699351021)),
        (Datum.BD09, Datum.GCJ02, (116.39762729119315, 39.90865673957631)),
    ],
)
def test_published_vectors(source: Datum, target: Datum, expected: tuple[float, float]) -> None:
    """The published pairs come out to nine places."""
    assert convert(LON, LAT, source, target) == pytest.approx(expected, abs=1e-9)


def test_not_the_copied_mistake() -> None:
    """A widely copied formula gives 39.916017…, 43 m off; this one does not."""
    assert abs(convert(LON, LAT, Datum.WGS84, Datum.GCJ02)[1] - 39.916017) > 3e-4


@given(st.floats(74, 134), st.floats(18, 53), st.sampled_from([Datum.GCJ02]))
def test_inverse_is_exact(lon: float, lat: float, via: Datum) -> None:
    """There and back again is the same point to a tenth of a millimetre."""
    there = convert(lon, lat, Datum.WGS84, via)
    assert convert(*there, via, Datum.WGS84) == pytest.approx((lon, lat), abs=1e-9)


def test_outside_china_nothing_moves() -> None:
    """Paris stays where it is; CGCS2000 equals WGS84."""
    assert convert(2.35, 48.85, Datum.WGS84, Datum.GCJ02) == (2.35, 48.85)
    assert convert(LON, LAT, Datum.CGCS2000, Datum.WGS84) == (LON, LAT)


def test_unknown_datum_is_refused() -> None:
    """A datum nobody knows is an error, not a guess."""
    with pytest.raises(ValueError, match="Beijing54"):
        convert(LON, LAT, "Beijing54", Datum.WGS84)


def test_geometries_convert_vertex_by_vertex() -> None:
    """Each vertex of a polygon is converted."""
    square = Polygon([(116, 39), (117, 39), (117, 40), (116, 40)])
    moved = convert_geometry(square, Datum.WGS84, Datum.GCJ02)
    assert moved.exterior.coords[0] == pytest.approx(convert(116, 39, Datum.WGS84, Datum.GCJ02), abs=1e-12)
