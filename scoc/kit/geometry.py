"""Small geometry on the sphere and point-in-area, in WGS84 degrees and metres."""

from __future__ import annotations

import math
from collections.abc import Iterable

from shapely import STRtree, prepare
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

EARTH_RADIUS_M = 6_371_008.8


def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance in metres (haversine, mean radius)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    h = math.sin((phi2 - phi1) / 2) ** 2
    h += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


def bbox_around(lon: float, lat: float, metres: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a box that holds every point within `metres`."""
    d_lat = math.degrees(metres / EARTH_RADIUS_M)
    d_lon = d_lat / max(0.01, math.cos(math.radians(lat)))
    return lon - d_lon, lat - d_lat, lon + d_lon, lat + d_lat


class Locator:
    """Which of many named areas a point lies in. A point on a border belongs to the lowest code, always."""

    def __init__(self, areas: Iterable[tuple[str, BaseGeometry]]) -> None:
        pairs = sorted(areas, key=lambda pair: pair[0])
        self._codes = [code for code, _ in pairs]
        self._shapes = [shape for _, shape in pairs]
        for shape in self._shapes:
            prepare(shape)
        self._tree = STRtree(self._shapes)

    def locate(self, lon: float, lat: float) -> str | None:
        """The code of the area that holds the point; None outside of all."""
        hits = self._tree.query(Point(lon, lat), predicate="intersects")
        return self._codes[int(hits.min())] if len(hits) else None
