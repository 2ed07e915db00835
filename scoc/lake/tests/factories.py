"""Tables of the lake for tests, and rows to put into them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from scoc.core.acting import Actor
from scoc.lake import queries
from scoc.lake.schemas import TableSpec

DAY, NEXT = date(2026, 6, 1), date(2026, 6, 2)
SCHEMA = pa.schema(
    [
        pa.field("day", pa.date32(), nullable=False),
        pa.field("sensor", pa.int32(), nullable=False),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("price", pa.decimal128(12, 2)),
        pa.field("note", pa.string()),
    ]
)


def make_spec(name: str = "readings", **changed: Any) -> TableSpec:
    """A table of readings by day."""
    return TableSpec(**{"name": name, "schema": SCHEMA, "partition": "day", "sums": ("sensor", "price"), **changed})


def make_rows(count: int = 10, day: date = DAY, first: int = 0) -> Any:
    """Readings of one day as a record batch; each has its own number, and some values are missing."""
    numbers = range(first, first + count)
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([day] * count, pa.date32()),
            pa.array([number % 7 for number in numbers], pa.int32()),
            pa.array([start + timedelta(milliseconds=number) for number in numbers], pa.timestamp("us", "UTC")),
            pa.array([None if number % 5 == 4 else number / 3 for number in numbers], pa.float64()),
            pa.array([Decimal(number * 100) for number in numbers], pa.decimal128(12, 2)),
            pa.array([f"第{number}条" for number in numbers], pa.string()),
        ],
        schema=SCHEMA,
    )


def read(actor: Actor, version: int | None = None) -> list[dict[str, Any]]:
    """The rows of a version of the readings, in one order."""
    found = queries.snapshot(actor, "readings", version).dataset.to_table()
    rows: list[dict[str, Any]] = found.sort_by([("day", "ascending"), ("at", "ascending")]).to_pylist()
    return rows
