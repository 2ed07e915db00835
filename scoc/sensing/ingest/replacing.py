"""A second reading at the same time that takes the place of the first, where its datastream says so.

The first one keeps its id; what was counted of it is counted anew. Rules look ahead only, as at every late reading.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from django.db import connection

from scoc.core.fields import from_micros, to_micros
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.columns import Columns, Flags, Ints
from scoc.sensing.ingest.interest import leave_news
from scoc.sensing.ingest.rebuilding import hold, recount
from scoc.sensing.models import Datastream, Observation

_SAID = ("result", "other", "until", "result_at", "quality", "valid_from", "valid_until", "parameters")
_REPLACE = (
    "UPDATE sensing_observation SET result = %s, other = NULL, until = NULL, result_at = NULL, quality = NULL, "
    "valid_from = NULL, valid_until = NULL, parameters = NULL WHERE id = %s AND at = %s"
)


def corrections(rows: Columns) -> Flags:
    """Which rows take the place of one stored, sorted by datastream and time: of several at one time the last."""
    found = np.zeros(len(rows), np.bool_)
    replacing = [pk for pk, stream in rows.streams.items() if stream.replace]
    if replacing:
        found = np.isin(rows.datastream, replacing)
        found[:-1] &= (rows.datastream[1:] != rows.datastream[:-1]) | (rows.at[1:] != rows.at[:-1])
    return found


def replace(ids: Ints, rows: Columns, *, told: bool) -> None:
    """Write rows over those stored under these ids, in the open transaction; with `told` listeners hear of it.

    Rows that say nothing new change nothing.
    """
    hold(np.unique(rows.datastream).tolist())
    changed = np.array([stood != said for stood, said in zip(_stored(ids, rows), _said(rows), strict=True)], np.bool_)
    if not changed.any():
        return
    ids, rows = ids[changed], rows.pick(changed)
    with connection.cursor() as cursor:
        cursor.executemany(
            _REPLACE,
            [
                (None if math.isnan(value) else value, pk, at)
                for value, pk, at in zip(rows.value.tolist(), ids.tolist(), rows.at.tolist(), strict=True)
            ],
        )
    storing.complete(ids, rows)
    for line in Datastream.objects.filter(pk__in=np.unique(rows.datastream).tolist()).order_by("pk"):
        recount(line, [from_micros(at) for at in rows.at[rows.datastream == line.pk].tolist()])
    if told:
        leave_news(ids, rows.datastream)


def _said(rows: Columns) -> list[dict[str, Any]]:
    """What each row says, by column; what it does not say is left out."""
    found: list[dict[str, Any]] = []
    for n, value in enumerate(rows.value.tolist()):
        said = {} if math.isnan(value) else {"result": value}
        found.append(said | {name: one for name, one in rows.more.get(n, {}).items() if name in _SAID})
    return found


def _stored(ids: Ints, rows: Columns) -> list[dict[str, Any]]:
    """What is stored under these ids, in the same form."""
    low, high = int(rows.at.min()), int(rows.at.max())
    stood = Observation.objects.filter(pk__in=ids.tolist()).extra(where=["at BETWEEN %s AND %s"], params=[low, high])
    times = ("until", "result_at", "valid_from", "valid_until")
    found = {
        row.pop("id"): {
            name: to_micros(value) if name in times else value for name, value in row.items() if value is not None
        }
        for row in stood.values("id", *_SAID)
    }
    return [found.get(pk, {}) for pk in ids.tolist()]
