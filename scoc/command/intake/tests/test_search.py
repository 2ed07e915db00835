"""Situations in the search."""

from __future__ import annotations

from scoc.command.intake.models import Situation
from scoc.command.intake.tests.factories import FLOOD, report
from scoc.core.acting import Actor
from scoc.core.finding import search
from scoc.core.tests.factories import make_actor, make_organisation


def found(viewer: Actor, text: str) -> list[str]:
    """Addresses of the situations that the viewer finds."""
    return [str(hit.path) for group in search(viewer, text, kind="situation") for hit in group.hits]


def test_a_situation_is_found_by_number_title_and_reporter(acceptor: Actor) -> None:
    report(acceptor, category=FLOOD, reporter={"name": "李小四", "phone": "13912345678"})
    row = Situation.objects.get()
    path = f"/intake/{row.pk}?state=open"
    for text in (row.number, row.number[:10], row.number.lower(), row.title.zh, row.title.zh[:2]):
        assert found(acceptor, text) == [path], text
    assert found(acceptor, "李小四") == []
    finder = make_actor("intake.read_situations", "core.find_person", persons="plain")
    assert found(finder, "李小四") == [path]
    stranger = make_actor("intake.read_situations", organisation=make_organisation("别处"), scope="unit")
    assert found(stranger, row.number) == []
