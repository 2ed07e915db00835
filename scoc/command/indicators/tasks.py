"""Timed work of indicators."""

from __future__ import annotations

from scoc.command.indicators.actions import compute, make_index, refresh, settle, share_out
from scoc.command.indicators.health import make_index_soon
from scoc.core.access import system_actor
from scoc.core.acting import Actor, acting
from scoc.core.tasks import task


def _self() -> Actor:
    return system_actor("indicators").on_run(acting().run_id)


@task("indicators.refresh", cron="*/5 * * * *", every_run=True)
def refresh_due() -> None:
    """Have measured what has fallen due: counts and rates every five minutes, air by the hour, daily figures by day."""
    share_out(_self())


@task("indicators.refresh_batch")
def refresh_batch(codes: list[str]) -> None:
    """Measure what has fallen due of some indicators."""
    refresh(_self(), codes, index=False)
    make_index_soon()


@task("indicators.make_index")
def index_due() -> None:
    """Make the health index of what is measured."""
    make_index(_self())


@task("indicators.settle", cron="35 * * * *", every_run=True)
def settle_late() -> None:
    """Take in readings that came late."""
    settle(_self())


@task("indicators.compute")
def compute_codes(codes: list[str]) -> None:
    """Measure some indicators at once, because what they count has changed."""
    compute(_self(), codes)


@task("indicators.compute_alone")
def compute_alone(code: str) -> None:
    """Measure one indicator that failed among the others; its own failure is retried and then parked."""
    compute(_self(), [code])
