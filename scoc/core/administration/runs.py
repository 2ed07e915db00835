"""Runs (运行): real life, drills and replays, each with its own clock; and who takes part in which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from scoc.core import now
from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.models import Installation, Run
from scoc.core.refusals import Refusal, invalid, no_such
from scoc.kit.text import Text

FASTEST = 1_000_000
"""Times the real clock; faster, an hour would be over before anybody can look."""


@fact("core.run_started", permission="core.read_directory")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Fact):
    """A drill or replay began."""

    run: int
    kind: Code


@fact("core.run_switched", permission="core.read_directory")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunSwitched(Fact):
    """Somebody's session lives in another run from now on."""

    run: int


@fact("core.run_ended", permission="core.read_directory")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Fact):
    """A drill or replay is over; its clock stands still."""

    run: int


def _told_clocks() -> None:
    transaction.on_commit(now.forget_clocks)
    now.forget_clocks()


@action("core.start_run", audited=True)
def start_run(
    actor: Actor, kind: Run.Kind, name: Text, *, city_origin: datetime | None = None, speed: float = 1.0
) -> int:
    """Begin a run whose clock starts at `city_origin` (now where left out) and goes `speed` times the real one.

    Gives its id. Raises Invalid for a speed outside 0 (standing still) to 1 000 000, and for a second real life.
    """
    if kind == Run.Kind.NORMAL:
        raise invalid("kind", "A city has one real life, which is there already.", "Start an exercise or a replay.",
                      zh="城市只有一个正常运行。")  # fmt: skip
    if not 0 <= speed <= FASTEST:
        raise invalid("speed", f"A speed lies between 0 and {FASTEST}.", "0 stands still.", zh="速度超出范围。")
    moment = now.wall_now()
    run = Run.objects.create(
        kind=kind, name=name, city_origin=city_origin or moment, wall_origin=moment,
        speed_millis=round(speed * 1000), started_at=moment,
    )  # fmt: skip
    publish(RunStarted(subject=Code(f"core:run-{run.pk}"), run=run.pk, kind=Code(kind.value)))
    _told_clocks()
    return run.pk


def _open_run(run_id: int) -> Run:
    run = Run.objects.filter(pk=run_id, ended_at=None).first()
    if run is None:
        raise no_such("运行", "run", f"core:run-{run_id}")
    return run


@action("core.switch_run", audited=True)
def switch_run(actor: Actor, run_id: int) -> None:
    """Take part in a run: from now on the session shows it and acts in it; everybody else stays where they are.

    Real life goes on meanwhile: what devices report belongs to it. Raises NotFound for a run that has ended.
    """
    run = _open_run(run_id)
    publish(RunSwitched(subject=Code(f"core:run-{run.pk}"), run=run.pk))


@action("core.end_run", audited=True)
def end_run(actor: Actor, run_id: int) -> None:
    """End a drill or replay: who is in it changes nothing more and goes back. Raises Refusal for real life itself."""
    run = _open_run(run_id)
    if run.kind == Run.Kind.NORMAL or Installation.objects.filter(active_run=run).exists():
        raise Refusal("real_life", Text("正常运行不能结束。", "Real life has no end; only drills and replays have."))
    run.ended_at = now.wall_now()
    run.save(update_fields=["ended_at"])
    publish(RunEnded(subject=Code(f"core:run-{run_id}"), run=run_id))
    _told_clocks()
