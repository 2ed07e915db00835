"""One batch in one transaction: insert once, `latest`, roll-ups, rules, refusals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoc.core.fields import to_micros
from scoc.core.now import wall_now
from scoc.kit.identifiers import new_ids
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.columns import Columns, Flags, Ints
from scoc.sensing.ingest.judging import judge
from scoc.sensing.ingest.rolling import ends_of, ordered, sums


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of accepted rows, in their order: whether each is new, and the id that it is stored under."""

    fresh: Flags
    ids: Ints

    @property
    def stored(self) -> int:
        """How many are new."""
        return int(self.fresh.sum())


def take(rows: Columns, *, judged: bool = True, first_ids: bool = True) -> Taken:
    """Store accepted rows in the open transaction. With `judged` the rules look at them.

    With `first_ids` a repeat is answered with the id of the first one, else with 0.
    """
    if not len(rows):
        return Taken(np.empty(0, np.bool_), np.empty(0, np.int64))
    recorded = to_micros(wall_now())
    # Equal rows keep the order of their arrival, so the first one is stored; all writers lock in this order.
    order = np.lexsort((rows.at, rows.datastream))
    work = rows.pick(order)
    ids = np.array(new_ids(len(work)), np.int64)
    fresh = storing.insert(ids, work, recorded)
    if not fresh.all():
        ids[~fresh] = storing.first_ids(work.pick(~fresh)) if first_ids else 0
    if fresh.any():
        _spread(ids[fresh], work.pick(fresh), recorded, judged=judged)
    taken = Taken(np.empty_like(fresh), np.empty_like(ids))
    taken.fresh[order], taken.ids[order] = fresh, ids
    return taken


def _spread(ids: Ints, rows: Columns, recorded: int, *, judged: bool) -> None:
    """What new rows change: `latest`, roll-ups, rule states."""
    order = ordered(rows.datastream, rows.at, rows.value)
    datastream, at, value = rows.datastream[order], rows.at[order], rows.value[order]
    newest = ends_of(datastream)
    before = storing.previous(datastream[newest]) if judged else {}
    storing.move_latest(datastream[newest], at[newest], value[newest], ids[order][newest], recorded)
    storing.add_rollups(sums(datastream, at, value, rows.scale[order], np.full(len(at), recorded, np.int64)))
    if judged:
        judge(datastream, at, value, rows.streams, before)
