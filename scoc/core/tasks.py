"""The one queue: deliveries of facts and tasks to oneself, claimed by state, retried, parked when poisonous."""

from __future__ import annotations

import json
import logging
import secrets
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, QuerySet

from scoc.core import facts, now
from scoc.core.access import system_actor
from scoc.core.acting import acting, correlated, current_correlation, unit_of_work, work_in_progress
from scoc.core.audit import storable
from scoc.core.models import CronMark, Delivery, FactRow, IdempotencyMark
from scoc.kit.canonical import canonical_json
from scoc.kit.masks import mask_text

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Callable[..., None])
TASKS: dict[str, Callable[..., None]] = {}
CRONS: dict[str, str] = {}
"""Five cron fields by task, in the city's time."""
IN_EVERY_RUN: set[str] = set()
"""Timed tasks that drills and replays need as well; the others are for the installation, in real life's time."""

CLAIM_SECONDS = 60
"""A claim older than this belongs to a worker that died; another one takes the delivery over."""
MOST_ATTEMPTS = 8
SLICE_SECONDS = 0.05
"""Deliveries share a transaction for this long, so that one sync to disk carries many but writers wait little."""
CHUNK = 50
"""Deliveries that a worker claims at once: what it has not begun, others wait for when it dies."""
BREATH_SECONDS = 0.01
"""SQLite's one write lock is not fair: after a full slice the worker lets others have it."""
KEEP_DONE = timedelta(days=7)
KEEP_MARKS = timedelta(days=2)
FORGET_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of deliveries did."""

    done: int
    failed: int


def task(name: str, cron: str = "", *, every_run: bool = False) -> Callable[[T], T]:
    """Make a function a task; with `cron` (five fields, in the city's time) it is enqueued when due.

    With `every_run` that holds for each open run by its own clock: a drill's limits run out as real ones do.
    Arguments are numbers, texts, booleans and lists of them. A time that was missed is made up for once.
    """

    def make(function: T) -> T:
        if name in TASKS:
            raise ValueError(f"Two tasks are called {name}.")
        if cron:
            CronTrigger.from_crontab(cron, timezone="UTC")  # a wrong form fails at start
            CRONS[name] = cron
            if every_run:
                IN_EVERY_RUN.add(name)
        TASKS[name] = function
        return function

    return make


def enqueue(name: str, *, unique: str | None = None, delay_seconds: float = 0, **arguments: Any) -> None:
    """Have a task done soon, and not before the open transaction is committed.

    With `unique` a request is not put in again while one waits; while one runs it is, since that one may have read
    what was there before.
    """
    if name not in TASKS:
        raise KeyError(f"There is no task {name}.")
    if unique is not None and not 0 < len(unique) <= 120:
        raise ValueError("The key of a unique task has 1 to 120 characters.")
    work = work_in_progress()
    delivery = Delivery(
        handler=f"task:{name}", payload=canonical_json(arguments).decode(), unique=unique,
        run_id=work.run_id if work else now.current_run(), correlation=current_correlation(),
        next_try_at=now.wall_now() + timedelta(seconds=delay_seconds),
    )  # fmt: skip
    if unique is None:
        delivery.save()
    elif connection.vendor == "postgresql":
        while not _kept_waiting(unique):
            # All columns are set and checked, so the only conflict there can be is that of the key.
            Delivery.objects.bulk_create([delivery], ignore_conflicts=True)
    else:
        Delivery.objects.bulk_create([delivery], ignore_conflicts=True)


def _kept_waiting(unique: str) -> bool:
    """Whether a task with this key waits; no worker takes it before the open transaction is over.

    Without that lock a worker could run it now, not see what this transaction has changed, and leave nobody to do so.
    """
    with connection.cursor() as cursor:
        cursor.execute('SELECT id FROM core_delivery WHERE "unique" = %s FOR KEY SHARE', [unique])
        return cursor.fetchone() is not None


@lru_cache(maxsize=256)
def _trigger(cron: str, zone: ZoneInfo) -> CronTrigger:
    return CronTrigger.from_crontab(cron, timezone=zone)


def enqueue_due(moment: datetime | None = None, *, without: Collection[str] = ()) -> int:
    """Put every timed task into the queue whose time has come in the current run. Returns how many.

    A replay may leave some out (`without`): they stay due.
    """
    moment = moment or now.city_now()
    run_id = now.current_run()
    marks = {mark.task: mark for mark in CronMark.objects.filter(run_id=run_id)}
    count = 0
    for name, cron in CRONS.items():
        if name in without or not (name in IN_EVERY_RUN or run_id == now.real_run()):
            continue
        mark = marks.get(name)
        if mark is None:  # the first look: due from now on
            CronMark.objects.get_or_create(task=name, run_id=run_id, defaults={"fired_at": moment})
            continue
        turned_back = mark.fired_at > moment
        due = _trigger(cron, now.city_zone()).get_next_fire_time(mark.fired_at, mark.fired_at)
        if not turned_back and (due is None or due > moment):
            continue
        with transaction.atomic():
            moved = CronMark.objects.filter(pk=mark.pk, fired_at=mark.fired_at).update(fired_at=moment)
            if moved and not turned_back:
                enqueue(name)
                count += 1
    return count


def _claim(rows: QuerySet[Delivery], limit: int) -> list[Delivery]:
    """Take up to `limit` of these deliveries."""
    if not rows.exists():  # looking takes no write lock; claiming does
        return []
    claim = secrets.token_hex(8)
    with transaction.atomic():
        if connection.vendor == "postgresql":
            # of the deliveries alone: a fact that is locked with one of them would hide its other deliveries
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        ids = list(rows.values_list("id", flat=True)[:limit])
        Delivery.objects.filter(id__in=ids).update(
            state=Delivery.State.CLAIMED,
            claim=claim,
            claimed_until=now.wall_now() + timedelta(seconds=CLAIM_SECONDS),
            attempts=F("attempts") + 1,
            unique=None,
        )
    return list(Delivery.objects.filter(id__in=ids, claim=claim).select_related("fact").order_by("id"))


def _happened(rows: QuerySet[Delivery], by: datetime | None) -> QuerySet[Delivery]:
    """Only deliveries of facts that had happened by a time of the city; all of them without one."""
    return rows if by is None else rows.filter(fact__happened_at__lte=by)


def _claim_waiting(limit: int, happened_by: datetime | None = None) -> list[Delivery]:
    rows = Delivery.objects.filter(state=Delivery.State.WAITING, next_try_at__lte=now.wall_now())
    return _claim(_happened(rows, happened_by).order_by("next_try_at", "id"), limit)


def _claim_abandoned(happened_by: datetime | None = None) -> list[Delivery]:
    """Take one delivery whose worker died; one, so that if it was the one that killed it, it takes no other along."""
    rows = Delivery.objects.filter(state=Delivery.State.CLAIMED, claimed_until__lt=now.wall_now())
    return _claim(_happened(rows, happened_by).order_by("claimed_until", "id"), 1)


def _still_ours(deliveries: list[Delivery]) -> set[int]:
    """Which of them no other worker has taken over; these are held until the open transaction is over."""
    rows = Delivery.objects.filter(
        id__in=[delivery.pk for delivery in deliveries], claim=deliveries[0].claim, state=Delivery.State.CLAIMED
    )
    if connection.vendor == "postgresql":
        rows = rows.select_for_update()
    return set(rows.order_by("id").values_list("id", flat=True))


def owner_of(function: Callable[..., object]) -> str:
    """The module that a handler or task belongs to; it acts under its name."""
    config = apps.get_containing_app_config(function.__module__)
    return config.label if config else "core"


def _news(row: FactRow) -> facts.News:
    return facts.News(
        row.pk, row.name, row.happened_at, row.recorded_at, row.run_id, row.organisation_id, row.area_id,
        row.post_id, row.correlation,
    )  # fmt: skip


def _run_one(delivery: Delivery) -> None:
    """Do one delivery, in a unit of work of its own. Raises whatever the handler raised."""
    if delivery.fact is not None:
        handler = facts.HANDLERS[delivery.fact.name][delivery.handler]
        told = facts.fact_from(delivery.fact.name, json.loads(delivery.fact.body))
        with correlated(delivery.correlation), unit_of_work(system_actor(owner_of(handler)).on_run(delivery.run_id)):
            acting().correlation = delivery.correlation
            handler(told, _news(delivery.fact))
        return
    function = TASKS[delivery.handler.removeprefix("task:")]
    with correlated(delivery.correlation), unit_of_work(system_actor(owner_of(function)).on_run(delivery.run_id)):
        acting().correlation = delivery.correlation
        function(**json.loads(delivery.payload or "{}"))


def _mark_done(done: Collection[int]) -> None:
    """In the transaction that did them, so that none is done without its mark or marked without being done."""
    Delivery.objects.filter(pk__in=done).update(state=Delivery.State.DONE, done_at=now.wall_now(), error="")


def _failed(delivery: Delivery, error: BaseException | str) -> None:
    """Set a failed delivery to be tried later, or park it for a person to look at."""
    told = error if isinstance(error, str) else "".join(traceback.format_exception(error))
    parked = delivery.attempts >= MOST_ATTEMPTS
    log.warning("%s %s failed (attempt %s): %s", delivery.handler, delivery.pk, delivery.attempts, error)
    Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim).update(
        state=Delivery.State.PARKED if parked else Delivery.State.WAITING,
        next_try_at=now.wall_now() + (timedelta() if parked else timedelta(seconds=min(2**delivery.attempts, 600))),
        claim="",
        error=storable(mask_text(told))[-4000:],
    )


def _deliver_slice(deliveries: list[Delivery]) -> tuple[int, int, list[tuple[Delivery, Exception]]]:
    """Do deliveries in one transaction until the slice's time is up; returns how many were looked at and done."""
    failures: list[tuple[Delivery, Exception]] = []
    first = deliveries[0]
    chunk = list(takewhile(lambda delivery: delivery.run_id == first.run_id, deliveries[:CHUNK]))
    seen = 0
    done: list[int] = []
    until = time.monotonic() + SLICE_SECONDS
    with unit_of_work(system_actor("work").on_run(first.run_id)):
        ours = _still_ours(chunk)
        for delivery in chunk:
            if seen and time.monotonic() > until:
                break
            seen += 1
            if delivery.pk not in ours:
                continue
            try:
                _run_one(delivery)
                done.append(delivery.pk)
            except (OperationalError, InterfaceError):
                raise  # the database itself is in trouble: nothing of this slice can stay
            except Exception as error:  # noqa: BLE001  # whatever a handler raises must not stop its neighbours
                failures.append((delivery, error))
        _mark_done(done)
    return seen, len(done), failures


def _deliver_alone(delivery: Delivery) -> tuple[int, int, list[tuple[Delivery, Exception]]]:
    """Do one delivery in its own transaction."""
    try:
        with unit_of_work(system_actor("work").on_run(delivery.run_id)):
            if not _still_ours([delivery]):
                return 1, 0, []
            _run_one(delivery)
            _mark_done([delivery.pk])
    except Exception as error:  # noqa: BLE001  # it is told of with the delivery
        return 1, 0, [(delivery, error)]
    return 1, 1, []


def _give_back(deliveries: list[Delivery]) -> None:
    """Let others have at once what was claimed and not begun."""
    Delivery.objects.filter(
        id__in=[delivery.pk for delivery in deliveries], claim=deliveries[0].claim, state=Delivery.State.CLAIMED
    ).update(state=Delivery.State.WAITING, claim="", claimed_until=None, attempts=F("attempts") - 1)


def _deliver_claimed(waiting: list[Delivery], stop: Callable[[], bool] = lambda: False) -> Round:
    done = failed = 0
    while waiting:
        if stop():
            _give_back(waiting)
            break
        try:
            seen, did, failures = _deliver_slice(waiting)
        except Exception as error:  # noqa: BLE001  # the slice was rolled back: find the one that spoils it
            log.warning("a slice of deliveries was rolled back: %s", error)
            seen, did, failures = _deliver_alone(waiting[0])
        for delivery, reason in failures:
            _failed(delivery, reason)
        failed += len(failures)
        done += did
        waiting = waiting[seen:]
        if waiting and connection.vendor == "sqlite":
            time.sleep(BREATH_SECONDS)
    return Round(done, failed)


def deliver(
    limit: int = CHUNK, *, happened_by: datetime | None = None, stop: Callable[[], bool] = lambda: False
) -> Round:
    """Claim and do one round of deliveries: those that are due, and one that a dead worker left.

    With `happened_by` facts that happened later wait, and tasks: a replay delivers in the order of the city's time.
    Once `stop` says so, what was not begun is given back.
    """
    result = _deliver_claimed(_claim_waiting(limit, happened_by), stop)
    abandoned = _claim_abandoned(happened_by)
    if abandoned and abandoned[0].attempts > MOST_ATTEMPTS:
        _failed(abandoned[0], f"Its worker died {MOST_ATTEMPTS} times while doing this.")
        return Round(result.done, result.failed + 1)
    further = _deliver_claimed(abandoned, stop)
    return Round(result.done + further.done, result.failed + further.failed)


def next_happening() -> datetime | None:
    """When the earliest fact happened that waits for its delivery; None while none does. For replays."""
    rows = Delivery.objects.filter(state=Delivery.State.WAITING, next_try_at__lte=now.wall_now(), fact__isnull=False)
    return rows.order_by("fact__happened_at").values_list("fact__happened_at", flat=True).first()


def deliver_all(rounds: int = 100_000, *, happened_by: datetime | None = None) -> Round:
    """Deliver until nothing is due: for tests, replays and the end of a command. `happened_by` as of `deliver`.

    Raises RuntimeError when there is no end to it.
    """
    done = failed = 0
    for _ in range(rounds):
        result = deliver(happened_by=happened_by)
        done += result.done
        failed += result.failed
        if not result.done and not result.failed:
            return Round(done, failed)
    raise RuntimeError(f"After {rounds} rounds deliveries still make new ones.")


@task("core.forget_done", cron="17 3 * * *")
def forget_done() -> None:
    """Remove deliveries that were done a week ago, old marks of repeats and ended sessions; the facts stay.

    A little at a time, since others wait for the transaction; what is left is done next.
    """
    moment = now.wall_now()
    old: list[QuerySet[Any]] = [
        Delivery.objects.filter(state=Delivery.State.DONE, done_at__lt=moment - KEEP_DONE).order_by("done_at"),
        IdempotencyMark.objects.filter(recorded_at__lt=moment - KEEP_MARKS).order_by("recorded_at"),
        Session.objects.filter(expire_date__lt=moment).order_by("expire_date"),
    ]
    more = False
    for rows in old:
        chosen = list(rows.values_list("pk", flat=True)[:FORGET_AT_ONCE])
        rows.model._default_manager.filter(pk__in=chosen).delete()
        more |= len(chosen) == FORGET_AT_ONCE
    if more:
        enqueue("core.forget_done", unique="core.forget_done")
