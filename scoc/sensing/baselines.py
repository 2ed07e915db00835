"""What is usual for a datastream in each hour of the week: median and MAD of the hourly means of past weeks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import BigIntegerField
from django.db.models.functions import Cast

from scoc.core.fields import from_micros
from scoc.core.now import city_now, city_zone, wall_now
from scoc.core.remembered import forgettable
from scoc.sensing.models import Baseline, Datastream, Rollup, Rule
from scoc.sensing.rules import LEAST_SAMPLES, Usual
from scoc.sensing.targets import streams_of, target_of

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
        ids.update(streams_of(target_of(rule)).filter(active=True).values_list("id", flat=True))
    return sorted(ids)


def compute(datastreams: Iterable[int]) -> None:
    """Compute the baselines of these datastreams anew from their hourly roll-ups; what came out the same stays."""
    wanted_now = list(datastreams)
    weeks: dict[int, int] = {}
    for rule in Rule.objects.filter(valid_to=None, kind=Rule.Kind.DEVIATION):
        for pk in streams_of(target_of(rule)).filter(pk__in=wanted_now).values_list("pk", flat=True):
            weeks[pk] = max(weeks.get(pk, 0), int(rule.settings["weeks"]))
    by_span: dict[int, dict[int, int]] = {}
    for pk, places in Datastream.objects.filter(pk__in=weeks).values_list("pk", "places"):
        by_span.setdefault(weeks[pk], {})[pk] = places
    for back, places_of in by_span.items():
        _renew(places_of, back)


def _renew(places_of: dict[int, int], weeks: int) -> None:
    """Compute and store the baselines of datastreams that look back equally far."""
    now, computed = city_now(), wall_now()
    old = {
        (pk, hour): (median, mad, n)
        for pk, hour, median, mad, n in Baseline.objects.filter(datastream__in=places_of).values_list(
            "datastream_id", "hour_of_week", "median", "mad", "n"
        )
    }
    new = {key: _usual(values) for key, values in _hourly_means(places_of, now - timedelta(weeks=weeks), now).items()}
    Baseline.objects.bulk_create(
        [
            Baseline(datastream_id=pk, hour_of_week=hour, median=found[0], mad=found[1], n=found[2],
                     computed_at=computed)
            for (pk, hour), found in sorted(new.items())
            if old.get((pk, hour)) != found
        ],
        update_conflicts=True, unique_fields=["datastream", "hour_of_week"],
        update_fields=["median", "mad", "n", "computed_at"],
    )  # fmt: skip
    gone: dict[int, list[int]] = {}
    for pk, hour in old.keys() - new.keys():
        gone.setdefault(pk, []).append(hour)
    for pk, hours in gone.items():
        Baseline.objects.filter(datastream=pk, hour_of_week__in=hours).delete()
    for pk in places_of:
        _known.pop(pk, None)


def _hourly_means(places_of: dict[int, int], start: datetime, end: datetime) -> dict[tuple[int, int], list[float]]:
    """The hourly means of datastreams in a span, by datastream and hour of the week."""
    hours = Rollup.objects.filter(
        datastream__in=places_of, grain=Rollup.Grain.HOUR, bucket__gte=start, bucket__lt=end
    ).annotate(micros=Cast("bucket", BigIntegerField()))  # a date for each of so many rows would cost most of all
    week: dict[int, int] = {}
    means: dict[tuple[int, int], list[float]] = {}
    for pk, micros, n, total in hours.values_list("datastream_id", "micros", "n", "total").iterator(10_000):
        if micros not in week:
            week[micros] = hour_of_week(micros)
        means.setdefault((pk, week[micros]), []).append(total / n / 10 ** places_of[pk])
    return means


def _usual(values: list[float]) -> tuple[float, float, int]:
    median = statistics.median(values)
    return median, statistics.median(abs(value - median) for value in values), len(values)
