"""The facts, actions and handlers that `benchmarks.facts` times; imported once Django is set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, Fact, News, fact, on, publish


@fact("benchmarks.told", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Fact):
    """Something happened that nobody handles; of the size of a case's fact."""

    case_no: Code
    state: Code
    unit: int
    due_at: datetime


@fact("benchmarks.heard", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(Told):
    """The same for one handler that does nothing: what is timed is the queue alone."""


@fact("benchmarks.noted", permission="core.read_audit")
@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Told):
    """The same for one handler that writes a row and tells of it in turn."""


KINDS: dict[str, type[Told]] = {"told": Told, "heard": Heard, "noted": Noted}


@action("benchmarks.tell")
def tell(actor: Actor, kind: str, first: int, count: int, due_at: datetime) -> None:
    """Publish `count` facts of a kind, each with a subject of its own."""
    for number in range(first, first + count):
        publish(
            KINDS[kind](
                subject=Code(f"benchmarks:{number}"), case_no=Code(f"B{number:012d}"), state=Code("handling"),
                unit=7, due_at=due_at,
            )
        )  # fmt: skip


@on(Heard)
def hear(fact_: Heard, news: News) -> None:
    """Take note of it, and no more."""


@on(Noted)
def note(fact_: Noted, news: News) -> None:
    """Write one row, once, and publish a fact: what a small handler of a module does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO benchmark_note (fact_id, subject) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [news.fact_id, fact_.subject],
        )
    publish(Told(subject=fact_.subject, case_no=fact_.case_no, state=fact_.state, unit=fact_.unit, due_at=fact_.due_at))
