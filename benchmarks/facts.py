"""How many facts a second are published and how many deliveries handled, durable: `python -m benchmarks.facts`.

Facts go through `publish` in actions that commit by themselves; deliveries are handled by `scoc work` in a process of
its own, from its first to its last one done. Each line is measured on a database of its own, beside bare statements
that write the same rows (or mark the same deliveries done) with as many to a transaction, without SCOC.
`--facts` sets how many.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks._machine import fdatasync_ms, machine, measured

DUE = datetime(2026, 6, 15, 1, 0, tzinfo=UTC)
CASES = {
    "publish-1": "an action publishes 1 fact and commits: the disk is waited for each time",
    "publish-20": "an action publishes 20 facts and commits",
    "publish-1h": "1 fact an action, with the row of one delivery to its handler",
    "deliver": "`scoc work` delivers to a handler that does nothing: the queue alone",
    "deliver-note": "`scoc work` delivers to a handler that writes a row and publishes a fact",
}
PATIENCE_SECONDS = 300.0


def prepare() -> None:
    """A fresh database with a small city."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from django.db import connection

    from benchmarks import _telling  # noqa: F401  # declares the facts and handlers
    from scoc.core.tests.factories import make_city

    make_city()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE benchmark_note (fact_id bigint PRIMARY KEY, subject varchar(60) NOT NULL)")


def publish(kind: str, facts: int, each: int) -> float:
    """Facts a second, `each` to an action."""
    from benchmarks._telling import tell
    from scoc.core.access import system_actor

    actor = system_actor("benchmarks")
    tell(actor, kind, 0, each, DUE)  # what is looked up once is looked up
    began = time.perf_counter()
    for first in range(each, each + facts, each):
        tell(actor, kind, first, each, DUE)
    return facts / (time.perf_counter() - began)


def bare_rows(table: str, facts: int, each: int) -> float:
    """Facts a second by bare inserts of copies of the newest rows, `each` to a transaction, with their deliveries."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        statements = []
        for name in ["core_fact", *(["core_delivery"] if table == "core_delivery" else [])]:
            cursor.execute(f"SELECT * FROM {name} ORDER BY id DESC LIMIT 1")
            columns = [column[0] for column in cursor.description]
            row = dict(zip(columns, cursor.fetchone(), strict=True))
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join(["%s"] * len(columns))
            statements.append((f"INSERT INTO {name} ({names}) VALUES ({marks})", row))
        highest = max(row["id"] for _, row in statements) + 1_000_000
        rows = [[{**row, "id": highest + number} for number in range(facts)] for _, row in statements]
        for made in rows[1:]:
            for row in made:
                row["fact_id"] = row["id"]
        values = [[tuple(row.values()) for row in made] for made in rows]
        began = time.perf_counter()
        for first in range(0, facts, each):
            with transaction.atomic():
                for (statement, _), given in zip(statements, values, strict=True):
                    cursor.executemany(statement, given[first : first + each])
        return facts / (time.perf_counter() - began)


def deliver(kind: str, facts: int) -> float:
    """Deliveries a second, from the first to the last that a worker of its own has done."""
    from django.db import connections
    from django.db.models import Max, Min

    from benchmarks._telling import tell
    from scoc.core.access import system_actor
    from scoc.core.models import Delivery

    actor = system_actor("benchmarks")
    for first in range(0, facts, 500):
        tell(actor, kind, first, min(500, facts - first), DUE)
    connections.close_all()
    worker = subprocess.Popen([sys.executable, "-m", "benchmarks.facts", "--worker"])
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while (done := Delivery.objects.filter(state=Delivery.State.DONE).count()) < facts:
            if time.monotonic() > until or worker.poll() is not None:
                raise SystemExit(f"the worker did {done} of {facts} deliveries")
            time.sleep(0.25)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)
    span = Delivery.objects.aggregate(first=Min("done_at"), last=Max("done_at"))
    took: timedelta = span["last"] - span["first"]
    return facts / took.total_seconds()


def bare_marks(facts: int) -> float:
    """Deliveries a second by bare statements: one update each that marks it done, 50 to a transaction."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_delivery SET state = 'waiting', done_at = NULL")
        cursor.execute("SELECT id FROM core_delivery ORDER BY id LIMIT %s", [facts])
        found = [pk for (pk,) in cursor.fetchall()]
        began = time.perf_counter()
        for first in range(0, len(found), 50):
            with transaction.atomic():
                for pk in found[first : first + 50]:
                    cursor.execute("UPDATE core_delivery SET state = 'done', done_at = %s WHERE id = %s", [DUE, pk])
        return len(found) / (time.perf_counter() - began)


def work(case: str, facts: int) -> None:
    """One case in this process; prints its figures as JSON."""
    prepare()
    if case.startswith("publish"):
        each = 20 if case == "publish-20" else 1
        kind = "heard" if case == "publish-1h" else "told"
        rate = publish(kind, facts, each)
        bare = bare_rows("core_delivery" if kind == "heard" else "core_fact", facts, each)
    else:
        rate = deliver("noted" if case == "deliver-note" else "heard", facts)
        bare = bare_marks(facts)
    print(json.dumps({"rate": rate, "bare": bare, "sync": fdatasync_ms(Path(os.environ["SCOC_HOME"]))}))


def be_the_worker() -> None:
    """`scoc work`, which knows the benchmark's handlers as well."""
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks import _telling  # noqa: F401  # declares the facts and handlers

    call_command("work")


def run_case(case: str, database: str, facts: int, folder: Path) -> None:
    """One line of the table."""
    told = measured("facts", database, folder / f"{case}-{database}", "--facts", facts, "--work", case)
    if told is None:
        return
    print(
        f"{database:<12}{case:<14}{facts:>8}{told['rate']:>10.0f}{told['bare']:>10.0f}"
        f"{told['rate'] / told['bare']:>7.2f}{told['sync']:>9.2f}",
        flush=True,
    )  # fmt: skip


def main() -> None:
    """Run every case on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=5_000)
    parser.add_argument("--case", choices=list(CASES), action="append")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", metavar="CASE", help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        be_the_worker()
        return
    if asked.work:
        work(asked.work, asked.facts)
        return
    print(machine())
    print("target: 1 000 facts published and 500 deliveries handled a second; bare: the same rows without SCOC")
    print(f"{'database':<12}{'case':<14}{'facts':>8}{'rate/s':>10}{'bare/s':>10}{'ratio':>7}{'sync ms':>9}")
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            for case in asked.case or CASES:
                run_case(case, database, asked.facts, folder)
    finally:
        shutil.rmtree(folder)
    for case, meaning in CASES.items():
        print(f"{case}: {meaning}")


if __name__ == "__main__":
    main()
