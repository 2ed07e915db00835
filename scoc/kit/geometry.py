"""Small geometry on the sphere and point-in-area, in WGS84 degrees (longitude first) and metres."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth (IUGG)."""


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance in metres (haversine; within 0.6 % of the ellipsoid)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    h = math.sin((phi2 - phi1) / 2) ** 2
    h += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


def bbox_around(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a box that holds every point within `metres`.

    A circle that reaches a pole takes all longitudes. Across the 180th meridian `west` is below −180 or
    `east` above 180. Raises ValueError for a negative radius.
    """
    if metres < 0:
        raise ValueError("A radius is not negative.")
    # A hair wider than exact, so that rounding never leaves out a point on the circle.
    angle = metres / EARTH_RADIUS_M * (1 + 1e-9) + 1e-12
    d_lat = math.degrees(angle)
    south, north = lat - d_lat, lat + d_lat
    if south <= -90 or north >= 90:
        return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
    d_lon = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat)))))
    return lon - d_lon, south, lon + d_lon, north


class Locator:
    """Which of many named areas a point lies in. A point on a border belongs to the lowest code, always."""

    def __init__(self, areas: Iterable[tuple[str, BaseGeometry]]) -> None:
        """`areas` are pairs of code and polygon. Raises ValueError for a code that comes twice."""
        pairs = sorted(areas, key=lambda pair: pair[0])
        self._codes = [code for code, _ in pairs]
        if len(set(self._codes)) < len(pairs):
            raise ValueError("A code names one area.")
        self._shapes = np.array([shape for _, shape in pairs], dtype=object)
        shapely.prepare(self._shapes)
        self._tree = STRtree(self._shapes)

    def __len__(self) -> int:
        """How many areas there are."""
        return len(self._codes)

    def locate(self, lon: float, lat: float) -> str | None:
        """The code of the area that holds the point; None outside of all, and for NaN."""
        return next(iter(self._hits(Point(lon, lat))), None)

    def _hits(self, point: Point) -> list[str]:
        # The tree gives areas whose boxes hold the point; the areas are prepared, so they are asked, not it.
        areas = np.sort(self._tree.query(point))
        return [self._codes[area] for area in areas[shapely.intersects(self._shapes[areas], point)].tolist()]
