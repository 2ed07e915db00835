"""The ticker: what happened in the last 24 hours, from the log of facts, with the titles that lower modules give."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import QuerySet

from scoc.command.cases import queries as cases
from scoc.command.cockpit.schemas import News
from scoc.command.indicators.schemas import VitalSign
from scoc.command.intake import queries as intake
from scoc.core.access import visible
from scoc.core.acting import Viewer
from scoc.core.facts import FACTS
from scoc.core.models import Area, FactRow
from scoc.core.schemas import TextOut, text_out
from scoc.kit.identifiers import parse_subject
from scoc.kit.text import Text
from scoc.sensing import queries as sensing

SPAN = timedelta(hours=24)
TOLD: dict[str, tuple[str, Text]] = {
    "sensing.alarm_raised": ("att", Text("告警", "Alarm")),
    "sensing.alarm_cleared": ("ok", Text("告警解除", "Alarm cleared")),
    "intake.situation_opened": ("att", Text("新态势", "New situation")),
    "intake.situation_settled": ("ok", Text("态势了结", "Situation settled")),
    "intake.situation_escalated": ("bad", Text("研判超时", "Not judged in time")),
    "cases.dispatched": ("att", Text("案件派遣", "Case dispatched")),
    "cases.reworked": ("bad", Text("案件返工", "Case sent back")),
    "cases.closed": ("ok", Text("案件结案", "Case closed")),
    "indicators.turned": ("att", Text("体征", "Vital sign")),
}
"""Facts that the ticker tells, with their level and word."""
LEVELS = {
    "green": Text("恢复正常", "back to normal"), "yellow": Text("转为黄色", "turned yellow"),
    "orange": Text("转为橙色", "turned orange"), "red": Text("转为红色", "turned red"),
    "unknown": Text("数据中断", "no data"),
}  # fmt: skip
"""What an indicator turned to, in words."""
_GRAVE = {"severe": "bad", "red": "bad", "green": "ok"}
"""What a fact's own `level` says instead."""


def _rows(viewer: Viewer, moment: datetime, limit: int) -> list[FactRow]:
    """The newest facts of the ticker, each under the permission of its kind."""
    by_permission: dict[str, list[str]] = {}
    for name in TOLD:
        if name in FACTS and viewer.may(FACTS[name].permission) is not None:
            by_permission.setdefault(FACTS[name].permission, []).append(name)
    recent = FactRow.objects.filter(happened_at__gt=moment - SPAN, happened_at__lte=moment)
    parts: list[QuerySet[FactRow]] = [
        visible(viewer, recent.filter(name__in=names), permission) for permission, names in by_permission.items()
    ]
    if not parts:
        return []
    rows = reduce(or_, parts)
    return list(rows.select_related("area").order_by("-happened_at", "-id")[:limit])


Titles = dict[str, TextOut]


def _alarm_titles(viewer: Viewer, ids: set[int]) -> dict[int, TextOut]:
    return {pk: text_out(title) for pk, title in sensing.alarm_titles(viewer, ids).items()}


def _situation_titles(viewer: Viewer, ids: set[int]) -> dict[int, TextOut]:
    return {pk: text_out(title) for pk, title in intake.situation_titles(viewer, ids).items()}


def _case_titles(viewer: Viewer, ids: set[int]) -> dict[int, TextOut]:
    return {pk: text_out(title) for pk, title in cases.case_titles(viewer, ids).items()}


SOURCES: dict[str, tuple[str, Callable[[Viewer, set[int]], dict[int, TextOut]]]] = {
    "sensing": ("sensing.read_alarms", _alarm_titles),
    "intake": ("intake.read_situations", _situation_titles),
    "cases": ("cases.read_cases", _case_titles),
}
"""Module → the permission and the query that its titles come from; asked only when a line needs them."""


def news(viewer: Viewer, moment: datetime, signs: list[VitalSign], limit: int) -> list[News]:
    """The newest lines of the ticker, newest first."""
    rows = _rows(viewer, moment, limit)
    titles: Titles = {f"indicators:{sign.code}": sign.name for sign in signs}
    for module, (permission, ask) in SOURCES.items():
        ids = {int(number) for name, number in (parse_subject(row.subject) for row in rows) if name == module}
        if ids and viewer.may(permission) is not None:
            titles |= {f"{module}:{pk}": title for pk, title in ask(viewer, ids).items()}
    return [_line(row, titles) for row in rows]


def _line(row: FactRow, titles: Titles) -> News:
    level, word = TOLD[row.name]
    said = str(json.loads(row.body).get("level", ""))
    level = _GRAVE.get(said, level)
    number = row.subject.partition(":")[2]
    title = titles.get(row.subject) or TextOut(zh=f"#{number}", en=f"#{number}")
    line = TextOut(zh=f"{word.zh}：{title.zh}", en=f"{word.en}: {title.en}")
    if row.name == "indicators.turned":
        line = _turned(title, said, row.area)
    return News(
        id=row.pk, at=row.happened_at, kind=row.name, level=level, subject=row.subject,
        area=row.area.code if row.area else None, title=line,
    )  # fmt: skip


def _turned(title: TextOut, level: str, area: Area | None) -> TextOut:
    """An indicator that turned, with the district where it is not the whole city, and what it turned to."""
    where = area.name if area and area.level == Area.Level.DISTRICT else Text("", "")
    to = LEVELS.get(level, LEVELS["unknown"])
    return TextOut(zh=f"{where.zh}{title.zh} {to.zh}", en=f"{title.en}{', ' if where.en else ''}{where.en}: {to.en}")
