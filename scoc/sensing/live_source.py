"""Newest values for open screens: at most one a second for each datastream, and only of those that changed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from scoc.core.live import SOURCES, Event
from scoc.core.now import current_run, wall_now
from scoc.core.remembered import forgettable
from scoc.sensing.models import Latest

OVERLAP = timedelta(seconds=10)
"""A reading is stamped before it is committed: so far back the source looks again."""
MOST_EVENTS = 2_000
"""More in one second than anybody can watch: the newest of them are shown."""


@dataclass(slots=True)
class _Shown:
    """The observations shown lately, by datastream."""

    ids: dict[int, int] = field(default_factory=dict)
    order: deque[int] = field(default_factory=deque)
    started: bool = False


_shown = _Shown()


@forgettable
def forget_shown() -> None:
    """Begin anew with what comes from now on."""
    global _shown
    _shown = _Shown()


def newest_values() -> list[Event]:
    """What changed since the last call, in the current run. The first call shows nothing: pages load what is there."""
    run_id = current_run()
    rows = (
        Latest.objects.filter(recorded__gte=wall_now() - OVERLAP, datastream__run_id=run_id)
        .select_related("datastream__device__organisation", "datastream__device__area")
        .order_by("-recorded")[:MOST_EVENTS]
    )
    events = []
    for row in rows:
        if _shown.ids.get(row.datastream_id) == row.observation_id:
            continue
        if row.datastream_id not in _shown.ids:
            _shown.order.append(row.datastream_id)
        _shown.ids[row.datastream_id] = row.observation_id
        if _shown.started:
            events.append(_event(row, run_id))
    while len(_shown.order) > 10 * MOST_EVENTS:
        _shown.ids.pop(_shown.order.popleft(), None)
    _shown.started = True
    return events


def _event(row: Latest, run_id: int) -> Event:
    device = row.datastream.device
    return Event(
        permission="sensing.read_observations", run_id=run_id, organisation_path=device.organisation.path,
        area_path=device.area.path if device.area else "",
        message={
            "type": "reading", "device": device.pk, "datastream": row.datastream_id,
            "property": row.datastream.property, "at": row.at.isoformat(), "value": row.result,
        },
    )  # fmt: skip


SOURCES.append(newest_values)
