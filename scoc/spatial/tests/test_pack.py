"""Outlines and map features from a pack: converted from their datum, told with their place when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from shapely.geometry import LineString, Polygon, box, mapping, shape

from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, export_pack, plan_pack, read_pack
from scoc.core.models import Area
from scoc.kit.coordinates import Datum, convert, convert_geometry
from scoc.spatial.models import AreaShape, MapFeature
from scoc.spatial.queries import area_at

pytestmark = pytest.mark.django_db
CITY = {
    "code": "990100", "name_zh": "试城", "name_en": "Testville", "timezone": "Asia/Shanghai",
    "center": [121.5, 30.0], "bbox": [121.0, 29.5, 122.0, 30.5],
}  # fmt: skip
EAST = box(121.5, 29.9, 121.6, 30.1)
ROAD = LineString([(121.4, 30.0), (121.6, 30.0)])


def collection(features: list[dict[str, Any]], datum: str) -> str:
    """GeoJSON with its datum, a feature a line so that mistakes have one."""
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    return f'{{"type": "FeatureCollection", "datum": "{datum}", "features": [\n{lines}\n]}}'


def write(folder: Path, outline: Any = EAST, road: Any = ROAD, datum: str = "WGS84") -> str:
    """A pack of one district and one road."""
    (folder / "areas").mkdir(parents=True, exist_ok=True)
    (folder / "map").mkdir(exist_ok=True)
    (folder / "city.toml").write_text(tomli_w.dumps(CITY), encoding="utf-8")
    district = {
        "type": "Feature", "properties": {"code": "990102", "level": "district", "name_zh": "东区", "name_en": "East"},
        "geometry": outline if isinstance(outline, dict) else mapping(outline),
    }  # fmt: skip
    street = {
        "type": "Feature", "properties": {"key": "road-1", "kind": "road", "name_zh": "海滨路", "name_en": "Seaside"},
        "geometry": road if isinstance(road, dict) else mapping(road),
    }  # fmt: skip
    (folder / "areas" / "districts.geojson").write_text(collection([district], datum), encoding="utf-8")
    (folder / "map" / "base.geojson").write_text(collection([street], datum), encoding="utf-8")
    return str(folder)


def applied(folder: Path, *arguments: Any, **options: Any) -> list[str]:
    """The sections that a pack changes."""
    return [
        change.section for change in apply_pack(system_actor("city"), read_pack(write(folder, *arguments, **options)))
    ]


@pytest.mark.parametrize("datum", list(Datum))
def test_an_outline_is_converted_from_the_datum_of_its_file(db: None, tmp_path: Path, datum: Datum) -> None:
    """A point half-way lies in it whichever way it came; it says which that was; and applied again nothing changes."""
    moved = convert_geometry(EAST, Datum.WGS84, datum)
    assert applied(tmp_path, moved, convert_geometry(ROAD, Datum.WGS84, datum), datum)
    row = AreaShape.objects.get()
    assert row.datum == datum
    assert shape(json.loads(row.geometry)).equals_exact(EAST, 3e-6)
    assert shape(json.loads(MapFeature.objects.get().geometry)).equals_exact(ROAD, 3e-6)
    assert area_at(121.55, 30.0) == Area.objects.get(code="990102")
    edge = convert(121.5, 30.0, Datum.WGS84, datum)
    assert (edge == (121.5, 30.0)) == (datum in (Datum.WGS84, Datum.CGCS2000))
    assert applied(tmp_path, moved, convert_geometry(ROAD, Datum.WGS84, datum), datum) == []


def test_a_file_that_hides_its_datum_or_names_none_that_is_known_is_refused(db: None, tmp_path: Path) -> None:
    with pytest.raises(BadPack, match="datum"):
        applied(tmp_path, datum="Beijing54")
    write(tmp_path)
    path = tmp_path / "areas" / "districts.geojson"
    path.write_text(path.read_text(encoding="utf-8").replace('"datum": "WGS84", ', ""), encoding="utf-8")
    with pytest.raises(BadPack, match=r"districts\.geojson.*datum"):
        read_pack(str(tmp_path))
    assert not AreaShape.objects.exists()


BOW = Polygon([(121.5, 29.9), (121.6, 30.1), (121.6, 29.9), (121.5, 30.1)])


@pytest.mark.parametrize(
    ("outline", "told"),
    [
        (BOW, "crosses itself"),
        (Polygon(EAST.exterior, [box(121.7, 29.9, 121.8, 30.0).exterior]), "crosses itself"),
        (mapping(Polygon([(30.0, 121.5), (30.1, 121.5), (30.1, 121.6)])), "lon, lat"),
        ({"type": "Polygon", "coordinates": [[[500000, 3300000], [500001, 3300000], [500001, 3300001]]]}, "degrees"),
        ({"type": "Polygon", "coordinates": []}, "degrees"),
        ({"type": "Polygon", "coordinates": [[[121.5, 29.9], [121.6]]]}, "not a GeoJSON geometry"),
        ({"type": "Polygon", "coordinates": "here"}, "not a GeoJSON geometry"),
        ({"type": "Blob", "coordinates": [1, 2]}, "not a GeoJSON geometry"),
        ({"type": "Polygon"}, "not a GeoJSON geometry"),
        ({}, "not a GeoJSON geometry"),
    ],
)  # fmt: skip
def test_a_wrong_outline_is_told_with_its_file_and_line(db: None, tmp_path: Path, outline: Any, told: str) -> None:
    with pytest.raises(BadPack, match=told) as bad:
        applied(tmp_path, outline)
    [problem] = bad.value.problems
    assert (problem.field, problem.line) == ("geometry", 2)
    assert problem.file.endswith("areas/districts.geojson")
    assert problem.remedy
    assert not Area.objects.filter(code="990102").exists()


def test_what_runs_can_be_exported_and_read_again(db: None, tmp_path: Path) -> None:
    applied(tmp_path / "in", convert_geometry(EAST, Datum.WGS84, Datum.GCJ02), datum=Datum.GCJ02)
    export_pack(system_actor("city"), tmp_path / "out")
    assert not plan_pack(read_pack(str(tmp_path / "out")))


def test_the_map_follows_the_pack(db: None, tmp_path: Path) -> None:
    applied(tmp_path)
    assert applied(tmp_path, road=LineString([(121.4, 30.0), (121.7, 30.0)])) == ["map"]
    assert MapFeature.objects.get().east == 121.7
    (tmp_path / "map" / "base.geojson").unlink()
    assert [change.section for change in apply_pack(system_actor("city"), read_pack(str(tmp_path)))] == ["map"]
    assert not MapFeature.objects.exists()
