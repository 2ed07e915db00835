"""Several workers and several callers at once, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections

from scoc.core import now, tasks
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.facts import News, on
from scoc.core.models import Delivery
from scoc.core.tasks import deliver, deliver_all, enqueue, task
from scoc.core.tests.factories import City
from scoc.core.tests.ringing import Rung, note, noted, ring


def _at_once(*jobs: Callable[[], object]) -> list[BaseException]:
    """Run jobs in threads, each with its own connection; gives what they raised."""
    raised: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_two_workers_never_do_one_delivery_twice(committed: City) -> None:
    def mark(told: Rung, news: News) -> None:
        """A second time would break the unique code."""
        note(f"n{told.number:03}")

    def work() -> None:
        while deliver(limit=3).done:
            pass

    on(Rung)(mark)
    ring(*range(120))
    assert _at_once(work, work, work) == []
    deliver_all()
    assert noted() == [f"n{number:03}" for number in range(120)]
    assert set(Delivery.objects.values_list("state", "attempts")) == {("done", 1)}


@pytest.mark.only_on("postgresql", reason="SQLite has one writer: nobody can claim while a slice is open")
def test_a_delivery_that_runs_longer_than_its_claim_is_not_taken_by_another_worker(committed: City) -> None:
    running, finish = threading.Event(), threading.Event()

    def slow(told: Rung, news: News) -> None:
        """Runs until it is told to finish."""
        running.set()
        assert finish.wait(30)
        note("once")

    on(Rung)(slow)
    ring(1)

    def other() -> None:
        assert running.wait(30)
        base = now.wall_now()
        with now.wall_time(lambda: base + timedelta(seconds=tasks.CLAIM_SECONDS + 5)):
            assert deliver() == tasks.Round(0, 0)
        finish.set()

    assert _at_once(deliver, other) == []
    assert noted() == ["once"]
    assert Delivery.objects.get().attempts == 1


@pytest.mark.only_on("postgresql", reason="SQLite has one writer: nobody can claim while a transaction is open")
def test_a_request_for_a_waiting_unique_task_keeps_it_waiting_until_the_request_is_committed(committed: City) -> None:
    asked, claimed = threading.Event(), threading.Event()
    seen: list[list[str]] = []

    @task("tests.look")
    def look() -> None:
        """What is there to see."""
        seen.append(noted())

    enqueue("tests.look", unique="look")

    def ask() -> None:
        with unit_of_work(system_actor("tests")):
            note("change")
            enqueue("tests.look", unique="look")
            asked.set()
            assert claimed.wait(30)

    def work() -> None:
        assert asked.wait(30)
        deliver()  # must not take it now: it would not see the change, and nobody would look again
        claimed.set()

    assert _at_once(ask, work) == []
    deliver_all()
    assert seen == [["change"]]


def test_two_requests_for_one_unique_task_at_once_make_one(committed: City) -> None:
    @task("tests.look")
    def look() -> None:
        """Nothing."""

    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait(30)
        with unit_of_work(system_actor("tests")):
            enqueue("tests.look", unique="look")

    assert _at_once(*[ask] * 4) == []
    assert Delivery.objects.count() == 1
