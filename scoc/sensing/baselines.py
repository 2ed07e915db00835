"""What is usual for a datastream in each hour of the week: median and MAD of the hourly means of past weeks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import timedelta

import numpy as np

from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.remembered import forgettable
from scoc.sensing.models import Baseline, Datastream, Rollup, Rule
from scoc.sensing.rules import LEAST_SAMPLES, Usual

Known = dict[int, dict[int, tuple[float, float, int]]]
"""Datastream → hour of the week → median, MAD, number of hours."""
REMEMBER_SECONDS = 300.0
_SLICE = 500
_known: dict[int, tuple[float, dict[int, tuple[float, float, int]]]] = {}


@forgettable
def forget_baselines() -> None:
    """Read baselines anew at the next question."""
    _known.clear()


def hour_of_week(micros: int) -> int:
    """0 is Monday 00:00 to 01:00 in the city."""
    local = from_micros(micros).astimezone(city_zone())
    return local.weekday() * 24 + local.hour


def known(datastreams: Sequence[int]) -> Known:
    """The baselines of these datastreams; remembered for a few minutes."""
    moment = time.monotonic()
    missing = [pk for pk in datastreams if pk not in _known or _known[pk][0] < moment]
    for start in range(0, len(missing), _SLICE):
        part = missing[start : start + _SLICE]
        found: Known = {pk: {} for pk in part}
        rows = Baseline.objects.filter(datastream_id__in=part)
        for pk, hour, median, mad, n in rows.values_list("datastream_id", "hour_of_week", "median", "mad", "n"):
            found[pk][hour] = (median, mad, n)
        for pk, hours in found.items():
            _known[pk] = (moment + REMEMBER_SECONDS, hours)
    return {pk: _known[pk][1] for pk in datastreams}


def usual_of(hours: dict[int, tuple[float, float, int]], least_samples: int | None) -> Usual:
    """The question a deviation rule asks."""
    least = LEAST_SAMPLES if least_samples is None else least_samples

    def usual(at: int) -> tuple[float, float] | None:
        found = hours.get(hour_of_week(at))
        return None if found is None or found[2] < least else (found[0], found[1])

    return usual


def wanted() -> list[int]:
    """The datastreams that a deviation rule looks at."""
    ids: set[int] = set()
    for rule in Rule.objects.filter(valid_to=None, kind=Rule.Kind.DEVIATION):
        ids.update(
            Datastream.objects.filter(
                property=rule.property, device__type_id=rule.device_type_id, active=True
            ).values_list("id", flat=True)
        )
    return sorted(ids)


def compute(datastreams: Iterable[int]) -> None:
    """Compute the baselines of these datastreams anew from their hourly roll-ups."""
    weeks: dict[tuple[int, str], int] = {}
    for rule in Rule.objects.filter(valid_to=None, kind=Rule.Kind.DEVIATION):
        key = (rule.device_type_id, rule.property)
        weeks[key] = max(weeks.get(key, 0), int(rule.settings["weeks"]))
    now, computed = city_now(), wall_now()
    for row in Datastream.objects.filter(pk__in=list(datastreams)).select_related("device").order_by("pk"):
        back = weeks.get((row.device.type_id, row.property))
        if back is None:
            continue
        hours = Rollup.objects.filter(
            datastream=row, grain=Rollup.Grain.HOUR, bucket__gte=now - timedelta(weeks=back), bucket__lt=now
        )
        means: dict[int, list[float]] = {}
        for bucket, n, total in hours.values_list("bucket", "n", "total"):
            means.setdefault(hour_of_week(to_micros(bucket)), []).append(total / n / 10**row.places)
        fresh = []
        for hour, values in sorted(means.items()):
            median = float(np.median(values))
            mad = float(np.median(np.abs(np.array(values) - median)))
            fresh.append(
                Baseline(datastream=row, hour_of_week=hour, median=median, mad=mad, n=len(values), computed_at=computed)
            )
        Baseline.objects.filter(datastream=row).exclude(hour_of_week__in=means).delete()
        Baseline.objects.bulk_create(
            fresh, update_conflicts=True, unique_fields=["datastream", "hour_of_week"],
            update_fields=["median", "mad", "n", "computed_at"],
        )  # fmt: skip
        _known.pop(row.pk, None)
