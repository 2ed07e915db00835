"""The made-up city live: as its clock goes on, devices report, people call, staff works, beside the other processes."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError, connection

from scoc.core.access import system_actor
from scoc.core.now import city_now
from scoc.rehearsal.history import lived_until
from scoc.rehearsal.simulator.life import SOURCE, MadeUp
from scoc.rehearsal.simulator.people import read_people
from scoc.rehearsal.simulator.staff import Staff
from scoc.rehearsal.simulator.town import ACTOR, read_town
from scoc.sensing import actions as sensing
from scoc.sensing.schemas import Reading

log = logging.getLogger(__name__)
TICK_SECONDS = 2.0
MOST_AT_ONCE = timedelta(hours=2)
"""Of the city's time that one tick catches up, so that a fast clock never makes one long transaction."""


class Living:
    """One simulated city in one process; a second one would only find its readings to be duplicates."""

    def __init__(self, *, with_staff: bool) -> None:
        town = read_town()
        self.source = MadeUp(town)
        self.staff = Staff(town.seed, read_people(), alone=False, pinned=False)
        self.with_staff = with_staff
        self.actor = system_actor(ACTOR)
        self.at = lived_until() or city_now()
        if with_staff:
            self.staff.skip_to_now()

    def tick(self) -> int:
        """Catch up with the city's clock; how many readings were sent."""
        end = min(city_now(), self.at + MOST_AT_ONCE)
        if end <= self.at:
            return 0
        found = self.source.readings(self.at, end)
        columns = (found.device.tolist(), found.property.tolist(), found.at_micros.tolist(), found.value.tolist())
        readings = [
            Reading(key, name, datetime.fromtimestamp(micros / 1_000_000, UTC), value)
            for key, name, micros, value in zip(*columns, strict=True)
        ]
        if readings:
            sensing.ingest(self.actor, SOURCE, readings)
        for report in self.source.reports(self.at, end):
            self.staff.report_now(report)
        self.at = end
        if self.with_staff:
            self.staff.learn()
            self.staff.work_until(end)
        return len(readings)

    def run(self, stop: threading.Event) -> None:
        """Tick until told to stop; the database may be away for a while."""
        while not stop.is_set():
            try:
                self.tick()
            except DatabaseError as error:
                log.warning("the database is away: %s", error)
                connection.close()
            stop.wait(TICK_SECONDS)
