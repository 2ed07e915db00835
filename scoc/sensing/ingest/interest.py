"""Whoever listens for new observations says so; who stores some of these leaves their ids, in the same transaction.

So every one is heard of, whichever process stored it, and those that nobody listens for cost nothing. The same goes
for what is written of other entities of SensorThings.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from scoc.core.now import wall_now
from scoc.core.remembered import forgettable
from scoc.sensing.ingest.columns import Ints
from scoc.sensing.models import Interest, News

EVERYTHING = 0
"""Stands for every datastream."""
ENTITIES = -1
"""Stands for what is no observation."""
LENT = timedelta(seconds=60)
"""So long an interest holds unless it is renewed: who died listens no more."""
KEPT = timedelta(seconds=60)
"""So long news is kept."""
LOOK_SECONDS = 1.0


@dataclass(slots=True)
class _Known:
    looked: float = -LOOK_SECONDS
    streams: frozenset[int] = frozenset()


_known = _Known()


@forgettable
def forget_interest() -> None:
    """Ask the database at the next observation."""
    global _known
    _known = _Known()


def renew(holder: str, streams: Iterable[int]) -> None:
    """Let `holder` listen for these datastreams, and no others, from now on; other processes know it in a second."""
    until = wall_now() + LENT
    wanted = set(streams)
    Interest.objects.filter(holder=holder).exclude(datastream_id__in=wanted).delete()
    Interest.objects.filter(until__lt=wall_now()).delete()
    Interest.objects.bulk_create(
        [Interest(holder=holder, datastream_id=pk, until=until) for pk in sorted(wanted)], update_conflicts=True,
        unique_fields=["holder", "datastream_id"], update_fields=["until"],
    )  # fmt: skip
    News.objects.filter(recorded_at__lt=wall_now() - KEPT).delete()
    forget_interest()


def _wanted() -> frozenset[int]:
    if time.monotonic() - _known.looked >= LOOK_SECONDS:
        _known.streams = frozenset(
            Interest.objects.filter(until__gt=wall_now()).values_list("datastream_id", flat=True).distinct()
        )
        _known.looked = time.monotonic()
    return _known.streams


def leave_news(ids: Ints, datastream: Ints) -> None:
    """In the open transaction: tell whoever listens of these new observations."""
    wanted = _wanted()
    if EVERYTHING not in wanted:
        heard = np.isin(datastream, np.array(sorted(wanted), np.int64))
        ids = ids[heard]
    _leave("Observations", ids.tolist())


def leave_news_of(entity: str, number: int) -> None:
    """In the open transaction: tell whoever listens that an entity was made or changed."""
    if ENTITIES in _wanted():
        _leave(entity, [number])


def _leave(entity: str, numbers: list[int]) -> None:
    moment = wall_now()
    News.objects.bulk_create(
        (News(entity=entity, number=number, recorded_at=moment) for number in numbers), batch_size=500
    )
