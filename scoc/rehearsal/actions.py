"""What rehearsals may change of the city itself: how its clock runs."""

from __future__ import annotations

from datetime import datetime

from scoc.core.acting import Actor
from scoc.core.actions import action
from scoc.core.facts import Code, publish
from scoc.core.models import Run
from scoc.core.now import current_run, forget_clocks, wall_now
from scoc.core.refusals import invalid
from scoc.rehearsal.facts import ClockSet

FASTEST = 3600.0


@action("rehearsal.set_clock", audited=True)
def set_clock(actor: Actor, at: datetime, speed: float) -> None:
    """Let the run's clock go on from `at` with `speed` seconds of the city in one of the wall (0: it stands).

    Raises Invalid for a speed that no worker could follow.
    """
    if not 0 <= speed <= FASTEST:
        raise invalid("speed", f"A speed is 0 to {FASTEST:.0f}.", "Give a smaller one.", zh="速度须在 0 到 3600 之间。")
    run = Run.objects.select_for_update().get(pk=current_run())
    run.city_origin, run.wall_origin, run.speed_millis = at, wall_now(), round(speed * 1000)
    run.save(update_fields=["city_origin", "wall_origin", "speed_millis"])
    forget_clocks()
    publish(ClockSet(subject=Code(f"core:run-{run.pk}"), at=at, speed_millis=run.speed_millis), happened_at=at)
