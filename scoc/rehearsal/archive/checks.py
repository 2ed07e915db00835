"""Which readings of an archive are not believed, and why. Nothing is mended: they are left out and counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoc.rehearsal.pack import AirArchiveSettings

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
HOUR_S = 3600
PINNED, STUCK, INVERTED = "pinned", "stuck", "pm25_above_pm10"


def stuck(values: Floats, times: Floats, hours: int, floor: float) -> Flags:
    """Hours of runs of one value above the floor that last at least `hours`, without a gap; all but the first."""
    size = len(values)
    if size == 0:
        return np.zeros(0, dtype=np.bool_)
    same = (values[1:] == values[:-1]) & (np.diff(times) == HOUR_S)
    begins = np.concatenate([[True], ~same])
    run = np.cumsum(begins) - 1
    length = np.bincount(run)
    made: Flags = (length[run] >= hours) & (values > floor) & ~begins
    return made


def doubts(
    columns: dict[str, Floats], times: Floats, archive: str, settings: AirArchiveSettings
) -> dict[str, dict[str, Flags]]:
    """For one station's hours in order: property → reason → which hours. NaN is a missing cell and never doubted.

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
