"""Coordinate systems of China (坐标系): WGS84, CGCS2000, GCJ-02, BD-09, converted at the edge, stored as WGS84.

GCJ-02 and BD-09 follow the widely published formulas; the vectors in DOMAIN.md 10.1 check them. CGCS2000 differs
from WGS84 by centimetres and is treated as equal for case work, not for surveying.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TypeVar

import numpy as np
from shapely import transform
from shapely.geometry.base import BaseGeometry

G = TypeVar("G", bound=BaseGeometry)
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


def in_china_box(lon: float, lat: float) -> bool:
    """Whether the shift applies: outside this box GCJ-02 equals WGS84."""
    return _BOX[0] <= lon <= _BOX[2] and _BOX[1] <= lat <= _BOX[3]


def _shift(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))
    both = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    d_lat += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    d_lat += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    d_lon += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    d_lon += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    radians = lat / 180.0 * math.pi
    magic = 1.0 - _ECCENTRICITY2 * math.sin(radians) ** 2
    root = math.sqrt(magic)
    d_lat = d_lat * 180.0 / (_AXIS * (1.0 - _ECCENTRICITY2) / (magic * root) * math.pi)
    d_lon = d_lon * 180.0 / (_AXIS / root * math.cos(radians) * math.pi)
    return d_lon, d_lat


def _wgs_to_gcj(lon: float, lat: float) -> tuple[float, float]:
    if not in_china_box(lon, lat):
        return lon, lat
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def _gcj_to_wgs(lon: float, lat: float) -> tuple[float, float]:
    """The inverse by iteration: one step alone is off by metres."""
    if not in_china_box(lon, lat):
        return lon, lat
    guess_lon, guess_lat = lon, lat
    for _ in range(30):
        made_lon, made_lat = _wgs_to_gcj(guess_lon, guess_lat)
        d_lon, d_lat = lon - made_lon, lat - made_lat
        guess_lon, guess_lat = guess_lon + d_lon, guess_lat + d_lat
        if abs(d_lon) < 1e-12 and abs(d_lat) < 1e-12:
            break
    return guess_lon, guess_lat


def _gcj_to_bd(lon: float, lat: float) -> tuple[float, float]:
    z = math.hypot(lon, lat) + 0.00002 * math.sin(lat * _BD)
    theta = math.atan2(lat, lon) + 0.000003 * math.cos(lon * _BD)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def _bd_to_gcj(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 0.0065, lat - 0.006
    z = math.hypot(x, y) - 0.00002 * math.sin(y * _BD)
    theta = math.atan2(y, x) - 0.000003 * math.cos(x * _BD)
    return z * math.cos(theta), z * math.sin(theta)


def convert(lon: float, lat: float, source: Datum | str, target: Datum | str) -> tuple[float, float]:
    """(lon, lat) in degrees from one datum to another. Raises ValueError for an unknown datum."""
    source, target = Datum(source), Datum(target)
    equal = {Datum.WGS84, Datum.CGCS2000}
    if source == target or {source, target} <= equal:
        return lon, lat
    if source == Datum.BD09:
        lon, lat = _bd_to_gcj(lon, lat)
        source = Datum.GCJ02
    if source == Datum.GCJ02:
        if target == Datum.GCJ02:
            return lon, lat
        if target == Datum.BD09:
            return _gcj_to_bd(lon, lat)
        return _gcj_to_wgs(lon, lat)
    lon, lat = _wgs_to_gcj(lon, lat)
    return _gcj_to_bd(lon, lat) if target == Datum.BD09 else (lon, lat)


def convert_geometry(geometry: G, source: Datum | str, target: Datum | str) -> G:
    """A geometry with every vertex converted."""
    if Datum(source) == Datum(target) or {Datum(source), Datum(target)} <= {Datum.WGS84, Datum.CGCS2000}:
        return geometry

    def each(points: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([convert(lon, lat, source, target) for lon, lat in points.tolist()])

    return transform(geometry, each)
