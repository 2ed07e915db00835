"""What rehearsals tell: that a clock was set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scoc.core.facts import Fact, fact


@fact("rehearsal.clock_set", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSet(Fact):
    """The clock of the run was set; at speed 0 it stands."""

    at: datetime
    speed_millis: int
