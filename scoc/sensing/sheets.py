"""The lists of devices, alarms, refused readings and accounts as tables for files."""

from __future__ import annotations

from scoc.core.http.exports import Column, Sheet
from scoc.kit.text import Text
from scoc.sensing.schemas import AccountingRow, AlarmRow, DeviceRow, RejectedRow

_DEVICE_STATES = {
    "registered": Text("已登记", "registered"), "active": Text("在用", "in use"),
    "maintenance": Text("维护中", "in maintenance"), "retired": Text("已退役", "retired"),
}  # fmt: skip
_ALARM_STATES = {
    "new": Text("待确认", "new"), "acknowledged": Text("已确认", "acknowledged"), "false": Text("误报", "false alarm"),
    "settled": Text("已办结", "settled"),
}  # fmt: skip
_LEVELS = {"severe": Text("严重", "severe"), "major": Text("重要", "major"), "minor": Text("一般", "minor")}

DEVICES: Sheet[DeviceRow] = Sheet(
    name="devices",
    title=Text("设备", "Devices"),
    permission="sensing.read_devices",
    columns=(
        Column(Text("编号", "Key"), lambda row: row.key, 14),
        Column(Text("名称", "Name"), lambda row: row.name, 30),
        Column(Text("类型", "Type"), lambda row: row.type_name, 18),
        Column(Text("管理单位", "Organisation"), lambda row: row.organisation, 22),
        Column(Text("区域", "Area"), lambda row: row.area_name, 20),
        Column(Text("位置", "Place"), lambda row: row.place, 30),
        Column(Text("状态", "State"), lambda row: _DEVICE_STATES.get(row.state, row.state), 12),
        Column(Text("在线", "Online"), lambda row: row.online, 8),
        Column(Text("最近读数", "Newest reading"), lambda row: row.latest_at, 20),
        Column(Text("经度 WGS-84", "Longitude WGS-84"), lambda row: row.lon, 12),
        Column(Text("纬度 WGS-84", "Latitude WGS-84"), lambda row: row.lat, 12),
    ),
)

ALARMS: Sheet[AlarmRow] = Sheet(
    name="alarms",
    title=Text("告警", "Alarms"),
    permission="sensing.read_alarms",
    columns=(
        Column(Text("告警", "Alarm"), lambda row: row.subject, 14),
        Column(Text("规则", "Rule"), lambda row: row.rule_name, 26),
        Column(Text("级别", "Level"), lambda row: _LEVELS.get(row.level, row.level), 10),
        Column(Text("状态", "State"), lambda row: _ALARM_STATES.get(row.state, row.state), 12),
        Column(Text("仍在持续", "Still holds"), lambda row: row.active, 10),
        Column(Text("设备编号", "Device"), lambda row: row.device_key, 14),
        Column(Text("设备", "Device name"), lambda row: row.device_name, 30),
        Column(Text("触发值", "Raised at"), lambda row: row.value, 10),
        Column(Text("峰值", "Peak"), lambda row: row.peak, 10),
        Column(Text("单位", "Unit"), lambda row: row.unit, 10),
        Column(Text("区域", "Area"), lambda row: row.area_name, 20),
        Column(Text("位置", "Place"), lambda row: row.place, 30),
        Column(Text("开始", "Began"), lambda row: row.happened_at, 20),
        Column(Text("恢复", "Cleared"), lambda row: row.cleared_at, 20),
        Column(Text("复发次数", "Recurrences"), lambda row: row.recurrences, 8),
    ),
)

REJECTED: Sheet[RejectedRow] = Sheet(
    name="rejected",
    title=Text("拒收读数", "Rejected readings"),
    permission="sensing.read_rejected",
    columns=(
        Column(Text("收到（真实时间）", "Received (real time)"), lambda row: row.recorded_at, 20),
        Column(Text("设备编号", "Device"), lambda row: row.device_key, 16),
        Column(Text("属性", "Property"), lambda row: row.property, 16),
        Column(Text("原因代码", "Reason"), lambda row: row.reason, 18),
        Column(Text("说明", "Detail"), lambda row: row.detail, 40),
        Column(Text("原文", "As it came"), lambda row: row.raw, 60),
        Column(Text("来源", "Source"), lambda row: row.source, 14),
    ),
)

ACCOUNTING: Sheet[AccountingRow] = Sheet(
    name="accounting",
    title=Text("接入收支", "Accounting of readings"),
    permission="sensing.read_accounting",
    columns=(
        Column(Text("日期", "Day"), lambda row: row.day, 12),
        Column(Text("来源", "Source"), lambda row: row.source, 14),
        Column(Text("设备编号", "Device"), lambda row: row.device_key, 16),
        Column(Text("收到", "Received"), lambda row: row.received, 12),
        Column(Text("存储", "Stored"), lambda row: row.stored, 12),
        Column(Text("重复", "Duplicate"), lambda row: row.duplicate, 12),
        Column(Text("拒收", "Rejected"), lambda row: row.rejected, 12),
        Column(Text("差额", "Gap"), lambda row: row.gap, 10),
        Column(Text("拒绝的请求", "Refused requests"), lambda row: row.requests, 12),
        Column(Text("已删除或移走", "Removed or moved"), lambda row: row.withdrawn, 12),
    ),
)
