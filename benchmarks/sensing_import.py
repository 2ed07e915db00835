"""How fast files of readings are imported, durable and with roll-ups: `python -m benchmarks.sensing_import`.

Each case runs in a process of its own on a fresh database, beside a bare insert of the same rows into the same table
without SCOC. Peak memory is that of the importing process. `--rows` sets how many readings a case has.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._machine import fdatasync_ms, machine, measured

DEVICES = 25
PROPERTIES = ("pm25", "pm10", "no2", "o3", "co")
START = datetime(2025, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
CASES = {
    "minutes": "CSV.gz by station, one row a minute with five values",
    "hours": "CSV.gz by station, one row an hour with five values (every reading opens an hour)",
    "stream": "Arrow batches by time, all stations each minute",
}


def write_files(folder: Path, rows: int, step: int) -> list[Path]:
    """One CSV.gz a station; together `rows` readings."""
    lines = max(1, rows // DEVICES // len(PROPERTIES))
    chance = np.random.default_rng(1)
    files = []
    for number in range(DEVICES):
        values = np.round(chance.gamma(2.0, 30.0, (lines, len(PROPERTIES))), 1)
        at = START.timestamp() * 1e6 + np.arange(lines) * step
        texts = np.datetime_as_string(at.astype("int64").astype("datetime64[us]").astype("datetime64[s]"))
        body = "\n".join(f"{t}+00:00,{','.join(map(str, row))}" for t, row in zip(texts, values.tolist(), strict=True))
        path = folder / f"station-{number:03d}.csv.gz"
        with gzip.open(path, "wt", compresslevel=1) as file:
            file.write(f"time,{','.join(PROPERTIES)}\n{body}\n")
        files.append(path)
    return files


def batches_by_time(rows: int) -> Iterator[Any]:
    """Every minute all stations, five values each, in record batches."""
    import pyarrow as pa

    chance = np.random.default_rng(2)
    each = DEVICES * len(PROPERTIES)
    keys = pa.array([f"st-{n:03d}" for n in range(DEVICES) for _ in PROPERTIES])
    names = pa.array(list(PROPERTIES) * DEVICES)
    for minute in range(rows // each):
        yield pa.record_batch(
            {
                "device_key": keys, "property": names,
                "at_micros": np.full(each, int(START.timestamp() * 1e6) + minute * MINUTE),
                "value": np.round(chance.gamma(2.0, 30.0, each), 1),
            }
        )  # fmt: skip


def prepare() -> None:
    """A fresh database with a small city and the stations."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "scoc.site.settings"
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from scoc.core.tests.factories import make_city
    from scoc.sensing.tests.factories import PM25, make_device, make_type

    make_city()
    kind = make_type("station", [{**PM25, "property": name, "maximum": 5000.0} for name in PROPERTIES])
    for number in range(DEVICES):
        make_device(f"st-{number:03d}", type_=kind)


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """What the work returns, and how long it took."""
    began = time.perf_counter()
    count = work()
    return count, time.perf_counter() - began


def import_with_scoc(case: str, rows: int, files: list[Path]) -> int:
    """Import; how many readings were stored."""
    from scoc.core.access import system_actor
    from scoc.sensing import actions
    from scoc.sensing.schemas import TableMap, ValueColumn

    actor = system_actor("sensing")
    if case == "stream":
        return actions.import_table(actor, "benchmark", batches_by_time(rows)).stored
    values = {name: ValueColumn(name) for name in PROPERTIES}
    stored = 0
    for number, path in enumerate(files):
        columns = TableMap(time=("time",), values=values, device_key=f"st-{number:03d}")
        stored += actions.import_file(actor, "benchmark", path, columns).stored
    return stored


def bare_rows(rows: int) -> Iterator[tuple[Any, Any, Any]]:
    """The same readings as columns in chunks of 40 000: datastream, time, value; nothing is read or checked."""
    each = max(1, rows // DEVICES // len(PROPERTIES))
    chance = np.random.default_rng(1)
    for first in range(0, DEVICES * len(PROPERTIES), max(1, 40_000 // each)):
        streams = range(first, min(first + max(1, 40_000 // each), DEVICES * len(PROPERTIES)))
        datastream = np.repeat(np.arange(streams.start, streams.stop), each)
        at = np.tile(int(START.timestamp() * 1e6) + np.arange(each) * MINUTE, len(streams))
        yield datastream, at, np.round(chance.gamma(2.0, 30.0, len(at)), 1)


def bare_insert(rows: int) -> int:
    """The rows into an equal table by the database's own means: executemany, or COPY. No roll-ups, no checks."""
    from django.db import connection

    count = 0
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE bare (id integer NOT NULL PRIMARY KEY, datastream_id integer NOT NULL, "
                "at integer NOT NULL, result real NOT NULL, recorded integer NOT NULL, dedup_key text)"
            )
            cursor.execute("CREATE UNIQUE INDEX bare_once ON bare (datastream_id, at, dedup_key)")
        raw: Any = connection.connection
        for datastream, at, value in bare_rows(rows):
            ids = range(count + 1, count + len(at) + 1)
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(
                "INSERT INTO bare VALUES (?, ?, ?, ?, 0, '')",
                zip(ids, datastream.tolist(), at.tolist(), value.tolist(), strict=True),
            )
            raw.execute("COMMIT")
            count += len(at)
        return count
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bare (id bigint NOT NULL, datastream_id bigint NOT NULL, at bigint NOT NULL, "
            'result double precision NOT NULL, recorded bigint NOT NULL, dedup_key varchar(120) COLLATE "C") '
        )
        cursor.execute("CREATE UNIQUE INDEX bare_once ON bare (datastream_id, at, dedup_key)")
        cursor.execute("CREATE INDEX bare_id ON bare USING brin (id) WITH (pages_per_range = 16)")
    raw = connection.connection
    for datastream, at, value in bare_rows(rows):
        lines = zip(
            range(count + 1, count + len(at) + 1), datastream.tolist(), at.tolist(), value.tolist(), strict=True
        )
        with raw.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            copy.write("".join(f"{pk}\t{d}\t{t}\t{v}\t0\t\n" for pk, d, t, v in lines))
        raw.commit()
        count += len(at)
    return count


def work(case: str, rows: int, folder: Path) -> None:
    """One case in this process; prints its figures as JSON."""
    prepare()
    files = sorted(folder.glob("station-*.csv.gz")) if case != "stream" else []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stored, seconds = timed(lambda: import_with_scoc(case, rows, files))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bare, bare_seconds = timed(lambda: bare_insert(rows))
    print(
        json.dumps(
            {
                "rows": stored, "rate": stored / seconds, "bare": bare / bare_seconds, "before": before, "peak": peak,
                "sync": fdatasync_ms(Path(os.environ["SCOC_HOME"])),
            }
        )
    )  # fmt: skip


def main() -> None:
    """Run every case on both databases and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--case", choices=list(CASES), action="append")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--work", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], asked.rows, Path(asked.work[1]))
        return
    print(f"{machine()}, {asked.rows} readings a case")
    print("target: SQLite 50 000/s, PostgreSQL 100 000/s, peak below 300 MB; bare: the same rows without SCOC")
    print(
        f"{'database':<11}{'case':<9}{'rows':>10}{'rate/s':>10}{'bare/s':>10}{'ratio':>7}{'peak MB':>9}"
        f"{'start MB':>10}{'sync ms':>9}"
    )
    for case in asked.case or CASES:
        folder = Path(tempfile.mkdtemp(prefix="scoc-bench-"))
        try:
            if case != "stream":
                write_files(folder, asked.rows, MINUTE if case == "minutes" else 60 * MINUTE)
            for database in asked.database or ["sqlite", "postgresql"]:
                run_case(case, database, asked.rows, folder)
        finally:
            shutil.rmtree(folder)
    for case, meaning in CASES.items():
        print(f"{case}: {meaning}")


def run_case(case: str, database: str, rows: int, folder: Path) -> None:
    """One line of the table."""
    told = measured("sensing_import", database, folder / database, "--rows", rows, "--work", case, folder)
    if told is None:
        return
    print(
        f"{database:<11}{case:<9}{told['rows']:>10}{told['rate']:>10.0f}{told['bare']:>10.0f}"
        f"{told['rate'] / told['bare']:>7.2f}{told['peak']:>9.0f}{told['before']:>10.0f}{told['sync']:>9.2f}",
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
