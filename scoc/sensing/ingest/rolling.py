"""What a batch adds to the hours and days of its datastreams: count, extremes, exact sum, last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_zone
from scoc.sensing.ingest.columns import Flags, Floats, Ints
from scoc.sensing.models import Rollup

HOUR_MICROS = 3_600_000_000
_QUARTER_MICROS = 900_000_000
MOST_SCALED = 2**43
"""Values × 10^places up to this sum up exactly, a million of them in one bucket; what is greater is in no roll-up."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Roll-up rows to add to those stored, ordered by datastream, grain and bucket."""

    datastream: Ints
    grain: Ints
    bucket: Ints
    n: Ints
    minimum: Floats
    maximum: Floats
    total: Ints
    last_at: Ints
    last: Floats
    recorded: Ints

    def __len__(self) -> int:
        return len(self.datastream)

    def of_grain(self, grain: int) -> Sums:
        """The rows of one length alone."""
        return Sums(*(column[self.grain == grain] for column in self.columns()))

    def columns(self) -> list[Ints | Floats]:
        """The columns in the order of the table."""
        return [
            self.datastream, self.grain, self.bucket, self.n, self.minimum, self.maximum, self.total, self.last_at,
            self.last, self.recorded,
        ]  # fmt: skip


@lru_cache(maxsize=200_000)
def _day_of_quarter(quarter: int, zone: ZoneInfo) -> int:
    local = from_micros(quarter * _QUARTER_MICROS).astimezone(zone)
    return to_micros(datetime(local.year, local.month, local.day, tzinfo=zone))


def day_start(at: Ints) -> Ints:
    """Start of the city day that each time lies in. Offsets of zones change at quarters of an hour at the finest."""
    zone = city_zone()
    quarters, where = np.unique(at // _QUARTER_MICROS, return_inverse=True)
    days = np.array([_day_of_quarter(quarter, zone) for quarter in quarters.tolist()], np.int64)
    return days[where] if len(days) else at


def ordered(datastream: Ints, at: Ints, value: Floats) -> Ints:
    """The order by datastream and time; of several readings at one time the greatest comes last, and first what is no
    number."""
    return np.lexsort((np.where(np.isnan(value), -np.inf, value), at, datastream))


def ends_of(*keys: Ints) -> Flags:
    """Where a group ends in rows sorted by `keys`."""
    last = np.ones(len(keys[0]), np.bool_)
    if len(last) > 1:
        last[:-1] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return last


def sums(datastream: Ints, at: Ints, value: Floats, scale: Floats, recorded: Ints) -> Sums:
    """What sorted rows (`ordered`) add up to, by hour and by city day."""
    scaled = np.rint(value * scale).astype(np.int64)
    parts = [
        _grain(grain, bucket, datastream, at, value, scaled, recorded)
        for grain, bucket in ((Rollup.Grain.HOUR, at - at % HOUR_MICROS), (Rollup.Grain.DAY, day_start(at)))
    ]
    together = [np.concatenate(pair) for pair in zip(*parts, strict=True)]
    order = np.lexsort((together[2], together[1], together[0]))
    return Sums(*(column[order] for column in together))


def _grain(
    grain: int, bucket: Ints, datastream: Ints, at: Ints, value: Floats, scaled: Ints, recorded: Ints
) -> tuple[Ints, Ints, Ints, Ints, Floats, Floats, Ints, Ints, Floats, Ints]:
    ends = np.nonzero(ends_of(datastream, bucket))[0]
    starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1))
    return (
        datastream[ends], np.full(len(ends), int(grain), np.int64), bucket[ends], ends - starts + 1,
        np.minimum.reduceat(value, starts), np.maximum.reduceat(value, starts), np.add.reduceat(scaled, starts),
        at[ends], value[ends], np.maximum.reduceat(recorded, starts),
    )  # fmt: skip
