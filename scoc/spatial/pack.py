"""What a city pack may configure of space: the shapes of its areas and the features of its map."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field
from shapely import to_geojson
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from scoc.core.city import Changes, Pack, PackRow, Problem, Section, declare_section
from scoc.core.models import Area
from scoc.core.pack import follow_areas, next_versions
from scoc.kit.coordinates import Datum, convert_geometry
from scoc.kit.text import Text
from scoc.spatial.models import AreaShape, MapFeature
from scoc.spatial.queries import forget_shapes


class ShapeIn(PackRow):
    """The outline of an area, from the same file as the area itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    code: str
    geometry: dict[str, Any] | None = None
    datum: Datum = Datum.WGS84


class FeatureIn(PackRow):
    """A feature of the map."""

    key: str = Field(min_length=1, max_length=80)
    kind: str = Field(min_length=1, max_length=20)
    name_zh: str = Field("", max_length=60)
    name_en: str = Field("", max_length=80)
    rank: int = Field(9, ge=0, le=99)
    geometry: dict[str, Any]
    datum: Datum


def _wgs84(geometry: dict[str, Any], datum: Datum) -> BaseGeometry:
    return convert_geometry(shape(geometry), datum, Datum.WGS84)


def _columns(geometry: BaseGeometry, datum: Datum) -> dict[str, Any]:
    west, south, east, north = geometry.bounds
    point = geometry.representative_point()
    return {
        "geometry": to_geojson(geometry), "datum": datum, "west": west, "south": south, "east": east, "north": north,
        "lon": point.x, "lat": point.y,
    }  # fmt: skip


def _check_geometry(pack: Pack, rows: Sequence[tuple[Any, str, int]]) -> Iterable[Problem]:
    for row, file, line in rows:
        if row.geometry is None:
            continue
        try:
            made = shape(row.geometry)
        except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            yield Problem(file, line, "geometry", "It is not a GeoJSON geometry.", "Correct its type and coordinates.")
            continue
        west, south, east, north = made.bounds if not made.is_empty else (999, 999, 999, 999)
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            yield Problem(file, line, "geometry", "Its coordinates are not longitude and latitude in degrees.",
                          "Order is lon, lat; project it to degrees.")  # fmt: skip
        elif made.geom_type in {"Polygon", "MultiPolygon"} and not made.is_valid:
            yield Problem(file, line, "geometry", "Its outline crosses itself.", "Repair the polygon.")


def _shapes() -> Iterable[ShapeIn]:
    for row in AreaShape.objects.filter(area__valid_to=None).select_related("area"):
        yield ShapeIn(code=row.area.code, geometry=json.loads(row.geometry), datum=Datum.WGS84)


def _same(row: ShapeIn, _running: ShapeIn | None) -> ShapeIn | None:
    """A pack's shape as it is stored; None where the area has none."""
    if row.geometry is None:
        return None
    return ShapeIn(code=row.code, geometry=json.loads(to_geojson(_wgs84(row.geometry, row.datum))), datum=Datum.WGS84)


@follow_areas
def _copy_shapes(versions: Mapping[int, int]) -> None:
    """An area's next version has the outline of the one before, until the pack gives it another."""
    rows = list(AreaShape.objects.filter(area_id__in=versions))
    for row in rows:
        row.pk, row.area_id = None, versions[row.area_id]
    AreaShape.objects.bulk_create(rows, batch_size=200)
    forget_shapes()


def _apply_shapes(changes: Changes[ShapeIn]) -> None:
    """A changed outline makes the next version of its area: what happened before lies in the old one."""
    next_versions(row.code for row in changes.changed)
    areas = dict(Area.objects.filter(valid_to=None).values_list("code", "id"))
    fresh = []
    for row in [*changes.added, *changes.changed]:
        assert row.geometry is not None  # rows without one are no rows of this section
        AreaShape.objects.filter(area_id=areas[row.code]).delete()
        fresh.append(AreaShape(area_id=areas[row.code], **_columns(_wgs84(row.geometry, row.datum), row.datum)))
    AreaShape.objects.bulk_create(fresh, batch_size=200)
    forget_shapes()


def _same_feature(row: FeatureIn, _running: FeatureIn | None) -> FeatureIn:
    """A pack's feature as it is stored."""
    geometry = json.loads(to_geojson(_wgs84(row.geometry, row.datum)))
    return row.model_copy(update={"geometry": geometry, "datum": Datum.WGS84})


def _features() -> Iterable[FeatureIn]:
    for row in MapFeature.objects.all():
        yield FeatureIn(
            key=row.key, kind=row.kind, name_zh=row.name.zh, name_en=row.name.en, rank=row.rank,
            geometry=json.loads(row.geometry), datum=Datum.WGS84,
        )  # fmt: skip


def _apply_features(changes: Changes[FeatureIn]) -> None:
    keys = [row.key for row in [*changes.removed, *changes.changed]]
    MapFeature.objects.filter(key__in=keys).delete()
    MapFeature.objects.bulk_create(
        MapFeature(key=row.key, kind=row.kind, name=Text(row.name_zh, row.name_en), rank=row.rank,
                   **_columns(_wgs84(row.geometry, row.datum), row.datum))
        for row in [*changes.added, *changes.changed]
    )  # fmt: skip
    forget_shapes()


declare_section(
    Section("shapes", ("areas/*.geojson", "areas/*.csv"), "area", ShapeIn, ("code",), _shapes, _apply_shapes,
            references={"code": "areas"}, check=_check_geometry, export_file="areas/areas.geojson",
            exported_with="areas", normal=_same)
)  # fmt: skip
declare_section(
    Section("map", ("map/*.geojson",), "feature", FeatureIn, ("key",), _features, _apply_features,
            check=_check_geometry, export_file="map/features.geojson", normal=_same_feature)
)  # fmt: skip
