"""The values of an indicator as a table for files."""

from __future__ import annotations

from scoc.command.indicators.schemas import ValueOut
from scoc.core.http.exports import Column, Sheet
from scoc.kit.text import Text

VALUES: Sheet[ValueOut] = Sheet(
    name="indicator-values",
    title=Text("指标数值", "Values of an indicator"),
    permission="indicators.read_values",
    columns=(
        Column(Text("时段起", "Window from"), lambda row: row.window_start, 20),
        Column(Text("时段止", "Window to"), lambda row: row.window_end, 20),
        Column(Text("数值", "Value"), lambda row: row.value, 12),
        Column(Text("分子", "Numerator"), lambda row: row.numerator, 14),
        Column(Text("分母", "Denominator"), lambda row: row.denominator, 14),
        Column(Text("样本", "Samples"), lambda row: row.samples, 10),
        Column(Text("状态代码", "Status"), lambda row: row.status, 10),
        Column(Text("等级代码", "Level"), lambda row: row.level, 10),
        Column(Text("修订", "Revision"), lambda row: row.revision, 8),
        Column(Text("口径版本", "Definition version"), lambda row: row.indicator_version, 8),
        Column(Text("计算时间", "Computed"), lambda row: row.computed_at, 20),
    ),
)
