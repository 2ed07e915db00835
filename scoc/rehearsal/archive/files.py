"""The two archives: PRSA (one file a station, local time, CO in µg/m³) and KDD Cup 2018 (UTC, CO in mg/m³).

Both are hourly; an hour is named by its end.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoc.rehearsal.archive.checks import Doubter
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.sensing import queries as sensing
from scoc.sensing.schemas import TableMap, ValueColumn

PRSA, KDD = "beijing_air_prsa", "beijing_air_kdd2018"
POLLUTANTS = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co", "O3": "o3"}
PRSA_CO_TO_MG = 1e-3
SLASHED = "%Y/%m/%d %H:%M"
"""One of the files of KDD writes `2018/3/31 7:00`, the other `2018-03-31 07:00:00`."""


class BadArchive(Exception):
    """The folder does not hold the archive, or not in the form known; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file of an archive, and how its columns give readings."""

    path: Path
    archive: str
    columns: TableMap

    def doubter(self, settings: AirArchiveSettings) -> Doubter:
        """Who looks at the file's readings."""
        return Doubter(self.archive, POLLUTANTS.values(), settings)

    def batches(self, doubter: Doubter) -> Iterator[Any]:
        """The file's readings as record batches, block by block, each doubtful one with its fault."""
        return doubter.passed(sensing.readings_of_file(self.path, self.columns))


def _rows_of(path: Path, wanted: set[str]) -> dict[str, str]:
    """The first row of a file by its header. Raises BadArchive where a column lacks."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            lacking = wanted - set(reader.fieldnames or ())
            first = next(reader, None) or {}
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadArchive(f"{path.name} cannot be read: {error}. Fetch it again.") from error
    if lacking:
        raise BadArchive(f"{path.name} lacks the columns {', '.join(sorted(lacking))}; is it another schema?")
    return first


def _stations(folder: Path) -> dict[str, str]:
    """The name of a station in PRSA → its key in the other archive, which spells one of them differently."""
    path = folder / PRSA / "stations.csv"
    if not path.is_file():
        raise BadArchive(f"{path} is not there; set SCOC_DATA_DIR to the folder with the outside data.")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["prsa_station"]: row["kdd_station_id"] for row in csv.DictReader(file)}


def _values(co_factor: float) -> dict[str, ValueColumn]:
    return {
        column: ValueColumn(name, co_factor if name == "co" else 1.0) for column, name in POLLUTANTS.items()
    }  # fmt: skip


def prsa(folder: Path) -> Iterator[ArchiveFile]:
    """Each station of PRSA: columns year to hour are local time; CO is converted to mg/m³."""
    keys = _stations(folder)
    time = ("year", "month", "day", "hour")
    for path in sorted((folder / PRSA).glob("PRSA_Data_*.csv.gz")):
        _rows_of(path, {*time, "station", *POLLUTANTS})
        yield ArchiveFile(
            path, PRSA,
            TableMap(time=time, values=_values(PRSA_CO_TO_MG), device="station", devices=keys, zone="Asia/Shanghai"),
        )  # fmt: skip


def kdd(folder: Path) -> Iterator[ArchiveFile]:
    """The files of KDD Cup 2018: UTC in two forms of dates, CO in mg/m³; their spans overlap by some hours."""
    for path in sorted((folder / KDD).glob("*aq*.csv.gz")):
        first = _rows_of(path, {"stationId", "utc_time", *POLLUTANTS})
        form = SLASHED if "/" in first.get("utc_time", "") else ""
        yield ArchiveFile(
            path, KDD, TableMap(time=("utc_time",), values=_values(1.0), device="stationId", time_format=form)
        )


def archives(folder: Path | None) -> list[ArchiveFile]:
    """Every file of both archives. Raises BadArchive when the folder is not there."""
    if folder is None or not folder.is_dir():
        raise BadArchive("Set SCOC_DATA_DIR to the folder with the outside data.")
    return [*prsa(folder), *kdd(folder)]
