"""Rows into Parquet files that are on the disk before the log names them.

Half the work of an append is here and not in the library, since that commits before anything is synced: after a loss
of power the log would name files that are empty.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scoc.core.now import wall_now
from scoc.core.refusals import invalid
from scoc.lake.columns import fitting, is_bounded
from scoc.lake.durable import make_folder, sync_files
from scoc.lake.engines import deltalake
from scoc.lake.places import Place
from scoc.lake.schemas import Tally
from scoc.lake.tallies import Counter

ROW_GROUP = 131_072
MOST_WAITING = 2_000_000
"""Rows of all days that wait in memory for their row group to fill."""
MOST_ROWS_A_FILE = 8_000_000
MOST_DAYS = 400
"""Days that one append may touch: each has a file of its own, open until the end."""
COMPRESSION = "zstd"


@dataclass(slots=True)
class _File:
    """A data file in the making, with what the log tells of it so that readers may pass it by."""

    path: str
    day: str | None
    writer: Any
    sink: Any
    rows: int = 0
    nulls: dict[str, int] = field(default_factory=dict)
    least: dict[str, Any] = field(default_factory=dict)
    most: dict[str, Any] = field(default_factory=dict)

    def write(self, table: Any) -> None:
        """Write one row group."""
        self.writer.write_table(table, row_group_size=ROW_GROUP)
        self.rows += table.num_rows
        for column in table.schema:
            values = table.column(column.name)
            self.nulls[column.name] = self.nulls.get(column.name, 0) + values.null_count
            if not is_bounded(column.type):
                continue
            found = pc.min_max(values).as_py()
            if found["min"] is not None:
                name = column.name
                self.least[name] = min(self.least.get(name, found["min"]), found["min"])
                self.most[name] = max(self.most.get(name, found["max"]), found["max"])

    def close(self) -> None:
        """End the file."""
        self.writer.close()
        self.sink.close()

    def action(self, partition: str, size: int, *, data_change: bool) -> deltalake.transaction.AddAction:
        """What the log says of it."""
        told = {
            "numRecords": self.rows,
            "minValues": {name: _told(value) for name, value in self.least.items()},
            "maxValues": {name: _told(value) for name, value in self.most.items()},
            "nullCount": self.nulls,
        }
        days = {partition: self.day} if partition else {}
        return deltalake.transaction.AddAction(
            self.path, size, days, int(wall_now().timestamp() * 1000), data_change=data_change, stats=json.dumps(told)
        )  # fmt: skip


def _told(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value


@dataclass(slots=True)
class Files:
    """Data files that lie on the disk, and what they hold; nothing names them yet."""

    actions: list[deltalake.transaction.AddAction]
    tally: Tally


class Writer:
    """Takes record batches and writes them by day, in bounded memory."""

    def __init__(self, place: Place, schema: Any, partition: str, summed: tuple[str, ...]) -> None:
        self.place, self.schema, self.partition = place, schema, partition
        self.files = place.files()
        self.kept = [column.name for column in schema if column.name != partition]
        self.counter = Counter(summed)
        self.waiting: dict[date | None, list[Any]] = {}
        self.open: dict[date | None, _File] = {}
        self.made: list[_File] = []
        self.held: dict[date | None, int] = {}
        """How many rows wait."""

    def write(self, batches: Iterable[Any], *, data_change: bool = True) -> Files:
        """Write all of them; what was written is taken away again if it goes wrong. Raises Invalid."""
        try:
            for batch in batches:
                fit = fitting(self.schema, batch)
                self.counter.add(fit)
                self._sort(fit)
            self._flush()
            for file in self.open.values():
                file.close()
            return Files(self._settled(data_change=data_change), self.counter.tally())
        except BaseException:  # an interrupt as well: no commit will ever name these files
            self.take_back()
            raise

    def take_back(self) -> None:
        """Remove files that no commit names."""
        for file in self.made:
            if not file.sink.closed:
                file.sink.close()
            self.files.delete_file(file.path)

    def _sort(self, batch: Any) -> None:
        for day, part in _by_day(batch, self.partition):
            if day not in self.waiting and len(self.waiting) >= MOST_DAYS:
                raise invalid(self.partition, f"More than {MOST_DAYS} days at once.", "Append fewer days at a time.",
                              zh=f"一次写入不得超过{MOST_DAYS}天，请分批写入。")  # fmt: skip
            self.waiting.setdefault(day, []).append(part)
            self.held[day] = self.held.get(day, 0) + part.num_rows
            if self.held[day] >= ROW_GROUP:
                self._write_out(day)
        if sum(self.held.values()) > MOST_WAITING:
            self._flush()

    def _flush(self) -> None:
        for day in self.waiting:
            self._write_out(day)

    def _write_out(self, day: date | None) -> None:
        parts, self.waiting[day], self.held[day] = self.waiting[day], [], 0
        if not parts:
            return
        table = pa.Table.from_batches(parts).select(self.kept)
        file = self.open.get(day)
        if file is None or file.rows >= MOST_ROWS_A_FILE:
            if file is not None:
                file.close()
            file = self.open[day] = self._new_file(day)
        file.write(table)

    def _new_file(self, day: date | None) -> _File:
        folder = f"{self.partition}={day.isoformat()}/" if day is not None else ""
        path = f"{folder}part-{secrets.token_hex(16)}.{COMPRESSION}.parquet"
        if self.place.folder is not None:
            make_folder((self.place.folder / path).parent)
        sink = self.files.open_output_stream(path)
        schema = pa.schema([self.schema.field(name) for name in self.kept])
        file = _File(path, day.isoformat() if day else None, pq.ParquetWriter(sink, schema, compression=COMPRESSION),
                     sink)  # fmt: skip
        self.made.append(file)
        return file

    def _settled(self, *, data_change: bool) -> list[deltalake.transaction.AddAction]:
        """What the log is to say of the files, once they are on the disk."""
        if self.place.folder is not None:
            sync_files(self.place.folder, [self.place.folder / file.path for file in self.made])
        sizes = {info.path: info.size for info in self.files.get_file_info([file.path for file in self.made])}
        return [file.action(self.partition, sizes[file.path], data_change=data_change) for file in self.made]


def _by_day(batch: Any, partition: str) -> Iterator[tuple[date | None, Any]]:
    """The rows of each day."""
    if not batch.num_rows:
        return
    if not partition:
        yield None, batch
        return
    days = batch.column(partition)
    found = pc.unique(days).to_pylist()
    for day in found:
        yield day, batch if len(found) == 1 else batch.filter(pc.equal(days, pa.scalar(day, pa.date32())))
