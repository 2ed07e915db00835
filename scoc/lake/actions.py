"""Every change of the lake: declare a table, append, delete rows, put small files together, clear what is overdue.

Each begins with an action, which asks for the permission and leaves its trace; then the files are written, outside of
any transaction, since that takes as long as there are rows; then the catalogue follows the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from scoc.core import audit
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.now import in_run, wall_now
from scoc.core.refusals import Refusal, invalid
from scoc.kit.text import Text
from scoc.lake import reading, rewriting
from scoc.lake.catalogue import Open, files_missing, known_table, opened, subject_of, tally_of
from scoc.lake.columns import check_batch_schema, check_spec, to_rows, to_schema
from scoc.lake.commits import afterwards, new_mark, properties, read_commit
from scoc.lake.conditions import expression
from scoc.lake.durable import make_folder
from scoc.lake.engines import deltalake
from scoc.lake.models import LakeTable
from scoc.lake.places import place_of
from scoc.lake.schemas import Condition, Cursor, TableSpec, Tally, Written
from scoc.lake.writing import Files, Writer

MOST_TRIES = 20
"""Each time others came first; who loses looks at the newest version and tries again."""
MOST_CURSOR = 2**63 - 1


@action("lake.create_table", shared=True)
def _begin_create(actor: Actor, spec: TableSpec) -> LakeTable:
    """Enter a table's declaration, or find the same one. Raises Invalid for another of that name."""
    declared = {
        "columns": to_rows(spec.schema), "partition": spec.partition, "sums": list(spec.sums),
        "keep_days": spec.keep_days,
    }  # fmt: skip
    row, fresh = LakeTable.objects.get_or_create(name=spec.name, defaults={**declared, "recorded_at": wall_now()})
    if any(getattr(row, name) != value for name, value in declared.items()):
        raise invalid("name", f"There is another table {spec.name}, declared otherwise.",
                      "Take another name: a table keeps the schema that it was declared with.",
                      zh=f"已有同名但结构不同的数据湖表“{spec.name}”，请换用其他表名。")  # fmt: skip
    if fresh:
        audit.record(actor, kind="action", action="lake.create_table", subject=subject_of(spec.name), outcome="done")
    return row


@action("lake.append", shared=True)
def _begin_append(actor: Actor, table: str) -> LakeTable:
    """Whether this actor may append to a table; the catalogue tells what was appended."""
    return known_table(table)


@action("lake.delete_rows", shared=True)
def _begin_delete(actor: Actor, table: str, where: Sequence[Condition]) -> LakeTable:
    """Whether this actor may delete rows of a table, and that it began to."""
    return _begun(actor, "lake.delete_rows", table, reading.conditions_text(where))


@action("lake.compact", shared=True)
def _begin_compact(actor: Actor, table: str) -> LakeTable:
    """Whether this actor may write a table's files anew, and that it began to."""
    return _begun(actor, "lake.compact", table, "")


@action("lake.vacuum", shared=True)
def _begin_vacuum(actor: Actor, table: str) -> LakeTable:
    """Whether this actor may remove a table's overdue files, and that it began to."""
    return _begun(actor, "lake.vacuum", table, "")


def _begun(actor: Actor, name: str, table: str, detail: str) -> LakeTable:
    row = known_table(table)
    audit.record(actor, kind="action", action=name, subject=subject_of(table), outcome="done", detail=detail)
    return row


def create_table(actor: Actor, spec: TableSpec) -> Written:
    """Make a table as it is declared; one that is there already with the same declaration is left as it is.

    Raises Invalid for what the lake cannot keep faithfully, or where the name means another table.
    """
    check_spec(spec)
    row = _begin_create(actor, spec)
    with in_run(actor.run_id):
        fresh = not _exists(row.name)
        if fresh:
            if row.versions.exists():
                raise files_missing(row)
            _create(row)
        table = opened(row)
        return Written(row.name, _checked(table).version, Tally(), fresh)


def _exists(name: str) -> bool:
    place = place_of(name)
    return deltalake.DeltaTable.is_deltatable(place.address, place.options)


def _create(row: LakeTable) -> None:
    place = place_of(row.name)
    if place.folder is not None:
        make_folder(place.folder)
    deltalake.DeltaTable.create(
        place.address, to_schema(row.columns), mode="ignore", partition_by=[row.partition] if row.partition else None,
        configuration={
            "delta.logRetentionDuration": f"interval {row.keep_days} days",
            "delta.deletedFileRetentionDuration": f"interval {row.keep_days} days",
            "delta.enableExpiredLogCleanup": "false",
        },
        storage_options=place.options, commit_properties=properties("create", new_mark(), Tally()),
        post_commithook_properties=afterwards(),
    )  # fmt: skip


def _checked(table: Open) -> Open:
    """The table, whose files are what was declared. Raises Refusal where another program has changed that."""
    there = pa.schema(table.delta.schema().to_arrow())
    parted = [table.row.partition] if table.row.partition else []
    if to_rows(there) != table.row.columns or table.delta.metadata().partition_columns != parted:
        raise Refusal(
            "table_changed",
            Text(f"数据湖表“{table.row.name}”的文件结构与登记的不一致，不能写入。",
                 f"The files of {table.row.name} have another schema than was declared: nothing is written."),
            subject=subject_of(table.row.name),
        )  # fmt: skip
    return table


def append(actor: Actor, table: str, batches: Any, cursor: Cursor) -> Written:
    """Append rows, all of them or none, once for each number of the cursor; returns when they are on the disk.

    `batches` is an Arrow record batch, table or reader, or an iterable of record batches, taken one by one. Its
    columns must be the declared ones, of exactly their types. Where the cursor's number was written by an earlier call
    or by another process, nothing is read and that version is given (`fresh` is false): repeat it after any failure.
    Raises Invalid for rows that do not fit; Refusal where the load has passed the number without writing it.
    """
    if not re.fullmatch(r"[\w.:@/-]{1,120}", cursor.app, re.ASCII) or not 0 <= cursor.number <= MOST_CURSOR:
        raise invalid("cursor", "That is no cursor.", "Give a name of up to 120 letters, and a number from 0.",
                      zh="加载游标不合要求：名称最长120个字符，序号不得为负。")  # fmt: skip
    row = _begin_append(actor, table)
    schema = to_schema(row.columns)
    incoming = _batches(batches, schema)
    writer = Writer(place_of(table), schema, row.partition, tuple(row.sums))
    files: Files | None = None
    mark = new_mark()
    with in_run(actor.run_id):
        for _ in range(MOST_TRIES):
            opening = _checked(opened(row))
            done = _written_before(opening, cursor)
            if done is not None:
                writer.take_back()
                return done
            files = files or writer.write(incoming)
            try:
                opening.delta.create_write_transaction(
                    list(files.actions), "append", schema, [row.partition] if row.partition else [],
                    commit_properties=properties("append", mark, files.tally, cursor),
                    post_commithook_properties=afterwards(),
                )  # fmt: skip
            except deltalake.exceptions.CommitFailedError:
                if not _is_there(row, mark):
                    continue
            return _written(row, mark, files.tally)
    writer.take_back()
    raise _busy(row)


def _is_there(row: LakeTable, mark: str) -> bool:
    """Whether a commit that was said to have failed is in the log of the table; if so, its files must stay.

    A store that answers too late is asked again, and then says that the name is taken: by this very commit.
    """
    opened(row)
    return row.versions.filter(mark=mark).exists()


def _batches(given: Any, schema: Any) -> Iterator[Any]:
    """Record batches one by one. Raises Invalid where their schema is known and does not fit."""
    if isinstance(given, pa.RecordBatch):
        given = pa.Table.from_batches([given])
    known = getattr(given, "schema", None)
    if known is not None:
        check_batch_schema(schema, known)
    if isinstance(given, pa.Table):
        given = given.to_batches()
    batches: Iterable[Any] = given
    return iter(batches)


def _written_before(table: Open, cursor: Cursor) -> Written | None:
    """What an earlier call has written of this number. Raises Refusal where the load is past it without it.

    The library itself takes the same number twice, as long as it comes one after the other.
    """
    reached = table.delta.transaction_version(cursor.app)
    if reached is None or reached < cursor.number:
        return None
    found = table.row.versions.select_related("table").filter(cursor_app=cursor.app, cursor=cursor.number).first()
    if found is None:
        raise Refusal(
            "cursor_passed",
            Text(f"加载任务“{cursor.app}”已到第{reached}批，第{cursor.number}批未曾写入，不能再补。",
                 f"The load {cursor.app} has come to {reached} and never wrote {cursor.number}: give it a new number."),
            subject=subject_of(table.row.name),
        )  # fmt: skip
    return Written(table.row.name, found.version, tally_of(found), fresh=False)


def _written(row: LakeTable, mark: str, tally: Tally) -> Written:
    """The version of a commit, once it is on the disk and in the catalogue."""
    opened(row)
    version = row.versions.filter(mark=mark).order_by("-version").values_list("version", flat=True).first()
    if version is None:
        raise RuntimeError(f"The log of {row.name} does not hold the commit {mark} that was answered.")
    return Written(row.name, version, tally)


def _busy(row: LakeTable) -> Refusal:
    return Refusal(
        "busy",
        Text(f"数据湖表“{row.name}”正被其他进程频繁写入，请稍后重试。",
             f"Others kept changing {row.name}: try again later."),
        subject=subject_of(row.name),
    )  # fmt: skip


def _rewritten(row: LakeTable, prepared: Callable[[Open], rewriting.Rewrite | None]) -> Written:
    """Rewrite the newest version, anew where another rewrite came first."""
    for _ in range(MOST_TRIES):
        newest = _checked(opened(row))
        rewrite = prepared(newest)
        if rewrite is None:
            return Written(row.name, newest.version, Tally(), fresh=False)
        try:
            rewrite.commit()
        except deltalake.exceptions.CommitFailedError:
            if not _is_there(row, rewrite.mark):
                rewrite.writer.take_back()
                continue
        return _written(row, rewrite.mark, rewrite.tally)
    raise _busy(row)


def delete_rows(actor: Actor, table: str, where: Sequence[Condition]) -> Written:
    """Delete the rows that fulfil all the conditions; older versions hold them until their time is up.

    The tally of what it returns is negative. Where no row fulfils them, no version is made (`fresh` is false).
    Raises Invalid without a condition, or for one that does not fit the table.
    """
    if not where:
        raise invalid("where", "Without a condition every row would go.", "Name at least one condition.",
                      zh="删除须至少给出一个条件。")  # fmt: skip
    row = _begin_delete(actor, table, where)
    chosen = expression(where, to_schema(row.columns))
    with in_run(actor.run_id):
        return _rewritten(row, lambda newest: rewriting.without_rows(newest, chosen))


def compact(
    actor: Actor, table: str, days: Sequence[date] = (), order: Sequence[str] = ()
) -> Written:  # fmt: skip
    """Put the small files of each day together, of some days if named; with `order` their rows lie in that order.

    The rows stay the same, and so does what older versions read: their files are kept until their time is up.
    """
    row = _begin_compact(actor, table)
    schema = to_schema(row.columns)
    for name in order:
        if schema.get_field_index(name) < 0 or name == row.partition:
            raise invalid(name, f"The table cannot be ordered by `{name}`.", "Name its columns, not its partition.",
                          zh=f"不能按列“{name}”排序。")  # fmt: skip
    if days and not row.partition:
        raise invalid("days", "The table is not parted by day.", "Leave the days out.", zh="该表未按日期分区。")
    with in_run(actor.run_id):
        return _rewritten(row, lambda newest: rewriting.put_together(newest, days, order))


def vacuum(actor: Actor, table: str) -> int:
    """Remove files that no version has needed for the table's `keep_days`, and what killed writers left; how many.

    Versions that lose a file by it are entered as gone first, so that nobody is shown a part of one.
    """
    row = _begin_vacuum(actor, table)
    with in_run(actor.run_id):
        newest = _checked(opened(row))
        _enter_gone(newest, set(newest.delta.vacuum(dry_run=True, full=True)))
        removed = newest.delta.vacuum(dry_run=False, full=True, post_commithook_properties=afterwards())
        _enter_gone(newest, set(removed))
        opened(row)
        return len(removed)


def _enter_gone(table: Open, doomed: set[str]) -> None:
    """Enter as gone the versions that hold one of these files: from the one that added it to before its removal."""
    since: dict[str, int] = {}
    gone: set[int] = set()
    for version in range(table.version + 1) if doomed else ():
        commit = read_commit(table.place, version)
        if commit is None:
            continue
        since.update({path: version for path, _ in commit.added if path in doomed})
        for path in commit.removed:
            if path in since:
                gone.update(range(since.pop(path), version))
    for first in since.values():  # never removed by the log: no version that holds it can be read
        gone.update(range(first, table.version + 1))
    table.row.versions.filter(version__in=gone, gone_at=None).update(gone_at=wall_now())
