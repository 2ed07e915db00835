"""The alarm rules in words, with what each raised lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import Count, Q

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.models import Area
from scoc.core.now import city_now
from scoc.core.schemas import TextOut, text_out
from scoc.core.validity import valid_at
from scoc.kit.text import Text
from scoc.sensing.models import Alarm, Datastream, DeviceType, Rule
from scoc.sensing.rules import sentence
from scoc.sensing.schemas import RuleRow

LATELY = timedelta(days=30)


def _property(rule: Rule) -> tuple[Text, str]:
    """Name and unit of what the rule looks at; the code where the type no longer has it."""
    return observed(rule.property, rule.device_type)


def observed(property_: str, type_: DeviceType | None) -> tuple[Text, str]:
    """Name and unit of a property as a type of device has it, or any datastream; the code where none has it.

    Needs no permission: of its own, since it names what its callers have looked up already.
    """
    for stream in type_.streams if type_ else ():
        if stream["property"] == property_:
            return Text(stream["name_zh"], stream["name_en"]), stream["unit"]
    line = None if type_ else Datastream.objects.filter(property=property_).order_by("pk").first()
    return (line.name, line.unit) if line else (Text(property_, property_), "")


@query("sensing.read_alarms")
def rules(viewer: Viewer, page: PageQuery) -> Page[RuleRow]:
    """The rules that hold now, or held at `as_of`, by code, with the alarms of thirty days in the viewer's scope."""
    moment = page.as_of or city_now()
    # What is judged now goes by the newest version, whatever the clock of the run shows; only the past asks for a time.
    rows = Rule.objects.filter(valid_at(moment) if page.as_of else Q(valid_to=None))
    plain = paged(rows.select_related("device_type"), page, ("code", "id"), lambda rule: rule)
    raised = visible(viewer, Alarm.objects.all(), "sensing.read_alarms").filter(
        rule__code__in=[rule.code for rule in plain.items], happened_at__gt=moment - LATELY, happened_at__lte=moment
    )
    counts = {
        row["rule__code"]: (row["all"], row["wrong"])
        for row in raised.order_by()
        .values("rule__code")
        .annotate(all=Count("id"), wrong=Count("id", filter=Q(state=Alarm.State.FALSE)))
    }
    codes = {rule.target["within"] for rule in plain.items if "within" in rule.target}
    names = dict(Area.objects.filter(code__in=codes).order_by("version").values_list("code", "name"))
    items = [_row(rule, names, *counts.get(rule.code, (0, 0))) for rule in plain.items]
    return Page(items=items, next=plain.next, total=plain.total, as_of=plain.as_of)


_EVERY_TYPE = Text("各类设备", "Devices of every type")


def _row(rule: Rule, areas: Mapping[str, Text], raised: int, refuted: int) -> RuleRow:
    name, unit = _property(rule)
    told: TextOut = text_out(sentence(rule.kind, rule.settings, name, unit))
    within = rule.target.get("within", "")
    return RuleRow(
        code=rule.code, version=rule.version, name=text_out(rule.name), kind=rule.kind, level=rule.level,
        category=rule.category, device_type=rule.device_type.code if rule.device_type else "",
        type_name=text_out(rule.device_type.name if rule.device_type else _EVERY_TYPE),
        property=rule.property, property_name=text_out(name), within=within,
        within_name=text_out(areas[within]) if within in areas else None, devices=rule.target.get("devices", []),
        sentence=told, settings={key: value for key, value in rule.settings.items() if key not in ("days", "hours")},
        days=rule.settings.get("days", ""), hours=rule.settings.get("hours", []), unit=unit,
        recurrence_seconds=rule.recurrence_seconds, suppresses=rule.suppresses, own=rule.own,
        valid_from=rule.valid_from,
        raised=raised, refuted=refuted,
    )  # fmt: skip
