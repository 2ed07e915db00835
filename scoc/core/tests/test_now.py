"""Two clocks: the city's in its run, and the real one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.core import administration, now
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.models import FactRow, Installation, Run
from scoc.core.now import RunClock, city_now, city_time, city_today, current_run, in_run, real_run, run_clock, wall_now
from scoc.core.refusals import Invalid, NotFound, Refusal
from scoc.core.remembered import forget_all
from scoc.core.tests.factories import City, browser, make_actor
from scoc.kit.text import Text

START = datetime(2016, 11, 1, tzinfo=UTC)
NAME = Text("回放", "Replay")


def test_before_a_city_both_clocks_agree_and_there_is_no_run(db: None) -> None:
    assert abs(city_now() - wall_now()) < timedelta(seconds=1)
    assert run_clock() is None
    with pytest.raises(RuntimeError, match="city apply"):
        current_run()


def test_normal_life_goes_by_the_real_clock(city: City, later: Callable[[float], None]) -> None:
    assert city_now() == wall_now()
    later(60)
    assert city_now() == wall_now()
    assert current_run() == city.run.pk


def test_a_runs_clock_has_its_origin_and_speed(city: City, later: Callable[[float], None]) -> None:
    run = administration.start_run(system_actor("tests"), Run.Kind.REPLAY, NAME, city_origin=START, speed=3600)
    with in_run(run):
        assert city_now() == START
        later(24)
        assert city_now() == START + timedelta(days=1)
        assert city_today().isoformat() == "2016-11-02"
    assert city_now() == wall_now()


def test_a_clock_can_stand_still(city: City, later: Callable[[float], None]) -> None:
    run = administration.start_run(system_actor("tests"), Run.Kind.EXERCISE, NAME, city_origin=START, speed=0)
    later(1000)
    with in_run(run):
        assert city_now() == START


def test_a_run_that_ended_keeps_its_last_time(city: City, later: Callable[[float], None]) -> None:
    run = administration.start_run(system_actor("tests"), Run.Kind.REPLAY, NAME, city_origin=START, speed=60)
    later(60)
    administration.end_run(system_actor("tests"), run)
    later(1000)
    forget_all()
    with in_run(run):
        assert city_now() == START + timedelta(hours=1)


def test_the_real_time_of_a_city_time_is_found(later: Callable[[float], None]) -> None:
    wall = wall_now()
    clock = RunClock(1, "replay", START, wall, 60.0)
    assert clock.wall_at(clock.at(wall + timedelta(seconds=7))) == wall + timedelta(seconds=7)
    assert RunClock(1, "normal", None, None, 1.0).wall_at(wall) == wall
    assert RunClock(1, "replay", START, wall, 0.0).wall_at(START) is None


def test_the_time_of_a_test_or_replay_step_is_pinned(city: City) -> None:
    with city_time(START):
        assert city_now() == START
        assert wall_now() > START
        with in_run(city.run.pk):
            assert city_now() == START


def test_the_citys_day_follows_its_zone(city: City) -> None:
    with city_time(datetime(2026, 6, 14, 16, 30, tzinfo=UTC)):
        assert city_today().isoformat() == "2026-06-15"
    Installation.objects.update(timezone="America/New_York")
    forget_all()
    with city_time(datetime(2026, 6, 15, 3, 30, tzinfo=UTC)):
        assert city_today().isoformat() == "2026-06-14"


def test_runs_nest_and_none_keeps_the_one_it_is_in(city: City) -> None:
    other = Run.objects.create(kind="replay", name=NAME, started_at=wall_now())
    with in_run(other.pk):
        with in_run(None):
            assert current_run() == other.pk
        with in_run(city.run.pk):
            assert current_run() == city.run.pk
        assert current_run() == other.pk
    assert current_run() == city.run.pk


def test_a_drill_is_joined_and_ended_while_real_life_goes_on(city: City) -> None:
    actor = make_actor("core.*")
    run = administration.start_run(actor, Run.Kind.EXERCISE, NAME)
    administration.switch_run(actor, run)
    assert current_run() == real_run() == city.run.pk
    administration.end_run(actor.on_run(run), run)
    for wrong in (run, 999_999):
        with pytest.raises(NotFound):
            administration.switch_run(actor, wrong)
    with pytest.raises(Invalid):
        administration.start_run(actor, Run.Kind.REPLAY, NAME, speed=1e7)
    names = list(FactRow.objects.order_by("id").values_list("name", flat=True))
    assert names == ["core.run_started", "core.run_switched", "core.run_ended"]


def test_real_life_is_one_and_has_no_end(city: City) -> None:
    actor = make_actor("core.*")
    with pytest.raises(Invalid):
        administration.start_run(actor, Run.Kind.NORMAL, NAME)
    with pytest.raises(Refusal, match="real_life"):
        administration.end_run(actor, city.run.pk)


def test_what_happens_in_a_run_carries_it(city: City) -> None:
    other = Run.objects.create(
        kind="replay", name=NAME, started_at=wall_now(), city_origin=START, wall_origin=wall_now()
    )
    forget_all()
    actor = make_actor("core.start_run").on_run(other.pk)
    administration.start_run(actor, Run.Kind.EXERCISE, NAME)
    row = FactRow.objects.get()
    assert row.run_id == other.pk
    assert row.happened_at - START < timedelta(minutes=1)
    assert wall_now() - row.recorded_at < timedelta(minutes=1)


def test_looking_at_the_clock_asks_the_database_once_a_second(city: City) -> None:
    city_now()
    with CaptureQueriesContext(connection) as queries:
        for _ in range(100):
            city_now()
    assert len(queries) == 0


def test_screens_see_both_clocks(city: City) -> None:
    body = browser(make_actor()).get("/api/v1/core/clock").json()
    assert set(body) == {"city_now", "wall_now", "speed"}
    with unit_of_work(system_actor("tests")):
        assert now.current_run() == city.run.pk


def test_what_was_known_at_a_city_time_is_bounded_by_the_real_time_of_that_moment(
    city: City, later: Callable[[float], None]
) -> None:
    began = wall_now()
    assert now.recorded_by(None) is None
    assert now.recorded_by(began) is None
    assert now.recorded_by(began - timedelta(hours=1)) == began - timedelta(hours=1)
    Run.objects.filter(pk=city.run.pk).update(city_origin=START, wall_origin=began, speed_millis=60_000)
    forget_all()
    later(60)
    assert city_now() == START + timedelta(hours=1)
    assert now.recorded_by(START + timedelta(minutes=30)) == began + timedelta(seconds=30)
    # before the clock was set the city had no real time of its own: what lay in the records then counts as known
    assert now.recorded_by(START - timedelta(days=3)) == began


def test_in_a_replay_all_that_is_recorded_counts_as_known(city: City) -> None:
    run = administration.start_run(system_actor("tests"), Run.Kind.REPLAY, NAME, city_origin=START, speed=3600)
    with in_run(run), city_time(START + timedelta(days=2)):
        assert now.recorded_by(START + timedelta(days=1)) is None
