"""How fast the lake takes and gives observations: `python -m benchmarks.lake`.

Appends are measured with and without waiting for the disk, in turn, in one run on tables of their own; then one month
of one sensor and the city's hourly mean are read through DuckDB from a version by its number. `--days` and `--sensors`
set how much there is; each sensor observes every 15 minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._machine import fdatasync_ms, machine

FIRST = date(2026, 5, 1)
A_DAY = 96
STEP = 900_000_000
BATCH = 100_000


def day_rows(day: date, sensors: int) -> Any:
    """One day of observations as a table, by sensor and time: values of one decimal, as instruments give them."""
    import pyarrow as pa

    chance = np.random.default_rng(day.toordinal())
    start = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1e6)
    at = np.tile(start + np.arange(A_DAY) * STEP, sensors)
    count = len(at)
    return pa.table(
        {
            "day": pa.array(np.full(count, day.toordinal() - date(1970, 1, 1).toordinal(), np.int32), pa.date32()),
            "id": pa.array(np.arange(count, dtype=np.int64) + start),
            "datastream": pa.array(np.repeat(np.arange(sensors, dtype=np.int64), A_DAY)),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "result": pa.array(np.round(chance.gamma(2.0, 30.0, count), 1)),
            "recorded": pa.array(at + chance.integers(10**5, 10**6, count), pa.timestamp("us", "UTC")),
        }
    )  # fmt: skip


def spec(name: str) -> Any:
    """The table of the benchmark."""
    from scoc.lake.schemas import TableSpec

    schema = day_rows(FIRST, 1).schema
    schema = schema.set(0, schema.field(0).with_nullable(nullable=False))
    return TableSpec(name, schema, "day", ("id", "datastream"))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and how long it took."""
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def best(work: Callable[[], Any], times: int = 3) -> float:
    """The shortest of some tries."""
    return min(timed(work)[1] for _ in range(times))


def folder_bytes(folder: Path) -> int:
    """The size of a table's data files."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def append_days(actor: Any, days: list[date], sensors: int) -> dict[str, Any]:
    """Each day once into a table that is synced and once into one that is not, whichever first by turns."""
    from scoc.lake import actions
    from scoc.lake.schemas import Cursor

    real, nothing = os.fsync, lambda handle: None
    seconds: dict[str, list[float]] = {"synced": [], "unsynced": []}
    for name in seconds:
        actions.create_table(actor, spec(name))
    for number, day in enumerate(days):
        batches = day_rows(day, sensors).to_batches(max_chunksize=BATCH)
        for name in ("synced", "unsynced") if number % 2 else ("unsynced", "synced"):
            vars(os)["fsync"] = real if name == "synced" else nothing
            try:
                work = partial(actions.append, actor, name, batches, Cursor("bench", number))
                seconds[name].append(timed(work)[1])
            finally:
                vars(os)["fsync"] = real
    return {name: (len(days) * sensors * A_DAY) / sum(taken) for name, taken in seconds.items()} | {
        f"{name}_ms": statistics.median(taken) * 1000 for name, taken in seconds.items()
    }


def work(days: int, sensors: int) -> None:
    """The whole run in this process; prints its figures as JSON."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from scoc.core.access import system_actor
    from scoc.core.tests.factories import make_city
    from scoc.lake import queries
    from scoc.lake.schemas import Look

    make_city()
    actor = system_actor("lake")
    all_days = [FIRST + timedelta(days=n) for n in range(days)]
    told = append_days(actor, all_days, sensors)
    told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    home = Path(os.environ["SCOC_HOME"])
    told["bytes"] = folder_bytes(home / "lake/synced") / (days * sensors * A_DAY)
    version = queries.snapshot(actor, "synced").version

    def ask(sql: str) -> Callable[[], Any]:
        def run() -> Any:
            with queries.session(actor, {"o": Look("synced", version)}) as session:
                return session.execute(sql).fetchall()

        return run

    told["month"] = best(
        ask(
            "SELECT date_trunc('hour', \"at\"), avg(result) FROM o "
            f"WHERE datastream = {sensors // 2} AND day BETWEEN DATE '{FIRST}' AND DATE '{FIRST + timedelta(days=30)}' "
            "GROUP BY 1 ORDER BY 1"
        )
    )
    told["day"] = best(
        ask(f"SELECT \"at\", result FROM o WHERE datastream = {sensors // 2} AND day = DATE '{FIRST}' ORDER BY 1")
    )
    told["city"] = best(ask("SELECT date_trunc('hour', \"at\"), avg(result) FROM o GROUP BY 1 ORDER BY 1"))
    told["latest"] = best(ask('SELECT datastream, max("at") FROM o GROUP BY 1'))
    verdict, took = timed(lambda: queries.verify(actor, "synced", version))
    told["verify"] = days * sensors * A_DAY / took
    told["same"] = verdict.same
    told["sync"] = fdatasync_ms(home)
    print(json.dumps(told))


def main() -> None:
    """Run it in a process on a database and a lake of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=31)
    parser.add_argument("--sensors", type=int, default=2000)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.days, asked.sensors)
        return
    home = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SCOC_")}
    environment |= {"SCOC_HOME": str(home), "DJANGO_SETTINGS_MODULE": "scoc.site.settings"}
    command = [sys.executable, "-m", "benchmarks.lake", "--work"]
    command += ["--days", str(asked.days), "--sensors", str(asked.sensors)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(home)
    if done.returncode:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    rows = asked.days * asked.sensors * A_DAY
    print(f"{machine()}, fdatasync {told['sync']:.2f} ms")
    print(f"{rows} observations of {asked.sensors} sensors in {asked.days} days, one append a day; reads: best of 3")
    for name, value in (
        ("append, synced", f"{told['synced']:.0f} rows/s, {told['synced_ms']:.0f} ms a day"),
        ("append, not synced", f"{told['unsynced']:.0f} rows/s, {told['unsynced_ms']:.0f} ms a day"),
        ("bytes a row", f"{told['bytes']:.1f}"),
        ("peak memory of appending", f"{told['peak']:.0f} MB"),
        ("one sensor, one day", f"{told['day'] * 1000:.0f} ms"),
        ("one sensor, its month by hour", f"{told['month'] * 1000:.0f} ms"),
        ("whole city, hourly mean", f"{told['city'] * 1000:.0f} ms"),
        ("newest of each sensor", f"{told['latest'] * 1000:.0f} ms"),
        ("verify", f"{told['verify']:.0f} rows/s, {'same' if told['same'] else 'NOT THE SAME'}"),
    ):
        print(f"  {name:<32}{value}")


if __name__ == "__main__":
    main()
