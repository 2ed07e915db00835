"""What needs something: situations that nobody judged and cases whose time runs out, the gravest first."""

from __future__ import annotations

from datetime import UTC, datetime

from scoc.command.cockpit.composing import situation_needs
from scoc.command.cockpit.schemas import Need, Needs
from scoc.core.acting import Viewer

SITUATIONS = "intake.read_situations"
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _urgency(need: Need) -> tuple[int, datetime, str]:
    return need.level, need.due_at or _NEVER, need.subject


def needs(viewer: Viewer, moment: datetime, limit: int) -> Needs | None:
    """The gravest matters of what the viewer may see; None where that is nothing at all."""
    if viewer.may(SITUATIONS) is None:
        return None
    found, open_ = situation_needs(viewer, moment, limit)
    return Needs(items=sorted(found, key=_urgency)[:limit], situations=open_, cases=None, overdue=None)
