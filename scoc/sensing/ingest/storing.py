"""The hot statements, written by hand for each database: insert once, move `latest` forward, add to roll-ups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import numpy as np
from django.db import IntegrityError, connection, transaction

from scoc.sensing.ingest import arrays
from scoc.sensing.ingest.columns import Columns, Flags, Floats, Ints
from scoc.sensing.ingest.rolling import Sums

_LEAST = "-1.7976931348623157e308"
"""In place of a result that is no number: of several at one time a number counts."""
_NEWER = (
    f"(excluded.at, coalesce(excluded.result, {_LEAST}), excluded.observation_id) > "
    f"(sensing_latest.at, coalesce(sensing_latest.result, {_LEAST}), sensing_latest.observation_id)"
)
_MOVE = (
    " ON CONFLICT (datastream_id) DO UPDATE SET "
    + ", ".join(
        f"{column} = CASE WHEN {_NEWER} THEN excluded.{column} ELSE sensing_latest.{column} END"
        for column in ("at", "result", "observation_id", "recorded")
    )
    + ", first_at = {least}(sensing_latest.first_at, excluded.first_at) "
    f"WHERE {_NEWER} OR excluded.first_at < sensing_latest.first_at"
)
_ADD = (
    " ON CONFLICT (datastream_id, grain, bucket) DO UPDATE SET n = sensing_rollup.n + excluded.n, "
    "minimum = {least}(sensing_rollup.minimum, excluded.minimum), "
    "maximum = {greatest}(sensing_rollup.maximum, excluded.maximum), "
    "total = sensing_rollup.total + excluded.total, "
    "last = CASE WHEN excluded.last_at > sensing_rollup.last_at THEN excluded.last "
    "WHEN excluded.last_at = sensing_rollup.last_at THEN {greatest}(sensing_rollup.last, excluded.last) "
    "ELSE sensing_rollup.last END, "
    "last_at = {greatest}(sensing_rollup.last_at, excluded.last_at), "
    "recorded = {greatest}(sensing_rollup.recorded, excluded.recorded)"
)
_OBSERVATION = "INSERT INTO sensing_observation (id, datastream_id, at, result, recorded, feature_id, dedup_key) "
_ONCE = " ON CONFLICT (datastream_id, at, dedup_key) DO NOTHING"
_LATEST = "INSERT INTO sensing_latest (datastream_id, at, result, observation_id, recorded, first_at) "
_ROLLUP = (
    "INSERT INTO sensing_rollup (datastream_id, grain, bucket, n, minimum, maximum, total, last_at, last, recorded) "
)
_LITE_OBSERVATION = f"{_OBSERVATION}VALUES (%s, %s, %s, %s, %s, nullif(%s, 0), %s){_ONCE}"
_LITE_LATEST = f"{_LATEST}VALUES (%s, %s, %s, %s, %s, %s){_MOVE.format(least='min')}"
_LITE_ROLLUP = f"{_ROLLUP}VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s){_ADD.format(least='min', greatest='max')}"
_PG_OBSERVATION = (
    f"WITH fresh AS ({_OBSERVATION}"  # noqa: S608  # parts of our own, never of input
    f"SELECT u.id, u.d, u.at, nullif(u.r, 'NaN'), %s, nullif(u.f, 0), {{key}} FROM unnest(%b::bigint[], "
    f"%b::bigint[], %b::bigint[], %b::float8[], %b::bigint[]{{keys}}) AS u (id, d, at, r, f{{column}}){_ONCE} "
    "RETURNING id) "
    "SELECT count(*), CASE WHEN count(*) < %s THEN array_agg(id) END FROM fresh"
)
_PG_ONE_KEY = _PG_OBSERVATION.format(key="''", keys="", column="")
_PG_KEYS = _PG_OBSERVATION.format(key="u.k", keys=", %s::text[]", column=", k")
_PG_LATEST = (
    f"{_LATEST}"  # noqa: S608  # parts of our own, never of input
    f"SELECT u.d, u.at, nullif(u.r, 'NaN'), u.id, u.recorded, u.first FROM unnest(%b::bigint[], %b::bigint[], "
    f"%b::float8[], %b::bigint[], %b::bigint[], %b::bigint[]) AS u (d, at, r, id, recorded, first)"
    f"{_MOVE.format(least='least')}"
)
_PG_ROLLUP = (
    f"{_ROLLUP}"  # noqa: S608  # parts of our own, never of input
    "SELECT u.* FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::float8[], "
    "%b::float8[], %b::bigint[], %b::bigint[], %b::float8[], %b::bigint[]) AS u"
    f"{_ADD.format(least='least', greatest='greatest')}"
)


_COPY_ROLLUP: LiteralString = (
    "COPY sensing_rollup (datastream_id, grain, bucket, n, minimum, maximum, total, last_at, last, recorded) "
    "FROM STDIN (FORMAT BINARY)"
)
LITE_ROWS = 5_000
_SPARING = {"mmap_size": 0, "cache_size": -16_000}
"""No mapping, and 16 MB of cache."""
LEAST_COPIED = 500
"""Fewer rows are not worth a COPY."""


def on_postgres() -> bool:
    """Whether the records store is PostgreSQL."""
    return connection.vendor == "postgresql"


def insert(ids: Ints, rows: Columns, recorded: int, surely_new: Flags) -> Flags:
    """Insert rows in their order; which of them are new. Of equal ones the first is stored.

    `surely_new` are those that cannot be equal to any other, as far as anybody knows.
    """
    if not on_postgres():
        return _lite_insert(ids, rows, recorded)
    fresh = surely_new & ~np.isnan(rows.value)  # COPY would write what is no number as NaN
    plain = rows.dedup is None and not rows.more and fresh.sum() >= LEAST_COPIED
    if not (plain and _copy_observations(ids, rows, recorded, fresh)):
        fresh[:] = False
    others = ~fresh
    if others.any():
        fresh[others] = _pg_insert(ids[others], rows.pick(others), recorded)
    return fresh


def _lite_insert(ids: Ints, rows: Columns, recorded: int) -> Flags:
    keys: Sequence[str | None] = rows.dedup if rows.dedup is not None else [""] * len(rows)
    stamps = np.full(len(rows), recorded, np.int64)
    columns = (ids, rows.datastream, rows.at, rows.value, stamps, _features(rows), keys)
    if _lite_many(_LITE_OBSERVATION, *columns) == len(rows):
        return np.ones(len(rows), np.bool_)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM sensing_observation WHERE id BETWEEN %s AND %s", [int(ids[0]), int(ids[-1])])
        stored = np.array([row[0] for row in cursor.fetchall()], np.int64)
    return np.isin(ids, stored)


def _lite_many(statement: str, *columns: Any) -> int:
    """Write the rows of these columns; how many were written. A part at a time: a row is twenty times as large in
    Python's objects as in numpy's."""
    written = 0
    with connection.cursor() as cursor:
        for start in range(0, len(columns[0]), LITE_ROWS):
            part = [column[start : start + LITE_ROWS] for column in columns]
            lists = [column.tolist() if isinstance(column, np.ndarray) else column for column in part]
            cursor.executemany(statement, list(zip(*lists, strict=True)))
            written += cursor.rowcount
    return written


@contextmanager
def sparing() -> Iterator[None]:
    """Have SQLite read through a small cache of its own: a long import touches all of the database, and whatever is
    mapped counts as memory of the process, more the larger the database is."""
    if on_postgres():
        yield
        return
    with connection.cursor() as cursor:
        before = {}
        for pragma, value in _SPARING.items():
            cursor.execute(f"PRAGMA {pragma}")
            before[pragma] = int((cursor.fetchone() or (0,))[0])
            cursor.execute(f"PRAGMA {pragma}={value}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for pragma, value in before.items():
                cursor.execute(f"PRAGMA {pragma}={value}")


def _copy_observations(ids: Ints, rows: Columns, recorded: int, which: Flags) -> bool:
    """COPY rows that are new; False where one was not, and nothing is written."""
    features = _features(rows)[which]
    if not features.all():
        return False
    columns = [
        ids[which], rows.datastream[which], rows.at[which], rows.value[which],
        np.full(int(which.sum()), recorded, np.int64), features,
    ]  # fmt: skip
    return _copied(
        "COPY sensing_observation (id, datastream_id, at, result, recorded, feature_id, dedup_key) "
        "FROM STDIN (FORMAT BINARY)",
        arrays.copy_bytes(columns, empty_texts=1),
    )


def _features(rows: Columns) -> Ints:
    """What each row is about: the place where its thing is now; 0 where it is nowhere."""
    streams, where = np.unique(rows.datastream, return_inverse=True)
    return np.array([rows.streams[pk].feature or 0 for pk in streams.tolist()], np.int64)[where]


_MORE = ("until", "result_at", "other", "quality", "valid_from", "valid_until", "parameters", "feature_id")
_JSON = frozenset({"other", "quality", "parameters"})


def complete(ids: Ints, rows: Columns) -> None:
    """Write what some of the stored rows say beside time and number."""
    with connection.cursor() as cursor:
        for names in sorted({tuple(name for name in _MORE if name in more) for more in rows.more.values()}):
            cast = "::jsonb" if on_postgres() else ""
            written = ", ".join(f"{name} = %s{cast if name in _JSON else ''}" for name in names)
            cursor.executemany(
                f"UPDATE sensing_observation SET {written} WHERE id = %s AND at = %s",  # noqa: S608  # names of our own
                [
                    (*(_written(name, more[name]) for name in names), int(ids[n]), int(rows.at[n]))
                    for n, more in rows.more.items() if tuple(name for name in _MORE if name in more) == names
                ],
            )  # fmt: skip


def reach_results(rows: Columns) -> None:
    """Let each datastream's result times reach to those that these rows say."""
    found: dict[int, tuple[int, int]] = {}
    for n, more in rows.more.items():
        at = more.get("result_at")
        if at is not None:
            low, high = found.get(int(rows.datastream[n]), (at, at))
            found[int(rows.datastream[n])] = min(low, at), max(high, at)
    least, greatest = ("least", "greatest") if on_postgres() else ("min", "max")
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE sensing_datastream SET result_from = {least}(coalesce(result_from, %s), %s), "  # noqa: S608  # names of our own
            f"result_until = {greatest}(coalesce(result_until, %s), %s) WHERE id = %s",
            [(low, low, high, high, pk) for pk, (low, high) in sorted(found.items())],
        )


def _written(name: str, given: Any) -> Any:
    return json.dumps(given, ensure_ascii=False) if name in _JSON and given is not None else given


def _copied(statement: LiteralString, content: bytes) -> bool:
    """COPY, which is twice as fast as an insert that looks for conflicts; False where there was one after all."""
    try:
        with transaction.atomic(), arrays.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(content)
    except IntegrityError:
        return False
    return True


def _pg_insert(ids: Ints, rows: Columns, recorded: int) -> Flags:
    columns = [ids, rows.datastream, rows.at, rows.value, _features(rows)]
    with arrays.cursor() as cursor:
        if rows.dedup is None:
            cursor.execute(_PG_ONE_KEY, [recorded, *columns, len(rows)], binary=True)
        else:
            cursor.execute(_PG_KEYS, [recorded, *columns, rows.dedup, len(rows)], binary=True)
        count, stored = cursor.fetchone() or (0, None)
    if count == len(rows):
        return np.ones(len(rows), np.bool_)
    return np.isin(ids, np.array(stored or [], np.int64))


def first_ids(rows: Columns) -> list[int]:
    """The ids under which equal rows are stored, in one query."""
    keys: Sequence[str | None] = rows.dedup if rows.dedup is not None else [""] * len(rows)
    found: dict[int, int] = {}
    if on_postgres():
        with arrays.cursor() as cursor:
            cursor.execute(
                "SELECT u.n, o.id FROM unnest(%b::bigint[], %b::bigint[], %s::text[]) "
                "WITH ORDINALITY AS u (d, at, k, n) JOIN sensing_observation o "
                "ON o.datastream_id = u.d AND o.at = u.at AND o.dedup_key = u.k",
                [rows.datastream, rows.at, list(keys)],
            )
            found = {n - 1: pk for n, pk in cursor.fetchall()}
    else:
        wanted = json.dumps(list(zip(rows.datastream.tolist(), rows.at.tolist(), keys, strict=True)))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT j.key, o.id FROM json_each(%s) AS j JOIN sensing_observation AS o "
                "ON o.datastream_id = json_extract(j.value, '$[0]') AND o.at = json_extract(j.value, '$[1]') "
                "AND o.dedup_key = json_extract(j.value, '$[2]')",
                [wanted],
            )
            found = dict(cursor.fetchall())
    return [found[n] for n in range(len(rows))]


def move_latest(datastream: Ints, at: Ints, value: Floats, ids: Ints, recorded: int, first: Ints) -> None:
    """Let each datastream's newest reading be this one, if it is newer, and its oldest be at `first`, if older.

    Rows are ordered by datastream, each once.
    """
    if on_postgres():
        stamps = np.full(len(ids), recorded, np.int64)
        with arrays.cursor() as cursor:
            cursor.execute(_PG_LATEST, [datastream, at, value, ids, stamps, first])
        return
    _lite_many(_LITE_LATEST, datastream, at, value, ids, np.full(len(ids), recorded, np.int64), first)


def add_rollups(sums: Sums, surely_new: Flags | None = None) -> None:
    """Add to the stored roll-ups; `surely_new` are buckets that cannot be stored yet, as far as anybody knows."""
    if not on_postgres():
        _lite_many(_LITE_ROLLUP, *sums.columns())
        return
    others = np.ones(len(sums), np.bool_)
    if surely_new is not None and surely_new.sum() >= LEAST_COPIED:
        content = arrays.copy_bytes([column[surely_new] for column in sums.columns()], shorts=(1,))
        if _copied(_COPY_ROLLUP, content):
            others = ~surely_new
    if others.any():
        with arrays.cursor() as cursor:
            cursor.execute(_PG_ROLLUP, [column[others] for column in sums.columns()])


def previous(datastreams: Ints) -> dict[int, int]:
    """Time of the newest reading of each datastream so far; on PostgreSQL these rows stay locked."""
    if on_postgres():
        with arrays.cursor() as cursor:
            cursor.execute(
                "SELECT datastream_id, at FROM sensing_latest WHERE datastream_id = ANY(%b::bigint[]) "
                "ORDER BY datastream_id FOR UPDATE",
                [datastreams],
            )
            return dict(cursor.fetchall())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datastream_id, at FROM sensing_latest WHERE datastream_id IN (SELECT value FROM json_each(%s))",
            [json.dumps(datastreams.tolist())],
        )
        return dict(cursor.fetchall())
