"""One batch in one transaction: insert once, `latest`, roll-ups, rules, refusals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scoc.core.fields import to_micros
from scoc.core.now import wall_now
from scoc.sensing.ingest import storing
from scoc.sensing.ingest.columns import Columns, Flags, Ints
from scoc.sensing.ingest.interest import leave_news
from scoc.sensing.ingest.judging import judge
from scoc.sensing.ingest.numbering import new_ids
from scoc.sensing.ingest.replacing import corrections, replace
from scoc.sensing.ingest.rolling import MOST_SCALED, ends_of, ordered, sums

NEVER = -(2**63)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of accepted rows, in their order: whether each is new, and the id that it is stored under."""

    fresh: Flags
    ids: Ints
    recorded: int
    """When, in wall time and microseconds."""

    @property
    def stored(self) -> int:
        """How many are new."""
        return int(self.fresh.sum())


def take(rows: Columns, *, judged: bool = True, first_ids: bool = True) -> Taken:
    """Store accepted rows in the open transaction. With `judged` the rules look at them, and listeners hear of them.

    With `first_ids` a repeat is answered with the id of the first one, else with 0.
    """
    recorded = to_micros(wall_now())
    if not len(rows):
        return Taken(np.empty(0, np.bool_), np.empty(0, np.int64), recorded)
    # Equal rows keep the order of their arrival, so the first one is stored; all writers lock in this order.
    order = np.lexsort((rows.at, rows.datastream))
    work = rows.pick(order)
    ends = ends_of(work.datastream)
    before = storing.previous(work.datastream[ends]) if judged or storing.on_postgres() else {}
    known_until = _until(work.datastream, ends, before)
    surely_new = (work.at > known_until) & ~_repeated(work.datastream, work.at)
    ids = new_ids(len(work))
    fresh = storing.insert(ids, work, recorded, surely_new)
    if not fresh.all():
        again = work.pick(~fresh)
        corrected = corrections(again)
        ids[~fresh] = storing.first_ids(again) if first_ids or corrected.any() else 0
    if work.more:
        told = work.pick(fresh)
        storing.complete(ids[fresh], told)
        storing.reach_results(told)
    if fresh.any():
        if judged:  # of history nobody waits to hear, and there may be millions of it
            leave_news(ids[fresh], work.datastream[fresh])
        _spread(ids[fresh], work.pick(fresh), recorded, before, judged=judged)
    if not fresh.all() and corrected.any():
        replace(ids[~fresh][corrected], again.pick(corrected), told=judged)
    taken = Taken(np.empty_like(fresh), np.empty_like(ids), recorded)
    taken.fresh[order], taken.ids[order] = fresh, ids
    return taken


def _until(datastream: Ints, ends: Flags, before: dict[int, int]) -> Ints:
    """For each row the time of its datastream's newest reading so far: whatever is later cannot be stored yet."""
    newest = np.array([before.get(pk, NEVER) for pk in datastream[ends].tolist()], np.int64)
    return np.repeat(newest, np.diff(np.nonzero(ends)[0], prepend=-1))


def _repeated(datastream: Ints, at: Ints) -> Flags:
    """Whether a sorted row has the datastream and time of the row before it."""
    repeated = np.zeros(len(at), np.bool_)
    repeated[1:] = (datastream[1:] == datastream[:-1]) & (at[1:] == at[:-1])
    return repeated


def _spread(ids: Ints, rows: Columns, recorded: int, before: dict[int, int], *, judged: bool) -> None:
    """What new rows change: `latest`, roll-ups, rule states."""
    order = ordered(rows.datastream, rows.at, rows.value)
    datastream, at, value = rows.datastream[order], rows.at[order], rows.value[order]
    newest = ends_of(datastream)
    oldest = np.roll(newest, 1)  # where one datastream ends the next begins
    storing.move_latest(
        datastream[newest], at[newest], value[newest], ids[order][newest], recorded, at[oldest]
    )  # fmt: skip
    summed = np.abs(value) * rows.scale[order] <= MOST_SCALED  # what is no number is no part of sums, nor of rules
    if not summed.all():
        order = order[summed]
        datastream, at, value = datastream[summed], at[summed], value[summed]
    if not len(order):
        return
    added = sums(datastream, at, value, rows.scale[order], np.full(len(at), recorded, np.int64))
    storing.add_rollups(added, added.bucket > _until(added.datastream, ends_of(added.datastream), before))
    if judged:
        judge(datastream, at, value, rows.streams, before)
