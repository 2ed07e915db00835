"""The account of each transaction: what came by which source, of which device, and what became of it.

Received is what a door says that came, before anything was looked at; stored, duplicate and rejected are what the
tables and the checks say. All are written with the readings, so whatever was not committed is counted nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from django.db import connection
from django.db.models import F, Max, Min, QuerySet

from scoc.core.fields import from_micros, to_micros
from scoc.core.now import city_at, city_zone, current_run
from scoc.sensing.ingest import arrays, refusing, storing
from scoc.sensing.ingest.columns import Columns, Flags, Ints, Refused
from scoc.sensing.models import Account, Datastream, Observation

Counts = Mapping[tuple[str, str], int]
"""By device key and reason."""
_NUMBERS = ("received", "stored", "duplicate", "rejected", "requests", "withdrawn")
_INSERT = (
    f"INSERT INTO sensing_account (run_id, day, source, device_key, {', '.join(_NUMBERS)}, "
    "first_recorded, last_recorded) "
)
_ADD = (
    " ON CONFLICT (run_id, day, source, device_key) DO UPDATE SET "
    + ", ".join(f"{name} = sensing_account.{name} + excluded.{name}" for name in _NUMBERS)
    + ", first_recorded = {least}(sensing_account.first_recorded, excluded.first_recorded)"
    ", last_recorded = {greatest}(sensing_account.last_recorded, excluded.last_recorded)"
)
_LITE = f"{_INSERT}VALUES ({', '.join(['%s'] * 12)}){_ADD.format(least='min', greatest='max')}"
_PG = (
    f"{_INSERT}"  # noqa: S608  # parts of our own, never of input
    "SELECT %s, %s, %s, u.*, %s, %s FROM unnest(%s::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], "
    f"%b::bigint[], %b::bigint[]) AS u{_ADD.format(least='least', greatest='greatest')}"
)


@dataclass(slots=True)
class _Line:
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    requests: int = 0
    withdrawn: int = 0

    def numbers(self) -> tuple[int, ...]:
        return self.received, self.stored, self.duplicate, self.rejected, self.requests, self.withdrawn


def settle(
    source: str,
    received: Mapping[str, int],
    rows: Columns,
    fresh: Flags,
    recorded: int,
    refused: Sequence[Refused] = (),
    more: Counts | None = None,
    requests: Counts | None = None,
) -> None:
    """Write what became of readings in the open transaction that stored them.

    `received` says by device key what came; `fresh` which of the accepted `rows` are new. `refused` are kept and
    counted; `more` are refused readings that are counted alone, `requests` those with no reading looked at.
    """
    today = day_at(recorded)
    rejected = refusing.keep(source, today, refused)
    rejected.update(more or {})
    refusing.count(source, today, rejected + Counter(requests or {}))
    lines: dict[str, _Line] = {key: _Line(number) for key, number in received.items()}
    for (key, _), number in rejected.items():
        lines.setdefault(key, _Line()).rejected += number
    for (key, _), number in (requests or {}).items():
        lines.setdefault(key, _Line()).requests += number
    if len(rows):
        numbers, where = np.unique(rows.datastream, return_inverse=True)
        all_of = np.bincount(where).tolist()
        new = np.bincount(where[fresh], minlength=len(numbers)).tolist()
        for pk, count, stored in zip(numbers.tolist(), all_of, new, strict=True):
            line = lines.setdefault(rows.streams[pk].device_key, _Line())
            line.stored += stored
            line.duplicate += count - stored
    _write(current_run(), today, source, lines, recorded)


def day_at(recorded: int) -> date:
    """The city day of something that is recorded then."""
    return city_at(from_micros(recorded)).astimezone(city_zone()).date()


def _write(run_id: int, day: date, source: str, lines: Mapping[str, _Line], recorded: int) -> None:
    """Add lines to the accounts; all writers lock them in the order of the keys."""
    found = sorted((key, numbers) for key, line in lines.items() if any(numbers := line.numbers()))
    if not found:
        return
    if not storing.on_postgres():
        with connection.cursor() as lite:
            lite.executemany(_LITE, [(run_id, day, source, key, *of, recorded, recorded) for key, of in found])
        return
    columns = np.array([numbers for _, numbers in found], np.int64).T
    with arrays.cursor() as cursor:
        cursor.execute(_PG, [run_id, day, source, recorded, recorded, [key for key, _ in found], *columns])


def withdraw(rows: QuerySet[Observation]) -> None:
    """Note that these observations are about to be removed: they were stored, and are not to be found any more."""
    for of in Datastream.objects.filter(pk__in=rows.order_by().values("datastream")).select_related("device"):
        recorded = np.array(
            [to_micros(at) for at in rows.filter(datastream=of).values_list("recorded", flat=True)], np.int64
        )
        for day, source, number in _days(of.run_id, of.device.key, np.sort(recorded)):
            Account.objects.filter(run_id=of.run_id, day=day, source=source, device_key=of.device.key).update(
                withdrawn=F("withdrawn") + number
            )


def _days(run_id: int, key: str, recorded: Ints) -> Iterable[tuple[date, str, int]]:
    """On which days that many of a device's observations were recorded, with a source of each day."""
    if not len(recorded):
        return
    spans = (
        Account.objects.filter(run_id=run_id, device_key=key, last_recorded__gte=from_micros(int(recorded[0])))
        .values("day").annotate(first=Min("first_recorded"), last=Max("last_recorded"), a_source=Min("source"))
    )  # fmt: skip
    for row in spans:
        first, last = np.searchsorted(recorded, [to_micros(row["first"]), to_micros(row["last"]) + 1]).tolist()
        if last > first:
            yield row["day"], row["a_source"], last - first


def move(row: Observation, to: Datastream, source: str) -> None:
    """Note that a stored observation goes to a datastream of another device."""
    of = Datastream.objects.select_related("device").get(pk=row.datastream_id)
    if of.device_id == to.device_id:
        return
    recorded = to_micros(row.recorded)
    for day, of_source, _ in _days(of.run_id, of.device.key, np.array([recorded], np.int64)):
        _write(of.run_id, day, of_source, {of.device.key: _Line(withdrawn=1)}, recorded)
        _write(of.run_id, day, source, {to.device.key: _Line(withdrawn=-1)}, recorded)
