"""PostgreSQL keeps observations by month of phenomenon time. Months are made before they are written to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import connection, transaction

from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_now
from scoc.core.remembered import forgettable
from scoc.sensing.ingest.columns import Ints

_known: set[tuple[int, int]] = set()
_LOCK = 7_316_221_904
"""Key of the advisory lock under which months are made; a number of our own choice."""


@forgettable
def forget_months() -> None:
    """Look anew which months there are."""
    _known.clear()


def month_after(year: int, month: int, steps: int = 1) -> tuple[int, int]:
    """The month `steps` after one."""
    number = year * 12 + month - 1 + steps
    return number // 12, number % 12 + 1


def months_between(first: int, last: int) -> list[tuple[int, int]]:
    """The months that hold the times from `first` to `last`, in microseconds."""
    moment, end = from_micros(first), from_micros(last)
    months = [(moment.year, moment.month)]
    while months[-1] < (end.year, end.month):
        months.append(month_after(*months[-1]))
    return months


def ensure_for(at: Ints) -> None:
    """Make the months that these times lie in."""
    if connection.vendor != "postgresql" or not len(at):
        return
    first, last = int(at.min()), int(at.max())
    months = months_between(first, last)
    if len(months) > 2:  # far apart: make only those that are really written to
        stamps = at.astype("datetime64[us]").astype("datetime64[M]").astype("int64")
        months = [(1970 + n // 12, n % 12 + 1) for n in sorted(set(stamps.tolist()))]
    ensure(months)


def ensure_coming(months: int = 3) -> None:
    """Make this month and the coming ones."""
    moment = city_now().astimezone(UTC)
    ensure(month_after(moment.year, moment.month, step) for step in range(-1, months))


def ensure(months: Iterable[tuple[int, int]]) -> None:
    """Make the partitions of these months, in a transaction of their own unless one is open.

    Rows that lie in the default partition move to their month.
    """
    if connection.vendor != "postgresql":
        return
    missing = [month for month in months if month not in _known]
    if not missing:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for year, month in missing:
            name = f"sensing_observation_{year:04d}_{month:02d}"
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
            if cursor.fetchone() != (True,):
                _make(cursor, name, year, month)
        transaction.on_commit(lambda: _known.update(missing))  # what is rolled back was never made


def _make(cursor: object, name: str, year: int, month: int) -> None:
    start = to_micros(datetime(year, month, 1, tzinfo=UTC))
    end = to_micros(datetime(*month_after(year, month), 1, tzinfo=UTC))
    run = cursor.execute  # type: ignore[attr-defined]  # Django's cursors have no public type
    run(f"CREATE TABLE {name} (LIKE sensing_observation INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    run(
        f"WITH moved AS (DELETE FROM sensing_observation_default WHERE at >= {start} AND at < {end} RETURNING *) "  # noqa: S608  # numbers of our own
        f"INSERT INTO {name} SELECT * FROM moved"
    )
    run(f"ALTER TABLE sensing_observation ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")
