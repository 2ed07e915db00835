"""Deleting, compacting, clearing: what is written anew holds exactly what it should, whoever writes meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from scoc.core.acting import Actor
from scoc.core.models import AuditEntry
from scoc.core.refusals import Invalid, Refusal
from scoc.lake import actions, queries
from scoc.lake.commits import read_commit
from scoc.lake.models import LakeVersion
from scoc.lake.places import place_of
from scoc.lake.rewriting import Rewrite
from scoc.lake.schemas import Condition, Cursor, Look, Written
from scoc.lake.tests.factories import DAY, NEXT, make_rows, make_spec, read

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("tries", [actions.MOST_TRIES, 1])
def test_a_commit_that_is_said_to_have_failed_keeps_its_files(
    sensing: Actor, root: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    """An object store whose answer is lost is asked again, and refuses the name that the commit itself has taken.

    So it is at the last try as well.
    """
    monkeypatch.setattr(actions, "MOST_TRIES", tries)
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
