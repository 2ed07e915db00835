"""What the shapes of requests find wrong with a field, said in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoc.core.refusals import FieldError
from scoc.kit.text import Text

_PLACES = {"body", "query", "path", "payload", "form", "file"}
_WHOLE = Text("应为整数。", "This is not a whole number."), Text("", "Send a whole number.")
_NUMBER = Text("应为数字。", "This is not a number."), Text("", "Send a number.")
_TIME = (
    Text("时间格式应如 2026-06-15T08:00:00+08:00。", "This is not a time."),
    Text("", "Send 2026-06-15T08:00:00Z."),
)
_DAY = Text("日期格式应如 2026-06-15。", "This is not a day."), Text("", "Send e.g. 2026-06-15.")
_CHOICE = (
    Text("只能是以下之一：{expected}。", "It is none of {expected}."),
    Text("", "Send one of these."),
)
_SHORT = (
    Text("至少 {min_length} 个字符。", "It has fewer than {min_length} characters."),
    Text("", "Write more."),
)
_LONG = Text("最多 {max_length} 个字符。", "It has more than {max_length} characters."), Text("", "Shorten it.")
_WORDS: Mapping[str, tuple[Text, Text]] = {
    "missing": (Text("此项必填。", "This field is missing."), Text("", "Send this field.")),
    "extra_forbidden": (Text("没有此项，请去掉。", "There is no such field."), Text("", "Leave this field out.")),
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": (Text("数字过大。", "This number is too large."), Text("", "Send a smaller one.")),
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_parsing": _NUMBER,
    "bool_parsing": (Text("应为是或否。", "This is neither true nor false."), Text("", "Send true or false.")),
    "bool_type": (Text("应为是或否。", "This is neither true nor false."), Text("", "Send true or false.")),
    "string_type": (Text("应为文字。", "This is not a text."), Text("", "Send a text.")),
    "string_too_short": _SHORT,
    "string_too_long": _LONG,
    "string_pattern_mismatch": (
        Text("格式不符（{pattern}）。", "It does not have the form {pattern}."), Text("", "Write it in this form."),
    ),
    "too_short": (Text("至少 {min_length} 项。", "It has fewer than {min_length} items."), Text("", "Send more.")),
    "too_long": (Text("最多 {max_length} 项。", "It has more than {max_length} items."), Text("", "Send fewer.")),
    "greater_than_equal": (Text("不得小于 {ge}。", "It is less than {ge}."), Text("", "Send {ge} or more.")),
    "greater_than": (Text("须大于 {gt}。", "It is not more than {gt}."), Text("", "Send more than {gt}.")),
    "less_than_equal": (Text("不得大于 {le}。", "It is more than {le}."), Text("", "Send {le} or less.")),
    "less_than": (Text("须小于 {lt}。", "It is not less than {lt}."), Text("", "Send less than {lt}.")),
    "enum": _CHOICE,
    "literal_error": _CHOICE,
    "timezone_aware": (Text("时间须带时区，如 +08:00。", "The time has no zone."), Text("", "Add it: Z or +08:00.")),
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_type": _TIME,
    "datetime_object_invalid": _TIME,
    "date_parsing": _DAY,
    "date_type": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "json_invalid": (Text("不是有效的 JSON。", "This is not JSON."), Text("", "Send valid JSON.")),
    "list_type": (Text("应为列表。", "This is not a list."), Text("", "Send a list.")),
    "dict_type": (Text("应为对象。", "This is not an object."), Text("", "Send an object.")),
    "model_type": (Text("应为对象。", "This is not an object."), Text("", "Send an object.")),
    "model_attributes_type": (Text("应为对象。", "This is not an object."), Text("", "Send an object.")),
}  # fmt: skip


class _Known(dict[str, Any]):
    """The figures of a finding; one that it lacks is shown as unknown."""

    def __missing__(self, key: str) -> str:
        return "?"


def field_error(item: Mapping[str, Any]) -> FieldError:
    """One finding of a shape. A kind that is not known here is told as the shape says it, in English."""
    place = [str(part) for part in item["loc"]]
    while place and place[0] in _PLACES and len(place) > 1:
        place = place[1:]
    figures = _Known(item.get("ctx") or {})
    said = Text(f"输入不符合要求：{item['msg']}。", str(item["msg"])), Text("", "")
    message, remedy = _WORDS.get(str(item["type"]), said)
    if (message, remedy) != said:
        message = Text(message.zh.format_map(figures), message.en.format_map(figures))
        remedy = Text("", remedy.en.format_map(figures))
    return FieldError(".".join(place) or "body", message, remedy)
