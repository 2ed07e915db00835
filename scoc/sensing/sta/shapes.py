"""Geospatial functions for SQLite, which has none: shapely behind SQL, called for what a bounding box let through."""

from __future__ import annotations

import functools
from typing import Any

import shapely
from django.db import connection

from scoc.sensing.sta.sql import on_postgres

_RELATIONS = {
    "ST_Equals": shapely.equals, "ST_Disjoint": shapely.disjoint, "ST_Touches": shapely.touches,
    "ST_Within": shapely.within, "ST_Overlaps": shapely.overlaps, "ST_Crosses": shapely.crosses,
    "ST_Intersects": shapely.intersects, "ST_Contains": shapely.contains,
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def _shape(text: str) -> Any:
    """GeoJSON or well-known text as a shape."""
    return shapely.from_geojson(text) if text.lstrip().startswith("{") else shapely.from_wkt(text)


def _related(name: str, left: str | None, right: str | None) -> bool | None:
    if left is None or right is None:
        return None
    return bool(_RELATIONS[name](_shape(left), _shape(right)))


def _relate(left: str | None, right: str | None, pattern: str) -> bool | None:
    if left is None or right is None:
        return None
    return bool(shapely.relate_pattern(_shape(left), _shape(right), pattern.upper()))


def _distance(left: str | None, right: str | None) -> float | None:
    if left is None or right is None:
        return None
    return float(shapely.distance(_shape(left), _shape(right)))


def _length(shape: str | None) -> float | None:
    return None if shape is None else float(shapely.length(_shape(shape)))


def register() -> None:
    """Give this thread's connection the functions, if it is SQLite's and has them not."""
    if on_postgres():
        return
    connection.ensure_connection()
    raw: Any = connection.connection
    if getattr(connection, "scoc_shapes", None) is raw:
        return
    for name, number, function in (
        ("scoc_related", 3, _related), ("scoc_relate", 3, _relate), ("scoc_distance", 2, _distance),
        ("scoc_length", 1, _length),
    ):  # fmt: skip
        raw.create_function(name, number, function, deterministic=True)
    connection.scoc_shapes = raw  # type: ignore[attr-defined]  # remembered beside what it was done to
