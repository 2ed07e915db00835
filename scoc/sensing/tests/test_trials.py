"""Rules tried on past data: the same decisions as live, computed by hand, and nothing is changed by it."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from scoc.core.access import system_actor
from scoc.core.acting import Actor
from scoc.core.now import wall_now
from scoc.core.refusals import Invalid, NotAllowed
from scoc.core.tests.factories import LONG_AGO, City, browser, make_actor
from scoc.sensing import actions, queries
from scoc.sensing.models import Alarm, Baseline, Device, RuleState
from scoc.sensing.queries import trials
from scoc.sensing.schemas import Reading, RuleDraft, TrialOut
from scoc.sensing.tests.factories import NOISE, T0, line_of, make_device, make_rule, make_type, readings

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NEW: dict[str, Any] = {"device_type": "air_station", "property": "pm25", "level": "minor"}
HIGH: dict[str, Any] = {**NEW, "kind": "threshold", "side": "above", "raise_at": 75.0, "clear_at": 50.0}
RATE: dict[str, Any] = {
    **NEW, "kind": "rate", "side": "above", "change": 10.0, "clear_change": 5.0, "window_seconds": 300,
}  # fmt: skip
DEVIATION: dict[str, Any] = {
    **NEW, "kind": "deviation", "side": "both", "k": 3.0, "clear_k": 1.0, "weeks": 4, "least_spread": 1.0,
}  # fmt: skip
SILENCE: dict[str, Any] = {**NEW, "kind": "silence", "missed": 5, "recurrence_seconds": 300}


def take(device: Device, *values: float, start: float = 0) -> None:
    """One reading a minute, from minute `start` on."""
    actions.ingest(system_actor("sensing"), "test", readings(device, *values, start=T0 + start * MINUTE))


def ask(rule: dict[str, Any], start: datetime = T0, end: datetime = T0 + HOUR, **narrowed: Any) -> TrialOut:
    """Try a rule, as somebody who may do so in the whole city."""
    return tried_by(make_actor("sensing.try_rule"), rule, start, end, **narrowed)


def tried_by(
    viewer: Actor, rule: dict[str, Any], start: datetime = T0, end: datetime = T0 + HOUR, **narrowed: Any
) -> TrialOut:
    """Try a rule."""
    return queries.try_rule(viewer, RuleDraft(**rule), start, end, **narrowed)


def story(out: TrialOut) -> list[tuple[float, float, float | None, float | None, int]]:
    """Each episode, the oldest first: minutes since when, when raised and when over; its peak; its occurrences."""
    return [
        (
            (one.started_at - T0) / MINUTE, (one.raised_at - T0) / MINUTE,
            None if one.ended_at is None else (one.ended_at - T0) / MINUTE, one.peak, one.occurrences,
        )
        for one in reversed(out.items)
    ]  # fmt: skip


def test_a_threshold_with_hysteresis_and_duration(city: City, monday: datetime) -> None:
    device = make_device("a-1")
    take(device, 40, 80, 82, 85, 60, 95, 49, 80, 60, 80, 80, 40)
    out = ask({**HIGH, "duration_seconds": 120, "level": "severe"})
    # pending from 1, two minutes on raised; 60 lies between; 7 is interrupted at 8; 9 and 10 last one minute only
    assert story(out) == [(1, 3, 6, 95.0, 1)]
    assert (out.episodes, out.recurrences, out.more, out.readings, out.datastreams) == (1, 0, False, 12, 1)
    (one,) = out.items
    assert (one.device_id, one.device_key, one.level) == (device.pk, "a-1", "severe")
    assert [(row.device_key, row.episodes) for row in out.devices] == [("a-1", 1)]
    assert (out.in_force, out.unit) == (None, "µg/m³")
    assert out.sentence.en == "PM2.5 ≥ 75 µg/m³ for 2 min"


def test_what_comes_back_in_time_is_the_same_alarm(city: City, monday: datetime) -> None:
    device = make_device()
    take(device, 80, 40)  # over at 1
    take(device, 90, 40, start=11)  # ten minutes later: the same; over at 12
    take(device, 85, 40, start=23)  # eleven minutes later: another
    out = ask({**HIGH, "recurrence_seconds": 600})
    assert story(out) == [(0, 0, 12, 90.0, 2), (23, 23, 24, 85.0, 1)]
    assert (out.episodes, out.recurrences, out.devices[0].recurrences) == (2, 1, 1)


def test_an_episode_open_at_the_end_has_no_end(city: City, monday: datetime) -> None:
    device = make_device()
    take(device, 40, 80, 90, 60, 40)
    assert story(ask(HIGH, end=T0 + 4 * MINUTE)) == [(1, 1, None, 90.0, 1)]
    assert story(ask(HIGH, start=T0 + 2 * MINUTE)) == [(2, 2, 4, 90.0, 1)]  # nothing is known of before


def test_a_rate(city: City, monday: datetime) -> None:
    take(make_device(), 20, 25, 31, 31, 31, 31, 31, 31)
    # 11 within two minutes; at 6 the window begins at 1, and 6 is no recovery; at 7 nothing has changed since 2
    assert story(ask(RATE)) == [(2, 2, 7, 31.0, 1)]


def test_a_deviation_by_the_baselines_of_now(city: City, monday: datetime) -> None:
    device, other = make_device(), make_device()
    Baseline.objects.create(
        datastream=line_of(device), hour_of_week=8, median=10.0, mad=2.0, n=10, computed_at=wall_now()
    )
    for one in (device, other):
        take(one, 16, 16.1, 20, 13, 12)  # 3 × 2 away is not further than k; cleared at 1 × 2
    out = ask(DEVIATION)
    assert story(out) == [(1, 1, 4, 20.0, 1)]
    assert "baselines of now" in out.notes[1].en
    assert out.notes[2].zh.startswith("1 条数据流还没有基线")
    assert ask({**DEVIATION, "least_samples": 11}).episodes == 0


def test_silence(city: City, monday: datetime) -> None:
    device = make_device()
    take(device, 40, 41, 42)
    take(device, 43, 44, start=10)
    out = ask(SILENCE)
    # last heard at 2: five cadences on it is silent; heard at 10; silent again from 11, more than five minutes later
    assert story(out) == [(2, 7, 10, None, 1), (11, 16, None, None, 1)]
    assert out.readings == 5
    assert story(ask({**SILENCE, "recurrence_seconds": 360})) == [(2, 7, None, None, 2)]
    assert story(ask(SILENCE, start=T0 + 4 * MINUTE))[0] == (2, 7, 10, None, 1)  # heard before the span
    assert story(ask(SILENCE, start=T0 + 9 * MINUTE))[0] == (2, 9, 10, None, 1)  # raised as soon as it is in force
    assert ask({**SILENCE, "missed": 49}, end=T0 + 2 * HOUR).episodes == 0  # nothing is known of times to come


def test_a_device_never_heard_is_silent_from_the_start(city: City, monday: datetime) -> None:
    make_device("mute")
    make_device("broken", state=Device.State.MAINTENANCE)
    (one,) = ask(SILENCE).items
    assert (one.device_key, one.started_at, one.raised_at, one.ended_at) == ("mute", LONG_AGO, T0, None)


def test_readings_older_than_their_device_tell_of_silence_too(city: City, monday: datetime) -> None:
    device = make_device(registered_at=monday)
    take(device, 40)
    take(device, 41, 42, start=20)
    assert story(ask(SILENCE)) == [(0, 5, 20, None, 1), (21, 26, None, None, 1)]


def test_what_came_late_counts_at_its_time(city: City, monday: datetime) -> None:
    make_rule()
    device = make_device()
    take(device, 40)
    take(device, 40, start=5)
    take(device, 80, 40, start=2)
    out = ask({"code": "high"})
    assert story(out) == [(2, 2, 3, 80.0, 1)]
    assert out.in_force is not None
    assert (out.in_force.episodes, out.in_force.raised) == (1, 0)
    assert "late" in out.notes[0].en


def test_a_changed_rule_beside_the_one_in_force(city: City, monday: datetime) -> None:
    make_rule(version=3)
    take(make_device(), 80, 40, 60, 40, 90, 40)
    before = list(RuleState.objects.order_by("id").values()), list(Alarm.objects.order_by("id").values())
    out = ask({"code": "high", "raise_at": 55.0, "clear_at": 45.0, "recurrence_seconds": 0})
    assert [row[1] for row in story(out)] == [0, 2, 4]
    assert out.in_force is not None
    assert (out.in_force.version, out.in_force.episodes, out.in_force.recurrences) == (3, 1, 1)
    assert out.in_force.raised == 1
    assert (out.level, out.in_force.sentence.en) == ("major", "PM2.5 ≥ 75 µg/m³")
    assert before == (list(RuleState.objects.order_by("id").values()), list(Alarm.objects.order_by("id").values()))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rule", [{**HIGH, "duration_seconds": 120}, {**HIGH, "recurrence_seconds": 0}, RATE])
def test_a_trial_tells_what_live_judging_did(city: City, monday: datetime, rule: dict[str, Any], seed: int) -> None:
    settings = {name: value for name, value in rule.items() if name not in {*NEW, "kind", "recurrence_seconds"}}
    make_rule(kind=rule["kind"], settings=settings, recurrence_seconds=rule.get("recurrence_seconds", 240))
    chance = random.Random(seed)
    for device in (make_device(), make_device()):
        for minute in range(60):
            if chance.random() < 0.9:
                take(device, round(chance.uniform(30, 100), 1), start=minute)
    out = ask({"code": "high"})
    lived = Alarm.objects.order_by("-happened_at", "device__key")
    assert lived
    assert [
        (one.device_id, one.raised_at, one.ended_at, one.peak, one.occurrences)
        for one in sorted(out.items, key=lambda one: (-one.raised_at.timestamp(), one.device_key))
    ] == [(row.device_id, row.happened_at, row.cleared_at, row.peak, row.recurrences) for row in lived]


def test_who_may_not_see_a_device_gets_nothing_of_it(city: City, monday: datetime) -> None:
    make_rule()
    east, west = make_device("east", area=city.east), make_device("west", area=city.west)
    for device in (east, west):
        take(device, 80, 40)
    viewer = make_actor("sensing.try_rule", area=city.east, scope="area_below")
    for out in (
        tried_by(viewer, {"code": "high"}), ask({"code": "high"}, device_id=east.pk),
        ask({"code": "high"}, area=city.east.code),
    ):  # fmt: skip
        assert out.in_force is not None
        assert (out.datastreams, out.readings, out.episodes, out.in_force.raised) == (1, 2, 1, 1)
        assert {*(one.device_key for one in out.items), *(one.device_key for one in out.devices)} == {"east"}
    hidden = tried_by(viewer, {"code": "high"}, device_id=west.pk)
    assert (hidden.datastreams, hidden.readings, hidden.items) == (0, 0, [])
    assert ask({"code": "high"}, area="000000").datastreams == 0
    with pytest.raises(NotAllowed):
        tried_by(make_actor("sensing.read_alarms"), {"code": "high"})


def test_readings_of_other_properties_and_types_are_left_alone(city: City, monday: datetime) -> None:
    meter = make_device("meter", type_=make_type("meter", [NOISE]))
    actions.ingest(system_actor("sensing"), "test", [Reading("meter", "noise", T0, 90.0)])
    take(make_device(), 80)
    assert [one.device_id == meter.pk for one in ask(HIGH).items] == [False]


LACKING = {name: value for name, value in HIGH.items() if name != "clear_at"}
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"code": "none"}, "code"),
    ({"code": "high", "kind": "rate"}, "kind"),
    ({"code": "high", "property": "o3"}, "property"),
    ({"code": "high", "clear_at": 80.0}, "clear_at"),
    ({"code": "high", "raise_at": None}, "raise_at"),
    ({"code": "high", "missed": 3}, "missed"),
    ({"code": "high", "raise_at": float("inf")}, "raise_at"),
    ({"code": "high", "duration_seconds": -1}, "duration_seconds"),
    (LACKING, "clear_at"),
    ({**HIGH, "side": "both"}, "side"),
    ({**HIGH, "device_type": "tank"}, "device_type"),
    ({**HIGH, "property": "o3"}, "property"),
    ({**RATE, "clear_change": 11.0}, "clear_change"),
    ({**DEVIATION, "clear_k": 4.0}, "clear_k"),
    ({**SILENCE, "missed": 0}, "missed"),
    ({"kind": "silence"}, "property"),
    ({**HIGH, "device_type": None, "property": "o3"}, "property"),
    ({**HIGH, "within": "990199"}, "within"),
    ({**HIGH, "devices": ["nobody"]}, "devices"),
    ({**HIGH, "broken_samples": 3}, "of_samples"),
    ({**HIGH, "of_samples": 3}, "broken_samples"),
    ({**HIGH, "broken_samples": 4, "of_samples": 3}, "broken_samples"),
    ({**HIGH, "broken_samples": 2, "of_samples": 3, "duration_seconds": 60}, "duration_seconds"),
    ({**SILENCE, "broken_samples": 2, "of_samples": 3}, "broken_samples"),
    ({**HIGH, "hours": ["25:00-26:00"]}, "hours.0"),
]


@pytest.mark.parametrize(("rule", "field"), MISTAKES)
def test_a_mistake_is_told_with_its_field(city: City, monday: datetime, rule: dict[str, Any], field: str) -> None:
    make_rule()
    with pytest.raises(Invalid) as bad:
        ask(rule)
    told = next(error for error in bad.value.errors if error.field == field)
    assert told.message.zh
    assert told.remedy.en


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(T0, T0, "end"), (T0 - timedelta(days=93), T0, "end"), (T0 + 2 * HOUR, T0 + 3 * HOUR, "start")],
)
def test_a_span_lies_in_the_past_and_is_short(
    city: City, monday: datetime, start: datetime, end: datetime, field: str
) -> None:
    with pytest.raises(Invalid) as bad:
        ask(HIGH, start, end)
    assert bad.value.errors[0].field == field


def test_too_much_is_refused_and_a_long_list_is_cut(
    city: City, monday: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        take(make_device(), 80, 40, 80, 40)
    once = {**HIGH, "recurrence_seconds": 0}
    monkeypatch.setattr(trials, "MOST_ROWS", 3)
    out = ask(once)
    assert (out.episodes, out.more, [row[1] for row in story(out)]) == (4, True, [0, 2, 2])
    for name, most, field in (("MOST_READINGS", 7, "end"), ("MOST_DATASTREAMS", 1, "area")):
        monkeypatch.setattr(trials, name, most)
        with pytest.raises(Invalid) as bad:
            ask(once)
        assert (bad.value.code, bad.value.errors[0].field) == ("too_much", field)


def test_a_rule_is_tried_over_http(city: City, monday: datetime) -> None:
    make_rule()
    take(make_device("a-1"), 80, 40)
    client = browser(make_actor("sensing.try_rule"))
    span = {"start": "2026-06-14T00:00:00Z", "end": "2026-06-16T00:00:00Z"}
    answer = client.post("/api/v1/sensing/rules/try", {"code": "high", **span}, "application/json")
    body = answer.json()
    assert (answer.status_code, body["episodes"], body["in_force"]["raised"]) == (200, 1, 1)
    assert (body["end"], body["items"][0]["device_key"]) == ("2026-06-15T01:00:00Z", "a-1")
    for change, field in (({"clear_at": 99}, "clear_at"), ({"raise": 1}, "raise"), ({"end": "soon"}, "end")):
        bad = client.post("/api/v1/sensing/rules/try", {"code": "high", **span, **change}, "application/json")
        assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, field), bad.content
