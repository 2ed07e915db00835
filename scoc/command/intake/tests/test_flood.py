"""A storm of signals becomes few situations, at a bounded cost for each signal; nothing is lost or counted twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from scoc.command.intake.models import Join, Repeat, Signal, Situation
from scoc.command.intake.tests.factories import FLOOD, make_rule, report
from scoc.core import now
from scoc.core.acting import Actor

MOST_QUERIES = 30
"""Of one signal, whatever came before it; transaction control and facts counted."""


def test_signals_of_one_device_and_rule_are_counted(acceptor: Actor) -> None:
    made = [
        report(
            acceptor,
            minutes=number,
            channel="41",
            device="CAM-1",
            rule="water",
            category=FLOOD,
            external_id=f"e{number}",
        )
        for number in range(10)
    ]
    assert [receipt.counted for receipt in made] == [False] * 3 + [True] * 7
    row = Situation.objects.get()
    assert (row.signals, row.occurrences, row.counts) == (3, 10, {"41": 3})
    newest = Signal.objects.order_by("-id")[0]
    assert (newest.count, newest.last_at, Repeat.objects.count()) == (8, row.last_at, 7)
    again = report(acceptor, minutes=9, channel="41", device="CAM-1", rule="water", category=FLOOD, external_id="e9")
    assert (again.known, again.counted, again.signal_id) == (True, True, newest.pk)
    assert Situation.objects.get().occurrences == 10
    # another rule of the same device is another stream
    assert not report(acceptor, minutes=10, channel="41", device="CAM-1", rule="crowd", category=FLOOD).counted


def test_what_people_say_is_never_only_counted(acceptor: Actor) -> None:
    for number in range(5):
        made = report(acceptor, minutes=number, channel="34", device="CAM-1", category=FLOOD, text="桥下有人被困")
    assert not made.counted
    assert Signal.objects.count() == 5
    # without words there is nothing to lose
    assert report(acceptor, minutes=6, channel="34", device="CAM-1", category=FLOOD).counted


def test_a_more_urgent_one_is_no_mere_repeat(acceptor: Actor) -> None:
    camera: dict[str, Any] = {"channel": "41", "device": "CAM-1", "rule": "crowd"}
    for number in range(3):
        report(acceptor, minutes=number, level=3, **camera)
    assert not report(acceptor, minutes=4, level=1, **camera).counted
    assert Situation.objects.get().level == 1
    assert report(acceptor, minutes=5, level=2, **camera).counted


def test_after_the_window_a_device_is_listed_again(acceptor: Actor) -> None:
    for number in range(4):
        report(acceptor, minutes=number, channel="42", device="G-1", rule="depth", category=FLOOD)
    with now.city_time(now.city_now() + timedelta(minutes=90)):
        assert not report(acceptor, channel="42", device="G-1", rule="depth", category=FLOOD).counted


class _Counter:
    """Counts what is sent to the database, savepoints too."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, execute: Callable[..., Any], *rest: Any) -> Any:
        self.n += 1
        return execute(*rest)


def _storm(actor: Actor, size: int) -> list[int]:
    """Queries of each of `size` signals of one storm at five places: gauges that repeat, and people who call."""
    source = random.Random(7)
    costs = []
    for number in range(size):
        centre, minutes = 4000 * (number % 5), number * 40 / size
        counter = _Counter()
        with connection.execute_wrapper(counter):
            if number % 10:
                report(actor, metres=centre, minutes=minutes, channel="42", device=f"G-{number % 200}", rule="depth",
                       category=FLOOD, external_id=f"a{number}")  # fmt: skip
            else:
                report(actor, metres=centre + source.uniform(-60, 60), minutes=minutes, category=FLOOD,
                       external_id=f"c{number}")  # fmt: skip
        costs.append(counter.n)
    return costs


def _assert_whole(size: int) -> None:
    rows = list(Situation.objects.all())
    assert sum(row.occurrences for row in rows) == size
    assert sum(row.signals for row in rows) == Signal.objects.count() == Join.objects.filter(undone_at=None).count()
    assert Signal.objects.count() + Repeat.objects.count() == size


def test_a_storm_becomes_few_situations_at_a_bounded_cost(acceptor: Actor) -> None:
    make_rule(FLOOD, radius_m=300, window_minutes=60)
    costs = _storm(acceptor, 500)
    assert max(costs) <= MOST_QUERIES
    assert max(costs[-100:]) <= max(costs[:100])
    assert Situation.objects.count() == 5
    _assert_whole(500)


@pytest.mark.proof
def test_ten_thousand_signals_become_few_situations(acceptor: Actor) -> None:
    make_rule(FLOOD, radius_m=300, window_minutes=60)
    costs = _storm(acceptor, 10_000)
    assert max(costs) <= MOST_QUERIES
    assert Situation.objects.count() == 5
    _assert_whole(10_000)
