"""Points find their area, distances are in metres, boxes hold their circles."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from scoc.kit.geometry import (
    EARTH_RADIUS_M,
    Locator,
    bbox_around,
    distance_m,
)

SQUARES = [(f"{column}{row}", box(column, row, column + 1, row + 1)) for column in range(5) for row in range(5)]


def test_border_points_belong_to_the_lowest_code() -> None:
    """Whatever the order of the areas, a point on a border or corner has one owner."""
    for seed in range(5):
        areas = SQUARES.copy()
        random.Random(seed).shuffle(areas)
        locator = Locator(areas)
        assert locator.locate(2.5, 3.5) == "23"
        assert locator.locate(2.0, 3.5) == "13"
        assert locator.locate(2.0, 3.0) == "12"
        assert locator.locate(5.0, 5.0) == "44"
        assert locator.locate(5.1, 5.0) is None
        assert locator.locate(float("nan"), 1.0) is None


def test_holes_and_islands() -> None:
    """A lake is not of its district; an island over the sea is."""
    ring = Polygon(box(0, 0, 4, 4).exterior, [box(1, 1, 3, 3).exterior])
    locator = Locator([("a", MultiPolygon([ring, box(10, 10, 11, 11)])), ("b", box(1.5, 1.5, 2.5, 2.5))])
    assert locator.locate(0.5, 0.5) == "a"
    assert locator.locate(1.2, 1.2) is None
    assert locator.locate(2, 2) == "b"
    assert locator.locate(10.5, 10.5) == "a"


def test_no_areas_and_equal_codes() -> None:
    """Nothing lies in no area; two areas of one code are an error."""
    assert Locator([]).locate(0, 0) is None
    assert len(Locator(SQUARES)) == 25
    with pytest.raises(ValueError, match="code"):
        Locator([("a", box(0, 0, 1, 1)), ("a", box(1, 0, 2, 1))])


def test_distances() -> None:
    """A degree of a meridian is 111.2 km; opposite points are half the earth apart."""
    assert distance_m(0, 0, 0, 1) == pytest.approx(111_195, abs=1)
    assert distance_m(116, 60, 117, 60) == pytest.approx(111_195 / 2, abs=5)
    assert distance_m(0, 0, 180, 0) == pytest.approx(math.pi * EARTH_RADIUS_M)
    assert distance_m(116.4, 39.9, 116.4, 39.9) == 0


@settings(deadline=None)
@given(st.floats(-179, 179), st.floats(-89.9, 89.9), st.floats(0, 50_000), st.floats(0, 2 * math.pi))
def test_boxes_hold_their_circle(lon: float, lat: float, metres: float, bearing: float) -> None:
    """A point at the given distance in any direction lies in the box; the box is hardly larger."""
    angle, phi = metres / EARTH_RADIUS_M, math.radians(lat)
    sine = math.sin(phi) * math.cos(angle) + math.cos(phi) * math.sin(angle) * math.cos(bearing)
    other_lat = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
    turn = math.atan2(math.sin(bearing) * math.sin(angle) * math.cos(phi), math.cos(angle) - math.sin(phi) * sine)
    west, south, east, north = bbox_around(lon, lat, metres)
    assert south - 1e-7 <= other_lat <= north + 1e-7
    if south > -90 and north < 90:
        assert west - 1e-6 <= lon + math.degrees(turn) <= east + 1e-6
        assert distance_m(lon, lat, lon, north) == pytest.approx(metres, abs=0.01)


def test_boxes_at_the_pole() -> None:
    """Near a pole every longitude is near; a negative radius is an error."""
    assert bbox_around(10, 89.99, 5000)[0::2] == (-180.0, 180.0)
    assert bbox_around(10, -90, 5000)[1] == -90
    with pytest.raises(ValueError, match="radius"):
        bbox_around(0, 0, -1)
