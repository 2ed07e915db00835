"""The alarm rules in words, with what each raised lately."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q

from scoc.core.access import query, visible
from scoc.core.acting import Viewer
from scoc.core.http.paging import Page, PageQuery, paged
from scoc.core.now import city_now
from scoc.core.schemas import TextOut, text_out
from scoc.core.validity import valid_at
from scoc.kit.text import Text
from scoc.sensing.models import Alarm, Rule
from scoc.sensing.rules import sentence
from scoc.sensing.schemas import RuleRow

LATELY = timedelta(days=30)


def _property(rule: Rule) -> tuple[Text, str]:
    """Name and unit of what the rule looks at; the code where the type no longer has it."""
    for stream in rule.device_type.streams:
        if stream["property"] == rule.property:
            return Text(stream["name_zh"], stream["name_en"]), stream["unit"]
    return Text(rule.property, rule.property), ""


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
    items = [_row(rule, *counts.get(rule.code, (0, 0))) for rule in plain.items]
    return Page(items=items, next=plain.next, total=plain.total, as_of=plain.as_of)


def _row(rule: Rule, raised: int, refuted: int) -> RuleRow:
    name, unit = _property(rule)
    told: TextOut = text_out(sentence(rule.kind, rule.settings, name, unit))
    return RuleRow(
        code=rule.code, version=rule.version, name=text_out(rule.name), kind=rule.kind, level=rule.level,
        category=rule.category, device_type=rule.device_type.code, type_name=text_out(rule.device_type.name),
        property=rule.property, property_name=text_out(name), sentence=told, settings=rule.settings, unit=unit,
        recurrence_seconds=rule.recurrence_seconds, valid_from=rule.valid_from, raised=raised, refuted=refuted,
    )  # fmt: skip
