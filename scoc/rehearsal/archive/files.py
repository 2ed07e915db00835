"""The two archives: PRSA (one file a station, local time, CO in µg/m³) and KDD Cup 2018 (UTC, CO in mg/m³)."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from scoc.rehearsal.archive.checks import Floats, doubts
from scoc.rehearsal.pack import AirArchiveSettings

PRSA, KDD = "beijing_air_prsa", "beijing_air_kdd2018"
POLLUTANTS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3"}
MISSING = {"", "NA"}
PRSA_CO_TO_MG = 1e-3
LOCAL = timedelta(hours=8)
"""China has no summer time in these years: local hours are UTC and eight."""


class BadArchive(Exception):
    """The folder does not hold the archive, or not in the form known; the message says what to do."""


@dataclass(slots=True)
class Batch:
    """Of one file from `start` up to `end` (seconds since 1970): readings that are believed, counts of others."""

    file: str
    start: float
    end: float
    hours: int = 0
    columns: list[tuple[str, str, NDArray[np.int64], Floats]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    missing: int = 0

    def add(
        self, key: str, times: Floats, columns: dict[str, Floats], archive: str, settings: AirArchiveSettings
    ) -> None:
        """Take in the hours of one station, in the order of their times."""
        inside = (times >= self.start) & (times < self.end)
        self.hours += int(inside.sum())
        found = doubts(columns, times, archive, settings)
        for name, values in columns.items():
            there = ~np.isnan(values) & inside
            self.missing += int((np.isnan(values) & inside).sum())
            for reason, every in found[name].items():
                flags = every & inside
                if flags.any():
                    self.refused[reason] = self.refused.get(reason, 0) + int(flags.sum())
                    there &= ~flags
            at = (times[there] * 1_000_000).astype(np.int64)
            if len(at):
                self.columns.append((key, name, at, values[there]))

    def record_batch(self) -> pa.RecordBatch:
        """The readings in the order of their times."""
        devices, names, times, values = [], [], [], []
        for key, name, at, numbers in self.columns:
            devices.append(np.full(len(at), key))
            names.append(np.full(len(at), name))
            times.append(at)
            values.append(numbers)
        if not times:
            empty = {"device_key": pa.array([], pa.string()), "property": pa.array([], pa.string()),
                     "at_micros": pa.array([], pa.int64()), "value": pa.array([], pa.float64())}  # fmt: skip
            return pa.record_batch(empty)
        at = np.concatenate(times)
        order = np.argsort(at, kind="stable")
        return pa.record_batch(
            {
                "device_key": pa.array(np.concatenate(devices)[order]),
                "property": pa.array(np.concatenate(names)[order]),
                "at_micros": pa.array(at[order]), "value": pa.array(np.concatenate(values)[order]),
            }
        )  # fmt: skip


def _table(path: Path, wanted: set[str]) -> Any:
    """A file's columns as text, so that a wrong cell is counted instead of stopping the file."""
    names = arrow_csv.open_csv(path).schema.names
    lacking = wanted - set(names)
    if lacking:
        raise BadArchive(f"{path.name} lacks the columns {', '.join(sorted(lacking))}; is it another schema?")
    options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return arrow_csv.read_csv(path, convert_options=options)


def _numbers(column: Any, batch: Batch) -> Floats:
    """Text cells as numbers; `NA` and empty cells are NaN, anything else that is no number is refused and counted."""
    text = column.combine_chunks()
    absent = pc.is_in(text, pa.array(sorted(MISSING)))
    plain = pc.match_substring_regex(text, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    wrong = int(pc.sum(pc.and_(pc.invert(plain), pc.invert(absent))).as_py() or 0)
    if wrong:
        batch.refused["not_a_number"] = batch.refused.get("not_a_number", 0) + wrong
        batch.missing -= wrong  # they are NaN below, but they were given
    numbers = pc.cast(pc.if_else(plain, text, pa.scalar(None, pa.string())), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _stations(folder: Path) -> dict[str, str]:
    """The name of a station in PRSA → its key in the other archive, which spells one of them differently."""
    path = folder / PRSA / "stations.csv"
    if not path.is_file():
        raise BadArchive(f"{path} is not there; set SCOC_DATA_DIR to the folder with the outside data.")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["prsa_station"]: row["kdd_station_id"] for row in csv.DictReader(file)}


def prsa(folder: Path, settings: AirArchiveSettings, start: float, end: float) -> Iterator[Batch]:
    """Each station of PRSA: columns year to hour are local time; CO is converted to mg/m³."""
    keys = _stations(folder)
    for path in sorted((folder / PRSA).glob("PRSA_Data_*.csv.gz")):
        table = _table(path, {"year", "month", "day", "hour", "station", *POLLUTANTS})
        batch = Batch(path.name, start, end)
        parts = [np.asarray(table[name].cast(pa.int64()).to_numpy()) for name in ("year", "month", "day", "hour")]
        days = (parts[0] - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (parts[1] - 1)
        local = (days.astype("datetime64[D]") + (parts[2] - 1)).astype("datetime64[s]").astype(np.int64)
        times = local + parts[3] * 3600 - int(LOCAL.total_seconds())
        columns = {name: _numbers(table[column], batch) for column, name in POLLUTANTS.items()}
        columns["co"] = columns["co"] * PRSA_CO_TO_MG
        stations = np.asarray(table["station"].to_pylist())
        for station in sorted(set(stations.tolist())):
            _station(batch, station, keys, stations == station, times, columns, PRSA, settings)
        yield batch


def _station(
    batch: Batch, station: str, keys: dict[str, str] | None, rows: Any, times: Any, columns: dict[str, Floats],
    archive: str, settings: AirArchiveSettings,
) -> None:  # fmt: skip
    key = keys.get(station) if keys is not None else station
    if key is None:
        batch.refused["unknown_station"] = batch.refused.get("unknown_station", 0) + int(rows.sum())
        return
    order = np.argsort(times[rows], kind="stable")
    batch.add(key, times[rows][order].astype(np.float64), {n: v[rows][order] for n, v in columns.items()}, archive,
              settings)  # fmt: skip


def kdd(folder: Path, settings: AirArchiveSettings, start: float, end: float) -> Iterator[Batch]:
    """The files of KDD Cup 2018: UTC in two forms of dates, CO in mg/m³; their spans overlap by some hours."""
    for path in sorted((folder / KDD).glob("*aq*.csv.gz")):
        table = _table(path, {"stationId", "utc_time", *POLLUTANTS})
        batch = Batch(path.name, start, end)
        times = _utc(table["utc_time"])
        columns = {name: _numbers(table[column], batch) for column, name in POLLUTANTS.items()}
        stations = np.asarray(table["stationId"].to_pylist())
        for station in sorted(set(stations.tolist())):
            _station(batch, station, None, stations == station, times, columns, KDD, settings)
        yield batch


def _utc(column: Any) -> Any:
    """Times like `2018-01-31 16:00:00` or `2018/3/31 7:00` as seconds since 1970."""
    texts = column.to_pylist()
    known: dict[str, int] = {}
    zone = ZoneInfo("UTC")
    for text in set(texts):
        form = "%Y/%m/%d %H:%M" if "/" in text else "%Y-%m-%d %H:%M:%S"
        known[text] = int(datetime.strptime(text, form).replace(tzinfo=zone).timestamp())
    return np.array([known[text] for text in texts], dtype=np.int64)


def archives(
    folder: Path | None, settings: AirArchiveSettings, start: float = 0.0, end: float = math.inf
) -> Iterator[Batch]:
    """Every file of both archives, in part. Raises BadArchive when the folder is not there."""
    if folder is None or not folder.is_dir():
        raise BadArchive("Set SCOC_DATA_DIR to the folder with the outside data.")
    yield from prsa(folder, settings, start, end)
    yield from kdd(folder, settings, start, end)
