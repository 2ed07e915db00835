"""Outlines for tests."""

from __future__ import annotations

from shapely import to_geojson
from shapely.geometry import box

from scoc.core.models import Area
from scoc.spatial.models import AreaShape
from scoc.spatial.queries import forget_shapes


def make_outline(area: Area, west: float, south: float, east: float, north: float) -> AreaShape:
    """A rectangle as the outline of an area."""
    shape = box(west, south, east, north)
    made = AreaShape.objects.create(
        area=area, geometry=to_geojson(shape), datum="WGS84", west=west, south=south, east=east, north=north,
        lon=(west + east) / 2, lat=(south + north) / 2,
    )  # fmt: skip
    forget_shapes()
    return made
