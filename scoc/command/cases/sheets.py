"""The list of cases as a table for files."""

from __future__ import annotations

from collections.abc import Callable

from scoc.command.cases.schemas import CaseRow
from scoc.core.http.exports import Cell, Column, Sheet
from scoc.kit.text import Text

_KINDS = {"component": Text("部件", "component"), "event": Text("事件", "event")}


def _limit(row: CaseRow) -> Text | None:
    if row.disposal is None:
        return None
    limit, unit = f"{row.disposal.limit.normalize():f}", row.disposal.unit_name
    return Text(f"{limit} {unit.zh}", f"{limit} {unit.en}")


def _disposal(name: str) -> Callable[[CaseRow], Cell]:
    """What the clock of disposal says, once it runs."""
    return lambda row: getattr(row.disposal, name) if row.disposal else None


CASES: Sheet[CaseRow] = Sheet(
    name="cases",
    title=Text("案件", "Cases"),
    permission="cases.read_cases",
    columns=(
        Column(Text("案号", "Case number"), lambda row: row.case_no, 24),
        Column(Text("标题", "Title"), lambda row: row.title, 40),
        Column(Text("状态", "State"), lambda row: row.state_name, 14),
        Column(Text("优先级", "Priority"), lambda row: f"P{row.priority}", 8),
        Column(Text("类型", "Kind"), lambda row: _KINDS.get(row.kind), 10),
        Column(Text("类别代码", "Class code"), lambda row: row.category, 16),
        Column(Text("类别", "Class"), lambda row: row.category_name),
        Column(Text("立案条件", "Condition"), lambda row: row.condition, 30),
        Column(Text("来源", "Source"), lambda row: row.source_name, 18),
        Column(Text("地址", "Address"), lambda row: row.address, 30),
        Column(Text("区域", "Area"), lambda row: row.area_name, 20),
        Column(Text("承办单位", "Unit"), lambda row: row.current_unit.name if row.current_unit else None, 24),
        Column(Text("发生时间", "Happened"), lambda row: row.happened_at, 20),
        Column(Text("进入现状态", "In this state since"), lambda row: row.entered_at, 20),
        Column(Text("本环节截止", "Due"), lambda row: row.due_at, 20),
        Column(Text("处置时限", "Limit of disposal"), _limit, 16),
        Column(Text("处置截止", "Disposal due"), _disposal("deadline_at"), 20),
        Column(Text("处置已用（分钟）", "Disposal used, minutes"), _disposal("used_minutes")),
        Column(Text("按期处置", "Handled in time"), _disposal("in_time"), 10),
        Column(Text("返工次数", "Reworks"), lambda row: row.rework_count, 8),
        Column(Text("督办", "Supervised"), lambda row: row.supervised, 8),
        Column(Text("紧急", "Urgent"), lambda row: row.urgent, 8),
        Column(Text("结案时间", "Closed"), lambda row: row.closed_at, 20),
        Column(Text("经度 WGS-84", "Longitude WGS-84"), lambda row: row.lon, 12),
        Column(Text("纬度 WGS-84", "Latitude WGS-84"), lambda row: row.lat, 12),
    ),
)
