"""Which readings of an archive are not believed, and why. Nothing is mended: they are refused with their reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoc.rehearsal.pack import AirArchiveSettings

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
HOUR_MICROS = 3_600_000_000
PINNED, STUCK, INVERTED = "pinned", "stuck", "pm25_above_pm10"
MOST_WAITING = 50_000
"""So many station-hours wait before they are looked at, however long the file is."""
_SCHEMA = pa.schema(
    [("device_key", pa.string()), ("property", pa.string()), ("at_micros", pa.int64()), ("value", pa.float64()),
     ("fault", pa.string()), ("raw", pa.string())]
)  # fmt: skip


def stuck(values: Floats, times: NDArray[np.int64], hours: int, floor: float) -> Flags:
    """Hours of runs of one value above the floor that last at least `hours`, without a gap; all but the first."""
    size = len(values)
    if size == 0:
        return np.zeros(0, dtype=np.bool_)
    same = (values[1:] == values[:-1]) & (np.diff(times) == HOUR_MICROS)
    begins = np.concatenate([[True], ~same])
    run = np.cumsum(begins) - 1
    length = np.bincount(run)
    made: Flags = (length[run] >= hours) & (values > floor) & ~begins
    return made


def doubts(
    columns: dict[str, Floats], times: NDArray[np.int64], archive: str, settings: AirArchiveSettings
) -> dict[str, dict[str, Flags]]:
    """For one station's hours in order: property → reason → which hours. NaN is no reading and never doubted.

    An hour has one reason at most, the first of: pinned, stuck, PM2.5 above PM10.
    """
    found: dict[str, dict[str, Flags]] = {}
    for name, values in columns.items():
        there = ~np.isnan(values)
        pinned = np.zeros(len(values), dtype=np.bool_)
        if archive in settings.pinned_archives and name in settings.pins:
            pinned = there & (values >= settings.pins[name])
        quiet = np.zeros(len(values), dtype=np.bool_)
        if name in settings.stuck_hours:
            quiet[there] = stuck(
                values[there], times[there], settings.stuck_hours[name], settings.floors.get(name, 0.0)
            )
        found[name] = {PINNED: pinned, STUCK: quiet & ~pinned}
    fine, coarse = columns.get("pm25"), columns.get("pm10")
    if fine is not None and coarse is not None:
        with np.errstate(invalid="ignore"):
            above = fine > coarse * (1 + settings.inversion_percent / 100)
        for name in ("pm25", "pm10"):
            earlier = found[name][PINNED] | found[name][STUCK]
            found[name][INVERTED] = above & ~earlier
    return found


class _Station:
    """The hours of one station that wait; of those that went on before, so many as a run may be long."""

    def __init__(self, key: str | None, width: int) -> None:
        self.key = key
        self.times = np.empty(0, np.int64)
        self.values = np.empty((0, width))
        self.gone = 0
        """How many of the hours went on already and are kept for the runs that they begin."""

    def add(self, times: NDArray[np.int64], values: Floats) -> None:
        """Take in more hours; what waits is kept in the order of its times."""
        times = np.concatenate((self.times, times))
        values = np.concatenate((self.values, values))
        order = np.arange(len(times))
        order[self.gone :] = self.gone + np.argsort(times[self.gone :], kind="stable")
        self.times, self.values = times[order], values[order]


class Doubter:
    """Passes on the readings of one file, each doubtful one with its fault.

    A run of equal hours is known only once it has ended or is long enough, so a station's newest hours wait.
    """

    def __init__(self, archive: str, names: Iterable[str], settings: AirArchiveSettings) -> None:
        self.archive = archive
        self.names = tuple(names)
        self.settings = settings
        self.hours: Counter[str | None] = Counter()
        """Station-hours of the file, by station."""
        self._reach = max(settings.stuck_hours.values(), default=0)
        self._stations: dict[str | None, _Station] = {}
        self._waiting = 0

    def passed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The same readings. A wide file's batches come one property after the other, all of the same rows."""
        block: list[Any] = []
        for batch in batches:
            if batch.column(batch.schema.names.index("property")).null_count:
                yield batch  # lines that could not be read
                continue
            block.append(batch)
            if len(block) == len(self.names):
                yield from self._block(block)
                block = []
            if self._waiting >= MOST_WAITING:
                yield from self._looked_at(final=False)
        yield from self._looked_at(final=True)

    def _block(self, block: list[Any]) -> Iterator[Any]:
        """Let numbers with a time wait by station; pass on at once what is missing or at fault already."""
        columns = [dict(zip(batch.schema.names, batch.columns, strict=True)) for batch in block]
        times = columns[0]["at_micros"]
        timed = times.is_valid().to_numpy(zero_copy_only=False)
        values = np.empty((len(timed), len(block)))
        for place, column in enumerate(columns):
            numbers = column["value"].fill_null(np.nan).to_numpy(zero_copy_only=False)
            fine = timed & ~np.isnan(numbers)
            if "fault" in column:
                fine &= column["fault"].is_null().to_numpy(zero_copy_only=False)
            values[:, place] = np.where(fine, numbers, np.nan)
            if not fine.all():
                yield block[place].filter(pa.array(~fine))
        encoded = columns[0]["device_key"].dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        at = times.fill_null(0).to_numpy(zero_copy_only=False)
        for code, key in [*enumerate(encoded.dictionary.to_pylist()), (-1, None)]:
            rows = timed & (codes == code)
            number = int(rows.sum())
            if number:
                self.hours[key] += number
                self._waiting += number
                self._stations.setdefault(key, _Station(key, len(self.names))).add(at[rows], values[rows])

    def _looked_at(self, *, final: bool) -> Iterator[Any]:
        self._waiting = 0
        for station in self._stations.values():
            ready = len(station.times) if final else max(station.gone, len(station.times) - self._reach)
            columns = {name: station.values[:, place] for place, name in enumerate(self.names)}
            found = doubts(columns, station.times, self.archive, self.settings)
            yield from self._of_station(station, slice(station.gone, ready), found)
            kept = max(0, ready - self._reach)
            station.times, station.values = station.times[kept:], station.values[kept:]
            station.gone = ready - kept
            self._waiting += len(station.times) - station.gone

    def _of_station(self, station: _Station, rows: slice, found: dict[str, dict[str, Flags]]) -> Iterator[Any]:
        times = station.times[rows]
        for place, name in enumerate(self.names):
            values = station.values[rows, place]
            there = ~np.isnan(values)
            if not there.any():
                continue
            faults = np.full(len(values), None, dtype=object)
            for reason, flags in found[name].items():
                faults[flags[rows]] = reason
            given, doubted = values[there], faults[there]
            raws = [f"{value:g}" if fault else None for value, fault in zip(given.tolist(), doubted, strict=True)]
            yield pa.record_batch(
                [pa.array([station.key] * len(given), pa.string()), pa.array([name] * len(given), pa.string()),
                 pa.array(times[there]), pa.array(given), pa.array(doubted, pa.string()), pa.array(raws, pa.string())],
                schema=_SCHEMA,
            )  # fmt: skip
