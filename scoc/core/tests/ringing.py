"""What the tests of the queue share: a fact, a way to publish it, and notes that tell what was done."""

from __future__ import annotations

from dataclasses import dataclass

from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.facts import Code, Fact, News, publish
from scoc.core.models import Role
from scoc.kit.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung(Fact):
    """A fact of these tests."""

    number: int


def ring(*numbers: int) -> None:
    """Publish one fact for each number."""
    with unit_of_work(system_actor("tests")):
        for number in numbers:
            publish(Rung(subject=Code(f"tests:{number}"), number=number))


def note(name: str) -> None:
    """Leave a row that tells that something was done; a second one of the name is refused."""
    Role.objects.create(code=name, name=Text("记", "note"), home="/")


def noted() -> list[str]:
    """What was done."""
    return list(Role.objects.exclude(code__startswith="role").order_by("code").values_list("code", flat=True))


def note_number(told: Rung, news: News) -> None:
    """A handler that leaves a note with the number."""
    note(f"n{told.number}")
