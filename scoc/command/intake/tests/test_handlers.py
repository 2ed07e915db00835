"""Alarms of sensing become signals, once, whatever the order and number of their facts; their end goes back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from scoc.command.intake import actions, handlers
from scoc.command.intake.models import Join, Repeat, Signal, Situation
from scoc.command.intake.schemas import DismissReason
from scoc.command.intake.tests.factories import make_asset, report
from scoc.command.intake.tests.factories import make_rule as make_join_rule
from scoc.core import now
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.facts import HANDLERS, News, fact_from
from scoc.core.http.paging import PageQuery
from scoc.core.models import Delivery, FactRow
from scoc.core.tasks import deliver_all
from scoc.sensing import actions as sensing
from scoc.sensing import queries as sensing_queries
from scoc.sensing.schemas import AlarmOut, Reading
from scoc.sensing.tests.factories import T0, make_device, make_rule


@pytest.fixture
def gauge(acceptor: Actor) -> str:
    """The key of a station with a rule: 75 or more raises, below 50 clears."""
    make_rule()
    return make_device("G-1").key


def _ingest(gauge: str, *values: float, start: datetime = T0) -> None:
    made = [Reading(gauge, "pm25", start + timedelta(minutes=n), value) for n, value in enumerate(values)]
    sensing.ingest(system_actor("test"), "test", made)


def _alarms() -> list[AlarmOut]:
    """All alarms as sensing tells of them, newest first."""
    viewer = system_actor("test")
    rows = sensing_queries.alarms(viewer, PageQuery(cursor=None, limit=50)).items
    return [sensing_queries.alarm(viewer, row.id) for row in rows]


def _alarm() -> AlarmOut:
    (alarm,) = _alarms()
    return alarm


def _feed(gauge: str, *values: float, start: datetime = T0) -> None:
    _ingest(gauge, *values, start=start)
    assert deliver_all().failed == 0


def test_an_alarm_is_a_signal(gauge: str) -> None:
    _feed(gauge, 10, 80.5)
    alarm, signal, situation = _alarm(), Signal.objects.get(), Situation.objects.get()
    assert (signal.alarm_id, signal.channel, signal.device, signal.rule, signal.grade) == (
        alarm.id, "42", "G-1", "high", 2,
    )  # fmt: skip
    assert signal.said is not None
    assert signal.said.zh.startswith("细颗粒物 80.5 µg/m³")
    assert signal.said.en.startswith("PM2.5 80.5 µg/m³")
    assert (signal.happened_at, signal.level, situation.level) == (alarm.happened_at, 2, 2)
    assert (situation.title.zh, situation.title.en) == ("海滨路 道路积水", "event/0506, 海滨路")
    assert situation.organisation_id == alarm.organisation_id
    raised = FactRow.objects.get(name="sensing.alarm_raised")
    assert FactRow.objects.get(name="intake.situation_opened").correlation == raised.correlation


def test_recurrences_are_counted_and_clearing_is_noted(gauge: str) -> None:
    _feed(gauge, 80)
    _feed(gauge, 10, start=T0 + timedelta(minutes=1))
    assert Signal.objects.get().cleared_at == T0 + timedelta(minutes=1)
    _feed(gauge, 90, 10, 95, start=T0 + timedelta(minutes=2))
    signal, situation = Signal.objects.get(), Situation.objects.get()
    assert (signal.count, signal.recurrences, signal.cleared_at) == (3, 3, None)
    assert (situation.signals, situation.occurrences, situation.last_at) == (1, 3, T0 + timedelta(minutes=4))


def test_facts_that_come_again_or_in_another_order_change_nothing(gauge: str) -> None:
    _ingest(gauge, 80, 10, 90, 10, 95)
    told = list(FactRow.objects.filter(name__startswith="sensing.alarm_").order_by("-id"))
    assert len(told) == 5
    for row in [*told, *reversed(told)]:
        news = News(row.pk, row.name, row.happened_at, row.recorded_at, row.run_id, None, None, None, row.correlation)
        for name, handler in HANDLERS[row.name].items():
            if name.startswith("command.intake."):
                handler(fact_from(row.name, {"subject": row.subject, **_body(row)}), news)
    assert deliver_all().failed == 0
    signal = Signal.objects.get()
    assert (signal.count, signal.recurrences, Situation.objects.get().occurrences) == (3, 3, 3)
    assert not Delivery.objects.filter(state="parked").exists()


def _body(row: FactRow) -> dict[str, object]:
    return dict(json.loads(row.body))


def test_a_false_alarm_is_refuted_in_sensing(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    actions.dismiss(acceptor, Situation.objects.get().pk, DismissReason.FALSE_ALARM, "设备检修")
    alarm = _alarm()
    assert (alarm.state, alarm.flow[-1].opinion, alarm.flow[-1].username) == ("false", "设备检修", "system:intake")
    # that judged what was: when the water comes back it is heard
    _feed(gauge, 10, 90, start=T0 + timedelta(minutes=1))
    assert list(Situation.objects.order_by("pk").values_list("state", flat=True)) == ["dismissed", "open"]


def test_a_situation_ends_with_the_last_of_its_alarms_that_is_refuted(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    situation = Situation.objects.get()
    sensing.refute_alarm(system_actor("test"), _alarm().id, "测站校准")
    deliver_all()
    situation.refresh_from_db()
    assert (situation.state, situation.outcome) == ("dismissed", "false_alarm")


def test_a_situation_that_a_person_reported_as_well_stays(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    told = report(acceptor, metres=None)
    situation = Signal.objects.get(alarm_id=_alarm().id).situation
    Signal.objects.filter(pk=told.signal_id).update(situation=situation)
    sensing.refute_alarm(system_actor("test"), _alarm().id, "测站校准")
    deliver_all()
    situation.refresh_from_db()
    assert situation.state == "open"


def test_any_other_end_settles_the_alarm(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    first = Situation.objects.get()
    actions.dismiss(acceptor, first.pk, DismissReason.GONE, "已恢复")
    assert (_alarm().state, _alarm().settled_by) == ("settled", f"intake:{first.pk}")


def test_the_alarm_is_settled_with_the_case(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    first = Situation.objects.get()
    actions.accept(acceptor, first.pk)
    actions.take_over(system_actor("cases"), first.pk, "cases:5")
    sensing.refute_alarm(system_actor("test"), _alarm().id, "误报")  # somebody was faster
    actions.settle(system_actor("cases"), first.pk, "cases:5", "closed")
    assert _alarm().state == "false"


def test_what_a_person_judged_false_before_it_came_in_opens_nothing(gauge: str) -> None:
    _ingest(gauge, 80)
    sensing.refute_alarm(system_actor("test"), _alarm().id, "误报")
    assert deliver_all().failed == 0
    assert not Situation.objects.exists()


def test_an_alarm_that_comes_back_after_its_situation_ended_is_a_new_signal(gauge: str, acceptor: Actor) -> None:
    _feed(gauge, 80)
    first = Situation.objects.get()
    alarm = _alarm()
    # ended without telling sensing, as a merger of runs or an older release might have left it
    Situation.objects.filter(pk=first.pk).update(state="settled", ended_at=now.city_now())
    _feed(gauge, 10, 90, start=T0 + timedelta(minutes=1))
    again = Signal.objects.exclude(situation=first).get()
    assert (again.alarm_id, again.external_id, again.count, again.happened_at) == (
        alarm.id, f"alarm#{alarm.id}#2", 1, T0 + timedelta(minutes=2),
    )  # fmt: skip
    assert Signal.objects.get(situation=first).count == 1


def test_alarms_of_one_device_and_rule_are_counted_on_one_signal(gauge: str) -> None:
    make_join_rule("event/0506", window_minutes=600)
    # each episode clears for longer than the recurrence time: five alarms, one stream
    for number in range(5):
        _feed(gauge, 80, 10, start=T0 - timedelta(minutes=35 * (4 - number)))
    assert len(_alarms()) == 5
    situation = Situation.objects.get()
    assert situation.occurrences == 5
    assert Signal.objects.count() + Repeat.objects.count() == 5
    actions.dismiss(system_actor("test"), situation.pk, DismissReason.FALSE_ALARM, "设备故障")
    assert {alarm.state for alarm in _alarms()} == {"false"}


def test_handlers_are_declared() -> None:
    for name in ("alarm_raised", "alarm_recurred", "alarm_cleared", "alarm_refuted"):
        assert any(key.startswith("command.intake.") for key in HANDLERS[f"sensing.{name}"])
    assert handlers.receive_raised.__doc__


def test_the_asset_of_the_device_is_compared(gauge: str) -> None:
    pipe = make_asset("9901020101000001")
    make_device("G-2", asset=pipe, lat=30.0005)
    make_device("G-3", asset=pipe, lat=30.0006)
    _feed("G-2", 80)
    _feed("G-3", 90)
    join = Join.objects.get(how="automatic")
    assert join.reasons[3]["how"] == "same"
    assert Situation.objects.get().asset_id == pipe.pk
