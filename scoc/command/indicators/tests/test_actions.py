"""Measuring: what is kept, what turns, what a second look changes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError

from scoc.command.indicators import actions, queries
from scoc.command.indicators.models import HealthValue, IndexScheme, Indicator, IndicatorValue
from scoc.command.indicators.tests.factories import HOUR, MINUTES, end_things, make_count, make_indicator
from scoc.core.access import system_actor
from scoc.core.models import AuditEntry, Delivery, FactRow
from scoc.core.now import city_time, wall_now, wall_time
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.tasks import MOST_ATTEMPTS, deliver_all, enqueue
from scoc.core.tests.factories import City, make_actor, make_area

D = Decimal


def newest(code: str, area: str) -> IndicatorValue:
    row = IndicatorValue.objects.filter(code=code, area_code=area).order_by("-window_end", "-revision").first()
    assert row is not None
    return row


def turned() -> list[tuple[str, str, str]]:
    rows = FactRow.objects.filter(name="indicators.turned").order_by("id")
    return [(b["area"], b["was"], b["level"]) for b in (json.loads(row.body) for row in rows)]


def test_the_city_is_the_ratio_of_sums(city: City, monday: datetime) -> None:
    """East 1 of 2 = 50 %, west 8 of 8 = 100 %; the city is 9 of 10 = 90 %, not the mean of rates, 75 %."""
    make_indicator()
    end_things(city.east, monday - HOUR, good=1, bad=1)
    end_things(city.west, monday - HOUR, good=8)
    done = actions.refresh(system_actor("indicators"))
    assert (done.values, done.turned) == (3, 0)
    for area, value, above, below, level in (
        (city.area, "90", 9, 10, "yellow"), (city.east, "50", 1, 2, "red"), (city.west, "100", 8, 8, "green"),
    ):  # fmt: skip
        row = newest("TS01", area.code)
        assert (row.value, row.numerator, row.denominator, row.samples) == (
            D(value), D(above), D(below), below,
        )  # fmt: skip
        assert (row.level, row.status, row.area_id, row.run_id) == (level, "ok", area.pk, city.run.pk)
        assert row.window_end == row.happened_at == monday
        assert row.inputs == {"ended": below}


def test_a_rate_of_nothing_is_unknown_and_not_zero(city: City, monday: datetime) -> None:
    make_indicator()
    actions.refresh(system_actor("indicators"))
    row = newest("TS01", city.area.code)
    assert (row.value, row.status, row.level, row.denominator) == (None, "unknown", "unknown", D(0))


def test_a_source_that_is_away_is_unknown(city: City, monday: datetime) -> None:
    make_count(parameters={"away": True})
    actions.refresh(system_actor("indicators"))
    assert newest("TS02", city.area.code).status == "unknown"


def test_old_inputs_make_a_figure_stale(city: City, monday: datetime) -> None:
    make_count(freshness="source", latency_seconds=3600)
    end_things(city.east, monday - 2 * HOUR, good=1)
    actions.refresh(system_actor("indicators"))
    row = newest("TS02", city.area.code)
    assert (row.value, row.status, row.latest_at) == (D(1), "stale", monday - 2 * HOUR)


def test_a_round_measures_what_is_due_once(city: City, monday: datetime) -> None:
    make_indicator()
    assert actions.refresh(system_actor("indicators")).values == 3
    assert actions.refresh(system_actor("indicators")).values == 0
    with city_time(monday + MINUTES):
        assert actions.refresh(system_actor("indicators")).values == 3


def test_whole_spans_are_caught_up_after_a_standstill(city: City, monday: datetime) -> None:
    make_indicator(grain="hour", period="span", span="", by_district=False)
    actions.refresh(system_actor("indicators"))
    with city_time(monday + 3 * HOUR):
        assert actions.refresh(system_actor("indicators")).values == 3
    ends = IndicatorValue.objects.order_by("window_end").values_list("window_end", flat=True)
    assert list(ends) == [monday + n * HOUR for n in range(4)]


def test_an_indicator_of_the_city_alone(city: City, monday: datetime) -> None:
    make_indicator(by_district=False)
    make_area("990102001", "street", "东街", city.east)
    assert actions.refresh(system_actor("indicators")).values == 1


def test_turning_is_told_once_with_its_levels(city: City, monday: datetime) -> None:
    make_indicator(by_district=False)
    end_things(city.east, monday - HOUR, good=20)
    actions.refresh(system_actor("indicators"))
    assert turned() == []
    with city_time(monday + MINUTES):
        end_things(city.east, monday, bad=2)  # 20 of 22 = 90.9
        assert actions.refresh(system_actor("indicators")).turned == 1
        end_things(city.east, monday + MINUTES, bad=1)  # 20 of 23 = 87.0
        assert actions.compute(system_actor("indicators"), ["TS01"]).turned == 1
    with city_time(monday + 2 * MINUTES):
        assert actions.refresh(system_actor("indicators")).turned == 0
    assert turned() == [(city.area.code, "green", "yellow"), (city.area.code, "yellow", "red")]
    fact = FactRow.objects.filter(name="indicators.turned").latest("id")
    assert (fact.subject, fact.area_id) == ("indicators:TS01", city.area.pk)


def test_a_signal_recovers_past_its_limit_only(city: City, monday: datetime) -> None:
    """94 is yellow; 96 is a green level, but 95 + 3 is not passed; 98 is."""
    make_indicator(by_district=False, hysteresis=D(3))
    seen = []
    for step, (good, bad) in enumerate(((47, 3), (25, 0), (75, 0))):
        with city_time(monday + step * MINUTES):
            end_things(city.east, monday - HOUR, good=good, bad=bad)
            actions.refresh(system_actor("indicators"))
        row = newest("TS01", city.area.code)
        seen.append((row.value, row.level, row.signal))
    assert seen == [(D(94), "yellow", "yellow"), (D(96), "green", "yellow"), (D(98), "green", "green")]
    assert turned() == [(city.area.code, "yellow", "green")]


def test_computing_now_is_to_the_second_and_makes_the_index_anew(city: City, monday: datetime) -> None:
    make_indicator(by_district=False)
    end_things(city.east, monday, good=9, bad=1)
    with city_time(monday + timedelta(seconds=70)):
        done = actions.compute(make_actor("indicators.compute"), ["TS01"])
        assert (done.values, newest("TS01", city.area.code).window_end) == (1, monday + timedelta(seconds=70))
        index = queries.health_index(make_actor("indicators.read_values"))
    # 90 % is the limit of yellow: 60 points, in all of them
    assert (index.value, index.at) == (D("60.0"), monday + timedelta(seconds=70))


def test_computing_needs_its_permission_and_known_codes(city: City, monday: datetime) -> None:
    with pytest.raises(NotAllowed):
        actions.compute(make_actor("indicators.read_values"))
    with pytest.raises(Invalid):
        actions.compute(make_actor("indicators.compute"), ["XX99"])
    with pytest.raises(Invalid):
        actions.compute(make_actor("indicators.compute"), [], monday + HOUR)


def test_who_asks_makes_no_difference_to_the_figure(city: City, monday: datetime) -> None:
    make_indicator()
    end_things(city.west, monday - HOUR, good=1)
    actor = make_actor("indicators.compute", area=city.east, scope="area_below")
    actions.compute(actor, ["TS01"])
    row = newest("TS01", city.area.code)
    assert (row.value, row.post_id) == (D(100), actor.post_id)


def test_recomputing_makes_a_revision_and_keeps_what_was_known(city: City, monday: datetime) -> None:
    make_indicator(by_district=False)
    end_things(city.east, monday - HOUR, good=1)
    actions.refresh(system_actor("indicators"))
    later = monday + 2 * HOUR
    with city_time(later):
        end_things(city.east, monday - 2 * HOUR, bad=1)  # told of late
        officer = make_actor("indicators.recompute", "indicators.read_values")
        done = actions.recompute(officer, ["TS01"], monday - HOUR, monday)
        assert (done.values, done.unchanged) == (1, 0)
        again = actions.recompute(officer, ["TS01"], monday - HOUR, monday)
        assert (again.values, again.unchanged) == (0, 1)
        now = queries.indicator(officer, "TS01")
        then = queries.indicator(officer, "TS01", as_of=monday + HOUR)
    assert [(row.revision, row.value) for row in now.revisions] == [(2, D("50.0")), (1, D("100.0"))]
    assert [(row.revision, row.value) for row in then.revisions] == [(1, D("100.0"))]
    assert FactRow.objects.filter(name="indicators.recomputed").count() == 1
    assert AuditEntry.objects.filter(action="indicators.recompute", outcome="done").exists()


def test_recomputing_the_past_turns_nothing(city: City, monday: datetime) -> None:
    make_indicator(grain="hour", period="span", span="", by_district=False)
    end_things(city.east, monday - 90 * MINUTES, good=1)
    end_things(city.east, monday - timedelta(minutes=30), good=1)
    with city_time(monday - HOUR):
        actions.refresh(system_actor("indicators"))
    actions.refresh(system_actor("indicators"))
    end_things(city.east, monday - 80 * timedelta(minutes=1), bad=5)
    done = actions.recompute(system_actor("indicators"), ["TS01"], monday - 2 * HOUR, monday - HOUR)
    assert (done.values, done.turned) == (1, 0)
    row = IndicatorValue.objects.get(window_end=monday - HOUR, revision=2)
    assert (row.level, row.signal) == ("red", "red")


def test_recomputing_refuses_what_makes_no_sense(city: City, monday: datetime) -> None:
    make_indicator(grain="hour", period="span", span="")
    actor = make_actor("indicators.recompute")
    for start, end in ((monday, monday), (monday, monday - HOUR), (monday, monday + HOUR)):
        with pytest.raises(Invalid):
            actions.recompute(actor, [], start, end)
    with pytest.raises(Invalid, match="200 windows"):
        actions.recompute(actor, [], monday - timedelta(days=200), monday)


def test_late_readings_make_a_revision(city: City, monday: datetime) -> None:
    make_indicator(grain="hour", period="span", span="", settle_seconds=7200, by_district=False)
    end_things(city.east, monday - MINUTES, good=1)
    actions.refresh(system_actor("indicators"))
    with city_time(monday + MINUTES):
        assert actions.settle(system_actor("indicators")).values == 1  # the hour before had no value yet
        end_things(city.east, monday - MINUTES, bad=1)
        assert actions.settle(system_actor("indicators")).values == 1
    assert (newest("TS01", city.area.code).revision, newest("TS01", city.area.code).value) == (2, D(50))
    with city_time(monday + 4 * HOUR):
        end_things(city.east, monday - MINUTES, bad=8)
        actions.settle(system_actor("indicators"))
    assert IndicatorValue.objects.filter(window_end=monday).count() == 2


def test_one_that_fails_leaves_the_others_and_parks_alone(city: City, monday: datetime) -> None:
    make_count("TS03", parameters={"broken": True})
    make_indicator()
    enqueue("indicators.refresh")
    deliver_all()
    assert IndicatorValue.objects.filter(code="TS01").count() == 3
    assert not IndicatorValue.objects.filter(code="TS03").exists()
    waiting = Delivery.objects.get(handler="task:indicators.compute_alone")
    assert "the measure is broken" in waiting.error


def test_one_that_takes_too_long_leaves_the_others_and_parks_alone(city: City, monday: datetime) -> None:
    """In a batch of its own, and with a neighbour in its batch."""
    make_indicator()
    make_count("TS03", measure="stalling.count")
    make_count("TS04", position=200)
    make_count("TS05", measure="stalling.count", parameters={"of": "TS04"})
    enqueue("indicators.refresh")
    begun = wall_now()
    for hour in range(MOST_ATTEMPTS):
        with wall_time(lambda: begun + hour * HOUR):  # noqa: B023  # it is over before the next round
            deliver_all()
    codes = IndicatorValue.objects.order_by("code").values_list("code", flat=True)
    assert list(codes.distinct()) == ["TS01", "TS04"]
    parked = Delivery.objects.filter(state=Delivery.State.PARKED)
    assert sorted((row.handler, row.payload) for row in parked) == [
        ("task:indicators.compute_alone", '{"code":"TS03"}'), ("task:indicators.compute_alone", '{"code":"TS05"}'),
    ]  # fmt: skip
    assert HealthValue.objects.filter(area_code=city.area.code, at=monday).count() == 1


def test_each_module_s_measures_are_a_batch_and_the_index_follows_them_once(city: City, monday: datetime) -> None:
    make_indicator()
    make_count()
    make_count("TS03", measure="intake.open_situations")
    make_count("TS04", measure="testing.count", parameters={"of": "TS03"})
    enqueue("indicators.refresh")
    deliver_all()
    done = Delivery.objects.filter(handler="task:indicators.refresh_batch").order_by("id")
    assert [json.loads(row.payload)["codes"] for row in done] == [["TS01", "TS02"], ["TS03", "TS04"]]
    assert Delivery.objects.filter(handler="task:indicators.make_index").count() == 1
    value = HealthValue.objects.get(area_code=city.area.code)
    assert (value.at, value.known, value.total) == (monday, 3, 4)  # a rate of nothing is unknown
    with city_time(monday + timedelta(minutes=1)):  # nothing is due, and the index stands
        enqueue("indicators.refresh")
        deliver_all()
    assert IndicatorValue.objects.filter(area_code=city.area.code).count() == 4
    assert HealthValue.objects.filter(area_code=city.area.code).count() == 1


def test_values_are_never_changed_in_place(city: City, monday: datetime) -> None:
    make_indicator()
    actions.refresh(system_actor("indicators"))
    for rows in (IndicatorValue.objects.all(), HealthValue.objects.all(), Indicator.objects.all()):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            rows.update(grade=1) if rows.model is not Indicator else rows.update(places=3)
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            rows.delete()


def test_a_changed_weight_is_a_new_version_of_the_index(city: City, monday: datetime) -> None:
    first = make_indicator(by_district=False)
    end_things(city.east, monday, good=1)
    actions.refresh(system_actor("indicators"))
    Indicator.objects.filter(pk=first.pk).update(valid_to=monday + MINUTES)
    make_indicator(by_district=False, weight=D(2), valid_from=monday + MINUTES)
    with city_time(monday + MINUTES):
        actions.refresh(system_actor("indicators"))
    assert list(IndexScheme.objects.order_by("version").values_list("version", "valid_to")) == [
        (1, monday + MINUTES), (2, None),
    ]  # fmt: skip
    value = HealthValue.objects.get(area_code=city.area.code, at=monday + MINUTES)
    assert value.scheme.version == 2


def test_a_missing_value_is_carried_for_a_while_and_then_dropped(city: City, monday: datetime) -> None:
    """Carried for three grains by default; afterwards its theme counts without it."""
    make_indicator(by_district=False)
    away = make_count(by_district=False, weight=D(1))
    end_things(city.east, monday, good=10)  # rate 100 -> 100 points; count 10 = limit of green -> 80 points
    actions.refresh(system_actor("indicators"))
    Indicator.objects.filter(pk=away.pk).update(valid_to=monday + timedelta(seconds=1))
    make_count(by_district=False, parameters={"away": True}, valid_from=monday + timedelta(seconds=1))
    seen = []
    for step in range(1, 6):
        with city_time(monday + step * MINUTES):
            actions.refresh(system_actor("indicators"))
        row = HealthValue.objects.get(area_code=city.area.code, at=monday + step * MINUTES)
        entry = next(item for item in row.contributions if item["code"] == "TS02")
        seen.append((row.value, entry["carried"], entry["dropped"], row.coverage))
    assert seen == [(D(90), True, False, D(1))] * 3 + [(D(100), False, True, D("0.5"))] * 2
