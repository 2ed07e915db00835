"""Ids of observations: each process that writes holds a number of its own, lent by the database, so no two ids meet.

Process ids cannot be that number: two machines, or two containers, have equal ones.
"""

from __future__ import annotations

import os
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import QuerySet

from scoc.core.now import wall_now
from scoc.core.remembered import forgettable
from scoc.kit.identifiers import WORKERS, IdSource
from scoc.sensing.ingest.columns import Ints
from scoc.sensing.models import WriterNumber

LENT = timedelta(hours=2)
"""So long a number belongs to its holder. Whoever died returns it no sooner, so clocks may differ by an hour."""
RENEWED = timedelta(hours=1)
"""With less than this left the holder asks again."""
LONG_AGO = datetime.fromtimestamp(0).astimezone()


@dataclass(slots=True)
class _Held:
    """What this process holds. A number keeps its source for the life of the process, whoever else held it between."""

    process: int
    token: str
    sources: dict[int, IdSource] = field(default_factory=dict)
    number: int | None = None
    until: datetime = LONG_AGO


_lock = threading.Lock()
_held = _Held(0, "")


@forgettable
def forget_number() -> None:
    """Ask the database at the next reading."""
    _held.number = None


def _mine() -> _Held:
    """What this very process holds: a forked child begins with nothing."""
    global _held
    with _lock:
        if _held.process != os.getpid():
            _held = _Held(os.getpid(), secrets.token_hex(16))
        return _held


def new_ids(count: int) -> Ints:
    """New ids in growing order, in the open transaction. Raises OperationalError when every number is lent."""
    held = _mine()
    number, until = held.number, held.until
    if number is None or until - wall_now() < RENEWED:
        number = _borrow(held)
    with _lock:
        source = held.sources.setdefault(number, IdSource(number))
    return source.block(count)


def _borrow(held: _Held) -> int:
    """Borrow a number, or the one that is held for longer; remembered once the transaction is committed."""
    moment = wall_now()
    until = moment + LENT
    row = _first(WriterNumber.objects.filter(holder=held.token)) or _free(moment)
    if row is None:
        WriterNumber.objects.bulk_create(
            (WriterNumber(number=number, until=LONG_AGO) for number in range(WORKERS)), ignore_conflicts=True
        )
        row = _free(moment)
    if row is None:
        raise OperationalError(f"All {WORKERS} writer numbers are lent; a dead writer's returns within {LENT}.")
    row.holder, row.until = held.token, until
    row.save(update_fields=["holder", "until"])
    number = row.number

    def remember() -> None:
        held.number, held.until = number, until

    transaction.on_commit(remember)
    return number


def _free(moment: datetime) -> WriterNumber | None:
    """The number that has been free for longest."""
    return _first(WriterNumber.objects.filter(until__lt=moment))


def _first(rows: QuerySet[WriterNumber]) -> WriterNumber | None:
    """Locked; what another writer is about to take is passed over."""
    return rows.select_for_update(skip_locked=True).order_by("until", "number").first()
