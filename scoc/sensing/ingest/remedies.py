"""What a sender can do about each reason for which a reading, or a whole request, is refused."""

from __future__ import annotations

from typing import Any

from scoc.kit.text import Text

OF_READING: dict[str, tuple[str, Text]] = {
    "wrong_type": ("value", Text("值须为数字，如 12.5。", "Send a number such as 12.5, not a text.")),
    "unknown_property": ("property", Text("请填写该设备的观测属性。", "Name a property that the device observes.")),
    "unknown_device": ("device_key", Text("请核对设备编号。", "Correct the device's key.")),
    "retired_device": ("device_key", Text("请先恢复该设备。", "Put the device back to work first.")),
    "other_device": ("device_key", Text("请使用该设备自己的凭证。", "Send it with that device's own credential.")),
    "bad_time": ("at", Text("请使用带时区的时间，如 2026-06-15T09:00:00+08:00。",
                            "Give a time with its zone, such as 2026-06-15T09:00:00+08:00.")),
    "in_future": ("at", Text("请校准设备时钟。", "Set the device's clock.")),
    "too_old": ("at", Text("过早的数据请按历史数据导入。", "Have readings that old imported as history.")),
    "not_finite": ("value", Text("没有测得值时不要上报。", "Send nothing where nothing was measured.")),
    "out_of_range": ("value", Text("请检查传感器与单位。", "Check the sensor and its unit.")),
    "bad_key": ("dedup_key", Text("请使用 1 至 120 个可见字符。", "Use 1 to 120 printable characters.")),
    "malformed": ("", Text("只用 property、at、value、device_key、dedup_key，每项一次。",
                           "Use property, at, value, device_key, dedup_key, each once.")),
}  # fmt: skip
"""Field and remedy of a refused reading, by reason."""
OF_REQUEST: dict[str, tuple[str, Text]] = {
    "no_credential": ("Authorization", Text("请在请求头中携带 `Bearer` 凭证。", "Send the header `Bearer <token>`.")),
    "wrong_credential": ("Authorization", Text("请重新签发设备凭证。", "Have a new credential issued to the device.")),
    "too_large": ("body", Text("请分批发送。", "Send fewer readings at once.")),
    "too_many": ("body", Text("请分批发送。", "Send fewer readings at once.")),
    "slow": ("body", Text("请检查网络后重发。", "Check the connection and send again.")),
    "malformed": ("body", Text("请发送 JSON 对象或对象数组。", "Send a JSON object, or a list of objects.")),
    "method": ("method", Text("请使用 POST。", "Use POST.")),
}
"""Field and remedy of a refused request, by code; what is our own fault needs none but to try again."""


def told(reason: str, detail: str, language: str, place: str = "") -> dict[str, Any]:
    """Field, message and remedy of one refused reading; `place` is where it stands in a list, such as `[3]`."""
    field, remedy = OF_READING[reason]
    if reason == "wrong_type" and detail.startswith("device"):
        field = "property"
    where = ".".join(part for part in (place, field) if part)
    return {"field": where or "body", "message": f"{reason}: {detail}", "remedy": remedy.in_(language)}
