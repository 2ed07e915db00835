"""Declaring, appending, deleting, compacting, clearing: what is kept is exactly what was handed in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.models import AuditEntry
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.lake import actions, queries
from scoc.lake.commits import read_commit
from scoc.lake.models import LakeVersion
from scoc.lake.places import place_of
from scoc.lake.rewriting import Rewrite
from scoc.lake.schemas import Condition, Cursor, Look, Written
from scoc.lake.tests.factories import DAY, SCHEMA, make_rows, make_spec

pytestmark = pytest.mark.django_db
NEXT = date(2026, 6, 2)


def read(actor: Actor, version: int | None = None) -> list[dict[str, Any]]:
    """The rows of a version, in one order."""
    found = (
        queries.snapshot(actor, "readings", version)
        .dataset.to_table()
        .sort_by([("day", "ascending"), ("at", "ascending")])
    )
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def log_of(root: Path, version: int) -> Path:
    """The file of a commit."""
    return root / "readings/_delta_log" / f"{version:020d}.json"


def test_a_table_keeps_what_it_was_declared_with(sensing: Actor, root: Path) -> None:
    made = actions.create_table(sensing, make_spec(keep_days=3650))
    assert (made.version, made.fresh) == (0, True)
    assert not actions.create_table(sensing, make_spec(keep_days=3650)).fresh
    text = log_of(root, 0).read_text()
    for name in ("logRetentionDuration", "deletedFileRetentionDuration"):
        assert f'"delta.{name}":"interval 3650 days"' in text
    with pytest.raises(Invalid, match="declared otherwise"):
        actions.create_table(sensing, make_spec(sums=()))
    assert AuditEntry.objects.filter(action="lake.create_table", subject="lake:readings").count() == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Readings"}, "name"),
        ({"name": "../x"}, "name"),
        ({"keep_days": 6}, "keep_days"),
        ({"partition": "sensor"}, "sensor"),
        ({"partition": "note"}, "note"),
        ({"partition": "absent"}, "absent"),
        ({"sums": ("value",)}, "value"),
        ({"schema": pa.schema([("at", pa.timestamp("us"))]), "partition": "", "sums": ()}, "at"),
        ({"schema": pa.schema([("n", pa.uint32())]), "partition": "", "sums": ()}, "n"),
        ({"schema": pa.schema([("n", pa.large_string())]), "partition": "", "sums": ()}, "n"),
        ({"schema": pa.schema([("n", pa.int8()), ("N", pa.int8())]), "partition": "", "sums": ()}, "schema"),
        ({"schema": pa.schema([("day", pa.date32())]), "sums": ()}, "day"),
    ],
)
def test_what_cannot_be_kept_faithfully_is_refused(sensing: Actor, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        actions.create_table(sensing, make_spec(**changed))
    assert refused.value.errors[0].field == field


def test_what_is_appended_is_read_back(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())
    both = [make_rows(10), make_rows(5, NEXT, 100)]
    written = actions.append(sensing, "readings", both, Cursor("archive", 1))
    assert (written.version, written.tally.rows, written.fresh) == (1, 15, True)
    assert written.tally.sums == {"sensor": str(sum(n % 7 for n in [*range(10), *range(100, 105)])), "price": "55500"}
    assert read(sensing) == pa.Table.from_batches(both).to_pylist()
    assert read(sensing, 0) == []
    row = LakeVersion.objects.get(version=1)
    assert (row.kind, row.rows, row.cursor_app, row.cursor, row.digest) == (
        "append",
        15,
        "archive",
        1,
        written.tally.digest,
    )
    assert row.run_id == now.current_run()
    assert sorted(path.name for path in (root / "readings").iterdir()) == [
        "_delta_log",
        "day=2026-06-01",
        "day=2026-06-02",
    ]


def test_arrow_tables_and_readers_are_taken_alike(sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    batch = make_rows(3)
    given = [batch, pa.Table.from_batches([batch]), pa.RecordBatchReader.from_batches(SCHEMA, [batch]), iter([batch])]
    tallies = [actions.append(sensing, "readings", one, Cursor("archive", n)).tally for n, one in enumerate(given)]
    assert len({tally.digest for tally in tallies}) == 1
    assert len(read(sensing)) == 12


def test_columns_may_come_in_another_order(sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    batch = make_rows(4)
    turned = pa.Table.from_batches([batch]).select(list(reversed(SCHEMA.names)))
    written = actions.append(sensing, "readings", turned, Cursor("archive", 1))
    assert written.tally == queries.count_rows(make_spec(), [batch])
    assert read(sensing) == batch.to_pylist()


def without(name: str) -> Callable[[Any], Any]:
    """Rows without a column."""
    return lambda table: table.drop_columns([name])


def cast(name: str, kind: Any) -> Callable[[Any], Any]:
    """Rows with a column of another type."""
    return lambda table: table.set_column(
        table.schema.get_field_index(name), name, table.column(name).cast(kind, safe=False)
    )


DIFFERENT: dict[str, tuple[Callable[[Any], Any], str]] = {
    "5.5 into an integer": (lambda t: t.set_column(1, "sensor", pa.array([5.5] * t.num_rows)), "sensor"),
    "wider integer": (cast("sensor", pa.int64()), "sensor"),
    "narrower integer": (cast("sensor", pa.int16()), "sensor"),
    "text for a number": (cast("sensor", pa.string()), "sensor"),
    "narrower float": (cast("value", pa.float32()), "value"),
    "other scale": (cast("price", pa.decimal128(12, 4)), "price"),
    "other precision": (cast("price", pa.decimal128(14, 2)), "price"),
    "float for decimal": (cast("price", pa.float64()), "price"),
    "time without a zone": (cast("at", pa.timestamp("us")), "at"),
    "nanoseconds": (cast("at", pa.timestamp("ns", "UTC")), "at"),
    "another zone": (cast("at", pa.timestamp("us", "Asia/Shanghai")), "at"),
    "large text": (cast("note", pa.large_string()), "note"),
    "dictionary": (lambda t: t.set_column(5, "note", t.column("note").dictionary_encode()), "note"),
    "time for a day": (cast("day", pa.timestamp("s")), "day"),
    "column too few": (without("value"), "value"),
    "column too many": (lambda t: t.append_column("extra", pa.array([1] * t.num_rows)), "extra"),
    "column twice": (lambda t: t.append_column("note", t.column("note")), "note"),
    "null where there must be none": (
        lambda t: t.set_column(1, "sensor", pa.array([None] * t.num_rows, pa.int32())), "sensor",
    ),
    "null day": (lambda t: t.set_column(0, "day", pa.array([None] * t.num_rows, pa.date32())), "day"),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENT)
def test_nothing_is_cast_in_silence(sensing: Actor, root: Path, name: str) -> None:
    change, column = DIFFERENT[name]
    actions.create_table(sensing, make_spec())
    rows = change(pa.Table.from_batches([make_rows(3)]))
    for given in (rows, iter([make_rows(2), *rows.to_batches()])):
        with pytest.raises(Invalid) as refused:
            actions.append(sensing, "readings", given, Cursor("archive", 1))
        assert (refused.value.code, refused.value.errors[0].field) == ("schema_differs", column)
    assert queries.cursor(sensing, "readings", "archive") is None
    assert not list((root / "readings").rglob("*.parquet")), "what was written before the refusal is taken away"


def test_each_number_of_a_cursor_is_written_once(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())
    first = actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1))
    again = actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1))
    assert (again.version, again.tally, again.fresh) == (first.version, first.tally, False)
    other = actions.append(sensing, "readings", make_rows(10), Cursor("other", 1))
    actions.append(sensing, "readings", make_rows(10), Cursor("archive", 5))
    assert (other.version, queries.cursor(sensing, "readings", "archive")) == (2, 5)
    with pytest.raises(Refusal, match="never wrote 3"):
        actions.append(sensing, "readings", make_rows(10), Cursor("archive", 3))
    assert len(read(sensing)) == 30
    assert len(list((root / "readings").rglob("*.parquet"))) == 3
    found = queries.version_of(sensing, "readings", Cursor("archive", 5))
    assert found is not None
    assert found.version == 3
    assert queries.version_of(sensing, "readings", Cursor("archive", 4)) is None


def test_who_comes_second_with_a_number_finds_it_written(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())

    def overtaken() -> Iterator[Any]:
        yield make_rows(10)
        assert actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1)).fresh

    written = actions.append(sensing, "readings", overtaken(), Cursor("archive", 1))
    assert (written.version, written.fresh) == (1, False)
    assert len(read(sensing)) == 10
    assert len(list((root / "readings").rglob("*.parquet"))) == 1


def overtaking(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Do a deed between the reading and the commit of the next rewrite."""
    real, waiting = Rewrite.commit, iter([deed])

    def commit(rewrite: Rewrite) -> None:
        for one in waiting:
            one()
        real(rewrite)

    monkeypatch.setattr(Rewrite, "commit", commit)


@pytest.mark.parametrize("first", ["append", "delete", "compact"])
@pytest.mark.parametrize("second", ["delete", "compact"])
def test_rewrites_and_appends_at_once_lose_and_double_nothing(
    sensing: Actor, root: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    actions.create_table(sensing, make_spec())
    for number in range(3):
        actions.append(sensing, "readings", make_rows(10, first=10 * number), Cursor("archive", number))
    deeds: dict[str, Callable[[], Written]] = {
        "append": lambda: actions.append(sensing, "readings", make_rows(10, first=30), Cursor("archive", 3)),
        "delete": lambda: actions.delete_rows(sensing, "readings", [Condition("sensor", "=", 3)]),
        "compact": lambda: actions.compact(sensing, "readings"),
    }
    overtaking(monkeypatch, deeds[first])
    deeds[second]()
    wanted = [n for n in range(40 if first == "append" else 30) if "delete" not in {first, second} or n % 7 != 3]
    if (first, second) == ("append", "delete"):
        wanted = sorted({*wanted, 31, 38})  # they came after what the delete looked at
    assert [int(row["price"] / 100) for row in read(sensing)] == wanted
    assert queries.verify(sensing, "readings").same
    named = {path.partition("readings/")[2] for path in place_of("readings").open().file_uris()}
    old = {path for n in range(20) if (one := read_commit(place_of("readings"), n)) for path in one.removed}
    there = {str(path.relative_to(root / "readings")) for path in (root / "readings").rglob("*.parquet")}
    assert there == named | old, "a rewrite that came second took its files away"


def test_texts_can_be_asked_for_after_a_rewrite(sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    for number in range(2):
        actions.append(sensing, "readings", make_rows(10, first=10 * number), Cursor("archive", number))
    for rewrite in ("delete", "compact"):
        if rewrite == "delete":
            assert actions.delete_rows(sensing, "readings", [Condition("note", "=", "第3条")]).fresh
        else:
            assert actions.compact(sensing, "readings").fresh
        with queries.session(sensing, {"r": Look("readings")}) as sql:
            assert sql.execute("SELECT count(*) FROM r WHERE note = '第12条'").fetchone() == (1,)


def test_a_commit_that_is_said_to_have_failed_keeps_its_files(
    sensing: Actor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object store whose answer is lost is asked again, and refuses the name that the commit itself has taken."""
    actions.create_table(sensing, make_spec())
    real = DeltaTable.create_write_transaction

    def answered_late(*given: Any, **named: Any) -> None:
        real(*given, **named)
        raise CommitFailedError("the name is taken")

    monkeypatch.setattr(DeltaTable, "create_write_transaction", answered_late)
    for number in range(2):
        written = actions.append(sensing, "readings", make_rows(10, first=10 * number), Cursor("archive", number))
        assert (written.version, written.fresh) == (number + 1, True)
    assert actions.compact(sensing, "readings").version == 3
    assert actions.delete_rows(sensing, "readings", [Condition("sensor", "=", 3)]).version == 4
    assert len(read(sensing)) == 17
    assert queries.verify(sensing, "readings").same


def test_a_checkpoint_of_the_log_changes_nothing(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())
    for number in range(2):
        actions.append(sensing, "readings", make_rows(10, first=10 * number), Cursor("archive", number))
    rows = read(sensing)
    place_of("readings").open().create_checkpoint()
    assert read(sensing) == rows
    assert queries.cursor(sensing, "readings", "archive") == 1
    assert not actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1)).fresh
    dataset = queries.snapshot(sensing, "readings").dataset
    assert len(list(dataset.get_fragments(filter=pc.field("at") >= rows[-1]["at"]))) == 1
    assert actions.delete_rows(sensing, "readings", [Condition("note", "=", "第3条")]).fresh
    assert queries.verify(sensing, "readings").same


def test_a_batch_without_rows_moves_the_cursor(sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    written = actions.append(sensing, "readings", [], Cursor("archive", 1))
    assert (written.version, written.tally.rows) == (1, 0)
    assert queries.cursor(sensing, "readings", "archive") == 1
    assert queries.verify(sensing, "readings").same
    assert queries.verify_append(sensing, "readings", 1, queries.count_rows(make_spec(), [])).same


def test_many_batches_of_many_days_become_one_file_a_day(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())
    days = [DAY + timedelta(days=n) for n in range(12)]
    batches = [make_rows(7, day, 7 * n) for n in range(20) for day in days]
    mixed = pa.Table.from_batches(batches).sort_by("at").combine_chunks().to_batches(max_chunksize=100)
    written = actions.append(sensing, "readings", mixed, Cursor("archive", 1))
    assert written.tally == queries.count_rows(make_spec(), batches)
    assert len(list((root / "readings").rglob("*.parquet"))) == 12
    assert queries.verify(sensing, "readings").same


def test_files_and_folders_reach_the_disk_before_an_append_returns(
    sensing: Actor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.create_table(sensing, make_spec())
    synced: list[Path] = []
    real = os.fsync

    def recording(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        if synced[-1].suffix == ".parquet":
            assert synced[-1].name not in "".join(path.read_text() for path in log_of(root, 0).parent.glob("*.json")), (
                "data is on the disk before the log names it"
            )
            assert synced[-1].stat().st_size > 100
        real(handle)

    monkeypatch.setattr(os, "fsync", recording)
    actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1))
    table = root.resolve() / "readings"
    data = [path for path in synced if path.suffix == ".parquet"]
    assert data
    assert {table, table / "day=2026-06-01", table / "_delta_log", table / "_delta_log" / log_of(root, 1).name} <= set(
        synced
    )
    synced.clear()
    actions.delete_rows(sensing, "readings", [Condition("sensor", "=", 3)])
    assert {path.suffix for path in synced} >= {".parquet", ".json"}
    assert LakeVersion.objects.get(version=2).rows == -1


def test_rows_are_deleted_by_conditions_and_stay_in_older_versions(sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    before = [*make_rows(50).to_pylist(), *make_rows(50, NEXT, 50).to_pylist()]
    actions.append(sensing, "readings", [make_rows(50), make_rows(50, NEXT, 50)], Cursor("archive", 1))
    late = datetime(2026, 6, 1, 0, 0, 0, 3000, UTC)
    cases: list[tuple[list[Condition], Callable[[dict[str, Any]], bool]]] = [
        (
            [Condition("day", "=", NEXT), Condition("sensor", "in", (1, 2))],
            lambda r: r["day"] == NEXT and r["sensor"] in {1, 2},
        ),
        (
            [Condition("at", "<", late)],
            lambda r: r["at"] < late,
        ),
        ([Condition("price", ">=", Decimal("9900"))], lambda r: r["price"] >= 9900),
        ([Condition("note", "=", "第60条")], lambda r: r["note"] == "第60条"),
        ([Condition("note", "=", "it's")], lambda r: False),
        ([Condition("day", "<=", DAY)], lambda r: r["day"] <= DAY),
    ]
    for where, goes in cases:
        gone = [row for row in before if goes(row)]
        kept = [row for row in before if not goes(row)]
        at = queries.snapshot(sensing, "readings").version
        done = actions.delete_rows(sensing, "readings", where)
        assert (done.tally.rows, done.fresh) == (-len(gone), bool(gone))
        assert read(sensing) == kept
        assert read(sensing, at) == before
        assert queries.verify(sensing, "readings").same
        before = kept
    assert AuditEntry.objects.filter(action="lake.delete_rows", subject="lake:readings").count() == 6


def test_a_null_fulfils_no_condition(sensing: Actor) -> None:
    schema = pa.schema([("n", pa.int64()), ("b", pa.bool_())])
    actions.create_table(sensing, make_spec("plain", schema=schema, partition="", sums=("n",)))
    actions.append(sensing, "plain", pa.table({"n": [1, 2, None], "b": [True, None, False]}, schema), Cursor("x", 1))
    assert actions.delete_rows(sensing, "plain", [Condition("n", "!=", 1)]).tally.rows == -1
    assert actions.delete_rows(sensing, "plain", [Condition("b", "=", value=False)]).tally.rows == -1
    assert queries.snapshot(sensing, "plain").dataset.to_table().to_pylist() == [{"n": 1, "b": True}]
    assert queries.verify(sensing, "plain").same


@pytest.mark.parametrize(
    "where",
    [
        [], [Condition("absent", "=", 1)], [Condition("sensor", "=", "1")], [Condition("sensor", "in", 1)],
        [Condition("sensor", "=", (1,))], [Condition("sensor", "=", 2**40)], [Condition("sensor", "=", value=True)],
        [Condition("value", "=", 1)], [Condition("day", "=", datetime(2026, 6, 1, tzinfo=UTC))],
        [Condition("at", "=", datetime(2026, 6, 1))],  # noqa: DTZ001  # a time without a zone is what is refused
        [Condition("sensor", "in", ())], [Condition("price", "=", Decimal("1.005"))],
        [Condition("sensor", "or 1=1 --", 1)],  # type: ignore[arg-type]  # what no type checker has seen
    ],
)  # fmt: skip
def test_a_condition_that_does_not_fit_deletes_nothing(sensing: Actor, where: list[Condition]) -> None:
    actions.create_table(sensing, make_spec())
    actions.append(sensing, "readings", make_rows(10), Cursor("archive", 1))
    with pytest.raises(Invalid):
        actions.delete_rows(sensing, "readings", where)
    assert len(read(sensing)) == 10


def test_compaction_changes_no_row_and_no_older_version(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec())
    for number in range(6):
        actions.append(
            sensing,
            "readings",
            [make_rows(20, DAY, 20 * number), make_rows(20, NEXT, 20 * number)],
            Cursor("archive", number),
        )
    at, rows = queries.snapshot(sensing, "readings").version, read(sensing)
    one_day = actions.compact(sensing, "readings", days=[DAY])
    assert (one_day.version, one_day.fresh) == (at + 1, True)
    assert len(queries.snapshot(sensing, "readings").dataset.files) == 1 + 6
    ordered = actions.compact(sensing, "readings", order=["sensor", "at"])
    assert ordered.fresh
    assert len(queries.snapshot(sensing, "readings").dataset.files) == 2
    for version in (at, one_day.version, ordered.version):
        assert read(sensing, version) == rows
        assert queries.verify(sensing, "readings", version).same
    assert queries.cursor(sensing, "readings", "archive") == 5
    assert not actions.compact(sensing, "readings").fresh
    with pytest.raises(Invalid):
        actions.compact(sensing, "readings", order=["absent"])


def aged(root: Path, days: int) -> None:
    """Make the table older: its tombstones and its files."""
    for path in (root / "readings/_delta_log").glob("*.json"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            if "remove" in line:
                line["remove"]["deletionTimestamp"] -= days * 86_400_000
        path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    for path in (root / "readings").rglob("*.parquet"):
        before = path.stat().st_mtime - days * 86_400
        os.utime(path, (before, before))


def test_clearing_takes_only_what_is_overdue_and_says_which_versions_went(sensing: Actor, root: Path) -> None:
    actions.create_table(sensing, make_spec(keep_days=30))
    for number in range(3):
        actions.append(sensing, "readings", make_rows(20, DAY, 20 * number), Cursor("archive", number))
    compacted = actions.compact(sensing, "readings").version
    orphan = root / "readings/day=2026-06-01/part-orphan.parquet"
    orphan.write_bytes(b"left by a killed writer")
    assert actions.vacuum(sensing, "readings") == 0
    aged(root, 29)
    assert actions.vacuum(sensing, "readings") == 0
    assert len(read(sensing, 1)) == 20
    aged(root, 2)
    assert actions.vacuum(sensing, "readings") == 4
    assert not orphan.exists()
    assert len(read(sensing)) == len(read(sensing, compacted)) == 60
    for version in (1, 2, 3):
        with pytest.raises(Refusal, match="removed when their time was up"):
            queries.snapshot(sensing, "readings", version)
    assert read(sensing, 0) == []
    assert queries.verify(sensing, "readings").same
    assert set(LakeVersion.objects.filter(gone_at=None).values_list("kind", flat=True)) == {
        "create",
        "compact",
        "vacuum",
    }


def test_each_deed_has_its_permission(city: City, sensing: Actor) -> None:
    actions.create_table(sensing, make_spec())
    stranger = make_actor()
    deeds: list[Callable[[], object]] = [
        lambda: actions.create_table(stranger, make_spec("other")),
        lambda: actions.append(stranger, "readings", make_rows(1), Cursor("archive", 1)),
        lambda: actions.delete_rows(stranger, "readings", [Condition("sensor", "=", 1)]),
        lambda: actions.compact(stranger, "readings"),
        lambda: actions.vacuum(stranger, "readings"),
        lambda: queries.snapshot(stranger, "readings"),
    ]
    for deed in deeds:
        with pytest.raises(NotAllowed):
            deed()
    archivist = make_actor("lake.append")
    assert actions.append(archivist, "readings", make_rows(1), Cursor("archive", 1)).fresh
    with pytest.raises(NotFound):
        actions.append(archivist, "absent", make_rows(1), Cursor("archive", 1))


@pytest.mark.parametrize(
    "cursor", [Cursor("", 1), Cursor("a b", 1), Cursor("x" * 121, 1), Cursor("x", -1), Cursor("x", 2**63)]
)
def test_a_cursor_has_bounds(sensing: Actor, cursor: Cursor) -> None:
    actions.create_table(sensing, make_spec())
    with pytest.raises(Invalid):
        actions.append(sensing, "readings", make_rows(1), cursor)
