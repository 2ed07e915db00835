"""The queue: claimed by state, at least once, poison parked with its neighbours done, dead workers' claims taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from scoc.core import administration, now, tasks
from scoc.core.access import system_actor
from scoc.core.acting import acting, unit_of_work
from scoc.core.facts import HANDLERS, Code, News, on, publish
from scoc.core.models import AuditEntry, Delivery, FactRow, IdempotencyMark, Run
from scoc.core.refusals import NotFound, Refusal
from scoc.core.tasks import deliver, deliver_all, enqueue, task
from scoc.core.tests.factories import City, make_actor
from scoc.core.tests.ringing import Rung, note, note_number, noted, ring
from scoc.kit.text import Text


def test_a_fact_reaches_its_handler_with_its_news(monday: datetime, city: City) -> None:
    heard: list[tuple[Rung, News]] = []

    def hear(told: Rung, news: News) -> None:
        """Keep what was told."""
        heard.append((told, news))
        assert acting().actor.username == "system:core"
        assert acting().correlation == news.correlation
        assert acting().run_id == city.run.pk

    on(Rung)(hear)
    ring(7)
    assert deliver_all() == tasks.Round(1, 0)
    (told, news), row = heard[0], FactRow.objects.get()
    assert told == Rung(subject=Code("tests:7"), number=7)
    assert (news.fact_id, news.name, news.happened_at, news.run_id) == (row.pk, "tests.rung", monday, city.run.pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.error) == ("done", 1, "")
    assert deliver_all() == tasks.Round(0, 0)


@pytest.mark.usefixtures("committed")
def test_a_slice_asks_no_more_for_many_deliveries_than_their_handlers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the savepoints that keep neighbours apart: else the queue would cost more than the work."""

    def hear(told: Rung, news: News) -> None:
        """Take note."""

    on(Rung)(hear)
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 60.0)  # one slice, however slow the machine
    asked = []
    for many in (1, 2, 22):  # the first one looks up what is remembered
        for number in range(many):
            ring(number)
        with CaptureQueriesContext(connection) as queries:
            assert deliver().done == many
        asked.append(sum("SAVEPOINT" not in query["sql"] for query in queries.captured_queries))
    assert asked[2] < asked[1] + 5, "twenty deliveries more cost no statement each"


def test_what_a_handler_publishes_is_delivered_in_its_course_of_events(city: City) -> None:
    def answer(told: Rung, news: News) -> None:
        """Ring back once."""
        if told.number < 3:
            publish(Rung(subject=Code("tests:9"), number=told.number + 1))

    on(Rung)(answer)
    ring(1)
    assert deliver_all().done == 3
    assert len(set(FactRow.objects.values_list("correlation", flat=True))) == 1


def test_poison_is_parked_after_its_last_try_and_its_neighbours_are_done(
    city: City, later: Callable[[float], None]
) -> None:
    def touchy(told: Rung, news: News) -> None:
        """Cannot bear the four."""
        note(f"n{told.number}")
        if told.number == 4:
            raise ValueError("四 of 13812345678 \0 \ud800")

    on(Rung)(touchy)
    ring(*range(8))
    first = deliver()
    assert (first.done, first.failed) == (7, 1)
    assert noted() == ["n0", "n1", "n2", "n3", "n5", "n6", "n7"]
    waiting = Delivery.objects.get(state="waiting")
    assert waiting.next_try_at > now.wall_now()
    assert deliver() == tasks.Round(0, 0)  # not before its time
    for _ in range(tasks.MOST_ATTEMPTS - 1):
        later(601)
        assert deliver().failed == 1
    parked = Delivery.objects.get(state="parked")
    assert parked.attempts == tasks.MOST_ATTEMPTS
    assert "ValueError: 四 of 138****5678" in parked.error
    later(601)
    assert deliver() == tasks.Round(0, 0)
    assert "n4" not in noted()


def test_a_parked_delivery_is_tried_again_when_a_person_says_so(city: City, later: Callable[[float], None]) -> None:
    mended = [False]

    def touchy(told: Rung, news: News) -> None:
        """Works once it is mended."""
        if not mended[0]:
            raise ValueError
        note("done")

    on(Rung)(touchy)
    ring(1)
    for _ in range(tasks.MOST_ATTEMPTS):
        deliver()
        later(601)
    parked = Delivery.objects.get(state="parked")
    mended[0] = True
    actor = make_actor("core.retry_delivery")
    administration.retry_delivery(actor, parked.pk)
    assert deliver_all().done == 1
    assert noted() == ["done"]
    assert AuditEntry.objects.get(action="core.retry_delivery").outcome == "done"
    with pytest.raises(NotFound):
        administration.retry_delivery(actor, parked.pk)


def test_a_refusal_in_a_handler_is_a_failure_like_any_other(city: City) -> None:
    def refuse(told: Rung, news: News) -> None:
        """Refuses."""
        raise Refusal("no", Text("不", "No."))

    on(Rung)(refuse)
    ring(1)
    assert deliver() == tasks.Round(0, 1)


def test_a_failed_delivery_leaves_nothing_behind_and_publishes_nothing(city: City) -> None:
    def half(told: Rung, news: News) -> None:
        """Fails after its work."""
        note("half")
        if told.number == 1:
            publish(Rung(subject=Code("tests:2"), number=2))
            raise ValueError

    on(Rung)(half)
    ring(1)
    assert deliver() == tasks.Round(0, 1)
    assert noted() == []
    assert FactRow.objects.count() == 1


def test_a_fact_that_cannot_be_told_fails_its_own_delivery_only(city: City) -> None:
    def wrong(told: Rung, news: News) -> None:
        """Publishes what is no code."""
        note(f"n{told.number}")
        if told.number == 2:
            publish(Rung(subject=Code("not a subject"), number=9))

    on(Rung)(wrong)
    ring(1, 2, 3)
    assert deliver() == tasks.Round(2, 1)
    assert noted() == ["n1", "n3"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done", "waiting"}


def test_a_database_in_trouble_undoes_the_slice_and_each_is_tried_alone(city: City) -> None:
    calls: list[int] = []

    def locked(told: Rung, news: News) -> None:
        """Meets a locked database, always with the two."""
        calls.append(told.number)
        note(f"n{told.number}")
        if told.number == 2:
            raise OperationalError("database is locked")

    on(Rung)(locked)
    ring(1, 2, 3)
    result = deliver()
    assert (result.done, result.failed) == (2, 1)
    assert noted() == ["n1", "n3"]
    assert calls[:2] == [1, 2]  # 1 was undone with the slice, and done again


def test_an_unknown_handler_is_parked_in_the_end_not_lost(city: City, later: Callable[[float], None]) -> None:
    def gone(told: Rung, news: News) -> None:
        """Will be renamed."""

    on(Rung)(gone)
    ring(1)
    HANDLERS["tests.rung"].clear()
    for _ in range(tasks.MOST_ATTEMPTS):
        deliver()
        later(601)
    assert "KeyError" in Delivery.objects.get(state="parked").error


def test_a_dead_workers_claim_is_taken_over(city: City, later: Callable[[float], None]) -> None:
    on(Rung)(note_number)
    ring(1, 2)
    assert len(tasks._claim_waiting(10)) == 2  # and then the worker dies
    assert deliver() == tasks.Round(0, 0)
    later(tasks.CLAIM_SECONDS + 1)
    assert deliver_all() == tasks.Round(2, 0)
    assert noted() == ["n1", "n2"]
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {2}


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_begun(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 0.0)  # one delivery a slice
    on(Rung)(note_number)
    ring(*range(5))
    assert tasks.deliver(stop=lambda: len(noted()) >= 2) == tasks.Round(2, 0)
    left = Delivery.objects.filter(state="waiting")
    assert [(row.attempts, row.claim, row.claimed_until) for row in left] == [(0, "", None)] * 3
    assert deliver() == tasks.Round(3, 0)


def test_what_kills_its_worker_again_and_again_is_parked_and_takes_no_other_along(
    city: City, later: Callable[[float], None]
) -> None:
    class Killed(BaseException):
        """The process is gone: nothing catches it."""

    def deadly(told: Rung, news: News) -> None:
        """The one kills its worker."""
        note(f"n{told.number}")
        if told.number == 1:
            raise Killed

    on(Rung)(deadly)
    ring(1, 2, 3)
    deaths = 0
    for _ in range(tasks.MOST_ATTEMPTS + 3):
        try:
            deliver_all()
        except Killed:
            deaths += 1
        later(tasks.CLAIM_SECONDS + 1)
    assert deaths == tasks.MOST_ATTEMPTS
    assert noted() == ["n2", "n3"]
    parked = Delivery.objects.get(state="parked")
    assert parked.fact is not None
    assert parked.fact.subject == "tests:1"
    assert "died" in parked.error


def test_a_delivery_that_another_worker_took_over_is_left_to_it(city: City, later: Callable[[float], None]) -> None:
    on(Rung)(note_number)
    ring(1)
    slow = tasks._claim_waiting(10)
    later(tasks.CLAIM_SECONDS + 1)
    assert deliver() == tasks.Round(1, 0)
    assert tasks._deliver_claimed(slow) == tasks.Round(0, 0)
    assert noted() == ["n1"]


def test_deliveries_keep_their_run(city: City) -> None:
    other = Run.objects.create(kind="replay", name=Text("回放", "Replay"), started_at=now.wall_now())
    seen: list[int] = []

    def hear(told: Rung, news: News) -> None:
        """Keep the run."""
        seen.append(now.current_run())

    on(Rung)(hear)
    ring(1)
    with unit_of_work(system_actor("tests").on_run(other.pk)):
        publish(Rung(subject=Code("tests:2"), number=2))
    ring(3)
    assert deliver_all().done == 3
    assert seen == [city.run.pk, other.pk, city.run.pk]


def test_a_task_is_a_delivery_to_oneself(city: City) -> None:
    @task("tests.add")
    def add(first: int, names: list[str]) -> None:
        """Leave a note."""
        note(f"{names[0]}{first}")

    enqueue("tests.add", first=3, names=["n"])
    assert deliver_all().done == 1
    assert noted() == ["n3"]
    with pytest.raises(KeyError, match=r"tests\.subtract"):
        enqueue("tests.subtract")
    with pytest.raises(TypeError, match="floats"):
        enqueue("tests.add", first=1.5)


def test_a_task_waits_for_its_time(city: City, later: Callable[[float], None]) -> None:
    @task("tests.late")
    def late() -> None:
        """Leave a note."""
        note("late")

    enqueue("tests.late", delay_seconds=60)
    assert deliver_all().done == 0
    later(61)
    assert deliver_all().done == 1


def test_a_unique_task_waits_once_but_a_request_while_it_runs_is_not_lost(city: City) -> None:
    runs: list[int] = []

    @task("tests.sum")
    def total() -> None:
        """While it runs for the first time, somebody asks again."""
        runs.append(1)
        if len(runs) == 1:
            enqueue("tests.sum", unique="sum")

    for _ in range(3):
        enqueue("tests.sum", unique="sum")
    assert Delivery.objects.count() == 1
    assert deliver_all().done == 2
    enqueue("tests.sum", unique="sum")
    assert deliver_all().done == 1
    with pytest.raises(ValueError, match="1 to 120"):
        enqueue("tests.sum", unique="x" * 121)


def test_a_parked_unique_task_does_not_keep_later_ones_out(city: City, later: Callable[[float], None]) -> None:
    @task("tests.bad")
    def bad() -> None:
        """Fails."""
        raise ValueError

    enqueue("tests.bad", unique="bad")
    for _ in range(tasks.MOST_ATTEMPTS):
        deliver()
        later(601)
    enqueue("tests.bad", unique="bad")
    assert sorted(Delivery.objects.values_list("state", flat=True)) == ["parked", "waiting"]


def test_what_was_done_a_week_ago_is_forgotten_and_the_facts_stay(
    city: City, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "FORGET_AT_ONCE", 2)
    on(Rung)(note_number)
    ring(*range(5))
    deliver_all()
    IdempotencyMark.objects.create(
        principal="user:1", key="12345678", request_digest="", status=200, body="", recorded_at=now.wall_now()
    )
    Session.objects.create(session_key="old", session_data="", expire_date=now.wall_now() + timedelta(days=1))
    Session.objects.create(session_key="new", session_data="", expire_date=now.wall_now() + timedelta(days=9))
    later(6 * 86400)
    enqueue("core.forget_done")
    deliver_all()
    assert Delivery.objects.filter(fact__isnull=False).count() == 5
    later(2 * 86400)
    enqueue("core.forget_done")
    assert deliver_all().done == 3  # two at a time
    assert Delivery.objects.filter(fact__isnull=False).count() == 0
    assert FactRow.objects.count() == 5
    assert IdempotencyMark.objects.count() == 0
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]


def test_a_loop_without_end_is_told(city: City) -> None:
    def again(told: Rung, news: News) -> None:
        """Rings for ever."""
        publish(Rung(subject=told.subject, number=told.number))

    on(Rung)(again)
    ring(1)
    with pytest.raises(RuntimeError, match="still make new ones"):
        deliver_all(rounds=5)


def plans(queries: CaptureQueriesContext) -> list[str]:
    """How the database reads the queue for the queries that look for work in it."""
    found = []
    for query in queries:
        if "core_delivery" not in query["sql"] or "SELECT" not in query["sql"].split("core_delivery")[0]:
            continue
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute("EXPLAIN " + query["sql"])
            else:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            found.append(str(cursor.fetchall()))
    return found


def test_the_queue_is_read_by_its_indexes(city: City) -> None:
    with CaptureQueriesContext(connection) as queries:
        deliver()
    found = plans(queries)
    assert found
    for plan in found:
        assert "core_delivery_waiting" in plan or "core_delivery_claimed" in plan, plan


def test_the_queue_is_tidied_up_by_its_index(city: City) -> None:
    with CaptureQueriesContext(connection) as queries:
        tasks.forget_done()
    assert ["core_delivery_done" in plan for plan in plans(queries)] == [True]


def test_a_replay_takes_no_news_of_its_future_from_a_dead_worker(city: City, later: Callable[[float], None]) -> None:
    on(Rung)(note_number)
    with now.city_time(now.wall_now() + timedelta(hours=5)):
        ring(1)
    assert len(tasks._claim_waiting(10)) == 1  # and then the worker dies
    later(tasks.CLAIM_SECONDS + 1)
    assert deliver(happened_by=now.wall_now()) == tasks.Round(0, 0)
    assert deliver(happened_by=now.wall_now() + timedelta(hours=6)) == tasks.Round(1, 0)


@pytest.mark.only_on("postgresql", reason="SQLite locks no rows")
def test_a_claim_by_the_citys_time_locks_no_facts(city: City) -> None:
    on(Rung)(note_number)
    ring(1)
    with CaptureQueriesContext(connection) as queries:
        assert len(tasks._claim_waiting(10, now.city_now())) == 1
    locking = [query["sql"] for query in queries if "SKIP LOCKED" in query["sql"]]
    assert [sql.endswith('FOR UPDATE OF "core_delivery" SKIP LOCKED') for sql in locking] == [True], locking
