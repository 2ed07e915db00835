"""How cases are found."""

from __future__ import annotations

from django.db.models import Q

from scoc.command.cases.models import CASE_TEXT, Case, State
from scoc.command.cases.models.moves import STATE_TEXT
from scoc.command.cases.moving import PATHS, READ
from scoc.command.cases.shapes import case_title, words
from scoc.core.access import allowed, visible
from scoc.core.acting import Viewer
from scoc.core.finding import Asked, Hit, finder, look_up
from scoc.kit.text import Text


@finder("case", "案件", "Case", permission=READ)
def find_cases(viewer: Viewer, asked: Asked) -> list[Hit]:
    """Cases by number, title or address; by their reporter for those who may look for persons."""
    persons = allowed(viewer, READ).persons
    rows = visible(viewer, Case.objects.select_related("category", "area"), READ, PATHS)
    by_person = Q(contact__in=asked.contacts)
    found = look_up(rows, asked, CASE_TEXT, "case_no", by_person)
    return [_hit(row, persons, asked) for row in found]


def _hit(row: Case, persons: str, asked: Asked) -> Hit:
    place = words(row.address, persons)
    note = f"{row.case_no} · {place}" if place else row.case_no
    return Hit(
        subject=row.subject, title=case_title(row, persons), note=Text(note, note), state=row.state,
        state_name=STATE_TEXT[State(row.state)], person=row.contact_id in asked.contacts,
        path=f"/cases/{row.pk}?tab={'open' if row.is_open else 'closed'}",
    )  # fmt: skip
