"""Declaring and appending: what is kept is exactly what was handed in; and who may do what."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.models import AuditEntry
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal
from scoc.core.tests.factories import City, make_actor
from scoc.lake import actions, queries
from scoc.lake.models import LakeVersion
from scoc.lake.places import place_of
from scoc.lake.schemas import Condition, Cursor
from scoc.lake.tests.factories import DAY, NEXT, SCHEMA, make_rows, make_spec, read

pytestmark = pytest.mark.django_db


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
