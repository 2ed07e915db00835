"""Alarms: one an episode, recurrence kept, told as facts; seen, refuted and settled by their table of moves."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.db import DatabaseError, transaction

from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.acting import unit_of_work
from scoc.core.fields import to_micros
from scoc.core.models import FactRow
from scoc.core.refusals import NotAllowed, NotFound, Refusal, Stale
from scoc.core.tasks import deliver_all, enqueue
from scoc.core.tests.factories import City, make_actor
from scoc.sensing import actions, baselines
from scoc.sensing.ingest import storing
from scoc.sensing.models import Alarm, AlarmFlow, Baseline, Device, RuleState
from scoc.sensing.raising import drop_states
from scoc.sensing.tests.factories import T0, latest_of, line_of, make_device, make_rule, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def take(device: Device, *values: float, start: datetime = T0) -> None:
    """One reading a minute, in one batch."""
    actions.ingest(system_actor("sensing"), "test", readings(device, *values, start=start))


def facts() -> list[tuple[str, str]]:
    """Name and subject of the facts about alarms."""
    rows = FactRow.objects.filter(name__startswith="sensing.alarm").order_by("id")
    return [(row.name.removeprefix("sensing.alarm_"), row.subject) for row in rows]


def test_an_alarm_tells_of_its_rule_its_device_and_its_time(city: City, monday: datetime) -> None:
    rule = make_rule()
    device = make_device(area=city.east)
    take(device, 60.0, 80.0, 95.0)
    alarm = Alarm.objects.get()
    assert (alarm.rule, alarm.device, alarm.datastream) == (rule, device, line_of(device))
    assert (alarm.happened_at, alarm.value, alarm.peak, alarm.active) == (T0 + MINUTE, 80.0, 95.0, True)
    assert (alarm.organisation_id, alarm.area, alarm.run) == (device.organisation_id, city.east, city.run)
    fact = FactRow.objects.get(name="sensing.alarm_raised")
    assert (fact.happened_at, fact.area, fact.correlation) == (T0 + MINUTE, city.east, alarm.correlation)
    assert json.loads(fact.body) == {
        "subject": f"sensing:{alarm.pk}", "rule": "high", "device": device.pk, "datastream": line_of(device).pk,
        "level": "major", "category": "event/0506",
    }  # fmt: skip
    flow = AlarmFlow.objects.get()
    assert (flow.version, flow.from_state, flow.to_state, flow.left_at) == (1, "", "new", None)
    occurrence = alarm.occurrences.get()
    assert (occurrence.started_at, occurrence.ended_at, occurrence.peak) == (T0 + MINUTE, None, 95.0)


def test_one_episode_is_one_alarm_in_however_many_batches(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    for n, value in enumerate((80.0, 60.0, 90.0, 51.0, 76.0)):
        take(device, value, start=T0 + n * MINUTE)
    assert Alarm.objects.get().peak == 90.0
    assert [name for name, _ in facts()] == ["raised"]


def test_an_alarm_clears_and_within_the_recurrence_time_it_is_the_same_one(city: City, monday: datetime) -> None:
    make_rule(recurrence_seconds=600)
    device = make_device()
    take(device, 80.0, 40.0)  # cleared at minute 1
    take(device, 90.0, start=T0 + 11 * MINUTE)  # ten minutes later
    alarm = Alarm.objects.get()
    assert (alarm.active, alarm.cleared_at, alarm.recurrences) == (True, None, 2)
    assert facts() == [(name, f"sensing:{alarm.pk}") for name in ("raised", "cleared", "recurred")]


def test_after_the_recurrence_time_it_is_another_alarm(city: City, monday: datetime) -> None:
    make_rule(recurrence_seconds=600)
    device = make_device()
    take(device, 80.0, 40.0)
    actions.ingest(
        system_actor("sensing"), "test", readings(device, 90.0, start=T0 + 11 * MINUTE + timedelta(seconds=1))
    )
    assert [(row.recurrences, row.active) for row in Alarm.objects.order_by("id")] == [(1, False), (1, True)]


def test_each_occurrence_is_kept(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    take(device, 80.0, 88.0, 40.0, 90.0, 30.0)
    rows = Alarm.objects.get().occurrences.order_by("started_at")
    assert [(row.started_at - T0, row.ended_at and row.ended_at - T0, row.value, row.peak) for row in rows] == [
        (0 * MINUTE, 2 * MINUTE, 80.0, 88.0), (3 * MINUTE, 4 * MINUTE, 90.0, 90.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "values", "peaks", "peak"),
    [
        ("above", (80.0, 88.0, 40.0, 90.0, 30.0), [88.0, 90.0], 90.0),
        ("above", (95.0, 40.0, 80.0, 85.0), [95.0, 85.0], 95.0),
        ("above", (80.0, 40.0, 76.0, 99.0, 30.0), [80.0, 99.0], 99.0),
        ("below", (3.0, 2.0, 9.0, 1.0, 9.0), [2.0, 1.0], 1.0),
        ("below", (1.0, 9.0, 3.0, 2.0), [1.0, 2.0], 1.0),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_peak_of_an_alarm_is_that_of_all_its_occurrences(
    city: City, monday: datetime, side: str, values: tuple[float, ...], peaks: list[float], peak: float, at_once: bool
) -> None:
    above = {"side": "above", "raise_at": 75.0, "clear_at": 50.0}
    make_rule(settings=above if side == "above" else {"side": "below", "raise_at": 3.0, "clear_at": 4.0})
    device = make_device()
    for n, part in enumerate([values] if at_once else [(value,) for value in values]):
        take(device, *part, start=T0 + n * MINUTE)
    alarm = Alarm.objects.get()
    assert (alarm.recurrences, alarm.peak) == (2, peak)
    assert list(alarm.occurrences.order_by("started_at").values_list("peak", flat=True)) == peaks


def test_a_settled_alarm_that_comes_back_is_a_new_one(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    take(device, 80.0, 40.0)
    actions.settle_alarm(system_actor("intake"), Alarm.objects.get().pk, "intake:7")
    take(device, 85.0, start=T0 + 5 * MINUTE)
    assert [row.state for row in Alarm.objects.order_by("id")] == ["settled", "new"]


def test_a_refuted_alarm_ends_its_episode(city: City, monday: datetime) -> None:
    """A person judged what was, not what will be: the next time that the rule is broken is a new alarm."""
    make_rule()
    device = make_device()
    take(device, 80.0, 40.0)
    actions.refute_alarm(make_actor("sensing.refute_alarm"), Alarm.objects.get().pk, "cleaning of the inlet")
    take(device, 85.0, start=T0 + 5 * MINUTE)
    assert [(row.state, row.recurrences, row.active) for row in Alarm.objects.order_by("id")] == [
        ("false", 1, False), ("new", 1, True),
    ]  # fmt: skip
    assert [name for name, _ in facts()] == ["raised", "cleared", "refuted", "raised"]


def test_an_alarm_refuted_while_its_condition_holds_is_raised_anew_only_after_it_cleared(
    city: City, monday: datetime
) -> None:
    make_rule()
    device = make_device()
    take(device, 80.0)
    actions.refute_alarm(make_actor("sensing.refute_alarm"), Alarm.objects.get().pk, "a lorry beside the inlet")
    take(device, 90.0, 95.0, start=T0 + MINUTE)
    assert Alarm.objects.count() == 1
    take(device, 40.0, 85.0, start=T0 + 3 * MINUTE)
    assert [row.state for row in Alarm.objects.order_by("id")] == ["false", "new"]


def test_late_readings_raise_nothing(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    take(device, 10.0, start=T0 + 30 * MINUTE)
    take(device, 99.0, 98.0)
    assert not Alarm.objects.exists()


def test_a_duplicate_is_not_judged_again(city: City, monday: datetime) -> None:
    make_rule(settings={"side": "above", "raise_at": 75.0, "clear_at": 50.0, "duration_seconds": 60})
    device = make_device()
    for _ in range(3):
        take(device, 80.0)
    assert RuleState.objects.get().phase == "pending"


def test_a_duration_goes_on_over_batches(city: City, monday: datetime) -> None:
    make_rule(settings={"side": "above", "raise_at": 75.0, "clear_at": 50.0, "duration_seconds": 120})
    device = make_device()
    for n in range(4):
        take(device, 80.0 + n, start=T0 + n * MINUTE)
    alarm = Alarm.objects.get()
    assert (alarm.happened_at, alarm.peak, alarm.occurrences.get().started_at) == (T0 + 2 * MINUTE, 83.0, T0)


def test_a_device_under_maintenance_is_not_judged(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    actions.change_device_state(make_actor("sensing.change_device_state"), device.pk, "maintenance")
    take(device, 99.0)
    assert not Alarm.objects.exists()
    assert ("device_changed", f"sensing:device-{device.pk}") == (
        FactRow.objects.get().name.removeprefix("sensing."), FactRow.objects.get().subject,
    )  # fmt: skip


def test_alarms_of_one_batch_are_courses_of_events_of_their_own(city: City, monday: datetime) -> None:
    make_rule()
    devices = [make_device(), make_device()]
    rows = [row for device in devices for row in readings(device, 80.0)]
    actions.ingest(system_actor("sensing"), "test", rows)
    alarms = Alarm.objects.all()
    assert len({alarm.correlation for alarm in alarms}) == 2
    assert {(fact.subject, fact.correlation) for fact in FactRow.objects.all()} == {
        (f"sensing:{alarm.pk}", alarm.correlation) for alarm in alarms
    }


def test_a_rate_rule_remembers_its_window_over_batches(city: City, monday: datetime) -> None:
    make_rule(
        "jump", "rate", settings={"side": "above", "change": 20.0, "clear_change": 5.0, "window_seconds": 180}
    )  # fmt: skip
    device = make_device()
    for n, value in enumerate((10.0, 15.0, 20.0, 30.0)):
        take(device, value, start=T0 + n * MINUTE)
    assert Alarm.objects.get().value == 30.0


def test_a_deviation_rule_asks_the_baseline_of_the_hour_of_the_week(city: City, monday: datetime) -> None:
    make_rule(
        "odd", "deviation",
        settings={"side": "both", "k": 3.0, "clear_k": 2.0, "weeks": 4, "least_spread": 1.0, "least_samples": 3},
    )  # fmt: skip
    device = make_device()
    # Mondays at eight: 20, 22, 24 in the three weeks before, so median 22 and MAD 2
    for weeks, value in ((3, 20.0), (2, 22.0), (1, 24.0)):
        actions.ingest(
            system_actor("sensing"), "test", readings(device, value, start=T0 - timedelta(weeks=weeks))
        )  # fmt: skip
    enqueue("sensing.compute_baselines")
    deliver_all()
    found = Baseline.objects.get()
    assert (found.hour_of_week, found.median, found.mad, found.n) == (8, 22.0, 2.0, 3)
    take(device, 28.0)
    assert not Alarm.objects.exists()
    take(device, 28.1, start=T0 + MINUTE)
    assert Alarm.objects.get().value == 28.1


def test_without_enough_weeks_a_deviation_rule_knows_nothing(city: City, monday: datetime) -> None:
    make_rule(
        "odd", "deviation",
        settings={"side": "both", "k": 3.0, "clear_k": 2.0, "weeks": 4, "least_spread": 1.0, "least_samples": 3},
    )  # fmt: skip
    device = make_device()
    take(device, 20.0, start=T0 - timedelta(weeks=1))
    baselines.compute([line_of(device).pk])
    take(device, 500.0)
    assert not Alarm.objects.exists()


def listen() -> None:
    """What the timed task does each minute."""
    enqueue("sensing.listen")
    deliver_all()


def test_silence_is_an_alarm_and_ends_with_a_recent_reading(city: City, monday: datetime) -> None:
    make_rule("quiet", "silence", settings={"missed": 3})
    device = make_device()
    take(device, 10.0, start=monday - 3 * MINUTE)
    listen()
    assert not Alarm.objects.exists()
    with now.city_time(monday + timedelta(seconds=1)):
        listen()
        listen()
    alarm = Alarm.objects.get()
    assert (alarm.happened_at, alarm.value, alarm.active) == (monday + timedelta(seconds=1), 10.0, True)
    assert alarm.occurrences.get().started_at == monday - 3 * MINUTE
    with now.city_time(monday + 10 * MINUTE):
        take(device, 10.0, start=monday)  # a backlog: still silent for ten minutes
        assert Alarm.objects.get().active
        take(device, 10.0, start=monday + 9 * MINUTE)
    assert not Alarm.objects.get().active
    assert [name for name, _ in facts()] == ["raised", "cleared"]


def test_a_device_that_never_spoke_is_silent_since_it_was_registered(city: City, monday: datetime) -> None:
    make_rule("quiet", "silence", settings={"missed": 3})
    make_device(registered_at=monday - 10 * MINUTE)
    make_device(registered_at=monday - MINUTE)
    make_device(registered_at=monday - 10 * MINUTE, state=Device.State.MAINTENANCE)
    listen()
    assert Alarm.objects.get().value is None


def test_nobody_is_silent_before_anybody_listened(city: City, monday: datetime) -> None:
    make_rule("quiet", "silence", settings={"missed": 3})
    make_device()
    city.run.city_origin = monday - 2 * MINUTE
    city.run.wall_origin = monday
    city.run.save()
    listen()
    assert not Alarm.objects.exists()
    with now.city_time(monday + 2 * MINUTE):
        listen()
    assert Alarm.objects.get().occurrences.get().started_at == monday - 2 * MINUTE


def test_a_silence_ends_by_an_import_too(city: City, monday: datetime) -> None:
    make_rule("quiet", "silence", settings={"missed": 3})
    device = make_device()
    listen()
    assert Alarm.objects.get().active
    storing.move_latest(*latest_of(line_of(device).pk, monday, 5.0), to_micros(monday), np.array([to_micros(monday)]))
    listen()
    assert not Alarm.objects.get().active


def test_a_rule_that_ends_clears_its_alarms(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    take(device, 80.0)
    with unit_of_work(system_actor("city")):
        drop_states(RuleState.objects.filter(rule_code="high"), monday)
    assert (Alarm.objects.get().active, RuleState.objects.exists()) == (False, False)


def test_an_alarm_is_acknowledged_refuted_and_settled_by_its_table_of_moves(city: City, monday: datetime) -> None:
    make_rule()
    take(make_device(), 80.0)
    alarm = Alarm.objects.get()
    person = make_actor("sensing.acknowledge_alarm", "sensing.refute_alarm", "sensing.settle_alarm")
    assert actions.acknowledge_alarm(person, alarm.pk, version=1) == 2
    with pytest.raises(Stale):
        actions.refute_alarm(person, alarm.pk, "a test of the sensor", version=1)
    with pytest.raises(Refusal) as refused:
        actions.acknowledge_alarm(person, alarm.pk)
    assert refused.value.code == "wrong_state"
    assert actions.refute_alarm(person, alarm.pk, "a test of the sensor", version=2) == 3
    actions.settle_alarm(person, alarm.pk, "intake:1")  # too late: it was false
    alarm.refresh_from_db()
    assert (alarm.state, alarm.version, alarm.settled_by) == ("false", 3, "")
    flow = AlarmFlow.objects.order_by("version")
    assert [(row.from_state, row.to_state, row.opinion, row.left_at is None) for row in flow] == [
        ("", "new", "", False), ("new", "acknowledged", "", False),
        ("acknowledged", "false", "a test of the sensor", True),
    ]  # fmt: skip
    assert [name for name, _ in facts()] == ["raised", "acknowledged", "refuted"]


def test_an_alarm_is_settled_once_from_above(city: City, monday: datetime) -> None:
    make_rule()
    take(make_device(), 80.0)
    alarm = Alarm.objects.get()
    for _ in range(2):
        actions.settle_alarm(system_actor("intake"), alarm.pk, "intake:7")
    alarm.refresh_from_db()
    assert (alarm.state, alarm.settled_by, alarm.version) == ("settled", "intake:7", 2)
    assert [name for name, _ in facts()] == ["raised", "settled"]


def test_who_may_not_see_an_alarm_may_not_change_it(city: City, monday: datetime) -> None:
    make_rule()
    take(make_device(area=city.east, organisation=city.bureau), 80.0)
    pk = Alarm.objects.get().pk
    with pytest.raises(NotAllowed):
        actions.acknowledge_alarm(make_actor(), pk)
    for stranger in (
        make_actor("sensing.acknowledge_alarm", scope="area_below", area=city.west),
        make_actor("sensing.acknowledge_alarm", scope="unit", organisation=city.utility),
    ):
        with pytest.raises(NotFound):
            actions.acknowledge_alarm(stranger, pk)
    actions.acknowledge_alarm(make_actor("sensing.acknowledge_alarm", scope="area_below", area=city.area), pk)
    with pytest.raises(NotFound):
        actions.acknowledge_alarm(make_actor("sensing.acknowledge_alarm"), 10**9)


def test_the_flow_of_an_alarm_cannot_be_rewritten(city: City, monday: datetime) -> None:
    make_rule()
    take(make_device(), 80.0)
    for change in ({"to_state": "false"}, {"opinion": "never said"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            AlarmFlow.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        AlarmFlow.objects.all().delete()
