"""The weather over the city: a slow rhythm of dull and clear days, and storms that move across."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from scoc.rehearsal.simulator.chance import Floats, chance

KM_PER_DEGREE = 111.32
STORM_DAYS = 0.24
"""Share of days on which a storm begins; a third of the storms are heavy."""


@dataclass(frozen=True, slots=True)
class Storm:
    """One storm: a round cell of rain that moves over the city."""

    start: datetime
    hours: float
    lon: float
    lat: float
    lon_per_hour: float
    lat_per_hour: float
    radius_km: float
    peak: float
    """Millimetres an hour in its middle at its height."""


def storms_of(seed: int, day: date, zone: ZoneInfo, center: tuple[float, float]) -> list[Storm]:
    """The storms that begin on a day."""
    dice = chance(seed, "storm", day)
    if dice.random() > STORM_DAYS:
        return []
    heavy = dice.random() < 0.34
    start = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(hours=dice.triangular(3, 22, 16))
    hours = dice.uniform(2.0, 5.0)
    heading = dice.uniform(-0.6, 0.6)
    speed = dice.uniform(5, 12)
    lon_per_hour = speed * math.cos(heading) / (KM_PER_DEGREE * math.cos(math.radians(center[1])))
    lat_per_hour = speed * math.sin(heading) / KM_PER_DEGREE
    return [
        Storm(
            start=start, hours=hours, lon=center[0] + dice.gauss(0, 0.04) - lon_per_hour * hours / 2,
            lat=center[1] + dice.gauss(0, 0.03) - lat_per_hour * hours / 2, lon_per_hour=lon_per_hour,
            lat_per_hour=lat_per_hour, radius_km=dice.uniform(5, 9) if heavy else dice.uniform(6, 14),
            peak=dice.uniform(45, 85) if heavy else dice.uniform(5, 20),
        )
    ]  # fmt: skip


def rain(storms: list[Storm], lons: Floats, lats: Floats, times: Floats) -> Floats:
    """Millimetres an hour at every place (rows) and time (columns, seconds since 1970)."""
    fallen = np.zeros((len(lons), len(times)))
    for storm in storms:
        begun = storm.start.timestamp()
        share = (times - begun) / (storm.hours * 3600)
        envelope = np.where((share > 0) & (share < 1), np.sin(np.pi * np.clip(share, 0, 1)) ** 2, 0.0)
        hours = (times - begun) / 3600
        east = (lons[:, None] - (storm.lon + storm.lon_per_hour * hours)) * KM_PER_DEGREE * math.cos(
            math.radians(storm.lat)
        )  # fmt: skip
        north = (lats[:, None] - (storm.lat + storm.lat_per_hour * hours)) * KM_PER_DEGREE
        fallen += storm.peak * envelope * np.exp(-(east**2 + north**2) / (2 * (storm.radius_km / 1.6) ** 2))
    return fallen


def stagnation(seed: int, times: Floats) -> Floats:
    """How still the air is, 0 (windy, clear) to about 1.6 (long stagnation): slow waves of some days."""
    days = times / 86_400
    dice = chance(seed, "air")
    waves = sum(
        size * np.sin(2 * np.pi * (days / period + dice.random()))
        for period, size in ((3.7, 0.30), (6.1, 0.32), (11.3, 0.28), (27.0, 0.18))
    )
    made: Floats = np.clip(0.52 + waves, 0.05, None)
    return made
