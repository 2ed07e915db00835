"""Rules that people set in SCOC itself: put into force, changed as versions, ended; the pack's stay the pack's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from scoc.core.access import system_actor
from scoc.core.http.paging import PageQuery
from scoc.core.models import FactRow
from scoc.core.refusals import Invalid, NotAllowed, NotFound, Refusal, Stale
from scoc.core.tests.factories import City, browser, make_actor
from scoc.sensing import actions, queries
from scoc.sensing.models import Alarm, Device, Rule
from scoc.sensing.schemas import RuleWanted
from scoc.sensing.tests.factories import make_device, make_rule, readings

pytestmark = pytest.mark.django_db
RULES = "/api/v1/sensing/rules"
NEW: dict[str, Any] = {
    "kind": "threshold", "name_zh": "偏高", "name_en": "High", "device_type": "air_station", "property": "pm25",
    "level": "minor", "side": "above", "raise_at": 75.0, "clear_at": 50.0, "recurrence_seconds": 600,
}  # fmt: skip


@pytest.fixture
def device(city: City, monday: datetime) -> Device:
    """An air station with a rule of the pack that hears nothing yet."""
    device = make_device(area=city.east)
    make_rule("pack.high", settings={"side": "above", "raise_at": 500.0, "clear_at": 400.0})
    return device


def test_a_person_sets_changes_and_ends_a_rule(device: Device) -> None:
    engineer = make_actor("sensing.set_rule", "sensing.end_rule", "sensing.read_alarms")
    client = browser(engineer)
    made = client.post(RULES, NEW, content_type="application/json").json()
    assert (made["code"][:4], made["version"]) == ("own.", 1)
    actions.ingest(system_actor("sensing"), "test", readings(device, 80))
    alarm = Alarm.objects.get()
    assert (alarm.rule.code, alarm.rule.own, alarm.active) == (made["code"], True, True)
    again = client.post(RULES, {"code": made["code"], "raise_at": 90.0, "days": "workdays"},
                        content_type="application/json", headers={"if-match": '"1"'})  # fmt: skip
    assert again.json() == {"code": made["code"], "version": 2}
    row = next(row for row in queries.rules(engineer, PageQuery(cursor=None, limit=50)).items if row.own)
    assert (row.version, row.settings["raise_at"], row.settings["clear_at"], row.days) == (2, 90.0, 50.0, "workdays")
    with pytest.raises(Stale):
        actions.set_rule(engineer, wanted(code=made["code"], raise_at=95.0), version=1)
    assert client.post(f"{RULES}/{made['code']}/end", content_type="application/json").status_code == 200
    alarm.refresh_from_db()
    assert not alarm.active
    assert not Rule.objects.filter(own=True, valid_to=None).exists()
    told = FactRow.objects.filter(name__startswith="sensing.rule").order_by("id").values_list("name", flat=True)
    assert list(told) == ["sensing.rule_set", "sensing.rule_set", "sensing.rule_ended"]
    with pytest.raises(NotFound):
        actions.end_rule(engineer, made["code"])


def wanted(**fields: Any) -> RuleWanted:
    """A rule to put into force."""
    return RuleWanted.model_validate(fields)


def test_the_rules_of_the_pack_stay_the_packs_and_not_everybody_sets_rules(device: Device) -> None:
    engineer = make_actor("sensing.set_rule", "sensing.end_rule")
    with pytest.raises(Refusal, match="city pack"):
        actions.set_rule(engineer, wanted(code="pack.high", raise_at=1.0))
    with pytest.raises(Refusal, match="city pack"):
        actions.end_rule(engineer, "pack.high")
    with pytest.raises(NotAllowed):
        actions.set_rule(make_actor("sensing.try_rule"), wanted(**NEW))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name_zh": None}, "name_zh"),
        ({"clear_at": 80.0}, "clear_at"),
        ({"property": "o3"}, "property"),
        ({"category": "event/9999"}, "category"),
        ({"hours": ["noon"]}, "hours.0"),
        ({"level": None}, "level"),
        ({"recurrence_seconds": -1}, "recurrence_seconds"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused_with_its_field(device: Device, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as bad:
        actions.set_rule(make_actor("sensing.set_rule"), wanted(**{**NEW, **change}))
    assert field in [error.field for error in bad.value.errors]
    assert not Rule.objects.filter(own=True).exists()


def test_what_a_rule_looks_at_is_fixed(device: Device) -> None:
    engineer = make_actor("sensing.set_rule")
    made = actions.set_rule(engineer, wanted(**NEW))
    with pytest.raises(Invalid) as bad:
        actions.set_rule(engineer, wanted(code=made.code, kind="rate"))
    assert bad.value.errors[0].field == "kind"
