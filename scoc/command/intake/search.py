"""How situations are found."""

from __future__ import annotations

from django.db.models import Q

from scoc.command.intake.models import SITUATION_TEXT, STATE_NAMES, Signal, Situation
from scoc.command.intake.queries.lists import SEE
from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder, look_up
from scoc.kit.masks import mask_text
from scoc.kit.text import Text


@finder("situation", "态势", "Situation", permission=SEE)
def find_situations(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Situations by number, title or place; by who reported for those who may look for persons."""
    reported: set[int] = set()
    if asked.contacts:
        signals = Signal.objects.filter(contact__in=asked.contacts).order_by("-id")
        reported = {pk for pk in signals.values_list("situation_id", flat=True)[:200] if pk is not None}
    rows = visible(viewer, Situation.objects.all(), SEE)
    found = look_up(rows, asked, SITUATION_TEXT, "number", Q(pk__in=reported))
    return [_hit(row, found_by_person=row.pk in reported) for row in found]


def _hit(row: Situation, *, found_by_person: bool) -> Hit:
    place = mask_text(row.place)
    note = f"{row.number} · {place}" if place else row.number
    return Hit(
        subject=f"intake:{row.pk}", title=row.title, note=Text(note, note), state=row.state,
        state_name=STATE_NAMES[row.state], path=f"/intake/{row.pk}?state={row.state}", person=found_by_person,
    )  # fmt: skip
