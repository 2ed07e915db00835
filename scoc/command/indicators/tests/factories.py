"""Rows for tests of indicators: a measure that counts real facts, and definitions with few words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError

from scoc.command.indicators.models import Indicator
from scoc.core.access import system_actor
from scoc.core.acting import Viewer, unit_of_work
from scoc.core.facts import Code, Fact, fact, publish
from scoc.core.measures import Measured, Window, measure
from scoc.core.models import Area, FactRow
from scoc.core.now import current_run
from scoc.core.pack import ALWAYS
from scoc.kit.text import Text

MINUTES, HOUR = timedelta(minutes=5), timedelta(hours=1)


@fact("testing.ended", permission="core.read_facts")
@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Fact):
    """Something ended, in time or not: what the tests' rate counts."""

    in_time: bool


@measure("testing.in_time", permission="core.read_facts")
def in_time(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """What ended in time among all that ended in the window, from the log of facts."""
    rows = FactRow.objects.filter(
        name="testing.ended", run_id=viewer.run_id or current_run(), happened_at__gt=window.start,
        happened_at__lte=window.end, recorded_at__isnull=False,
    )  # fmt: skip
    if window.area is not None:
        rows = rows.filter(area__path__startswith=window.area.path)
    found = [(row.happened_at, '"in_time":true' in row.body) for row in rows]
    return Measured(
        numerator=Decimal(sum(good for _, good in found)), denominator=Decimal(len(found)), samples=len(found),
        latest_at=max((at for at, _ in found), default=None), inputs={"ended": len(found)},
    )  # fmt: skip


@measure("testing.count", permission="core.read_facts")
def count(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """How much had ended up to the moment; unknown where the definition says that its source is away."""
    if parameters.get("away"):
        return Measured(None)
    if parameters.get("broken"):
        raise RuntimeError("the measure is broken")
    rows = FactRow.objects.filter(name="testing.ended", happened_at__lte=window.end)
    if window.area is not None:
        rows = rows.filter(area__path__startswith=window.area.path)
    number = rows.count()
    latest = rows.order_by("-happened_at").values_list("happened_at", flat=True).first()
    return Measured(Decimal(number), None, number, latest, {"count": number})


@measure("stalling.count", permission="core.read_facts")
def stall(viewer: Viewer, window: Window, parameters: dict[str, Any]) -> Measured:
    """What a statement does that the database cuts off."""
    raise OperationalError("canceling statement due to statement timeout")


def end_things(area: Area, at: datetime, *, good: int = 0, bad: int = 0) -> None:
    """Publish facts that the tests' measures count."""
    with unit_of_work(system_actor("testing")):
        for number in range(good + bad):
            publish(Ended(subject=Code("testing:1"), in_time=number < good), happened_at=at, area_id=area.pk)


def make_indicator(code: str = "TS01", **given: Any) -> Indicator:
    """A definition: the monthly rate of what ended in time, unless told otherwise."""
    last = Indicator.objects.filter(code=code).order_by("-version").first()
    values: dict[str, Any] = {
        "version": last.version + 1 if last else 1, "valid_from": ALWAYS, "recorded_at": ALWAYS,
        "name": Text("按时率", "In time"), "theme": "management", "definition": Text("定义", "Definition"),
        "formula": Text("甲 ÷ 乙", "a ÷ b"), "numerator": Text("甲", "a"), "denominator": Text("乙", "b"),
        "unit": Text("%", "%"), "factor": 100, "places": 1, "direction": "higher", "aggregation": "ratio_of_sums",
        "grain": "five_minutes", "period": "cumulative", "span": "month", "measure": "testing.in_time",
        "collection": "auto", "freshness": "records", "latency_seconds": 900, "delay_seconds": 0, "settle_seconds": 0,
        "low": {"best": "100", "green": "95", "yellow": "90", "worst": "60"}, "hysteresis": Decimal(0),
        "basis": "plan", "basis_text": Text("目标", "Target"), "provider": Text("测试", "Test"), "weight": Decimal(1),
    }  # fmt: skip
    return Indicator.objects.create(code=code, **{**values, **given})


def make_count(code: str = "TS02", **given: Any) -> Indicator:
    """A definition: how much had ended at a moment; fewer is better."""
    values: dict[str, Any] = {
        "name": Text("计数", "Count"), "unit": Text("件", ""), "factor": 1, "places": 0, "direction": "lower",
        "aggregation": "sum", "period": "point", "span": "", "measure": "testing.count", "low": None,
        "high": {"best": "0", "green": "10", "yellow": "20", "worst": "40"},
    }  # fmt: skip
    return make_indicator(code, **{**values, **given})
