"""Two workers at one desk: one event makes one situation, whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from scoc.command.intake import actions
from scoc.command.intake.models import Join, Repeat, Signal, Situation
from scoc.command.intake.tests.factories import FLOOD, make_categories, make_rule, report
from scoc.core.acting import Actor
from scoc.core.refusals import Refusal
from scoc.core.tests.factories import City, make_actor

WORKERS = 6


def _at_once(work: Callable[[int], object]) -> list[object]:
    """What each of the workers gets, all starting at one moment, each with a connection of its own."""
    start = Barrier(WORKERS)

    def run(number: int) -> object:
        start.wait()
        try:
            return work(number)
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def _desk() -> Actor:
    make_categories()
    make_rule(FLOOD, accept_level=1)
    return make_actor("intake.*", role="acceptor")


def test_one_event_reported_at_once_is_one_situation(committed: City) -> None:
    actor = _desk()
    _at_once(lambda number: report(actor, metres=number * 5, minutes=number, category=FLOOD))
    situation = Situation.objects.get()
    assert (situation.signals, situation.counts) == (WORKERS, {"11": WORKERS})
    assert Join.objects.filter(how="seed").count() == 1
    assert Join.objects.filter(how="automatic").count() == WORKERS - 1


def test_one_report_sent_many_times_at_once_is_one_signal(committed: City) -> None:
    actor = _desk()
    made = _at_once(lambda _: report(actor, external_id="call-1", category=FLOOD).known)
    assert sorted(map(bool, made)) == [False] + [True] * (WORKERS - 1)
    assert Signal.objects.count() == 1


def test_one_stream_at_once_loses_no_count(committed: City) -> None:
    actor = _desk()
    for _ in range(3):
        _at_once(lambda number: report(actor, minutes=number, device="CAM-1", rule="water", channel="41"))
    situation = Situation.objects.get()
    assert situation.occurrences == 3 * WORKERS == Signal.objects.count() + Repeat.objects.count()
    assert Signal.objects.count() == 3


def test_one_situation_is_accepted_once(committed: City) -> None:
    actor = _desk()
    first = report(actor, category=FLOOD)
    done = _at_once(lambda _: actions.accept(actor, first.situation_id, version=1).state)
    assert sorted(map(str, done)) == ["accepted"] + ["stale"] * (WORKERS - 1)
    assert Situation.objects.get().flow.count() == 2


def test_numbers_of_situations_opened_at_once_differ(committed: City) -> None:
    actor = _desk()
    _at_once(lambda number: report(actor, metres=number * 3000, category=FLOOD))
    numbers = sorted(Situation.objects.values_list("serial", flat=True))
    assert numbers == list(range(1, WORKERS + 1))
