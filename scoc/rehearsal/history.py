"""The made-up city's past: a month lived fast, so that screens have something to show, and where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection

from scoc.core.access import system_actor
from scoc.core.city import Pack, apply_pack
from scoc.core.http.paging import PageQuery
from scoc.core.models import Installation
from scoc.core.now import city_time
from scoc.rehearsal.simulator.life import Life, MadeUp
from scoc.rehearsal.simulator.people import read_people
from scoc.rehearsal.simulator.staff import Staff
from scoc.rehearsal.simulator.town import ACTOR, read_town
from scoc.sensing import queries as sensing

STEP = timedelta(hours=1)
FINE = timedelta(hours=26)
"""So long before the end everything timed runs in every step: screens show the last day closely."""


def found_city(pack: Pack, start: datetime) -> None:
    """Apply the pack as of the beginning of its history, if no city is there yet."""
    if not Installation.objects.exists():
        with city_time(start):
            apply_pack(system_actor(ACTOR), pack)


def lived_until() -> datetime | None:
    """When the newest reading was taken: up to there the city has lived. None before the first."""
    newest: datetime | None = None
    cursor = None
    while True:
        page = sensing.devices(system_actor(ACTOR), PageQuery(cursor=cursor, limit=500))
        for device in page.items:
            if device.latest_at is not None and (newest is None or device.latest_at > newest):
                newest = device.latest_at
        cursor = page.next
        if cursor is None:
            return newest


@contextmanager
def lazy_disk() -> Iterator[None]:
    """While a past is made up, let SQLite not wait for the disk at each commit: what is lost can be made up again."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def live_through(start: datetime, end: datetime, told: Callable[[datetime], None], *, resumed: bool) -> Life:
    """Live from `start` to `end` in this process, staff included. `resumed`: open work is picked up."""
    town = read_town()
    staff = Staff(town.seed, read_people())
    if resumed:
        with city_time(start):
            staff.skip_to_now()
    life = Life(MadeUp(town), staff, fine_from=end - FINE)
    life.pass_time(start, end, STEP, told)
    return life
