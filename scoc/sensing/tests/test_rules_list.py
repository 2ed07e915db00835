"""The list of rules: in words, as they held, with what they raised lately in the viewer's scope."""

from __future__ import annotations

from datetime import timedelta

from scoc.core.http import PageQuery
from scoc.core.now import city_now
from scoc.core.tests.factories import City, browser, make_actor
from scoc.sensing import actions, queries
from scoc.sensing.schemas import Reading
from scoc.sensing.tests.factories import make_device, make_rule

PAGE = PageQuery(cursor=None, limit=50)


def test_a_rule_is_told_in_words_with_its_alarms(city: City) -> None:
    make_rule("high")
    device = make_device(area=city.east)
    engineer = make_actor("sensing.read_alarms", "sensing.ingest", "sensing.refute_alarm")
    moment = city_now() - timedelta(hours=1)
    actions.ingest(engineer, "test", [Reading(device.key, "pm25", moment, 900.0)])
    [row] = queries.rules(engineer, PAGE).items
    assert "≥" in row.sentence.zh
    assert (row.code, row.raised, row.refuted) == ("high", 1, 0)
    [alarm] = queries.alarms(engineer, PAGE).items
    actions.refute_alarm(engineer, alarm.id, "传感器受潮。", version=alarm.version)
    assert queries.rules(engineer, PAGE).items[0].refuted == 1
    west = make_actor("sensing.read_alarms", area=city.west, scope="area_below")
    assert queries.rules(west, PAGE).items[0].raised == 0
    before = PageQuery(cursor=None, limit=50, as_of=moment - timedelta(days=20_000))
    assert queries.rules(engineer, before).items == []
    assert browser(engineer).get("/api/v1/sensing/rules").json()["items"][0]["code"] == "high"
