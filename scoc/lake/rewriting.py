"""Writing a table's files anew: without some rows, or fewer and larger.

The library does both, but not well enough: its delete writes texts in a type that no reader can then filter by, and of
two compactions at once it takes both, so that every row is there twice. Here all rewrites of a table share one cursor:
of two at once one fails and begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scoc.core.now import wall_now
from scoc.lake.catalogue import Open
from scoc.lake.columns import to_schema
from scoc.lake.commits import afterwards, new_mark, properties
from scoc.lake.engines import deltalake
from scoc.lake.reading import BATCH_ROWS, DataFile, data_files
from scoc.lake.schemas import Tally
from scoc.lake.tallies import Counter, negative
from scoc.lake.writing import MOST_ROWS_A_FILE, Files, Writer

LARGE_ENOUGH = 128 * 2**20
"""Bytes from which on a file is not put together with others."""


@dataclass(slots=True)
class Rewrite:
    """What is to take the place of what, once it is committed."""

    table: Open
    kind: str
    old: list[DataFile]
    writer: Writer
    files: Files
    tally: Tally
    mark: str = field(default_factory=new_mark)

    def commit(self) -> None:
        """Have the log name the new files in place of the old. Raises CommitFailedError where others came first."""
        partition = self.table.row.partition
        removals = [_removal(one, partition, data_change=self.kind == "delete") for one in self.old]
        self.table.delta.create_write_transaction(
            [*removals, *self.files.actions], "append", to_schema(self.table.row.columns),
            [partition] if partition else [],
            commit_properties=properties(self.kind, self.mark, self.tally, rewriting=self.table.version),
            post_commithook_properties=afterwards(),
        )  # fmt: skip


def _removal(file: DataFile, partition: str, *, data_change: bool) -> deltalake.transaction.RemoveAction:
    """What the log says of a file's end."""
    days = {partition: file.day} if partition else {}
    return deltalake.transaction.RemoveAction(
        file.path, data_change, int(wall_now().timestamp() * 1000), file.size, days
    )


def _rows(table: Open, file: DataFile, where: Any = None) -> Iterator[Any]:
    scanner = file.fragment.scanner(schema=to_schema(table.row.columns), filter=where, batch_size=BATCH_ROWS)
    yield from scanner.to_batches()


def _writer(table: Open) -> Writer:
    return Writer(table.place, to_schema(table.row.columns), table.row.partition, table.sums)


def without_rows(table: Open, where: Any) -> Rewrite | None:
    """The table without the rows that fulfil an Arrow expression; None where none does. Of a null none does."""
    gone, old = Counter(table.sums), []
    for file in data_files(table.row, table.place, table.delta):
        before = gone.rows
        for batch in _rows(table, file, where):
            gone.add(batch)
        if gone.rows > before:
            old.append(file)
    if not old:
        return None
    kept = pc.invert(pc.coalesce(where, pc.scalar(False)))  # noqa: FBT003  # Arrow's own form
    writer = _writer(table)
    files = writer.write(batch for file in old for batch in _rows(table, file, kept))
    rewrite = Rewrite(table, "delete", old, writer, files, negative(gone.tally()))
    return _counted(rewrite, files.tally.rows + gone.rows)


def put_together(table: Open, days: Sequence[date], order: Sequence[str]) -> Rewrite | None:
    """The table with the small files of each day put together; None where there is nothing to do."""
    wanted = {day.isoformat() for day in days}
    by_day: dict[str | None, list[DataFile]] = {}
    for file in data_files(table.row, table.place, table.delta):
        if file.size < LARGE_ENOUGH and (not wanted or file.day in wanted):
            by_day.setdefault(file.day, []).append(file)
    old = [file for files in by_day.values() if len(files) > 1 for file in files]
    if not old:
        return None
    writer = _writer(table)
    files = writer.write(_ordered(table, by_day, order), data_change=False)
    return _counted(Rewrite(table, "compact", old, writer, files, Tally()), files.tally.rows)


def _ordered(table: Open, by_day: dict[str | None, list[DataFile]], order: Sequence[str]) -> Iterator[Any]:
    """The rows of each day, ordered as far as they fit into one file."""
    keys = [(name, "ascending") for name in order]
    for files in by_day.values():
        held: list[Any] = []
        for batch in (batch for file in files if len(files) > 1 for batch in _rows(table, file)):
            if not order:
                yield batch
                continue
            held.append(batch)
            if sum(one.num_rows for one in held) >= MOST_ROWS_A_FILE:
                yield from pa.Table.from_batches(held).sort_by(keys).to_batches(BATCH_ROWS)
                held = []
        if held:
            yield from pa.Table.from_batches(held).sort_by(keys).to_batches(BATCH_ROWS)


def _counted(rewrite: Rewrite, rows: int) -> Rewrite:
    """The rewrite, none of whose rows was lost on the way. Raises RuntimeError."""
    before = sum(one.fragment.metadata.num_rows for one in rewrite.old)
    if rows != before:
        rewrite.writer.take_back()
        raise RuntimeError(
            f"{rewrite.table.row.name}: of {before} rows {rows} came through a rewrite; nothing is done."
        )
    return rewrite
