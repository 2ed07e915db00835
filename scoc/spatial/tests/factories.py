"""Outlines and features for tests."""

from __future__ import annotations

from datetime import date

from shapely import to_geojson
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from scoc.core.models import Area
from scoc.kit.text import Text
from scoc.spatial.models import AreaShape, MapFeature
from scoc.spatial.queries import forget_shapes


def make_outline(area: Area, west: float, south: float, east: float, north: float) -> AreaShape:
    """A rectangle as the outline of an area."""
    return make_shape(area, box(west, south, east, north))


def make_shape(area: Area, shape: BaseGeometry) -> AreaShape:
    """Any outline of an area, in WGS84."""
    west, south, east, north = shape.bounds
    inside = shape.representative_point()
    made = AreaShape.objects.create(
        area=area, geometry=to_geojson(shape), datum="WGS84", west=west, south=south, east=east, north=north,
        lon=inside.x, lat=inside.y,
    )  # fmt: skip
    forget_shapes()
    return made


def next_version(area: Area, on: date) -> Area:
    """The next version of an area, from a day on; the one before ends on it."""
    Area.objects.filter(pk=area.pk).update(valid_to=on)
    return Area.objects.create(
        code=area.code, version=area.version + 1, level=area.level, name=area.name, parent=area.parent, path=area.path,
        valid_from=on,
    )  # fmt: skip


def make_feature(key: str, shape: BaseGeometry, kind: str = "road", rank: int = 9) -> MapFeature:
    """Something that the base map draws."""
    west, south, east, north = shape.bounds
    inside = shape.representative_point()
    return MapFeature.objects.create(
        key=key, kind=kind, name=Text("海滨路", "Seaside Road"), rank=rank, geometry=to_geojson(shape), datum="WGS84",
        west=west, south=south, east=east, north=north, lon=inside.x, lat=inside.y,
    )  # fmt: skip
