"""The one queue: deliveries of facts and tasks to oneself, claimed by state, retried, parked when poisonous."""

from __future__ import annotations

import json
import logging
import secrets
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from apscheduler.triggers.cron import CronTrigger
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q

from scoc.core import facts, now
from scoc.core.access import system_actor
from scoc.core.acting import correlated, new_correlation, unit_of_work, work_in_progress
from scoc.core.models import CronMark, Delivery, FactRow
from scoc.kit.canonical import canonical_json
from scoc.kit.masks import mask_text

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Callable[..., None])
TASKS: dict[str, Callable[..., None]] = {}
CRONS: dict[str, CronTrigger] = {}

CLAIM_SECONDS = 120
"""A claim older than this belongs to a worker that died; another one takes the delivery over."""
MOST_ATTEMPTS = 8
SLICE_SECONDS = 0.05
"""Deliveries share a transaction for this long, so that one sync to disk carries many but writers wait little."""
KEEP_DONE = timedelta(days=7)


class Dropped(Exception):
    """Another worker took this delivery over meanwhile; what was done here must not stay."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of deliveries did."""

    done: int
    failed: int


def task(name: str, cron: str = "") -> Callable[[T], T]:
    """Make a function a task; with `cron` (five fields, in the city's time) it is enqueued when due.

    Arguments are numbers, texts, booleans and lists of them.
    """

    def make(function: T) -> T:
        if name in TASKS:
            raise ValueError(f"Two tasks are called {name}.")
        TASKS[name] = function
        if cron:
            CRONS[name] = CronTrigger.from_crontab(cron, timezone="UTC")
        return function

    return make


def enqueue(name: str, *, unique: str | None = None, delay_seconds: float = 0, **arguments: Any) -> None:
    """Have a task done soon. With `unique`, a second request while one is known is not put in again."""
    if name not in TASKS:
        raise KeyError(f"There is no task {name}.")
    work = work_in_progress()
    Delivery.objects.bulk_create(
        [
            Delivery(
                handler=f"task:{name}", payload=canonical_json(arguments).decode(), unique=unique,
                run_id=work.run_id if work else now.current_run(),
                correlation=work.correlation if work else new_correlation(),
                next_try_at=now.wall_now() + timedelta(seconds=delay_seconds),
            )
        ],
        ignore_conflicts=unique is not None,
    )  # fmt: skip


def enqueue_due(moment: datetime | None = None) -> int:
    """Put every timed task into the queue whose time has come in the active run. Returns how many."""
    moment = moment or now.city_now()
    run_id = now.current_run()
    count = 0
    for name, trigger in CRONS.items():
        mark, fresh = CronMark.objects.get_or_create(task=name, run_id=run_id, defaults={"fired_at": moment})
        if fresh:
            continue
        due = trigger.get_next_fire_time(mark.fired_at, mark.fired_at + timedelta(microseconds=1))
        if due is None or due > moment:
            continue
        with transaction.atomic():
            moved = CronMark.objects.filter(pk=mark.pk, fired_at=mark.fired_at).update(fired_at=moment)
            if moved:
                enqueue(name)
                count += 1
    return count


def _claim(limit: int) -> list[Delivery]:
    """Take up to `limit` deliveries that are due or whose worker died."""
    moment = now.wall_now()
    claim = secrets.token_hex(8)
    due = Delivery.objects.filter(
        Q(state=Delivery.State.WAITING, next_try_at__lte=moment)
        | Q(state=Delivery.State.CLAIMED, next_try_at__lte=moment, claimed_until__lt=moment)
    ).order_by("next_try_at")
    if not due.exists():  # looking takes no write lock; claiming does
        return []
    with transaction.atomic():
        if connection.vendor == "postgresql":
            due = due.select_for_update(skip_locked=True)
        ids = list(due.values_list("id", flat=True)[:limit])
        Delivery.objects.filter(id__in=ids).update(
            state=Delivery.State.CLAIMED,
            claim=claim,
            claimed_until=moment + timedelta(seconds=CLAIM_SECONDS),
            attempts=F("attempts") + 1,
        )
    return list(Delivery.objects.filter(id__in=ids, claim=claim).select_related("fact").order_by("id"))


def _news(row: FactRow) -> facts.News:
    return facts.News(
        row.pk, row.name, row.happened_at, row.recorded_at, row.run_id, row.organisation_id, row.area_id,
        row.post_id, row.correlation,
    )  # fmt: skip


def _run_one(delivery: Delivery) -> None:
    """Do one delivery and mark it done, in one unit of work. Raises whatever the handler raised."""
    owner = (
        delivery.handler.partition(".handlers.")[0].rpartition(".")[2]
        if delivery.fact_id
        else delivery.handler.removeprefix("task:").partition(".")[0]
    )
    actor = system_actor(owner).on_run(delivery.run_id)
    with correlated(delivery.correlation), unit_of_work(actor):
        if delivery.fact is not None:
            handler = facts.HANDLERS[delivery.fact.name][delivery.handler]
            handler(facts.fact_from(delivery.fact.name, json.loads(delivery.fact.body)), _news(delivery.fact))
        else:
            TASKS[delivery.handler.removeprefix("task:")](**json.loads(delivery.payload or "{}"))
        kept = Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
            state=Delivery.State.DONE, done_at=now.wall_now(), unique=None, error=""
        )
        if not kept:
            raise Dropped


def _failed(delivery: Delivery, error: BaseException) -> None:
    """Set a failed delivery to be tried later, or park it for a person to look at."""
    told = mask_text("".join(traceback.format_exception(error)))[-4000:]
    parked = delivery.attempts >= MOST_ATTEMPTS
    log.warning("%s %s failed (attempt %s): %s", delivery.handler, delivery.pk, delivery.attempts, error)
    Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
        state=Delivery.State.PARKED if parked else Delivery.State.WAITING,
        next_try_at=now.wall_now() + timedelta(seconds=min(2**delivery.attempts, 600)),
        claim="",
        error=told,
    )


def _deliver_slice(deliveries: list[Delivery]) -> tuple[int, list[tuple[Delivery, Exception]]]:
    """Do deliveries in one transaction until the slice's time is up; returns how many were looked at."""
    from scoc.core import acting

    failures: list[tuple[Delivery, Exception]] = []
    seen = 0
    until = time.monotonic() + SLICE_SECONDS
    first = deliveries[0]
    with now.in_run(first.run_id), acting.unit_of_work(system_actor("work").on_run(first.run_id)) as work:
        for delivery in deliveries:
            if delivery.run_id != first.run_id or (seen and time.monotonic() > until):
                break
            seen += 1
            work.correlation = delivery.correlation
            try:
                _run_one(delivery)
                facts.flush(work)
            except Dropped:
                continue
            except (OperationalError, InterfaceError):
                raise  # the database itself is gone: nothing of this slice can stay
            except Exception as error:  # noqa: BLE001  # whatever a handler raises must not stop its neighbours
                failures.append((delivery, error))
    return seen, failures


def deliver(limit: int = 200) -> Round:
    """Claim and do one round of deliveries."""
    waiting = _claim(limit)
    done = failed = 0
    while waiting:
        try:
            seen, failures = _deliver_slice(waiting)
        except Exception as error:  # noqa: BLE001  # the slice was rolled back: find the one that spoils it
            seen, failures = 1, []
            try:
                _run_one(waiting[0])
            except Dropped:
                log.info("delivery %s was taken over by another worker", waiting[0].pk)
            except Exception as alone:  # noqa: BLE001
                failures = [(waiting[0], alone)]
            log.warning("a slice of deliveries was rolled back: %s", error)
        for delivery, reason in failures:
            _failed(delivery, reason)
        failed += len(failures)
        done += seen - len(failures)
        waiting = waiting[seen:]
    return Round(done, failed)


def deliver_all(rounds: int = 1000) -> Round:
    """Deliver until nothing is due: for tests, replays and the end of a command."""
    done = failed = 0
    for _ in range(rounds):
        result = deliver()
        done += result.done
        failed += result.failed
        if not result.done and not result.failed:
            break
    return Round(done, failed)


@task("core.forget_done", cron="17 3 * * *")
def forget_done() -> None:
    """Remove deliveries that were done a week ago; the facts themselves stay."""
    old = Delivery.objects.filter(state=Delivery.State.DONE, done_at__lt=now.wall_now() - KEEP_DONE)
    old.delete()
