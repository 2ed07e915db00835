"""What the cockpit's one request costs with a month of history behind it: `python -m benchmarks.overview`.

The made-up city lives `--days` days on a fresh database of each kind; then the city leader's and the shift leader's
overview is asked for again and again in this process, without network: milliseconds, statements, and the time that the
database itself took.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks._machine import machine, measured

END = datetime(2026, 6, 16, 7, 0, tzinfo=UTC)
"""A Tuesday afternoon in the city."""
WHO = ("city_leader", "shift_leader")
ROUNDS = 20


def live(days: int) -> float:
    """Make the history; the seconds it took."""
    import django

    django.setup()
    from django.core.management import call_command

    from scoc.core.city import read_pack
    from scoc.rehearsal.history import found_city, lazy_disk, live_through

    call_command("migrate", verbosity=0)
    start = END - timedelta(days=days)
    began = time.perf_counter()
    found_city(read_pack("binhai"), start)
    with lazy_disk():
        live_through(start, END, lambda _: None, resumed=False)
    return time.perf_counter() - began


def ask(username: str) -> dict[str, Any]:
    """The figures of one viewer."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from scoc.command.cockpit.queries import overview
    from scoc.core.access import actor_for, holdings
    from scoc.core.models import User
    from scoc.core.now import city_time

    user = User.objects.get(username=username)
    holding = holdings(user).first()
    viewer = actor_for(user, holding.post if holding else None)
    with city_time(END):
        overview(viewer)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            overview(viewer)
            times.append((time.perf_counter() - began) * 1000)
        with CaptureQueriesContext(connection) as asked:
            overview(viewer)
    return {
        "who": username, "median": statistics.median(times), "worst": max(times), "statements": len(asked),
        "database": sum(float(query["time"]) for query in asked.captured_queries) * 1000,
    }  # fmt: skip


def main() -> None:
    """Run on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        seconds = live(asked.days)
        print(json.dumps({"history": seconds, "told": [ask(username) for username in WHO]}))
        return
    print(f"{machine()}, {asked.days} days of history, {ROUNDS} rounds")
    print(
        f"{'database':<12}{'viewer':<15}{'median ms':>10}{'worst ms':>10}{'statements':>12}{'in database ms':>16}"
        f"{'history s':>11}"
    )
    folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    try:
        for database in asked.database or ["sqlite", "postgresql"]:
            run_database(database, asked.days, folder / database)
    finally:
        shutil.rmtree(folder)


def run_database(database: str, days: int, home: Path) -> None:
    """The lines of one database."""
    made = measured("overview", database, home, "--days", days, "--work")
    if made is None:
        return
    for line in made["told"]:
        print(
            f"{database:<12}{line['who']:<15}{line['median']:>10.1f}{line['worst']:>10.1f}{line['statements']:>12}"
            f"{line['database']:>16.1f}{made['history']:>11.0f}",
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
