"""Coordinate systems of China (坐标系): WGS84, CGCS2000, GCJ-02, BD-09; converted at the edge only.

What is stored is WGS84. GCJ-02 (火星坐标) and BD-09 (百度坐标) follow the published formulas; the vectors of
DOMAIN.md 10.1 check them. CGCS2000 differs from WGS84 by centimetres and counts as equal for case work, not
for surveying. Outside China's box nothing is shifted. Coordinates are longitude before latitude, in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from shapely import transform
from shapely.geometry.base import BaseGeometry

G = TypeVar("G", bound=BaseGeometry)
Degrees = NDArray[np.float64]
Pair = tuple[Degrees, Degrees]
_AXIS = 6378245.0
_ECCENTRICITY2 = 0.00669342162296594323
_BD = math.pi * 3000.0 / 180.0
_BOX = (72.004, 0.8293, 137.8347, 55.8271)


class Datum(StrEnum):
    """What a pair of coordinates refers to."""

    WGS84 = "WGS84"
    CGCS2000 = "CGCS2000"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


def _shift(lon: Degrees, lat: Degrees) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    both = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    d_lat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    d_lat += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    d_lon += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    d_lon += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    radians = lat / 180.0 * np.pi
    magic = 1.0 - _ECCENTRICITY2 * np.sin(radians) ** 2
    root = np.sqrt(magic)
    d_lat = d_lat * 180.0 / (_AXIS * (1.0 - _ECCENTRICITY2) / (magic * root) * np.pi)
    d_lon = d_lon * 180.0 / (_AXIS / root * np.cos(radians) * np.pi)
    return d_lon, d_lat


def _wgs_to_gcj(lon: Degrees, lat: Degrees) -> Pair:
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def _gcj_to_wgs(lon: Degrees, lat: Degrees) -> Pair:
    """The inverse by iteration, since one step alone is off by metres; each gains two digits."""
    guess_lon, guess_lat = lon, lat
    for _ in range(20):
        made_lon, made_lat = _wgs_to_gcj(guess_lon, guess_lat)
        d_lon, d_lat = lon - made_lon, lat - made_lat
        guess_lon, guess_lat = guess_lon + d_lon, guess_lat + d_lat
        if max(np.abs(d_lon).max(initial=0.0), np.abs(d_lat).max(initial=0.0)) < 1e-12:
            break
    return guess_lon, guess_lat


def _gcj_to_bd(lon: Degrees, lat: Degrees) -> Pair:
    z = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD)
    theta = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD)
    return z * np.cos(theta) + 0.0065, z * np.sin(theta) + 0.006


def _bd_to_gcj(lon: Degrees, lat: Degrees) -> Pair:
    """The published formula that everybody uses; there and back is off by up to 2e-6 degrees (0.2 m)."""
    x, y = lon - 0.0065, lat - 0.006
    z = np.hypot(x, y) - 0.00002 * np.sin(y * _BD)
    theta = np.arctan2(y, x) - 0.000003 * np.cos(x * _BD)
    return z * np.cos(theta), z * np.sin(theta)


_Step = Callable[[Degrees, Degrees], Pair]
_STEPS: dict[tuple[Datum, Datum], tuple[_Step, ...]] = {
    (Datum.WGS84, Datum.GCJ02): (_wgs_to_gcj,),
    (Datum.WGS84, Datum.BD09): (_wgs_to_gcj, _gcj_to_bd),
    (Datum.GCJ02, Datum.WGS84): (_gcj_to_wgs,),
    (Datum.GCJ02, Datum.BD09): (_gcj_to_bd,),
    (Datum.BD09, Datum.GCJ02): (_bd_to_gcj,),
    (Datum.BD09, Datum.WGS84): (_bd_to_gcj, _gcj_to_wgs),
}


def _steps(source: Datum | str, target: Datum | str) -> tuple[_Step, ...]:
    """What leads from one datum to another; nothing between equal ones. Raises ValueError if unknown."""
    kinds = [Datum(source), Datum(target)]
    a, b = (Datum.WGS84 if kind is Datum.CGCS2000 else kind for kind in kinds)
    return _STEPS.get((a, b), ())


def _convert(lon: Degrees, lat: Degrees, steps: tuple[_Step, ...]) -> Pair:
    inside = (lon >= _BOX[0]) & (lon <= _BOX[2]) & (lat >= _BOX[1]) & (lat <= _BOX[3])
    out_lon, out_lat = lon.copy(), lat.copy()
    x, y = lon[inside], lat[inside]
    for step in steps:
        x, y = step(x, y)
    out_lon[inside], out_lat[inside] = x, y
    return out_lon, out_lat


def convert(lon: float, lat: float, source: Datum | str, target: Datum | str) -> tuple[float, float]:
    """(lon, lat) from one datum to another. Raises ValueError for an unknown datum."""
    if not (steps := _steps(source, target)):
        return lon, lat
    out_lon, out_lat = _convert(np.array([lon], dtype=np.float64), np.array([lat], dtype=np.float64), steps)
    return float(out_lon[0]), float(out_lat[0])


def convert_geometry(geometry: G, source: Datum | str, target: Datum | str) -> G:
    """A geometry with every vertex converted; heights stay. Raises ValueError for an unknown datum."""
    if not (steps := _steps(source, target)):
        return geometry

    def each(points: Degrees) -> Degrees:
        moved = points.copy()
        moved[:, 0], moved[:, 1] = _convert(points[:, 0], points[:, 1], steps)
        return moved

    return transform(geometry, each, include_z=bool(geometry.has_z))
