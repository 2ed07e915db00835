"""The cockpit in one request: what each viewer gets, and what it costs."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scoc.command.cases.tests.factories import bring, make_cast
from scoc.command.cockpit.queries import overview
from scoc.command.indicators import actions as indicators
from scoc.command.indicators.tests.factories import HOUR, end_things, make_count, make_indicator
from scoc.command.intake.tests.factories import FLOOD, make_categories, make_rule, report
from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.models import AuditEntry
from scoc.core.now import city_time
from scoc.core.refusals import NotAllowed
from scoc.core.tasks import deliver_all
from scoc.core.tests.factories import City, make_actor
from scoc.sensing.actions import ingest
from scoc.sensing.tests.factories import make_device, readings
from scoc.sensing.tests.factories import make_rule as make_alarm_rule

SEE = "cockpit.read_overview"
ALL = (
    SEE, "indicators.read_values", "intake.read_situations", "intake.accept", "sensing.read_devices",
    "sensing.read_alarms", "cases.read_cases", "cases.read_evaluation",
)  # fmt: skip


@pytest.fixture
def leader(city: City) -> Actor:
    return make_actor(*ALL, role="city_leader")


@pytest.fixture
def busy(city: City, monday: datetime) -> City:
    """A city with an alarm, reports from citizens, and measured signs."""
    make_categories()
    make_rule(FLOOD)
    make_indicator()
    make_count(parameters={"away": True})
    end_things(city.east, monday - HOUR, good=19, bad=1)
    device = make_device(area=city.east)
    make_device(area=city.west)
    make_alarm_rule()
    ingest(system_actor("tests"), "tests", readings(device, 40, 80, 90, start=monday - timedelta(minutes=5)))
    reporter = make_actor("intake.receive_signal")
    for metres in (0, 3000):
        report(reporter, metres=metres, category=FLOOD, level=2, text="路面积水")
    indicators.refresh(system_actor("indicators"))
    deliver_all()
    return city


def test_a_leader_sees_the_city_at_one_look(busy: City, monday: datetime, leader: Actor) -> None:
    found = overview(leader)
    assert (found.city.zh, found.run.kind, found.as_of, found.clock.speed) == ("试城", "normal", monday, 1.0)
    assert found.health is not None
    assert found.health.value == Decimal("80.0")
    assert found.signs is not None
    assert {sign.code: sign.newest.status if sign.newest else None for sign in found.signs} == {
        "TS01": "ok", "TS02": "unknown",
    }  # fmt: skip
    assert found.sources is not None
    assert (found.sources.normal, found.sources.stale, found.sources.dead) == (1, 0, 1)
    assert found.districts is not None
    assert [row.area_code for row in found.districts] == [busy.east.code, busy.west.code]
    assert found.devices is not None
    assert (found.devices.active, found.devices.online) == (2, 1)


def test_what_needs_something_says_what_it_waits_for(busy: City, monday: datetime, leader: Actor) -> None:
    found = overview(leader).needs
    assert found is not None
    assert (found.total, found.situations, found.overdue, found.soon) == (len(found.items), len(found.items), 0, 0)
    assert [need.level for need in found.items] == sorted(need.level for need in found.items)
    need = next(item for item in found.items if item.level == 2)
    assert (need.action.code, need.action.name.zh, need.action.may, need.who and need.who.zh) == (
        "intake.accept", "研判", True, "指挥中心",
    )  # fmt: skip
    assert need.due_at is not None
    assert need.remaining_minutes == (need.due_at - monday) // timedelta(minutes=1)
    with city_time(need.due_at + timedelta(minutes=6)):
        late = next(item for item in (overview(leader).needs or found).items if item.subject == need.subject)
    assert late.remaining_minutes == -6


def test_cases_whose_time_runs_out_wait_for_one_move(city: City, monday: datetime) -> None:
    """Four office hours from 09:00, without the noon break, end at 15:00; 17:00 is two hours too late."""
    cast = make_cast(city)
    bring(cast, "handling")
    bring(cast, "closed")
    deliver_all()
    leader = make_actor(*ALL, "cases.feed_back")
    with city_time(monday + timedelta(hours=8)):
        found = overview(leader)
    assert found.needs is not None
    assert (found.needs.situations, found.needs.cases, found.needs.overdue, found.needs.soon) == (0, 1, 1, 0)
    assert found.needs.total == 1
    (need,) = found.needs.items
    assert (need.title.zh, need.title.en) == ("中山东路 213 号 上水井盖", f"Water manhole cover, {city.east.name.en}")
    assert (need.action.code, need.action.name.zh, need.action.may, need.state.zh) == (
        "cases.feed_back", "反馈", True, "处理中",
    )  # fmt: skip
    assert (need.remaining_minutes, need.who and need.who.zh, need.unit.zh) == (-120, "水务集团", "工作时")
    assert found.units is not None
    (unit,) = found.units.rows
    assert (unit.name.zh, unit.closed_in_time, unit.due) == ("水务集团", 1, 2)
    assert any(line.kind == "cases.closed" and "井盖" in line.title.zh for line in found.news)


def test_the_ticker_tells_what_happened_in_words(busy: City, leader: Actor) -> None:
    lines = {(line.kind, line.title.zh) for line in overview(leader).news}
    assert ("sensing.alarm_raised", "告警：一号站 细颗粒物偏高") in lines
    assert any(kind == "intake.situation_opened" and title.startswith("新态势：") for kind, title in lines)
    times = [line.at for line in overview(leader).news]
    assert times == sorted(times, reverse=True)


def test_a_vital_sign_that_turned_says_where_and_to_what(busy: City, leader: Actor, monday: datetime) -> None:
    """East is at 95 % and so is the city: yellow; the west has no value yet."""
    with city_time(monday + HOUR):
        end_things(busy.east, monday, good=1, bad=9)
        indicators.refresh(system_actor("indicators"))
        deliver_all()
        lines = {(line.title.zh, line.title.en) for line in overview(leader).news if line.kind == "indicators.turned"}
    name = next(sign.name for sign in overview(leader).signs or [] if sign.code == "TS01")
    assert (f"{name.zh} 转为红色", f"{name.en}: turned red") in lines
    assert (f"{busy.east.name.zh}{name.zh} 转为红色", f"{name.en}, {busy.east.name.en}: turned red") in lines


def test_old_news_is_no_news(busy: City, monday: datetime, leader: Actor) -> None:
    with city_time(monday + timedelta(hours=25)):
        assert overview(leader).news == []


def test_what_a_viewer_may_not_see_is_null_and_leaves_no_refusal(busy: City) -> None:
    before = AuditEntry.objects.count()
    found = overview(make_actor(SEE))
    assert (found.health, found.signs, found.districts, found.sources) == (None, None, None, None)
    assert (found.needs, found.units, found.devices, found.alarms, found.news) == (None, None, None, None, [])
    assert AuditEntry.objects.count() == before
    with pytest.raises(NotAllowed):
        overview(make_actor("indicators.read_values"))


def test_an_action_that_the_viewer_may_not_take_is_said_so(busy: City) -> None:
    found = overview(make_actor(SEE, "intake.read_situations")).needs
    assert found is not None
    assert {need.action.may for need in found.items} == {False}


def test_a_district_sees_itself(busy: City) -> None:
    found = overview(make_actor(*ALL, area=busy.west, scope="area_below"))
    assert found.health is not None
    assert (found.health.area_code, found.health.value) == (busy.west.code, None)
    assert [row.area_code for row in found.districts or []] == [busy.west.code]
    assert not [line for line in found.news if line.kind == "sensing.alarm_raised"]


def test_an_empty_city_has_a_cockpit(city: City, monday: datetime, leader: Actor) -> None:
    found = overview(leader)
    assert (found.signs, found.news) == ([], [])
    assert found.health is not None
    assert found.health.value is None
    assert found.needs is not None
    assert found.needs.items == []


@pytest.mark.parametrize("more", [0, 8])
def test_its_cost_does_not_grow(busy: City, monday: datetime, leader: Actor, more: int) -> None:
    reporter = make_actor("intake.receive_signal")
    for number in range(more):
        make_indicator(f"TX{number:02}")
        report(reporter, metres=5000 + 3000 * number, category=FLOOD, level=2, text="路面积水")
    with city_time(monday + timedelta(minutes=5)):
        indicators.refresh(system_actor("indicators"))
        deliver_all()
        overview(leader)
        with CaptureQueriesContext(connection) as captured:
            overview(leader)
    assert len(captured) <= 48, [query["sql"][:150] for query in captured]
