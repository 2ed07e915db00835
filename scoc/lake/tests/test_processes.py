"""Several processes at once, and processes that are killed: nothing is lost, nothing comes twice."""

from __future__ import annotations

import contextlib
import json
import random
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import City
from scoc.lake import actions, catalogue, queries
from scoc.lake.models import LakeTable, LakeVersion
from scoc.lake.schemas import Cursor
from scoc.lake.tests.appending import APP, ROWS
from scoc.lake.tests.factories import make_rows, make_spec


def database() -> str:
    """The database that this test is on, as its connection says: what is set may be another by now."""
    if connection.vendor == "sqlite":
        return str(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


def start(root: Path, *arguments: object) -> subprocess.Popen[str]:
    """A process on the test database and this lake."""
    command = [sys.executable, "-m", "scoc.lake.tests.appending", database(), str(root)]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


@pytest.fixture
def lake(committed: City, root: Path) -> Iterator[Path]:
    """A lake with an empty table, on rows that other processes see."""
    actions.create_table(system_actor("sensing"), make_spec())
    yield root
    connection.close()


def numbers() -> list[int]:
    """The number of each row in the newest version, in order."""
    shown = queries.snapshot(system_actor("sensing"), "readings").dataset
    return sorted(int(price / 100) for price in shown.to_table(columns=["price"]).column("price").to_pylist())


def test_two_processes_with_one_cursor_write_each_batch_once(lake: Path) -> None:
    racers = [start(lake, "race", 1, 8) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    told = [racer.communicate("go\n")[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    lines = [[one[n : n + 3] for n in range(0, len(one), 3)] for one in told]
    assert [line[:2] for line in lines[0]] == [line[:2] for line in lines[1]], "both were told the same versions"
    fresh = [line[0] for one in lines for line in one if line[2] == "True"]
    assert sorted(map(int, fresh)) == list(range(1, 9))
    assert numbers() == list(range(ROWS, 9 * ROWS))
    assert LakeVersion.objects.filter(kind="append").count() == 8
    assert len(list(lake.rglob("*.parquet"))) == 8, "who came second took its file away"
    assert queries.verify(system_actor("sensing"), "readings").same


def killed_loads(lake: Path, rounds: int) -> None:
    """Kill a load at a moment of chance, again and again; look at what is there each time."""
    told, chance, reader = lake.parent / "told", random.Random(7), system_actor("sensing")
    told.touch()
    for _ in range(rounds):
        with start(lake, "load", told) as process:
            assert process.stdout is not None
            assert process.stdout.readline(), "it could go on where the one before was killed"
            wanted = chance.randrange(1, 6)
            while wanted and process.stdout.readline():
                wanted -= 1
            select.select([], [], [], chance.uniform(0, 0.05))  # somewhere in the next append
            process.kill()
        acknowledged = [int(line) for line in told.read_text().split()]
        found = numbers()
        assert found == list(range(len(found))), "each row once, none missing"
        assert len(found) % ROWS == 0, "a batch is there as a whole or not at all"
        assert len(found) >= ROWS * (max(acknowledged) + 1), "what was acknowledged is there"
        row = LakeTable.objects.get()
        newest = catalogue.opened(row).version
        entered = LakeVersion.objects.order_by("version").values_list("version", "cursor")
        assert list(entered) == [(0, None), *((n, n - 1) for n in range(1, newest + 1))]
        assert queries.verify(reader, "readings").same


def test_a_killed_load_loses_and_doubles_nothing(lake: Path) -> None:
    killed_loads(lake, 2)  # the second goes on where the first was killed; each costs the start of a process


@pytest.mark.proof
def test_a_load_killed_twenty_times_loses_and_doubles_nothing(lake: Path) -> None:
    killed_loads(lake, 20)


class PowerCut(Exception):
    """The process ends here."""


def test_a_commit_that_nobody_entered_is_entered_by_the_next(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = system_actor("sensing")
    with monkeypatch.context() as patch:
        patch.setattr(LakeVersion.objects, "bulk_create", _raise)
        with pytest.raises(PowerCut):
            actions.append(reader, "readings", make_rows(10), Cursor(APP, 1))
    assert LakeVersion.objects.count() == 1
    assert actions.append(reader, "readings", make_rows(10), Cursor(APP, 1)).fresh is False
    row = LakeVersion.objects.get(version=1)
    assert (row.kind, row.rows, row.cursor) == ("append", 10, 1)
    assert queries.verify(reader, "readings").same


def _raise(*_: Any, **__: Any) -> None:
    raise PowerCut


def test_an_undone_transaction_around_an_append_loses_no_version(lake: Path) -> None:
    reader = system_actor("sensing")
    with contextlib.suppress(PowerCut), unit_of_work(reader):
        actions.append(reader, "readings", make_rows(10), Cursor(APP, 1))
        raise PowerCut
    assert LakeVersion.objects.count() == 1
    assert queries.snapshot(reader, "readings").version == 1
    assert LakeVersion.objects.get(version=1).rows == 10


@pytest.mark.parametrize("torn", ["", "half"])
def test_a_commit_torn_by_a_loss_of_power_is_set_aside(lake: Path, monkeypatch: pytest.MonkeyPatch, torn: str) -> None:
    """The log's file has its name but not its content; nobody was told that it was written."""
    reader = system_actor("sensing")
    actions.append(reader, "readings", make_rows(10), Cursor(APP, 1))
    with monkeypatch.context() as patch:
        patch.setattr(LakeVersion.objects, "bulk_create", _raise)
        with pytest.raises(PowerCut):
            actions.append(reader, "readings", make_rows(10, first=10), Cursor(APP, 2))
    path = lake / "readings/_delta_log" / f"{2:020d}.json"
    path.write_text(path.read_text()[: len(path.read_text()) // 2] if torn else "")
    assert queries.cursor(reader, "readings", APP) == 1
    again = actions.append(reader, "readings", make_rows(10, first=10), Cursor(APP, 2))
    assert (again.version, again.fresh) == (2, True)
    assert numbers() == list(range(20))
    assert queries.verify(reader, "readings").same
    assert len(list(path.parent.glob("*.torn-*"))) == 1


def test_a_lake_older_than_the_records_is_refused(lake: Path) -> None:
    reader = system_actor("sensing")
    actions.append(reader, "readings", make_rows(10), Cursor(APP, 1))
    path = lake / "readings/_delta_log" / f"{1:020d}.json"
    whole = path.read_text()
    path.unlink()
    with pytest.raises(Refusal, match="older backup"):
        queries.snapshot(reader, "readings")
    with pytest.raises(Refusal, match="older backup"):
        actions.append(reader, "readings", make_rows(10), Cursor(APP, 1))
    lines = [json.loads(line) for line in whole.splitlines()]
    told = json.loads(lines[0]["commitInfo"]["scoc"])
    lines[0]["commitInfo"]["scoc"] = json.dumps({**told, "mark": "0" * 32})
    path.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(Refusal, match="older backup"):
        queries.snapshot(reader, "readings")
    path.write_text(whole)
    assert queries.snapshot(reader, "readings").version == 1


def test_records_older_than_the_lake_are_completed(lake: Path) -> None:
    reader = system_actor("sensing")
    for number in range(4):
        actions.append(reader, "readings", make_rows(10, first=10 * number), Cursor(APP, number))
    before = list(
        LakeVersion.objects.order_by("version").values_list("version", "mark", "rows", "digest", "committed_at")
    )
    with connection.cursor() as cursor:  # as a dump of yesterday would have it
        off, on = _guard()
        for statement in (off, "DELETE FROM lake_version WHERE version > 1", on):
            cursor.execute(statement)
    assert queries.snapshot(reader, "readings").version == 4
    after = LakeVersion.objects.order_by("version").values_list("version", "mark", "rows", "digest", "committed_at")
    assert list(after) == before


def _guard() -> tuple[str, str]:
    """SQL that takes the guard off the catalogue, and puts it back."""
    if connection.vendor == "postgresql":
        return "ALTER TABLE lake_version DISABLE TRIGGER USER", "ALTER TABLE lake_version ENABLE TRIGGER USER"
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'lake_version_no_delete'")
        return "DROP TRIGGER lake_version_no_delete", str(cursor.fetchone()[0])
