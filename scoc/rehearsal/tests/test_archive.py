"""Air archives: each trap of the files is counted by its reason, and nothing is mended."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from scoc.rehearsal.archive import checks
from scoc.rehearsal.archive.checks import HOUR_MICROS, doubts, stuck
from scoc.rehearsal.archive.files import ArchiveFile, BadArchive, archives, kdd, prsa
from scoc.rehearsal.archive.source import read_span
from scoc.rehearsal.pack import AirArchiveSettings

CHECKS = AirArchiveSettings()
DATA = settings.ENVIRONMENT.data_dir
needs_data = pytest.mark.skipif(DATA is None, reason="SCOC_DATA_DIR is not set: the air archives are outside")
NAN = float("nan")


def hours(*values: float) -> tuple[Any, Any]:
    """Values of consecutive hours, and their times."""
    return np.array(values), np.arange(len(values), dtype=np.int64) * HOUR_MICROS


def test_a_value_that_stands_for_hours_is_stuck_after_its_first() -> None:
    """Six equal hours are stuck but for the first; five are not; low ones and those across a gap never are."""
    values, times = hours(50, 50, 50, 50, 50, 50, 51)
    assert stuck(values, times, 6, 5.0).tolist() == [False, True, True, True, True, True, False]
    assert not stuck(values[1:], times[1:], 6, 5.0).any()
    assert not stuck(values, times, 6, 50.0).any()
    times[3:] += HOUR_MICROS
    assert not stuck(values, times, 6, 5.0).any()
    assert stuck(np.zeros(0), np.zeros(0, np.int64), 6, 5.0).tolist() == []


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


def cells(file: ArchiveFile) -> list[dict[str, Any]]:
    """Every cell of a file as it goes to sensing: key, property, time, value, fault."""
    nothing = {"fault": None, "raw": None}
    return [{**nothing, **row} for batch in file.batches(file.doubter(CHECKS)) for row in batch.to_pylist()]


def given(file: ArchiveFile) -> list[dict[str, Any]]:
    """The cells that hold something."""
    return [row for row in cells(file) if row["value"] is not None or row["fault"] is not None]


def faults(file: ArchiveFile) -> Counter[str]:
    """How many cells are refused, by reason."""
    return Counter(row["fault"] for row in cells(file) if row["fault"] is not None)


def micros(*moment: int) -> int:
    """A time of UTC."""
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1_000_000)  # type: ignore[misc,arg-type]  # year to minute


def test_prsa_is_local_time_and_micrograms_and_another_spelling(tmp_path: Path) -> None:
    """Hour 0 of 1 May in Beijing is 16:00 UTC of 30 April; 800 µg/m³ CO are 0.8 mg/m³; East is est_aq."""
    folder = prsa_folder(tmp_path, ["1,2016,5,1,0,40,60,NA,20,800,,20,1000,5,0,N,1,East"])
    [file] = prsa(folder)
    rows = given(file)
    assert {(row["device_key"], row["at_micros"], row["fault"]) for row in rows} == {
        ("est_aq", micros(2016, 4, 30, 16), None)
    }
    assert {row["property"]: row["value"] for row in rows} == {"pm25": 40, "pm10": 60, "no2": 20, "co": 0.8}
    assert len(cells(file)) == 6, "two of the cells are missing"


def test_a_word_where_a_number_is_meant_is_refused_not_missing(tmp_path: Path) -> None:
    """`abc` is a reading that cannot be read, `nan` none that can be true; `NA` and nothing are no readings."""
    folder = prsa_folder(tmp_path, ["1,2016,5,1,0,abc,60,NA,nan,800,1e1,20,1000,5,0,N,1,East"])
    [file] = prsa(folder)
    rows = {row["property"]: (row["value"], row["fault"], row["raw"]) for row in given(file)}
    assert rows["pm25"] == (None, "wrong_type", "abc")
    assert rows["no2"][1] is None, "sensing itself refuses what is not finite"
    assert {name: rows[name][0] for name in ("pm10", "co", "o3")} == {"pm10": 60, "co": 0.8, "o3": 10}
    assert "so2" not in rows


def test_a_line_that_cannot_be_read_harms_no_neighbour(tmp_path: Path) -> None:
    """A wrong hour, a day that never was, a line cut short: each is refused with what stood there."""
    good = "1,2016,5,1,7,40,60,3,20,800,50,20,1000,5,0,N,1,East"
    wrong = [good.replace(",1,7,", ",1,NA,"), good.replace("5,1,7", "2,30,7"), "1,2016,5"]
    [file] = prsa(prsa_folder(tmp_path, [wrong[0], good, wrong[1], wrong[2]]))
    assert faults(file) == {"bad_time": 12, "malformed": 1}
    believed = [row for row in given(file) if row["fault"] is None]
    assert len(believed) == 6
    assert {row["at_micros"] for row in believed} == {micros(2016, 4, 30, 23)}


def test_a_station_that_nobody_knows_keeps_its_name(tmp_path: Path) -> None:
    """Sensing refuses its readings as those of an unknown device; the others are kept."""
    rows = [
        "1,2016,5,1,0,40,60,3,20,800,50,20,1000,5,0,N,1,West",
        "2,2016,5,1,0,40,60,3,20,800,50,20,1000,5,0,N,1,East",
    ]
    [file] = prsa(prsa_folder(tmp_path, rows))
    assert Counter(row["device_key"] for row in given(file)) == {"West": 6, "est_aq": 6}


def test_another_schema_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    """The message names the columns that lack, or the setting, or the file."""
    folder = prsa_folder(tmp_path / "a", ["1,2016,5,1,0,East"], head="No,year,month,day,hour,station")
    with pytest.raises(BadArchive, match=r"CO, NO2, O3, PM10, PM2\.5, SO2"):
        list(prsa(folder))
    (folder / "beijing_air_prsa" / "PRSA_Data_East.csv.gz").write_bytes(b"no archive")
    with pytest.raises(BadArchive, match=r"PRSA_Data_East\.csv\.gz cannot be read"):
        list(prsa(folder))
    with pytest.raises(BadArchive, match="SCOC_DATA_DIR"):
        archives(None)
    with pytest.raises(BadArchive, match="SCOC_DATA_DIR"):
        archives(tmp_path / "nowhere")


def test_kdd_is_utc_in_two_forms_of_dates(tmp_path: Path) -> None:
    """`2018-03-31 07:00:00` and `2018/3/31 7:00` are one hour; CO is in mg/m³ already; a third form is refused."""
    head = "stationId,utc_time,PM2.5,PM10,NO2,CO,O3,SO2"
    write(
        tmp_path / "beijing_air_kdd2018" / "a_aq.csv.gz",
        [head, "est_aq,2018-03-31 07:00:00,105.0,172.0,53.0,0.8,,14.0", "est_aq,31.03.2018 8:00,1,2,3,4,5,6"],
    )
    write(tmp_path / "beijing_air_kdd2018" / "b_aq.csv.gz", [head, "est_aq,2018/3/31 7:00,105,172,53,0.8,127,14"])
    first, second = kdd(tmp_path)
    for file, number in ((first, 5), (second, 6)):
        rows = [row for row in given(file) if row["fault"] is None]
        assert [row["at_micros"] for row in rows] == [micros(2018, 3, 31, 7)] * number
        assert next(row["value"] for row in rows if row["property"] == "co") == 0.8
    assert faults(first) == {"bad_time": 6}


def test_runs_are_seen_across_whatever_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little of a file is held at once, the same hours are doubted, each once."""
    pattern = [40 + n % 3 for n in range(30)] + [77] * 40 + [50, 51] * 10 + [60] * 6 + [61] * 5
    rows = [
        f"{n},2016,5,{1 + n // 24},{n % 24},{value},90,3,{n},800,{n},20,1000,5,0,N,1,{name}"
        for n, value in enumerate(pattern) for name in ("East", "West")
    ]  # fmt: skip
    [file] = prsa(prsa_folder(tmp_path, rows))
    whole = sorted(map(str, cells(file)))
    assert faults(file)["stuck"] >= 2 * (39 + 5)
    assert len(whole) == 6 * len(rows)
    for waiting in (1, 7, 60):
        monkeypatch.setattr(checks, "MOST_WAITING", waiting)
        assert sorted(map(str, cells(file))) == whole


def test_a_span_leaves_its_start_and_takes_its_end(tmp_path: Path) -> None:
    """Hours are named by their end. Others are neither read nor counted; runs that began before are seen as a whole."""
    rows = [f"{n},2016,5,1,{n},70,90,3,20,800,50,20,1000,5,0,N,1,East" for n in range(8)]
    folder = prsa_folder(tmp_path, rows)
    begin = datetime(2016, 4, 30, 20, tzinfo=UTC)
    source = read_span(folder, CHECKS, begin, begin.replace(hour=22))
    assert (source.hours, source.missing, source.stations) == (2, 0, {"est_aq"})
    told = source.table.to_pylist()
    assert sorted({row["at_micros"] for row in told}) == [micros(2016, 4, 30, 21), micros(2016, 4, 30, 22)]
    assert Counter(row["fault"] for row in told) == {"stuck": 8, None: 4}, "SO2 is low, CO coarse"
    assert source.batch(begin, begin.replace(hour=21)).num_rows == 6
    assert source.batch(begin.replace(hour=22), begin.replace(hour=23)).num_rows == 0


def by_plain_count(path: Path) -> Counter[str]:
    """What a reader who knows no numpy counts in a file of PRSA: cells that miss, end the scale, stand, contradict."""
    names = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3"}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        hours = list(csv.DictReader(file))
    found = Counter(hours=len(hours))
    doubted: dict[tuple[int, str], str] = {}
    for column, name in names.items():
        run: list[int] = []
        for n, row in enumerate([*hours, None]):
            text = row[column] if row else "NA"
            if text in ("NA", ""):
                found["missing"] += row is not None
            if run and (text in ("NA", "") or n != run[-1] + 1 or text != hours[run[-1]][column]):
                value = float(hours[run[0]][column]) / (1000 if name == "co" else 1)
                if len(run) >= CHECKS.stuck_hours[name] and value > CHECKS.floors[name]:
                    doubted.update(((hour, name), "stuck") for hour in run[1:])
                run = []
            if text not in ("NA", ""):
                run.append(n)
        for n, row in enumerate(hours):
            if name in CHECKS.pins and row[column] == ("10000" if name == "co" else "999"):
                doubted[n, name] = "pinned"
    for n, row in enumerate(hours):
        if "NA" not in (row["PM2.5"], row["PM10"]) and float(row["PM2.5"]) > float(row["PM10"]) * 1.1:
            for name in ("pm25", "pm10"):
                doubted.setdefault((n, name), "pm25_above_pm10")
    return found + Counter(doubted.values())


@needs_data
def test_the_traps_of_the_real_files_are_counted() -> None:
    """What the loader counts equals a plain count of the text, cell by cell, file by file."""
    assert DATA is not None
    keys: set[str | None] = set()
    pinned = 0
    for file in prsa(DATA):
        doubter = file.doubter(CHECKS)
        found: Counter[str] = Counter()
        for batch in file.batches(doubter):
            names = batch.schema.names
            value = batch.column(names.index("value"))
            fault = batch.column(names.index("fault")) if "fault" in names else None
            found["missing"] += value.null_count
            if fault is not None:
                found.update(text for text in fault.to_pylist() if text is not None)
        found["hours"] = doubter.hours.total()
        assert found == by_plain_count(file.path), file.path.name
        keys |= set(doubter.hours)
        pinned += found["pinned"]
    assert pinned == 46
    assert "pingchang_aq" in keys, "Changping is spelled differently in the other archive"


@needs_data
def test_the_two_archives_agree_where_they_overlap() -> None:
    """Nine hours of 35 stations stand in both files of KDD, in two forms of dates: equal values prove equal times."""
    assert DATA is not None
    seen: list[dict[tuple[str, str, int], float]] = []
    for file in kdd(DATA):
        rows = [row for row in given(file) if row["fault"] is None]
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
    rows = source.table.to_pylist()
    keys = [(row["device_key"], row["property"], row["at_micros"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert [row["at_micros"] for row in rows] == sorted(row["at_micros"] for row in rows)
    assert len(rows) + source.missing == 6 * 480
