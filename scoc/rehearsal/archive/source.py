"""Real readings of the past as the source of a replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from scoc.rehearsal.archive.files import archives
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.rehearsal.simulator.reports import Report
from scoc.rehearsal.simulator.signals import Readings


@dataclass(slots=True)
class ArchiveSource:
    """The readings of a span from the archives that cover it; nobody calls, since the archives tell of no calls."""

    span: Readings
    stations: set[str]
    hours: int = 0
    missing: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def readings(self, start: datetime, end: datetime) -> Readings:
        """Readings after `start` and up to `end`."""
        return self.span.between(start, end)

    def reports(self, start: datetime, end: datetime) -> list[Report]:
        """None."""
        return []


def read_span(folder: Path | None, settings: AirArchiveSettings, start: datetime, end: datetime) -> ArchiveSource:
    """What the archives hold from `start` up to but without `end`. Raises BadArchive without them."""
    parts: list[Readings] = []
    made = ArchiveSource(Readings.joined([]), set())
    for batch in archives(folder, settings, start.timestamp(), end.timestamp()):
        made.hours += batch.hours
        made.missing += batch.missing
        made.refused.update(batch.refused)
        found = batch.record_batch()
        if found.num_rows:
            parts.append(
                Readings(
                    np.array(found["device_key"].to_pylist()), np.array(found["property"].to_pylist()),
                    np.asarray(found["at_micros"].to_numpy(), dtype=np.int64),
                    np.asarray(found["value"].to_numpy(), dtype=np.float64),
                )
            )  # fmt: skip
    joined = Readings.joined(parts)
    order = np.argsort(joined.at_micros, kind="stable")
    made.span = Readings(joined.device[order], joined.property[order], joined.at_micros[order], joined.value[order])
    made.stations = set(joined.device.tolist())
    return made
