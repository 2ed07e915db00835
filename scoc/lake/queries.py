"""Reading the lake: always one version, by its number; which one held at a time the catalogue knows.

The lake knows nothing of its rows, so neither who may see which: whoever shows rows asks with its own system actor and
answers for what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db.models import Sum

from scoc.core.access import query
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.refusals import invalid, no_such
from scoc.lake import catalogue, reading
from scoc.lake.catalogue import known_table, subject_of, version_row
from scoc.lake.columns import fitting
from scoc.lake.commits import read_commit
from scoc.lake.models import LakeTable, LakeVersion
from scoc.lake.schemas import Cursor, LakeTableRow, LakeVersionRow, Look, Snapshot, TableSpec, Tally, Verdict, Written
from scoc.lake.tallies import count

LEAST_MEMORY_MB = 64
MOST_MEMORY_MB = 65_536
MOST_THREADS = 64


@query("lake.read_tables")
def snapshot(viewer: Viewer, table: str, version: int | None = None) -> Snapshot:
    """A table in one version (the newest by default) as an Arrow dataset; keep its number to read the same again.

    Raises NotFound, or Refusal where the version's files were removed.
    """
    return reading.snapshot(table, version)


@query("lake.read_tables")
def session(
    viewer: Viewer, looks: Mapping[str, Look], memory_mb: int = 1024, threads: int = 2
) -> AbstractContextManager[Any]:
    """A DuckDB in memory for one request, `with session(…) as sql:`, which is a `duckdb.DuckDBPyConnection`; it holds
    one view for each name of `looks`.

    It reaches no file, no network and no variable of ours, its settings are locked, and what needs more memory fails.
    That bounds our own SQL. It is no gate for a user's: the rows behind a view can be named there, DuckDB's own tables
    can be read, and a few functions cannot be interrupted. Quote a column called `at`: it is a word of DuckDB's.
    """
    if not LEAST_MEMORY_MB <= memory_mb <= MOST_MEMORY_MB or not 1 <= threads <= MOST_THREADS:
        raise invalid("memory_mb", "That is no memory or number of threads to work with.",
                      f"Give {LEAST_MEMORY_MB} to {MOST_MEMORY_MB} MB and 1 to {MOST_THREADS} threads.",
                      zh=f"内存应为{LEAST_MEMORY_MB}至{MOST_MEMORY_MB} MB，线程数应为1至{MOST_THREADS}。")  # fmt: skip
    return reading.session(looks, memory_mb, threads)


@query("lake.read_tables")
def version_at(viewer: Viewer, table: str, moment: datetime) -> int:
    """The version that a table had at a wall time; `core.now.recorded_by` turns a city time into one.

    Raises NotFound before its first version.
    """
    row = known_table(table)
    catalogue.opened(row)
    found = row.versions.filter(committed_at__lte=moment).order_by("-version").values_list("version", flat=True).first()
    if found is None:
        raise no_such("版本", "version", subject_of(table))
    return found


@query("lake.read_tables")
def version_of(viewer: Viewer, table: str, cursor: Cursor) -> Written | None:
    """The version in which a load wrote one of its batches; None where it has not yet."""
    row = known_table(table)
    catalogue.opened(row)
    found = row.versions.select_related("table").filter(cursor_app=cursor.app, cursor=cursor.number).first()
    return Written(table, found.version, catalogue.tally_of(found), fresh=False) if found else None


@query("lake.read_tables")
def cursor(viewer: Viewer, table: str, app: str) -> int | None:
    """The number of the newest batch that a load has written; None before its first."""
    return catalogue.opened(known_table(table)).delta.transaction_version(app)


@query("lake.read_tables")
def verify(viewer: Viewer, table: str, version: int | None = None) -> Verdict:
    """Open a version anew, read every row of it, and compare with what the catalogue says that it holds.

    Raises NotFound, and Refusal where it was removed or another program wrote into the table.
    """
    row = known_table(table)
    newest = catalogue.opened(row)
    number = newest.version if version is None else version
    version_row(row, number)
    wanted = catalogue.tally_up_to(row, number)
    found = reading.tally(reading.dataset_of(row, newest.place, number), newest.sums)
    return Verdict(wanted == found, wanted, found)


@query("lake.read_tables")
def verify_append(viewer: Viewer, table: str, version: int, sent: Tally) -> Verdict:
    """Read from the disk the rows that an append added, and compare with what its sender counted (`count_rows`).

    Before rows are dropped elsewhere because the lake has them, this must be the same. Raises NotFound, and Refusal
    where the version was removed.
    """
    row = known_table(table)
    newest = catalogue.opened(row)
    version_row(row, version)
    commit = read_commit(newest.place, version)
    if commit is None or commit.kind != "append":
        raise invalid("version", "That version is no append.", "Take the version that `append` gave.",
                      zh="该版本不是一次写入。")  # fmt: skip
    found = reading.tally_of_added(newest, commit)
    return Verdict(sent == found, sent, found)


def count_rows(spec: TableSpec, batches: Iterable[Any]) -> Tally:
    """The tally of record batches as a table's versions tell it, for `verify_append`. Raises Invalid for other columns.

    Needs no permission: it counts what it is given.
    """
    return count((fitting(spec.schema, batch) for batch in batches), spec.sums)


@query("lake.read_tables")
def tables(viewer: Viewer, page: PageQuery) -> Page[LakeTableRow]:
    """The tables of the lake, by name, as the catalogue knows them."""
    rows = LakeTable.objects.all()
    if page.as_of is not None:
        rows = rows.filter(recorded_at__lte=page.as_of)
    return paged(rows, page, ("name", "id"), lambda row: _table_row(row, page.as_of))


def _table_row(row: LakeTable, as_of: datetime | None) -> LakeTableRow:
    versions = row.versions.all() if as_of is None else row.versions.filter(recorded_at__lte=as_of)
    last = versions.order_by("-version").first()
    counted = not versions.filter(rows=None).exists()
    return LakeTableRow(
        name=row.name, partition=row.partition, columns=row.columns, keep_days=row.keep_days,
        version=last.version if last else -1,
        rows=(versions.aggregate(sum=Sum("rows"))["sum"] or 0) if counted else None,
    )  # fmt: skip


@query("lake.read_tables")
def versions(viewer: Viewer, table: str, page: PageQuery) -> Page[LakeVersionRow]:
    """The versions of a table, newest first, as the catalogue knows them. Raises NotFound."""
    rows = known_table(table).versions.all()
    if page.as_of is not None:
        rows = rows.filter(recorded_at__lte=page.as_of)
    return paged(rows, page, ("-version", "id"), _version_out)


def _version_out(row: LakeVersion) -> LakeVersionRow:
    return LakeVersionRow(
        version=row.version, kind=row.kind, rows=row.rows, sums=row.sums, digest=row.digest,
        cursor_app=row.cursor_app, cursor=row.cursor, committed_at=row.committed_at, recorded_at=row.recorded_at,
        gone_at=row.gone_at,
    )  # fmt: skip
