"""Timed work of cases."""

from __future__ import annotations

from scoc.command.cases.actions.clocks import BATCH, recompute_timers, urge_due
from scoc.core.access import system_actor
from scoc.core.acting import acting
from scoc.core.tasks import enqueue, task


@task("cases.urge", cron="* * * * *", every_run=True)
def urge() -> None:
    """Urge where a clock reached a rung of the ladder; the rest of a long list in a further task."""
    if urge_due(system_actor("cases").on_run(acting().run_id)) == BATCH:
        enqueue("cases.urge")


@task("cases.recompute")
def recompute_open(version: int) -> None:
    """Compute open clocks anew with a calendar version, batch by batch."""
    if recompute_timers(system_actor("cases").on_run(acting().run_id), version) == BATCH:
        enqueue("cases.recompute", version=version)
