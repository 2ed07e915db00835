"""Real readings of the past as the source of a replay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoc.rehearsal.archive.files import archives
from scoc.rehearsal.pack import AirArchiveSettings
from scoc.rehearsal.simulator.reports import Report


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


@dataclass(slots=True)
class ArchiveSource:
    """The readings of a span from the archives that cover it; nobody calls, since the archives tell of no calls."""

    table: Any
    """All readings in the order of their times, doubtful ones with their fault; an Arrow table."""
    stations: set[str]
    """Stations with at least one reading that is believed."""
    hours: int = 0
    missing: int = 0

    def batch(self, start: datetime, end: datetime) -> Any:
        """Readings after `start` and up to `end`."""
        times = self.table.column("at_micros").to_numpy()
        low, high = (int(np.searchsorted(times, _micros(moment), side="right")) for moment in (start, end))
        part = self.table.slice(low, high - low).combine_chunks()
        return part.to_batches()[0] if len(part) else pa.RecordBatch.from_pylist([], schema=part.schema)

    def reports(self, start: datetime, end: datetime) -> list[Report]:
        """None."""
        return []


def read_span(folder: Path | None, settings: AirArchiveSettings, start: datetime, end: datetime) -> ArchiveSource:
    """What the archives hold of the hours that end after `start` and up to `end`. Raises BadArchive without them.

    Runs of equal values that began before are seen as a whole. Cells whose time cannot be read belong to no span.
    """
    parts: list[Any] = []
    hours: set[tuple[str, int]] = set()
    missing = 0
    for file in archives(folder):
        for batch in file.batches(file.doubter(settings)):
            at = batch.column(batch.schema.names.index("at_micros"))
            inside = pc.and_(pc.greater(at, _micros(start)), pc.less_equal(at, _micros(end)))
            found = pa.concat_tables([_nothing(), pa.table(batch).filter(inside)], promote_options="default")
            hours.update(zip(found["device_key"].to_pylist(), found["at_micros"].to_pylist(), strict=True))
            parts.append(found.filter(pc.or_(found["value"].is_valid(), found["fault"].is_valid())))
            missing += len(found) - len(parts[-1])
    table = pa.concat_tables([_nothing(), *parts]).sort_by("at_micros")
    believed = table.filter(table["fault"].is_null())
    return ArchiveSource(table, set(believed["device_key"].unique().to_pylist()), len(hours), missing)


def _nothing() -> Any:
    return pa.table(
        {"device_key": pa.array([], pa.string()), "property": pa.array([], pa.string()),
         "at_micros": pa.array([], pa.int64()), "value": pa.array([], pa.float64()),
         "fault": pa.array([], pa.string()), "raw": pa.array([], pa.string())}
    )  # fmt: skip
