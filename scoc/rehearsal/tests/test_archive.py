"""Air archives: each trap of the files is counted by its reason, and nothing is mended."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from scoc.rehearsal.archive.checks import doubts, stuck
from scoc.rehearsal.archive.files import BadArchive, Batch, archives, kdd, prsa
from scoc.rehearsal.archive.source import read_span
from scoc.rehearsal.pack import AirArchiveSettings

CHECKS = AirArchiveSettings()
FOREVER = (0.0, float("inf"))
DATA = settings.ENVIRONMENT.data_dir
needs_data = pytest.mark.skipif(DATA is None, reason="SCOC_DATA_DIR is not set: the air archives are outside")
NAN = float("nan")


def hours(*values: float) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    """Values of consecutive hours, and their times."""
    return np.array(values), np.arange(len(values), dtype=np.float64) * 3600


def test_a_value_that_stands_for_hours_is_stuck_after_its_first() -> None:
    """Six equal hours are stuck but for the first; five are not; low ones and those across a gap never are."""
    values, times = hours(50, 50, 50, 50, 50, 50, 51)
    assert stuck(values, times, 6, 5.0).tolist() == [False, True, True, True, True, True, False]
    assert not stuck(values[1:], times[1:], 6, 5.0).any()
    assert not stuck(values, times, 6, 50.0).any()
    times[3:] += 3600
    assert not stuck(values, times, 6, 5.0).any()
    assert stuck(np.zeros(0), np.zeros(0), 6, 5.0).tolist() == []


def test_each_doubt_has_one_reason() -> None:
    """The end of the scale, then stuck, then PM2.5 above PM10 by more than a tenth; a missing cell is never doubted."""
    pm25, times = hours(999, 110, 111, 40, NAN)
    pm10, _ = hours(999, 100, 100, NAN, 30)
    found = doubts({"pm25": pm25, "pm10": pm10}, times, "beijing_air_prsa", CHECKS)
    assert found["pm25"]["pinned"].tolist() == [True, False, False, False, False]
    assert found["pm25"]["pm25_above_pm10"].tolist() == [False, False, True, False, False]
    assert found["pm10"]["pm25_above_pm10"].tolist() == [False, False, True, False, False]
    elsewhere = doubts({"pm25": pm25, "pm10": pm10}, times, "another", CHECKS)
    assert not elsewhere["pm25"]["pinned"].any(), "the scale of other instruments ends elsewhere"


def write(path: Path, lines: list[str]) -> None:
    """A compressed file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def prsa_folder(folder: Path, rows: list[str], head: str = "") -> Path:
    """A folder with one file of PRSA's schema and its list of stations."""
    head = head or "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station"
    write(folder / "beijing_air_prsa" / "PRSA_Data_East.csv.gz", [head, *rows])
    (folder / "beijing_air_prsa" / "stations.csv").write_text(
        "prsa_station,kdd_station_id,lon,lat\nEast,est_aq,116.4,39.9\n", encoding="utf-8"
    )
    return folder


def test_prsa_is_local_time_and_micrograms_and_another_spelling(tmp_path: Path) -> None:
    """Hour 0 of 1 May in Beijing is 16:00 UTC of 30 April; 800 µg/m³ CO are 0.8 mg/m³; East is est_aq."""
    folder = prsa_folder(tmp_path, ["1,2016,5,1,0,40,60,NA,20,800,,20,1000,5,0,N,1,East"])
    [batch] = prsa(folder, CHECKS, *FOREVER)
    table = batch.record_batch().to_pylist()
    assert {row["device_key"] for row in table} == {"est_aq"}
    assert {row["at_micros"] for row in table} == {int(datetime(2016, 4, 30, 16, tzinfo=UTC).timestamp() * 1e6)}
    assert {row["property"]: row["value"] for row in table} == {"pm25": 40, "pm10": 60, "no2": 20, "co": 0.8}
    assert (batch.hours, batch.missing, batch.refused) == (1, 2, {})


def test_a_word_where_a_number_is_meant_is_refused_not_missing(tmp_path: Path) -> None:
    """`abc` and `1,5` are readings that cannot be read; `NA` and nothing are no readings."""
    folder = prsa_folder(tmp_path, ["1,2016,5,1,0,abc,60,NA,nan,800,1e1,20,1000,5,0,N,1,East"])
    [batch] = prsa(folder, CHECKS, *FOREVER)
    assert batch.refused == {"not_a_number": 2}
    assert batch.missing == 1
    assert {row["property"]: row["value"] for row in batch.record_batch().to_pylist()} == {
        "pm10": 60,
        "co": 0.8,
        "o3": 10,
    }


def test_a_station_that_nobody_knows_is_counted(tmp_path: Path) -> None:
    """Its hours are refused as a whole, and the others are kept."""
    rows = [
        "1,2016,5,1,0,40,60,3,20,800,50,20,1000,5,0,N,1,West",
        "2,2016,5,1,0,40,60,3,20,800,50,20,1000,5,0,N,1,East",
    ]
    [batch] = prsa(prsa_folder(tmp_path, rows), CHECKS, *FOREVER)
    assert batch.refused == {"unknown_station": 1}
    assert batch.record_batch().num_rows == 6


def test_another_schema_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    """The message names the columns that lack, or the setting."""
    folder = prsa_folder(tmp_path / "a", ["1,2016,5,1,0,East"], head="No,year,month,day,hour,station")
    with pytest.raises(BadArchive, match=r"CO, NO2, O3, PM10, PM2\.5, SO2"):
        list(prsa(folder, CHECKS, *FOREVER))
    with pytest.raises(BadArchive, match="SCOC_DATA_DIR"):
        list(archives(None, CHECKS))
    with pytest.raises(BadArchive, match="SCOC_DATA_DIR"):
        list(archives(tmp_path / "nowhere", CHECKS))


def test_kdd_is_utc_in_two_forms_of_dates(tmp_path: Path) -> None:
    """`2018-03-31 07:00:00` and `2018/3/31 7:00` are one hour; CO is in mg/m³ already."""
    head = "stationId,utc_time,PM2.5,PM10,NO2,CO,O3,SO2"
    write(
        tmp_path / "beijing_air_kdd2018" / "a_aq.csv.gz",
        [head, "est_aq,2018-03-31 07:00:00,105.0,172.0,53.0,0.8,,14.0"],
    )
    write(tmp_path / "beijing_air_kdd2018" / "b_aq.csv.gz", [head, "est_aq,2018/3/31 7:00,105,172,53,0.8,127,14"])
    first, second = (batch.record_batch().to_pylist() for batch in kdd(tmp_path, CHECKS, *FOREVER))
    assert {row["at_micros"] for row in [*first, *second]} == {
        int(datetime(2018, 3, 31, 7, tzinfo=UTC).timestamp() * 1e6)
    }
    assert next(row["value"] for row in first if row["property"] == "co") == 0.8


def test_a_span_takes_its_start_and_leaves_its_end(tmp_path: Path) -> None:
    """Hours before and after are neither read nor counted; runs that began before are seen as a whole."""
    rows = [f"{n},2016,5,1,{n},70,90,3,20,800,50,20,1000,5,0,N,1,East" for n in range(8)]
    folder = prsa_folder(tmp_path, rows)
    begin = datetime(2016, 4, 30, 20, tzinfo=UTC).timestamp()
    [batch] = prsa(folder, CHECKS, begin, begin + 2 * 3600)
    assert batch.hours == 2
    assert batch.refused == {"stuck": 8}, "PM2.5, PM10, NO2 and O3 of two hours; SO2 is low, CO coarse"


@needs_data
def test_the_traps_of_the_real_files_are_counted() -> None:
    """What the loader counts equals a plain count of the text, cell by cell."""
    assert DATA is not None
    given: Counter[str] = Counter()
    for path in sorted((DATA / "beijing_air_prsa").glob("PRSA*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                given["hours"] += 1
                for name in ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3"):
                    given["missing"] += row[name] in ("NA", "")
                given["pinned"] += (row["PM2.5"] == "999") + (row["PM10"] == "999") + (row["CO"] == "10000")
    found: Counter[str] = Counter()
    keys: set[str] = set()
    for batch in prsa(DATA, CHECKS, *FOREVER):
        found["hours"] += batch.hours
        found["missing"] += batch.missing
        found.update(batch.refused)
        keys |= set(batch.record_batch()["device_key"].to_pylist()[:1])
    assert {name: found[name] for name in given} == given
    assert given["pinned"] == 46
    assert found["stuck"] > 0
    assert found["pm25_above_pm10"] > 0
    assert found["not_a_number"] == 0
    assert "pingchang_aq" in keys, "Changping is spelled differently in the other archive"


@needs_data
def test_the_two_archives_agree_where_they_overlap() -> None:
    """Twenty hours of 35 stations stand in both files of KDD, in two forms of dates: equal values prove equal times."""
    assert DATA is not None
    seen: list[dict[tuple[str, str, int], float]] = []
    for batch in kdd(DATA, CHECKS, *FOREVER):
        rows = batch.record_batch().to_pylist()
        seen.append({(row["device_key"], row["property"], row["at_micros"]): row["value"] for row in rows})
    both = seen[0].keys() & seen[1].keys()
    assert len({at for _, _, at in both}) == 9
    assert len(both) == 1733
    assert all(seen[0][key] == seen[1][key] for key in both)


@needs_data
def test_a_span_of_the_real_files_has_the_stations_of_its_time() -> None:
    """In November 2016 ten stations report, none twice for an hour."""
    start = datetime(2016, 11, 1, tzinfo=UTC)
    source = read_span(DATA, CHECKS, start, start.replace(day=3))
    assert len(source.stations) == 10
    assert source.hours == 480
    keys = list(
        zip(source.span.device.tolist(), source.span.property.tolist(), source.span.at_micros.tolist(), strict=True)
    )
    assert len(set(keys)) == len(keys)
    assert source.span.at_micros.tolist() == sorted(source.span.at_micros.tolist())


def test_an_empty_batch_has_the_columns_of_a_full_one() -> None:
    """So that an import of nothing is no special case."""
    assert Batch("none", *FOREVER).record_batch().schema.names == ["device_key", "property", "at_micros", "value"]
