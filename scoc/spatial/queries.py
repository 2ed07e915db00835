"""Which area a point lies in, and what the map draws."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.db import connection
from shapely import Point, from_geojson

from scoc.core.access import query
from scoc.core.acting import Viewer
from scoc.core.models import Area
from scoc.core.now import city_today
from scoc.core.remembered import forgettable
from scoc.core.validity import valid_at
from scoc.kit.geometry import Locator
from scoc.spatial.models import AreaShape, MapFeature
from scoc.spatial.schemas import Feature, FeatureCollection

_FINEST = ("grid", "community", "street", "district")
REFRESH_SECONDS = 30.0


@dataclass(slots=True)
class _Known:
    until: float = 0.0
    newest: tuple[int, int] = (0, 0)


_known = _Known()


@forgettable
def forget_shapes() -> None:
    """Read the shapes anew at the next question. Needs no permission: it changes nothing."""
    _known.until = 0.0
    _locator.cache_clear()
    _levels.cache_clear()


def _refresh() -> None:
    """Other processes may have changed the shapes: look now and then."""
    if time.monotonic() < _known.until:
        return
    _known.until = time.monotonic() + REFRESH_SECONDS
    last = AreaShape.objects.order_by("-id").values_list("id", flat=True).first() or 0
    newest = (last, AreaShape.objects.count())
    if newest != _known.newest:
        _known.newest = newest
        _locator.cache_clear()
        _levels.cache_clear()


@lru_cache(maxsize=1)
def _levels() -> tuple[str, ...]:
    present = set(AreaShape.objects.filter(area__valid_to=None).values_list("area__level", flat=True).distinct())
    return tuple(level for level in _FINEST if level in present)


@lru_cache(maxsize=8)
def _locator(level: str) -> tuple[Locator, dict[str, int]]:
    rows = AreaShape.objects.filter(area__level=level, area__valid_to=None).values_list(
        "area__code", "area_id", "geometry"
    )
    found = list(rows)
    return Locator((code, from_geojson(text)) for code, _, text in found), {code: pk for code, pk, _ in found}


def _by_postgis(level: str, lon: float, lat: float) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.id FROM spatial_area_shape s JOIN core_area a ON a.id = s.area_id "
            "WHERE a.level = %s AND a.valid_to IS NULL AND ST_Covers(s.geom, ST_SetSRID(ST_MakePoint(%s, %s), 4326)) "
            "ORDER BY a.code LIMIT 1",
            [level, lon, lat],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _then(lon: float, lat: float, on: date) -> int | None:
    """The version of the finest area that held a point on a past day. Read from the rows: such questions are rare."""
    around = AreaShape.objects.filter(
        valid_at(on, "area__"), west__lte=lon, east__gte=lon, south__lte=lat, north__gte=lat,
        area__level__in=_FINEST,
    )  # fmt: skip
    rows = around.values_list("area__level", "area__code", "area_id", "geometry").order_by("area__code", "area_id")
    point = Point(lon, lat)
    for level in _FINEST:
        for _, _, pk, text in (row for row in rows if row[0] == level):
            if from_geojson(text).covers(point):
                return pk
    return None


def locate(lon: float, lat: float, on: date | None = None) -> int | None:
    """The id of the finest area that holds a WGS84 point; None outside the city. Border points: the lowest code.

    With a past day of the city the version that held then; where none is known of that day, today's.

    Needs no permission: it tells nothing of the city but where its borders are.
    """
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return None
    if on is not None and on < city_today():
        found = _then(lon, lat, on)
        if found is not None:
            return found
    _refresh()
    for level in _levels():
        if connection.vendor == "postgresql":
            found = _by_postgis(level, lon, lat)
            if found is not None:
                return found
            continue
        locator, ids = _locator(level)
        code = locator.locate(lon, lat)
        if code is not None:
            return ids[code]
    return None


def area_at(lon: float, lat: float, on: date | None = None) -> Area | None:
    """The finest area that holds a point, as its row. Needs no permission: see `locate`."""
    found = locate(lon, lat, on)
    return Area.objects.filter(pk=found).first() if found else None


@query("spatial.read_map")
def area_shapes(viewer: Viewer, level: str, parent: str | None = None) -> FeatureCollection:
    """The outlines of the areas of a level, below one parent if given, as GeoJSON with code and names."""
    rows = AreaShape.objects.filter(area__level=level, area__valid_to=None).select_related("area")
    if parent:
        above = Area.objects.filter(code=parent, valid_to=None).values_list("path", flat=True).first()
        rows = rows.filter(area__path__startswith=above) if above else rows.none()
    return FeatureCollection(
        features=[
            Feature(
                id=row.area.code,
                properties={
                    "code": row.area.code, "name_zh": row.area.name.zh, "name_en": row.area.name.en,
                    "lon": row.lon, "lat": row.lat,
                },
                geometry=json.loads(row.geometry),
            )
            for row in rows.order_by("area__code")[:3000]
        ]
    )  # fmt: skip


@query("spatial.read_map")
def map_features(viewer: Viewer) -> FeatureCollection:
    """What the base map draws."""
    return FeatureCollection(
        features=[
            Feature(
                id=row.key,
                properties={
                    "kind": row.kind, "name_zh": row.name.zh, "name_en": row.name.en, "rank": row.rank,
                    "lon": row.lon, "lat": row.lat,
                },
                geometry=json.loads(row.geometry),
            )
            for row in MapFeature.objects.order_by("rank", "key")[:5000]
        ]
    )  # fmt: skip
