"""Roll-ups counted anew from raw readings: after a change of their scale, and to prove the kept ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from django.db import transaction

from scoc.core.fields import to_micros
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.rolling import Sums, ordered, sums
from scoc.sensing.models import Datastream, Observation, Rollup

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
            yield _of(datastream, chunk)
            chunk = []
    if chunk:
        yield _of(datastream, chunk)


def _of(datastream: Datastream, chunk: list[tuple[int, float, int]]) -> Sums:
    at, value, recorded = (np.array(column) for column in zip(*chunk, strict=True))
    same = np.full(len(chunk), datastream.pk, np.int64)
    order = ordered(same, at, value)
    return sums(
        same, at[order], value[order].astype(np.float64), np.full(len(chunk), 10.0**datastream.places),
        recorded[order],
    )  # fmt: skip


def rebuild_rollups(datastreams: Iterable[int]) -> None:
    """Count the roll-ups of these datastreams anew."""
    with transaction.atomic():
        for row in Datastream.objects.filter(pk__in=list(datastreams)).order_by("pk"):
            Rollup.objects.filter(datastream=row).delete()
            for part in counted(row):
                storing.add_rollups(part)
