"""Timed tasks: rules in the city's time, missed times made up for once, a clock that is turned back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.core import administration, now
from scoc.core.models import CronMark, Delivery, Run
from scoc.core.tasks import CRONS, TASKS, enqueue_due, task
from scoc.core.tests.factories import City, make_actor
from scoc.kit.text import Text


def test_cron_rules_are_read_in_the_citys_time(city: City) -> None:
    @task("tests.morning", cron="30 8 * * *")
    def morning() -> None:
        """Leave a note."""

    CRONS.clear()
    CRONS["tests.morning"] = "30 8 * * *"
    start = datetime(2026, 6, 14, 20, tzinfo=UTC)  # 04:00 in the city
    assert enqueue_due(start) == 0  # the first look
    assert enqueue_due(datetime(2026, 6, 15, 0, 29, 59, tzinfo=UTC)) == 0  # 08:29:59
    assert enqueue_due(datetime(2026, 6, 15, 0, 30, tzinfo=UTC)) == 1  # 08:30
    assert enqueue_due(datetime(2026, 6, 15, 0, 30, tzinfo=UTC)) == 0
    assert enqueue_due(datetime(2026, 6, 15, 8, 30, tzinfo=UTC)) == 0  # 08:30 in London is 16:30 here
    assert enqueue_due(datetime(2026, 6, 18, 1, 0, tzinfo=UTC)) == 1  # three mornings were missed: made up for once
    assert Delivery.objects.filter(handler="task:tests.morning").count() == 2


def test_a_clock_that_was_turned_back_starts_its_timed_tasks_anew(city: City) -> None:
    @task("tests.hourly", cron="0 * * * *")
    def hourly() -> None:
        """Nothing."""

    CRONS.clear()
    CRONS["tests.hourly"] = "0 * * * *"
    enqueue_due(datetime(2026, 6, 15, 0, 30, tzinfo=UTC))
    assert enqueue_due(datetime(2016, 11, 1, 0, 30, tzinfo=UTC)) == 0
    assert CronMark.objects.get().fired_at == datetime(2016, 11, 1, 0, 30, tzinfo=UTC)
    assert enqueue_due(datetime(2016, 11, 1, 1, 0, tzinfo=UTC)) == 1


def test_a_drill_has_the_timed_tasks_of_desks_and_not_those_of_the_installation(city: City) -> None:
    task("tests.limits", cron="* * * * *", every_run=True)(lambda: None)
    task("tests.tidying", cron="* * * * *")(lambda: None)
    CRONS.clear()
    CRONS.update({"tests.limits": "* * * * *", "tests.tidying": "* * * * *"})
    actor = make_actor("core.start_run")
    origin = datetime(2016, 11, 1, 0, 0, 30, tzinfo=UTC)
    drill = administration.start_run(actor, Run.Kind.EXERCISE, Text("演练", "Drill"), city_origin=origin)
    for moment in (origin, origin + timedelta(minutes=1)):
        with now.in_run(drill), now.city_time(moment):
            enqueue_due()
    assert [(row.handler, row.run_id) for row in Delivery.objects.filter(handler__startswith="task:tests.")] == [
        ("task:tests.limits", drill)
    ]


def test_looking_for_timed_tasks_costs_one_statement(city: City) -> None:
    enqueue_due(datetime(2026, 6, 15, 0, 30, tzinfo=UTC))
    now.city_zone()
    with CaptureQueriesContext(connection) as queries:
        enqueue_due(datetime(2026, 6, 15, 0, 30, 1, tzinfo=UTC))
    assert len(queries) == 1


def test_a_wrong_cron_rule_fails_at_declaration() -> None:
    with pytest.raises(ValueError, match=r"fields|crontab"):
        task("tests.wrong", cron="61 * *")(lambda: None)
    assert "tests.wrong" not in TASKS
