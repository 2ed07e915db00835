"""Roll-ups counted anew from raw readings: after a change of their scale, and to prove the kept ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import F, Max, Min

from scoc.core.fields import from_micros, to_micros
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.rolling import HOUR_MICROS, MOST_SCALED, Sums, day_start, ordered, sums
from scoc.sensing.models import Datastream, Latest, Observation, Rollup

_CHUNK = 20_000


def counted(
    datastream: Datastream, start: int | None = None, end: int | None = None, known: int | None = None
) -> Iterator[Sums]:
    """What the raw readings of a datastream add up to, chunk by chunk; a bucket may be spread over two chunks.

    `start` (included) and `end` bound the phenomenon time, `known` the time of recording.
    """
    rows = Observation.objects.filter(datastream=datastream).exclude(result=None)
    if start is not None and end is not None:
        rows = rows.extra(where=["at >= %s AND at < %s"], params=[start, end])
    if known is not None:
        rows = rows.extra(where=["recorded <= %s"], params=[known])
    chunk: list[tuple[int, float, int]] = []
    for at, result, recorded in rows.order_by("at", "id").values_list("at", "result", "recorded").iterator(_CHUNK):
        assert result is not None
        chunk.append((to_micros(at), result, to_micros(recorded)))
        if len(chunk) == _CHUNK:
            yield from _of(datastream, chunk)
            chunk = []
    if chunk:
        yield from _of(datastream, chunk)


def _of(datastream: Datastream, chunk: list[tuple[int, float, int]]) -> Iterator[Sums]:
    summed = [row for row in chunk if abs(row[1]) * 10.0**datastream.places <= MOST_SCALED]
    if not summed:
        return
    at, value, recorded = (np.array(column) for column in zip(*summed, strict=True))
    same = np.full(len(summed), datastream.pk, np.int64)
    order = ordered(same, at, value)
    yield sums(
        same, at[order], value[order].astype(np.float64), np.full(len(summed), 10.0**datastream.places),
        recorded[order],
    )  # fmt: skip


def rebuild_rollups(datastreams: Iterable[int]) -> None:
    """Count the roll-ups of these datastreams anew."""
    with transaction.atomic():
        for row in Datastream.objects.filter(pk__in=list(datastreams)).order_by("pk"):
            Rollup.objects.filter(datastream=row).delete()
            for part in counted(row):
                storing.add_rollups(part)


def hold(datastreams: Iterable[int]) -> None:
    """Let no reading of these come in until the open transaction ends: whoever stores takes the same locks first."""
    rows = Latest.objects.select_for_update().filter(datastream__in=list(datastreams)).order_by("datastream_id")
    list(rows.values_list("datastream_id"))


def recount(datastream: Datastream, times: Iterable[datetime]) -> None:
    """Count anew what readings at these times were part of: the roll-ups of their city days, newest and oldest.

    Whoever changes readings holds their datastream first, so that none comes in between.
    """
    ats = np.array(sorted({to_micros(at) for at in times}), np.int64)
    days = day_start(ats)
    ends = day_start(days + 36 * HOUR_MICROS)  # a day has 23 to 25 hours
    hours = ats - ats % HOUR_MICROS
    spans = {(int(Rollup.Grain.DAY), *span) for span in zip(days.tolist(), ends.tolist(), strict=True)}
    spans |= {(int(Rollup.Grain.HOUR), hour, hour + HOUR_MICROS) for hour in hours.tolist()}
    for grain, start, end in sorted(spans):
        Rollup.objects.filter(datastream=datastream, grain=grain, bucket=from_micros(start)).delete()
        for part in counted(datastream, start, end):
            storing.add_rollups(part.of_grain(grain))
    mine = Observation.objects.filter(datastream=datastream)
    if datastream.result_from is not None:
        reach = mine.aggregate(low=Min("result_at"), high=Max("result_at"))
        Datastream.objects.filter(pk=datastream.pk).update(result_from=reach["low"], result_until=reach["high"])
    newest = mine.order_by("-at", F("result").desc(nulls_last=True), "-id").first()
    if newest is None:
        Latest.objects.filter(datastream=datastream).delete()
        return
    Latest.objects.update_or_create(
        datastream=datastream,
        defaults={
            "at": newest.at, "result": newest.result, "observation_id": newest.pk, "recorded": newest.recorded,
            "first_at": mine.order_by("at").values_list("at", flat=True).first(),
        },
    )  # fmt: skip
