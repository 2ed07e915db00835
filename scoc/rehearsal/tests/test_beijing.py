"""The pack of Beijing: outlines come in GCJ-02, stations in WGS84, and ignoring that misplaces two of them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from shapely.geometry import shape

from scoc.core.access import system_actor
from scoc.core.city import BadPack, apply_pack, export_pack, plan_pack, read_pack
from scoc.core.models import Area
from scoc.kit.coordinates import Datum, convert, convert_geometry
from scoc.kit.geometry import Locator
from scoc.sensing.queries import device_points
from scoc.spatial.queries import area_at

DATA = settings.ENVIRONMENT.data_dir
needs_data = pytest.mark.skipif(DATA is None, reason="SCOC_DATA_DIR is not set: outlines and stations are outside")
MISPLACED = {"qianmen_aq": ("110102", "110101"), "yongdingmennei_aq": ("110102", "110101")}
"""Station → district if the datum is ignored, district in truth."""


@needs_data
def test_two_stations_would_be_misplaced_if_the_datum_were_ignored() -> None:
    """Two stations at streets (前门东大街, 永定门内大街) stand in 东城区 (110101), a little east of its western border.

    GCJ-02 shifts outlines to the east by about 550 m here, so the border as it is in the file runs past both, and
    they would fall into 西城区 (110102). The places of stations are WGS84: taken for GCJ-02 they would move to the
    west, with the same wrong answer; and both streets lie in 东城区.
    """
    assert DATA is not None
    found = json.loads((DATA / "beijing_districts/beijing_districts_gcj02.geojson").read_text(encoding="utf-8"))
    outlines = [
        (feature["properties"]["adcode"], shape(feature["geometry"]))
        for feature in found["features"] if feature["properties"]["level"] != "city"
    ]  # fmt: skip
    ignored = Locator(outlines)
    converted = Locator([(code, convert_geometry(made, Datum.GCJ02, Datum.WGS84)) for code, made in outlines])
    differ = {}
    with (DATA / "beijing_air_kdd2018/stations.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lon, lat = float(row["lon"]), float(row["lat"])
            plain, true = ignored.locate(lon, lat), converted.locate(lon, lat)
            assert true is not None, row["station_id"]
            if plain != true:
                differ[row["station_id"]] = (plain, true)
            twice = converted.locate(*convert(lon, lat, Datum.GCJ02, Datum.WGS84))
            assert twice == plain, "shifting the stations instead of the outlines is the same mistake"
    assert differ == MISPLACED


@needs_data
@pytest.mark.django_db
def test_beijing_applies_with_its_stations_in_the_right_districts(tmp_path: Path) -> None:
    """Sixteen districts, thirty-five stations, each located by the kernel; round trip and second time: no change."""
    pack = read_pack("beijing")
    apply_pack(system_actor("city"), pack)
    assert plan_pack(pack) == []
    assert Area.objects.filter(level="district").count() == 16
    points = {point.key: point for point in device_points(system_actor("city"))}
    assert len(points) == 35
    for key, (_, true) in MISPLACED.items():
        area = area_at(points[key].lon, points[key].lat)
        assert area is not None
        assert area.code == true
        assert f"/{true}/" in points[key].area_path
    export_pack(system_actor("city"), tmp_path / "beijing")
    assert plan_pack(read_pack(str(tmp_path / "beijing"))) == []


@pytest.mark.django_db
def test_without_the_data_folder_the_pack_says_what_to_set() -> None:
    """No geometry is in the repository, so the pack names the setting that is missing."""
    if DATA is None:
        with pytest.raises(BadPack, match="SCOC_DATA_DIR"):
            read_pack("beijing")
    folder = Path(settings.SCOC_CITIES) / "beijing"
    assert not list(folder.rglob("*.geojson"))
    assert "lon" not in (folder / "devices/stations.csv").read_text(encoding="utf-8").splitlines()[0].split(",")


@pytest.mark.django_db
def test_a_mapping_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """`outside.toml` that maps no key, or a section that is not there, is refused with its line."""
    shutil.copytree(Path(settings.SCOC_CITIES) / "common", tmp_path / "common")
    folder = shutil.copytree(Path(settings.SCOC_CITIES) / "beijing", tmp_path / "beijing")
    path = folder / "outside.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('section = "devices"', 'section = "gauges"'), encoding="utf-8"
    )
    with pytest.raises(BadPack, match="cannot be filled from outside") as bad:
        read_pack(str(folder))
    told = next(problem for problem in bad.value.problems if problem.field == "section")
    line = path.read_text(encoding="utf-8").splitlines()[told.line - 1]
    assert line == 'section = "gauges"'
