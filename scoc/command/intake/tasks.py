"""Timed work of intake."""

from __future__ import annotations

from scoc.command.intake.actions import escalate_overdue
from scoc.core.access import system_actor
from scoc.core.now import current_run
from scoc.core.tasks import task


@task("intake.escalate", cron="* * * * *", every_run=True)
def escalate() -> None:
    """Escalate what nobody judged in time, in the run that the clock belongs to."""
    escalate_overdue(system_actor("intake").on_run(current_run()))
