"""Reading by version: whatever happens to files and times, a version reads the same; DuckDB reaches nothing else."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.http.paging import PageQuery
from scoc.core.refusals import Invalid, NotFound, Refusal
from scoc.lake import actions, queries
from scoc.lake.models import LakeVersion
from scoc.lake.schemas import Condition, Cursor, Look
from scoc.lake.tests.factories import DAY, NEXT, SCHEMA, make_rows, make_spec

pytestmark = pytest.mark.django_db
PAGE = PageQuery(cursor=None, limit=50)
MOMENT = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)


def _same(moment: datetime) -> datetime:
    """A clock that stands."""
    return moment


@pytest.fixture
def readings(sensing: Actor) -> Actor:
    """A table with two days, one version each, an hour apart."""
    actions.create_table(sensing, make_spec())
    for number, day in enumerate((DAY, NEXT), 1):
        moment = MOMENT + timedelta(hours=number)
        with now.wall_time(partial(_same, moment)):
            actions.append(sensing, "readings", make_rows(1000, day, 1000 * number), Cursor("archive", number))
    return sensing


def test_times_of_files_change_nothing(readings: Actor, root: Path) -> None:
    before = [queries.snapshot(readings, "readings", n).dataset.to_table() for n in range(3)]
    for path in root.rglob("*"):
        os.utime(path, (0, 0) if path.name.startswith("0") else None)
    for n in range(3):
        assert queries.snapshot(readings, "readings", n).dataset.to_table() == before[n]
    assert queries.version_at(readings, "readings", MOMENT + timedelta(minutes=61)) == 1
    assert queries.verify(readings, "readings").same


def test_the_catalogue_knows_which_version_held(readings: Actor) -> None:
    for minutes, version in ((60, 1), (119, 1), (120, 2), (10**6, 2)):
        assert queries.version_at(readings, "readings", MOMENT + timedelta(minutes=minutes)) == version
    with pytest.raises(NotFound):
        queries.version_at(readings, "readings", datetime(2020, 1, 1, tzinfo=UTC))


def test_what_is_not_there_is_not_found(readings: Actor) -> None:
    for ask in (
        lambda: queries.snapshot(readings, "absent"),
        lambda: queries.snapshot(readings, "readings", 3),
        lambda: queries.verify(readings, "readings", 3),
        lambda: queries.version_at(readings, "absent", MOMENT),
    ):
        with pytest.raises(NotFound):
            ask()


def test_files_are_passed_by_only_where_no_row_fits(readings: Actor) -> None:
    """The bounds that the log tells are true: a filtered read gives what filtering a whole read gives."""
    dataset = queries.snapshot(readings, "readings").dataset
    whole = dataset.to_table()
    numbers = [0, 1, 6, 1000, 1500, 2999]
    filters = [pc.field("sensor") == n for n in range(8)] + [pc.field("day") == NEXT, pc.field("note") == "第1500条"]
    filters += [pc.field("at") >= datetime(2026, 6, 1, 0, 0, 0, n * 1000 % 10**6, tzinfo=UTC) for n in numbers]
    filters += [
        pc.field("value").is_null(),
        pc.field("value") > 700.5,
        pc.field("note") > "第25",
        ~pc.field("note").is_null(),
    ]
    filters += [pc.field("price") == Decimal(n * 100) for n in numbers]
    for chosen in filters:
        assert dataset.to_table(filter=chosen).sort_by("price") == whole.filter(chosen).sort_by("price")
    assert len(list(dataset.get_fragments(filter=pc.field("day") == NEXT))) == 1
    assert not list(dataset.get_fragments(filter=pc.field("sensor") > 6))


def test_verifying_notices_a_changed_a_missing_and_a_doubled_row(readings: Actor, root: Path) -> None:
    import pyarrow.parquet as pq

    sent = queries.count_rows(make_spec(), [make_rows(1000, NEXT, 2000)])
    assert queries.verify_append(readings, "readings", 2, sent).same
    path = next((root / "readings/day=2026-06-02").glob("*.parquet"))
    whole = pq.read_table(path, partitioning=None)
    swapped = whole.set_column(
        2, "value", pa.concat_arrays([whole["value"].combine_chunks()[1:], whole["value"].combine_chunks()[:1]])
    )
    for changed in (swapped, whole.slice(1), pa.concat_tables([whole, whole.slice(0, 1)])):
        pq.write_table(changed, path)
        found = queries.verify_append(readings, "readings", 2, sent)
        assert not found.same
        assert not queries.verify(readings, "readings").same
        assert queries.verify(readings, "readings", 1).same
    pq.write_table(whole.take(pa.array(reversed(range(1000)))), path)
    assert queries.verify(readings, "readings").same, "the order of rows plays no part"
    with pytest.raises(Invalid, match="no append"):
        queries.verify_append(readings, "readings", 0, sent)


def test_what_another_program_wrote_is_read_and_never_vouched_for(readings: Actor, root: Path) -> None:
    from deltalake import write_deltalake

    write_deltalake(root / "readings", pa.Table.from_batches([make_rows(5)]), mode="append")
    assert queries.snapshot(readings, "readings").dataset.count_rows() == 2005
    assert LakeVersion.objects.get(version=3).kind == "foreign"
    with pytest.raises(Refusal, match="no count"):
        queries.verify(readings, "readings")
    assert queries.tables(readings, PAGE).items[0].rows is None


def test_a_table_that_another_program_changed_takes_no_more(readings: Actor, root: Path) -> None:
    from deltalake import DeltaTable
    from deltalake.schema import Field, PrimitiveType

    DeltaTable(root / "readings").alter.add_columns([Field("extra", PrimitiveType("string"))])
    with pytest.raises(Refusal, match="another schema"):
        actions.append(readings, "readings", make_rows(1), Cursor("archive", 3))


def test_lists_tell_tables_and_versions(readings: Actor) -> None:
    table = queries.tables(readings, PAGE).items[0]
    assert (table.name, table.version, table.rows, table.partition) == ("readings", 2, 2000, "day")
    assert [column["name"] for column in table.columns] == SCHEMA.names
    found = queries.versions(readings, "readings", PAGE).items
    assert [(one.version, one.kind, one.rows) for one in found] == [
        (2, "append", 1000),
        (1, "append", 1000),
        (0, "create", 0),
    ]
    then = PageQuery(cursor=None, limit=50, as_of=MOMENT + timedelta(minutes=61))
    assert [one.version for one in queries.versions(readings, "readings", then).items if one.kind == "append"] == [1]


def test_sql_over_a_version_shows_columns_and_rows_of_a_look(readings: Actor) -> None:
    look = Look("readings", columns=("day", "sensor", "price"), where=(Condition("day", "=", NEXT),))
    with queries.session(readings, {"r": look, "old": Look("readings", 1)}) as sql:
        assert sql.execute("SELECT count(*), sum(price), min(day) FROM r").fetchone() == (1000, 249950000, NEXT)
        assert sql.execute('SELECT count(*), min("at") FROM old').fetchone() == (
            1000,
            datetime(2026, 6, 1, 0, 0, 1, tzinfo=UTC),
        )
        assert [one[0] for one in sql.execute("DESCRIBE r").fetchall()] == ["day", "sensor", "price"]
        assert sql.execute("SELECT current_setting('threads'), current_setting('TimeZone')").fetchone() == (2, "UTC")


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("note = '第1500条'", 1), ("note IN ('第1500条', '第2500条')", 2), ("price = 150000", 1),
        ("value IS NULL", 400),
        ("sensor = 3 AND day = DATE '2026-06-02'", 143), ("\"at\" < TIMESTAMPTZ '2026-06-01 00:00:01.5+00'", 500),
        ("sensor > 6", 0), ("value > 900", 239),
    ],
)  # fmt: skip
def test_sql_finds_by_every_kind_of_column(readings: Actor, where: str, count: int) -> None:
    with queries.session(readings, {"r": Look("readings")}) as sql:
        assert sql.execute(f"SELECT count(*) FROM r WHERE {where}").fetchone() == (count,)
        assert sql.execute(f"SELECT count(*) FROM (SELECT ({where}) AS hit FROM r) WHERE hit").fetchone() == (count,)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/hostname')", "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '{folder}/out.csv'", "ATTACH '{folder}/x.duckdb'", "INSTALL httpfs", "LOAD httpfs",
        "SET threads = 4", "SET memory_limit = '8GB'", "SET enable_external_access = true", "RESET lock_configuration",
        "SELECT * FROM secret_rows", "SELECT * FROM read_parquet('{lake}/readings/day=2026-06-01/*.parquet')",
        "COPY (SELECT 1) TO '{lake}/readings/out.parquet' (FORMAT parquet, USE_TMP_FILE false)",
    ],
)  # fmt: skip
def test_sql_reaches_nothing_else(readings: Actor, tmp_path: Path, root: Path, statement: str) -> None:
    secret_rows = pa.table({"n": [1]})
    with queries.session(readings, {"r": Look("readings")}) as sql, pytest.raises(duckdb.Error):
        sql.execute(statement.format(folder=tmp_path, lake=root)).fetchall()
    assert secret_rows.num_rows
    assert not list(tmp_path.glob("*.csv"))


def test_what_needs_too_much_memory_fails_and_spills_nowhere(readings: Actor) -> None:
    with (
        queries.session(readings, {"r": Look("readings")}, memory_mb=64) as sql,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        sql.execute("SELECT count(*) FROM (SELECT DISTINCT i, md5(i::text) FROM range(20000000) t(i))").fetchall()
    assert not Path(".tmp").exists()


@pytest.mark.parametrize(
    "asked",
    [
        {"looks": {"R": Look("readings")}}, {"looks": {'x"': Look("readings")}},
        {"looks": {"r": Look("readings", columns=("absent",))}}, {"looks": {"r": Look("readings", columns=('"',))}},
        {"looks": {"r": Look("readings", where=(Condition("value", "=", 1),))}},
        {"looks": {}, "memory_mb": 1}, {"looks": {}, "threads": 0},
    ],
)  # fmt: skip
def test_a_session_that_does_not_fit_is_refused(readings: Actor, asked: dict[str, Any]) -> None:
    with pytest.raises(Invalid), queries.session(readings, **asked):
        pass
