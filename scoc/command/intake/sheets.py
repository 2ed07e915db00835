"""The list of situations as a table for files."""

from __future__ import annotations

from scoc.command.intake.models import STATE_NAMES
from scoc.command.intake.schemas import CHANNEL_NAMES, SituationRow
from scoc.core.http.exports import Column, Sheet
from scoc.kit.text import Text


def _by_channel(row: SituationRow) -> Text:
    """E.g. `热线来电 2、物联感知 1`."""
    found = [(CHANNEL_NAMES.get(channel, Text(channel, channel)), n) for channel, n in sorted(row.counts.items())]
    return Text("、".join(f"{name.zh} {n}" for name, n in found), ", ".join(f"{name.en} {n}" for name, n in found))


SITUATIONS: Sheet[SituationRow] = Sheet(
    name="situations",
    title=Text("态势", "Situations"),
    permission="intake.read_situations",
    columns=(
        Column(Text("编号", "Number"), lambda row: row.number, 18),
        Column(Text("状态", "State"), lambda row: STATE_NAMES[row.state], 12),
        Column(Text("级别", "Level"), lambda row: f"P{row.level}", 6),
        Column(Text("标题", "Title"), lambda row: row.title, 40),
        Column(Text("类别代码", "Class code"), lambda row: row.category, 16),
        Column(Text("类别", "Class"), lambda row: row.category_name),
        Column(Text("区域", "Area"), lambda row: row.area_name, 20),
        Column(Text("首信号", "First signal"), lambda row: row.first_at, 20),
        Column(Text("末信号", "Last signal"), lambda row: row.last_at, 20),
        Column(Text("信号数", "Signals"), lambda row: row.signals, 8),
        Column(Text("来源", "By channel"), _by_channel, 30),
        Column(Text("研判时限", "Judge by"), lambda row: row.judge_by, 20),
        Column(Text("已升级", "Escalated"), lambda row: row.escalated, 8),
        Column(Text("经度 WGS-84", "Longitude WGS-84"), lambda row: row.lon, 12),
        Column(Text("纬度 WGS-84", "Latitude WGS-84"), lambda row: row.lat, 12),
    ),
)
